//! Deployment: how a component becomes the active one, at whose request, and what is remembered of it.
//!
//! A message, the control socket, a watched folder, the configuration and programs that embed the host all
//! come to [`Deployments::swap`], and every attempt leaves a [`Record`], whether it succeeded or not. An
//! accepted component is kept in the store, so that it is there again after a restart; one that had to be
//! rolled back is remembered as bad, and is not taken again.
//!
//! # Layout
//!
//! `trust`: pins and signatures. `record`: every attempt, by whom, and its outcome. `registry`: the stored
//! slots and components. `slots`: what swaps and rollouts share. `offers`: what waits
//! until somebody wants it. `restore`: slots at the start. `watch`:
//! changes by the host itself. `rollouts`: shadow and canary.

mod meant;
mod offer;
mod offers;
mod record;
mod refusal;
mod registry;
mod restore;
mod rollouts;
mod slots;
mod swap;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch as signal;

use crate::plugin::POLICY_SLOT;
use crate::plugin::trust::Trust;

pub use self::offer::{Offer, Offered, Source};
use self::offers::Offers;
pub use self::offers::OnOffer;
pub use self::record::{Action, Outcome, Record};
pub use self::refusal::Refusal;
pub use self::registry::Bad;
use self::registry::Registry;
pub(crate) use self::restore::{Later, has_seen, restore_connector, restore_policy, rolled_back};
pub use self::rollouts::{Disagreement, PROMOTE_AFTER, RolloutView, Rollouts, Try};
use self::slots::Slots;
use self::view::deployed;
pub(crate) use self::view::state;
pub use self::view::{Deployed, Earlier, Identity, SlotState, SlotView, Verified};
use crate::audit;
use crate::digest::Digest;
use crate::plugin::{ConnectorSlot, Pluggable, PluginKind, PolicySlot};
use crate::primitives::AccountContext;
use crate::sandbox::Sandbox;
use crate::services::Services;
use crate::store::StoreError;

/// A slot, by name and by type.
enum Place<'d> {
    Policy(&'d Arc<PolicySlot>),
    Connector(&'d str, &'d Arc<ConnectorSlot>),
}

/// Calls a function that is generic in the kind of plugin.
macro_rules! in_place {
    ($deployments:ident, $kind:expr, $slot:expr, |$name:ident, $at:ident| $body:expr) => {
        match $deployments.place($kind, $slot)? {
            Place::Policy($at) => {
                let $name = POLICY_SLOT;
                $body
            }
            Place::Connector($name, $at) => $body,
        }
    };
}

/// An account that a connector serves.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The connector's slot.
    pub(crate) connector: String,
    /// The account.
    pub(crate) context: Arc<AccountContext>,
}

/// The changes to the slots of a host.
#[derive(Debug)]
pub struct Deployments {
    slots: Arc<Slots>,
    rollouts: Arc<Rollouts>,
    accounts: RwLock<Vec<Served>>,
}

