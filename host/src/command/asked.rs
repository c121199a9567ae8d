//! Request of a command, as it is kept beside its result.

use serde::{Deserialize, Serialize};

use super::parse;

/// Request of a command, so that another command under the same identifier is told from a repetition. In the
/// caller's words and not in this version's types: the next version may understand more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    operation: String,
    payload: String,
}

impl Asked {
    /// Keeps a command that was understood: the last level of its topic, and its payload.
    #[must_use]
    pub fn new(operation: &str, payload: &str) -> Self {
        let text = payload.trim();
        // Without the blanks, of which there may be thousands. What was understood has few other bytes.
        let compact = serde_json::from_str::<serde_json::Value>(text).map(|value| value.to_string());
        Self { operation: operation.to_owned(), payload: compact.unwrap_or_else(|_| text.to_owned()) }
    }

    /// Whether both ask for the same action, in whichever words.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let action =
            |asked: &Self| parse(&asked.operation, asked.payload.as_bytes()).ok().map(|parsed| parsed.action);
        self == other || action(self).is_some_and(|own| action(other) == Some(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_asked_in_many_words() {
        let unlock = Asked::new("unlock", "PRESS");
        for (operation, payload) in
            [("unlock", " unlock "), ("unlock", r#"{"id":"a"}"#), ("lock", r#"{ "action" : "UNLOCK" }"#)]
        {
            assert!(unlock.is_same_as(&Asked::new(operation, payload)), "{operation} {payload}");
        }
        for (operation, payload) in [("lock", "PRESS"), ("unlock", "nonsense"), ("honk", "PRESS")] {
            assert!(!unlock.is_same_as(&Asked::new(operation, payload)), "{operation} {payload}");
        }
        let climate =
            |degrees: f32| Asked::new("climate", &format!(r#"{{"action":"start","set_temp":{degrees}}}"#));
        assert!(climate(21.0).is_same_as(&climate(21.0)));
        assert!(!climate(21.0).is_same_as(&climate(22.0)));
    }

    #[test]
    fn blanks_are_not_kept() {
        let asked = Asked::new("lock", &format!(r#"{{{}"action":"lock"}}"#, " ".repeat(10_000)));
        assert_eq!(asked.payload, r#"{"action":"lock"}"#);
    }
}
