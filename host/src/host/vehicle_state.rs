//! What is known of a vehicle: taking in what a read has found, and publishing it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Host;
use crate::bindings::connector::ReadMode;
use crate::vehicle::Vehicle;
use crate::vehicle::state::{Reading, Source, Taken, Unreadable};
use crate::wire::operation::OperationName;

impl Host {
    /// Takes in what a read of this car has found, and publishes what is known then, unless that was newer already. `before`
    /// is the vehicle time that was known when the read began.
    ///
    /// # Errors
    ///
    /// When it says nothing of the vehicle. What is known stays.
    pub(super) fn publish_state(
        &self,
        vehicle: &Vehicle,
        car: Option<&str>,
        found: &serde_json::Value,
        source: Source,
        before: Option<Timestamp>,
    ) -> Result<Taken, Unreadable> {
        let now = self.ground.clock.now();
        let reading = Reading::of(found)?;
        let taken = vehicle.learn_of(car, |memory| {
            let location = reading.location.as_ref();
            if location.is_some_and(|found| memory.known.take_location(found, source, now))
                && let Some(location) = memory.known.location()
            {
                self.announce_location(vehicle, location);
            }
            if !reading.has_values() {
                return Err(Unreadable::NoValues);
            }
            let taken = memory.known.take_in(&reading, source, before, now);
            memory.was_read = true;
            // The cloud has answered. If what it has is older, what is known is all there is.
            let was_confirmed = std::mem::replace(&mut memory.is_confirmed, true);
            let says_more = !matches!(taken, Taken::Older(_)) || !was_confirmed;
            if says_more && let Some(published) = memory.publish() {
                self.announce_state(vehicle, &published);
            }
            Ok(taken)
        });
        taken.unwrap_or(Err(Unreadable::AnotherCar))
    }

    /// When the vehicle said what is known of it.
    pub(super) fn vehicle_time(vehicle: &Vehicle) -> Option<Timestamp> {
        vehicle.memory().known.vehicle_time()
    }

    /// Wakes the vehicle only if what is known of it is older than that. Nothing known is no reason: the cloud may
    /// have something fresh.
    pub(super) fn smart(&self, vehicle: &Vehicle, max_age: Duration) -> ReadMode {
        let known = Self::vehicle_time(vehicle);
        let max_age = SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX);
        match known {
            Some(at) if self.ground.clock.now().duration_since(at) > max_age => ReadMode::Forced,
            _ => ReadMode::Cached,
        }
    }

    /// Says that this car was asked and did not answer: what is known is older than somebody wanted it to be.
    pub(super) fn publish_stale(&self, vehicle: &Vehicle, car: Option<&str>) {
        let published = vehicle.learn_of(car, |memory| {
            memory.known.remains_unanswered();
            if let Some(published) = memory.publish() {
                self.announce_state(vehicle, &published);
            }
        });
        if published.is_none() {
            tracing::debug!(vehicle = vehicle.slug, "the car that did not answer has its place no more");
        }
    }

    /// Remembers that the vendor said that this car does not have an operation. It is not asked for again.
    pub(super) fn learn_unsupported(&self, vehicle: &Vehicle, car: Option<&str>, name: OperationName) {
        let is_found = vehicle.learn_of(car, |memory| {
            memory.unsupported.insert(name);
            memory.found.is_some()
        });
        if is_found == Some(true) {
            self.announce_presence(vehicle);
        }
    }
}
