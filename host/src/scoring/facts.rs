//! Facts that a connector would have taken out of an answer of which only a rendering is left.

use serde_json::Value;

/// Places of a cloud's code, the telling ones first.
const CODES: [&str; 16] = [
    "/resCode",
    "/errCode",
    "/status/errorCode",
    "/status/messages/0/responseCode",
    "/error/errorCode",
    "/error/code",
    "/errors/0/extensions/code",
    "/errors/0/errorCode",
    "/errors/0/code",
    "/fault/detail/errorcode",
    "/metaInfo/resCode",
    "/errorCode",
    "/error_code",
    "/retCode",
    "/code",
    "/httpCode",
];

/// Places of a second code.
const SUB_CODES: [&str; 3] = ["/errorSubCode", "/extraCode", "/data/errorLabel"];

/// Names of the fields of codes in renderings that were cut, and the words that the client libraries write
/// before a code when they write nothing else of the answer.
const MARKS: [&str; 10] = [
    "resCode",
    "errCode",
    "errorCode",
    "error_code",
    "retCode",
    "return code",
    "Server returned",
    "returned error",
    "code",
    "network error",
];

/// Words before a number that is an HTTP status and no code of the vendor's.
const STATUS: [&str; 3] = ["status", "response", "http"];

/// Beginnings of codes that cannot be taken for anything else.
const SELF_NAMED: [&str; 3] = ["err.func.", "err.tech.", "SXM"];

/// The least length of a code that stands in brackets and under no name. A status is shorter.
const BRACKETED: usize = 4;

/// The `error` values of RFC 6749, RFC 6750, RFC 8628 and OpenID Connect Core.
const OAUTH: [&str; 18] = [
    "invalid_token",
    "insufficient_scope",
    "invalid_grant",
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
    "authorization_pending",
    "slow_down",
    "expired_token",
    "login_required",
    "consent_required",
    "interaction_required",
    "mfa_required",
];

/// The vendor's code and the second one beside it.
pub(super) fn codes(body: &Value, text: &str) -> (Option<String>, Option<String>) {
    let at = |pointers: &[&str]| pointers.iter().find_map(|pointer| as_code(body.pointer(pointer)?));
    // The envelope's comes before that of what it wraps.
    let named = || MARKS.iter().filter_map(|mark| code_after(text, mark)).min_by_key(|(at, _)| *at);
    let code = at(&CODES)
        .or_else(|| named().map(|(_, code)| code))
        .or_else(|| SELF_NAMED.iter().find_map(|start| word_from(text, start)))
        .or_else(|| bracketed(text));
    (code, at(&SUB_CODES).or_else(|| code_after(text, "errorSubCode").map(|(_, code)| code)))
}

fn as_code(value: &Value) -> Option<String> {
    match value {
        // The envelope's "F" says that there is a code, and is not one itself.
        Value::String(code) if code.len() > 1 => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

/// The code behind `mark` and the punctuation of a rendering, and where it is named. A code has a digit.
fn code_after(text: &str, mark: &str) -> Option<(usize, String)> {
    text.match_indices(mark).find_map(|(at, _)| {
        let before = text.get(..at)?;
        let rest = text.get(at + mark.len()..)?;
        let value = rest.trim_start_matches(['"', '\'', '\\', ':', '=', '(', ' ']);
        let code = first_word(value);
        let is_word_of_its_own =
            !before.ends_with(char::is_alphanumeric) && !is_status(before) && value.len() < rest.len();
        (is_word_of_its_own && has_digit(code)).then(|| (at, code.to_owned()))
    })
}

/// Whether the number behind these words is an HTTP status.
fn is_status(before: &str) -> bool {
    let before = before.trim_end().to_ascii_lowercase();
    STATUS.iter().any(|word| before.ends_with(word))
}

fn has_digit(code: &str) -> bool {
    code.contains(|digit: char| digit.is_ascii_digit())
}

/// A code that stands alone in brackets, as behind the words that it means.
fn bracketed(text: &str) -> Option<String> {
    text.match_indices(['(', '[']).find_map(|(at, _)| {
        let inner = text.get(at + 1..)?;
        let code = inner.get(..inner.find([')', ']'])?)?;
        let is_code = code.len() >= BRACKETED
            && has_digit(code)
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        is_code.then(|| code.to_owned())
    })
}

/// The word that begins with `start`.
fn word_from(text: &str, start: &str) -> Option<String> {
    Some(first_word(text.get(text.find(start)?..)?).to_owned())
}

/// Returns the first word. Codes are letters, digits, and what joins them.
fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '.' | '-'));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_end_matches(['.', '-'])
}

