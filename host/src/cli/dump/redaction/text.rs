//! The parts of a text: what the host writes itself, and everything else.

use std::collections::BTreeSet;

/// Most digits of a fraction of a second that are let through.
const MILLIS: usize = 3;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// A time, a day, or an identifier that the host has made, as it is shown.
    Own(String),
    /// Host and port in a URL.
    Address(&'t str),
    /// An identifier that somebody else has made.
    Identifier(&'t str),
    Other(&'t str),
}

/// Returns the parts of a text, in their order.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut other, mut at) = (0, 0);
    let mut before = None;
    while let Some((_, rest)) = text.split_at_checked(at) {
        let Some(next) = rest.chars().next() else { break };
        let Some((part, length)) = special(rest, before) else {
            (before, at) = (Some(next), at + next.len_utf8());
            continue;
        };
        parts.extend(text.get(other..at).filter(|other| !other.is_empty()).map(Part::Other));
        parts.push(part);
        at += length;
        (other, before) = (at, text.get(..at).and_then(|text| text.chars().next_back()));
    }
    parts.extend(text.get(other..).filter(|other| !other.is_empty()).map(Part::Other));
    parts
}

/// Returns the part with which a text begins, and its length, unless it is any other text.
fn special(text: &str, before: Option<char>) -> Option<(Part<'_>, usize)> {
    const SCHEME: &str = "://";
    if before.is_some_and(|char| char.is_ascii_alphanumeric()) {
        let address = text.strip_prefix(SCHEME)?;
        let end = |char: char| !(char.is_ascii_alphanumeric() || ".-_:[]".contains(char));
        let address = address.get(..address.find(end).unwrap_or(address.len()))?;
        let whole = text.get(..SCHEME.len() + address.len())?;
        // What stands before an `@` is a name and a password.
        let has_name = text.get(whole.len()..).is_some_and(|after| after.starts_with('@'));
        return (!has_name).then_some((Part::Address(whole), whole.len()));
    }
    time(text).or_else(|| uuid(text))
}

/// Returns the time (RFC 3339) or the day with which a text begins, to the millisecond.
fn time(text: &str) -> Option<(Part<'_>, usize)> {
    let after_day = after(text, "0000-00-00")?;
    let Some(after_second) = after(after_day, "T00:00:00") else {
        return own(text, after_day);
    };
    let second = text.get(..text.len() - after_second.len())?;
    let (fraction, after_fraction) = match after_second.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(digits(rest))?,
        None => ("", after_second),
    };
    let after_zone = after_fraction
        .strip_prefix('Z')
        .or_else(|| after(after_fraction, "+00:00"))
        .or_else(|| after(after_fraction, "-00:00"))?;
    let zone = after_fraction.get(..after_fraction.len() - after_zone.len())?;
    let (_, whole) = own(text, after_zone)?;
    let millis = fraction.get(..fraction.len().min(MILLIS))?;
    let point = if millis.is_empty() { "" } else { "." };
    Some((Part::Own(format!("{second}{point}{millis}{zone}")), whole))
}

/// Returns the UUID with which a text begins. The host makes those of version 7, of the time and of chance.
fn uuid(text: &str) -> Option<(Part<'_>, usize)> {
    let rest = after(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")?;
    if after(text, "xxxxxxxx-xxxx-7").is_some() {
        return own(text, rest);
    }
    let (_, length) = own(text, rest)?;
    Some((Part::Identifier(text.get(..length)?), length))
}

/// Returns what stands before the rest of a text, unless it goes on there.
fn own<'t>(text: &'t str, rest: &str) -> Option<(Part<'t>, usize)> {
    if rest.starts_with(|char: char| char.is_alphanumeric()) {
        return None;
    }
    let length = text.len() - rest.len();
    Some((Part::Own(text.get(..length)?.to_owned()), length))
}

/// Returns what follows a beginning of this form, in which `0` is a digit and `x` a hexadecimal one.
fn after<'t>(text: &'t str, form: &str) -> Option<&'t str> {
    let (begin, rest) = text.split_at_checked(form.len())?;
    let fits = begin.bytes().zip(form.bytes()).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        form => byte == form,
    });
    fits.then_some(rest)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Masks every number of so many digits that stands alone: that is no part of a longer word or number.
pub(super) fn mask_numbers(text: &str, lengths: &BTreeSet<usize>) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match rest.find(|char: char| !char.is_alphanumeric()) {
            None => rest.len(),
            Some(0) => next.len_utf8(),
            Some(length) => length,
        };
        let (word, after) = rest.split_at(length);
        if lengths.contains(&word.len()) && digits(word) == word.len() {
            masked.push_str(&"*".repeat(word.len()));
        } else {
            masked.push_str(word);
        }
        rest = after;
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_only_looks_like_a_part_is_none() {
        for text in [
            "12026-11-30",
            "2026-11-301",
            "2026-11-30T12:34:56.5",
            "x01930000-0000-7abc-8def-0123456789ab",
            "01930000-0000-7abc-8def-0123456789abc",
            "://h:1234",
            "mqtt://name:1234@h",
            "é ü",
        ] {
            let parts = parts(text);
            assert_eq!(parts, [Part::Other(text)]);
        }
        assert_eq!(parts("a mqtt://h:1/x")[1], Part::Address("://h:1"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_the_parts(text in ".{0,40}|[0-9a-f:/@TZ.-]{0,60}") {
            let whole: String = parts(&text).into_iter().map(|part| match part {
                Part::Own(own) => own,
                Part::Address(part) | Part::Identifier(part) | Part::Other(part) => part.to_owned(),
            }).collect();
            prop_assert!(whole == text || whole.len() < text.len() && text.contains('.'));
            prop_assert_eq!(mask_numbers(&text, &BTreeSet::new()), text);
        }
    }
}
