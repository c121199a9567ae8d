//! Claims of a JSON Web Token (RFC 7519).

use serde_json::{Number, Value};

use super::extraction::LARGEST_SECRET;
use crate::primitives::derivation::decode_base64url;

/// The largest number of which all smaller whole ones can be told apart once it has a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns a claim of a token in the compact form of a signature (RFC 7515 §3.1), whose signature nobody
/// verifies: a string as it is, and a number as its digits. Padding is let pass.
///
/// None if the text is no such token or larger than any secret, if the token is encrypted (RFC 7516 §3.1),
/// and if there is no such claim or one of another type. A number that JSON can write and this program cannot
/// keep exactly is none either: another number would be worse.
pub(super) fn claim(token: &str, name: &str) -> Option<String> {
    if token.len() > LARGEST_SECRET {
        return None;
    }
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let payload: Value = serde_json::from_slice(&decode_base64url(payload)?).ok()?;
    match payload.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => digits(number),
        _ => None,
    }
}

fn digits(number: &Number) -> Option<String> {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => (float.abs() < EXACT).then(|| float.to_string()),
        None => Some(number.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.1 and RFC 7519 §3.1.
    const SIGNED: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0d\
         HA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    /// RFC 7519 §6.1.
    const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS\
         9pc19yb290Ijp0cnVlfQ.";

    fn token(payload: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload))
    }

    fn of(payload: &str) -> Option<String> {
        claim(&token(payload), "c")
    }

    #[test]
    fn the_examples_of_the_standards() {
        for token in [SIGNED, UNSIGNED] {
            assert_eq!(claim(token, "iss").as_deref(), Some("joe"));
            assert_eq!(claim(token, "exp").as_deref(), Some("1300819380"));
            // True is neither a string nor a number.
            assert_eq!(claim(token, "http://example.com/is_root"), None);
            assert_eq!(claim(token, "sub"), None);
        }
        // RFC 7519 appendix A.1 has five parts; the second is an encrypted key.
        assert_eq!(claim(&format!("{SIGNED}.a.b"), "iss"), None);
    }

    #[test]
    fn padding_and_space_around_are_let_pass() {
        let payload = r#"{"c":"~~?"}"#;
        let padded = URL_SAFE.encode(payload);
        assert!(padded.ends_with('='));
        assert_eq!(claim(&format!(" e30.{padded}.\n"), "c").as_deref(), Some("~~?"));
    }

    #[test]
    fn numbers_are_their_digits_or_none() {
        for (number, expected) in [
            ("0", Some("0")),
            ("-7", Some("-7")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("18446744073709551616", None),
            ("1.5", Some("1.5")),
            ("1e3", Some("1000")),
            ("1e300", None),
        ] {
            assert_eq!(of(&format!(r#"{{"c":{number}}}"#)).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn what_is_no_token_has_no_claim() {
        for payload in
            [r#"{"c":null}"#, r#"{"c":["a"]}"#, r#"{"d":"a"}"#, r#"["c"]"#, r#""c""#, "", "{", "\u{fffd}"]
        {
            assert_eq!(of(payload), None, "{payload}");
        }
        let good = token(r#"{"c":"a"}"#);
        assert_eq!(claim(&good, "c").as_deref(), Some("a"));
        for token in
            ["", ".", "..", "a.b", "e30.e30", "....", &good.replace("e30.", ""), &good.replace('J', "+")]
        {
            assert_eq!(claim(token, "c"), None, "{token}");
        }
        // Deeper than any claim.
        assert_eq!(of(&format!("{{\"c\":\"a\",\"d\":{}", "[".repeat(5000))), None);
    }

    #[test]
    fn a_token_is_no_larger_than_a_secret() {
        let of_length = |length: usize| {
            let token = token(r#"{"c":"a"}"#);
            format!("{token}{}", "s".repeat(length - token.len()))
        };
        assert_eq!(claim(&of_length(LARGEST_SECRET), "c").as_deref(), Some("a"));
        assert_eq!(claim(&of_length(LARGEST_SECRET + 1), "c"), None);
    }

    proptest! {
        #[test]
        fn a_string_comes_out_as_it_went_in(text in ".{0,40}", name in ".{1,8}") {
            let payload = json!({ name.clone(): text }).to_string();
            prop_assert_eq!(claim(&token(&payload), &name), Some(text));
        }

        #[test]
        fn no_text_makes_it_panic(
            text in "[A-Za-z0-9_=.-]{0,60}",
            any in ".{0,40}",
            payload in "[\\[\\]{}:\",0-9c.e-]{0,20}",
        ) {
            for token in [text, any, token(&payload)] {
                let _ = claim(&token, "c");
            }
        }
    }
}
