//! The `[vehicle.NAME]` tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::legacy;
use super::polling::{self, Force, Poll};
use super::reader::{Entry, Section, advice, nearest};
use super::slug::Slug;
use crate::descriptor::OwnEffect;
use crate::redact;
use crate::wire::operation::{OTHER, OperationName as Op, OwnName};

/// Words for `allow`, and the operations that each stands for.
const ALLOW: &[(&str, &[Op])] = &[
    ("refresh", &[Op::RefreshCached, Op::RefreshSmart, Op::RefreshForce]),
    ("refresh_cached", &[Op::RefreshCached]),
    ("refresh_smart", &[Op::RefreshSmart]),
    ("refresh_force", &[Op::RefreshForce]),
    ("status", &[Op::CheckActionStatus]),
    ("lock", &[Op::Lock]),
    ("unlock", &[Op::Unlock]),
    ("climate", &[Op::StartClimate, Op::StopClimate]),
    ("windows", &[Op::SetWindows]),
    ("charge_port", &[Op::OpenChargePort, Op::CloseChargePort]),
    ("charging", &[Op::StartCharging, Op::StopCharging]),
    ("charge_limits", &[Op::SetChargeLimits]),
    ("charging_current", &[Op::SetChargingCurrent]),
    ("signal", &[Op::Signal]),
];

/// Returns the word for `allow` that allows this operation, and as little else as possible.
pub(crate) fn word_of(operation: Op) -> String {
    let words = ALLOW.iter().filter(|(_, operations)| operations.contains(&operation));
    let word = words.min_by_key(|(_, operations)| operations.len());
    // What no word stands for is an operation of the connector's own, whose name is the word.
    word.map_or_else(|| operation.to_string(), |(word, _)| (*word).to_owned())
}

/// Length to which a name is cut that no vehicle has, in bytes.
const LONGEST_SHOWN: usize = 64;

/// Says that none of the known vehicles has this name, and which was most likely meant.
pub(crate) fn no_vehicle(slug: &str, known: &[&str]) -> String {
    // It may come from the broker, and anything may.
    let slug = redact::cut(redact::mask_vins(slug), LONGEST_SHOWN);
    let meant = nearest(&slug, known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("there is no vehicle {slug:?}{meant}; there are: {known}")
}

/// Words allowed by default. An operation that opens something has to be named.
const BY_DEFAULT: &[&str] = &["refresh", "lock"];
/// Operation allowed regardless of the file: it asks the cloud about an action of one's own and does nothing.
const ALWAYS: Op = Op::CheckActionStatus;

/// A vehicle of an account.
#[derive(Clone, Debug)]
pub struct Vehicle {
    /// Name of its account, which is in [`Config`](super::Config).
    pub account: Slug,
    /// Selector among the vehicles of the account.
    pub selector: Selector,
    /// Operations that callers may request.
    pub allow: BTreeSet<Op>,
    /// Intervals at which it is read by itself; none if it is not.
    pub poll: Option<Poll>,
    /// Bounds of the reads that wake it up.
    pub force: Force,
    /// Whether its driver sits on the right. `None` if the file does not say; then the connector's assumption
    /// holds.
    pub right_hand_drive: Option<bool>,
    /// Whether its position is published; it is unless the file says otherwise.
    pub location: bool,
    /// Its name in the topics of the replaced service, if that is not its name here.
    pub legacy_id: Option<String>,
}

/// Identification of a vehicle among those of an account. The text is never empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// Vehicle identification number, 17 characters in upper case.
    Vin(String),
    /// The vendor's own identifier.
    Id(String),
    /// Name that the owner gave it in the vendor's app.
    Name(String),
}

impl Selector {
    /// Kind of the selector, for people: `VIN`, `id` or `name`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Vin(_) => "VIN",
            Self::Id(_) => "id",
            Self::Name(_) => "name",
        }
    }
}

/// Omits the VIN: it must not end in logs.
impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vin(_) => f.write_str("Vin(…)"),
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Self::Name(name) => f.debug_tuple("Name").field(name).finish(),
        }
    }
}

/// Reads one table; `None` if something in it was complained about and has no stand-in. `accounts` are the
/// names in the file, also of accounts that are wrong in themselves; `own` looks up what the connector of an
/// account knows besides, unless the account is wrong.
pub(super) fn read(
    mut section: Section<'_, '_>,
    accounts: &[&str],
    own: impl Fn(&Slug) -> Option<BTreeMap<String, OwnEffect>>,
) -> Option<Vehicle> {
    let account = account(&mut section, accounts);
    let selector = selector(&mut section);
    let own = account.as_ref().and_then(own);
    let allow = allow(&mut section, own.as_ref());
    let poll = polling::poll(&mut section);
    let force = polling::force(&mut section, poll.is_some());
    let right_hand_drive = section.entry("right_hand_drive").and_then(Entry::truth);
    let location = section.entry("location").and_then(Entry::truth).unwrap_or(true);
    let legacy_id = legacy::id(&mut section);
    section.finish();
    let (account, selector) = (account?, selector?);
    Some(Vehicle { account, selector, allow, poll, force, right_hand_drive, location, legacy_id })
}

