//! Readings of a vehicle: taking in what a read has found, and publishing it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::Instrument as _;

use super::VehicleDesk;
use crate::bindings::connector::{Command, ReadMode};
use crate::operation::{Ended, Operation, Unobserved};
use crate::vehicle::polling::Sight;
use crate::vehicle::state::{Location, Reading, Source, Taken, Unreadable, VehicleState};
use crate::vehicle::{Memory, Vehicle};
use crate::wire::operation::{OperationName, span};
use crate::wire::outcome::Reason;

impl VehicleDesk {
    /// Takes in what a read of this car has found, and publishes what is known then, unless that was newer
    /// already. `before` is the vehicle time that was known when the read began.
    ///
    /// # Errors
    ///
    /// When the answer says nothing of the vehicle. What is known stays.
    pub(in crate::host) fn publish_state(
        &self,
        vehicle: &Vehicle,
        car: Option<&str>,
        found: &serde_json::Value,
        source: Source,
        before: Option<Timestamp>,
    ) -> Result<Taken, Unreadable> {
        let now = self.services.clock.now();
        let reading = Reading::of(found)?;
        let taken = vehicle.learn_of(car, |memory| {
            let extent = extent(memory);
            let (before_it, place_before) = (memory.published(), memory.known.location().cloned());
            let location = reading.location.as_ref();
            let placed = location.is_some_and(|found| memory.known.take_location(found, source, now));
            if placed && let Some(location) = memory.known.location() {
                self.announcer.announce_location(vehicle, location);
            }
            if !reading.has_values() {
                self.note_extent(vehicle, memory, extent);
                return Err(Unreadable::NoValues);
            }
            let was_stale = memory.rhythm.is_stale();
            let taken = memory.known.take_in(&reading, source, before, now);
            self.note_extent(vehicle, memory, extent);
            memory.was_read = true;
            // The cloud has answered. If its answer is older, what is known is all there is.
            let was_confirmed = std::mem::replace(&mut memory.is_confirmed, true);
            self.notice(vehicle, memory, before_it.map(|it| it.state), place_before, placed);
            let says_more = !matches!(taken, Taken::Older(_)) || !was_confirmed || was_stale;
            if says_more && let Some(published) = memory.publish() {
                self.announcer.announce_state(vehicle, &published);
            }
            memory.controls.look(&memory.known);
            self.announcer.announce_controls(vehicle, memory);
            Ok(taken)
        });
        vehicle.account.stirred.notify_one();
        taken.unwrap_or(Err(Unreadable::AnotherCar))
    }

    /// Tells Home Assistant of what is known for the first time.
    fn note_extent(&self, vehicle: &Vehicle, memory: &Memory, before: (usize, bool)) {
        if extent(memory) != before {
            self.announcer.discovery.changed(&vehicle.slug);
        }
    }

    /// Takes into the rhythm of the reads what one has shown, and tells what has happened. `before` and
    /// `place_before` were known before it; `placed` says whether it has told a place.
    fn notice(
        &self,
        vehicle: &Vehicle,
        memory: &mut Memory,
        before: Option<VehicleState>,
        place_before: Option<Location>,
        placed: bool,
    ) {
        let after = memory.published().map(|it| it.state);
        let sight = Sight {
            before: before.as_ref(),
            after: after.as_ref(),
            place_before: place_before.as_ref(),
            place: memory.known.location().filter(|_| placed),
            // Which circle it is in tells where it is.
            geofences: if self.announcer.shows_location(vehicle) { &vehicle.geofences } else { &[] },
            now: self.services.clock.now(),
        };
        let inside = |memory: &Memory| memory.rhythm.fences().inside().map(|all| all.join(" "));
        let inside_before = inside(memory);
        for event in memory.rhythm.saw(&sight) {
            self.announcer.announce_event(vehicle, &event);
        }
        if vehicle.queue.is_used() {
            // Now, and not only when the command is over: in between the next read would be planned for later, and
            // that be published.
            memory.rhythm.stir();
        }
        if inside(memory) != inside_before {
            self.announcer.announce_fences(vehicle, memory.rhythm.fences());
        }
    }

