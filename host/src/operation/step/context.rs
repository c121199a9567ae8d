//! Context of a step: its operation, what it asks, and how often that was tried.

use std::time::Duration;

use tokio::time::Instant;

use super::failed::{Failed, StepError};
use super::question::Asked;
use crate::account::Account;
use crate::account::session::RefreshError;
use crate::bindings::policy::Effect;
use crate::operation::{Operation, reason};
use crate::protect::latch::Latched;
use crate::sandbox::CallFault;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Context of a step, as it is at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) operation: &'a Operation,
    pub(super) asked: Asked<'a>,
    /// Number of tries of this step.
    pub(super) number: u32,
}

impl<'a> Context<'a> {
    pub(super) fn account(&self) -> &'a Account {
        &self.operation.account
    }

    /// Returns the time that the operation has left.
    pub(super) fn left(&self) -> Duration {
        self.operation.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether answering the question sends something that changes the vehicle.
    pub(super) fn sends_command(&self) -> bool {
        matches!(self.asked, Asked::Command(_)) && self.operation.effect() != Effect::Read
    }

    /// Waits until a newer command takes the place of what is asked. A question about a command that is on
    /// its way never gives way: it is answered whatever comes after it.
    pub(super) async fn superseded(&self) {
        if self.sends_command() {
            self.operation.superseded.wait().await
        } else {
            std::future::pending().await
        }
    }

    pub(super) fn fault(&self, fault: &CallFault) -> StepError {
        self.nonsense(Words::theirs(fault.to_string()))
    }

    /// Makes the error of a connector that has no answer, or none that can be taken. What it has sent is
    /// sent.
    pub(super) fn nonsense(&self, words: Words) -> StepError {
        StepError::Failed(Failed {
            reason: Reason::ConnectorFault,
            words,
            ambiguous: self.operation.allowance.acted(),
            rejected: false,
        })
    }

    /// Makes the error of an operation whose time is over. What was sent before may still have its effect.
    pub(super) fn out_of_time(&self) -> StepError {
        let seconds = self.operation.name.deadline().as_secs();
        StepError::Failed(Failed {
            reason: Reason::UpstreamUnavailable,
            words: format!("no result within the {seconds} s that it may take").into(),
            ambiguous: self.operation.allowance.acted(),
            rejected: false,
        })
    }

    pub(super) fn not_tried(&self, reason: Reason, words: impl Into<Words>) -> StepError {
        StepError::Failed(Failed {
            reason,
            words: words.into(),
            ambiguous: false,
            rejected: self.number == 0,
        })
    }

    pub(super) fn latched(&self, latched: &Latched) -> StepError {
        self.not_tried(latched.kind.into(), latched)
    }

    pub(super) fn not_refreshed(&self, why: &RefreshError) -> StepError {
        self.not_tried(reason::of_refresh_error(why), reason::of_refresh_in_words(why))
    }
}
