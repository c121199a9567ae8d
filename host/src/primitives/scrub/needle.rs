//! Needles: the forms in which a secret is searched for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::form_urlencoded;

use super::view::fold;
use crate::primitives::placeholder::Encoding;

/// Length of the shortest secret that is searched for in encodings that blur its borders.
const SHORTEST_IN_BASE64: usize = 8;

/// Number of bytes that are compared at a place before a search begins there. It is what bounds the cost of a look, and
/// what keeps nearly all needles from ever being prepared.
const BEGINNING: usize = 8;

/// A form of a secret.
pub(super) struct Needle<'s> {
    pub(super) name: &'s str,
    form: Vec<u8>,
    /// Border of each beginning of the form: how much of the form's own beginning it ends with (Knuth, Morris
    /// and Pratt). With it no byte of a text is read again for every place at which a secret may have begun.
    ///
    /// Made when a text first has the form's beginning: a session has hundreds of forms, tokens of thousands of bytes
    /// among them, and hardly an answer has any.
    borders: OnceCell<Vec<usize>>,
}

impl<'s> Needle<'s> {
    pub(super) fn new(mut form: Vec<u8>, name: &'s str) -> Self {
        fold(&mut form);
        Self { name, form, borders: OnceCell::new() }
    }

    /// Returns the bytes that are searched for, never with a `+` among them; see [`fold`].
    pub(super) fn form(&self) -> &[u8] {
        &self.form
    }

    /// Searches from a place on for as long as anything may have begun there. Returns the place up to which
    /// it has searched: nothing begins before that.
    pub(super) fn search(&self, bytes: &[u8], from: usize, mut found: impl FnMut(Range<usize>)) -> usize {
        let beginning = self.form.get(..BEGINNING).unwrap_or(&self.form);
        if !bytes.get(from..).is_some_and(|rest| rest.starts_with(beginning)) {
            return from + 1;
        }
        let borders = self.borders.get_or_init(|| borders(&self.form));
        let mut matched = 0;
        for (at, &byte) in bytes.iter().enumerate().skip(from) {
            matched = advanced(&self.form, borders, matched, byte);
            let end = at + 1;
            if matched == self.form.len() {
                found(end - matched..end);
                matched = border(borders, matched);
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
}

/// Returns the border of each beginning of a form.
fn borders(form: &[u8]) -> Vec<usize> {
    let mut borders = Vec::with_capacity(form.len());
    for (at, &byte) in form.iter().enumerate() {
        let matched = if at == 0 { 0 } else { advanced(form, &borders, border(&borders, at), byte) };
        borders.push(matched);
    }
    borders
}

/// Returns how much of a form is there with one more byte.
fn advanced(form: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    loop {
        if form.get(matched) == Some(&byte) {
            return matched + 1;
        }
        if matched == 0 {
            return 0;
        }
        matched = border(borders, matched);
    }
}

fn border(borders: &[usize], matched: usize) -> usize {
    matched.checked_sub(1).and_then(|last| borders.get(last)).copied().unwrap_or_default()
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
