//! Needles: the forms in which a secret is searched for.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::form_urlencoded;

use super::view::fold;
use crate::primitives::placeholder::Encoding;

/// Length of the shortest secret that is searched for in encodings that blur its borders.
const SHORTEST_IN_BASE64: usize = 8;

/// A form of a secret.
pub(super) struct Needle<'s> {
    pub(super) name: &'s str,
    form: Vec<u8>,
    /// Border of each beginning of the form: how much of the form's own beginning it ends with (Knuth, Morris
    /// and Pratt). With it no byte of a text is read again for every place at which a secret may have begun.
    borders: Vec<usize>,
}

impl<'s> Needle<'s> {
    pub(super) fn new(mut form: Vec<u8>, name: &'s str) -> Self {
        fold(&mut form);
        let mut needle = Self { name, borders: Vec::with_capacity(form.len()), form };
        for at in 0..needle.form.len() {
            let border = match (at, needle.form.get(at)) {
                (1.., Some(&byte)) => needle.advanced(needle.border(at), byte),
                _ => 0,
            };
            needle.borders.push(border);
        }
        needle
    }

    /// Returns the bytes that are searched for, never with a `+` among them; see [`fold`].
    pub(super) fn form(&self) -> &[u8] {
        &self.form
    }

    /// Searches from a place on for as long as anything may have begun there. Returns the place up to which
    /// it has searched: nothing begins before that.
    pub(super) fn search(&self, bytes: &[u8], from: usize, mut found: impl FnMut(Range<usize>)) -> usize {
        let mut matched = 0;
        for (at, &byte) in bytes.iter().enumerate().skip(from) {
            matched = self.advanced(matched, byte);
            let end = at + 1;
            if matched == self.form.len() {
                found(end - matched..end);
                matched = self.border(matched);
            }
            if matched == 0 {
                return end;
            }
        }
        bytes.len()
    }

    /// Whether the form is there, whatever the case of its letters.
    pub(super) fn is_in_some_case_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(self.form.len()).any(|window| window.eq_ignore_ascii_case(&self.form))
    }

    /// Returns how much of the form is there with one more byte.
    fn advanced(&self, mut matched: usize, byte: u8) -> usize {
        loop {
            if self.form.get(matched) == Some(&byte) {
                return matched + 1;
            }
            if matched == 0 {
                return 0;
            }
            matched = self.border(matched);
        }
    }

    fn border(&self, matched: usize) -> usize {
        matched.checked_sub(1).and_then(|last| self.borders.get(last)).copied().unwrap_or_default()
    }
}

/// The forms that no undoing of an encoding leads back to the secret itself.
pub(super) fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.as_bytes().to_vec()]);
    if !value.is_ascii() {
        // A server that takes what it got for Latin-1 writes a character for each byte.
        let taken_for_latin1: String = value.bytes().map(char::from).collect();
        forms.insert(taken_for_latin1.into_bytes());
        let latin1: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if let Some(latin1) = latin1 {
            // Within percent-encoding it is still that; elsewhere it has been made UTF-8 before it is
            // searched.
            forms.insert(String::from_utf8_lossy(&latin1).into_owned().into_bytes());
            forms.insert(latin1);
        }
    }
    if value.len() >= SHORTEST_IN_BASE64 {
        let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let written =
            [Cow::from(value), Encoding::Url.encode(value), Encoding::Json.encode(value), form.into()];
        forms.extend(written.iter().flat_map(|written| in_base64(written)));
    }
    forms
}

/// Returns what of a value's Base64 does not depend on the text before and after it, for each place that it
/// may have among groups of three bytes.
fn in_base64(value: &str) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        // Six bits a character: those that hold a bit of the neighbours are left out.
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.extend(alphabet.encode(&bytes).get(first..last).map(|form| form.as_bytes().to_vec()));
        }
    }
    forms
}