/// The OAuth error, which is a name and not a sentence: from the body, a challenge (RFC 6750 §3), or what a
/// library wrote of either.
pub(super) fn oauth_error(body: &Value, text: &str) -> Option<String> {
    let is_name = |error: &&str| error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if let Some(error) = body.get("error").and_then(Value::as_str).filter(is_name) {
        return Some(error.to_owned());
    }
    let names = |name: &&str| {
        text.match_indices(*name).any(|(at, _)| {
            let edge = |letter: Option<char>| {
                !letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
            };
            let before = text.get(..at).filter(|before| !ends_encoded(before));
            let before = before.and_then(|before| before.chars().next_back());
            let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
            edge(before) && edge(after)
        })
    };
    OAUTH.iter().find(|name| names(name)).map(|name| (*name).to_owned())
}

/// Whether a text ends with a percent-encoded byte.
fn ends_encoded(text: &str) -> bool {
    let Some((_, byte)) = text.rsplit_once('%') else { return false };
    byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether the answer was a page.
pub(super) fn is_page(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["<!doctype html", "<html", "<head>", "<h1>"].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(text: &str) -> Option<String> {
        codes(&Value::Null, text).0
    }

    #[test]
    fn codes_of_the_envelopes() {
        assert_eq!(codes(&json!({ "retCode": "F", "resCode": "4004" }), "").0.as_deref(), Some("4004"));
        assert_eq!(codes(&json!({ "retCode": 7501 }), "").0.as_deref(), Some("7501"));
        let both = codes(&json!({ "errorCode": 502, "errorSubCode": "HT_534" }), "");
        assert_eq!(both, (Some("502".into()), Some("HT_534".into())));
    }

    #[test]
    fn codes_of_renderings_that_were_cut() {
        assert_eq!(code("Server returned: '5153' 'Invalid'").as_deref(), Some("5153"));
        assert_eq!(code("Gigya returned error 403042: invalid loginID").as_deref(), Some("403042"));
        assert_eq!(code(r#""errorType":2,"errorCode":9000,"errorMessage"#).as_deref(), Some("9000"));
        assert_eq!(code("('err.tech.500', 'x')").as_deref(), Some("err.tech.500"));
        assert_eq!(code("return code: 4, message: x").as_deref(), Some("4"));
        assert_eq!(codes(&Value::Null, "{'errorSubCode': 'HT_534', 'x").1.as_deref(), Some("HT_534"));
        assert_eq!(code("login failed: Invalid values (4003)").as_deref(), Some("4003"));
        assert_eq!(code("Please wait.[E400002]").as_deref(), Some("E400002"));
        assert_eq!(code("API Error SXM40101").as_deref(), Some("SXM40101"));
        let wrapped = code(r#"HTTP 400 retCode: 7501, errCode: "4002""#);
        assert_eq!(wrapped.as_deref(), Some("7501"));
        for none in [
            "code",
            "codes 4",
            "barcode 4",
            "zip code4",
            "code: abc",
            "unexpected status code 401",
            "Response code 401",
            "unexpected status (401)",
            "(vehicleId)",
        ] {
            assert_eq!(code(none), None, "{none}");
        }
    }

    #[test]
    fn oauth_errors_wherever_they_stand() {
        let error = |text| oauth_error(&Value::Null, text);
        assert_eq!(error(r#"Bearer error="invalid_token", x"#).as_deref(), Some("invalid_token"));
        assert_eq!(error("400 - invalid_grant : gone").as_deref(), Some("invalid_grant"));
        assert_eq!(error("auth%2f%3ferror%3dserver_error%26x").as_deref(), Some("server_error"));
        assert_eq!(error("my_invalid_grant_x"), None);
        assert_eq!(oauth_error(&json!({ "error": "Unauthorized" }), ""), None);
    }
}
