//! Knowledge of a vehicle: everything that was read of it, as one state. Survives restarts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::doubt::{Doubt, Saying, believes_it_is_empty, believes_what_went_back};
use super::reading::credible;
use super::rules::{Class, RULES, number};
use super::{Location, Meta, Offered, Published, Reading, Source};

/// A traction battery does not fall from here to nothing between two reads; a sleeping battery management
/// says 0.
const IMPLAUSIBLE_FALL: f64 = 3.0;

/// Vehicles tell the time in whole seconds: two answers within one are of the same time and yet both new.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(2);

/// Path of the odometer among the values.
const ODOMETER: &str = "odometer_km";

/// Knowledge of a vehicle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Known {
    /// The values by their paths.
    values: BTreeMap<String, Held>,
    /// Description of the last answer that was taken in.
    last: Option<Last>,
    /// Latest time that the vehicle has said and that can be. An older answer is not taken from the cloud.
    newest: Option<Timestamp>,
    /// Doubt, while the vehicle's clock seems to have gone back.
    clock_doubt: Option<Doubt>,
    /// Whether the vehicle was asked since and has said nothing newer.
    unanswered: bool,
    location: Option<Location>,
    location_doubt: Option<Doubt>,
    /// Operations that the cloud's list says that the vehicle has; none before it was found.
    pub(crate) operations: Option<Vec<String>>,
    /// What Home Assistant is told that the vehicle has.
    pub(crate) offered: Offered,
}

/// Description of the last answer that was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Last {
    /// Time at which the vehicle said so, as far as that can be.
    vehicle_time: Option<Timestamp>,
    /// Vehicle time as the vehicle wrote it, to know the report again.
    said_at: Option<Timestamp>,
    fetched_at: Timestamp,
    source: Source,
}

/// A value that is known, or was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    /// Last possible value.
    value: Value,
    /// Time at which it was said; at which it was read if the vehicle has not said when.
    at: Timestamp,
    /// Whether the vehicle has said since that it does not have it at the moment.
    #[serde(default, skip_serializing_if = "is_false")]
    is_gone: bool,
    /// Whether it is of an earlier answer than the last one.
    #[serde(default, skip_serializing_if = "is_false")]
    is_kept: bool,
    /// Doubt, while something contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A value, and when it was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SaidAt {
    pub(crate) value: Value,
    /// Time at which it was said; at which it was read if the vehicle has not said when.
    pub(crate) at: Timestamp,
}

/// Result of taking an answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The answer is what is known now.
    Anew,
    /// The vehicle was asked, and has said nothing that was not known before.
    Unanswered,
    /// The known state is newer, of this time.
    Older(Timestamp),
}

impl Known {
    /// Takes an answer in. `before` is the vehicle time that was known when the read began: a vehicle that
    /// was asked and has nothing newer has not answered.
    ///
    /// The answer of a vehicle that was just asked is the newest there is, whatever its clock says. The
    /// cloud's answer is taken if it is not older than what is known. A value that an answer does not have
    /// stays.
    pub(crate) fn take_in(
        &mut self,
        reading: &Reading,
        source: Source,
        before: Option<Timestamp>,
        now: Timestamp,
    ) -> Taken {
        self.not_after(now);
        let saying = Saying { now, said_at: reading.said_at, source };
        let same = reading.said_at.zip(self.last.as_ref().and_then(|last| last.said_at));
        let is_same = same.is_some_and(|(said, known)| said == known);
        let said =
            if is_same { self.vehicle_time() } else { reading.said_at.and_then(|said| credible(said, now)) };
        let vehicle_time = match (source, said, self.newest) {
            (Source::Cached, Some(said), Some(newest)) if said < newest => {
                if !believes_what_went_back(&mut self.clock_doubt, seconds(said), saying) {
                    return Taken::Older(newest);
                }
                Some(said)
            }
            (Source::Cached, said, _) => said,
            (Source::Vehicle, Some(said), newest)
                if is_same || newest.is_none_or(|newest| said >= newest) =>
            {
                Some(said)
            }
            // It has said so just now, so its clock is not right.
            (Source::Vehicle, ..) => Some(now),
        };
        let nothing_newer = vehicle_time.zip(before).is_some_and(|(time, before)| time <= before);
        let unanswered = match source {
            Source::Vehicle => {
                nothing_newer && vehicle_time.is_some_and(|at| now.duration_since(at) > JUST_NOW)
            }
            // Only a newer state makes up for an answer that did not come.
            Source::Cached => {
                self.unanswered && (vehicle_time.is_none() || vehicle_time <= self.vehicle_time())
            }
        };
        if vehicle_time.is_some() {
            (self.newest, self.clock_doubt) = (vehicle_time, None);
        }
        self.merge(reading, vehicle_time.unwrap_or(now), saying);
        self.unanswered = unanswered;
        self.last = Some(Last { vehicle_time, said_at: reading.said_at, fetched_at: now, source });
        match (source, unanswered) {
            (Source::Vehicle, true) => Taken::Unanswered,
            _ => Taken::Anew,
        }
    }

