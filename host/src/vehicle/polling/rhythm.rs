//! Rhythm of the reads of a vehicle: what was seen of them so far. Stored with what is known.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Fences;
use super::distance::metres;
use crate::config::{Geofence, Poll};
use crate::events::VehicleEvent;
use crate::time::{AHEAD, move_back};
use crate::vehicle::state::{Location, VehicleState};

/// Distance between two positions from which on a vehicle has moved, in metres. Receivers err by less.
const MOVED: f64 = 250.0;

/// Distance on the odometer from which on a vehicle was driven, in kilometres. Clouds round.
const DRIVEN: f64 = 0.05;

/// Shortest time between two writes that are about the time of the last read alone.
const WORTH_STORING: SignedDuration = SignedDuration::from_secs(60);

/// Rhythm of the reads of a vehicle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rhythm {
    /// Time of the last read that was answered, whoever wanted it.
    last_read_at: Option<Timestamp>,
    /// Number of reads in a row that have changed nothing.
    unchanged: u32,
    /// Time of the last read that showed that the vehicle had moved.
    moved_at: Option<Timestamp>,
    /// Whether it charged, as far as that was ever said.
    charging: Option<bool>,
    /// Time of the last read, since what is known is stale for want of another one.
    stale_since: Option<Timestamp>,
    /// Time at which it was woken up last, whoever wanted that.
    woken_at: Option<Timestamp>,
    fences: Fences,
}

/// What one read has shown.
#[derive(Debug)]
pub(crate) struct Sight<'s> {
    /// The state before it and after it.
    pub(crate) before: Option<&'s VehicleState>,
    pub(crate) after: Option<&'s VehicleState>,
    /// The place before it.
    pub(crate) place_before: Option<&'s Location>,
    /// The place after it, if the read has told one that is not older.
    pub(crate) place: Option<&'s Location>,
    pub(crate) geofences: &'s [Geofence],
    pub(crate) now: Timestamp,
}

impl Sight<'_> {
    /// Whether the vehicle has moved. What is known for the first time shows no movement.
    fn shows_movement(&self) -> bool {
        let odometer = |state: Option<&VehicleState>| state.and_then(|state| state.odometer_km);
        let driven = odometer(self.before).zip(odometer(self.after));
        let moved = self.place_before.zip(self.place);
        driven.is_some_and(|(before, after)| after - before >= DRIVEN)
            || moved.is_some_and(|(before, after)| {
                let is_newer = after.vehicle_time > before.vehicle_time;
                is_newer && metres(before, after.latitude, after.longitude) >= MOVED
            })
    }
}

impl Rhythm {
    /// Takes in what a read has shown. Returns what is to be told of it.
    pub(crate) fn saw(&mut self, sight: &Sight<'_>) -> Vec<VehicleEvent> {
        let mut events = Vec::new();
        if self.stale_since.take().is_some() {
            events.push(VehicleEvent::DataFresh);
        }
        let moves = sight.shows_movement();
        if moves {
            self.moved_at = Some(sight.now);
        }
        let is_changed = moves || sight.before != sight.after;
        self.unchanged = if is_changed { 0 } else { self.unchanged.saturating_add(1) };
        self.last_read_at = Some(sight.now);
        events.extend(self.charge(sight.after));
        if let Some(place) = sight.place {
            events.extend(self.fences.saw(place, sight.geofences));
        }
        events
    }

    fn charge(&mut self, state: Option<&VehicleState>) -> Option<VehicleEvent> {
        let state = state?;
        let (charging, soc_percent) = (state.charging?, state.soc_percent);
        match (self.charging.replace(charging)?, charging) {
            (false, true) => Some(VehicleEvent::ChargeStarted { soc_percent }),
            (true, false) => Some(VehicleEvent::ChargeEnded { soc_percent }),
            _ => None,
        }
    }

    /// Expects a change soon: somebody has commanded the vehicle, or wanted to know how it is.
    pub(crate) fn stir(&mut self) {
        self.unchanged = 0;
    }

