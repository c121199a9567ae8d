//! Choice of the vehicle that the configuration means, among those of an account.
//!
//! Exactly one, or none: a command that reaches the wrong car is worse than one that reaches no car. People
//! type names in apps, on keyboards that write the same letter in two ways (é may be one character or two),
//! and put blanks behind them; so both sides are compared in one form (NFC, Unicode Standard Annex #15) and
//! without what surrounds them. A difference that goes further than that, such as other case, makes another
//! name, but is told.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use crate::bindings::connector::Vehicle;
use crate::config::Selector;
use crate::digest::Digest;
use crate::redact::mask_vins;

/// Length of what is shown of an identifier to tell two vehicles apart.
const TAIL: usize = 4;

/// Reason why none of an account's vehicles was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoChoice {
    /// None is as the configuration says. Each that there is, in words, and the words of those that nearly
    /// are.
    None { there_are: Vec<String>, nearly: Vec<String> },
    /// More than one is. Each of them, in words.
    Several(Vec<String>),
}

/// Chooses the one vehicle that is meant. `known` is which one it was when it was last found (see
/// [`identity`]): a vendor may give a vehicle another identifier, and then it is still that one.
///
/// # Errors
///
/// When there is none, or more than one.
pub(super) fn choose<'l>(
    selector: &Selector,
    known: Option<&str>,
    listed: &'l [Vehicle],
) -> Result<&'l Vehicle, NoChoice> {
    let mut meant: Vec<&Vehicle> = listed.iter().filter(|listed| is_meant(selector, listed)).collect();
    if meant.is_empty() && matches!(selector, Selector::Id(_)) {
        meant =
            listed.iter().filter(|listed| known.is_some() && identity(listed).as_deref() == known).collect();
    }
    // A vehicle that is listed twice, as its owner's and as that of a person who shares it, is one.
    let mut seen = BTreeSet::new();
    meant.retain(|listed| seen.insert(&listed.id));
    match meant.as_slice() {
        [one] => Ok(one),
        [] => Err(NoChoice::None {
            there_are: listed.iter().map(in_words).collect(),
            nearly: listed.iter().filter(|listed| is_nearly(selector, listed)).map(in_words).collect(),
        }),
        several => Err(NoChoice::Several(several.iter().copied().map(in_words).collect())),
    }
}

/// Returns the identity of a vehicle, whatever identifier the vendor gives it; none if the cloud does not
/// tell the VIN.
pub(super) fn identity(listed: &Vehicle) -> Option<String> {
    let vin = plain(&listed.vin).to_ascii_uppercase();
    (!vin.is_empty()).then(|| Digest::of(vin.as_bytes()).to_string())
}

impl NoChoice {
    /// Explains the choice to the person who has to correct the configuration of a vehicle of this account.
    pub(super) fn in_words(&self, vehicle: &str, account: &str, selector: &Selector) -> String {
        let kind = selector.kind();
        match self {
            Self::Several(several) => format!(
                "the account {account} has {} vehicles with the {kind} that the configuration gives: {}; none of them is \
                 commanded until [vehicle.{vehicle}] says by vin or id which one is meant",
                several.len(),
                several.join(" and "),
            ),
            Self::None { there_are, nearly } => {
                let there_are = match there_are.as_slice() {
                    [] => "none".to_owned(),
                    there_are => there_are.join(", "),
                };
                let hint = match nearly.as_slice() {
                    [] => String::new(),
                    nearly => format!("; only case or blanks differ from {}", nearly.join(", ")),
                };
                format!(
                    "the account {account} has no vehicle with the {kind} that the configuration gives{hint}; correct \
                     [vehicle.{vehicle}] if it is one of these: {there_are}"
                )
            }
        }
    }
}

fn is_meant(selector: &Selector, listed: &Vehicle) -> bool {
    match selector {
        Selector::Vin(vin) => plain(&listed.vin).eq_ignore_ascii_case(&plain(vin)),
        Selector::Id(id) => plain(&listed.id) == plain(id),
        Selector::Name(name) => plain(&listed.name) == plain(name),
    }
}

/// Whether only what people do not see at once keeps it from being meant.
fn is_nearly(selector: &Selector, listed: &Vehicle) -> bool {
    match selector {
        Selector::Vin(_) => false,
        Selector::Id(id) => loose(&listed.id) == loose(id),
        Selector::Name(name) => loose(&listed.name) == loose(name),
    }
}

/// The text in one form, without what surrounds it and shows nothing.
fn plain(text: &str) -> String {
    text.trim_matches(shows_nothing).nfc().collect()
}

