//! Taking known secrets out of text that comes from outside.
//!
//! The search finds a secret as the host or a server writes it, with up to three encodings one on top of
//! another, each of them on any of its characters: percent-encoding, that of forms with `+` for a space, the
//! escapes of JSON strings, and the character references of HTML (by number, and the five that every encoder
//! knows by name). So the host's own encoding may be followed by two of a server's. The same goes for the
//! Base64 of a secret and of every form in which the host writes it, alone or in the middle of something
//! longer, and for a secret that was taken for Latin-1 on its way, or was turned into it.
//!
//! It does not find a secret that the server has hashed, encrypted, compressed, turned around, changed in
//! case or cut to pieces; one under a fourth encoding, under a second Base64, or in another one (hexadecimal,
//! UTF-7, named references such as `&uuml;`). Against a server that means to tell a plugin a secret there is
//! no help; this is against one that echoes.
//!
//! Its cost is linear in the text, whatever the text and the secrets are.

use std::ops::Range;

use needle::Needle;
use view::{Encoding, View};

use super::placeholder::placeholder;

mod needle;
mod view;

/// Number of encodings that are undone, one after another: the host's own, and two of a server that puts an
/// echo into a document that it puts into another one.
const ROUNDS: usize = 3;

/// A search for secrets, which puts their placeholders in their place.
pub(crate) struct Scrubber<'s> {
    /// Needles by their first byte.
    needles: Vec<Vec<Needle<'s>>>,
    /// Whether a needle begins with these two bytes, so that one look at most places of a text is enough for
    /// all.
    beginnings: Vec<bool>,
}

/// Returns the place of two bytes among all pairs.
fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << u8::BITS | usize::from(second)
}

impl<'s> Scrubber<'s> {
    /// Makes a search for these secrets, given by name and value.
    pub(crate) fn new(secrets: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        let mut needles: Vec<Vec<Needle<'s>>> = Vec::new();
        needles.resize_with(1 << u8::BITS, Vec::new);
        let mut scrubber = Self { needles, beginnings: vec![false; 1 << (2 * u8::BITS)] };
        for (name, value) in secrets {
            for form in needle::forms(value) {
                scrubber.add(Needle::new(form, name));
            }
        }
        scrubber
    }

    fn add(&mut self, needle: Needle<'s>) {
        let (first, seconds) = match *needle.form() {
            [] => return,
            [first] => (first, 0..=u8::MAX),
            [first, second, ..] => (first, second..=second),
        };
        for second in seconds {
            if let Some(begins) = self.beginnings.get_mut(pair(first, second)) {
                *begins = true;
            }
        }
        if let Some(group) = self.needles.get_mut(usize::from(first))
            && group.iter().all(|known| known.form() != needle.form())
        {
            group.push(needle);
        }
    }

    /// The text with placeholders where secrets were.
    pub(crate) fn clean(&self, text: String) -> String {
        let mut found = Vec::new();
        visit(&View::plain(&text), ROUNDS, &mut |view| self.search(view, &mut found));
        replace(text, found)
    }

    /// Cleans a header's name, in which case does not count.
    pub(super) fn clean_name(&self, name: String) -> String {
        let mut found = None;
        visit(&View::plain(&name), ROUNDS, &mut |view| {
            found = found.or_else(|| {
                let needles = self.needles.iter().flatten();
                needles.into_iter().find(|needle| needle.is_in_some_case_in(view.bytes())).map(|it| it.name)
            });
        });
        found.map_or(name, placeholder)
    }

    fn search(&self, view: &View, found: &mut Vec<(Range<usize>, &'s str)>) {
        let bytes = view.bytes();
        // Place up to which each needle of each group was searched for.
        let mut searched: Vec<Vec<usize>> = self.needles.iter().map(|group| vec![0; group.len()]).collect();
        let seconds = bytes.iter().skip(1).chain(&[0]);
        for (at, (&first, &second)) in bytes.iter().zip(seconds).enumerate() {
            if self.beginnings.get(pair(first, second)) != Some(&true) {
                continue;
            }
            let group = usize::from(first);
            let needles = self.needles.get(group).into_iter().flatten();
            for (needle, searched) in needles.zip(searched.get_mut(group).into_iter().flatten()) {
                if *searched <= at {
                    *searched = needle.search(bytes, at, |range| {
                        found.extend(view.newly_shown(range).map(|range| (range, needle.name)));
                    });
                }
            }
        }
    }
}

/// Shows a text, and then what it reads as when up to `rounds` encodings are undone, in every order in which
/// there are any.
fn visit(view: &View, rounds: usize, visitor: &mut dyn FnMut(&View)) {
    visitor(view);
    if let Some(rounds) = rounds.checked_sub(1) {
        for encoding in Encoding::ALL {
            if let Some(decoded) = view.decoded(encoding) {
                visit(&decoded, rounds, visitor);
            }
        }
    }
}

/// Puts placeholders where secrets were found. Overlapping ones are replaced as one, so that nothing is left
/// of either.
fn replace(text: String, mut found: Vec<(Range<usize>, &str)>) -> String {
    if found.is_empty() {
        return text;
    }
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    // By bytes: what is found in the Latin-1 of a secret need not end where a character does.
    let bytes = text.as_bytes();
    let mut cleaned = Vec::with_capacity(bytes.len());
    let mut end = 0;
    for (range, name) in found {
        if range.start >= end {
            cleaned.extend_from_slice(bytes.get(end..range.start).unwrap_or_default());
            cleaned.extend_from_slice(placeholder(name).as_bytes());
        }
        end = end.max(range.end);
    }
    cleaned.extend_from_slice(bytes.get(end..).unwrap_or_default());
    String::from_utf8(cleaned).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
