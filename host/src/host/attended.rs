//! A store that is attended: what happens to it is published as events.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;

use crate::events::{AboutState, Event, Events};
use crate::store::{Kind, Record, Store, StoreError, Write};

/// The store that a host works with.
pub(crate) struct Attended {
    inner: Arc<dyn Store>,
    events: Events,
    /// Whether the last change found no room.
    is_full: Arc<AtomicBool>,
}

impl Attended {
    pub(crate) fn new(inner: Arc<dyn Store>, events: Events) -> Self {
        Self { inner, events, is_full: Arc::default() }
    }
}

impl fmt::Debug for Attended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attended").field(&self.inner).finish()
    }
}

impl Store for Attended {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.inner.list(kind)
    }

    fn keys(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.inner.keys(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let set_aside: Vec<String> = writes
            .iter()
            .filter(|write| write.kind == Kind::Damaged)
            .map(|write| write.key.clone())
            .collect();
        let (events, is_full) = (self.events.clone(), Arc::clone(&self.is_full));
        let committing = self.inner.commit(writes);
        Box::pin(async move {
            let committed = committing.await;
            match &committed {
                Ok(()) => {
                    if is_full.swap(false, Ordering::Relaxed) {
                        tracing::warn!("there is room on the disk again");
                    }
                    for record in set_aside {
                        let reason = format!("the record {record} could not be read and was set aside");
                        events.say(&Event::StateDamaged(AboutState { reason }));
                    }
                }
                // Reported once, until there was room in between.
                Err(StoreError::Full(why)) if !is_full.swap(true, Ordering::Relaxed) => {
                    tracing::error!(
                        "the disk is full: what moves something is refused until there is room ({why})"
                    );
                    events.say(&Event::DiskFull(AboutState { reason: why.clone() }));
                }
                Err(_) => {}
            }
            committed
        })
    }
}
