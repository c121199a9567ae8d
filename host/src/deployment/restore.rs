//! Restoring at the start: the components that were active when the last host ended.

use std::sync::Arc;

use super::record::{Action, Record};
use super::registry::{self, Registry, SlotRecord, StoredGeneration};
use super::rollouts::restore::{Awaited, restore_rollout};
use super::slots::Slots;
use super::{Deployments, Source};
use crate::digest::Digest;
use crate::plugin::slot::{Candidate, LARGE};
use crate::plugin::trust::Trust;
use crate::plugin::{Compiled, ConnectorSlot, POLICY_SLOT, Pluggable, PolicySlot, Trial};
use crate::store::{Store, StoreError};
use crate::time::Clock;

/// What is compiled while the host serves already, with what its slot has meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Later {
    /// A large policy that was active before.
    policy: Option<StoredGeneration>,
    /// What was tried out before.
    rollout: Option<Awaited>,
}

/// Makes the policy active again that was active before, and tries out again what was tried out. Returns what takes long
/// and need not be waited for. A pinned policy is waited for: the owner wants that one and no other.
///
/// # Errors
///
/// When the store fails. A component that is not available or not accepted any more does not count as an
/// error: the slot then goes on with what it has.
pub(crate) async fn restore_policy<'a>(
    slot: &Arc<PolicySlot>,
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    (trust, is_configured): (&Trust, bool),
    accounts: impl IntoIterator<Item = &'a str>,
) -> Result<Later, StoreError> {
    let must_wait = trust.pins.contains_key(POLICY_SLOT);
    let beside = if must_wait { usize::MAX } else { LARGE };
    let policy = restore(POLICY_SLOT, slot.as_ref(), store, clock, trust, is_configured, beside).await?;
    let awaited = policy.as_ref().map(|kept| kept.digest);
    let rollout = restore_rollout(slot, store, trust, accounts, awaited).await?;
    Ok(Later { policy, rollout })
}

/// Makes the connector active again that was active before.
///
/// # Errors
///
/// As for a policy.
pub(crate) async fn restore_connector(
    name: &str,
    slot: &Arc<ConnectorSlot>,
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    trust: &Trust,
    is_configured: bool,
) -> Result<(), StoreError> {
    // There is no other connector that could serve meanwhile.
    let restored = restore(name, slot.as_ref(), store, clock, trust, is_configured, usize::MAX).await;
    restored.map(drop)
}

/// Whether this component is the one last found in that place, as far as the store knows.
///
/// # Errors
///
/// When the store fails.
pub(crate) async fn has_seen(
    store: &dyn Store,
    slot: &str,
    source: Source,
    digest: Digest,
) -> Result<bool, StoreError> {
    let record = registry::slot_record(store, slot).await?;
    Ok(record.is_some_and(|record| record.seen.get(source.name()) == Some(&digest)))
}

/// Returns why a component had to be rolled back, if it had to be.
///
/// # Errors
///
/// When the store fails.
pub(crate) async fn rolled_back(
    store: &dyn Store,
    slot: &str,
    digest: Digest,
) -> Result<Option<String>, StoreError> {
    Ok(registry::known_bad(store, slot, digest).await?.map(|bad| bad.reason))
}

impl Deployments {
    /// Makes a large policy active again once it is compiled, unless another one has come meanwhile, and goes on with a
    /// rollout then.
    pub(crate) fn resume(self: &Arc<Self>, Later { policy, rollout }: Later) {
        if let Some(kept) = &policy {
            self.slots.registry.expect(POLICY_SLOT, kept.digest);
        }
        let ours = Arc::downgrade(self);
        tokio::spawn(async move {
            let Some(ours) = ours.upgrade() else { return };
            if let Some(kept) = policy
                && let Err(error) = ours.slots.resumed(&kept).await
            {
                tracing::error!(policy = kept.name, version = kept.version, "not active again: {error}");
            }
            if let Some(awaited) = rollout
                && let Err(error) = ours.rollouts.go_on(&awaited).await
            {
                tracing::error!("what was tried out is not tried out again: {error}");
            }
        });
    }
}

