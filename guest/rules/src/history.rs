//! History of an account's refreshes: when the next one may be tried, and how many there were.

use alloc::collections::VecDeque;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fight::Fight;
use crate::milliseconds;

/// The longest pause that a server or a policy can ask for.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// Shortest time between two refreshes that no refusal has asked for. A token that lives twenty seconds is
/// used until it is refused; refreshing it early would be refreshing it all the time.
pub const LEAST_DISTANCE: Duration = Duration::from_secs(30);

/// Shortest and longest pause after a refresh that failed.
const PAUSE: core::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Failures with which a pause grows where growing protects no one: that makes it 4 s.
const FEW: u32 = 3;

/// Failures that a host has at its start before its pauses grow beyond that. After a power cut the router, or
/// the cloud, comes back later than the host, and people wait for a first look at their car.
const AT_THE_START: u32 = 24;

const HOUR: Duration = Duration::from_secs(3_600);

/// Most refreshes of a session within an hour: a token that lives twenty seconds needs half of that.
pub const MOST_AN_HOUR: usize = 360;

/// A session that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Over {
    generation: u64,
    /// Whether the sign-in that follows it was made.
    is_followed: bool,
}

/// A refresh that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failed<W> {
    #[serde(with = "milliseconds")]
    at: Duration,
    why: W,
}

/// Reason why no refresh may be tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow<W> {
    /// The pause after the last failure is not over.
    Paused {
        /// Time that is left of it.
        retry_in: Duration,
        /// Cause of that failure.
        why: W,
    },
    /// The session was refreshed [`MOST_AN_HOUR`] times within an hour.
    TooMany,
}

/// The refreshes of one account. Times are monotonic; `W` is the cause of a failure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History<W> {
    failures: u32,
    /// Time and cause of the last failure: a caller that comes before the next refresh is due is told the
    /// same.
    last_failure: Option<Failed<W>>,
    #[serde(with = "milliseconds::optional")]
    retry_after: Option<Duration>,
    fight: Fight,
    /// The generation that ended early last, so that a refresh that is tried again does not count as another
    /// end.
    ended_early: Option<u64>,
    #[serde(with = "milliseconds")]
    next_attempt: Duration,
    #[serde(with = "milliseconds::list")]
    refreshed: VecDeque<Duration>,
    /// The last session that the vendor has called over.
    over: Option<Over>,
    /// Whether the account's cloud has answered well since the host started.
    settled: bool,
}

impl<W> Default for History<W> {
    fn default() -> Self {
        Self {
            failures: 0,
            last_failure: None,
            retry_after: None,
            fight: Fight::default(),
            ended_early: None,
            next_attempt: Duration::ZERO,
            refreshed: VecDeque::new(),
            over: None,
            settled: false,
        }
    }
}

impl<W: Clone> History<W> {
    /// Records that the session of this generation is over. Returns whether a sign-in may follow: one is made for each.
    pub fn over(&mut self, generation: u64) -> bool {
        let over = self.over.filter(|over| over.generation == generation);
        let over = over.unwrap_or(Over { generation, is_followed: false });
        self.over = Some(over);
        !over.is_followed
    }

    /// Whether the session of this generation is over, and the sign-in that follows it was not made yet.
    #[must_use]
    pub fn awaits_sign_in(&self, generation: u64) -> bool {
        self.over == Some(Over { generation, is_followed: false })
    }

    /// Records that the sign-in was made that follows a session of this generation.
    pub fn signed_in_after(&mut self, generation: u64) {
        self.over = Some(Over { generation, is_followed: true });
    }

    /// Applies the host's own rules: after a failure a growing pause, and a limit on refreshes an hour.
    ///
    /// # Errors
    ///
    /// When no refresh may be tried now.
    pub fn may_try(&mut self, now: Duration) -> Result<(), NotNow<W>> {
        self.has_room(now)?;
        match (&self.last_failure, self.pause_left(now)) {
            (Some(failed), Some(retry_in)) => Err(NotNow::Paused { retry_in, why: failed.why.clone() }),
            _ => Ok(()),
        }
    }

    /// Applies the limit on refreshes an hour alone: a person does not wait for a pause.
    ///
    /// # Errors
    ///
    /// When no refresh may be tried now.
    pub fn has_room(&mut self, now: Duration) -> Result<(), NotNow<W>> {
        if self.within_an_hour(now) >= MOST_AN_HOUR { Err(NotNow::TooMany) } else { Ok(()) }
    }

