//! The stored form of a rollout.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Disagreement;
use crate::deployment::registry;
use crate::digest::Digest;
use crate::plugin::POLICY_SLOT;
use crate::plugin::rollout::{Mode, Rollout, Tally, canaries};
use crate::plugin::slot::{Health, Provenance};
use crate::plugin::trust::Trust;
use crate::plugin::{Compiled, Pluggable as _, PolicySlot, Trial};
use crate::store::{Kind, Store, StoreError, Write, load_document, read_document};

/// A rollout as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    digest: Digest,
    share: Option<u8>,
    promote_after: u32,
    seen: Tally,
    by: String,
    at: Timestamp,
    #[serde(default)]
    calls: u32,
    #[serde(default)]
    faults: u32,
    #[serde(default)]
    signature: Option<String>,
}

async fn stored(store: &dyn Store) -> Result<Option<Stored>, StoreError> {
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

/// Continues the rollout that was under way when the last host ended.
///
/// # Errors
///
/// When the store fails. A candidate that is not accepted any more does not count as an error.
pub(crate) async fn restore_rollout<'a>(
    slot: &Arc<PolicySlot>,
    store: &Arc<dyn Store>,
    trust: &Trust,
    accounts: impl IntoIterator<Item = &'a str>,
) -> Result<(), StoreError> {
    let Some(stored) = stored(store.as_ref()).await? else { return Ok(()) };
    let Stored { digest, share, promote_after, seen, by, at, calls, faults, signature } = stored;
    let bytes = registry::component(store.as_ref(), digest).await?;
    let is_bad = registry::known_bad(store.as_ref(), POLICY_SLOT, digest).await?.is_some();
    let is_over = is_bad || slot.slot().active().digest == digest;
    let prepared = async {
        trust.pinned(POLICY_SLOT, digest).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| "the store does not have it any more".to_owned())?;
        trust.signed(&bytes, signature.as_deref()).map_err(|error| error.to_string())?;
        let compiled = Compiled::of(slot.sandbox(), &bytes).await.map_err(|error| error.to_string())?;
        slot.prepare(&compiled, Trial::Full).await.map_err(|error| error.to_string())
    };
    if is_over {
        return store.commit(vec![Write::remove(Kind::Rollout, POLICY_SLOT)]).await;
    }
    match prepared.await {
        Ok(candidate) => {
            let mode = match share {
                None => Mode::Shadow,
                Some(share) => {
                    Mode::Canary { share, accounts: canaries(accounts, share, digest), promote_after }
                }
            };
            let generation = slot.slot().beside(
                candidate,
                Provenance { health: Health::resumed(false, calls, faults), ..Provenance::new(at, by) }
                    .signed(signature.clone()),
            );
            slot.rollouts().set(Some(Arc::new(Rollout::new(generation, mode, seen))));
        }
        Err(why) => tracing::error!(%digest, "the candidate is not tried out again: {why}"),
    }
    Ok(())
}
