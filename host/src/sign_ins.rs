//! How often an account is signed in. Too often, and the vendor locks it; so the count outlives a restart.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::store::{Kind, Store, StoreError, Write};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The sign-ins of one account within the last day.
#[derive(Debug)]
pub struct SignIns {
    account: String,
    most_a_day: u32,
    times: Mutex<VecDeque<Timestamp>>,
    store: Arc<dyn Store>,
}

/// There were too many.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TooMany {
    /// As many as the configuration allows.
    #[error(
        "the account was signed in {0} times within a day, which is as often as its configuration allows"
    )]
    Today(u32),
    /// Nobody can tell, so none is made.
    #[error(transparent)]
    NotCounted(#[from] StoreError),
}

impl SignIns {
    /// Opens the count of an account.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(account: &str, most_a_day: u32, store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let times = match store.load(Kind::SignIns, account).await? {
            None => VecDeque::new(),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| StoreError(format!("the sign-ins of {account} are damaged: {error}")))?,
        };
        Ok(Self {
            account: account.to_owned(),
            most_a_day,
            times: Mutex::new(times),
            store: Arc::clone(store),
        })
    }

    /// Counts a sign-in, before it is made.
    ///
    /// # Errors
    ///
    /// When there were too many, or the count cannot be stored.
    pub async fn count(&self, now: Timestamp) -> Result<(), TooMany> {
        {
            let mut times = self.times();
            // A clock that was set back leaves times in the future. They count until they are a day old again.
            times.retain(|at| now.duration_since(*at) < DAY);
            if times.len() >= usize::try_from(self.most_a_day).unwrap_or(usize::MAX) {
                return Err(TooMany::Today(self.most_a_day));
            }
            times.push_back(now);
        }
        Ok(self.keep().await?)
    }

    /// Takes the last one back: it never left this machine.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then it counts.
    pub async fn take_back(&self) -> Result<(), StoreError> {
        self.times().pop_back();
        self.keep().await
    }

    async fn keep(&self) -> Result<(), StoreError> {
        let times: Vec<Timestamp> = self.times().iter().copied().collect();
        let value = serde_json::to_vec(&times).map_err(|error| StoreError(error.to_string()))?;
        self.store
            .commit(vec![Write { kind: Kind::SignIns, key: self.account.clone(), value: Some(value) }])
            .await
    }

    fn times(&self) -> MutexGuard<'_, VecDeque<Timestamp>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn the_limit_holds_for_a_day_and_across_restarts() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let hours = |hours: i64| start + SignedDuration::from_hours(hours);
        let sign_ins = SignIns::open("home", 2, &store).await.unwrap();
        sign_ins.count(hours(0)).await.unwrap();
        sign_ins.count(hours(1)).await.unwrap();
        sign_ins.take_back().await.unwrap();
        sign_ins.count(hours(2)).await.unwrap();

        let restarted = SignIns::open("home", 2, &store).await.unwrap();
        assert!(matches!(restarted.count(hours(23)).await, Err(TooMany::Today(2))));
        restarted.count(hours(24)).await.unwrap();
        assert!(restarted.count(hours(25)).await.is_err());
    }
}
