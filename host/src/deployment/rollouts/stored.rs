//! What the store has of a policy that is tried out.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Disagreement;
use crate::deployment::{POLICY_SLOT, Trust, shelf};
use crate::plugin::rollout::{Mode, Rollout, Tally, canaries};
use crate::plugin::{Compiled, Pluggable as _, PolicySlot, Trial};
use crate::slot::{Digest, Entrance};
use crate::store::{Kind, Store, StoreError, load_document, read_document};

/// A rollout as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    digest: Digest,
    share: Option<u8>,
    promote_after: u32,
    seen: Tally,
    by: String,
    at: Timestamp,
}

pub(super) fn key(seq: u64) -> String {
    format!("{seq:020}")
}

impl Stored {
    /// The same with another tally.
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
        }
    }
}

pub(super) async fn disagreements(store: &dyn Store) -> Result<Vec<Disagreement>, StoreError> {
    let stored = store.list(Kind::Disagreement).await?;
    stored.iter().map(|(key, bytes)| read_document(Kind::Disagreement, key, bytes)).collect()
}

/// Goes on with the policy that was tried out when the last host ended.
///
/// # Errors
///
/// When the store fails. A candidate that is not accepted any more is no error.
pub(crate) async fn restore_rollout<'a>(
    slot: &Arc<PolicySlot>,
    store: &Arc<dyn Store>,
    trust: &Trust,
    accounts: impl IntoIterator<Item = &'a str>,
) -> Result<(), StoreError> {
    let stored: Option<Stored> = load_document(store.as_ref(), Kind::Rollout, POLICY_SLOT).await?;
    let Some(Stored { digest, share, promote_after, seen, by, at }) = stored else { return Ok(()) };
    let bytes = shelf::component(store.as_ref(), digest).await?;
    if shelf::known_bad(store.as_ref(), POLICY_SLOT, digest).await?.is_some()
        || trust.pinned(POLICY_SLOT, digest).is_err()
        || slot.slot().active().digest == digest
    {
        return Ok(());
    }
    let prepared = async {
        let bytes = bytes.ok_or_else(|| "the store does not have it any more".to_owned())?;
        let compiled = Compiled::of(slot.sandbox(), &bytes).await.map_err(|error| error.to_string())?;
        slot.prepare(&compiled, Trial::Full).await.map_err(|error| error.to_string())
    };
    match prepared.await {
        Ok(candidate) => {
            let mode = match share {
                None => Mode::Shadow,
                Some(share) => {
                    Mode::Canary { share, accounts: canaries(accounts, share, digest), promote_after }
                }
            };
            let generation = slot.slot().beside(candidate, Entrance::new(at, by));
            slot.rollouts().set(Some(Arc::new(Rollout::new(generation, mode, seen))));
        }
        Err(why) => tracing::error!(%digest, "the candidate is not tried out again: {why}"),
    }
    Ok(())
}
