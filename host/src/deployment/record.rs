//! What is written down of every attempt to change a slot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::plugin::PluginKind;

/// What somebody wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// The host to go on with what was active before it was started.
    Start,
    /// Another component in a slot.
    Swap,
    /// The one before it back.
    Rollback,
    /// A component that had to be rolled back to be tried again.
    Forgive,
    /// A policy asked along.
    Shadow,
    /// A policy to decide for some accounts.
    Canary,
    /// A different decision to be right.
    Approve,
    /// What is tried out to become the active policy.
    Promote,
    /// What is tried out to end.
    Stop,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was so already.
    Unchanged,
    /// It was not done.
    Refused,
    /// It was done and did not last.
    Failed,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number; they are never used twice.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What kind of plugin.
    pub kind: PluginKind,
    /// The slot.
    pub slot: String,
    /// What was wanted.
    pub action: Action,
    /// Whose wish it was; `host` for what it does by itself.
    pub by: String,
    /// The component that it is about.
    pub digest: Option<Digest>,
    /// What that calls itself, if it came so far.
    pub name: Option<String>,
    /// The version that it claims.
    pub version: Option<String>,
    /// How it went.
    pub result: Outcome,
    /// Why, in words.
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
            digest: None,
            name: None,
            version: None,
            result: Outcome::Ok,
            reason: None,
        }
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
