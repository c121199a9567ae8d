//! Cars that are read by themselves, between two looks at them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Poll;
use crate::host::vehicle_desk::VehicleDesk;
use crate::vehicle::Vehicle;
use crate::vehicle::polling::Trouble;

/// A car that is read by itself.
pub(super) struct Car {
    pub(super) vehicle: Arc<Vehicle>,
    pub(super) poll: Poll,
    /// Place of its next read within the spread, from 0 to 1.
    pub(super) jitter: f64,
    pub(super) trouble: Option<InTrouble>,
    /// Time of the last read after which it was considered whether to wake the car up.
    pub(super) considered: Option<Timestamp>,
}

/// Trouble of a car, until its reads work again.
pub(super) struct InTrouble {
    pub(super) trouble: Trouble,
    /// End of the pause, on the monotonic clock.
    pub(super) until: Duration,
    pub(super) reason: String,
    /// Time of the last read when it began. A later one, whoever wanted it, ends it.
    pub(super) since: Option<Timestamp>,
}

impl Car {
    pub(super) fn of(desk: &VehicleDesk, vehicle: &Arc<Vehicle>) -> Option<Self> {
        let poll = vehicle.configured.poll?;
        let considered = vehicle.memory().rhythm.last_read_at();
        Some(Self { vehicle: Arc::clone(vehicle), poll, jitter: jitter(desk), trouble: None, considered })
    }

    pub(super) fn last_read_at(&self) -> Option<Timestamp> {
        self.vehicle.memory().rhythm.last_read_at()
    }
}

/// Draws a place within a spread, from 0 to 1: the middle of it if there is no randomness.
pub(super) fn jitter(desk: &VehicleDesk) -> f64 {
    let mut bytes = [0; 4];
    match desk.services.entropy.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
