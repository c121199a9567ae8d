//! How slots are, for whoever asks.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::rollouts::{self, RolloutView};
use super::slots::Slots;
use super::{Bad, Refusal};
use crate::digest::Digest;
use crate::plugin::slot::{Generation, Health};
use crate::plugin::{Pluggable, PluginKind};

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
    /// Whether it is written down, so that a restart finds it so. A rollback does not wait for a store that fails, nor for
    /// long for one that is slow.
    pub remembered: bool,
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
        took_ms: crate::time::milliseconds(took),
        remembered: true,
    }
}

/// How the active generation of a slot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SlotState {
    /// It has passed its probation, or needed none.
    Active,
    /// It has yet to show that it answers.
    Probation,
    /// It does not answer, and there is none before it.
    Degraded,
    /// It took the place of one that was rolled back by the host.
    RolledBack,
}

/// A generation before the active one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Which plugin.
    #[serde(flatten)]
    pub plugin: Identity,
    /// When it became active.
    pub since: Timestamp,
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// Its name.
    pub slot: String,
    /// What it is for.
    pub kind: PluginKind,
    /// How its active generation does.
    pub state: SlotState,
    /// What is active.
    #[serde(flatten)]
    pub active: Identity,
    /// Since when.
    pub since: Timestamp,
    /// Whose wish it was.
    pub by: String,
    /// Calls without an answer among those that count.
    pub faults: u32,
    /// The calls that count: all during the probation, later never more than as many.
    pub answers: u32,
    /// The only component that the configuration allows here.
    pub pinned: Option<Digest>,
    /// What was active before, the latest last.
    pub previous: Vec<Earlier>,
    /// What is tried out beside it.
    pub rollout: Option<RolloutView>,
    /// What is not taken again, oldest first.
    pub bad: Vec<Bad>,
}

/// How a slot is.
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
        pinned: slots.trust.pins.get(name).copied(),
        previous: previous.iter().map(earlier).collect(),
        rollout,
        bad,
    })
}

/// How a generation does that is active.
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
