//! Time that passes only when every task waits: tokio's, paused.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use vehicle_connector::time::Clock;

/// Beginning of every simulation, in seconds since 1970.
const BEGINNING: i64 = 1_800_000_000;

/// A clock that follows tokio's. On a runtime whose time is paused, everything that happens is dated by the
/// order of events alone.
#[derive(Debug, Clone, Copy)]
pub struct PausedClock {
    began: Instant,
}

impl PausedClock {
    /// Starts a clock at the beginning.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Returns the clock for a simulated cloud.
    pub fn of_cloud(self) -> simulator::Clock {
        simulator::Clock::new(move || self.now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(BEGINNING).unwrap() + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}
