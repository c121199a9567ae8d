//! Commands as people and programs send them: a bare word, as Home Assistant does, or a JSON object.

use serde::Deserialize;

use crate::operation::{OperationName, Reason};

/// The largest payload that is read, in bytes.
pub const LARGEST_PAYLOAD: usize = 16 << 10;

/// The longest identifier that a caller may choose, in bytes.
const LONGEST_ID: usize = 128;

/// A command that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The caller's identifier, if there is one.
    pub id: Option<String>,
    /// What to do.
    pub action: Action,
}

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read what the cloud last heard.
    RefreshCached,
    /// Lock the doors.
    Lock,
    /// Unlock the doors.
    Unlock,
    /// Ask what became of an action: the last one, or the one with this identifier.
    CheckActionStatus(Option<String>),
}

/// A command that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The caller's identifier, if that much could be read.
    pub id: Option<String>,
    /// The operation as far as it was understood.
    pub op: String,
    /// Which kind of mistake.
    pub reason: Reason,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// The JSON form. Fields that an operation does not know are a mistake: a misspelt option that is ignored opens
/// the wrong window.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    id: Option<String>,
    action: Option<String>,
}

impl Action {
    /// Which operation it is.
    #[must_use]
    pub const fn name(&self) -> OperationName {
        match self {
            Self::RefreshCached => OperationName::RefreshCached,
            Self::Lock => OperationName::Lock,
            Self::Unlock => OperationName::Unlock,
            Self::CheckActionStatus(_) => OperationName::CheckActionStatus,
        }
    }
}

/// Understands the payload of `cmd/<operation>`.
///
/// # Errors
///
/// When it cannot be understood. The caller gets that as the command's result.
pub fn parse(operation: &str, payload: &[u8]) -> Result<Parsed, Malformed> {
    // Tried first, so that even a command with a mistake is answered under its own identifier.
    let id = peek_id(operation, payload);
    let malformed = |reason: Reason, message: String| Malformed {
        id: id.clone(),
        op: operation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect(),
        reason,
        message,
    };
    let bad = |message: String| malformed(Reason::BadPayload, message);

    let known = ["refresh_cached", "lock", "unlock", "action_status"];
    if !known.contains(&operation) {
        let message = format!("there is no command {operation:?}; there are {}", known.join(", "));
        return Err(malformed(Reason::UnknownOperation, message));
    }
    if payload.len() > LARGEST_PAYLOAD {
        return Err(bad(format!(
            "the payload has {} bytes; at most {LARGEST_PAYLOAD} are read",
            payload.len()
        )));
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        return Err(bad("the payload is not valid UTF-8".to_owned()));
    };
    let text = text.trim();
    let (object, word) = if text.starts_with('{') {
        let object: Object = serde_json::from_str(text)
            .map_err(|error| bad(format!("the payload is not understood: {error}")))?;
        let word = object.action.clone();
        (object, word)
    } else {
        (Object::default(), Some(text.to_owned()).filter(|text| !text.is_empty()))
    };
    if object.id.as_ref().is_some_and(|id| !is_id(id)) {
        let message =
            format!("the id must have 1 to {LONGEST_ID} characters out of a-z, A-Z, 0-9, '.', '_' and '-'");
        return Err(Malformed { id: None, ..bad(message) });
    }
    let word = word.as_deref();
    let is = |word: Option<&str>, expected: &[&str]| {
        word.is_none_or(|word| expected.iter().any(|expected| word.eq_ignore_ascii_case(expected)))
    };
    let action = match operation {
        "refresh_cached" if is(word, &["press", "cached"]) => Action::RefreshCached,
        "refresh_cached" => return Err(bad("refresh_cached takes PRESS, nothing, or {}".to_owned())),
        "unlock" if is(word, &["press", "unlock"]) => Action::Unlock,
        "unlock" => return Err(bad("unlock takes PRESS, UNLOCK, nothing, or {}".to_owned())),
        "lock" => match word {
            Some(word) if word.eq_ignore_ascii_case("unlock") => Action::Unlock,
            word if is(word, &["press", "lock"]) => Action::Lock,
            _ => {
                return Err(bad(
                    r#"lock takes LOCK, UNLOCK, {"action":"lock"} or {"action":"unlock"}"#.to_owned()
                ));
            }
        },
        // Here the id names the action to ask about; the question itself gets an identifier from the host.
        _ => {
            let asked = object.id.as_deref().or(word).filter(|id| !id.eq_ignore_ascii_case("last"));
            let asked = asked.filter(|id| !id.eq_ignore_ascii_case("press")).map(str::to_owned);
            if let Some(wrong) = asked.as_ref().filter(|id| !is_id(id)) {
                return Err(bad(format!(
                    "{:?} is no identifier; send LAST or one",
                    crate::redact::cut(wrong.clone(), 40)
                )));
            }
            return Ok(Parsed { id: None, action: Action::CheckActionStatus(asked) });
        }
    };
    Ok(Parsed { id: object.id, action })
}

/// An identifier becomes a level of a topic.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn peek_id(operation: &str, payload: &[u8]) -> Option<String> {
    if operation == "action_status" || payload.len() > LARGEST_PAYLOAD {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    value.get("id")?.as_str().filter(|id| is_id(id)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn action(operation: &str, payload: &str) -> Action {
        parse(operation, payload.as_bytes()).unwrap().action
    }

    fn mistake(operation: &str, payload: &[u8]) -> Malformed {
        parse(operation, payload).unwrap_err()
    }

    #[test]
    fn understands_words_and_objects() {
        for payload in ["LOCK", "lock", " Lock\n", "", "{}", r#"{"action":"lock"}"#, r#"{"id":"a-1"}"#] {
            assert_eq!(action("lock", payload), Action::Lock, "{payload}");
        }
        for payload in ["UNLOCK", r#"{"action":"unlock"}"#] {
            assert_eq!(action("lock", payload), Action::Unlock, "{payload}");
        }
        assert_eq!(action("unlock", "PRESS"), Action::Unlock);
        assert_eq!(action("refresh_cached", "PRESS"), Action::RefreshCached);
        assert_eq!(action("action_status", "LAST"), Action::CheckActionStatus(None));
        assert_eq!(action("action_status", "abc"), Action::CheckActionStatus(Some("abc".into())));
        assert_eq!(action("action_status", r#"{"id":"abc"}"#), Action::CheckActionStatus(Some("abc".into())));
        assert_eq!(parse("lock", br#"{"id":"a-1"}"#).unwrap().id.as_deref(), Some("a-1"));
    }

    #[test]
    fn says_what_is_wrong_and_under_which_id() {
        let wrong = mistake("lock", br#"{"id":"a-1","acton":"lock"}"#);
        assert_eq!((wrong.id.as_deref(), wrong.reason), (Some("a-1"), Reason::BadPayload));
        assert!(wrong.message.contains("unknown field `acton`"), "{}", wrong.message);

        let wrong = mistake("lock", br#"{"id":"a-1","action":"explode"}"#);
        assert!(wrong.message.contains("LOCK"), "{}", wrong.message);

        assert_eq!(mistake("self_destruct", b"").reason, Reason::UnknownOperation);
        assert!(mistake("lock", b"{\"action\":").message.contains("line 1"));
        assert!(mistake("lock", &vec![b'x'; LARGEST_PAYLOAD + 1]).message.contains("16385 bytes"));
        assert!(mistake("lock", b"\xff\xfe").message.contains("UTF-8"));
        assert!(mistake("lock", br#"{"id":"a/b"}"#).message.contains("characters"));
        assert!(mistake("action_status", b"a b").message.contains("LAST"));
    }
}