impl Slots {
    async fn resumed(&self, kept: &StoredGeneration) -> Result<(), StoreError> {
        let (slot, store, trust) = (self.policy.as_ref(), &self.services.store, self.trust());
        let StoredGeneration { digest, name, version, .. } = kept;
        let _at_work = self.work_on(POLICY_SLOT);
        let begun = slot.slot().active();
        tracing::info!(policy = name, version, %digest, "is being compiled; {} decides meanwhile", begun.name);
        let bytes = registry::component(store.as_ref(), *digest).await?;
        let prepared = prepared(POLICY_SLOT, slot, store, &trust, kept, bytes).await?;
        let _one_at_a_time = self.changing.lock().await;
        if slot.slot().active().number != begun.number {
            tracing::info!(policy = name, version, "not active again: another one has come meanwhile");
            return Ok(());
        }
        match prepared {
            Ok(candidate) => {
                slot.slot().activate(candidate, kept.provenance());
                tracing::info!(policy = name, version, %digest, "active again");
                self.registry.keep_health(POLICY_SLOT, slot.slot()).await?;
            }
            Err(why) => {
                self.registry
                    .note(not_again::<PolicySlot>(POLICY_SLOT, kept, why, self.services.clock.as_ref()))
                    .await
            }
        }
        Ok(())
    }
}

/// Makes the generations active that were active before, but for one of at least `beside` bytes, which is returned.
async fn restore<S: Pluggable>(
    name: &str,
    slot: &S,
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    trust: &Trust,
    is_configured: bool,
    beside: usize,
) -> Result<Option<StoredGeneration>, StoreError> {
    let Some(SlotRecord { active, mut previous, .. }) = registry::slot_record(store.as_ref(), name).await?
    else {
        return Ok(None);
    };
    let own = slot.slot().active().digest;
    if active.carried || active.digest == own || (active.by == Source::Configuration.name() && !is_configured)
    {
        // A component that the program carries, perhaps in a newer version now; or one that the configuration
        // named and names no longer.
        return Ok(None);
    }
    // One generation to go back to, besides the carried one. More would only make the start slower.
    let before = previous.pop().filter(|kept| !kept.carried && kept.digest != own);
    for (kept, is_active) in before.into_iter().map(|kept| (kept, false)).chain([(active, true)]) {
        let bytes = registry::component(store.as_ref(), kept.digest).await?;
        let is_large = bytes.as_ref().is_some_and(|bytes| bytes.len() >= beside);
        if is_large && is_active {
            return Ok(Some(kept));
        }
        let StoredGeneration { digest, name: plugin, version, .. } = &kept;
        let prepared = if is_large {
            Err("it takes long to compile, and much memory".to_owned())
        } else {
            prepared(name, slot, store, trust, &kept, bytes).await?
        };
        match prepared {
            Ok(candidate) => {
                slot.slot().activate(candidate, kept.provenance());
            }
            Err(why) if is_active => {
                let record = not_again::<S>(name, &kept, why, clock);
                Registry::open(Arc::clone(store), None).await?.note(record).await;
            }
            Err(why) => {
                tracing::info!(slot = name, plugin, version, %digest, "not kept to go back to: {why}");
            }
        }
    }
    Ok(None)
}

/// Says that what was active before is not active again. Returns the record of that.
fn not_again<S: Pluggable>(name: &str, kept: &StoredGeneration, why: String, clock: &dyn Clock) -> Record {
    let StoredGeneration { digest, name: plugin, version, .. } = kept;
    tracing::error!(slot = name, plugin, version, %digest, "not active again: {why}");
    let record = Record::new(clock.now(), S::KIND, name, Action::Start, "host");
    record.about(*digest).of(plugin, version).refused(why)
}

/// Prepares one of the stored generations; returns the reason if that is not possible.
async fn prepared<S: Pluggable>(
    name: &str,
    slot: &S,
    store: &Arc<dyn Store>,
    trust: &Trust,
    kept: &StoredGeneration,
    bytes: Option<Vec<u8>>,
) -> Result<Result<Candidate<S::Plugin>, String>, StoreError> {
    if let Err(error) = trust.pinned(name, kept.digest) {
        return Ok(Err(error.to_string()));
    }
    if let Some(bad) = registry::known_bad(store.as_ref(), name, kept.digest).await? {
        return Ok(Err(format!("it was rolled back: {}", bad.reason)));
    }
    let Some(bytes) = bytes else {
        return Ok(Err("the store does not have it any more, or it is damaged there".to_owned()));
    };
    // The keys may have changed, or a signature may be required now that was not before.
    if let Err(error) = trust.signed(&bytes, kept.signature.as_deref()) {
        return Ok(Err(error.to_string()));
    }
    let prepared = async {
        let compiled = Compiled::of(slot.sandbox(), &bytes).await?;
        slot.prepare(&compiled, Trial::Full).await
    };
    Ok(prepared.await.map_err(|error| error.to_string()))
}