impl Deployments {
    /// Opens the deployments of these slots, with what the store remembers of them.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) async fn open(
        policy: &Arc<PolicySlot>,
        connectors: &BTreeMap<String, Arc<ConnectorSlot>>,
        accounts: Vec<Served>,
        services: Arc<Services>,
        trust: Trust,
    ) -> Result<Arc<Self>, StoreError> {
        let store = &services.store;
        let tried_out = rollouts::stored::tried_out(store.as_ref()).await?;
        let registry = Registry::open(Arc::clone(store), tried_out).await?;
        registry.tidy(tried_out).await;
        let slots = Arc::new(Slots {
            policy: Arc::clone(policy),
            connectors: connectors.clone(),
            services,
            trust: ArcSwap::from_pointee(trust),
            registry,
            changed: signal::Sender::new(()),
            changing: tokio::sync::Mutex::default(),
            offers: Offers::default(),
            working: Mutex::default(),
        });
        slots.take_up_offers().await?;
        let slugs = accounts.iter().map(|served| served.context.account.clone()).collect();
        let rollouts = Arc::new(Rollouts::new(Arc::clone(&slots), slugs));
        Ok(Arc::new(Self { slots, rollouts, accounts: RwLock::new(accounts) }))
    }

    /// Serves these accounts from now on.
    pub(crate) fn serve(&self, accounts: Vec<Served>) {
        self.rollouts.of_accounts(accounts.iter().map(|served| served.context.account.clone()).collect());
        *self.accounts.write() = accounts;
    }

    /// Requires of components that come in from now on what this says of signatures. Pins are those of the
    /// start: they say what is in the slots.
    pub(crate) fn require(&self, signatures: &Trust) {
        let Trust { require_signature, keys, .. } = signatures.clone();
        let pins = self.slots.trust().pins.clone();
        self.slots.trust.store(Arc::new(Trust { pins, require_signature, keys }));
    }

    /// Records the events of the slots, for as long as the host lives, and puts the decisions of the audit
    /// trail to a candidate.
    pub(crate) fn watch(self: &Arc<Self>, decisions: Receiver<audit::Record>) {
        watch::watch(self, decisions);
    }

    /// The rollouts: candidates in shadow or as a canary.
    #[must_use]
    pub fn rollouts(&self) -> &Arc<Rollouts> {
        &self.rollouts
    }

    /// Records an attempt that was refused before it was parsed: its input could not be read, or the slot is
    /// unknown.
    pub async fn note_refused(&self, kind: PluginKind, slot: &str, action: Action, by: &str, reason: &str) {
        self.slots.note_refused(kind, slot, action, by, reason).await;
    }

    /// Views of the slots of a kind.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn list(&self, kind: PluginKind) -> Result<Vec<SlotView>, Refusal> {
        let Slots { policy, connectors, .. } = self.slots.as_ref();
        match kind {
            PluginKind::Policy => Ok(vec![view::of(&self.slots, POLICY_SLOT, policy.as_ref()).await?]),
            PluginKind::Connector => {
                let mut views = Vec::with_capacity(connectors.len());
                for (name, slot) in connectors {
                    views.push(view::of(&self.slots, name, slot.as_ref()).await?);
                }
                Ok(views)
            }
        }
    }

    /// Puts a component into a slot, if it passes every check. Of several connectors it is the one of the
    /// component's own name, unless a slot is named. Operations under way end with the plugin they
    /// began with. A component that is already active stays, and begins no new generation.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]. Nothing has changed then, except that a record of the attempt is kept.
    pub async fn swap(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        offer: &Offer,
    ) -> Result<Deployed, Refusal> {
        let meant = match self.slots.meant(kind, slot, offer).await {
            Ok(meant) => meant,
            Err(refusal) => return Err(self.refused(kind, ("", Action::Swap), offer, refusal).await),
        };
        let (slot, offer) =
            meant.as_ref().map_or((slot, offer), |(name, offer)| (Some(name.as_str()), offer));
        self.known_slot(kind, slot, Action::Swap, &offer.by).await?;
        in_place!(self, kind, slot, |name, at| self.swap_in(name, at.as_ref(), offer).await)
    }

    /// Keeps a component until somebody wants it, if it passes every check of [`Deployments::swap`]. It takes
    /// the place of what was on offer for its slot before, and outlives a restart. One that is active already
    /// is not on offer.
    ///
    /// # Errors
    ///
    /// As for a swap.
    pub async fn offer(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        offer: &Offer,
    ) -> Result<Verified, Refusal> {
        let meant = match self.slots.meant(kind, slot, offer).await {
            Ok(meant) => meant,
            Err(refusal) => return Err(self.refused(kind, ("", Action::Offer), offer, refusal).await),
        };
        let (slot, offer) =
            meant.as_ref().map_or((slot, offer), |(name, offer)| (Some(name.as_str()), offer));
        self.known_slot(kind, slot, Action::Offer, &offer.by).await?;
        in_place!(self, kind, slot, |name, at| self.offer_in(name, at.as_ref(), offer).await)
    }

    /// Puts the latest version into a slot: the candidate of a rollout, or what is on offer.
    ///
    /// # Errors
    ///
    /// As for a swap, and when there is no such version.
    pub async fn swap_latest(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        by: &str,
    ) -> Result<Deployed, Refusal> {
        self.known_slot(kind, slot, Action::Swap, by).await?;
        if kind == PluginKind::Policy && self.rollouts.current().is_some() {
            return self.rollouts.promote(by).await;
        }
        in_place!(self, kind, slot, |name, at| self.swap_latest_in(name, at.as_ref(), by).await)
    }

    /// Returns what is on offer for a slot; none also if there is no such slot.
    #[must_use]
    pub fn on_offer(&self, kind: PluginKind, slot: &str) -> Option<OnOffer> {
        match self.place(kind, Some(slot)).ok()? {
            Place::Policy(at) => self.slots.on_offer(POLICY_SLOT, at.as_ref()),
            Place::Connector(name, at) => self.slots.on_offer(name, at.as_ref()),
        }
    }

    /// Whether a component is being put into a slot.
    #[must_use]
    pub fn is_at_work(&self, slot: &str) -> bool {
        self.slots.working.lock().contains_key(slot)
    }

    /// Checks everything that [`Deployments::swap`] checks, without the change. Leaves no record.
    ///
    /// # Errors
    ///
    /// As for a swap.
    pub async fn verify(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        offer: &Offer,
    ) -> Result<Verified, Refusal> {
        let meant = self.slots.meant(kind, slot, offer).await?;
        let (slot, offer) =
            meant.as_ref().map_or((slot, offer), |(name, offer)| (Some(name.as_str()), offer));
        in_place!(self, kind, slot, |name, at| {
            let (compiled, candidate) = self.slots.admit(name, at.as_ref(), offer).await?;
            Ok(Verified::new(name, &compiled, &candidate))
        })
    }

    /// Makes the generation before the active one active again, at once, whatever is being compiled or
    /// written down. The replaced generation is not remembered as bad: the rollback was requested, and the
    /// component may be requested again. A swap that was accepted earlier and is still being written down
    /// takes effect after it.
    ///
    /// # Errors
    ///
    /// When there is no earlier generation, or the configuration pins the active one.
    pub async fn rollback(
        self: &Arc<Self>,
        kind: PluginKind,
        slot: Option<&str>,
        by: &str,
    ) -> Result<Deployed, Refusal> {
        self.known_slot(kind, slot, Action::Rollback, by).await?;
        in_place!(self, kind, slot, |name, at| self.roll_back_in(name, at, by).await)
    }

    /// Forgets that a component had to be rolled back, so that it can be tried again. Returns whether it was
    /// known as bad.
    ///
    /// # Errors
    ///
    /// When the slot is unknown or the store fails.
    pub async fn forgive(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        digest: Digest,
        by: &str,
    ) -> Result<bool, Refusal> {
        self.known_slot(kind, slot, Action::Forgive, by).await?;
        in_place!(self, kind, slot, |name, at| {
            let _one_at_a_time = self.slots.changing.lock().await;
            let record = self.slots.record(kind, name, Action::Forgive, by).about(digest);
            if self.slots.registry.bad(name, digest).await?.is_none() && !at.slot().is_quarantined(digest) {
                self.slots.registry.note(record.unchanged()).await;
                return Ok(false);
            }
            self.slots.registry.forgive(name, digest, record).await?;
            at.slot().forgive(digest);
        });
        self.slots.changed.send_replace(());
        Ok(true)
    }

    /// The policy's slot.
    #[must_use]
    pub fn policy(&self) -> &Arc<PolicySlot> {
        &self.slots.policy
    }

    /// The connectors' slots, by name.
    #[must_use]
    pub fn connectors(&self) -> &BTreeMap<String, Arc<ConnectorSlot>> {
        &self.slots.connectors
    }

    /// The sandbox of all slots, for programs that compile components beforehand.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.slots.policy.sandbox()
    }

    /// Remembers a component that was found in a place and not taken, so that it is not new at the next
    /// start.
    ///
    /// # Errors
    ///
    /// When the slot is unknown or the store fails.
    pub(crate) async fn have_seen(
        &self,
        kind: PluginKind,
        slot: &str,
        source: Source,
        component: &[u8],
    ) -> Result<(), Refusal> {
        in_place!(self, kind, Some(slot), |name, at| {
            let _one_at_a_time = self.slots.changing.lock().await;
            self.slots.registry.see(name, Some(source), Digest::of(component));
            Ok(self.slots.registry.keep_health(name, at.slot()).await?)
        })
    }

    /// Whether this component is the one last found in that place.
    #[must_use]
    pub fn is_known(&self, slot: &str, source: Source, component: &[u8]) -> bool {
        self.slots.registry.has_seen(slot, source, Digest::of(component))
    }

    /// Checks that every slot has what the configuration allows there: the pinned component, or the one that
    /// the program carries if the pinned one had to be rolled back. A home must not be left without its car
    /// because of a component's later behaviour.
    ///
    /// # Errors
    ///
    /// The refusal of the first slot that has something else.
    pub async fn check_pins(&self) -> Result<(), Refusal> {
        self.check_pin(POLICY_SLOT, self.slots.policy.as_ref()).await?;
        for (name, slot) in &self.slots.connectors {
            self.check_pin(name, slot.as_ref()).await?;
        }
        Ok(())
    }

    async fn check_pin<S: Pluggable>(&self, name: &str, slot: &S) -> Result<(), Refusal> {
        let active = slot.slot().active().digest;
        let Err(error) = self.slots.trust().pinned(name, active) else { return Ok(()) };
        let pinned = self.slots.trust().pins.get(name).copied();
        let is_fallback = active == slot.slot().carried();
        match pinned {
            Some(pinned) if is_fallback && self.slots.registry.bad(name, pinned).await?.is_some() => {
                tracing::error!(slot = name, %pinned, "what the program carries runs, because the pinned component had to be rolled back");
                Ok(())
            }
            _ => Err(error.into()),
        }
    }

    /// The latest attempts of a kind, oldest first: those of one slot, or of all slots.
    ///
    /// # Errors
    ///
    /// When the slot is unknown or the store fails.
    pub async fn history(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        last: usize,
    ) -> Result<Vec<Record>, Refusal> {
        let name = slot.map(|slot| self.name_of(kind, Some(slot))).transpose()?;
        let mut records = self.slots.registry.history().await?;
        records.retain(|record| record.kind == kind && name.is_none_or(|name| record.slot == name));
        records.drain(..records.len().saturating_sub(last));
        Ok(records)
    }

    /// Notifies of every change that shows in [`Deployments::list`], except changes of the active generations
    /// themselves.
    pub fn changes(&self) -> signal::Receiver<()> {
        self.slots.changed.subscribe()
    }

    fn place(&self, kind: PluginKind, slot: Option<&str>) -> Result<Place<'_>, Refusal> {
        let known: Vec<String> = match kind {
            PluginKind::Policy => vec![POLICY_SLOT.to_owned()],
            PluginKind::Connector => self.slots.connectors.keys().cloned().collect(),
        };
        match (kind, slot) {
            (PluginKind::Policy, None | Some(POLICY_SLOT)) => return Ok(Place::Policy(&self.slots.policy)),
            (PluginKind::Connector, Some(name)) => {
                if let Some((name, slot)) = self.slots.connectors.get_key_value(name) {
                    return Ok(Place::Connector(name, slot));
                }
            }
            // With one slot it is clear which one is meant.
            (PluginKind::Connector, None) if known.len() == 1 => {
                if let Some((name, slot)) = self.slots.connectors.first_key_value() {
                    return Ok(Place::Connector(name, slot));
                }
            }
            _ => {}
        }
        Err(Refusal::UnknownSlot { kind, slot: slot.unwrap_or_default().to_owned(), known })
    }

    /// Checks that the slot exists, and records the attempt if it does not.
    async fn known_slot(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        action: Action,
        by: &str,
    ) -> Result<(), Refusal> {
        if let Err(unknown) = self.place(kind, slot) {
            self.slots.note_refused(kind, slot.unwrap_or_default(), action, by, &unknown.to_string()).await;
            return Err(unknown);
        }
        Ok(())
    }

    fn name_of(&self, kind: PluginKind, slot: Option<&str>) -> Result<&str, Refusal> {
        Ok(match self.place(kind, slot)? {
            Place::Policy(_) => POLICY_SLOT,
            Place::Connector(name, _) => name,
        })
    }
}
