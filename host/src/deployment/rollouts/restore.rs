//! Going on with a rollout after a start.

use std::sync::Arc;

use super::Rollouts;
use super::stored::{Stored, stored};
use crate::deployment::registry;
use crate::digest::Digest;
use crate::plugin::rollout::{Mode, Rollout, Tally, canaries};
use crate::plugin::slot::{Candidate, Health, LARGE, Provenance};
use crate::plugin::trust::Trust;
use crate::plugin::{Compiled, POLICY_SLOT, Pluggable as _, PolicyPlugin, PolicySlot, Trial};
use crate::store::{Kind, Store, StoreError, Write};

/// A rollout that goes on while the host serves already: its candidate is large, or the policy that it is compared with
/// is not active yet.
#[derive(Debug)]
pub(crate) struct Awaited {
    candidate: Digest,
    /// The active policy beside which the counts came about.
    beside: Digest,
}

/// Continues the rollout that was under way when the last host ended, or returns it if that has to wait. `later` is the
/// policy that becomes active again only when it is compiled, if there is one.
///
/// # Errors
///
/// When the store fails. A candidate that is not accepted any more does not count as an error.
pub(crate) async fn restore_rollout<'a>(
    slot: &Arc<PolicySlot>,
    store: &Arc<dyn Store>,
    trust: &Trust,
    accounts: impl IntoIterator<Item = &'a str>,
    later: Option<Digest>,
) -> Result<Option<Awaited>, StoreError> {
    let Some(stored) = stored(store.as_ref()).await? else { return Ok(None) };
    let (candidate, beside) = (stored.digest, later.unwrap_or_else(|| slot.slot().active().digest));
    let is_bad = registry::known_bad(store.as_ref(), POLICY_SLOT, candidate).await?.is_some();
    if is_bad || beside == candidate {
        store.commit(vec![Write::remove(Kind::Rollout, POLICY_SLOT)]).await?;
        return Ok(None);
    }
    let bytes = registry::component(store.as_ref(), candidate).await?;
    if later.is_some() || bytes.as_ref().is_some_and(|bytes| bytes.len() >= LARGE) {
        slot.rollouts().expect(candidate);
        return Ok(Some(Awaited { candidate, beside }));
    }
    match prepared(slot, trust, &stored, bytes).await {
        Ok(candidate) => resume(slot, stored, candidate, accounts),
        Err(why) => tracing::error!(digest = %stored.digest, "the candidate is not tried out again: {why}"),
    }
    Ok(None)
}

/// Prepares the candidate; returns the reason if that is not possible.
async fn prepared(
    slot: &PolicySlot,
    trust: &Trust,
    stored: &Stored,
    bytes: Option<Vec<u8>>,
) -> Result<Candidate<PolicyPlugin>, String> {
    trust.pinned(POLICY_SLOT, stored.digest).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| "the store does not have it any more".to_owned())?;
    trust.signed(&bytes, stored.signature.as_deref()).map_err(|error| error.to_string())?;
    let compiled = Compiled::of(slot.sandbox(), &bytes).await.map_err(|error| error.to_string())?;
    slot.prepare(&compiled, Trial::Full).await.map_err(|error| error.to_string())
}

fn resume<'a>(
    slot: &PolicySlot,
    stored: Stored,
    candidate: Candidate<PolicyPlugin>,
    accounts: impl IntoIterator<Item = &'a str>,
) {
    let Stored { digest, share, promote_after, seen, by, at, calls, faults, signature } = stored;
    let mode = match share {
        None => Mode::Shadow,
        Some(share) => Mode::Canary { share, accounts: canaries(accounts, share, digest), promote_after },
    };
    let health = Health::resumed(false, calls, faults);
    let provenance = Provenance { health, ..Provenance::new(at, by) }.signed(signature);
    let generation = slot.slot().beside(candidate, provenance);
    slot.rollouts().set(Some(Arc::new(Rollout::new(generation, mode, seen))));
}

impl Rollouts {
    /// Goes on with a rollout once its candidate is compiled, unless a person wanted something else meanwhile. Its counts
    /// begin anew if another policy is active by then than the one beside which they came about.
    pub(in crate::deployment) async fn go_on(&self, awaited: &Awaited) -> Result<(), StoreError> {
        let (slots, slot) = (self.slots.as_ref(), &self.slots.policy);
        let _at_work = slots.work_on(POLICY_SLOT);
        let store = slots.registry.store().as_ref();
        let Some(stored) = stored(store).await? else { return Ok(()) };
        let bytes = registry::component(store, awaited.candidate).await?;
        let prepared = prepared(slot, &slots.trust(), &stored, bytes).await;

        let _one_at_a_time = slots.changing.lock().await;
        if slot.rollouts().awaited() != Some(awaited.candidate) {
            return Ok(());
        }
        let active = slot.slot().active().digest;
        if active == awaited.candidate {
            slot.rollouts().set(None);
            return slots.registry.commit(self.forget_rollout().await?, None, &slots.in_use()).await;
        }
        let stored = if active == awaited.beside {
            stored
        } else {
            let anew = stored.having_seen(Tally::default());
            let mut writes = self.forget_disagreements().await?;
            writes.push(Write::document(Kind::Rollout, POLICY_SLOT, &anew)?);
            slots.registry.commit(writes, None, &slots.in_use()).await?;
            anew
        };
        match prepared {
            Ok(candidate) => resume(slot, stored, candidate, self.accounts.read().iter().map(String::as_str)),
            Err(why) => {
                slot.rollouts().set(None);
                tracing::error!(digest = %awaited.candidate, "the candidate is not tried out again: {why}");
            }
        }
        Ok(())
    }
}
