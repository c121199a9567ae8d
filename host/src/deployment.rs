//! Deployment: how a component becomes the active one, whoever wants that, and what is remembered of it.
//!
//! A message, the control socket, a watched folder, the configuration and programs that embed the host all come to
//! [`Deployments::swap`], and every attempt leaves a [`Record`], whether it went well or not. What was accepted is kept in
//! the store, so that it is there again after a restart; what had to be rolled back is remembered as bad, and is not
//! taken again.
//!
//! # Layout
//!
//! `trust`: pins and signatures. `record`: who wanted what, and how it went. `shelf`: what is kept of slots and
//! components. `restore`: what a start finds. `watch`: what the host does by itself. `rollouts`: shadow and canary.

mod record;
mod restore;
mod rollouts;
mod shelf;
mod trust;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch as signal;

pub use self::record::{Action, Outcome, Record};
pub(crate) use self::restore::{restore_connector, restore_policy};
pub(crate) use self::rollouts::restore_rollout;
pub use self::rollouts::{Disagreement, PROMOTE_AFTER, RolloutView, Try};
pub use self::shelf::Bad;
use self::shelf::Shelf;
pub use self::trust::{PublicKey, Trust, TrustError};
pub(crate) use self::view::state;
pub use self::view::{Earlier, SlotState, SlotView};
use crate::account::Account;
use crate::events::{AboutPlugin, Event, Events};
use crate::plugin::{
    ActivationError, Compiled, ConnectorSlot, LARGEST_COMPONENT, Pluggable, PluginKind, PolicySlot, Trial,
};
use crate::sandbox::Sandbox;
use crate::slot::{Candidate, Digest, Entrance, Generation};
use crate::store::StoreError;
use crate::time::Clock;

/// The name of the policy's slot.
pub const POLICY_SLOT: &str = "vehicle";

/// The longest reason of a refusal that is said and written down, in bytes: it may have names in it that the component
/// has chosen.
const LONGEST_REASON: usize = 2_048;

/// A component that somebody wants to be active.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The component.
    pub component: Offered,
    /// Its detached signature: the text of a minisign signature file.
    pub signature: Option<String>,
    /// Whose wish it is, for the record.
    pub by: String,
    /// How much it has to show.
    pub trial: Trial,
    /// Where the same component may come from again at the next start, where it is not to be taken for a new one.
    pub source: Option<Source>,
}

/// A component as it is offered.
#[derive(Debug, Clone)]
pub enum Offered {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Compiled already, in the sandbox of the slot.
    Compiled(Compiled),
}

/// A place that is looked at with every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The file that the configuration names.
    Configuration,
    /// The watched folder.
    Folder,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Folder => "folder",
        }
    }
}

impl Offer {
    /// The bytes of a component, as somebody offers them.
    #[must_use]
    pub fn new(component: impl Into<Vec<u8>>, by: impl Into<String>) -> Self {
        Self::of(Offered::Bytes(component.into()), by.into())
    }

    /// A component that is compiled already, by the program that embeds the host.
    #[must_use]
    pub fn compiled(component: Compiled, by: impl Into<String>) -> Self {
        Self::of(Offered::Compiled(component), by.into())
    }

    fn of(component: Offered, by: String) -> Self {
        Self { component, signature: None, by, trial: Trial::Full, source: None }
    }

    /// With a detached signature, if there is one.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// Accepted even if it judges known failures wrongly: to be measured, or shown. Only programs that embed the host
    /// can say so.
    #[must_use]
    pub fn whatever_it_answers(self) -> Self {
        Self { trial: Trial::Waived, ..self }
    }

    /// Found in a place that is looked at again with every start.
    #[must_use]
    pub fn found_in(self, source: Source) -> Self {
        Self { source: Some(source), ..self }
    }
}

impl Offered {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Compiled(compiled) => &compiled.bytes,
        }
    }
}

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such slot.
    #[error("there is no {kind} slot {slot:?}; there are: {}", .known.join(", "))]
    UnknownSlot {
        /// The kind of plugin.
        kind: PluginKind,
        /// What was asked for.
        slot: String,
        /// The slots that there are.
        known: Vec<String>,
    },
    /// It is not the component that the configuration or the keys allow.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It was active before and had to be rolled back.
    #[error(
        "this component ({digest}) was rolled back at {at}: {reason}; offer another one, or forgive it first"
    )]
    KnownBad {
        /// Which one.
        digest: Digest,
        /// When it was found out.
        at: Timestamp,
        /// What it did.
        reason: String,
    },
    /// It was not accepted.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// There is nothing to go back to.
    #[error("there is no generation before {name} {version} to go back to")]
    NothingBefore {
        /// The active plugin.
        name: String,
        /// Its version.
        version: String,
    },
    /// Nothing is being tried out.
    #[error("no policy is being tried out; begin with policy/shadow or policy/canary")]
    NoRollout,
    /// What was asked for makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// What happened could not be written down, and was not done therefore.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What it calls itself.
    pub name: String,
    /// The version it claims.
    pub version: String,
    /// What it is.
    pub digest: Digest,
    /// Its number in its slot.
    pub generation: u64,
}

