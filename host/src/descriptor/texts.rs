//! Names and other texts of a grant: what they may be, and how long.

/// Longest code, pointer or default, in bytes.
pub(super) const TEXT: usize = 256;

/// Whether a text is a name: 1 to 64 of `a-z`, `0-9` and `-`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn named(text: &str) -> Result<(), String> {
    if is_name(text) {
        Ok(())
    } else {
        let shown = crate::redact::cut(text.to_owned(), 64);
        Err(format!("{shown:?} is no name; use 1 to 64 of a-z, 0-9 and \"-\""))
    }
}

pub(super) fn code(text: &str) -> Result<(), String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(
            "a code is empty, or has control characters; write it as the cloud does, or remove it".to_owned()
        );
    }
    short("the code", text, TEXT)
}

pub(super) fn short(what: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() <= most {
        Ok(())
    } else {
        Err(format!("{what} has {} bytes; {most} are allowed", text.len()))
    }
}

/// Checks that one more can be added.
pub(super) fn within(what: &str, there: usize, most: usize) -> Result<(), String> {
    if there < most { Ok(()) } else { Err(format!("there are more than {most} {what}")) }
}
