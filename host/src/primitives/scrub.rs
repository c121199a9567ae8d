//! Taking known secrets out of text that comes from outside.
//!
//! What is found: a secret as it is; with any of its characters percent-encoded, in either case; with any of them
//! written as a JSON escape; both, as in a URL inside JSON; and all of that for its Base64 forms, alone or in the
//! middle of something longer. What is not: a secret that the server has hashed, encrypted, compressed, turned around or
//! cut to pieces. Against a server that means to tell a plugin a secret there is no help; this is against one that
//! echoes.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::placeholder::placeholder;

/// The shortest secret that is searched for in encodings that blur its borders.
const SHORTEST_IN_BASE64: usize = 8;

/// What is searched for, and what stands in its place.
pub(super) struct Scrubber<'s> {
    /// By their first byte, so that one look at each byte of a text is enough for all of them.
    needles: Vec<Vec<Needle<'s>>>,
}

/// A form of a secret, and its name.
type Needle<'s> = (Cow<'s, str>, &'s str);

impl<'s> Scrubber<'s> {
    /// Searches for these secrets, given by name and value.
    pub(super) fn new(secrets: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        let mut needles: Vec<Vec<Needle<'s>>> = vec![Vec::new(); 1 << u8::BITS];
        let mut add = |form: Cow<'s, str>, name| {
            let first = form.bytes().next().map(usize::from);
            if let Some(group) = first.and_then(|first| needles.get_mut(first)) {
                group.push((form, name));
            }
        };
        for (name, value) in secrets {
            add(value.into(), name);
            if value.len() >= SHORTEST_IN_BASE64 {
                in_base64(value).into_iter().for_each(|form| add(form.into(), name));
            }
        }
        Self { needles }
    }

    /// The text with placeholders where secrets were.
    pub(super) fn clean(&self, text: String) -> String {
        let mut found = Vec::new();
        self.search(&View::plain(&text), &mut found);
        let (escaped, encoded) = (text.contains('\\'), text.contains('%'));
        if escaped {
            self.search(&View::plain(&text).without_escapes(), &mut found);
        }
        if encoded {
            self.search(&View::plain(&text).without_percent(), &mut found);
        }
        // A percent sign may itself be escaped.
        if escaped {
            self.search(&View::plain(&text).without_escapes().without_percent(), &mut found);
        }
        replace(text, found)
    }

    /// The same for a header's name, in which case does not count.
    pub(super) fn clean_name(&self, name: String) -> String {
        let lower = name.to_ascii_lowercase();
        let found =
            self.needles.iter().flatten().find(|(needle, _)| lower.contains(&needle.to_ascii_lowercase()));
        found.map_or(name, |(_, secret)| placeholder(secret))
    }

    fn search(&self, view: &View, found: &mut Vec<(Range<usize>, &'s str)>) {
        for (at, &byte) in view.bytes.iter().enumerate() {
            for (needle, name) in self.needles.get(usize::from(byte)).into_iter().flatten() {
                let end = at + needle.len();
                if view.bytes.get(at..end) == Some(needle.as_bytes()) {
                    found.push((view.in_text(at)..view.in_text(end), name));
                }
            }
        }
    }
}

/// Puts placeholders where secrets were found. What overlaps is replaced as one, so that nothing is left of either.
fn replace(text: String, mut found: Vec<(Range<usize>, &str)>) -> String {
    if found.is_empty() {
        return text;
    }
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut cleaned = String::with_capacity(text.len());
    let mut end = 0;
    for (range, name) in found {
        if range.start >= end {
            cleaned.push_str(text.get(end..range.start).unwrap_or_default());
            cleaned.push_str(&placeholder(name));
        }
        end = end.max(range.end);
    }
    cleaned.push_str(text.get(end..).unwrap_or_default());
    cleaned
}

/// What of a value's Base64 does not depend on what stands before and after it, for each place that it may have among
/// groups of three bytes.
fn in_base64(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        // Six bits a character: those that hold a bit of the neighbours are left out.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.extend(alphabet.encode(&bytes).get(first..last).map(str::to_owned));
        }
    }
    forms
}

/// Text as it reads when some of its encoding is undone, and where each of its bytes comes from.
struct View {
    bytes: Vec<u8>,
    /// Where each byte begins in the text; one more for the end.
    starts: Vec<usize>,
}

impl View {
    fn plain(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), starts: (0..=text.len()).collect() }
    }

    /// Undoes what `decode` knows: it is given what is left, and says what its beginning stands for and how long that
    /// is.
    fn decoded(self, decode: impl Fn(&[u8]) -> Option<(Cow<'static, [u8]>, usize)>) -> Self {
        let mut view = Self { bytes: Vec::with_capacity(self.bytes.len()), starts: Vec::new() };
        let mut at = 0;
        while let Some((&byte, rest)) = self.bytes.get(at..).and_then(<[u8]>::split_first) {
            let start = self.in_text(at);
            let (bytes, length) = match byte {
                b'\\' | b'%' => decode(self.bytes.get(at..).unwrap_or(rest)),
                _ => None,
            }
            .unwrap_or((vec![byte].into(), 1));
            view.bytes.extend_from_slice(&bytes);
            view.starts.extend(std::iter::repeat_n(start, bytes.len()));
            at += length;
        }
        view.starts.extend(self.starts.last());
        view
    }

    /// With the escapes of JSON strings undone (RFC 8259 §7).
    fn without_escapes(self) -> Self {
        self.decoded(|rest| {
            let simple = |byte: u8| Some((vec![byte].into(), 2));
            match rest.get(1)? {
                byte @ (b'"' | b'\\' | b'/') => simple(*byte),
                b'b' => simple(8),
                b'f' => simple(12),
                b'n' => simple(b'\n'),
                b'r' => simple(b'\r'),
                b't' => simple(b'\t'),
                b'u' => {
                    let high = unit(rest)?;
                    let low = rest.get(6..).and_then(unit);
                    let pair = [Some(high), low].into_iter().flatten();
                    let first = char::decode_utf16(pair).next()?.ok()?;
                    let length = 6 * first.len_utf16();
                    Some((first.to_string().into_bytes().into(), length))
                }
                _ => None,
            }
        })
    }

    /// With percent-encoding undone (RFC 3986 §2.1).
    fn without_percent(self) -> Self {
        self.decoded(|rest| match rest {
            [b'%', high, low, ..] => {
                let byte = hex(*high)? << 4 | hex(*low)?;
                Some((vec![u8::try_from(byte).ok()?].into(), 3))
            }
            _ => None,
        })
    }

    /// Where in the text a byte begins.
    fn in_text(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or_default()
    }
}

/// One UTF-16 unit as JSON writes it.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | hex(digit)?))
}

fn hex(digit: u8) -> Option<u16> {
    char::from(digit).to_digit(16).and_then(|value| u16::try_from(value).ok())
}

#[cfg(test)]
mod tests;
