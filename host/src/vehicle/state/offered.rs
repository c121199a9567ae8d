//! What a vehicle has, as the cloud's lists have said over time.
//!
//! Home Assistant forgets an entity that is taken away, with everything that its user has made of it. So one list that
//! lacks an operation, as a cloud may send that is not well, takes nothing away.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Time for which lists have to lack an operation until it is gone. They are read once a day.
const LACKING: SignedDuration = SignedDuration::from_hours(20);

/// Time after which it is forgotten that the vendor has said that the vehicle does not have an operation: it may have
/// been about something else.
const UNSUPPORTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a vehicle has, and how it is called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Offered {
    /// Operations, as lists have them, each with the time since which lists lack it.
    operations: BTreeMap<String, Option<Timestamp>>,
    /// Operations that the vendor has said that it does not have, when they were tried, with the time of that.
    unsupported: BTreeMap<String, Timestamp>,
    /// What its owner calls it.
    pub(crate) name: String,
    /// Model.
    pub(crate) model: String,
}

impl Offered {
    /// Takes in what a list says. What the vendor has said too long ago is forgotten.
    pub(crate) fn listed(&mut self, operations: &[String], name: &str, model: &str, now: Timestamp) {
        let is_listed = |known: &str| operations.iter().any(|listed| name_of(listed) == name_of(known));
        let before = std::mem::take(&mut self.operations);
        let lacking = before.into_iter().filter(|(operation, _)| !is_listed(operation));
        let still = lacking.filter_map(|(operation, since)| {
            let since = since.unwrap_or(now);
            (now.duration_since(since) < LACKING).then_some((operation, Some(since)))
        });
        self.operations = still.collect();
        self.operations.extend(operations.iter().map(|operation| (operation.clone(), None)));
        self.unsupported.retain(|_, at| is_lately(*at, now));
        for (known, said) in [(&mut self.name, name), (&mut self.model, model)] {
            if !said.trim().is_empty() {
                said.clone_into(known);
            }
        }
    }

    /// Operations that it has, as lists have them.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.operations.keys().cloned().collect()
    }

    /// Records that the vendor has said that it does not have an operation.
    pub(crate) fn lacks(&mut self, operation: &str, now: Timestamp) {
        self.unsupported.insert(operation.to_owned(), now);
    }

    /// Forgets what the vendor has said that it does not have.
    pub(crate) fn may_have_everything(&mut self) {
        self.unsupported.clear();
    }

    /// Whether the vendor has said lately that it does not have an operation.
    pub(crate) fn is_unsupported(&self, operation: &str, now: Timestamp) -> bool {
        self.unsupported.get(operation).is_some_and(|at| is_lately(*at, now))
    }

    /// Whether it differs in what the vendor has said that it does not have.
    pub(crate) fn is_refused_otherwise(&self, other: &Self) -> bool {
        self.unsupported != other.unsupported
    }

    /// Times that were noted.
    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        self.operations.values_mut().flatten().chain(self.unsupported.values_mut())
    }
}

fn is_lately(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < UNSUPPORTED
}

/// Name of an operation in a list, without the secret that it needs.
fn name_of(listed: &str) -> &str {
    listed.split_once('+').map_or(listed, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3_600).unwrap()
    }

    fn list(operations: &[&str]) -> Vec<String> {
        operations.iter().map(|operation| (*operation).to_owned()).collect()
    }

    #[test]
    fn one_list_that_lacks_an_operation_takes_nothing_away() {
        let mut offered = Offered::default();
        offered.listed(&list(&["lock", "unlock+pin"]), "car", "EV6", at(0));
        offered.listed(&list(&[]), "", "", at(24));
        assert_eq!(offered.operations(), ["lock", "unlock+pin"]);
        assert_eq!((offered.name.as_str(), offered.model.as_str()), ("car", "EV6"));
        // It was a moment of weakness.
        offered.listed(&list(&["lock", "unlock+pin"]), "car", "EV6", at(25));
        offered.listed(&list(&["lock"]), "car", "EV6", at(48));
        assert_eq!(offered.operations(), ["lock", "unlock+pin"]);
        // Another list of the same hour proves nothing more.
        offered.listed(&list(&["lock"]), "car", "EV6", at(49));
        assert_eq!(offered.operations(), ["lock", "unlock+pin"]);
        offered.listed(&list(&["lock"]), "car", "EV6", at(72));
        assert_eq!(offered.operations(), ["lock"]);
    }

    #[test]
    fn what_needs_a_secret_by_now_is_there_once() {
        let mut offered = Offered::default();
        offered.listed(&list(&["lock"]), "", "", at(0));
        offered.listed(&list(&["lock+pin"]), "", "", at(1));
        assert_eq!(offered.operations(), ["lock+pin"]);
    }

    #[test]
    fn what_the_vendor_has_said_once_is_not_held_against_the_car_for_ever() {
        let mut offered = Offered::default();
        offered.lacks("set_windows", at(0));
        let refused = |offered: &Offered, hours| offered.is_unsupported("set_windows", at(hours));
        assert_eq!([0, 29 * 24, 30 * 24].map(|hours| refused(&offered, hours)), [true, true, false]);
        assert!(!offered.is_unsupported("lock", at(0)));
        // The list of a day finds out.
        let before = offered.clone();
        offered.listed(&list(&["set_windows"]), "", "", at(29 * 24));
        assert!(!offered.is_refused_otherwise(&before));
        offered.listed(&list(&["set_windows"]), "", "", at(30 * 24));
        assert!(offered.is_refused_otherwise(&before));
        offered.lacks("set_windows", at(31 * 24));
        offered.may_have_everything();
        assert!(!refused(&offered, 31 * 24));
    }
}
