//! Day budgets: counts of requests on one day of an account's time zone, from midnight to midnight.
//!
//! Vendors count by the day, and so do people who look at what is left. What protects an account or a battery
//! counts over the last 24 hours instead ([`quota`](super::quota)): at midnight twice as much would be allowed
//! within an hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::quota::QuotaError;
use crate::store::{Kind, Loaded, Store, StoreError, Write, load_carefully};
use crate::time::is_set;

/// Requests of one day.
#[derive(Debug)]
pub struct DayBudget {
    account: String,
    limit: Mutex<Option<u32>>,
    zone: Mutex<TimeZone>,
    day: Mutex<Day>,
    /// Whether the count was damaged: then all requests that are allowed on a day may have been made.
    assume_used_up: AtomicBool,
    store: Arc<dyn Store>,
}

/// One day, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Day {
    /// The date; none before anything was counted.
    date: Option<Date>,
    by_op: BTreeMap<String, u32>,
}

impl Day {
    fn used(&self) -> u32 {
        self.by_op.values().fold(0, |sum, used| sum.saturating_add(*used))
    }
}

/// A day budget, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Number of requests that are allowed; none if there is no limit.
    pub limit: Option<u32>,
    /// Number of requests made.
    pub used: u32,
    /// Number left; none if there is no limit.
    pub remaining: Option<u32>,
    /// End of the day, when the count begins anew.
    pub resets_at: Option<Timestamp>,
    /// Number of requests made for each operation.
    pub by_op: BTreeMap<String, u32>,
}

/// Subject of what is counted beside any known operation.
const UNKNOWN: &str = "unknown";

