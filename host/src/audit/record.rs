//! The record of a decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::forms::{AttemptForm, DecisionForm, RefreshDecisionForm, SessionViewForm};
use crate::bindings::policy::{Attempt, Decision, RefreshDecision, SessionView};
use crate::plugin::Policy;

/// A decision of a policy, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the record, never reused.
    pub seq: u64,
    /// Time of the decision.
    pub at: Timestamp,
    /// The decision itself.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Record {
    /// Returns the question in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.entry.decided {
            Decided::Failure { attempt, .. } => {
                let failure = &attempt.failure;
                let status = failure.http_status.map(|status| format!(" {status}")).unwrap_or_default();
                format!("{} attempt {}:{status} {:?}", failure.operation, attempt.number, failure.message)
            }
            Decided::Refresh { session, .. } => format!(
                "refresh of session generation {}, {} failure(s) before",
                session.generation, session.failures
            ),
        }
    }
}

/// A decision before it has its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The account.
    pub account: String,
    /// The vehicle, if the decision is about one.
    pub vehicle: Option<String>,
    /// Identifier of the operation, the same as that of its command.
    pub operation: String,
    /// Generation of the session that the attempt worked with, or that is to be refreshed.
    pub session_generation: u64,
    /// The policy that decided.
    pub policy: PolicyIdentity,
    /// Question and answer.
    #[serde(flatten)]
    pub decided: Decided,
    /// Action of the host, which its own rules may have changed.
    pub done: String,
}

/// Identity of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyIdentity {
    /// Name of the policy.
    pub name: String,
    /// Version of the policy.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Generation of the policy in its slot.
    pub generation: u64,
}

impl From<&Policy> for PolicyIdentity {
    fn from(policy: &Policy) -> Self {
        let generation = policy.generation();
        Self {
            name: generation.name.clone(),
            version: generation.version.clone(),
            digest: generation.digest.to_string(),
            generation: generation.number,
        }
    }
}

/// The question and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is written down at once")]
pub enum Decided {
    /// An attempt failed: `classify` and `decide`.
    Failure {
        /// The question; its verdict is the answer of `classify`.
        #[serde(with = "AttemptForm")]
        attempt: Attempt,
        /// The answer.
        #[serde(with = "DecisionForm")]
        decision: Decision,
    },
    /// A refresh of the session was requested: `admit-refresh`.
    Refresh {
        /// The question.
        #[serde(with = "SessionViewForm")]
        session: SessionView,
        /// The answer.
        #[serde(with = "RefreshDecisionForm")]
        decision: RefreshDecision,
    },
}
