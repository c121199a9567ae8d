//! Restoring at the start: the components that were active when the last host ended.

use std::sync::Arc;

use super::Source;
use super::record::{Action, Record};
use super::registry::{self, Registry, SlotRecord, StoredGeneration};
use crate::digest::Digest;
use crate::plugin::trust::Trust;
use crate::plugin::{Compiled, ConnectorSlot, POLICY_SLOT, Pluggable, PolicySlot, Trial};
use crate::store::{Store, StoreError};
use crate::time::Clock;

/// Makes the policy active again that was active before.
///
/// # Errors
///
/// When the store fails. A component that is not available or not accepted any more does not count as an
/// error: the slot then goes on with what it has.
pub(crate) async fn restore_policy(
    slot: &Arc<PolicySlot>,
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    trust: &Trust,
    is_configured: bool,
) -> Result<(), StoreError> {
    restore(POLICY_SLOT, slot.as_ref(), store, clock, trust, is_configured).await
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
    restore(name, slot.as_ref(), store, clock, trust, is_configured).await
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

async fn restore<S: Pluggable>(
    name: &str,
    slot: &S,
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    trust: &Trust,
    is_configured: bool,
) -> Result<(), StoreError> {
    let Some(SlotRecord { active, mut previous, .. }) = registry::slot_record(store.as_ref(), name).await?
    else {
        return Ok(());
    };
    let own = slot.slot().active().digest;
    if active.carried || active.digest == own || (active.by == Source::Configuration.name() && !is_configured)
    {
        // A component that the program carries, perhaps in a newer version now; or one that the configuration
        // named and names no longer.
        return Ok(());
    }
    // One generation to go back to, besides the carried one. More would only make the start slower.
    let before = previous.pop().filter(|kept| !kept.carried && kept.digest != own);
    for (kept, is_active) in before.into_iter().map(|kept| (kept, false)).chain([(active, true)]) {
        let Err(why) = enter(name, slot, store, trust, &kept).await? else { continue };
        let StoredGeneration { digest, name: plugin, version, .. } = &kept;
        if !is_active {
            tracing::info!(slot = name, plugin, version, %digest, "not kept to go back to: {why}");
        } else {
            tracing::error!(slot = name, plugin, version, %digest, "not active again: {why}");
            let record = Record::new(clock.now(), S::KIND, name, Action::Start, "host");
            let record = record.about(*digest).of(plugin, version).refused(why);
            Registry::open(Arc::clone(store), None).await?.note(record).await;
        }
    }
    Ok(())
}

/// Makes one of the stored generations active; returns the reason if that is not possible.
async fn enter<S: Pluggable>(
    name: &str,
    slot: &S,
    store: &Arc<dyn Store>,
    trust: &Trust,
    kept: &StoredGeneration,
) -> Result<Result<(), String>, StoreError> {
    if let Err(error) = trust.pinned(name, kept.digest) {
        return Ok(Err(error.to_string()));
    }
    if let Some(bad) = registry::known_bad(store.as_ref(), name, kept.digest).await? {
        return Ok(Err(format!("it was rolled back: {}", bad.reason)));
    }
    let Some(bytes) = registry::component(store.as_ref(), kept.digest).await? else {
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
    Ok(match prepared.await {
        Ok(candidate) => {
            slot.slot().activate(candidate, kept.provenance());
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    })
}
