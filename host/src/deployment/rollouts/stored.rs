//! The stored form of a rollout.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Disagreement;
use crate::digest::Digest;
use crate::plugin::POLICY_SLOT;
use crate::plugin::rollout::{Mode, Rollout, Tally};
use crate::store::{Kind, Store, StoreError, load_document, read_document};

/// A rollout as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) digest: Digest,
    pub(super) share: Option<u8>,
    pub(super) promote_after: u32,
    pub(super) seen: Tally,
    pub(super) by: String,
    pub(super) at: Timestamp,
    #[serde(default)]
    pub(super) calls: u32,
    #[serde(default)]
    pub(super) faults: u32,
    #[serde(default)]
    pub(super) signature: Option<String>,
}

pub(super) async fn stored(store: &dyn Store) -> Result<Option<Stored>, StoreError> {
    load_document(store, Kind::Rollout, POLICY_SLOT).await
}

/// Reads the digest of the candidate whose rollout was under way when the last host ended.
///
/// # Errors
///
/// When the store fails.
pub(in crate::deployment) async fn tried_out(store: &dyn Store) -> Result<Option<Digest>, StoreError> {
    Ok(stored(store).await?.map(|stored| stored.digest))
}

pub(super) fn key(seq: u64) -> String {
    format!("{seq:020}")
}

impl Stored {
    /// Replaces the tally.
    pub(super) fn having_seen(self, seen: Tally) -> Self {
        Self { seen, ..self }
    }
}

impl From<&Rollout> for Stored {
    fn from(rollout: &Rollout) -> Self {
        let (share, promote_after) = match &rollout.mode {
            Mode::Shadow => (None, 0),
            Mode::Canary { share, promote_after, .. } => (Some(*share), *promote_after),
        };
        Self {
            digest: rollout.generation.digest,
            share,
            promote_after,
            seen: *rollout.tally(),
            by: rollout.generation.by.clone(),
            at: rollout.generation.loaded_at,
            calls: rollout.generation.health.calls(),
            faults: rollout.generation.health.faults(),
            signature: rollout.generation.signature.clone(),
        }
    }
}

pub(super) async fn disagreements(store: &dyn Store) -> Result<Vec<Disagreement>, StoreError> {
    let stored = store.list(Kind::Disagreement).await?;
    let mut all = Vec::with_capacity(stored.len());
    for (key, bytes) in &stored {
        all.extend(read_document(store, Kind::Disagreement, key, bytes).await);
    }
    Ok(all)
}
