//! Answers of a host to requests. Fields that a host of another version leaves out are
//! empty here, and those that it adds are not looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::vehicle::state::VehicleState;
use crate::wire::outcome::{Reason, State};

/// A slot, as `policy/list` and `connector/list` describe it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Slot {
    pub slot: String,
    pub state: String,
    pub name: String,
    pub version: String,
    pub digest: String,
    pub generation: u64,
    pub since: String,
    pub by: String,
    pub faults: u64,
    pub answers: u64,
    pub pinned: Option<String>,
    pub previous: Vec<Previous>,
    pub rollout: Option<Rollout>,
    pub on_offer: Option<OnOffer>,
    pub bad: Vec<Bad>,
}

/// A component that waits until somebody wants it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OnOffer {
    pub name: String,
    pub version: String,
    pub digest: String,
    pub by: String,
    pub at: String,
}

/// A generation that can be rolled back to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Previous {
    pub generation: u64,
    pub name: String,
    pub version: String,
    pub digest: String,
    pub since: String,
}

/// A component that is not loaded any more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bad {
    pub digest: String,
    pub reason: String,
    pub at: String,
}

/// A policy that is tried out beside the active one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rollout {
    pub mode: String,
    pub name: String,
    pub version: String,
    pub digest: String,
    pub share: Option<u64>,
    pub accounts: Vec<String>,
    pub promote_after: Option<u64>,
    pub agreed: u64,
    pub approved: u64,
    pub disagreed: u64,
    pub faults: u64,
    pub since: String,
}

/// Contents of a slot after a change, and before it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Swapped {
    pub slot: String,
    pub name: String,
    pub version: String,
    pub digest: String,
    pub generation: u64,
    pub before: Previous,
    pub took_ms: Option<u64>,
}

/// A component that a host would take.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Verified {
    pub slot: String,
    pub name: String,
    pub version: String,
    pub digest: String,
    pub size: u64,
}

/// A component that may be tried again.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Forgiven {
    pub digest: String,
    pub was_bad: bool,
}

/// An attempt to change something.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attempt {
    pub seq: u64,
    pub at: String,
    pub slot: String,
    pub action: String,
    pub by: String,
    pub file: Option<String>,
    pub digest: Option<String>,
    pub name: Option<String>,
    pub version: Option<String>,
    pub result: String,
    pub reason: Option<String>,
}

/// Answer to `policy/diff`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Diff {
    pub rollout: Option<Rollout>,
    pub disagreements: Vec<Disagreement>,
}

/// A failure that two policies judge differently.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Disagreement {
    pub seq: u64,
    pub at: String,
    pub account: String,
    pub vehicle: Option<String>,
    pub operation: String,
    pub summary: String,
    pub active: Judgement,
    pub candidate: Judgement,
    pub approved: bool,
}

/// A policy's judgement of a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Judgement {
    pub kind: Option<String>,
    pub rule: Option<String>,
    pub decision: String,
}

/// Parts of an account that may be tried once more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Retried {
    pub account: String,
    pub lifted: Vec<String>,
    pub left_today: u64,
}

/// A request to have credentials tried once more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Retry {
    pub at: String,
    pub by: String,
    pub lifted: Vec<String>,
}

/// A circuit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Circuit {
    pub circuit: String,
    pub state: String,
    pub calls: Option<u64>,
    pub failures: Option<u64>,
    pub refused: Option<u64>,
    pub until: Option<String>,
    /// Time for which it was opened, in seconds.
    pub seconds: Option<u64>,
}

/// A report of a command.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    pub id: String,
    pub vehicle: String,
    pub op: String,
    pub state: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub detail: Option<String>,
    pub requested_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Outcome {
    /// Returns how far the command is; none if the host has a word for it that this version does not know.
    pub(super) fn state(&self) -> Option<State> {
        serde_json::from_value(self.state.clone().into()).ok()
    }

    /// Returns why it did not succeed; none also if the host has a word for it that this version does not know.
    pub(super) fn reason(&self) -> Option<Reason> {
        serde_json::from_value(self.reason.clone()?.into()).ok()
    }

    /// Whether it is over.
    pub(super) fn is_final(&self) -> bool {
        self.state().is_some_and(State::is_final)
    }
}

/// A vehicle as `vehicle/list` describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Listed {
    pub vehicle: String,
    pub account: Option<AccountOf>,
    pub availability: Option<String>,
    pub problem: Option<Problem>,
    pub soc_percent: Option<f64>,
    pub range_km: Option<f64>,
    pub locked: Option<bool>,
    pub charging: Option<bool>,
    pub stale: Option<bool>,
    pub age_s: Option<u64>,
}

/// The account of a vehicle.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AccountOf {
    pub name: String,
    pub state: Option<String>,
    pub reason: Option<String>,
}

/// Reason why a vehicle is offline.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub message: String,
}

/// A vehicle as `vehicle/status` describes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub vehicle: String,
    pub account: Option<AccountOf>,
    pub availability: Option<String>,
    pub problem: Option<Problem>,
    pub capabilities: Option<BTreeMap<String, Value>>,
    pub state: Option<Known>,
    pub age_s: Option<u64>,
    pub location: Option<Place>,
    pub last_action: Option<Outcome>,
}

/// What is known of a vehicle.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    #[serde(flatten)]
    pub values: VehicleState,
    pub meta: Meta,
}

/// Description of what is known.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub source: String,
    pub stale: bool,
    pub kept: BTreeMap<String, String>,
}

/// A place on earth, in degrees.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    pub latitude: f64,
    pub longitude: f64,
}
