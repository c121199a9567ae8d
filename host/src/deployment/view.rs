//! Views of slots, as callers are shown them.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::rollouts::{self, RolloutView};
use super::slots::Slots;
use super::{Bad, OnOffer, Refusal};
use crate::digest::Digest;
use crate::plugin::slot::{Candidate, Generation, Health};
use crate::plugin::{Compiled, Pluggable, PluginKind};

/// Identity of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Name that the plugin gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Digest of its component.
    pub digest: Digest,
    /// Number of its generation in the slot.
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
    /// Active plugin now.
    #[serde(flatten)]
    pub active: Identity,
    /// Plugin before; the same if it was already active.
    pub before: Identity,
    /// Time from the component's bytes to the pointer store, in milliseconds.
    pub took_ms: u64,
    /// Whether the change is stored, so that a restart finds it. A rollback does not wait for a store that
    /// fails, nor long for one that is slow.
    pub remembered: bool,
}

/// A component that would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The slot.
    pub slot: String,
    /// Name that the component gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Digest of the component.
    pub digest: Digest,
    /// Size in bytes.
    pub size: usize,
}

impl Verified {
    pub(super) fn new<P>(slot: &str, compiled: &Compiled, candidate: &Candidate<P>) -> Self {
        let Candidate { digest, name, version, .. } = candidate;
        Self {
            slot: slot.to_owned(),
            name: name.clone(),
            version: version.clone(),
            digest: *digest,
            size: compiled.bytes.len(),
        }
    }
}

pub(super) fn deployed<P>(
    name: &str,
    active: &Generation<P>,
    before: &Generation<P>,
    took: Duration,
) -> Deployed {
    Deployed {
        slot: name.to_owned(),
        active: active.into(),
        before: before.into(),
        took_ms: u64::from(crate::time::milliseconds(took)),
        remembered: true,
    }
}

/// State of a slot's active generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SlotState {
    /// Past its probation, or without one.
    Active,
    /// On probation.
    Probation,
    /// Not answering, with no generation before it.
    Degraded,
    /// In the place of a generation that was rolled back by the host.
    RolledBack,
}

/// A generation before the active one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Identity of the plugin.
    #[serde(flatten)]
    pub plugin: Identity,
    /// Time when it became active.
    pub since: Timestamp,
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// Name of the slot.
    pub slot: String,
    /// Kind of its plugins.
    pub kind: PluginKind,
    /// State of its active generation.
    pub state: SlotState,
    /// Active plugin.
    #[serde(flatten)]
    pub active: Identity,
    /// Time when it became active.
    pub since: Timestamp,
    /// Requested by.
    pub by: String,
    /// Faults among the calls that count.
    pub faults: u32,
    /// Answered calls among those that count: all calls of the probation, later never more than as many.
    pub answers: u32,
    /// The only component that the configuration allows here.
    pub pinned: Option<Digest>,
    /// Earlier generations, the latest last.
    pub previous: Vec<Earlier>,
    /// Rollout beside the active generation.
    pub rollout: Option<RolloutView>,
    /// Component that waits until somebody wants it.
    pub on_offer: Option<OnOffer>,
    /// Components known to be bad and not taken again, oldest first.
    pub bad: Vec<Bad>,
}

/// Returns the view of a slot.
pub(super) async fn of<S: Pluggable>(slots: &Slots, name: &str, slot: &S) -> Result<SlotView, Refusal> {
    let bad = slots.registry.all_bad(name).await?;
    let (active, previous) = (slot.slot().active(), slot.slot().previous());
    let earlier = |generation: &std::sync::Arc<Generation<S::Plugin>>| Earlier {
        plugin: generation.as_ref().into(),
        since: generation.loaded_at,
    };
    let rollout = match S::KIND {
        PluginKind::Policy => slots.policy.rollouts().current().map(|rollout| rollouts::view(&rollout)),
        PluginKind::Connector => None,
    };
    Ok(SlotView {
        slot: name.to_owned(),
        kind: S::KIND,
        state: state(active.as_ref(), previous.is_empty(), slot.slot().was_rolled_back()),
        active: active.as_ref().into(),
        since: active.loaded_at,
        by: active.by.clone(),
        faults: active.health.faults(),
        answers: active.health.calls() - active.health.faults().min(active.health.calls()),
        pinned: slots.trust().pins.get(name).copied(),
        previous: previous.iter().map(earlier).collect(),
        rollout,
        on_offer: slots.on_offer(name, slot),
        bad,
    })
}

/// Returns the state of an active generation.
pub(crate) fn state<P>(active: &Generation<P>, is_the_first: bool, rolled_back: bool) -> SlotState {
    if active.health.faults() >= Health::FAULTS && is_the_first {
        SlotState::Degraded
    } else if rolled_back {
        SlotState::RolledBack
    } else if active.health.is_proven() {
        SlotState::Active
    } else {
        SlotState::Probation
    }
}
