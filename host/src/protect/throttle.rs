//! Throttle: the time until which a vendor wants an account to be left alone.
//!
//! `Retry-After` (RFC 9110 §10.2.3) and a spent daily limit are about the account, not about the one request
//! that was told. So they bind every operation of the account, whatever a policy makes of them, and outlive a
//! restart. An operation that has the time waits; others are rejected with the time of the next try. When a
//! long pause is over, the account's circuit lets one read find out whether the vendor has changed its mind.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::{end_not_ahead, not_ahead};

/// Longest time that a server can ask for. Daily limits end within a day; a server that asks for more is
/// mistaken.
pub(crate) const LONGEST_TOLD: Duration = Duration::from_secs(24 * 3_600);

/// Time for which an account is left alone after the vendor said that its daily limit is reached. The end of
/// the vendor's day is unknown, so the account is tried again now and then: after this time, and after twice
/// the last time if the limit is still reached.
const FIRST_LIMIT: Duration = Duration::from_secs(3_600);

/// The longest pause between two tries of an account whose daily limit is reached.
const LONGEST_LIMIT: Duration = Duration::from_secs(6 * 3_600);

/// Reason why an account is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// An answer named a time.
    Told,
    /// The vendor's limit of requests a day is reached. The vendor's own app may be locked out too.
    DailyLimit,
}

/// A time for which an account is left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Throttled {
    pub(crate) why: Why,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// Number of times in a row that the daily limit was found reached.
    #[serde(default)]
    in_a_row: u32,
}

impl Throttled {
    /// Returns the time that is left; zero when it is over.
    pub(crate) fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.until.duration_since(now)).unwrap_or_default()
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, until, .. } = self;
        match why {
            Why::Told => write!(f, "the cloud asked to be left alone until {until:.0}"),
            Why::DailyLimit => write!(
                f,
                "the vendor's limit of requests a day is reached for this account; the next try is at {until:.0}"
            ),
        }
    }
}

/// The throttle of one account.
#[derive(Debug)]
pub(crate) struct Throttle {
    key: String,
    current: Mutex<Option<Throttled>>,
    store: Arc<dyn Store>,
}

