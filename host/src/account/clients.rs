//! Clients: one brand's program at one cloud, whichever account it speaks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::protect::latch::Latch;
use crate::store::{Store, StoreError};

/// Latches by client: a vendor that blocks a client does so for all its accounts.
#[derive(Debug, Default)]
pub struct Clients(tokio::sync::Mutex<BTreeMap<String, Arc<Latch>>>);

impl Clients {
    /// The latch of a client: one brand's program at one cloud.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn latch(
        &self,
        cloud: &str,
        brand: &str,
        store: &Arc<dyn Store>,
        now: Timestamp,
    ) -> Result<Arc<Latch>, StoreError> {
        let key = format!("client/{cloud}/{brand}");
        let mut latches = self.0.lock().await;
        if let Some(latch) = latches.get(&key) {
            return Ok(Arc::clone(latch));
        }
        // What it is about is its key, which does not change.
        let (latch, _) = Latch::open(&key, Digest::of(key.as_bytes()), store, now).await?;
        let latch = Arc::new(latch);
        latches.insert(key, Arc::clone(&latch));
        Ok(latch)
    }
}
