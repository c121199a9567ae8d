//! The `Set-Cookie` header, read as RFC 6265 §5.2 says: with whatever servers write.

use jiff::{SignedDuration, Timestamp};

use super::date;

/// Longest attribute that is read, in bytes. Longer ones are passed over, as browsers do.
const LONGEST_ATTRIBUTE: usize = 1024;

/// What a header says of a cookie.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetCookie<'h> {
    pub(super) name: &'h str,
    pub(super) value: &'h str,
    /// The domain without a dot before it.
    pub(super) domain: Option<&'h str>,
    /// The path as it is written, even if it is none.
    pub(super) path: Option<&'h str>,
    pub(super) secure: bool,
    /// Seconds until it ends.
    max_age: Option<i64>,
    /// When it ends, unless `max_age` says it.
    end: Option<Timestamp>,
}

impl<'h> SetCookie<'h> {
    /// Parses a header. None if there is no cookie in it, or one that could not be sent back as it is: it is
    /// not UTF-8, or has a control character.
    pub(super) fn parse(header: &'h [u8]) -> Option<Self> {
        let header = std::str::from_utf8(header).ok()?;
        if header.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return None;
        }
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (trim(name), trim(value));
        if name.is_empty() {
            return None;
        }
        let mut cookie =
            Self { name, value, domain: None, path: None, secure: false, max_age: None, end: None };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            cookie.attribute(trim(name), trim(value));
        }
        Some(cookie)
    }

    /// Reads an attribute. Of several with one name the last counts; one that cannot be read is passed over.
    fn attribute(&mut self, name: &str, value: &'h str) {
        if value.len() > LONGEST_ATTRIBUTE {
            return;
        }
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("expires") {
            self.end = date::parse(value).or(self.end);
        } else if is("max-age") {
            self.max_age = seconds(value).or(self.max_age);
        } else if is("domain") {
            if !value.is_empty() {
                self.domain = Some(value.strip_prefix('.').unwrap_or(value));
            }
        } else if is("path") {
            self.path = Some(value);
        } else if is("secure") {
            self.secure = true;
        }
    }

    /// Returns when the cookie ends if it is set now (RFC 6265 §5.3, step 3); none if it lasts.
    pub(super) fn expires(&self, now: Timestamp) -> Option<Timestamp> {
        match self.max_age {
            Some(age) if age <= 0 => Some(Timestamp::MIN),
            Some(age) => Some(now.checked_add(SignedDuration::from_secs(age)).unwrap_or(Timestamp::MAX)),
            None => self.end,
        }
    }
}

/// Trims spaces and tabs, and no other white space.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Returns a number of seconds (RFC 6265 §5.2.2): an optional `-` and digits. Too many digits count as very
/// long.
fn seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| sign * digits.parse().unwrap_or(i64::MAX))
}
