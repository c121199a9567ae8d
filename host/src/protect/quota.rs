//! Daily quotas: counts of sign-ins and forced reads within the last 24 hours, and the minute before them at most.
//!
//! These are ceilings that no policy can raise. Too many sign-ins lock an account, too many forced reads
//! drain a battery; so the counts outlive a restart, and no midnight ends them. Requests are counted by the day
//! ([`day_budget`](super::day_budget)).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully};
use crate::time::{AHEAD, is_set};

/// Minutes of a day. Counts are kept by the minute, so that thousands of requests need no more room than a
/// few.
const DAY: i64 = 24 * 60;

/// A count over the last 24 hours.
#[derive(Debug)]
pub struct DailyQuota {
    what: &'static str,
    key: String,
    limit: Mutex<Option<u32>>,
    minutes: Mutex<BTreeMap<i64, u32>>,
    /// Whether the count was damaged: then all actions allowed within a day may have been done just now.
    assume_used_up: AtomicBool,
    store: Arc<dyn Store>,
}

/// How much of what may be done within a day is done, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Number of actions that count.
    pub used: u32,
    /// Number allowed; none if they are only counted.
    pub limit: Option<u32>,
    /// Number that is left.
    pub left: Option<u32>,
}

/// A refusal to count an action, which must then not be done.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// The configured limit is used up.
    #[error("{limit} {what} within a day, which is as many as the configuration allows")]
    Used {
        /// Counted action, in the plural.
        what: &'static str,
        /// Number allowed.
        limit: u32,
    },
    /// The count cannot be stored, so it would be lost at a restart.
    #[error(transparent)]
    NotStored(#[from] StoreError),
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl DailyQuota {
    /// Opens a count of `what` (a plural) under the store's key `what/subject`. Without a limit it only
    /// counts.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        what: &'static str,
        subject: &str,
        limit: Option<u32>,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let key = format!("{what}/{subject}");
        let loaded = load_carefully(store.as_ref(), Kind::Daily, &key).await?;
        let assume_used_up = AtomicBool::new(matches!(loaded, Loaded::Damaged));
        let minutes = match loaded {
            Loaded::Whole(minutes) => minutes,
            Loaded::Absent | Loaded::Damaged => BTreeMap::new(),
        };
        let (minutes, limit) = (Mutex::new(minutes), Mutex::new(limit));
        Ok(Self { what, key, limit, minutes, assume_used_up, store: Arc::clone(store) })
    }

    /// Sets another limit, or none. What was counted before counts.
    pub fn set_limit(&self, limit: Option<u32>) {
        *self.limit.lock() = limit;
    }

    /// The limit, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        *self.limit.lock()
    }

    /// The count at this time.
    #[must_use]
    pub fn counted(&self, now: Timestamp) -> Count {
        Count { used: self.used(now), limit: self.limit(), left: self.left(now) }
    }

    /// Counts one action, before it is done. It is stored when this returns.
    ///
    /// # Errors
    ///
    /// When the limit is reached, or the count cannot be stored. Then the action is not done, so it does not
    /// count.
    pub async fn count(&self, now: Timestamp) -> Result<(), QuotaError> {
        self.add(now)?;
        let kept = self.keep().await;
        if kept.is_err() {
            self.forget_last(now);
        }
        Ok(kept?)
    }

    /// The refusal of an action that is known beforehand.
    #[must_use]
    pub fn used_up(&self) -> QuotaError {
        QuotaError::Used { what: self.what, limit: self.limit().unwrap_or_default() }
    }

    /// Counts one action, and has that stored soon: the caller does not wait for it.
    ///
    /// # Errors
    ///
    /// When the limit is reached.
    pub fn take(&self, now: Timestamp) -> Result<(), QuotaError> {
        self.add(now)?;
        self.store_soon(&self.minutes());
        Ok(())
    }

    fn add(&self, now: Timestamp) -> Result<(), QuotaError> {
        let mut minutes = self.within_a_day(now);
        if let Some(limit) = self.limit()
            && minutes.values().sum::<u32>() >= limit
        {
            return Err(QuotaError::Used { what: self.what, limit });
        }
        *minutes.entry(minute(now)).or_default() += 1;
        Ok(())
    }

    /// Takes back the last count, of a request that never left this machine, and has that stored soon.
    pub fn give_back(&self, now: Timestamp) {
        self.forget_last(now);
        self.store_soon(&self.minutes());
    }

    /// Takes back the last count, of a request that never left this machine.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then it may count after a restart.
    pub async fn take_back(&self, now: Timestamp) -> Result<(), StoreError> {
        self.forget_last(now);
        self.keep().await
    }

    /// Forgets the last count until now: a clock that was never set counts behind the earlier counts.
    fn forget_last(&self, now: Timestamp) {
        let mut minutes = self.minutes();
        let Some((&last, count)) = minutes.range_mut(..=minute(now)).next_back() else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            minutes.remove(&last);
        }
    }

    /// Returns the count within a day.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> u32 {
        self.within_a_day(now).values().sum()
    }

    /// Returns when the last minute ends in which something was counted within a day; now if that is yet to
    /// come. Counts are kept by the minute, so this is up to a minute late, and never early.
    #[must_use]
    pub fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let last = *self.within_a_day(now).last_key_value()?.0;
        let end = last.checked_add(1).and_then(|next| next.checked_mul(60));
        Some(end.and_then(|end| Timestamp::from_second(end).ok()).unwrap_or(now))
    }

    /// Returns the number left; none when there is no limit.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Option<u32> {
        self.limit().map(|limit| limit.saturating_sub(self.used(now)))
    }

    fn store_soon(&self, minutes: &BTreeMap<i64, u32>) {
        match self.hand_over(minutes) {
            Ok(written) => drop(written),
            Err(error) => tracing::error!("the {} are not counted: {error}", self.what),
        }
    }

    async fn keep(&self) -> Result<(), StoreError> {
        let written = self.hand_over(&self.minutes())?;
        written.await
    }

    /// Gives the count to the store, which keeps the order of its writes. It is called while the count is
    /// held: otherwise, of two callers, the one with the older count could be last, and a request would be
    /// lost with the next restart.
    fn hand_over(
        &self,
        held: &BTreeMap<i64, u32>,
    ) -> Result<BoxFuture<'static, Result<(), StoreError>>, StoreError> {
        Ok(self.store.commit(vec![Write::document(Kind::Daily, self.key.clone(), held)?]))
    }

    /// Returns the counts of the last day. A clock that was wrong may have left minutes far in the future:
    /// they are moved to this one, so that they count for a day and not until then.
    fn within_a_day(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<i64, u32>> {
        let mut minutes = self.minutes();
        let latest =
            if is_set(now) { minute(now.checked_add(AHEAD).unwrap_or(Timestamp::MAX)) } else { i64::MAX - 1 };
        let ahead: u32 = minutes.split_off(&(latest + 1)).values().sum();
        // With the minute that ends a day ago: what was done in its last second counts for a whole day.
        *minutes = minutes.split_off(&(minute(now) - DAY));
        if ahead > 0 {
            *minutes.entry(minute(now)).or_default() += ahead;
            self.store_soon(&minutes);
        }
        if self.assume_used_up.swap(false, Ordering::Relaxed)
            && let Some(limit) = self.limit()
        {
            minutes.insert(minute(now), limit);
            self.store_soon(&minutes);
        }
        minutes
    }

    fn minutes(&self) -> MutexGuard<'_, BTreeMap<i64, u32>> {
        self.minutes.lock()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn a_clock_that_was_never_set_takes_back_only_what_it_has_counted() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let yesterday = Timestamp::from_second(1_800_000_000).unwrap();
        let sign_ins = DailyQuota::open("sign-ins", "home", Some(4), &store).await.unwrap();
        for _ in 0..3 {
            sign_ins.count(yesterday).await.unwrap();
        }
        let never_set = Timestamp::from_second(60).unwrap();
        for _ in 0..5 {
            sign_ins.count(never_set).await.unwrap();
            sign_ins.take_back(never_set).await.unwrap();
        }
        let today = yesterday + SignedDuration::from_hours(1);
        assert_eq!(sign_ins.used(today), 3);
    }

    #[tokio::test]
    async fn the_limit_holds_for_a_day_and_across_restarts() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let hours = |hours: i64| start + SignedDuration::from_hours(hours);
        let sign_ins = DailyQuota::open("sign-ins", "home", Some(2), &store).await.unwrap();
        sign_ins.count(hours(0)).await.unwrap();
        sign_ins.count(hours(1)).await.unwrap();
        sign_ins.take_back(hours(1)).await.unwrap();
        sign_ins.count(hours(2)).await.unwrap();
        assert_eq!((sign_ins.used(hours(2)), sign_ins.left(hours(2))), (2, Some(0)));

        let restarted = DailyQuota::open("sign-ins", "home", Some(2), &store).await.unwrap();
        let refused = restarted.count(hours(23)).await.unwrap_err().to_string();
        assert!(refused.starts_with("2 sign-ins within a day"), "{refused}");
        let minute = SignedDuration::from_mins(1);
        restarted.count(hours(24) + minute).await.unwrap();
        assert!(restarted.count(hours(25)).await.is_err());
        assert!(restarted.count(hours(26) + minute).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_counted_at_the_end_of_a_minute_counts_for_no_less_than_a_day() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let seconds = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let sign_ins = DailyQuota::open("sign-ins", "home", Some(1), &store).await.unwrap();
        sign_ins.count(seconds(59)).await.unwrap();
        assert!(sign_ins.count(seconds(59 + 24 * 3_600 - 1)).await.is_err());
        assert!(sign_ins.count(seconds(60 + 24 * 3_600)).await.is_ok());
    }

    /// A store that records incoming writes in the order in which they were given, as the one on disk does.
    #[derive(Debug, Default)]
    struct Watched {
        within: MemoryStore,
        counts: Mutex<Vec<u32>>,
    }

    impl Store for Watched {
        fn load<'a>(
            &'a self,
            kind: Kind,
            key: &'a str,
        ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
            self.within.load(kind, key)
        }

        fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<crate::store::Record>, StoreError>> {
            self.within.list(kind)
        }

        fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
            let value = writes[0].value.as_deref().unwrap();
            let minutes: BTreeMap<i64, u32> = serde_json::from_slice(value).unwrap();
            self.counts.lock().push(minutes.values().sum());
            self.within.commit(writes)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_older_count_is_stored_after_a_newer_one() {
        let watched = Arc::new(Watched::default());
        let store = Arc::clone(&watched) as Arc<dyn Store>;
        let requests = Arc::new(DailyQuota::open("requests", "home", None, &store).await.unwrap());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let counting = (0..8).map(|_| {
            let requests = Arc::clone(&requests);
            std::thread::spawn(move || {
                for _ in 0..500 {
                    requests.take(now).unwrap();
                }
            })
        });
        let counting: Vec<_> = counting.collect();
        counting.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(requests.used(now), 4_000);
        let counts = watched.counts.lock();
        assert!(counts.is_sorted() && counts.last() == Some(&4_000), "{:?}", counts.last());
    }

    #[tokio::test]
    async fn what_left_is_known_after_a_crash_and_what_did_not_leave_is_not_counted() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let requests = DailyQuota::open("requests", "home", Some(3), &store).await.unwrap();
        for _ in 0..10 {
            requests.take(now).unwrap();
            requests.give_back(now);
        }
        requests.take(now).unwrap();
        requests.take(now).unwrap();
        let after_a_crash = DailyQuota::open("requests", "home", Some(3), &store).await.unwrap();
        assert_eq!((requests.left(now), after_a_crash.left(now)), (Some(1), Some(1)));
    }

    #[tokio::test]
    async fn what_a_wrong_clock_counted_holds_for_a_day_and_not_until_that_time() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let hours = |hours: i64| start + SignedDuration::from_hours(hours);
        let sign_ins = DailyQuota::open("sign-ins", "home", Some(2), &store).await.unwrap();
        sign_ins.count(hours(4 * 365 * 24)).await.unwrap();
        sign_ins.count(hours(4 * 365 * 24)).await.unwrap();
        assert_eq!(sign_ins.left(start), Some(0), "they count, since they may have been made just now");

        let restarted = DailyQuota::open("sign-ins", "home", Some(2), &store).await.unwrap();
        let a_day_later = hours(24) + SignedDuration::from_mins(1);
        assert_eq!((restarted.left(hours(23)), restarted.left(a_day_later)), (Some(0), Some(2)));
    }

    #[tokio::test]
    async fn the_last_count_is_known_to_the_minute_and_over_restarts() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let now = Timestamp::from_second(1_800_000_030).unwrap();
        let forced = DailyQuota::open("forced-reads", "niro", Some(3), &store).await.unwrap();
        assert_eq!(forced.last(now), None);
        forced.count(now).await.unwrap();
        let later = now + SignedDuration::from_hours(23);
        let restarted = DailyQuota::open("forced-reads", "niro", Some(3), &store).await.unwrap();
        assert_eq!(restarted.last(later), Some(Timestamp::from_second(1_800_000_060).unwrap()));
        restarted.count(later).await.unwrap();
        restarted.take_back(later).await.unwrap();
        assert_eq!(restarted.last(later), forced.last(now), "what never left was none");
    }

    #[tokio::test]
    async fn without_a_limit_it_only_counts() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let requests = DailyQuota::open("requests", "home", None, &store).await.unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for _ in 0..5_000 {
            requests.take(now).unwrap();
        }
        assert_eq!((requests.used(now), requests.left(now)), (5_000, None));
    }
}
