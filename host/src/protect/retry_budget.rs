//! Retry budget: the repeats that an account may make.
//!
//! When a cloud is unwell, every repeat makes it worse. Each repeat takes from a stock; a success that needed
//! one gives it back, any other success a little, and time does the rest. So a passing failure is repeated at
//! once, and an outage is not hammered, however many operations there are. Refreshes and the repeats that
//! follow them take nothing: an expired token is not a sign of ill health.
//!
//! Stock and prices are those of the AWS SDKs' standard retry mode, version 2.1.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::Clock;

/// A full stock.
pub const CAPACITY: u32 = 500;

/// Time after which one repeat has come back by itself.
const REFILL: Duration = Duration::from_secs(60);

/// Price of a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// Repeat after a failure of the cloud or of the way to it.
    Failure,
    /// Repeat after the cloud has asked for patience.
    Throttled,
}

impl Price {
    /// Returns the price in units of the stock.
    #[must_use]
    pub const fn units(self) -> u32 {
        match self {
            Self::Failure => 14,
            Self::Throttled => 5,
        }
    }
}

/// The stock of one account.
#[derive(Debug)]
pub struct RetryBudget {
    key: String,
    stock: Mutex<Stock>,
    store: Arc<dyn Store>,
}

#[derive(Debug)]
struct Stock {
    left: u32,
    /// Time from which the stock refills, on the monotonic clock.
    counted_from: Duration,
}

/// The stock as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    left: u32,
    at: Timestamp,
}

impl RetryBudget {
    /// Opens the stock of an account.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(account: &str, store: &Arc<dyn Store>, clock: &dyn Clock) -> Result<Self, StoreError> {
        let stored: Option<Stored> = load_document(store.as_ref(), Kind::RetryBudget, account).await?;
        let left = stored.map_or(CAPACITY, |stored| {
            let elapsed = clock.now().duration_since(stored.at).try_into().unwrap_or_default();
            refilled(stored.left, periods(elapsed))
        });
        let stock = Mutex::new(Stock { left, counted_from: clock.monotonic() });
        Ok(Self { key: account.to_owned(), stock, store: Arc::clone(store) })
    }

    /// Takes the price of a repeat. Returns false, and takes nothing, if not enough is left.
    pub fn take(&self, price: Price, clock: &dyn Clock) -> bool {
        let left = {
            let mut stock = self.at(clock.monotonic());
            let Some(left) = stock.left.checked_sub(price.units()) else { return false };
            stock.left = left;
            left
        };
        if let Ok(write) =
            Write::document(Kind::RetryBudget, self.key.clone(), &Stored { left, at: clock.now() })
        {
            // Not awaited: a crash loses only the memory of one repeat.
            drop(self.store.commit(vec![write]));
        }
        true
    }

    /// Credits a success, at once or after a repeat of this price.
    pub fn succeeded(&self, after: Option<Price>, clock: &dyn Clock) {
        let mut stock = self.at(clock.monotonic());
        stock.left = (stock.left + after.map_or(1, Price::units)).min(CAPACITY);
    }

    /// Returns the stock that is left.
    #[must_use]
    pub fn left(&self, clock: &dyn Clock) -> u32 {
        self.at(clock.monotonic()).left
    }

    fn at(&self, now: Duration) -> MutexGuard<'_, Stock> {
        let mut stock = self.stock.lock();
        let periods = periods(now.saturating_sub(stock.counted_from));
        if periods > 0 {
            stock.left = refilled(stock.left, periods);
            stock.counted_from += REFILL * periods;
        }
        stock
    }
}

fn periods(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX)
}

fn refilled(left: u32, periods: u32) -> u32 {
    left.saturating_add(periods.saturating_mul(Price::Failure.units())).min(CAPACITY)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::store::MemoryStore;

    #[derive(Debug, Default)]
    struct Given(AtomicU64);

    impl Clock for Given {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH + self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    async fn full() -> (Arc<dyn Store>, Given, RetryBudget) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let clock = Given::default();
        let budget = RetryBudget::open("home", &store, &clock).await.unwrap();
        (store, clock, budget)
    }

    #[tokio::test]
    async fn an_outage_is_repeated_a_little_and_then_not_at_all() {
        let (_store, clock, budget) = full().await;
        let repeats = (0..10_000).filter(|_| budget.take(Price::Failure, &clock)).count();
        assert_eq!(repeats, 35, "500 / 14");
        assert!(budget.take(Price::Throttled, &clock), "what is left is enough for one of these");
        clock.0.store(59, Ordering::Relaxed);
        assert!(!budget.take(Price::Failure, &clock));
        clock.0.store(60, Ordering::Relaxed);
        assert!(budget.take(Price::Failure, &clock) && !budget.take(Price::Failure, &clock));
        clock.0.store(u64::MAX / 4, Ordering::Relaxed);
        assert_eq!(budget.left(&clock), CAPACITY);
    }

    #[tokio::test]
    async fn what_helped_is_given_back() {
        let (_store, clock, budget) = full().await;
        budget.take(Price::Failure, &clock);
        budget.take(Price::Failure, &clock);
        budget.succeeded(Some(Price::Failure), &clock);
        assert_eq!(budget.left(&clock), 486);
        budget.succeeded(None, &clock);
        assert_eq!(budget.left(&clock), 487);
        budget.succeeded(Some(Price::Failure), &clock);
        budget.succeeded(Some(Price::Failure), &clock);
        assert_eq!(budget.left(&clock), CAPACITY);
    }

    #[tokio::test]
    async fn a_restart_does_not_fill_it() {
        let (store, clock, budget) = full().await;
        while budget.take(Price::Failure, &clock) {}
        let restarted = RetryBudget::open("home", &store, &clock).await.unwrap();
        assert!(!restarted.take(Price::Failure, &clock));
        clock.0.store(120, Ordering::Relaxed);
        let restarted = RetryBudget::open("home", &store, &clock).await.unwrap();
        assert_eq!(restarted.left(&clock), 10 + 28);
    }
}
