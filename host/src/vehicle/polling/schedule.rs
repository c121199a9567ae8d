//! When the next read of a vehicle by itself is due.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::Serialize;

use super::Rhythm;
use super::quiet;
use crate::config::{Poll, Quiet};

/// How many times the interval grows, at most, while nothing changes: of a car that stands, and of one that
/// does more than that.
const LONGEST_PARKED: u32 = 4;
const LONGEST_ACTIVE: u32 = 2;

/// Number of intervals for which a car counts as driven after it was last seen to have moved.
const STILL_DRIVEN: u32 = 3;

/// Share of an interval by which it is longer or shorter, so that not all homes ask at the same moment.
const SPREAD: f64 = 0.1;

/// Time over which the first reads after quiet hours are spread: the hours of many homes end at the same time.
const AFTER_QUIET: Duration = Duration::from_secs(5 * 60);

/// Reason for the interval at which a vehicle is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It stands.
    Parked,
    /// It charges.
    Charging,
    /// It was driven a moment ago.
    Driving,
    /// The hours are quiet.
    Quiet,
    /// It is not read by itself.
    Off,
    /// Something has to pass first.
    Waiting,
}

/// Obstacle to reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// End of it; none if it has no end that is known.
    pub(crate) until: Option<Timestamp>,
    /// What it is, in words.
    pub(crate) reason: String,
}

/// What a plan depends on.
#[derive(Debug)]
pub(crate) struct Situation<'s> {
    pub(crate) poll: &'s Poll,
    pub(crate) rhythm: &'s Rhythm,
    pub(crate) zone: &'s TimeZone,
    pub(crate) now: Timestamp,
    /// The shortest interval that the requests of the day allow.
    pub(crate) least: Duration,
    /// The obstacle that lasts longest.
    pub(crate) obstacle: Option<Obstacle>,
    /// Place within the spread, from 0 to 1.
    pub(crate) jitter: f64,
}

/// Plan for the next read, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    /// Interval, in seconds.
    pub(crate) interval_s: Option<u64>,
    /// Time of the next read; none if it is not known.
    pub(crate) next_read_at: Option<Timestamp>,
    /// Time of the last read, whoever wanted it.
    pub(crate) last_read_at: Option<Timestamp>,
    /// What has to pass first, in words.
    pub(crate) reason: Option<String>,
}

impl Plan {
    /// The plan of a vehicle that is not read by itself.
    pub(crate) const OFF: Self =
        Self { mode: Mode::Off, interval_s: None, next_read_at: None, last_read_at: None, reason: None };

    /// Whether a read is due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next_read_at.is_some_and(|next| next <= now)
    }

    /// Whether another plan is as good to whoever looks at it: its times are less than a minute apart from this
    /// one's. A flood of reads is not to be one of plans.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let near = |one: Option<Timestamp>, other: Option<Timestamp>| match (one, other) {
            (Some(one), Some(other)) => one.duration_since(other).abs() < SignedDuration::from_mins(1),
            (one, other) => one == other,
        };
        near(self.next_read_at, other.next_read_at)
            && near(self.last_read_at, other.last_read_at)
            && (self.mode, &self.reason) == (other.mode, &other.reason)
    }
}

/// Plans the next read.
///
/// It is due an interval after the last one, whoever wanted that; the interval is the configured one, longer
/// while nothing changes, and never shorter than the requests of the day allow. An obstacle and quiet hours put
/// it off; nothing brings it forward.
pub(crate) fn plan(situation: &Situation<'_>) -> Plan {
    let Situation { poll, rhythm, zone, now, least, obstacle, jitter } = situation;
    let (mode, interval) = interval(poll, rhythm, *now);
    let interval = interval.max(*least);
    let last_read_at = rhythm.last_read_at();
    let spread = interval.mul_f64(1.0 + SPREAD * (2.0 * jitter.clamp(0.0, 1.0) - 1.0));
    let due = last_read_at.map_or(*now, |last| later(last, spread)).max(*now);
    let plan = |mode, next, reason| Plan {
        mode,
        interval_s: Some(interval.as_secs()),
        next_read_at: next,
        last_read_at,
        reason,
    };
    let put_off = match obstacle {
        Some(Obstacle { until: None, reason }) => return plan(Mode::Waiting, None, Some(reason.clone())),
        Some(Obstacle { until: Some(until), reason }) if *until > due => Some((*until, reason.clone())),
        _ => None,
    };
    let (next, reason) = match put_off {
        Some((until, reason)) => (until, Some(reason)),
        None => (due, None),
    };
    let next = poll.quiet.map_or(next, |hours| after_quiet(hours, zone, next, *jitter));
    let mode = match (quiet::is_now(poll, zone, *now), &reason) {
        (true, _) => Mode::Quiet,
        (false, Some(_)) => Mode::Waiting,
        (false, None) => mode,
    };
    // Of what is not due yet, a second more or less does not matter, and is easier to read.
    let shown = if next > *now { next.round(Unit::Second).unwrap_or(next) } else { next };
    plan(mode, Some(shown), reason)
}

/// Returns what the vehicle does, and the interval for that.
pub(super) fn interval(poll: &Poll, rhythm: &Rhythm, now: Timestamp) -> (Mode, Duration) {
    let driven = SignedDuration::try_from(poll.driving * STILL_DRIVEN).unwrap_or(SignedDuration::MAX);
    let (mode, shortest, most) = if rhythm.is_charging() {
        (Mode::Charging, poll.charging, LONGEST_ACTIVE)
    } else if rhythm.still_for(now).is_some_and(|still| still <= driven) {
        (Mode::Driving, poll.driving, LONGEST_ACTIVE)
    } else {
        (Mode::Parked, poll.parked, LONGEST_PARKED)
    };
    let times = (1_u32 << rhythm.unchanged().min(16)).min(most);
    (mode, shortest * times)
}

/// Puts off what would be within quiet hours, or so shortly after them that it would come before its place in the
/// spread.
fn after_quiet(hours: Quiet, zone: &TimeZone, at: Timestamp, jitter: f64) -> Timestamp {
    let spread = AFTER_QUIET.mul_f64(jitter.clamp(0.0, 1.0));
    let end_of = |at| quiet::end(hours, zone, at);
    let Some(end) = end_of(at).or_else(|| end_of(earlier(at, spread))) else { return at };
    let next = later(end, spread);
    // Hours that are nearly the whole day leave no room for it.
    if end_of(next).is_some() { end.max(at) } else { next.max(at) }
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_sub(by).ok()).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
