//! The two clocks that decisions depend on, so that tests and replays can give their own.
//!
//! Waiting is not here: it is done with `tokio::time`, which tests can pause.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Civil time and elapsed time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now, as the machine believes. May jump.
    fn now(&self) -> Timestamp;

    /// Since the process started. Never goes back.
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

/// A length of time as the WIT interfaces count it. Saturates after 584 million years.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