    /// Takes in where the vehicle is. Returns whether that is news.
    pub(crate) fn take_location(&mut self, found: &Location, source: Source, now: Timestamp) -> bool {
        self.not_after(now);
        let known = self.location.as_ref().and_then(|known| known.vehicle_time);
        let said = found.vehicle_time.and_then(|said| credible(said, now));
        let vehicle_time = match (source, said.zip(known)) {
            (Source::Cached, Some((said, known))) if said < known => {
                let saying = Saying { now, said_at: Some(said), source };
                if !believes_what_went_back(&mut self.location_doubt, seconds(said), saying) {
                    return false;
                }
                Some(said)
            }
            // It is there now. Its receiver may have seen the last satellite before.
            (Source::Vehicle, Some((said, known))) => Some(said.max(known)),
            _ => said,
        };
        self.location_doubt = None;
        self.location = Some(Location { vehicle_time, ..found.clone() });
        true
    }

    /// Records that the vehicle was asked and did not answer.
    pub(crate) fn remains_unanswered(&mut self) {
        self.unanswered = true;
    }

    /// Returns the time at which the vehicle said what is known of it.
    pub(crate) fn vehicle_time(&self) -> Option<Timestamp> {
        self.last.as_ref().and_then(|last| last.vehicle_time)
    }

    /// Returns a value by its path, if the vehicle tells it.
    pub(crate) fn said(&self, path: &str) -> Option<SaidAt> {
        let held = self.values.get(path).filter(|held| !held.is_gone)?;
        Some(SaidAt { value: held.value.clone(), at: held.at })
    }

    /// The values that were ever said, by their paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Returns the place where it was last seen.
    pub(crate) fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The state as it is published; none before anything was read.
    pub(crate) fn published(&self, is_confirmed: bool, seq: u64) -> Option<Published> {
        let Last { vehicle_time, fetched_at, source, .. } = self.last.clone()?;
        let mut document = Map::new();
        let mut kept: BTreeMap<String, Timestamp> = BTreeMap::new();
        for rule in &RULES {
            let Some(held) = self.values.get(rule.path).filter(|held| !held.is_gone) else { continue };
            let field = match rule.path.split_once('/') {
                Some((field, corner)) => {
                    let corners = document.entry(field).or_insert_with(|| Map::new().into());
                    corners[corner] = held.value.clone();
                    field
                }
                None => {
                    document.insert(rule.path.to_owned(), held.value.clone());
                    rule.path
                }
            };
            if held.is_kept {
                // Of corners that were said at different times, the oldest one tells.
                kept.entry(field.to_owned()).and_modify(|at| *at = held.at.min(*at)).or_insert(held.at);
            }
        }
        // The rules make values of these types only.
        let state = serde_json::from_value(Value::Object(document)).unwrap_or_default();
        let stale = self.unanswered || !is_confirmed;
        Some(Published { state, meta: Meta { vehicle_time, fetched_at, source, stale, seq, kept } })
    }

    /// Whether anything differs but the time of the last read, which is not worth a write to the disk.
    pub(crate) fn is_worth_storing(&self, stored: &Self) -> bool {
        let mut stored = stored.clone();
        if let (Some(stored), Some(last)) = (&mut stored.last, &self.last) {
            stored.fetched_at = last.fetched_at;
        }
        stored != *self
    }