    /// Returns the time until the next refresh may be tried after a failure.
    #[must_use]
    pub fn pause_left(&self, now: Duration) -> Option<Duration> {
        self.last_failure.as_ref()?;
        self.next_attempt.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Returns the number of refreshes within the last hour.
    pub fn within_an_hour(&mut self, now: Duration) -> usize {
        while self.refreshed.front().is_some_and(|at| now.saturating_sub(*at) >= HOUR) {
            self.refreshed.pop_front();
        }
        self.refreshed.len()
    }

    /// Whether something keeps ending the account's sessions.
    pub fn is_fighting(&mut self, now: Duration) -> bool {
        self.fight.is_on(now)
    }

    /// Records that the cloud has answered well: from now on pauses protect it from the first failure on.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Whether the cloud has answered well.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Returns the number of failures by which pauses grow.
    #[must_use]
    pub fn strain(&self) -> u32 {
        if self.settled || self.failures <= FEW {
            return self.failures;
        }
        FEW + self.failures.saturating_sub(AT_THE_START)
    }

    /// Records that a session of this generation has ended before its time. Counted once, however often its
    /// refresh is tried.
    ///
    /// # Errors
    ///
    /// When that happens too often: the time until the next refresh, and whether that is news.
    pub fn ended_early(&mut self, generation: u64, now: Duration) -> Result<(), (Duration, bool)> {
        if self.ended_early != Some(generation) {
            self.fight.admit(now)?;
            self.ended_early = Some(generation);
        }
        Ok(())
    }

    /// Records a failure, and returns the pause until the next try: twice the last one up to a cap, or as
    /// long as the server wants. An early refresh is in no hurry. What never arrived strains no server, so
    /// the pause after it grows no further than to a few seconds, however long the outage.
    pub fn failed(
        &mut self,
        now: Duration,
        early: bool,
        arrived: bool,
        why: W,
        retry_after: Option<Duration>,
    ) -> Duration {
        if arrived || self.failures < FEW {
            self.failures = self.failures.saturating_add(1);
        }
        let grown = PAUSE.start().saturating_mul(1 << self.strain().min(16).saturating_sub(1));
        let least = if early { LEAST_DISTANCE } else { Duration::ZERO };
        let told = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        let pause = grown.min(*PAUSE.end()).max(least).max(told);
        self.next_attempt = now + pause;
        self.retry_after = retry_after;
        self.last_failure = Some(Failed { at: now, why });
        pause
    }

    /// Why the last try came to nothing, if none has succeeded since.
    #[must_use]
    pub fn last_failure(&self) -> Option<&W> {
        self.last_failure.as_ref().map(|failed| &failed.why)
    }

    /// Returns the time since the last failure, if none has succeeded since.
    #[must_use]
    pub fn since_failure(&self, now: Duration) -> Option<Duration> {
        self.last_failure.as_ref().map(|failed| now.saturating_sub(failed.at))
    }

    /// Returns what the server wanted to be left alone for when the last try failed.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Records a refresh that worked.
    pub fn succeeded(&mut self, now: Duration) {
        self.within_an_hour(now);
        self.refreshed.push_back(now);
        self.forget_failures();
    }

    /// Forgets failures: the next refresh may be tried at once.
    pub fn forget_failures(&mut self) {
        self.failures = 0;
        self.retry_after = None;
        self.last_failure = None;
        self.settled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> &'static str {
        "no answer"
    }

    fn settled() -> History<&'static str> {
        History { settled: true, ..History::default() }
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_obey_the_server_up_to_an_hour() {
        let now = Duration::from_secs(1_000);
        let mut history = settled();
        let pauses: Vec<u64> =
            (0..9).map(|_| history.failed(now, false, true, failed(), None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        for (told, pause) in [(90, 90), (5, 60), (999_999, 3_600)] {
            let told = Some(Duration::from_secs(told));
            assert_eq!(history.failed(now, false, true, failed(), told).as_secs(), pause);
        }
        assert!(matches!(history.may_try(now), Err(NotNow::Paused { .. })));
        assert!(history.may_try(now + LONGEST_PAUSE).is_ok());
        history.succeeded(now);
        assert!(history.may_try(now).is_ok());
        assert_eq!(history.failed(now, true, true, failed(), None), LEAST_DISTANCE, "early, and in no hurry");
    }

    #[test]
    fn pauses_stay_short_while_nothing_arrives_and_for_a_while_after_a_start() {
        let now = Duration::from_secs(1_000);
        let failing =
            |history: &mut History<_>, arrived| history.failed(now, false, arrived, failed(), None).as_secs();
        let mut unreached = settled();
        assert!((0..10_000).all(|_| failing(&mut unreached, false) <= 4));
        assert_eq!(failing(&mut unreached, true), 8, "what arrives goes on from there");
        let mut starting = History::default();
        let pauses: Vec<u64> = (0..30).map(|_| failing(&mut starting, true)).collect();
        assert_eq!(pauses[..4], [1, 2, 4, 4]);
        assert_eq!(pauses[22..], [4, 4, 8, 16, 32, 60, 60, 60]);
        let told = starting.failed(now, false, true, failed(), Some(Duration::from_secs(90)));
        assert_eq!(told.as_secs(), 90, "the server has the last word");
        starting.settle();
        assert_eq!(failing(&mut starting, true), 60);
    }

    #[test]
    fn refreshes_an_hour_have_a_ceiling() {
        let mut history = History::<()>::default();
        for n in 0..MOST_AN_HOUR {
            let now = Duration::from_secs(n as u64);
            history.may_try(now).unwrap();
            history.succeeded(now);
        }
        assert!(matches!(history.may_try(Duration::from_secs(3_599)), Err(NotNow::TooMany)));
        assert!(history.may_try(Duration::from_secs(3_600)).is_ok(), "the first is an hour ago");
    }
}
