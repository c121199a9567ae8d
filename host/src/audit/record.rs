//! What is written down of a decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::forms::{AttemptForm, DecisionForm, RefreshDecisionForm, SessionViewForm};
use crate::bindings::policy::{Attempt, Decision, RefreshDecision, SessionView};
use crate::plugin::Policy;

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number; they are never used twice.
    pub seq: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// What was decided.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Record {
    /// What was asked, in a few words.
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
    /// The vehicle, if it is about one.
    pub vehicle: Option<String>,
    /// The identifier of the operation, which is that of the command it does.
    pub operation: String,
    /// The session's generation that the attempt worked with, or that is to be refreshed.
    pub session_generation: u64,
    /// Who decided.
    pub policy: PolicyIdentity,
    /// What was asked and answered.
    #[serde(flatten)]
    pub decided: Decided,
    /// What the host did about it, which its own rules may have changed.
    pub done: String,
}

/// Which policy it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyIdentity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Its generation in its slot.
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
pub enum Decided {
    /// An attempt failed: `classify` and `decide`.
    Failure {
        /// What was asked; its verdict is the answer of `classify`.
        #[serde(with = "AttemptForm")]
        attempt: Attempt,
        /// The answer.
        #[serde(with = "DecisionForm")]
        decision: Decision,
    },
    /// Somebody wanted the session refreshed: `admit-refresh`.
    Refresh {
        /// What was asked.
        #[serde(with = "SessionViewForm")]
        session: SessionView,
        /// The answer.
        #[serde(with = "RefreshDecisionForm")]
        decision: RefreshDecision,
    },
}
