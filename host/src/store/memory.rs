//! Store in memory, for tests and the demo.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};

use super::{Kind, Record, Store, StoreError, Write};

type Records = BTreeMap<(Kind, String), Vec<u8>>;

/// Keeps records in memory, for as long as the process lives.
#[derive(Default, Clone)]
pub struct MemoryStore {
    records: Arc<Mutex<Records>>,
}

impl MemoryStore {
    /// Forgets everything.
    pub fn forget(&self) {
        self.records().clear();
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock()
    }
}

impl fmt::Debug for MemoryStore {
    /// Values hold secrets and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move { Ok(self.records().get(&(kind, key.to_owned())).cloned()) })
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        Box::pin(async move {
            let records = self.records();
            let of_kind = records.range((kind, String::new())..).take_while(|((of, _), _)| *of == kind);
            Ok(of_kind.map(|((_, key), value)| (key.clone(), value.clone())).collect())
        })
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let mut records = self.records();
        for Write { kind, key, value } in writes {
            match value {
                Some(value) => records.insert((kind, key), value),
                None => records.remove(&(kind, key)),
            };
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