    /// Records that what is known is stale. Returns the time of the last read, if that is news.
    pub(crate) fn becomes_stale(&mut self) -> Option<Timestamp> {
        let last = self.last_read_at?;
        match self.stale_since {
            Some(_) => None,
            None => Some(*self.stale_since.insert(last)),
        }
    }

    /// Whether what is known is stale for want of a read.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale_since.is_some()
    }

    /// Moves to now what a wrong clock has written into the future: no read would be due before that time comes.
    /// What is moved has to be stored, or each look would move it again.
    pub(crate) fn not_after(&mut self, now: Timestamp) {
        let own = [&mut self.last_read_at, &mut self.moved_at, &mut self.stale_since, &mut self.woken_at];
        for at in own.into_iter().flatten().chain(self.fences.times()) {
            move_back(at, now);
        }
    }

    /// Returns the time of the last read.
    pub(crate) fn last_read_at(&self) -> Option<Timestamp> {
        self.last_read_at
    }

    /// Whether it was read so shortly before that no read is due, if `least` is the shortest interval that there
    /// may be. When it was read that a wrong clock has dated into the future is not known.
    pub(crate) fn was_just_read(&self, poll: &Poll, least: Duration, now: Timestamp) -> bool {
        let (_, interval) = super::schedule::interval(poll, self, now);
        let interval = SignedDuration::try_from(interval.max(least)).unwrap_or(SignedDuration::MAX);
        let since = self.last_read_at.map(|last| now.duration_since(last));
        since.is_some_and(|since| -AHEAD <= since && since < interval)
    }

    /// Records when the vehicle was woken up last. Returns what was recorded before.
    pub(crate) fn woken(&mut self, at: Option<Timestamp>) -> Option<Timestamp> {
        std::mem::replace(&mut self.woken_at, at)
    }

    /// Returns the time at which the vehicle was woken up last, whoever wanted that.
    pub(crate) fn woken_at(&self) -> Option<Timestamp> {
        self.woken_at
    }

    pub(super) fn unchanged(&self) -> u32 {
        self.unchanged
    }

    /// Returns the time since the vehicle was last seen to have moved.
    pub(super) fn still_for(&self, now: Timestamp) -> Option<SignedDuration> {
        self.moved_at.map(|at| now.duration_since(at))
    }

    pub(super) fn is_charging(&self) -> bool {
        self.charging == Some(true)
    }

    /// Forgets the geofences that are not among these, and looks in which of those that are new the vehicle is. That
    /// tells nothing.
    pub(crate) fn fit(&mut self, geofences: &[Geofence]) {
        self.fences.fit(geofences);
    }

    /// Returns the geofences that the vehicle is in.
    pub(crate) fn fences(&self) -> &Fences {
        &self.fences
    }

    /// Whether more differs from what is stored than is worth a write to the disk: what was counted, and the
    /// time of the last read by less than a minute, are not.
    pub(crate) fn is_worth_storing(&self, stored: &Self) -> bool {
        let later = match (self.last_read_at, stored.last_read_at) {
            (Some(last), Some(stored)) => last.duration_since(stored).abs() >= WORTH_STORING,
            (last, stored) => last != stored,
        };
        let (last_read_at, unchanged) = (self.last_read_at, self.unchanged);
        later || *self != Self { last_read_at, unchanged, ..stored.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn state(charging: Option<bool>, odometer: f64) -> VehicleState {
        VehicleState {
            charging,
            odometer_km: Some(odometer),
            soc_percent: Some(50.0),
            ..VehicleState::default()
        }
    }

    /// Reads these states, one each minute, and returns what is told.
    fn told(rhythm: &mut Rhythm, states: &[VehicleState]) -> Vec<VehicleEvent> {
        let mut events = Vec::new();
        let mut before = None;
        for (minute, after) in (0..).zip(states) {
            let (place_before, place, geofences) = (None, None, &[][..]);
            let now = at(minute);
            events.extend(rhythm.saw(&Sight {
                before,
                after: Some(after),
                place_before,
                place,
                geofences,
                now,
            }));
            before = Some(after);
        }
        events
    }

    #[test]
    fn charging_is_told_when_it_begins_and_when_it_ends_and_not_again() {
        let mut rhythm = Rhythm::default();
        let [no, yes, unsaid] = [Some(false), Some(true), None].map(|charging| state(charging, 1.0));
        let states = [&yes, &yes, &unsaid, &yes, &no, &unsaid, &no, &yes].map(Clone::clone);
        let events = told(&mut rhythm, &states);
        let soc_percent = Some(50.0);
        let expected =
            [VehicleEvent::ChargeEnded { soc_percent }, VehicleEvent::ChargeStarted { soc_percent }];
        assert_eq!(events, expected, "what it did before anybody looked has not begun");
        let stored = serde_json::to_vec(&rhythm).unwrap();
        let mut restarted: Rhythm = serde_json::from_slice(&stored).unwrap();
        assert_eq!(told(&mut restarted, &[yes]), [], "a restart tells nothing twice");
    }

    #[test]
    fn what_changes_nothing_is_counted_until_somebody_expects_a_change() {
        let mut rhythm = Rhythm::default();
        told(&mut rhythm, &vec![state(None, 1.0); 4]);
        assert_eq!((rhythm.unchanged(), rhythm.still_for(at(3))), (3, None));
        rhythm.stir();
        assert_eq!(rhythm.unchanged(), 0);
        told(&mut rhythm, &[state(None, 1.0), state(None, 1.02), state(None, 1.4)]);
        assert_eq!(rhythm.still_for(at(2)), Some(SignedDuration::ZERO));
    }

    #[test]
    fn a_place_that_is_new_and_far_away_is_a_movement() {
        let place =
            |longitude, minute| Location { latitude: 50.0, longitude, vehicle_time: Some(at(minute)) };
        for (after, moves) in [
            (place(8.0, 2), false),
            (place(8.002, 2), false),
            (place(8.01, 2), true),
            (place(8.01, 1), false),
        ] {
            let mut rhythm = Rhythm::default();
            let before = place(8.0, 1);
            rhythm.saw(&Sight {
                before: None,
                after: None,
                place_before: Some(&before),
                place: Some(&after),
                geofences: &[],
                now: at(3),
            });
            assert_eq!(rhythm.still_for(at(3)).is_some(), moves, "{after:?}");
        }
    }

    #[test]
    fn a_position_that_a_wrong_clock_has_dated_hides_no_later_one() {
        let home = [Geofence { name: "home".to_owned(), latitude: 50.0, longitude: 8.0, radius_m: 150 }];
        let mut rhythm = Rhythm::default();
        let mut placed = |longitude, minute, clock| {
            let place = Location { latitude: 50.0, longitude, vehicle_time: Some(at(minute)) };
            rhythm.not_after(at(clock));
            let (before, after, place_before, place) = (None, None, None, Some(&place));
            rhythm.saw(&Sight { before, after, place_before, place, geofences: &home, now: at(clock) }).len()
        };
        assert_eq!([placed(8.0, 0, 0), placed(8.0, 600_000, 600_000), placed(8.02, 11, 10)], [0, 0, 1]);
    }

    #[test]
    fn it_becomes_stale_once_and_fresh_once() {
        let mut rhythm = Rhythm::default();
        assert_eq!(rhythm.becomes_stale(), None, "nothing was ever read");
        told(&mut rhythm, &[state(None, 1.0)]);
        assert_eq!(rhythm.becomes_stale(), Some(at(0)));
        assert_eq!(rhythm.becomes_stale(), None);
        assert_eq!(told(&mut rhythm, &[state(None, 1.0); 1]), [VehicleEvent::DataFresh]);
        assert!(!rhythm.is_stale());
    }

    #[test]
    fn the_time_of_the_last_read_is_stored_once_a_minute() {
        let mut rhythm = Rhythm::default();
        told(&mut rhythm, &[state(None, 1.0)]);
        assert!(rhythm.is_worth_storing(&Rhythm::default()));
        let stored = rhythm.clone();
        for (seconds, worth) in [(30, false), (59, false), (60, true)] {
            rhythm.last_read_at = Some(at(0) + SignedDuration::from_secs(seconds));
            assert_eq!(rhythm.is_worth_storing(&stored), worth, "{seconds}");
        }
    }
}
