//! The audit trail: every decision of a policy, with everything it depended on.
//!
//! A record holds the arguments of the questions, so that another policy can be asked the same ones later to
//! see what it would have done. The arguments hold no secrets, since policies are shown none.

mod forms;
mod record;
mod replay;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

pub use self::record::{Decided, Entry, PolicyIdentity, Record};
pub use self::replay::{Answer, Difference, Put, put_to, replay};
use crate::store::{self, Kind, Store, StoreError, Write};
use crate::time::Clock;

/// Number of records kept; a few weeks of a home, a few minutes of a storm.
pub const KEPT: u64 = 5_000;

/// Keeps the latest decisions.
#[derive(Debug)]
pub struct Audit {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    next: AtomicU64,
    /// The listener that is sent every decision as it is taken.
    listener: OnceLock<mpsc::Sender<Record>>,
}

/// Number of decisions that may wait for the listener. Further ones are dropped: the audit trail does not
/// wait for a listener.
const WAITING: usize = 1_024;

/// Returns the key of a number, so that keys sort as the numbers do.
fn key(seq: u64) -> String {
    format!("{seq:020}")
}

impl Audit {
    /// Opens the trail of a store and continues after its last record.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let kept: Vec<String> = store.list(Kind::Audit).await?.into_iter().map(|(key, _)| key).collect();
        let last = kept.iter().filter_map(|key| key.parse::<u64>().ok()).max().unwrap_or(0);
        // Records that were left because a later one could not be stored.
        let oldest = key((last + 1).saturating_sub(KEPT));
        let too_old = kept.into_iter().filter(|key| *key < oldest);
        if let Err(error) = store.commit(too_old.map(|key| Write::remove(Kind::Audit, key)).collect()).await {
            tracing::warn!("old decisions are kept until the next start: {error}");
        }
        Ok(Self { store, clock, next: AtomicU64::new(last + 1), listener: OnceLock::new() })
    }

    /// Subscribes to every decision of a policy from now on; none if there is a listener already.
    pub fn listen(&self) -> Option<mpsc::Receiver<Record>> {
        let (teller, listener) = mpsc::channel(WAITING);
        self.listener.set(teller).ok().map(|()| listener)
    }

    /// Keeps a decision, and forgets the oldest. A decision that cannot be stored is logged: it is not undone
    /// because it cannot be written down.
    pub async fn record(&self, entry: Entry) {
        self.keep(entry, self.listener.get()).await;
    }

    /// Keeps what the host did about a failure that the policy did not classify. That was not a decision of
    /// the policy, so the listener is not told.
    pub async fn record_unanswered(&self, entry: Entry) {
        self.keep(entry, None).await;
    }

    async fn keep(&self, entry: Entry, listener: Option<&mpsc::Sender<Record>>) {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let record = Record { seq, at: self.clock.now(), entry };
        let mut writes = Vec::with_capacity(2);
        match Write::document(Kind::Audit, key(seq), &record) {
            Ok(write) => writes.push(write),
            Err(error) => return tracing::error!("a decision is not in the audit trail: {error}"),
        }
        if let Some(listener) = listener
            && let Err(mpsc::error::TrySendError::Full(record)) = listener.try_send(record)
        {
            tracing::warn!(seq = record.seq, "decisions come too fast to be compared; this one is not");
        }
        writes.extend(seq.checked_sub(KEPT).map(|old| Write::remove(Kind::Audit, key(old))));
        if let Err(error) = self.store.commit(writes).await {
            tracing::error!("a decision is not in the audit trail: {error}");
        }
    }
}

/// Records among those of a store, oldest first. Entries that are not records of this version are left out.
#[must_use]
pub fn records(stored: Vec<store::Record>) -> Vec<Record> {
    stored.into_iter().filter_map(|(_, bytes)| serde_json::from_slice(&bytes).ok()).collect()
}

#[cfg(test)]
mod tests;