impl DayBudget {
    /// Opens the budget of an account. Without a limit it only counts.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        account: &str,
        limit: Option<u32>,
        zone: TimeZone,
        store: &Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        let loaded = load_carefully(store.as_ref(), Kind::DayBudget, account).await?;
        let assume_used_up = AtomicBool::new(matches!(loaded, Loaded::Damaged));
        let day = match loaded {
            Loaded::Whole(day) => day,
            Loaded::Absent | Loaded::Damaged => Day::default(),
        };
        let (account, day, store) = (account.to_owned(), Mutex::new(day), Arc::clone(store));
        let (limit, zone) = (Mutex::new(limit), Mutex::new(zone));
        Ok(Self { account, limit, zone, day, assume_used_up, store })
    }

    /// Sets another limit, or none, and another time zone. What was counted before counts.
    pub fn set(&self, limit: Option<u32>, zone: TimeZone) {
        *self.limit.lock() = limit;
        *self.zone.lock() = zone;
    }

    fn here(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.lock().clone())
    }

    /// Counts a request for an operation, and has that stored soon: the caller does not wait for it.
    ///
    /// # Errors
    ///
    /// When the limit is reached.
    pub fn take(&self, op: &str, now: Timestamp) -> Result<(), QuotaError> {
        let mut day = self.today(now);
        if let Some(limit) = self.limit().filter(|limit| day.used() >= *limit) {
            return Err(QuotaError::Used { what: "requests", limit });
        }
        let used = day.by_op.entry(op.to_owned()).or_default();
        *used = used.saturating_add(1);
        self.store_soon(&day);
        Ok(())
    }

    /// Takes back a request that never left this machine, and has that stored soon.
    pub fn give_back(&self, op: &str, now: Timestamp) {
        let mut day = self.today(now);
        let Some(used) = day.by_op.get_mut(op) else { return };
        *used = used.saturating_sub(1);
        if *used == 0 {
            day.by_op.remove(op);
        }
        self.store_soon(&day);
    }

    /// Returns the number of requests made on this day.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> u32 {
        self.today(now).used()
    }

    /// Returns the number left on this day; none when there is no limit.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Option<u32> {
        self.limit().map(|limit| limit.saturating_sub(self.used(now)))
    }

    /// Returns the number that is allowed on a day; none when there is no limit.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        *self.limit.lock()
    }

    /// Returns the end of this day.
    #[must_use]
    pub fn resets_at(&self, now: Timestamp) -> Option<Timestamp> {
        let tomorrow = self.here(now).tomorrow().ok()?;
        Some(tomorrow.start_of_day().ok()?.timestamp())
    }

    /// Returns the budget as it is published.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> Budget {
        let by_op = self.today(now).by_op.clone();
        let used = by_op.values().fold(0_u32, |sum, used| sum.saturating_add(*used));
        let limit = self.limit();
        let remaining = limit.map(|limit| limit.saturating_sub(used));
        Budget { limit, used, remaining, resets_at: self.resets_at(now), by_op }
    }

    /// Returns the counts of this day. A new day begins with none. A clock that was never set begins no day;
    /// and one that was ahead has counted what may have been done today.
    fn today(&self, now: Timestamp) -> MutexGuard<'_, Day> {
        let mut day = self.day.lock();
        let today = self.here(now).date();
        if is_set(now) && day.date != Some(today) {
            if day.date.replace(today).is_some_and(|before| before < today) {
                day.by_op.clear();
            }
            // A date that was ahead must be stored again, or every restart moves it anew.
            self.store_soon(&day);
        }
        if self.assume_used_up.swap(false, Ordering::Relaxed)
            && let Some(limit) = self.limit()
        {
            day.by_op.insert(UNKNOWN.to_owned(), limit);
            self.store_soon(&day);
        }
        day
    }

    /// Gives the counts to the store, which keeps the order of its writes. It is called while they are held:
    /// otherwise, of two callers, the one with the older counts could be last.
    fn store_soon(&self, held: &Day) {
        match Write::document(Kind::DayBudget, self.account.clone(), held) {
            Ok(write) => drop(self.store.commit(vec![write])),
            Err(error) => tracing::error!(account = self.account, "requests are not counted: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::MemoryStore;

    fn store() -> Arc<dyn Store> {
        Arc::new(MemoryStore::default())
    }

    async fn berlin(limit: Option<u32>, store: &Arc<dyn Store>) -> DayBudget {
        DayBudget::open("home", limit, TimeZone::get("Europe/Berlin").unwrap(), store).await.unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_day_ends_at_midnight_of_its_zone_and_outlives_a_restart() {
        let store = store();
        let budget = berlin(Some(3), &store).await;
        let evening = at("2027-01-15T22:59:00Z");
        for op in ["lock", "refresh_cached", "refresh_cached"] {
            budget.take(op, evening).unwrap();
        }
        assert!(budget.take("lock", evening).is_err());
        let restarted = berlin(Some(3), &store).await;
        assert_eq!((restarted.used(evening), restarted.left(evening)), (3, Some(0)));
        let shown = restarted.shown(evening);
        assert_eq!(shown.resets_at, Some(at("2027-01-15T23:00:00Z")));
        assert_eq!(shown.by_op, [("lock".to_owned(), 1), ("refresh_cached".to_owned(), 2)].into());
        assert_eq!((shown.used, shown.remaining), (3, Some(0)));
        let midnight = at("2027-01-15T23:00:00Z");
        assert_eq!((restarted.used(midnight), restarted.left(midnight)), (0, Some(3)));
    }

    #[tokio::test]
    async fn days_of_23_and_of_25_hours_end_at_midnight_too() {
        let budget = berlin(Some(100), &store()).await;
        for (noon, hours, resets_at) in [
            ("2027-03-28T10:00:00Z", 23, "2027-03-28T22:00:00Z"),
            ("2027-10-31T11:00:00Z", 25, "2027-10-31T23:00:00Z"),
        ] {
            let resets_at = at(resets_at);
            assert_eq!(budget.resets_at(at(noon)), Some(resets_at));
            let begins = resets_at - SignedDuration::from_hours(hours);
            budget.take("lock", begins).unwrap();
            assert_eq!(budget.used(resets_at - SignedDuration::from_secs(1)), 1, "{hours} hours are one day");
            assert_eq!(budget.used(resets_at), 0);
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_wrong_gives_nothing_away() {
        let store = store();
        let budget = berlin(Some(2), &store).await;
        let today = at("2027-01-15T12:00:00Z");
        budget.take("lock", today).unwrap();
        budget.take("lock", today).unwrap();
        let never_set = Timestamp::from_second(60).unwrap();
        assert!(budget.take("lock", never_set).is_err(), "a board without a battery has just started");
        assert!(budget.take("lock", today).is_err());
        // What was counted in a year to come may have been done today.
        let ahead = at("2031-01-15T12:00:00Z");
        budget.take("lock", ahead).unwrap();
        assert_eq!(budget.used(today), 1);
        let restarted = berlin(Some(2), &store).await;
        assert_eq!(restarted.used(today + SignedDuration::from_hours(24)), 0);
    }

    #[tokio::test]
    async fn what_did_not_leave_is_not_counted_and_a_damaged_count_is_used_up() {
        let store = store();
        let budget = berlin(Some(5), &store).await;
        let now = at("2027-01-15T12:00:00Z");
        budget.take("lock", now).unwrap();
        budget.give_back("lock", now);
        assert_eq!((budget.used(now), budget.shown(now).by_op.len()), (0, 0));
        let damage = Write { kind: Kind::DayBudget, key: "home".to_owned(), value: Some(b"{".to_vec()) };
        store.commit(vec![damage]).await.unwrap();
        let damaged = berlin(Some(5), &store).await;
        assert_eq!(damaged.left(now), Some(0));
        assert_eq!(damaged.left(now + SignedDuration::from_hours(24)), Some(5));
        let unlimited = berlin(None, &store).await;
        assert_eq!((unlimited.left(now), unlimited.shown(now).remaining), (None, None));
    }
}
