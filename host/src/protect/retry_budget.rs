//! Retry budget: the repeats that an account may make, over restarts. How the stock is counted:
//! [`vehicle_connector_rules::stock`].

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use vehicle_connector_rules::stock::Stock;
pub use vehicle_connector_rules::stock::{CAPACITY, Price};

use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::Clock;

/// The stock of one account.
#[derive(Debug)]
pub struct RetryBudget {
    key: String,
    stock: Mutex<Stock>,
    store: Arc<dyn Store>,
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
        let now = clock.monotonic();
        let stock = stored.map_or(Stock::full(now), |stored| {
            let elapsed = clock.now().duration_since(stored.at).try_into().unwrap_or_default();
            Stock::after(stored.left, elapsed, now)
        });
        Ok(Self { key: account.to_owned(), stock: Mutex::new(stock), store: Arc::clone(store) })
    }

    /// Takes the price of a repeat. Returns false, and takes nothing, if not enough is left.
    pub fn take(&self, price: Price, clock: &dyn Clock) -> bool {
        let left = {
            let mut stock = self.stock.lock();
            let now = clock.monotonic();
            if !stock.take(price, now) {
                return false;
            }
            stock.left(now)
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
        self.stock.lock().succeeded(after, clock.monotonic());
    }

    /// Returns the stock that is left.
    #[must_use]
    pub fn left(&self, clock: &dyn Clock) -> u32 {
        self.stock.lock().left(clock.monotonic())
    }

    /// Returns how many repeats after a failure can be paid.
    #[must_use]
    pub(crate) fn affordable(&self, clock: &dyn Clock) -> u32 {
        self.stock.lock().affordable(clock.monotonic())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

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
