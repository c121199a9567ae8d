//! Forms of secrets, so that one that cannot be right is reported before it costs an attempt with the vendor.

use std::ops::RangeInclusive;

use crate::descriptor::{SecretCharacters, SecretForm};

const fn in_words(characters: SecretCharacters) -> &'static str {
    match characters {
        SecretCharacters::Digits => "digits (0-9)",
        SecretCharacters::CapitalsAndDigits => "characters (A-Z, 0-9)",
        SecretCharacters::Printable => "characters that can be printed",
    }
}

/// Something that people take for a secret of a known form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistaken {
    /// Its number of characters.
    pub length: RangeInclusive<usize>,
    /// What it is, and what to do with it, in words that go on after "this is".
    pub is: String,
}

/// Describes how a secret differs from its form, and what it probably is, without the secret itself. `None`
/// if it has the form. `mistaken` is what its connector knows that people take for it.
pub(crate) fn wrong_with(form: SecretForm, secret: &str, key: &str, mistaken: &[Mistaken]) -> Option<String> {
    let (wanted, characters) = (usize::try_from(form.length).unwrap_or(usize::MAX), form.characters);
    let length = secret.chars().count();
    if length == wanted && secret.chars().all(|char| characters.allow(char)) {
        return None;
    }
    let seen = if length == wanted { "others among them".to_owned() } else { format!("{length}") };
    let words = in_words(characters);
    let advice = guess(secret, wanted, mistaken);
    Some(format!("a {key} has {wanted} {words}, and this has {seen}; {advice}"))
}

/// Guesses the probable mistake.
fn guess(secret: &str, length: usize, mistaken: &[Mistaken]) -> String {
    if let Some(variable) = variable_meant(secret) {
        return format!("if the environment variable is meant, write \"${{{variable}}}\"");
    }
    let is_quote = |char: char| "\"'`\u{201c}\u{201d}\u{201e}\u{2018}\u{2019}".contains(char);
    if secret.starts_with(is_quote) || secret.ends_with(is_quote) {
        return "remove the quotes".to_owned();
    }
    if is_web_token(secret) {
        return "this is a JSON Web Token, as access tokens are: they end within a day and renew nothing"
            .to_owned();
    }
    if secret.starts_with('{') {
        return "this is JSON: write the one value alone, or take a whole session over with `vehicle-connector auth import`"
            .to_owned();
    }
    if secret.contains("://") {
        return "this is the address of a page; what is wanted stands on it, or is a part of it".to_owned();
    }
    if secret.contains('@') && !secret.contains(char::is_whitespace) {
        return "this is an e-mail address".to_owned();
    }
    // A label before the value, as it is copied from a page.
    let last = secret.rsplit([':', '=', ' ', '\t']).next().unwrap_or_default();
    if last.chars().count() == length && last != secret {
        return "write the value alone, without what stands before it".to_owned();
    }
    if secret.contains(char::is_whitespace) {
        return "remove the blanks".to_owned();
    }
    let characters = secret.chars().count();
    if let Some(Mistaken { is, .. }) = mistaken.iter().find(|it| it.length.contains(&characters)) {
        return format!("this is {is}");
    }
    "check that nothing is missing and that it is not something else".to_owned()
}

/// Whether it looks like a JSON Web Token in its compact form (RFC 7519 §3): three parts, the first of which is a JSON
/// object. The last one is empty where nothing is signed (§6).
fn is_web_token(secret: &str) -> bool {
    let is_part = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b));
    let parts: Vec<&str> = secret.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return false };
    header.starts_with("eyJ")
        && !payload.is_empty()
        && [*header, *payload, *signature].into_iter().all(is_part)
}

/// Returns the name in `$NAME`, which is not how a variable is written here.
pub(super) fn variable_meant(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: SecretForm = SecretForm { length: 48, characters: SecretCharacters::CapitalsAndDigits };
    const PIN: SecretForm = SecretForm { length: 4, characters: SecretCharacters::Digits };

    #[test]
    fn what_has_the_form_is_taken() {
        assert_eq!(wrong_with(TOKEN, &"A1".repeat(24), "refresh token", &[]), None);
        assert_eq!(wrong_with(PIN, "0123", "PIN", &[]), None);
    }

    #[test]
    fn what_has_not_is_told_with_what_it_probably_is_and_without_itself() {
        let good = "A1".repeat(24);
        for (secret, said) in [
            ("A1".repeat(23) + "A", "and this has 47; check that nothing is missing"),
            ("A1".repeat(43) + "A", "and this has 87; this is half a set; take all of it"),
            ("A1".repeat(44) + "A", "and this has 89; check"),
            ("A1".repeat(65), "and this has 130; check"),
            ("abc".to_owned(), "a refresh token has 48 characters (A-Z, 0-9), and this has 3; check"),
            ("a1".repeat(24), "and this has others among them; check"),
            (format!("\"{good}\""), "and this has 50; remove the quotes"),
            (format!("Refresh token: {good}"), "and this has 63; write the value alone"),
            (format!("refresh_token={good}"), "write the value alone"),
            ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln".to_owned(), "this is a JSON Web Token"),
            (format!("{good}.{good}"), "and this has 97; check"),
            (format!("{{\"refresh_token\": \"{good}\"}}"), "this is JSON: write the one value alone"),
            ("owner@example.org".to_owned(), "and this has 17; this is an e-mail address"),
            ("https://example.org/code?code=1".to_owned(), "and this has 31; this is the address of a page"),
            ("$KIA".to_owned(), "and this has 4; if the environment variable is meant, write \"${KIA}\""),
        ] {
            let half = Mistaken { length: 86..=88, is: "half a set; take all of it".to_owned() };
            let wrong = wrong_with(TOKEN, &secret, "refresh token", &[half]).unwrap();
            assert!(wrong.contains(said) && !wrong.contains(&good) && !wrong.contains("example"), "{wrong}");
        }
        for secret in
            ["12a4", "12345", "123", "12 34", "\u{661}\u{662}\u{663}\u{664}", "１２３４", "-123", "1234.0"]
        {
            let wrong = wrong_with(PIN, secret, "PIN", &[]).unwrap();
            assert!(wrong.starts_with("a PIN has 4 digits (0-9), and this has "), "{wrong}");
            assert!(!wrong.contains(secret), "{wrong}");
        }
    }
}
