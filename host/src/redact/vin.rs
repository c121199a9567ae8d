//! Masking of vehicle identification numbers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use parking_lot::RwLock;

/// Length of a number (ISO 3779).
const LENGTH: usize = 17;

/// Number of characters left visible, so that people can tell their cars apart.
const TAIL: usize = 4;

/// Greatest number of identification numbers remembered. A fleet has fewer; a cloud that sends more must not
/// fill the memory.
const MOST: usize = 4_096;

/// Numbers that this process has seen in answers and configurations, in upper case. One list for all
/// accounts, as there is one log for all.
static SEEN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Remembers a number, so that [`mask_known_vins`] finds it anywhere. A text without the shape of one is
/// ignored.
pub(crate) fn remember_vin(text: &str) {
    let text = text.trim();
    if has_shape(text) {
        let mut seen = SEEN.write();
        if seen.len() < MOST {
            seen.insert(text.to_ascii_uppercase());
        }
    }
}

/// Replaces every number that this process has seen, in any case and beside any character, by its last four
/// characters.
#[must_use]
pub fn mask_known_vins(text: &str) -> Cow<'_, str> {
    let seen = SEEN.read();
    if seen.is_empty() || text.len() < LENGTH {
        return text.into();
    }
    // Changing the case does not move any character.
    let upper = text.to_ascii_uppercase();
    let mut found: Vec<usize> =
        seen.iter().flat_map(|vin| upper.match_indices(vin.as_str()).map(|(at, _)| at)).collect();
    if found.is_empty() {
        return text.into();
    }
    found.sort_unstable();
    let mut masked = text.as_bytes().to_vec();
    for at in found {
        // The numbers are ASCII, so no character is cut.
        if let Some(number) = masked.get_mut(at..at.saturating_add(LENGTH - TAIL)) {
            number.fill(b'*');
        }
    }
    String::from_utf8_lossy(&masked).into_owned().into()
}

/// Replaces every number that this process has seen, and everything that looks like one: 17 letters and
/// digits that stand alone, with both present and none of them an I, O or Q (ISO 3779), in any case. Matches
/// by shape: a number inside a file name or a URL is found as well.
#[must_use]
pub fn mask_vins(text: &str) -> String {
    let text = mask_known_vins(text);
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
    match word.get(LENGTH - TAIL..) {
        Some(tail) if has_shape(word) => format!("{}{tail}", "*".repeat(LENGTH - TAIL)).into(),
        _ => word.into(),
    }
}

fn has_shape(word: &str) -> bool {
    let is_one_of_it =
        |c: char| c.is_ascii_alphanumeric() && !matches!(c.to_ascii_uppercase(), 'I' | 'O' | 'Q');
    word.len() == LENGTH
        && word.chars().all(is_one_of_it)
        && word.contains(|c: char| c.is_ascii_alphabetic())
        && word.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_numbers_wherever_they_stand() {
        assert_eq!(mask_vins("car KNALEGACY00000001 said no"), "car *************0001 said no");
        assert_eq!(mask_vins("car knalegacy00000001 said no"), "car *************0001 said no");
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
        // Shape alone finds nothing in a longer word: it may be a digest.
        assert_eq!(mask_vins("KNAUNSEEN00000001x"), "KNAUNSEEN00000001x");
    }

    #[test]
    fn a_number_that_was_seen_is_found_in_any_case_and_beside_anything() {
        for vin in ["KNATESTSEEN000001", " knatestseen000002\n"] {
            remember_vin(vin);
        }
        for (text, masked) in [
            ("xKNATESTSEEN000001y", "x*************0001y"),
            ("éknatestseen000001é", "é*************0001é"),
            ("KnAtEsTsEeN0000029", "*************00029"),
            ("KNATESTSEEN000001KNATESTSEEN000002", "*************0001*************0002"),
            ("KNATESTSEEN00000", "KNATESTSEEN00000"),
        ] {
            assert_eq!(mask_known_vins(text), masked);
            assert_eq!(mask_vins(text), masked);
        }
    }

    #[test]
    fn what_is_no_number_is_not_remembered() {
        // Otherwise a cloud could have every text garbled by giving out words as numbers.
        for text in ["", "a", "succeeded", "UNSEENWITHOUTDGTS", "00000000000000777", "UNSEEN-1234567890"] {
            remember_vin(text);
            assert_eq!(mask_known_vins(&format!("{text} {text}")), format!("{text} {text}"));
        }
    }
}
