//! Taking out of text what must not leave the host, or must not be shown as it is.

use std::borrow::Cow;

/// Letters and digits that a vehicle identification number may have (ISO 3779: no I, O or Q).
fn is_vin_character(c: char) -> bool {
    c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, 'I' | 'O' | 'Q'))
}

/// Replaces everything that looks like a vehicle identification number (ISO 3779: 17 characters) by its last
/// four characters. Matches by shape: a number inside a file name or a URL is found as well.
#[must_use]
pub fn mask_vins(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars().map(Some).chain([None]) {
        match c {
            Some(c) if c.is_ascii_alphanumeric() => word.push(c),
            _ => {
                masked.push_str(&mask_word(&word));
                word.clear();
                masked.extend(c);
            }
        }
    }
    masked
}

fn mask_word(word: &str) -> Cow<'_, str> {
    let is_vin = word.len() == 17
        && word.chars().all(is_vin_character)
        && word.contains(|c: char| c.is_ascii_uppercase())
        && word.contains(|c: char| c.is_ascii_digit());
    match word.get(13..) {
        Some(tail) if is_vin => format!("*************{tail}").into(),
        _ => word.into(),
    }
}

/// Whether a character can end a line, move a terminal's cursor or change the order in which text is read: control
/// characters, line and paragraph separators (UAX #14) and directional formatting (UAX #9 §2).
pub(crate) fn breaks_out(c: char) -> bool {
    match c {
        '\u{2028}' | '\u{2029}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// The text in one line, and in the order in which it is read: control characters, line and paragraph separators and
/// what changes the direction of text are written as escapes. What is left can neither end a line nor move a
/// terminal's cursor.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(breaks_out) {
        return text.into();
    }
    let mut line = String::with_capacity(text.len().saturating_add(16));
    for c in text.chars() {
        match breaks_out(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line.into()
}

/// Cuts text to so many bytes, at a character's border, and says that it did.
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
    fn masks_numbers_wherever_they_stand() {
        assert_eq!(mask_vins("car KNALEGACY00000001 said no"), "car *************0001 said no");
        assert_eq!(mask_vins("dump_KNALEGACY00000001.json"), "dump_*************0001.json");
        assert_eq!(mask_vins("KNALEGACY00000001"), "*************0001");
    }

    #[test]
    fn leaves_other_words_alone() {
        for text in
            ["", "Key not authorized: Token is expired", "12345678901234567", "é KNA", "ABCDEFGHJKLMNPRST"]
        {
            assert_eq!(mask_vins(text), text);
        }
    }

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
