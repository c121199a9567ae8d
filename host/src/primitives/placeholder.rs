//! Placeholders: where a guest writes `{secret:name}` and the host puts the value.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// How a value is written so that it stays one value in the place where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Everything but letters and digits as `%XX` (RFC 3986 §2.1): a value can end no segment and start no query.
    Url,
    /// As it is. The place itself refuses what does not fit.
    Plain,
    /// With the escapes of a JSON string (RFC 8259 §7).
    Json,
}

impl Encoding {
    pub(super) fn encode(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Url => utf8_percent_encode(value, NON_ALPHANUMERIC).into(),
            Self::Plain => value.into(),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                inner.unwrap_or_default().to_owned().into()
            }
        }
    }
}

const OPEN: &str = "{secret:";

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What stands in the place of a secret.
pub(super) fn placeholder(name: &str) -> String {
    format!("{OPEN}{name}}}")
}

/// Text with every placeholder replaced. What only looks like one stays as it is.
///
/// # Errors
///
/// Those of `secret`, which is asked for the value of each name.
pub(super) fn fill<'s, E>(
    template: &str,
    encoding: Encoding,
    mut secret: impl FnMut(&str) -> Result<&'s str, E>,
) -> Result<String, E> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once(OPEN) {
        filled.push_str(before);
        match after.split_once('}').filter(|(name, _)| is_name(name)) {
            Some((name, after)) => {
                filled.push_str(&encoding.encode(secret(name)?));
                rest = after;
            }
            None => {
                filled.push_str(OPEN);
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, encoding: Encoding) -> Result<String, String> {
        fill(template, encoding, |name| match name {
            "pin" => Ok("1234"),
            "odd" => Ok("a\"b&c/d e\\{secret:pin}"),
            other => Err(other.to_owned()),
        })
    }

    #[test]
    fn puts_values_in_with_the_encoding_of_the_place() {
        assert_eq!(filled("Bearer {secret:pin}!", Encoding::Plain).as_deref(), Ok("Bearer 1234!"));
        assert_eq!(
            filled(r#"{"a":"{secret:odd}"}"#, Encoding::Json).as_deref(),
            Ok(r#"{"a":"a\"b&c/d e\\{secret:pin}"}"#)
        );
        assert_eq!(
            filled("?t={secret:odd}", Encoding::Url).as_deref(),
            Ok("?t=a%22b%26c%2Fd%20e%5C%7Bsecret%3Apin%7D")
        );
    }

    #[test]
    fn a_value_is_not_searched_for_placeholders() {
        // Otherwise a server that hands out a token named like a placeholder could have the PIN sent to it.
        assert_eq!(filled("{secret:odd}", Encoding::Plain).as_deref(), Ok("a\"b&c/d e\\{secret:pin}"));
    }

    #[test]
    fn leaves_lookalikes_alone() {
        for text in ["{secret:}", "{secret:PIN}", "{secret:pin", "{secret: pin}", "{ secret:pin}", "{}"] {
            assert_eq!(filled(text, Encoding::Plain).as_deref(), Ok(text));
        }
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        assert_eq!(filled("{secret:nothing}", Encoding::Plain), Err("nothing".to_owned()));
    }
}
