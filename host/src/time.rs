//! The two clocks that decisions depend on, so that tests and replays can give their own.
//!
//! Waiting is not here: it is done with `tokio::time`, which tests can pause.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Greatest time by which a moment noted as past, or a vehicle's own clock, may lie ahead of the clock.
/// Clocks that are corrected move by less; one that moved by more was wrong, and its times would hold until
/// that moment comes.
pub const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Civil time and elapsed time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the civil time, as the machine believes. May jump.
    fn now(&self) -> Timestamp;

    /// Returns the time since the process started. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts counting now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Time before the first version of this program, in seconds since the epoch (2026-01-01). A clock that shows
/// less was never set, as on a board without a battery, and is not evidence against the times noted.
const NEVER_SET: i64 = 1_767_225_600;

/// Whether a clock that shows this time can be right.
pub(crate) fn is_set(now: Timestamp) -> bool {
    now.as_second() >= NEVER_SET
}

/// Returns a time that was noted as past, as it counts now: one that lies ahead by more than [`AHEAD`] was
/// noted by a clock that was wrong, and is moved to now. A moved time must be stored again, or every restart
/// moves it anew.
pub(crate) fn not_ahead(noted: Timestamp, now: Timestamp) -> Timestamp {
    if is_set(now) && noted.duration_since(now) > AHEAD { now } else { noted }
}

/// Moves a noted time as [`not_ahead`] does. Returns whether it moved.
pub(crate) fn move_back(noted: &mut Timestamp, now: Timestamp) -> bool {
    let before = std::mem::replace(noted, not_ahead(*noted, now));
    before != *noted
}

/// Returns an end that was noted together with its beginning, moved as [`not_ahead`] moves the beginning: it
/// keeps its distance.
pub(crate) fn end_not_ahead(end: Timestamp, beginning: Timestamp, now: Timestamp) -> Timestamp {
    let moved = not_ahead(beginning, now);
    moved.checked_add(end.duration_since(beginning)).unwrap_or(Timestamp::MAX)
}

/// Returns a length of time as the WIT interfaces count it. Saturates after 49 days.
pub(crate) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Returns a length of time that the WIT interfaces count.
pub(crate) fn of_milliseconds(milliseconds: u32) -> Duration {
    Duration::from_millis(milliseconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_by_a_clock_that_was_ahead_is_moved_to_now_with_its_end() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let day = SignedDuration::from_hours(24);
        for (noted, taken) in [
            (now - day, now - day),
            (now + AHEAD, now + AHEAD),
            (now + AHEAD + SignedDuration::from_secs(1), now),
            (now + day * 400, now),
            (Timestamp::MAX, now),
        ] {
            assert_eq!(not_ahead(noted, now), taken, "{noted}");
        }
        let never_set = Timestamp::UNIX_EPOCH + day;
        assert_eq!(not_ahead(now, never_set), now, "a board without a battery has just started");
        assert_eq!(end_not_ahead(now + day * 401, now + day * 400, now), now + day);
        assert_eq!(end_not_ahead(now + day, now, now), now + day);
        assert_eq!(end_not_ahead(Timestamp::MAX, now, now), Timestamp::MAX);
    }
}