    /// Moves to now what a wrong clock has written into the future.
    pub(crate) fn not_after(&mut self, now: Timestamp) {
        // A clock that was never set would move all of it to where it stands.
        if !crate::time::is_set(now) {
            return;
        }
        let clamp = |at: &mut Timestamp| *at = now.min(*at);
        self.offered.times().for_each(clamp);
        self.newest.iter_mut().for_each(clamp);
        self.values.values_mut().for_each(|held| clamp(&mut held.at));
        self.location.iter_mut().filter_map(|place| place.vehicle_time.as_mut()).for_each(clamp);
        if let Some(last) = &mut self.last {
            last.vehicle_time.iter_mut().for_each(clamp);
            clamp(&mut last.fetched_at);
        }
    }

    fn merge(&mut self, reading: &Reading, at: Timestamp, saying: Saying) {
        let was_driven = self.was_driven(reading);
        self.values.values_mut().for_each(|held| held.is_kept = true);
        for rule in &RULES {
            let Some(said) = reading.values.get(rule.path) else { continue };
            match (self.values.get_mut(rule.path), said) {
                (Some(held), Some(value)) => {
                    if held.gives_way_to(value, rule.class, was_driven, saying) {
                        *held = Held::said(value, at);
                    } else {
                        held.is_gone = false;
                    }
                }
                (None, Some(value)) => drop(self.values.insert(rule.path.to_owned(), Held::said(value, at))),
                (Some(held), None) => held.is_gone = true,
                (None, None) => {}
            }
        }
        self.resolve();
    }

    /// Whether the vehicle has moved on its own wheels since its odometer was last read.
    fn was_driven(&self, reading: &Reading) -> bool {
        let known = self.values.get(ODOMETER).and_then(|held| number(&held.value));
        let said = reading.values.get(ODOMETER).and_then(Option::as_ref).and_then(number);
        said.zip(known).is_some_and(|(said, known)| said > known)
    }

    /// Resolves a contradiction: nothing charges through a cable that is not plugged in. What was said later
    /// is right, and a vehicle that says that nothing is plugged in says as well that nothing charges.
    fn resolve(&mut self) {
        let no = Value::from(false);
        let there = |held: &&Held| !held.is_gone;
        let pulled = self.values.get("plugged_in").filter(there).filter(|plug| plug.value == no);
        let (Some(pulled), Some(charge)) = (pulled, self.values.get("charging").filter(there)) else {
            return;
        };
        // What the last answer said is later than what it did not have, whatever the vehicle's clock says.
        let charge_is_older = match (charge.is_kept, pulled.is_kept) {
            (true, false) => true,
            (false, true) => false,
            _ => charge.at <= pulled.at,
        };
        if charge_is_older {
            let is_kept = charge.is_kept && pulled.is_kept;
            let stands_still = Held { is_kept, ..Held::said(&no, pulled.at) };
            self.values.insert("charging".to_owned(), stands_still);
        } else if charge.value != no
            && let Some(plug) = self.values.get_mut("plugged_in")
        {
            plug.is_gone = true;
        }
    }
}

impl Held {
    fn said(value: &Value, at: Timestamp) -> Self {
        Self { value: value.clone(), at, is_gone: false, is_kept: false, doubt: None }
    }

    /// Whether another value takes this one's place. The doubt that keeps it from that is recorded.
    fn gives_way_to(&mut self, value: &Value, class: Class, was_driven: bool, saying: Saying) -> bool {
        let Some((new, old)) = number(value).zip(number(&self.value)) else { return true };
        match class {
            // A vehicle that was driven never reads nothing again; one that sleeps does.
            Class::Counter if new == 0.0 && old > 0.0 => false,
            Class::Counter if new < old => believes_what_went_back(&mut self.doubt, new, saying),
            Class::Charge if new == 0.0 && old > IMPLAUSIBLE_FALL => {
                believes_it_is_empty(&mut self.doubt, was_driven, saying)
            }
            _ => true,
        }
    }
}

/// A time as a number that grows. Whole seconds of this millennium fit.
#[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
