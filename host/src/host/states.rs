//! What is known of a vehicle: taking in what a read has found, and publishing it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Host;
use crate::bindings::connector::ReadMode;
use crate::operation::OperationName;
use crate::state::{Meta, Published, Source, StateDocument};
use crate::vehicle::{Memory, Vehicle};

/// A traction battery does not fall from here to nothing between two reads; a sleeping battery management says 0.
const IMPLAUSIBLE_FALL: f64 = 3.0;

/// Vehicles tell the time in whole seconds: two answers within one are of the same time and yet both new.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(2);

/// How far a vehicle's clock may be ahead of the host's: time zones may be confused, days are not.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

impl Host {
    /// Publishes what a read has found, unless something newer is already there. `before` is the vehicle time that was
    /// known when the read began: a vehicle that was asked and has nothing newer has not answered.
    pub(super) fn publish_state(
        &self,
        vehicle: &Vehicle,
        found: serde_json::Value,
        source: Source,
        before: Option<Timestamp>,
    ) {
        let document: StateDocument = match serde_json::from_value(found) {
            Ok(document) => document,
            Err(error) => {
                tracing::warn!(vehicle = vehicle.slug, "the connector's state is not understood: {error}");
                return;
            }
        };
        let nothing_newer = document.vehicle_time.zip(before).is_some_and(|(found, before)| {
            found <= before && self.ground.clock.now().duration_since(found) > JUST_NOW
        });
        let stale = source == Source::Vehicle && nothing_newer;
        let location = document.location.clone();
        let published = {
            let mut memory = vehicle.memory();
            self.take_in(&mut memory, document, source, stale)
        };
        let Some(published) = published else {
            tracing::debug!(vehicle = vehicle.slug, "an older state is not published");
            if stale {
                self.publish_stale(vehicle);
            }
            return;
        };
        self.announce_state(vehicle, &published);
        if let Some(location) = location {
            vehicle.memory().location = Some(location.clone());
            self.announce_location(vehicle, &location);
        }
    }

    /// The next state to publish; none if what was found is older than what is known.
    fn take_in(
        &self,
        memory: &mut Memory,
        document: StateDocument,
        source: Source,
        stale: bool,
    ) -> Option<Published> {
        let StateDocument { state, vehicle_time, .. } = document;
        let mut state = state.plausible();
        let now = self.ground.clock.now();
        // A time that has not come yet would keep everything that follows from being published.
        let vehicle_time = vehicle_time.filter(|at| at.duration_since(now) < AHEAD);
        let last = memory.published.as_ref();
        let last_time = last.and_then(|last| last.meta.vehicle_time);
        if vehicle_time.is_some_and(|now| last_time.is_some_and(|last| now < last)) {
            return None;
        }
        let last_soc = last.and_then(|last| last.state.soc_percent);
        let fell = state.soc_percent == Some(0.0) && last_soc.is_some_and(|last| last > IMPLAUSIBLE_FALL);
        // Held back once. A battery that is really empty says so again.
        if fell && !memory.soc_doubted {
            state.soc_percent = last_soc;
        }
        memory.soc_doubted = fell;
        memory.seq += 1;
        let meta = Meta { vehicle_time, fetched_at: now, source, stale, seq: memory.seq };
        let published = Published { state, meta };
        memory.published = Some(published.clone());
        Some(published)
    }

    /// When the vehicle said what is known of it.
    pub(super) fn vehicle_time(vehicle: &Vehicle) -> Option<Timestamp> {
        vehicle.memory().published.as_ref().and_then(|published| published.meta.vehicle_time)
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

    /// Says that what is known is older than somebody wanted it to be.
    pub(super) fn publish_stale(&self, vehicle: &Vehicle) {
        let published = {
            let mut memory = vehicle.memory();
            let seq = memory.seq + 1;
            let Some(published) = &mut memory.published else { return };
            published.meta.stale = true;
            published.meta.seq = seq;
            let published = published.clone();
            memory.seq = seq;
            published
        };
        self.announce_state(vehicle, &published);
    }

    /// Remembers that the vendor said that this vehicle does not have an operation. It is not asked for again.
    pub(super) fn learn_unsupported(&self, vehicle: &Vehicle, name: OperationName) {
        let operations = {
            let mut memory = vehicle.memory();
            memory.unsupported.insert(name);
            memory.found.as_ref().map(|found| found.operations.clone())
        };
        if let Some(operations) = operations {
            self.announce_found(vehicle, &operations);
        }
    }
}
