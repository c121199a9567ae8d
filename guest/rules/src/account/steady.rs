//! A clock that never goes back, made of one that may.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// What was shown last, and by how much the clock was set back since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Steady {
    #[serde(with = "milliseconds")]
    last: Duration,
    #[serde(with = "milliseconds")]
    behind: Duration,
}

impl Steady {
    pub(super) const fn at(now: Duration) -> Self {
        Self { last: now, behind: Duration::ZERO }
    }

    /// Returns the time at which the clock shows this.
    pub(super) fn now(&mut self, shown: Duration) -> Duration {
        let now = shown.saturating_add(self.behind);
        if now < self.last {
            // It was set back. What is remembered goes on from where it was.
            self.behind = self.last.saturating_sub(shown);
            return self.last;
        }
        self.last = now;
        now
    }
}