impl<P> From<&Generation<P>> for Identity {
    fn from(generation: &Generation<P>) -> Self {
        let Generation { number, digest, name, version, .. } = generation;
        Self { name: name.clone(), version: version.clone(), digest: *digest, generation: *number }
    }
}

/// A change of a slot that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// The slot.
    pub slot: String,
    /// What is active now.
    #[serde(flatten)]
    pub active: Identity,
    /// What was before; the same if it was active already.
    pub before: Identity,
    /// From the component's bytes to the pointer store, in milliseconds.
    pub took_ms: u64,
}

/// A component that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The slot.
    pub slot: String,
    /// What it calls itself.
    pub name: String,
    /// The version it claims.
    pub version: String,
    /// What it is.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: usize,
}

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

/// What deployments stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) trust: Trust,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
}

/// The slots of a host, and everything that changes them.
#[derive(Debug)]
pub struct Deployments {
    policy: Arc<PolicySlot>,
    connectors: BTreeMap<String, Arc<ConnectorSlot>>,
    accounts: Vec<Arc<Account>>,
    ground: Ground,
    shelf: Shelf,
    /// Told of what changes besides the active generations.
    changed: signal::Sender<()>,
    /// One change at a time. Whoever wants the second one sees what the first one did.
    changing: tokio::sync::Mutex<()>,
}

