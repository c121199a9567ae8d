//! What a host remembers of a vehicle while it runs.

use std::time::Duration;

use jiff::Timestamp;

use super::controls::Controls;
use super::polling::{Plan, Rhythm};
use super::state::{Known, Published};
use crate::bindings::connector::VehicleRef;
use crate::wire::report::Report;

/// Memory of a vehicle: what was last published or done.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Knowledge of the vehicle. Change it by [`Vehicle::learn`](super::Vehicle::learn), so that it outlives a restart.
    pub(crate) known: Known,
    /// Rhythm of its reads. Change it by [`Vehicle::learn`] too.
    pub(crate) rhythm: Rhythm,
    /// That rhythm as it was stored last.
    pub(crate) rhythm_stored: Rhythm,
    /// Plan for its next read, as it was published last.
    pub(crate) plan: Option<Plan>,
    /// Whether anything was read since the host started, or so shortly before that nothing is due.
    pub(crate) is_confirmed: bool,
    /// Number of states published since the host started. What an earlier one knew is the first.
    pub(crate) seq: u64,
    /// Place of the vehicle in the cloud, once that is known.
    pub(crate) found: Option<Found>,
    /// Reason why the account does not have it, since the list was last read.
    pub(crate) missing: Option<Missing>,
    /// Whether it was read since it was found, or the next read by itself is early enough.
    pub(crate) was_read: bool,
    /// Number of questions about it, or commands, that were refused for good in a row.
    pub(crate) refusals: u32,
    /// Time at which the list was last read because of such refusals.
    pub(crate) looked_at: Option<Duration>,
    /// The latest step of the latest command.
    pub(crate) last_report: Option<Report>,
    /// The vendor's identifier of the last command that the cloud took.
    pub(crate) last_action: Option<String>,
    /// What the controls show beyond what is known.
    pub(crate) controls: Controls,
    /// Whether the configuration does not have the vehicle any more. What is under way ends, and what it finds out
    /// is not stored: that is the place of whichever car has the name by then.
    pub(crate) is_over: bool,
}

/// A vehicle as the cloud lists it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) vehicle: VehicleRef,
    /// Car that it is (see [`identity`](super::identity)), if that is known.
    pub(crate) car: Option<String>,
    pub(crate) operations: Vec<String>,
}

/// Absence of a vehicle from its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) message: String,
    pub(crate) since: Timestamp,
}

impl Memory {
    /// The state as it was published last, or as an earlier host knew it; none before anything was read.
    pub(crate) fn published(&self) -> Option<Published> {
        self.known.published(self.is_current(), self.seq)
    }

    /// Whether what is known is what the cloud had when it was to be read last.
    fn is_current(&self) -> bool {
        self.is_confirmed && !self.rhythm.is_stale()
    }

    /// The next state to publish. It has a number of its own; what is not published has none.
    pub(crate) fn publish(&mut self) -> Option<Published> {
        let published = self.known.published(self.is_current(), self.seq + 1)?;
        self.seq += 1;
        Some(published)
    }

    /// Returns the operations that the cloud's list says that it has, now or when an earlier host was told;
    /// none before it was found.
    pub(crate) fn operations(&self) -> Option<Vec<String>> {
        let found = self.found.as_ref().map(|found| &found.operations);
        found.or(self.known.operations.as_ref()).cloned()
    }
}