    /// Returns how to read a vehicle, waking it only if what is known of it is older than `max_age`. Having
    /// no state is not a reason to: the cloud may have something fresh.
    pub(in crate::host) fn smart(&self, vehicle: &Vehicle, max_age: Duration) -> ReadMode {
        let known = vehicle.memory().known.vehicle_time();
        let max_age = SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX);
        match known {
            Some(at) if self.services.clock.now().duration_since(at) > max_age => ReadMode::Forced,
            _ => ReadMode::Cached,
        }
    }

    /// Publishes that this car was asked and did not answer: what is known is older than the caller wanted it
    /// to be.
    pub(in crate::host) fn publish_stale(&self, vehicle: &Vehicle, car: Option<&str>) {
        let published = vehicle.learn_of(car, |memory| {
            memory.known.remains_unanswered();
            if let Some(published) = memory.publish() {
                self.announcer.announce_state(vehicle, &published);
            }
        });
        if published.is_none() {
            tracing::debug!(vehicle = vehicle.slug, "the car that did not answer has its place no more");
        }
    }

    /// Remembers that the vendor said that this car does not have an operation. It is not asked for again.
    pub(in crate::host) fn learn_unsupported(
        &self,
        vehicle: &Vehicle,
        car: Option<&str>,
        name: OperationName,
    ) {
        let is_found = vehicle.learn_of(car, |memory| {
            memory.known.offered.lacks(name.as_str(), self.services.clock.now());
            memory.found.is_some()
        });
        if is_found == Some(true) {
            self.announcer.announce_presence(vehicle);
        }
    }

    /// Reads a vehicle unasked: at the start, and after a command, whose effect shows only then. A cached
    /// read: it wakes no vehicle up.
    pub(in crate::host) async fn read(&self, vehicle: &Arc<Vehicle>) {
        let reading = self.reading(vehicle);
        if let Err((_, message)) = self.read_by(vehicle, &reading).await {
            tracing::warn!(
                operation = reading.id,
                vehicle = vehicle.slug,
                "the vehicle could not be read: {message}"
            );
        }
    }

    /// Makes the operation of such a read.
    pub(in crate::host) fn reading(&self, vehicle: &Vehicle) -> Operation {
        let id = format!("host-{}", uuid::Uuid::now_v7().simple());
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        Operation::new(id, OperationName::RefreshCached, account, slug)
    }

    /// Reads a vehicle that was found, from what the cloud has; does nothing with another one.
    ///
    /// # Errors
    ///
    /// When it could not be read: why, for programs and for people.
    pub(in crate::host) async fn read_by(
        &self,
        vehicle: &Arc<Vehicle>,
        operation: &Operation,
    ) -> Result<(), (Reason, String)> {
        self.read_in(vehicle, operation, ReadMode::Cached).await
    }

    /// Reads a vehicle that was found, in either way; does nothing with another one. A forced read has been
    /// counted by the caller.
    ///
    /// # Errors
    ///
    /// When it could not be read: why, for programs and for people.
    pub(super) async fn read_in(
        &self,
        vehicle: &Arc<Vehicle>,
        operation: &Operation,
        mode: ReadMode,
    ) -> Result<(), (Reason, String)> {
        self.read_once(vehicle, operation, mode).instrument(span(&operation.id)).await
    }

    async fn read_once(
        &self,
        vehicle: &Arc<Vehicle>,
        operation: &Operation,
        mode: ReadMode,
    ) -> Result<(), (Reason, String)> {
        let (known, vehicle_time) = {
            let memory = vehicle.memory();
            (memory.found.clone(), memory.known.vehicle_time())
        };
        let Some(mut found) = known else { return Ok(()) };
        let (source, before) = match mode {
            ReadMode::Forced => (Source::Vehicle, vehicle_time),
            ReadMode::Cached => (Source::Cached, None),
        };
        let command = Command::Read(mode);
        let mut end = operation.run(found.vehicle.clone(), command.clone(), &Unobserved).await;
        if let Some(moved) = self.moved(vehicle, &found.vehicle, operation, &end).await {
            found = moved;
            end = operation.run(found.vehicle.clone(), command, &Unobserved).await;
        }
        // It has cost requests too, and has perhaps found out how the account is.
        vehicle.account.announce();
        let car = found.car.as_deref();
        let state = match end {
            Ended::Succeeded { state: Some(state) } | Ended::Seen { state } => state,
            Ended::Succeeded { state: None } => {
                vehicle.learn_of(car, |memory| memory.was_read = true);
                return Ok(());
            }
            Ended::Failed { reason, words, .. } => {
                if source == Source::Vehicle && operation.allowance.arrived() {
                    self.publish_stale(vehicle, car);
                }
                return Err((reason, words.to_string()));
            }
        };
        let taken = self.publish_state(vehicle, car, &state, source, before);
        taken.map(|_| ()).map_err(|why| (why.reason(), why.to_string()))
    }
}

/// Extent of what is known of a vehicle: the number of its values, and whether it is known where it is. Neither goes
/// back.
fn extent(memory: &Memory) -> (usize, bool) {
    (memory.known.paths().count(), memory.known.location().is_some())
}