impl Deployments {
    /// Takes care of these slots. What happens to them by itself is taken in from now on.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) async fn open(
        policy: &Arc<PolicySlot>,
        connectors: &BTreeMap<String, Arc<ConnectorSlot>>,
        accounts: Vec<Arc<Account>>,
        store: Arc<dyn crate::store::Store>,
        ground: Ground,
    ) -> Result<Arc<Self>, StoreError> {
        Ok(Arc::new(Self {
            policy: Arc::clone(policy),
            connectors: connectors.clone(),
            accounts,
            ground,
            shelf: Shelf::open(store).await?,
            changed: signal::Sender::new(()),
            changing: tokio::sync::Mutex::default(),
        }))
    }

    /// Puts a component into a slot, if everything about it is as it must be. Operations under way end with what they
    /// began with. A component that is active already stays, and begins no new generation.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]. Nothing has changed then, except that a record tells of the attempt.
    pub async fn swap(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        offer: &Offer,
    ) -> Result<Deployed, Refusal> {
        in_place!(self, kind, slot, |name, at| self.swap_in(name, at.as_ref(), offer).await)
    }

    /// Everything that [`Deployments::swap`] does, but for the change. Leaves no record.
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
        in_place!(self, kind, slot, |name, at| {
            let (compiled, candidate) = self.admit(name, at.as_ref(), offer).await?;
            Ok(Verified {
                slot: name.to_owned(),
                name: candidate.name,
                version: candidate.version,
                digest: candidate.digest,
                size: compiled.bytes.len(),
            })
        })
    }

    /// Makes the generation before the active one active again. Compiles nothing. What is rolled back from is not
    /// remembered as bad: that was somebody's wish, and may be so again.
    ///
    /// # Errors
    ///
    /// When there is none, or the configuration pins the active one.
    pub async fn rollback(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        by: &str,
    ) -> Result<Deployed, Refusal> {
        in_place!(self, kind, slot, |name, at| self.roll_back_in(name, at.as_ref(), by).await)
    }

    /// Forgets that a component had to be rolled back, so that it can be tried again. Returns whether it was known.
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
        let name = self.name_of(kind, slot)?.to_owned();
        let _one_at_a_time = self.changing.lock().await;
        if self.shelf.bad(&name, digest).await?.is_none() {
            return Ok(false);
        }
        let record = self.record(kind, &name, Action::Forgive, by).about(digest);
        self.shelf.forgive(&name, digest, record).await?;
        self.changed.send_replace(());
        Ok(true)
    }

    /// Where the components of all slots run, for whoever compiles them beforehand.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.policy.sandbox()
    }

    /// Whether this is what was found in a place when it was last looked at.
    #[must_use]
    pub fn is_known(&self, slot: &str, source: Source, component: &[u8]) -> bool {
        self.shelf.has_seen(slot, source, Digest::of(component))
    }

    /// Whether every slot has what the configuration allows there.
    ///
    /// # Errors
    ///
    /// The first slot that has not.
    pub fn check_pins(&self) -> Result<(), TrustError> {
        self.ground.trust.pinned(POLICY_SLOT, self.policy.slot().active().digest)?;
        self.connectors
            .iter()
            .try_for_each(|(name, slot)| self.ground.trust.pinned(name, slot.slot().active().digest))
    }

    /// The latest attempts of a kind, oldest first: those of one slot, or of all.
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
        let mut records = self.shelf.history().await?;
        records.retain(|record| record.kind == kind && name.is_none_or(|name| record.slot == name));
        records.drain(..records.len().saturating_sub(last));
        Ok(records)
    }

    /// Tells of every change that shows in [`Deployments::list`], but for the active generations themselves.
    pub fn changes(&self) -> signal::Receiver<()> {
        self.changed.subscribe()
    }

    fn place(&self, kind: PluginKind, slot: Option<&str>) -> Result<Place<'_>, Refusal> {
        let known: Vec<String> = match kind {
            PluginKind::Policy => vec![POLICY_SLOT.to_owned()],
            PluginKind::Connector => self.connectors.keys().cloned().collect(),
        };
        match (kind, slot) {
            (PluginKind::Policy, None | Some(POLICY_SLOT)) => return Ok(Place::Policy(&self.policy)),
            (PluginKind::Connector, Some(name)) => {
                if let Some((name, slot)) = self.connectors.get_key_value(name) {
                    return Ok(Place::Connector(name, slot));
                }
            }
            // With one slot there is no question which one is meant.
            (PluginKind::Connector, None) if known.len() == 1 => {
                if let Some((name, slot)) = self.connectors.first_key_value() {
                    return Ok(Place::Connector(name, slot));
                }
            }
            _ => {}
        }
        Err(Refusal::UnknownSlot { kind, slot: slot.unwrap_or_default().to_owned(), known })
    }

    fn name_of(&self, kind: PluginKind, slot: Option<&str>) -> Result<&str, Refusal> {
        Ok(match self.place(kind, slot)? {
            Place::Policy(_) => POLICY_SLOT,
            Place::Connector(name, _) => name,
        })
    }

    fn record(&self, kind: PluginKind, slot: &str, action: Action, by: &str) -> Record {
        Record::new(self.ground.clock.now(), kind, slot, action, by)
    }

    /// Everything before the change: what may be in this slot, what is known of this component, and what it does when
    /// it is asked.
    async fn admit<S: Pluggable>(
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
        self.ground.trust.pinned(name, digest)?;
        if matches!(offer.component, Offered::Bytes(_)) {
            self.ground.trust.signed(bytes, offer.signature.as_deref())?;
        }
        self.refuse_bad(name, digest).await?;
        let compiled = match &offer.component {
            Offered::Bytes(bytes) => Compiled::of(slot.sandbox(), bytes).await?,
            Offered::Compiled(compiled) => compiled.clone(),
        };
        let candidate = slot.prepare(&compiled, offer.trial).await?;
        Ok((compiled, candidate))
    }

    async fn refuse_bad(&self, name: &str, digest: Digest) -> Result<(), Refusal> {
        match self.shelf.bad(name, digest).await? {
            Some(Bad { at, reason, .. }) => Err(Refusal::KnownBad { digest, at, reason }),
            None => Ok(()),
        }
    }

    async fn swap_in<S: Pluggable>(&self, name: &str, slot: &S, offer: &Offer) -> Result<Deployed, Refusal> {
        let started = Instant::now();
        let digest = Digest::of(offer.component.bytes());
        let record = self.record(S::KIND, name, Action::Swap, &offer.by).about(digest);
        match self.try_swap(name, slot, offer, digest, record.clone()).await {
            Ok((before, active)) => Ok(deployed(name, active.as_ref(), before.as_ref(), started.elapsed())),
            Err(refusal) => {
                let reason = crate::redact::cut(refusal.to_string(), LONGEST_REASON);
                tracing::warn!(kind = %S::KIND, slot = name, by = offer.by, %digest, "refused: {reason}");
                let about = AboutPlugin {
                    slot: name.to_owned(),
                    digest: Some(digest),
                    by: offer.by.clone(),
                    reason: Some(reason.clone()),
                    ..AboutPlugin::default()
                };
                self.ground.events.say(&Event::rejected(S::KIND, about));
                self.shelf.note(record.refused(reason)).await;
                Err(refusal)
            }
        }
    }

    /// What was active before, and what is now.
    async fn try_swap<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
        digest: Digest,
        record: Record,
    ) -> Result<(Arc<Generation<S::Plugin>>, Arc<Generation<S::Plugin>>), Refusal> {
        // Compiled before it is its turn: a rollback must not wait for that.
        let admitted = match slot.slot().active().digest == digest {
            true => None,
            false => Some(self.admit(name, slot, offer).await?),
        };
        let _one_at_a_time = self.changing.lock().await;
        let before = slot.slot().active();
        if before.digest == digest {
            self.shelf.see(name, offer.source, digest);
            self.shelf.note(record.of(&before.name, &before.version).unchanged()).await;
            return Ok((Arc::clone(&before), before));
        }
        let (compiled, candidate) = match admitted {
            // It may have been active meanwhile, and have been found out.
            Some(admitted) => {
                self.refuse_bad(name, digest).await?;
                admitted
            }
            None => self.admit(name, slot, offer).await?,
        };
        for account in &self.accounts {
            if S::KIND == PluginKind::Connector && account.connector_name == name {
                account.surroundings.cells.ensure(S::cells(&candidate.plugin)).await?;
            }
        }
        let entrance = Entrance::new(self.ground.clock.now(), &offer.by);
        let record = record.of(&candidate.name, &candidate.version);
        self.shelf.see(name, offer.source, digest);
        let next = shelf::Next { candidate: &candidate, entrance: &entrance, compiled: &compiled };
        self.shelf.keep(name, slot.slot(), Some(next), record, &self.in_use()).await?;
        // Nothing that follows can fail.
        let (before, active) = slot.slot().activate(candidate, entrance);
        tracing::info!(
            kind = %S::KIND,
            slot = name,
            by = offer.by,
            from = %format_args!("{} {}", before.name, before.version),
            to = %format_args!("{} {}", active.name, active.version),
            generation = active.number,
            digest = %active.digest,
            "swapped"
        );
        self.say(S::KIND, Event::swapped, name, active.as_ref(), &offer.by, None);
        Ok((before, active))
    }

    async fn roll_back_in<S: Pluggable>(&self, name: &str, slot: &S, by: &str) -> Result<Deployed, Refusal> {
        let _one_at_a_time = self.changing.lock().await;
        let started = Instant::now();
        let from = slot.slot().active();
        let record = self.record(S::KIND, name, Action::Rollback, by);
        let previous = slot.slot().previous().last().map(|previous| previous.digest);
        let allowed = previous.map_or(Ok(()), |digest| self.ground.trust.pinned(name, digest));
        let refused = match allowed {
            Err(error) => Some(error.into()),
            Ok(()) => None,
        };
        let back = match &refused {
            Some(_) => None,
            None => slot.slot().roll_back_from(from.number),
        };
        let Some(active) = back else {
            let nothing =
                || Refusal::NothingBefore { name: from.name.clone(), version: from.version.clone() };
            let refusal = refused.unwrap_or_else(nothing);
            self.shelf.note(record.refused(refusal.to_string())).await;
            return Err(refusal);
        };
        let took = started.elapsed();
        let why = format!("{by} wanted it");
        self.went_back(name, slot, (&from, &active), (by, &why), record).await;
        Ok(deployed(name, active.as_ref(), from.as_ref(), took))
    }

    /// Says and writes down that a slot is back on an earlier generation.
    async fn went_back<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        (from, to): (&Generation<S::Plugin>, &Generation<S::Plugin>),
        (by, why): (&str, &str),
        record: Record,
    ) {
        tracing::warn!(
            kind = %S::KIND,
            slot = name,
            by,
            from = %format_args!("{} {}", from.name, from.version),
            to = %format_args!("{} {}", to.name, to.version),
            generation = to.number,
            "rolled back: {why}"
        );
        self.say(S::KIND, Event::rolled_back, name, to, by, Some(why.to_owned()));
        let record = record.about(to.digest).of(&to.name, &to.version).because(why);
        if let Err(error) = self.shelf.keep(name, slot.slot(), None, record, &self.in_use()).await {
            tracing::error!(slot = name, "the rollback holds only until a restart: {error}");
        }
    }

    /// The components that must be there after a restart.
    fn in_use(&self) -> Vec<Digest> {
        let rollout = self.policy.rollouts().current();
        let mut digests: Vec<Digest> = rollout.iter().map(|rollout| rollout.generation.digest).collect();
        fn add<S: Pluggable>(slot: &S, digests: &mut Vec<Digest>) {
            digests.push(slot.slot().active().digest);
            digests.extend(slot.slot().previous().iter().map(|generation| generation.digest));
        }
        add(self.policy.as_ref(), &mut digests);
        self.connectors.values().for_each(|connector| add(connector.as_ref(), &mut digests));
        digests
    }

    fn say<P>(
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
        self.ground.events.say(&event(kind, about));
    }
}

fn deployed<P>(name: &str, active: &Generation<P>, before: &Generation<P>, took: Duration) -> Deployed {
    Deployed {
        slot: name.to_owned(),
        active: active.into(),
        before: before.into(),
        took_ms: crate::time::milliseconds(took),
    }
}
