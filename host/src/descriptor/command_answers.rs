//! Evidence in an answer to a command: whether the vehicle may have acted.
//!
//! Words say nothing: a refusal that speaks of a time-out may come from a gateway that has passed the request
//! on. So an answer is a refusal only if its code is one that the vendor gives before it tells the vehicle,
//! or its status is one that RFC 9110 and RFC 6585 give to servers that have not done what was asked. The
//! codes of each cloud are a part of the owner's grant; a connector can only ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
pub use vehicle_connector_rules::action::Told;

/// Place in the answers of an endpoint where a success shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SuccessPlace {
    /// Name of the endpoint.
    pub endpoint: String,
    /// JSON Pointer.
    pub pointer: String,
}

impl fmt::Display for SuccessPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.pointer, self.endpoint)
    }
}

/// Answers to commands, as one connector's clouds give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandAnswers {
    /// Values that report success, and where they stand. An answer in which all of its endpoint match is not a
    /// refusal, whatever its status. They are texts, numbers and truth values.
    pub success: BTreeMap<SuccessPlace, Value>,
    /// JSON pointers to the codes of an answer.
    pub codes_at: Vec<String>,
    /// Codes of refusals that come before the vehicle is told.
    pub before_execution: BTreeSet<String>,
    /// Codes that leave open whether the vehicle has acted, whatever the status.
    pub undecided: BTreeSet<String>,
}

impl CommandAnswers {
    /// Reads what an answer says.
    #[must_use]
    pub fn told(&self, endpoints: &[String], status: u16, headers: &[(String, String)], body: &[u8]) -> Told {
        let document = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let mut marks = self.marks(endpoints).peekable();
        let succeeded =
            marks.peek().is_some() && marks.all(|(at, value)| document.pointer(at) == Some(value));
        let codes = self.codes(&document);
        let codes = codes.iter().map(String::as_str);
        let later = headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("retry-after") && names_a_time(value));
        Told::by_status(status, !succeeded && self.is_refusal(status, codes, later))
    }

    /// Returns the codes of an answer, as written.
    #[must_use]
    pub fn codes(&self, document: &Value) -> Vec<String> {
        self.codes_at.iter().filter_map(|at| document.pointer(at)).filter_map(text).collect()
    }

    /// Whether a document of one of these endpoints says no where a success would show.
    #[must_use]
    pub fn says_no(&self, endpoints: &[String], document: &Value) -> bool {
        self.marks(endpoints).any(|(at, value)| document.pointer(at).is_some_and(|found| found != value))
    }

    fn marks<'m>(&'m self, endpoints: &'m [String]) -> impl Iterator<Item = (&'m str, &'m Value)> {
        let all = self.success.iter().filter(|(at, _)| endpoints.contains(&at.endpoint));
        all.map(|(at, value)| (at.pointer.as_str(), value))
    }

    /// Whether an answer with these facts is known to have come before the vehicle was told. `later` says
    /// that it names a time to come again.
    #[must_use]
    pub fn is_refusal<'a>(
        &self,
        status: u16,
        codes: impl Iterator<Item = &'a str> + Clone,
        later: bool,
    ) -> bool {
        let any = |known: &BTreeSet<String>| codes.clone().any(|code| known.contains(code));
        if any(&self.undecided) {
            return false;
        }
        any(&self.before_execution) || Told::refused_by_status(status, later)
    }
}

/// Whether the value of a `Retry-After` header names a time at all, even one in the past.
fn names_a_time(value: &str) -> bool {
    let value = value.trim();
    let seconds = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
    seconds || httpdate::parse_http_date(value).is_ok()
}

/// Reads a code as written, whether it is a string or a number.
fn text(code: &Value) -> Option<String> {
    match code {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str, pointer: &str) -> SuccessPlace {
        SuccessPlace { endpoint: endpoint.to_owned(), pointer: pointer.to_owned() }
    }

    #[test]
    fn an_answer_says_no_where_its_own_endpoint_would_say_yes() {
        let says_no = |endpoint: &str, document: Value| table().says_no(&[endpoint.to_owned()], &document);
        assert!(says_no("idp", serde_json::json!({"code": 403_101, "ret": "S"})));
        assert!(says_no("idp", serde_json::json!({"code": "0"})));
        assert!(!says_no("idp", serde_json::json!({"code": 0, "ret": "F"})));
        assert!(says_no("cars", serde_json::json!({"code": 0, "ret": "F"})));
        assert!(!says_no("other", serde_json::json!({"code": 7, "ret": "F"})));
        // What says nothing does not say no.
        assert!(!says_no("cars", serde_json::json!({})));
        assert!(!says_no("cars", Value::Null));
    }

    fn table() -> CommandAnswers {
        CommandAnswers {
            success: BTreeMap::from([(place("cars", "/ret"), "S".into()), (place("idp", "/code"), 0.into())]),
            codes_at: vec!["/code".to_owned()],
            before_execution: BTreeSet::from(["17".to_owned()]),
            undecided: BTreeSet::from(["99".to_owned()]),
        }
    }

    fn told(status: u16, retry_after: Option<&str>, body: &str) -> Told {
        let headers = retry_after.map(|value| ("retry-after".to_owned(), value.to_owned()));
        table().told(&["cars".to_owned()], status, headers.as_slice(), body.as_bytes())
    }

    #[test]
    fn codes_and_statuses_refuse_and_nothing_else_does() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        for (status, retry_after, body, expected) in [
            (400, None, r#"{"ret":"F","code":"17"}"#, Told::Refused),
            (200, None, r#"{"ret":"F","code":17}"#, Told::Refused),
            (500, None, r#"{"ret":"F","code":"17"}"#, Told::Refused),
            (401, None, "", Told::Refused),
            (429, None, "<html>", Told::Refused),
            (503, Some("7"), "", Told::Refused),
            (503, date, "", Told::Refused),
            // Looks like a refusal and is not.
            (503, None, "", Told::Trouble),
            (503, Some("soon"), "", Told::Trouble),
            (503, Some(""), "", Told::Trouble),
            (401, None, r#"{"ret":"S"}"#, Told::Nothing),
            (401, None, r#"{"ret":"F","code":"99"}"#, Told::Nothing),
            (503, Some("7"), r#"{"code":99}"#, Told::Trouble),
            (200, None, r#"{"ret":"S","code":"17"}"#, Told::Taken),
            (400, None, r#"{"ret":"F","code":"171"}"#, Told::Nothing),
            (400, None, r#"{"ret":"F","code":["17"]}"#, Told::Nothing),
            (403, None, "17", Told::Nothing),
            (500, None, "", Told::Trouble),
            (302, None, "", Told::Nothing),
            (408, None, "", Told::Trouble),
            (200, None, "<html>", Told::Taken),
            (204, None, "", Told::Taken),
        ] {
            assert_eq!(told(status, retry_after, body), expected, "{status} {retry_after:?} {body}");
        }
    }

    #[test]
    fn an_empty_table_knows_the_statuses_only() {
        let table = CommandAnswers::default();
        assert_eq!(table.told(&[], 401, &[], b"{}"), Told::Refused);
        assert_eq!(table.told(&[], 400, &[], br#"{"code":"17"}"#), Told::Nothing);
        assert_eq!(table.told(&[], 200, &[], b"{}"), Told::Taken);
    }
}