impl Throttle {
    /// Opens the throttle of an account as the store knows it.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) async fn open(account: &str, store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let current = load_document(store.as_ref(), Kind::Throttle, account).await?;
        Ok(Self { key: account.to_owned(), current: Mutex::new(current), store: Arc::clone(store) })
    }

    /// Returns the throttle, if the account is to be left alone now.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Throttled> {
        self.held(&mut self.lock(), now)
    }

    fn held(&self, current: &mut Option<Throttled>, now: Timestamp) -> Option<Throttled> {
        let throttled = current.as_mut()?;
        let since = not_ahead(throttled.since, now);
        if since != throttled.since {
            throttled.until = end_not_ahead(throttled.until, throttled.since, now);
            throttled.since = since;
            self.store(Some(throttled));
        }
        Some(throttled.clone()).filter(|throttled| now < throttled.until)
    }

    /// Records that an answer asked for this much patience. Returns the throttle, if it is longer than the
    /// one before.
    pub(crate) fn told(&self, told: Duration, now: Timestamp) -> Option<Throttled> {
        let mut current = self.lock();
        let until = after(now, told.min(LONGEST_TOLD))?;
        if self.held(&mut current, now).is_some_and(|held| held.until >= until) {
            return None;
        }
        let in_a_row = current.as_ref().map_or(0, |throttled| throttled.in_a_row);
        Some(self.set(&mut current, Throttled { why: Why::Told, since: now, until, in_a_row }))
    }

    /// Records that the vendor says that the daily limit is reached. Returns the throttle, if it did not hold
    /// before: requests under way when the first answer comes are told the same, and change nothing.
    pub(crate) fn daily_limit(&self, now: Timestamp) -> Option<Throttled> {
        let mut current = self.lock();
        let before = current.as_ref().map_or(0, |throttled| throttled.in_a_row);
        let until = after(now, FIRST_LIMIT.saturating_mul(1 << before.min(8)).min(LONGEST_LIMIT))?;
        if self.held(&mut current, now).is_some_and(|held| held.why == Why::DailyLimit || held.until >= until)
        {
            return None;
        }
        let in_a_row = before.saturating_add(1);
        Some(self.set(&mut current, Throttled { why: Why::DailyLimit, since: now, until, in_a_row }))
    }

    fn set(&self, current: &mut Option<Throttled>, throttled: Throttled) -> Throttled {
        self.store(Some(&throttled));
        current.insert(throttled).clone()
    }

    /// Records that the vendor has answered as it should. A throttle that is over is forgotten; one that
    /// still holds is not, since the answer may belong to an earlier request.
    pub(crate) fn answered_well(&self, now: Timestamp) {
        let mut current = self.lock();
        if current.is_some() && self.held(&mut current, now).is_none() {
            *current = None;
            self.store(None);
        }
    }

    /// Lifts the throttle. Returns whether there was one.
    pub(crate) fn lift(&self) -> bool {
        let mut current = self.lock();
        let lifted = current.take().is_some();
        if lifted {
            self.store(None);
        }
        lifted
    }

    /// Stores the throttle. Called under the lock, so that a later value is stored later. Not awaited: the
    /// next answer repeats what a crash forgets.
    fn store(&self, throttled: Option<&Throttled>) {
        let write = match throttled {
            Some(throttled) => Write::document(Kind::Throttle, self.key.clone(), throttled),
            None => Ok(Write::remove(Kind::Throttle, self.key.clone())),
        };
        match write {
            Ok(write) => drop(self.store.commit(vec![write])),
            Err(error) => tracing::error!("what the cloud asked for is forgotten at a restart: {error}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Throttled>> {
        self.current.lock()
    }
}

fn after(now: Timestamp, pause: Duration) -> Option<Timestamp> {
    now.checked_add(SignedDuration::try_from(pause).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    async fn opened(store: &Arc<dyn Store>) -> Throttle {
        Throttle::open("home", store).await.unwrap()
    }

    #[tokio::test]
    async fn what_an_answer_asks_for_holds_for_so_long_and_over_a_restart() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let throttle = opened(&store).await;
        assert!(throttle.told(Duration::from_secs(100), at(0)).is_some());
        assert!(throttle.told(Duration::from_secs(50), at(10)).is_none(), "shorter than what holds");
        assert_eq!(throttle.told(Duration::from_secs(200), at(10)).unwrap().until, at(210));

        let restarted = opened(&store).await;
        assert_eq!(restarted.current(at(209)).unwrap().left(at(209)), Duration::from_secs(1));
        assert_eq!(restarted.current(at(210)), None);
        let longest = restarted.told(Duration::from_secs(u64::MAX / 2), at(300)).unwrap();
        assert_eq!(longest.left(at(300)), LONGEST_TOLD);
        assert!(restarted.lift() && !restarted.lift());
        assert_eq!(opened(&store).await.current(at(301)), None);
    }

    #[tokio::test]
    async fn a_daily_limit_is_tried_again_at_growing_distances() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (mut now, mut hours) = (0, Vec::new());
        for _ in 0..5 {
            // A restart is not a reason to ask sooner.
            let throttle = opened(&store).await;
            let throttled = throttle.daily_limit(at(now)).unwrap();
            assert!(throttle.daily_limit(at(now + 1)).is_none(), "said of requests that were under way");
            hours.push(throttled.left(at(now)).as_secs() / 3_600);
            now += i64::try_from(throttled.left(at(now)).as_secs()).unwrap();
        }
        assert_eq!(hours, [1, 2, 4, 6, 6]);
        let throttle = opened(&store).await;
        throttle.lift();
        assert_eq!(throttle.daily_limit(at(now)).unwrap().left(at(now)), FIRST_LIMIT);
    }

    #[tokio::test]
    async fn what_a_wrong_clock_has_set_lasts_no_longer() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let years = 4 * 365 * 86_400;
        opened(&store).await.told(Duration::from_secs(600), at(years)).unwrap();
        let throttle = opened(&store).await;
        assert_eq!(throttle.current(at(0)).unwrap().until, at(600));
        assert_eq!(opened(&store).await.current(at(600)), None);
    }
}
