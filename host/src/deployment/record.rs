//! The record of every attempt to change a slot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::plugin::PluginKind;

/// The requested action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// Go on with what was active before the start of the host.
    Start,
    /// Put another component into a slot.
    Swap,
    /// Keep a component until somebody wants it.
    Offer,
    /// Go back to the generation before.
    Rollback,
    /// Let a component that had to be rolled back be tried again.
    Forgive,
    /// Ask a policy along, in shadow.
    Shadow,
    /// Let a policy decide for some accounts, as a canary.
    Canary,
    /// Approve a different decision.
    Approve,
    /// Make the candidate the active policy.
    Promote,
    /// End the rollout.
    Stop,
}

/// Outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// Done.
    Ok,
    /// Already in effect.
    Unchanged,
    /// Not done.
    Refused,
    /// Done, but it did not last.
    Failed,
}

/// An attempt to change a slot, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the record, never reused.
    pub seq: u64,
    /// Time of the attempt.
    pub at: Timestamp,
    /// Kind of the plugin.
    pub kind: PluginKind,
    /// Name of the slot.
    pub slot: String,
    /// Requested action.
    pub action: Action,
    /// Requested by; `host` for actions of the host itself.
    pub by: String,
    /// File that the component came from, if it came from one.
    #[serde(default)]
    pub file: Option<String>,
    /// Digest of the component.
    pub digest: Option<Digest>,
    /// Name of the component, if it was read.
    pub name: Option<String>,
    /// Version that the component claims.
    pub version: Option<String>,
    /// Outcome.
    pub result: Outcome,
    /// Reason, in words.
    pub reason: Option<String>,
}

impl Record {
    pub(super) fn new(at: Timestamp, kind: PluginKind, slot: &str, action: Action, by: &str) -> Self {
        Self {
            seq: 0,
            at,
            kind,
            slot: slot.to_owned(),
            action,
            by: by.to_owned(),
            file: None,
            digest: None,
            name: None,
            version: None,
            result: Outcome::Ok,
            reason: None,
        }
    }

    pub(super) fn out_of(self, file: Option<String>) -> Self {
        Self { file, ..self }
    }

    pub(super) fn about(self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self }
    }

    pub(super) fn of(self, name: &str, version: &str) -> Self {
        Self { name: Some(name.to_owned()), version: Some(version.to_owned()), ..self }
    }

    pub(super) fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    pub(super) fn unchanged(self) -> Self {
        Self { result: Outcome::Unchanged, ..self }
    }

    pub(super) fn refused(self, reason: impl Into<String>) -> Self {
        Self { result: Outcome::Refused, ..self.because(reason) }
    }

    pub(super) fn failed(self, reason: impl Into<String>) -> Self {
        Self { result: Outcome::Failed, ..self.because(reason) }
    }
}
