//! Reports: what is published of a command.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::operation::OperationName;
use super::outcome::{Reason, State};
use super::words::Words;
use crate::redact;

/// The longest message that a policy or a person is shown, in bytes.
pub(crate) const LONGEST_MESSAGE: usize = 2_048;

/// The policy that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyUsed {
    /// Name of the policy.
    pub name: String,
    /// Version of the policy.
    pub version: String,
    /// Generation of the policy in its slot.
    pub generation: u64,
}

/// One step of one command, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Identifier of the command, the caller's or the host's.
    pub id: String,
    /// Slug of the vehicle, as the topic has it.
    #[serde(default)]
    pub vehicle: String,
    /// The operation, as far as it was understood.
    pub op: String,
    /// Identifier that a question what became of an action is about, the caller's or the vendor's.
    #[serde(default)]
    pub about: Option<String>,
    /// State of the command.
    pub state: State,
    /// Reason why it did not succeed, or has changed nothing.
    pub reason: Option<Reason>,
    /// Message in words of this host: what happened, what it means for the car, what helps.
    pub message: Option<String>,
    /// Words of the vendor, a library or a plugin.
    #[serde(default)]
    pub detail: Option<String>,
    /// Whether the same command, sent again later, may succeed by itself.
    pub retryable: bool,
    /// Number of times that the command was sent, or tried. 2 after a token expired.
    pub attempts: u32,
    /// Whether the command was repeated with a newer token, whichever caller refreshed it.
    pub token_refreshed: bool,
    /// Number of requests that were made for it, including a refresh that it led.
    pub upstream_calls: u32,
    /// The vendor's identifier of the action.
    pub upstream_action_id: Option<String>,
    /// The policy that it was done with.
    pub policy: Option<PolicyUsed>,
    /// Time at which the host received it.
    pub requested_at: Timestamp,
    /// Time at which its first attempt began.
    pub sent_at: Option<Timestamp>,
    /// Time at which it reached its final state.
    pub finished_at: Option<Timestamp>,
}

/// The operation of a command of which it is not known any more.
const LOST: &str = "unknown";

impl Report {
    /// Makes the first report of a command.
    #[must_use]
    pub fn accepted(vehicle: &str, id: String, op: OperationName, now: Timestamp) -> Self {
        Self::new(vehicle, id, op.as_str().to_owned(), State::Accepted, now)
    }

    /// Makes the only report of a command that is not tried.
    #[must_use]
    pub fn rejected(
        vehicle: &str,
        id: String,
        op: String,
        reason: Reason,
        message: String,
        now: Timestamp,
    ) -> Self {
        Self {
            reason: Some(reason),
            message: Some(message),
            retryable: reason.may_pass(),
            finished_at: Some(now),
            ..Self::new(vehicle, id, op, State::Rejected, now)
        }
    }

    /// Makes the report of a command of which nothing but its identifier is known any more.
    pub(crate) fn lost(vehicle: &str, id: String, now: Timestamp) -> Self {
        Self { finished_at: Some(now), ..Self::new(vehicle, id, LOST.to_owned(), State::Unknown, now) }
    }

    /// Whether nothing but its identifier is known any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.op == LOST
    }

    /// Records how the command ended. The words may be those of a plugin, or name what one has named: they
    /// are cut.
    pub(crate) fn end(&mut self, state: State, reason: Reason, words: impl Into<Words>) {
        let (message, detail) = words.into().sentences(state, reason, &self.op);
        self.state = state;
        self.reason = Some(reason);
        self.message = Some(redact::cut(redact::mask_private(&message), LONGEST_MESSAGE));
        self.detail = detail.map(|detail| redact::cut(redact::mask_private(&detail), LONGEST_MESSAGE));
    }

    fn new(vehicle: &str, id: String, op: String, state: State, now: Timestamp) -> Self {
        Self {
            id,
            vehicle: vehicle.to_owned(),
            op,
            about: None,
            state,
            reason: None,
            message: None,
            detail: None,
            retryable: false,
            attempts: 0,
            token_refreshed: false,
            upstream_calls: 0,
            upstream_action_id: None,
            policy: None,
            requested_at: now,
            sent_at: None,
            finished_at: None,
        }
    }
}
