//! A store that can fail, as a disk does that is full.

use parking_lot::Mutex;
use tokio::sync::watch;

use futures_util::future::BoxFuture;
use vehicle_connector::store::{Kind, MemoryStore, Record, Store, StoreError, Write};

/// A store that keeps records in memory, apart from those that it is told to refuse.
#[derive(Debug, Default)]
pub struct WornStore {
    inner: MemoryStore,
    refused: Mutex<Option<Refusal>>,
    /// Kind whose commits and lists wait.
    held: watch::Sender<Option<Kind>>,
}

#[derive(Debug)]
struct Refusal {
    /// Kind that is refused; none means every kind.
    kind: Option<Kind>,
    /// Number of such commits that are made first.
    after: usize,
}

impl WornStore {
    /// Refuses commits with a record of this kind, after `after` that go well.
    pub fn refuse(&self, kind: Kind, after: usize) {
        *self.refused.lock() = Some(Refusal { kind: Some(kind), after });
    }

    /// Refuses all commits.
    pub fn refuse_all(&self) {
        *self.refused.lock() = Some(Refusal { kind: None, after: 0 });
    }

    /// Holds commits with a record of this kind, and lists of it.
    pub fn hold(&self, kind: Kind) {
        self.held.send_replace(Some(kind));
    }

    /// Lets everything go on that is held.
    pub fn release(&self) {
        self.held.send_replace(None);
    }

    /// Waits until records of these kinds are not held.
    fn let_through(&self, kinds: Vec<Kind>) -> impl Future<Output = ()> + Send + use<> {
        let mut held = self.held.subscribe();
        async move {
            let free = held.wait_for(|held| held.is_none_or(|held| !kinds.contains(&held))).await;
            // A store that is gone holds nothing.
            drop(free);
        }
    }

    /// Refuses nothing any more.
    pub fn mend(&self) {
        *self.refused.lock() = None;
    }

    /// Loses everything.
    pub fn forget(&self) {
        self.inner.forget();
    }

    fn refuses(&self, writes: &[Write]) -> bool {
        let mut refused = self.refused.lock();
        let Some(refusal) = refused.as_mut() else { return false };
        if !writes.iter().any(|write| refusal.kind.is_none_or(|kind| write.kind == kind)) {
            return false;
        }
        match refusal.after.checked_sub(1) {
            None => true,
            Some(after) => {
                refusal.after = after;
                false
            }
        }
    }
}

impl Store for WornStore {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        Box::pin(async move {
            self.let_through(vec![kind]).await;
            self.inner.list(kind).await
        })
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        if self.refuses(&writes) {
            Box::pin(std::future::ready(Err(StoreError::Full("no space left".to_owned()))))
        } else {
            let free = self.let_through(writes.iter().map(|write| write.kind).collect());
            let committed = self.inner.commit(writes);
            Box::pin(async move {
                free.await;
                committed.await
            })
        }
    }
}
