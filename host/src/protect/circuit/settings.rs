//! When a circuit opens, and how it closes.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Cause, Counts};

/// The rules of a circuit. However they are made, they are within bounds: no value makes a circuit that never
/// probes, or one that stays open for good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// 0 means that the rule is off.
    consecutive_failures: u32,
    /// From 0 to 1; 0 means that the rule is off.
    failure_ratio: f32,
    minimum_calls: u32,
    pub(super) window: Duration,
    pub(super) open_for: Duration,
    pub(super) probes: u32,
    pub(super) probe_lease: Duration,
}

impl Default for Settings {
    /// Five failures in a row open it for a minute; one probe at a time, with half a minute to come back.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_ratio: 0.0,
            minimum_calls: 1,
            window: Duration::from_secs(60),
            open_for: Duration::from_secs(60),
            probes: 1,
            probe_lease: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// How long the rolling window may be.
    pub const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
    /// How long a circuit may stay open before it lets probes through.
    pub const OPEN_FOR: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
    /// How many probes there may be at once.
    pub const PROBES: RangeInclusive<u32> = 1..=32;
    /// How long a probe may have its place.
    pub const PROBE_LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

    /// Opens after so many failures in a row; 0 switches this rule off.
    #[must_use]
    pub const fn consecutive_failures(self, failures: u32) -> Self {
        Self { consecutive_failures: failures, ..self }
    }

    /// Opens when at least this share of the calls in a rolling window failed and there were at least so many of
    /// them. 0 switches this rule off, and so does what is no number or less than 0. A share above 1 is taken for 1,
    /// a minimum of 0 for 1, and the window is brought within [`Self::WINDOW`].
    #[must_use]
    pub fn failure_ratio(self, ratio: f32, minimum_calls: u32, window: Duration) -> Self {
        Self {
            failure_ratio: if ratio > 0.0 { ratio.min(1.0) } else { 0.0 },
            minimum_calls: minimum_calls.max(1),
            window: within(window, Self::WINDOW),
            ..self
        }
    }

    /// Refuses so long before it lets probes through, within [`Self::OPEN_FOR`].
    #[must_use]
    pub fn open_for(self, open_for: Duration) -> Self {
        Self { open_for: within(open_for, Self::OPEN_FOR), ..self }
    }

    /// Lets so many probes through at once and decides when as many results are in. After `lease` without a result a
    /// probe's place is free again. Both are brought within [`Self::PROBES`] and [`Self::PROBE_LEASE`].
    #[must_use]
    pub fn probes(self, probes: u32, lease: Duration) -> Self {
        Self { probes: within(probes, Self::PROBES), probe_lease: within(lease, Self::PROBE_LEASE), ..self }
    }

    /// Whether a closed circuit opens, and by which rule.
    pub(super) fn opens(&self, in_a_row: u32, window: Counts) -> Option<Cause> {
        if self.consecutive_failures > 0 && in_a_row >= self.consecutive_failures {
            return Some(Cause::InARow(in_a_row));
        }
        (window.calls >= self.minimum_calls && self.reached_by(window)).then_some(Cause::Share(window))
    }

    /// Whether a half-open circuit opens again once these results are in. Without a share to measure them by, one
    /// failure is enough.
    pub(super) fn opens_again(&self, probes: Counts) -> bool {
        if self.failure_ratio > 0.0 { self.reached_by(probes) } else { probes.failures > 0 }
    }

    /// The share that failed; none as long as there are too few calls to tell.
    pub(super) fn ratio(&self, window: Counts) -> Option<f64> {
        (window.calls >= self.minimum_calls).then(|| window.ratio()).flatten()
    }

    /// Compares in the precision of the setting: one of ten calls reaches a tenth.
    fn reached_by(&self, counts: Counts) -> bool {
        self.failure_ratio > 0.0 && counts.ratio().is_some_and(|ratio| ratio as f32 >= self.failure_ratio)
    }
}

fn within<T: Ord + Copy>(value: T, bounds: RangeInclusive<T>) -> T {
    value.clamp(*bounds.start(), *bounds.end())
}
