//! Calls counted in a rolling window.

use alloc::collections::VecDeque;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// Number of pieces of the window; it forgets one piece at a time.
const BUCKETS: u32 = 10;

/// Counts of calls that ended, and of the failures among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All calls.
    pub calls: u32,
    /// Failures among them.
    pub failures: u32,
}

impl Counts {
    /// Share of failures; none without calls.
    #[must_use]
    pub fn ratio(self) -> Option<f64> {
        (self.calls > 0).then(|| f64::from(self.failures) / f64::from(self.calls))
    }

    pub(super) fn record(&mut self, failed: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(failed.into());
    }
}

/// The calls of the latest time. Its length comes with every question, because the policy sets it and
/// policies are swapped: the counts from before a swap stay and are measured by the new length.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Window {
    /// Buckets, the latest last. Each begins at least a tenth of the length after the one before it. Ten at
    /// most, and less than a hundred while the length grows.
    buckets: VecDeque<Bucket>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bucket {
    #[serde(with = "milliseconds")]
    since: Duration,
    counts: Counts,
}

impl Bucket {
    fn has_expired(&self, now: Duration, length: Duration) -> bool {
        now.saturating_sub(self.since) >= length
    }
}

impl Window {
    /// Counts a call that ended now, and returns what the window then holds.
    pub(super) fn record(&mut self, now: Duration, length: Duration, failed: bool) -> Counts {
        while self.buckets.front().is_some_and(|bucket| bucket.has_expired(now, length)) {
            self.buckets.pop_front();
        }
        match self.buckets.back_mut() {
            Some(bucket) if !bucket.has_expired(now, length / BUCKETS) => bucket.counts.record(failed),
            _ => {
                let mut counts = Counts::default();
                counts.record(failed);
                self.buckets.push_back(Bucket { since: now, counts });
            }
        }
        self.counts(now, length)
    }

    /// Returns the counts that the window holds now.
    pub(super) fn counts(&self, now: Duration, length: Duration) -> Counts {
        let held = self.buckets.iter().filter(|bucket| !bucket.has_expired(now, length));
        held.fold(Counts::default(), |sum, bucket| Counts {
            calls: sum.calls.saturating_add(bucket.counts.calls),
            failures: sum.failures.saturating_add(bucket.counts.failures),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_small_even_while_its_length_grows() {
        let mut window = Window::default();
        let mut now = Duration::ZERO;
        for _ in 0..1_000 {
            // Length at which nothing is forgotten yet, and not longer than settings allow.
            let length = now + Duration::from_nanos(1);
            let length = length.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
            window.record(now, length, false);
            assert!(window.buckets.len() <= 100, "{}", window.buckets.len());
            now += length / BUCKETS;
        }
        assert!(window.buckets.len() <= 10, "grown up, it forgets");
    }
}
