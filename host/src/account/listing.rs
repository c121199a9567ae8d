//! Listing of an account's vehicles: who asks for the list, when it was read, and what requests need of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::futures::Notified;

use crate::bindings::connector::Vehicle;
use crate::primitives::VehicleIdentity;

/// The readings of an account's list.
#[derive(Default)]
pub(crate) struct Listing {
    /// Lock of the caller that asks for the list.
    turn: tokio::sync::Mutex<()>,
    /// Signal that the list has been read.
    read: tokio::sync::Notify,
    /// Signal that the list can be read now, when it could not be before.
    possible: tokio::sync::Notify,
    /// Time of the last reading, on the monotonic clock.
    read_at: Mutex<Option<Duration>>,
    /// Identification numbers of the vehicles, by the vendor's identifiers. In memory only: nothing that is stored
    /// or told names a car that way.
    vins: Mutex<BTreeMap<String, String>>,
}

impl fmt::Debug for Listing {
    /// No identification number is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("read_at", &self.read_at).finish_non_exhaustive()
    }
}

impl Listing {
    /// Waits until no other caller asks for the list.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Waits until the list is read the next time.
    pub(crate) fn next(&self) -> Notified<'_> {
        self.read.notified()
    }

    /// Says that the list can be read now: somebody has signed in.
    pub(super) fn is_possible(&self) {
        self.possible.notify_one();
    }

    /// Waits until the list can be read.
    pub(crate) async fn possible(&self) {
        self.possible.notified().await;
    }

    /// Records that the list was read.
    pub(super) fn done(&self, now: Duration) {
        *self.read_at.lock() = Some(now);
        self.read.notify_waiters();
    }

    /// Learns the identification numbers of a list.
    pub(crate) fn learn(&self, vehicles: &[Vehicle]) {
        let known = vehicles.iter().filter(|vehicle| !vehicle.vin.trim().is_empty());
        *self.vins.lock() = known.map(|vehicle| (vehicle.id.clone(), vehicle.vin.clone())).collect();
    }

    /// Returns what identifies a vehicle in requests.
    pub(crate) fn identity(&self, id: &str) -> VehicleIdentity {
        VehicleIdentity { id: id.to_owned(), vin: self.vins.lock().get(id).cloned() }
    }

    /// Whether the list has been read since the host started.
    pub(crate) fn was_read(&self) -> bool {
        self.read_at.lock().is_some()
    }

    /// Whether the list was read within `time`.
    pub(crate) fn was_read_within(&self, time: Duration, now: Duration) -> bool {
        let at = *self.read_at.lock();
        at.is_some_and(|at| now.saturating_sub(at) < time)
    }
}
