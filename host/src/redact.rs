//! Removing from text what must not leave the host, or must not be shown as it is.

mod mail;
mod position;
mod vin;

use std::borrow::Cow;

use secrecy::zeroize::Zeroize as _;
use serde_json::Value;

pub use self::mail::mask_mails;
pub use self::position::mask_positions;
pub(crate) use self::vin::remember_vin;
pub use self::vin::{mask_known_vins, mask_vins};

/// Replaces the private parts of a text, which tell which car it is about and where that is: vehicle
/// identification numbers and positions. For every text that comes from outside and that people, policies and
/// records are shown.
#[must_use]
pub fn mask_private(text: &str) -> String {
    mask_positions(&mask_vins(text))
}

/// Overwrites the texts of a document that is not needed any more, among which may be a secret.
pub(crate) fn wipe(document: &mut Value) {
    match document {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a character can end a line, move a terminal's cursor or change the order in which text is read:
/// control characters, line and paragraph separators (UAX #14) and directional formatting (UAX #9 §2).
pub(crate) fn breaks_out(c: char) -> bool {
    match c {
        '\u{2028}' | '\u{2029}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// Returns the text in one line, and in the order in which it is read: control characters, line and paragraph
/// separators and characters that change the direction of text are written as escapes. The result can neither
/// end a line nor move a terminal's cursor.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(breaks_out) {
        return text.into();
    }
    let mut line = String::with_capacity(text.len().saturating_add(16));
    for c in text.chars() {
        if breaks_out(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line.into()
}

/// Cuts text to this number of bytes, at a character's border, and marks the cut.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() > bytes {
        let mut end = bytes.saturating_sub(MARK.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_line() {
        for (text, line) in [
            ("as it was: é €", "as it was: é €"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[2K\u{7f}\u{9b}", "\\u{1b}[2K\\u{7f}\\u{9b}"),
            ("\u{85}\u{2028}\u{2029}\u{202e}\u{2066}", "\\u{85}\\u{2028}\\u{2029}\\u{202e}\\u{2066}"),
        ] {
            assert_eq!(one_line(text), line);
        }
    }

    #[test]
    fn cuts_at_a_character() {
        assert_eq!(cut("abcdef".into(), 6), "abcdef");
        assert_eq!(cut("ééééé".into(), 8), "éé…");
    }
}
