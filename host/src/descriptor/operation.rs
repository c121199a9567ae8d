//! Operations that only one connector knows.

use std::sync::Arc;

use serde_json::Value;

/// Effect of a connector's own operation on the world, the least far-reaching first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnEffect {
    /// Changes nothing.
    Read,
    /// Sets an absolute value; doing it twice is doing it once.
    Set,
    /// Moves something. What nobody has said anything about is this.
    #[default]
    Actuation,
}

impl OwnEffect {
    /// All cases, with the words that configurations have for them.
    pub const WORDS: [(&'static str, Self); 3] =
        [("read", Self::Read), ("set", Self::Set), ("actuation", Self::Actuation)];

    /// Returns the word for the case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Set => "set",
            Self::Actuation => "actuation",
        }
    }
}

/// An operation that only this connector knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnOperation {
    /// A sentence for people.
    pub description: String,
    /// Effect on the world.
    pub effect: OwnEffect,
    /// Arguments that it takes.
    pub arguments: Arguments,
}

/// JSON Schema (2020-12) of the arguments of an operation, ready to check them.
#[derive(Clone)]
pub struct Arguments {
    schema: Value,
    validator: Option<Arc<jsonschema::Validator>>,
}

/// Longest schema, in bytes: it is published with the vehicle's capabilities.
const LONGEST_SCHEMA: usize = 4_096;
/// Greatest depth of a schema.
const DEEPEST: usize = 16;
/// Largest automaton of a pattern, in bytes.
const LARGEST_PATTERN: usize = 64 * 1024;
/// Longest description of what is wrong with arguments, in bytes.
const LONGEST_COMPLAINT: usize = 300;

/// Keywords that refer to other schemas. A schema that contains itself would be walked without end, and one
/// from elsewhere would have to be fetched.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

impl Arguments {
    /// Parses a schema. A validator takes time that depends on the arguments alone: patterns are matched in
    /// linear time, and nothing is referred to.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_SCHEMA {
            return Err(format!("the schema has {} bytes; {LONGEST_SCHEMA} are allowed", text.len()));
        }
        let schema: Value =
            serde_json::from_str(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
        if !schema.is_object() {
            return Err("the schema is not a JSON object, like {\"type\":\"object\"}".to_owned());
        }
        check_parts(&schema, 0)?;
        if schema.pointer("/properties/id").is_some() {
            return Err("an argument cannot be called id: that is the identifier of the command".to_owned());
        }
        let patterns =
            jsonschema::PatternOptions::regex().size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN);
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(patterns)
            .build(&schema)
            .map_err(|error| {
                let why = crate::redact::cut(error.to_string(), LONGEST_COMPLAINT);
                format!("this is not a JSON Schema: {why}")
            })?;
        Ok(Self { schema, validator: Some(Arc::new(validator)) })
    }

    /// The schema.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Checks the arguments of a command.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn check(&self, arguments: &Value) -> Result<(), String> {
        let Some(validator) = &self.validator else {
            return match arguments.as_object() {
                Some(object) if object.is_empty() => Ok(()),
                _ => Err("it takes no arguments".to_owned()),
            };
        };
        validator.validate(arguments).map_err(|error| {
            let at = error.instance_path().to_string();
            // What callers send may be private, and is not quoted.
            let what = format!(
                "{}{}",
                error.masked(),
                if at.is_empty() { String::new() } else { format!(" (at {at})") }
            );
            crate::redact::cut(what, LONGEST_COMPLAINT)
        })
    }
}

/// Refuses what a schema must not have, at any depth.
fn check_parts(part: &Value, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("the schema is more than {DEEPEST} levels deep"));
    }
    match part {
        Value::Object(object) => object.iter().try_for_each(|(key, value)| {
            if REFERENCES.contains(&key.as_str()) {
                return Err(format!("the schema refers to another one ({key}); write that out"));
            }
            check_parts(value, depth + 1)
        }),
        Value::Array(array) => array.iter().try_for_each(|value| check_parts(value, depth + 1)),
        _ => Ok(()),
    }
}

/// No arguments.
impl Default for Arguments {
    fn default() -> Self {
        let schema = serde_json::json!({"type": "object", "additionalProperties": false});
        Self { schema, validator: None }
    }
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arguments({})", self.schema)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_checked_against_the_schema() {
        let text = r#"{"type":"object","properties":{"times":{"type":"integer","maximum":3}},"additionalProperties":false}"#;
        let arguments = Arguments::parse(text).unwrap();
        assert_eq!(arguments.check(&json!({"times": 3})), Ok(()));
        assert_eq!(arguments.check(&json!({})), Ok(()));
        for wrong in [json!({"times": 4}), json!({"times": "secret"}), json!({"other": 1}), json!([])] {
            let error = arguments.check(&wrong).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(Arguments::default().check(&json!({})), Ok(()));
        assert_eq!(Arguments::default().check(&json!({"a": 1})), Err("it takes no arguments".to_owned()));
    }

    #[test]
    fn what_is_no_schema_or_has_no_bound_is_refused() {
        let deep = format!("{}{}", r#"{"not":"#.repeat(20), "{}".to_owned() + &"}".repeat(20));
        let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(5_000));
        for (text, says) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r##"{"$ref":"#"}"##, "refers to another one ($ref)"),
            (r#"{"properties":{"a":{"$dynamicRef":"https://x.example"}}}"#, "refers to another one"),
            (r#"{"type":"nonsense"}"#, "not a JSON Schema"),
            (r#"{"pattern":"("}"#, "not a JSON Schema"),
            (r#"{"pattern":"(((a{99}){99}){99}){99}"}"#, "not a JSON Schema"),
            (r#"{"properties":{"id":{}}}"#, "cannot be called id"),
            (&deep, "levels deep"),
            (&long, "are allowed"),
        ] {
            let error = Arguments::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let text = r#"{"properties":{"a":{"type":"string","pattern":"^(a+)+$"}}}"#;
        let arguments = Arguments::parse(text).unwrap();
        let started = Instant::now();
        assert!(arguments.check(&json!({"a": format!("{}!", "a".repeat(10_000))})).is_err());
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}
