//! The slots of a host, the records of their components, and the lock for one change at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch as signal;

use super::offers::Offers;
use super::registry::Registry;
use super::{Action, Bad, Offer, Offered, Record, Refusal, refusal};
use crate::digest::Digest;
use crate::events::{AboutPlugin, Event};
use crate::plugin::slot::{Candidate, Generation};
use crate::plugin::trust::Trust;
use crate::plugin::{ActivationError, Compiled, ConnectorSlot, Pluggable, PluginKind, PolicySlot};
use crate::sandbox::LARGEST_COMPONENT;
use crate::services::Services;

/// The state that swaps and rollouts share.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) policy: Arc<PolicySlot>,
    pub(super) connectors: BTreeMap<String, Arc<ConnectorSlot>>,
    pub(super) services: Arc<Services>,
    pub(super) trust: ArcSwap<Trust>,
    pub(super) registry: Registry,
    /// Notified of changes besides the active generations.
    pub(super) changed: signal::Sender<()>,
    /// Lock for one change at a time. The second change sees the result of the first. A rollback takes it
    /// only to store its result.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Components that wait until somebody wants them.
    pub(super) offers: Offers,
    /// Slots that a component is being put into, and how many.
    pub(super) working: Mutex<BTreeMap<String, usize>>,
}

/// Work on a slot, for as long as it exists.
pub(super) struct Working<'s> {
    slots: &'s Slots,
    name: &'s str,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut working = self.slots.working.lock();
        if let Some(number) = working.get_mut(self.name) {
            *number -= 1;
            if *number == 0 {
                working.remove(self.name);
            }
        }
        drop(working);
        self.slots.changed.send_replace(());
    }
}

impl Slots {
    /// Shows that a component is being put into a slot, until the answer is dropped.
    pub(super) fn work_on<'s>(&'s self, name: &'s str) -> Working<'s> {
        *self.working.lock().entry(name.to_owned()).or_default() += 1;
        self.changed.send_replace(());
        Working { slots: self, name }
    }

    /// Pins and signatures, as they are required now.
    pub(super) fn trust(&self) -> Arc<Trust> {
        self.trust.load_full()
    }

    /// Checks everything that comes before the change: whether the component may be in this slot, whether it
    /// is known to be bad, and its trial.
    pub(super) async fn admit<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
    ) -> Result<(Compiled, Candidate<S::Plugin>), Refusal> {
        let bytes = offer.component.bytes();
        if bytes.len() > LARGEST_COMPONENT {
            return Err(ActivationError::TooLarge { size: bytes.len() }.into());
        }
        let digest = Digest::of(bytes);
        self.trust().pinned(name, digest)?;
        if matches!(offer.component, Offered::Bytes(_)) {
            self.trust().signed(bytes, offer.signature.as_deref())?;
        }
        self.refuse_bad(name, slot, digest).await?;
        let compiled = match &offer.component {
            Offered::Bytes(bytes) => Compiled::of(slot.sandbox(), bytes).await?,
            Offered::Compiled(compiled) => compiled.clone(),
        };
        let candidate = slot.prepare(&compiled, offer.trial).await?;
        Ok((compiled, candidate))
    }

    pub(super) async fn refuse_bad<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        digest: Digest,
    ) -> Result<(), Refusal> {
        match self.registry.bad(name, digest).await? {
            Some(Bad { at, reason, .. }) => Err(Refusal::KnownBad { digest, at, reason }),
            // Discovered just now, and not yet stored.
            None if slot.slot().is_quarantined(digest) => Err(Refusal::KnownBad {
                digest,
                at: self.services.clock.now(),
                reason: "it does not answer".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Records an attempt that was refused before it was parsed: its input could not be read, or the slot is
    /// unknown.
    pub(super) async fn note_refused(
        &self,
        kind: PluginKind,
        slot: &str,
        action: Action,
        by: &str,
        reason: &str,
    ) {
        let reason = crate::redact::cut(reason.to_owned(), refusal::LONGEST);
        self.registry.note(self.record(kind, slot, action, by).refused(reason)).await;
    }

    pub(super) fn record(&self, kind: PluginKind, slot: &str, action: Action, by: &str) -> Record {
        Record::new(self.services.clock.now(), kind, slot, action, by)
    }

    /// Components that must be there after a restart.
    pub(super) fn in_use(&self) -> Vec<Digest> {
        let rollout = self.policy.rollouts().current();
        let mut digests: Vec<Digest> = rollout.iter().map(|rollout| rollout.generation.digest).collect();
        digests.extend(self.policy.rollouts().awaited());
        fn add<S: Pluggable>(slot: &S, digests: &mut Vec<Digest>) {
            digests.push(slot.slot().active().digest);
            digests.extend(slot.slot().previous().iter().map(|generation| generation.digest));
        }
        add(self.policy.as_ref(), &mut digests);
        self.connectors.values().for_each(|connector| add(connector.as_ref(), &mut digests));
        digests
    }

    pub(super) fn say<P>(
        &self,
        kind: PluginKind,
        event: fn(PluginKind, AboutPlugin) -> Event,
        slot: &str,
        active: &Generation<P>,
        by: &str,
        reason: Option<String>,
    ) {
        let about = AboutPlugin {
            slot: slot.to_owned(),
            name: Some(active.name.clone()),
            version: Some(active.version.clone()),
            digest: Some(active.digest),
            generation: Some(active.number),
            by: by.to_owned(),
            reason,
        };
        self.services.events.say(&event(kind, about));
    }
}
