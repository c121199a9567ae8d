//! Settings of a circuit: when it opens, and how it closes.

use core::ops::RangeInclusive;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cause, Counts};
use crate::milliseconds;

/// The rules of a circuit. Every way of making them keeps them within bounds: no value makes a circuit that
/// never probes, or one that stays open for good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Settings {
    /// Failures in a row; 0 means that the rule is off.
    consecutive_failures: u32,
    /// Share from 0 to 1; 0 means that the rule is off.
    failure_ratio: f32,
    minimum_calls: u32,
    #[serde(with = "milliseconds")]
    pub(super) window: Duration,
    #[serde(with = "milliseconds")]
    pub(super) open_for: Duration,
    pub(super) probes: u32,
    #[serde(with = "milliseconds")]
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
    /// Allowed lengths of the rolling window.
    pub const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
    /// Allowed times that a circuit stays open before it lets probes through.
    pub const OPEN_FOR: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
    /// Allowed numbers of probes at once.
    pub const PROBES: RangeInclusive<u32> = 1..=32;
    /// Allowed times that a probe keeps its place.
    pub const PROBE_LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

    /// Opens after this number of failures in a row; 0 switches this rule off.
    #[must_use]
    pub const fn consecutive_failures(self, failures: u32) -> Self {
        Self { consecutive_failures: failures, ..self }
    }

    /// Opens when at least this share of the calls in a rolling window failed and there were at least
    /// `minimum_calls` of them. 0 switches this rule off, and so does a share that is not a number or less
    /// than 0. A share above 1 counts as 1, a minimum of 0 as 1, and the window is brought within
    /// [`Self::WINDOW`].
    #[must_use]
    pub fn failure_ratio(self, ratio: f32, minimum_calls: u32, window: Duration) -> Self {
        Self {
            failure_ratio: if ratio > 0.0 { ratio.min(1.0) } else { 0.0 },
            minimum_calls: minimum_calls.max(1),
            window: within(window, Self::WINDOW),
            ..self
        }
    }

    /// Refuses for this time before it lets probes through, within [`Self::OPEN_FOR`].
    #[must_use]
    pub fn open_for(self, open_for: Duration) -> Self {
        Self { open_for: within(open_for, Self::OPEN_FOR), ..self }
    }

    /// Lets this number of probes through at once and decides when as many results are in. After `lease`
    /// without a result a probe's place is free again. Both are brought within [`Self::PROBES`] and
    /// [`Self::PROBE_LEASE`].
    #[must_use]
    pub fn probes(self, probes: u32, lease: Duration) -> Self {
        Self { probes: within(probes, Self::PROBES), probe_lease: within(lease, Self::PROBE_LEASE), ..self }
    }

    /// Returns the cause for which a closed circuit opens; none if it stays closed.
    pub(super) fn opens(&self, in_a_row: u32, window: Counts) -> Option<Cause> {
        if self.consecutive_failures > 0 && in_a_row >= self.consecutive_failures {
            return Some(Cause::InARow(in_a_row));
        }
        (window.calls >= self.minimum_calls && self.reached_by(window)).then_some(Cause::Share(window))
    }

    /// Whether a half-open circuit opens again once these results are in. Without a share to measure them by,
    /// one failure is enough.
    pub(super) fn opens_again(&self, probes: Counts) -> bool {
        if self.failure_ratio > 0.0 { self.reached_by(probes) } else { probes.failures > 0 }
    }

    /// Share of failures; none as long as there are too few calls to tell.
    pub(super) fn ratio(&self, window: Counts) -> Option<f64> {
        (window.calls >= self.minimum_calls).then(|| window.ratio()).flatten()
    }

    /// Compares in the precision of the setting: one of ten calls reaches a tenth.
    fn reached_by(&self, counts: Counts) -> bool {
        self.failure_ratio > 0.0 && counts.ratio().is_some_and(|ratio| ratio as f32 >= self.failure_ratio)
    }
}

/// Settings as they are written, which may be anything.
#[derive(Deserialize)]
struct Written {
    consecutive_failures: u32,
    failure_ratio: f32,
    minimum_calls: u32,
    #[serde(with = "milliseconds")]
    window: Duration,
    #[serde(with = "milliseconds")]
    open_for: Duration,
    probes: u32,
    #[serde(with = "milliseconds")]
    probe_lease: Duration,
}

impl From<Written> for Settings {
    fn from(written: Written) -> Self {
        Self::default()
            .consecutive_failures(written.consecutive_failures)
            .failure_ratio(written.failure_ratio, written.minimum_calls, written.window)
            .open_for(written.open_for)
            .probes(written.probes, written.probe_lease)
    }
}

fn within<T: Ord + Copy>(value: T, bounds: RangeInclusive<T>) -> T {
    value.clamp(*bounds.start(), *bounds.end())
}
