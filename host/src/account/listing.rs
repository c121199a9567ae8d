//! Listing of an account's vehicles: who asks for the list, and when it was read.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::futures::Notified;

/// The readings of an account's list.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Lock of the caller that asks for the list.
    turn: tokio::sync::Mutex<()>,
    /// Signal that the list has been read.
    read: tokio::sync::Notify,
    /// Time of the last reading, on the monotonic clock.
    read_at: Mutex<Option<Duration>>,
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

    /// Records that the list was read.
    pub(super) fn done(&self, now: Duration) {
        *self.read_at.lock() = Some(now);
        self.read.notify_waiters();
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
