//! History of an account's refreshes: when the next one may be tried, and how many there were.

use std::collections::VecDeque;
use std::time::Duration;

use super::contention::Fight;
use super::expiry::LEAST_DISTANCE;
use super::{LONGEST_PAUSE, RefreshError};

/// Shortest and longest pause after a refresh that failed.
const PAUSE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Failures with which a pause grows where growing protects no one: that makes it 4 s.
const FEW: u32 = 3;

/// Failures that a host has at its start before its pauses grow beyond that. After a power cut the router, or
/// the cloud, comes back later than the host, and people wait for a first look at their car.
const AT_THE_START: u32 = 24;

const HOUR: Duration = Duration::from_secs(3_600);

/// Most refreshes of a session within an hour: a token that lives twenty seconds needs half of that.
pub(super) const MOST_AN_HOUR: usize = 360;

/// A session that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Over {
    generation: u64,
    /// Whether the sign-in that follows it was made.
    is_followed: bool,
}

/// The refreshes of one account. Times are monotonic.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(super) failures: u32,
    /// Time and cause of the last failure: a caller that comes before the next refresh is due is told the
    /// same.
    pub(super) last_failure: Option<(Duration, RefreshError)>,
    pub(super) retry_after: Option<Duration>,
    fight: Fight,
    /// The generation that ended early last, so that a refresh that is tried again does not count as another
    /// end.
    ended_early: Option<u64>,
    next_attempt: Duration,
    refreshed: VecDeque<Duration>,
    /// The last session that the vendor has called over.
    over: Option<Over>,
    /// Whether the account's cloud has answered well since the host started.
    settled: bool,
}

impl History {
    /// Records that the session of this generation is over. Returns whether a sign-in may follow: one is made for each.
    pub(super) fn over(&mut self, generation: u64) -> bool {
        let over = self.over.filter(|over| over.generation == generation);
        let over = over.unwrap_or(Over { generation, is_followed: false });
        self.over = Some(over);
        !over.is_followed
    }

    /// Whether the session of this generation is over, and the sign-in that follows it was not made yet.
    pub(super) fn awaits_sign_in(&self, generation: u64) -> bool {
        self.over == Some(Over { generation, is_followed: false })
    }

    /// Records that the sign-in was made that follows a session of this generation.
    pub(super) fn signed_in_after(&mut self, generation: u64) {
        self.over = Some(Over { generation, is_followed: true });
    }

    /// Applies the host's own rules: after a failure a growing pause, and a limit on refreshes an hour.
    ///
    /// # Errors
    ///
    /// When no refresh may be tried now.
    pub(super) fn may_try(&mut self, now: Duration) -> Result<(), RefreshError> {
        self.has_room(now)?;
        match (&self.last_failure, self.pause_left(now)) {
            (Some((_, why)), Some(retry_in)) => Err(RefreshError::NotDue {
                retry_in,
                why: why.to_string(),
                because: Some(Box::new(why.clone())),
            }),
            _ => Ok(()),
        }
    }

    /// Applies the limit on refreshes an hour alone: a person does not wait for a pause.
    ///
    /// # Errors
    ///
    /// When no refresh may be tried now.
    pub(super) fn has_room(&mut self, now: Duration) -> Result<(), RefreshError> {
        if self.within_an_hour(now) >= MOST_AN_HOUR { Err(RefreshError::TooManyRefreshes) } else { Ok(()) }
    }

    /// Returns the time until the next refresh may be tried after a failure.
    pub(crate) fn pause_left(&self, now: Duration) -> Option<Duration> {
        self.last_failure.as_ref()?;
        self.next_attempt.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Returns the number of refreshes within the last hour.
    pub(crate) fn within_an_hour(&mut self, now: Duration) -> usize {
        while self.refreshed.front().is_some_and(|at| now.saturating_sub(*at) >= HOUR) {
            self.refreshed.pop_front();
        }
        self.refreshed.len()
    }

    /// Whether something keeps ending the account's sessions.
    pub(crate) fn is_fighting(&mut self, now: Duration) -> bool {
        self.fight.is_on(now)
    }

    /// Records that the cloud has answered well: from now on pauses protect it from the first failure on.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Returns the number of failures by which pauses grow.
    pub(super) fn strain(&self) -> u32 {
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
    pub(super) fn ended_early(&mut self, generation: u64, now: Duration) -> Result<(), (Duration, bool)> {
        if self.ended_early != Some(generation) {
            self.fight.admit(now)?;
            self.ended_early = Some(generation);
        }
        Ok(())
    }

    /// Records a failure, and returns the pause until the next try: twice the last one up to a cap, or as
    /// long as the server wants. An early refresh is in no hurry. What never arrived strains no server, so
    /// the pause after it grows no further than to a few seconds, however long the outage.
    pub(super) fn failed(
        &mut self,
        now: Duration,
        early: bool,
        arrived: bool,
        why: RefreshError,
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
        self.last_failure = Some((now, why));
        pause
    }

    /// Why the last try came to nothing, if none has succeeded since.
    pub(crate) fn last_failure(&self) -> Option<&RefreshError> {
        self.last_failure.as_ref().map(|(_, why)| why)
    }

    pub(super) fn succeeded(&mut self, now: Duration) {
        self.within_an_hour(now);
        self.refreshed.push_back(now);
        self.forget_failures();
    }

    /// Forgets failures: the next refresh may be tried at once.
    pub(crate) fn forget_failures(&mut self) {
        self.failures = 0;
        self.retry_after = None;
        self.last_failure = None;
        self.settled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> RefreshError {
        RefreshError::Stopping
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_obey_the_server_up_to_an_hour() {
        let now = Duration::from_secs(1_000);
        let mut history = History { settled: true, ..History::default() };
        let pauses: Vec<u64> =
            (0..9).map(|_| history.failed(now, false, true, failed(), None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        for (told, pause) in [(90, 90), (5, 60), (999_999, 3_600)] {
            let told = Some(Duration::from_secs(told));
            assert_eq!(history.failed(now, false, true, failed(), told).as_secs(), pause);
        }
        assert!(matches!(history.may_try(now), Err(RefreshError::NotDue { because: Some(_), .. })));
        assert!(history.may_try(now + LONGEST_PAUSE).is_ok());
        history.succeeded(now);
        assert!(history.may_try(now).is_ok());
        assert_eq!(history.failed(now, true, true, failed(), None), LEAST_DISTANCE, "early, and in no hurry");
    }

    #[test]
    fn pauses_stay_short_while_nothing_arrives_and_for_a_while_after_a_start() {
        let now = Duration::from_secs(1_000);
        let failing =
            |history: &mut History, arrived| history.failed(now, false, arrived, failed(), None).as_secs();
        let mut unreached = History { settled: true, ..History::default() };
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
        let mut history = History::default();
        for n in 0..MOST_AN_HOUR {
            let now = Duration::from_secs(n as u64);
            history.may_try(now).unwrap();
            history.succeeded(now);
        }
        assert!(matches!(history.may_try(Duration::from_secs(3_599)), Err(RefreshError::TooManyRefreshes)));
        assert!(history.may_try(Duration::from_secs(3_600)).is_ok(), "the first is an hour ago");
    }
}
