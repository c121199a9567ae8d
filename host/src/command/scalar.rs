//! Single values as people and templates write them.
//!
//! A template renders whatever it has: `10.0` for ten, `"21"` for 21, `True` for true, `LOCK` for lock. All
//! of that is understood, in every option of every command alike, because it can mean only one thing. What
//! could mean two, or nothing, is not guessed at: `2.5` seats, `21,5` degrees, `unavailable`.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::redact;

/// Limit beyond which a floating-point number stands for several whole ones (2^53).
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Length of what is shown of a value that is not understood, in bytes.
const SHOWN: usize = 40;

/// A value of an option, before it is known what it has to be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Scalar(Value);

impl Scalar {
    /// Makes a value of a word that is a whole payload.
    pub(super) fn of_word(word: &str) -> Self {
        Self(Value::String(word.to_owned()))
    }

    /// Takes a value out of a document.
    pub(super) fn of_value(value: Value) -> Self {
        Self(value)
    }

    /// Whether it is what templates and people write for nothing.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.word().as_str(), "null" | "none")
    }

    /// Reads a whole number from 0 to `most`. The connector decides whether the vehicle takes it.
    ///
    /// # Errors
    ///
    /// Says, with the option's name, what the value is not.
    pub(super) fn whole<T: TryFrom<u64> + PartialOrd + Display>(
        &self,
        name: &str,
        most: T,
    ) -> Result<T, String> {
        let whole = self.number().as_ref().and_then(exactly_whole).map(T::try_from);
        match whole {
            Some(Ok(whole)) if whole <= most => Ok(whole),
            _ => Err(format!("{name} {self} is not a whole number from 0 to {most}")),
        }
    }

    /// Reads a number with or without decimals.
    ///
    /// # Errors
    ///
    /// Says, with the option's name, what the value is not.
    pub(super) fn decimal(&self, name: &str) -> Result<f32, String> {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "what is told to the connector has this precision"
        )]
        let decimal = self.number().and_then(|number| number.as_f64()).map(|number| number as f32);
        decimal
            .filter(|decimal| decimal.is_finite())
            .ok_or_else(|| format!("{name} {self} is not a number like 21 or 21.5"))
    }

    /// Reads whether something is wanted.
    ///
    /// # Errors
    ///
    /// Says, with the option's name, what the value is not.
    pub(super) fn truth(&self, name: &str) -> Result<bool, String> {
        match self.word().as_str() {
            "true" | "on" | "1" | "1.0" => Ok(true),
            "false" | "off" | "0" | "0.0" => Ok(false),
            _ => Err(format!("{name} {self} is not true or false")),
        }
    }

    /// Reads one of a few words, in any case.
    ///
    /// # Errors
    ///
    /// Says, with the option's name, which words there are.
    pub(super) fn choice<T>(
        &self,
        name: &str,
        words: &str,
        choose: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, String> {
        choose(&self.word()).ok_or_else(|| format!("{name} {self} is not one of {words}"))
    }

    /// Reads an identifier: text as it is, or a whole number. Callers decide what it may consist of.
    ///
    /// # Errors
    ///
    /// When the value is neither.
    pub(super) fn identifier(&self) -> Result<String, String> {
        match &self.0 {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) if number.is_u64() => Ok(number.to_string()),
            _ => Err(format!("id {self} is not text")),
        }
    }

    fn number(&self) -> Option<Number> {
        match &self.0 {
            Value::Number(number) => Some(number.clone()),
            // Text that holds nothing but a number as JSON writes them.
            Value::String(text) => serde_json::from_str(text.trim()).ok(),
            _ => None,
        }
    }

    /// Returns the value as a word in lower case; empty if it is not a word.
    fn word(&self) -> String {
        match &self.0 {
            Value::String(text) => text.trim().to_ascii_lowercase(),
            Value::Bool(_) | Value::Number(_) => self.0.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        }
    }
}

/// Shows the value as it was written, as far as that can be shown.
impl Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&redact::cut(redact::mask_vins(&self.0.to_string()), SHOWN))
    }
}

/// Returns a whole number; none for one with a fraction, a negative one, and one that is not exact.
fn exactly_whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        let is_whole = (0.0..=LARGEST_EXACT).contains(&float) && float.fract() == 0.0;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, and within what both types hold exactly"
        )]
        is_whole.then_some(float as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn whole_numbers() {
        for json in ["10", "10.0", "1e1", r#""10""#, r#""10.0""#, r#"" 10\n""#] {
            assert_eq!(scalar(json).whole("n", u16::MAX), Ok(10), "{json}");
        }
        assert_eq!(scalar("18446744073709551615").whole("n", u64::MAX), Ok(u64::MAX));
        for json in [
            "2.5",
            "-1",
            "-1.0",
            "1e300",
            "9007199254740994.0",
            "true",
            "[10]",
            "{}",
            r#""""#,
            r#""ten""#,
            r#""0x10""#,
            r#""1_0""#,
            r#""10,0""#,
            r#""NaN""#,
            r#""inf""#,
            r#""10 20""#,
            "65536",
        ] {
            let refused = scalar(json).whole("duration_min", u16::MAX).unwrap_err();
            assert!(
                refused.starts_with("duration_min ") && refused.ends_with("from 0 to 65535"),
                "{refused}"
            );
        }
    }

    #[test]
    fn decimals() {
        for (json, decimal) in
            [("21", 21.0), ("21.5", 21.5), (r#""21""#, 21.0), (r#"" 21.50 ""#, 21.5), ("-3", -3.0)]
        {
            assert_eq!(scalar(json).decimal("set_temp"), Ok(decimal), "{json}");
        }
        for json in [r#""21,5""#, r#""21 °C""#, r#""unavailable""#, r#""""#, "1e39", "true", "[]"] {
            let refused = scalar(json).decimal("set_temp").unwrap_err();
            assert!(refused.ends_with("is not a number like 21 or 21.5"), "{refused}");
        }
    }

    #[test]
    fn truths() {
        for json in ["true", r#""True""#, r#""on""#, r#""ON ""#, "1", "1.0", r#""1""#] {
            assert_eq!(scalar(json).truth("defrost"), Ok(true), "{json}");
        }
        for json in ["false", r#""False""#, r#""off""#, "0", "0.0", r#""0""#] {
            assert_eq!(scalar(json).truth("defrost"), Ok(false), "{json}");
        }
        for json in ["2", r#""""#, r#""none""#, r#""unknown""#, "[true]"] {
            scalar(json).truth("defrost").unwrap_err();
        }
    }

    #[test]
    fn what_is_shown_is_short_and_without_vins() {
        let shown = scalar(r#""KNACCS2EV00000002""#).to_string();
        assert!(!shown.contains("KNACCS2EV"), "{shown}");
        assert!(scalar(&format!("{:?}", "x".repeat(500))).to_string().len() < 60);
    }
}
