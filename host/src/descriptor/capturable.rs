//! Secrets that are taken out of answers, and the values that do not count as secrets.
//!
//! A cloud that is unwell fills a field with whatever it has: nothing, `null`, a word for it, a row of zeros.
//! Kept as a secret, such a value would replace a good one, for good, and being short it would be found, and
//! replaced, in every text.

use serde_json::Value;

/// Words that programs write where they have no value, reduced to letters and digits.
const NOTHINGS: [&str; 16] = [
    "empty",
    "error",
    "false",
    "invalid",
    "na",
    "nan",
    "nil",
    "none",
    "notavailable",
    "notfound",
    "null",
    "objectobject",
    "true",
    "unavailable",
    "undefined",
    "unknown",
];

/// Length of the shortest secret that is searched for in every response. A shorter one (a PIN) would be found
/// in odometers.
pub(crate) const SHORTEST_SEARCHED: usize = 8;

/// What counts as a secret that a connector may take out of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capturable {
    /// Least length in bytes; a shorter value does not count as this secret.
    pub least: usize,
    /// Whether the secret has no other value to fall back on: an answer that was asked for it and lacks it is
    /// a failure. The other secrets rotate, and the one before stays good.
    pub essential: bool,
}

impl Capturable {
    /// The secret in a value of an answer; none if the value holds no such secret.
    pub(crate) fn secret<'v>(&self, value: &'v Value) -> Option<&'v str> {
        let text = value.as_str()?.trim();
        (text.len() >= self.least && !stands_for_nothing(text)).then_some(text)
    }
}

fn stands_for_nothing(text: &str) -> bool {
    let word: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let word = word.strip_prefix("bearer").unwrap_or(&word);
    // Empty, or zeros, such as the UUID of zeros (RFC 9562 §5.9).
    word.chars().all(|c| c == '0') || NOTHINGS.contains(&word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_for_nothing_is_no_secret_and_neither_is_what_is_too_short() {
        let secret = Capturable { least: 8, essential: true };
        for value in [
            json!(null),
            json!(true),
            json!(12_345_678_901_u64),
            json!({"token": "abcdefghij"}),
            json!(["abcdefghij"]),
            json!(""),
            json!("            "),
            json!("\t\r\n        \u{a0}"),
            json!("x"),
            json!("abcdefg"),
            json!("  abcdefg  "),
            json!("null"),
            json!("   NULL   "),
            json!("\"undefined\""),
            json!("Undefined"),
            json!("[object Object]"),
            json!("Bearer null"),
            json!("Bearer      "),
            json!("Not available"),
            json!("00000000-0000-0000-0000-000000000000"),
            json!("****************"),
        ] {
            assert_eq!(secret.secret(&value), None, "{value}");
        }
        for text in ["abcdefgh", "null-and-void-1", "00000000-0000-0000-0000-000000000001", "nonenone"] {
            assert_eq!(secret.secret(&json!(text)), Some(text));
        }
        // White space around a secret does not belong to it: in a header it would not even be sent.
        assert_eq!(secret.secret(&json!(" abcdefgh\n")), Some("abcdefgh"));
    }
}
