//! Parameters of a URL in an answer, such as `code` in `Location`.

use std::ops::Range;

use url::form_urlencoded;

use crate::descriptor::SHORTEST_SEARCHED;

/// Number of percent-encodings that are undone, one after another, in the search for a value: a URL stands in
/// a parameter of a URL that stands in a parameter of one.
const ROUNDS: usize = 3;

/// A parameter that was found in a URL.
///
/// There is no `Debug` for it: the URL has a secret in it.
pub(super) struct Parameter<'t> {
    url: &'t str,
    value: String,
    /// Where the values of all parameters of this name stand.
    places: Vec<Range<usize>>,
}

/// Finds a parameter of a URL, which may be relative and of any scheme. It is the first of that name in the
/// query, else in the fragment (RFC 6749 §4.1.2 and §4.2.2), else in what follows a `?` in the fragment,
/// where pages that are programs have their query. None if it stands nowhere with a `=`.
pub(super) fn find<'t>(url: &'t str, name: &str) -> Option<Parameter<'t>> {
    let (before, fragment) = split(url, 0..url.len(), '#');
    let (_, query) = split(url, before, '?');
    let (_, inner) = split(url, fragment.clone(), '?');
    let places: Vec<_> =
        [query, fragment, inner].into_iter().flat_map(|part| values(url, part, name)).collect();
    let value = decoded(url.get(places.first()?.clone())?).unwrap_or_default();
    Some(Parameter { url, value, places })
}

impl Parameter<'_> {
    /// The value, decoded as that of a form (`application/x-www-form-urlencoded`). Empty if it is not UTF-8.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// The URL with something else in place of the value: as it is in every parameter of this name, whatever
    /// value that has; and where the value stands anywhere else, percent-encoded up to three times or not,
    /// unless it is so short that it would be found in every word.
    pub(super) fn replaced(&self, stand_in: &str) -> String {
        let mut places = self.places.clone();
        if self.value.len() >= SHORTEST_SEARCHED {
            search(self.url, &self.value, &mut places);
        }
        places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        // By bytes, so that no place needs to be proven to end where a character does.
        let url = self.url.as_bytes();
        let mut replaced = Vec::with_capacity(url.len());
        let mut end = 0;
        for place in places {
            // Those that overlap are replaced as one.
            if place.start >= end {
                replaced.extend_from_slice(url.get(end..place.start).unwrap_or_default());
                replaced.extend_from_slice(stand_in.as_bytes());
            }
            end = end.max(place.end);
        }
        replaced.extend_from_slice(url.get(end..).unwrap_or_default());
        String::from_utf8_lossy(&replaced).into_owned()
    }
}

/// Returns what stands before and after the first `at` of a part of a text. Nothing is after it if there is
/// none.
fn split(text: &str, part: Range<usize>, at: char) -> (Range<usize>, Range<usize>) {
    match text.get(part.clone()).and_then(|it| it.find(at)) {
        Some(found) => {
            let middle = part.start + found;
            (part.start..middle, middle + at.len_utf8()..part.end)
        }
        None => (part.clone(), part.end..part.end),
    }
}

/// Returns the places of the values of the parameters of this name.
fn values(text: &str, part: Range<usize>, name: &str) -> Vec<Range<usize>> {
    let mut at = part.start;
    let mut found = Vec::new();
    for pair in text.get(part).unwrap_or_default().split('&') {
        let end = at + pair.len();
        if let Some((key, value)) = pair.split_once('=')
            && decoded(key).is_some_and(|key| key == name)
        {
            found.push(end - value.len()..end);
        }
        at = end + 1;
    }
    found
}

/// Returns a name or a value as a form means it; none if it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    // As the name of a pair without a value. What would end it does not stand in it, or stands for itself.
    let text = text.replace('=', "%3D").replace('&', "%26");
    let (decoded, _) = form_urlencoded::parse(text.as_bytes()).next().unwrap_or_default();
    // What is not UTF-8 was replaced.
    (!decoded.contains(char::REPLACEMENT_CHARACTER)).then(|| decoded.into_owned())
}

/// A byte of a text that was decoded, and where it came from.
type Decoded = (u8, Range<usize>);

/// Adds the places where a value stands, however often it was percent-encoded. Spaces may be written as `+`.
fn search(text: &str, value: &str, found: &mut Vec<Range<usize>>) {
    let mut view: Vec<Decoded> = text.bytes().enumerate().map(|(at, byte)| (byte, at..at + 1)).collect();
    let value = characters(value.bytes());
    for _ in 0..=ROUNDS {
        // As characters of the same numbers, because the search in texts is linear whatever is in them.
        let haystack = characters(view.iter().map(|(byte, _)| *byte));
        let starts: Vec<usize> = haystack.char_indices().map(|(start, _)| start).collect();
        for (start, _) in haystack.match_indices(&value) {
            let first = starts.partition_point(|it| *it < start);
            let after = starts.partition_point(|it| *it < start + value.len());
            if let Some([(_, first), .., (_, last)]) = view.get(first..after) {
                found.push(first.start..last.end);
            }
        }
        let decoded = percent_decoded(&view);
        if decoded.len() == view.len() {
            break;
        }
        view = decoded;
    }
}

fn characters(bytes: impl Iterator<Item = u8>) -> String {
    bytes.map(|byte| if byte == b'+' { ' ' } else { char::from(byte) }).collect()
}

/// Undoes one percent-encoding (RFC 3986 §2.1).
fn percent_decoded(mut view: &[Decoded]) -> Vec<Decoded> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(view.len());
    while let [first, rest @ ..] = view {
        view = rest;
        decoded.push(first.clone());
        if let ((b'%', from), [(high, _), (low, to), after @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.pop();
            decoded.push((high << 4 | low, from.start..to.end));
            view = after;
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