/// The text in one form, whatever the case, the width of its letters and the number of its blanks.
fn loose(text: &str) -> String {
    let text: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = text.split(shows_nothing).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Whether a character shows nothing: blanks, control characters, and those that only join or part others
/// (zero width, byte order mark).
fn shows_nothing(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Describes a vehicle, told apart from its namesakes without telling its VIN or its identifier.
fn in_words(listed: &Vehicle) -> String {
    let tail = |text: &str| -> String {
        let shown = text.chars().rev().take(TAIL).collect::<Vec<_>>();
        shown.into_iter().rev().collect()
    };
    let (vin, id) = (plain(&listed.vin), plain(&listed.id));
    let vin = if vin.is_empty() { String::new() } else { format!(", VIN …{}", tail(&vin)) };
    let words = format!("{:?} ({}{vin}, id …{})", listed.name, listed.model.trim(), tail(&id));
    mask_vins(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(name: &str, id: &str, vin: &str) -> Vehicle {
        Vehicle {
            id: id.to_owned(),
            vin: vin.to_owned(),
            name: name.to_owned(),
            model: "IONIQ 5".to_owned(),
            traits: String::new(),
            operations: Vec::new(),
        }
    }

    fn named(name: &str) -> Selector {
        Selector::Name(name.to_owned())
    }

    #[test]
    fn both_sides_are_trimmed_and_compared_in_one_form() {
        for (configured, listed) in [
            ("Kona", "Kona "),
            ("Kona", "\u{a0}Kona\u{200b}\t"),
            ("Kona\u{feff}", "Kona"),
            ("Zo\u{e9}", "Zoe\u{301}"),
            ("Zoe\u{301}", "Zo\u{e9}"),
            ("\u{212b}", "\u{c5}"),
        ] {
            let listed = [car(listed, "1", ""), car("other", "2", "")];
            assert_eq!(
                choose(&named(configured), None, &listed).map(|car| &*car.id),
                Ok("1"),
                "{configured:?}"
            );
        }
        let listed = [car("x", " id-1 ", " kmhlegacy00000001 ")];
        for selector in [Selector::Id("id-1".to_owned()), Selector::Vin("KMHLEGACY00000001".to_owned())] {
            assert!(choose(&selector, None, &listed).is_ok(), "{selector:?}");
        }
    }

    #[test]
    fn what_is_nearly_the_name_is_not_chosen_but_told() {
        for (configured, listed) in [("kona", "Kona"), ("My Kona", "My  Kona"), ("Kona 5", "Kona\u{a0}５")] {
            let listed = [car(listed, "abcdef", ""), car("Niro", "2", "")];
            let Err(no @ NoChoice::None { .. }) = choose(&named(configured), None, &listed) else {
                panic!("{configured:?} was taken for {listed:?}")
            };
            let words = no.in_words("kona", "main", &named(configured));
            assert!(
                words.contains("only case or blanks differ from \"") && words.contains("cdef"),
                "{words}"
            );
        }
    }

    #[test]
    fn two_are_none_and_are_told_apart_without_their_numbers() {
        let two =
            [car("IONIQ 5", "id-aaaa", "KMHLEGACY00000001"), car("IONIQ 5 ", "id-bbbb", "KMHLEGACY00000002")];
        for listed in [two.to_vec(), two.iter().rev().cloned().collect()] {
            let no = choose(&named("IONIQ 5"), None, &listed).unwrap_err();
            let words = no.in_words("car", "main", &named("IONIQ 5"));
            for part in
                ["2 vehicles", "VIN …0001", "VIN …0002", "id …aaaa", "id …bbbb", "[vehicle.car]", "vin or id"]
            {
                assert!(words.contains(part), "{part}: {words}");
            }
            assert!(!words.contains("KMHLEGACY"), "{words}");
        }
        let twice = [two[0].clone(), two[0].clone()];
        assert!(choose(&named("IONIQ 5"), None, &twice).is_ok(), "one vehicle, listed twice");
    }

    #[test]
    fn a_vehicle_is_the_same_under_another_identifier() {
        let before = car("x", "old", "KMHLEGACY00000001");
        let known = identity(&before).unwrap();
        let listed = [car("x", "new", "kmhlegacy00000001"), car("y", "other", "KMHLEGACY00000002")];
        let selector = Selector::Id("old".to_owned());
        assert!(choose(&selector, None, &listed).is_err());
        assert_eq!(choose(&selector, Some(&known), &listed).map(|car| &*car.id), Ok("new"));
        // The vehicle that has the identifier is the one that is meant, whichever it was before.
        let listed = [car("x", "new", "KMHLEGACY00000001"), car("y", "old", "KMHLEGACY00000002")];
        assert_eq!(choose(&selector, Some(&known), &listed).map(|car| &*car.id), Ok("old"));
        assert_eq!(identity(&car("x", "1", " ")), None);
    }
}
