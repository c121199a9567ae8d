//! Messages as plain words.

use alloc::string::String;
use alloc::vec::Vec;

/// No vendor explains a failure in more; what comes after is a stack trace or a page.
const LONGEST: usize = 4096;

/// How many words may stand between what has expired and the word that says so: "the token that you sent has
/// expired".
const REACH: usize = 4;

/// A message as lower-case words, so that one rule matches a sentence, its JSON or Python rendering, an
/// `UPPER_SNAKE` code and a `CamelCase` exception.
pub(crate) struct Words {
    /// The words with one space between, before and after them.
    text: String,
}

impl Words {
    /// Everything but letters and digits separates words, and so does a capital after a small letter.
    pub(crate) fn of(message: &str) -> Self {
        let mut text = String::with_capacity(message.len().min(LONGEST) + 2);
        text.push(' ');
        let mut before = ' ';
        for letter in message.chars().take(LONGEST) {
            let new_word = before.is_ascii_lowercase() && letter.is_ascii_uppercase();
            let separator = letter.is_ascii() && !letter.is_ascii_alphanumeric();
            if (new_word || separator) && !text.ends_with(' ') {
                text.push(' ');
            }
            if !separator {
                text.push(letter.to_ascii_lowercase());
            }
            before = letter;
        }
        if !text.ends_with(' ') {
            text.push(' ');
        }
        Self { text }
    }

    /// Whether the words of `phrase` stand in the message, whole and in this order, side by side.
    pub(crate) fn have(&self, phrase: &str) -> bool {
        let padded = |start: usize| {
            let before = self.text.as_bytes().get(start.wrapping_sub(1));
            let after = self.text.as_bytes().get(start + phrase.len());
            before == Some(&b' ') && after == Some(&b' ')
        };
        !phrase.is_empty() && self.text.match_indices(phrase).any(|(start, _)| padded(start))
    }

    /// Whether one of `phrases` stands in the message.
    pub(crate) fn have_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.have(phrase))
    }

    /// Whether the message says, in any grammar, that one of `subjects` has expired: "token is expired",
    /// "token has EXPIRED", "expired or invalid access token".
    pub(crate) fn say_expired(&self, subjects: &[&str]) -> bool {
        let words: Vec<&str> = self.text.split_ascii_whitespace().collect();
        words.iter().enumerate().filter(|(_, word)| **word == "expired").any(|(at, _)| {
            let near = words.get(at.saturating_sub(REACH + 1)..(at + REACH).min(words.len()));
            near.is_some_and(|near| near.iter().any(|word| subjects.contains(word)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &[&str] = &["token"];

    #[test]
    fn renderings_of_one_sentence_are_the_same_words() {
        for message in [
            "Token is expired",
            "{'error': 'Token is expired'}",
            r#"{"error":"token is EXPIRED"}"#,
            "TOKEN_IS_EXPIRED",
            "TokenIsExpired",
        ] {
            assert!(Words::of(message).have("token is expired"), "{message}");
        }
    }

    #[test]
    fn phrases_are_whole_words() {
        let words = Words::of("tokens were unexpired at 14010");
        assert!(!words.have("token"));
        assert!(!words.have("expired"));
        assert!(!words.have("4010"));
        assert!(!words.have(""));
        assert!(words.have("tokens were"));
    }

    #[test]
    fn expiry_in_any_grammar() {
        for message in [
            "Key not authorized: Token is expired",
            "token has EXPIRED",
            "the token that was given expired",
            "Invalid or expired access token",
            "TokenExpiredError",
            "token_expired",
        ] {
            assert!(Words::of(message).say_expired(TOKEN), "{message}");
        }
        for message in
            ["", "the command expired", "token", "expired", "token one two three four five expired"]
        {
            assert!(!Words::of(message).say_expired(TOKEN), "{message}");
        }
    }
}
