//! Views of a text with some of its encoding undone.

use std::ops::Range;

/// The encodings that are undone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// `%XX` (RFC 3986 §2.1).
    Percent,
    /// The escapes of JSON strings (RFC 8259 §7).
    Json,
    /// Character references of HTML, by number and the five that every encoder knows by name.
    Html,
}

impl Encoding {
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Percent, Self::Html];

    /// Returns the byte with which everything begins that it encodes.
    fn introducer(self) -> u8 {
        match self {
            Self::Percent => b'%',
            Self::Json => b'\\',
            Self::Html => b'&',
        }
    }

    /// Undoes the encoding of the one character that begins here, if one does, and returns how long that was.
    fn undo(self, rest: &[u8], undone: &mut Vec<u8>) -> Option<usize> {
        match self {
            Self::Percent => {
                let digits = rest.get(1..3)?;
                undone.push(u8::try_from(number(digits, 16)?).ok()?);
                Some(3)
            }
            Self::Json => undo_json(rest, undone),
            Self::Html => undo_html(rest, undone),
        }
    }
}

/// Makes every `+` a space, in texts and in what is searched for in them. In a form it stands for one, in a
/// URL it may be either: so both are taken for the same, instead of reading everything in both ways.
pub(super) fn fold(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte == b'+') {
        *byte = b' ';
    }
}

/// A text, or another view of it with one encoding undone.
pub(super) struct View<'v> {
    bytes: Vec<u8>,
    /// Places where something was undone and where that ends, here and in the view that this one was made
    /// from.
    steps: Vec<(usize, usize)>,
    encoded: Option<&'v View<'v>>,
}

impl View<'_> {
    pub(super) fn plain(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        fold(&mut bytes);
        Self { bytes, steps: Vec::new(), encoded: None }
    }

    /// Returns the bytes of the view, with a space for each `+`.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the view with an encoding undone wherever there is some; none if there is none anywhere.
    pub(super) fn decoded(&self, encoding: Encoding) -> Option<View<'_>> {
        let introducer = encoding.introducer();
        if !self.bytes.contains(&introducer) {
            return None;
        }
        let mut decoded =
            View { bytes: Vec::with_capacity(self.bytes.len()), steps: Vec::new(), encoded: Some(self) };
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let before = rest.iter().position(|&byte| byte == introducer).unwrap_or(rest.len());
            let (before, rest) = rest.split_at(before);
            decoded.bytes.extend_from_slice(before);
            at += before.len();
            let here = decoded.bytes.len();
            match encoding.undo(rest, &mut decoded.bytes) {
                Some(length) => {
                    if decoded.steps.last() != Some(&(here, at)) {
                        decoded.steps.push((here, at));
                    }
                    at += length;
                    decoded.steps.push((decoded.bytes.len(), at));
                }
                // The byte stands for itself.
                None => {
                    decoded.bytes.extend(rest.first());
                    at += 1;
                }
            }
        }
        fold(&mut decoded.bytes);
        (!decoded.steps.is_empty()).then_some(decoded)
    }

    /// Returns the place in the text of something that is seen here; none if it was to be seen before the
    /// last encoding was undone.
    pub(super) fn newly_shown(&self, range: Range<usize>) -> Option<Range<usize>> {
        let Some(encoded) = self.encoded else {
            return Some(range);
        };
        let before = self.before(range.start)..self.before(range.end);
        (before.len() != range.len()).then(|| encoded.in_text(before.start)..encoded.in_text(before.end))
    }

    fn in_text(&self, at: usize) -> usize {
        self.encoded.map_or(at, |encoded| encoded.in_text(self.before(at)))
    }

    /// Returns the place of something in the view that this one was made from. What is undone is never longer
    /// than it was.
    fn before(&self, at: usize) -> usize {
        let next = self.steps.partition_point(|&(here, _)| here <= at);
        let step = next.checked_sub(1).and_then(|last| self.steps.get(last));
        step.map_or(at, |&(here, before)| before + (at - here))
    }
}

fn undo_json(rest: &[u8], undone: &mut Vec<u8>) -> Option<usize> {
    let byte = match rest.get(1)? {
        byte @ (b'"' | b'\\' | b'/') => *byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let high = unit(rest)?;
            let low = rest.get(6..).and_then(unit);
            let first = char::decode_utf16([Some(high), low].into_iter().flatten()).next()?.ok()?;
            push(first, undone);
            return Some(6 * first.len_utf16());
        }
        _ => return None,
    };
    undone.push(byte);
    Some(2)
}

/// Reads one UTF-16 unit as JSON writes it.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::try_from(number(digits, 16)?).ok()
}

/// The longest character reference: one by number may have zeros before it.
const LONGEST_REFERENCE: usize = 12;

fn undo_html(rest: &[u8], undone: &mut Vec<u8>) -> Option<usize> {
    let end = rest.iter().take(LONGEST_REFERENCE).position(|&byte| byte == b';')?;
    let reference = rest.get(1..end)?;
    let character = match reference {
        b"quot" => '"',
        b"apos" => '\'',
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    push(character, undone);
    Some(end + 1)
}

fn push(character: char, undone: &mut Vec<u8>) {
    undone.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The number that these digits are, if they are some and nothing else.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let (first, rest) = digits.split_first()?;
    let digit = |&digit: &u8| char::from(digit).to_digit(radix);
    rest.iter()
        .try_fold(digit(first)?, |number: u32, next| number.checked_mul(radix)?.checked_add(digit(next)?))
}