fn account(section: &mut Section<'_, '_>, accounts: &[&str]) -> Option<Slug> {
    let Some(entry) = section.entry("account") else {
        let example = accounts.first().copied().unwrap_or("NAME");
        let message = format!("account is missing in [{}]; add account = {example:?}", section.name);
        section.complain(&section.span, message);
        return None;
    };
    let given = entry.text()?;
    if accounts.contains(&given.value) {
        return Slug::parse(given.value);
    }
    let advice = match accounts {
        [] => format!("add a table [account.{}]", given.value),
        accounts => advice(given.value, accounts),
    };
    section.complain(&given.span, format!("{}: there is no account {:?}; {advice}", given.name, given.value));
    None
}

fn selector(section: &mut Section<'_, '_>) -> Option<Selector> {
    let keys = ["vin", "id", "name"];
    let given: Vec<_> = keys.into_iter().filter(|key| section.entry(key).is_some()).collect();
    let [key] = given.as_slice() else {
        let message = if given.is_empty() {
            format!("[{}] does not say which vehicle it is; add vin, id or name", section.name)
        } else {
            format!(
                "[{}] says which vehicle it is by {}; keep one of them",
                section.name,
                given.join(" and ")
            )
        };
        section.complain(&section.span, message);
        return None;
    };
    let text = section.text(key)?;
    let value = text.value.trim();
    match *key {
        "vin" => match vin(value) {
            Some(vin) => return Some(Selector::Vin(vin)),
            None => {
                let message =
                    format!("{}: a VIN has 17 letters and digits, and never I, O or Q; check it", text.name);
                section.complain(&text.span, message);
            }
        },
        _ if value.is_empty() => {
            section.complain(&text.span, format!("{}: it is empty; write it, or use vin", text.name));
        }
        "id" => return Some(Selector::Id(value.to_owned())),
        _ => return Some(Selector::Name(value.to_owned())),
    }
    None
}

fn vin(text: &str) -> Option<String> {
    let vin = text.to_ascii_uppercase();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() && !matches!(byte, b'I' | b'O' | b'Q');
    (vin.len() == 17 && vin.bytes().all(allowed)).then_some(vin)
}

/// Reads what may be commanded. `own` are the operations that only the vehicle's connector knows; none if the
/// account is wrong, and nothing is complained about them then.
fn allow(section: &mut Section<'_, '_>, own: Option<&BTreeMap<String, OwnEffect>>) -> BTreeSet<Op> {
    let own_words: Vec<(String, Op)> = own
        .into_iter()
        .flatten()
        .map(|(name, effect)| (format!("{OTHER}{name}"), Op::Other(OwnName::new(name, *effect))))
        .collect();
    let words: Vec<&str> = match section.entry("allow") {
        None => BY_DEFAULT.to_vec(),
        Some(entry) => {
            let given = entry.texts().unwrap_or_default();
            let known = ALLOW.iter().map(|(word, _)| *word);
            let known: Vec<_> = known.chain(own_words.iter().map(|(word, _)| word.as_str())).collect();
            for text in given.iter().filter(|text| !known.contains(&text.value)) {
                if own.is_none() && text.value.starts_with(OTHER) {
                    continue;
                }
                let message =
                    format!("{}: {:?} is unknown; {}", text.name, text.value, advice(text.value, &known));
                section.complain(&text.span, message);
            }
            given.into_iter().map(|text| text.value).collect()
        }
    };
    let allowed =
        ALLOW.iter().filter(|(word, _)| words.contains(word)).flat_map(|(_, operations)| *operations);
    let own = own_words.iter().filter(|(word, _)| words.contains(&word.as_str())).map(|(_, own)| *own);
    allowed.copied().chain([ALWAYS]).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_for_an_operation_allows_it_and_as_little_else_as_there_is() {
        for (word, operations) in ALLOW {
            for operation in *operations {
                let narrowest = word_of(*operation);
                let (_, allowed) = ALLOW.iter().find(|(known, _)| *known == narrowest).unwrap();
                assert!(
                    allowed.contains(operation) && allowed.len() <= operations.len(),
                    "{word} {operation}"
                );
            }
        }
        assert_eq!(word_of(Op::RefreshForce), "refresh_force");
        assert_eq!(word_of(Op::StopClimate), "climate");
        assert_eq!(word_of(Op::Other(OwnName::new("honk", OwnEffect::Actuation))), "other/honk");
    }
}
