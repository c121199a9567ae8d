//! Ends of a step without an answer.

use std::time::Duration;

use super::Step;
use crate::account::session::RefreshError;
use crate::bindings::policy::Certainty;
use crate::judge::Judged;
use crate::operation::reason;
use crate::protect::latch::Latched;
use crate::sandbox::CallFault;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Reason why a step has no answer.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The policy wants to know what became of the command before anything else. If there is no way to ask,
    /// it has failed with this.
    AskLater(Duration, Failed),
    /// The step has failed.
    Failed(Failed),
}

/// A step that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) reason: Reason,
    pub(crate) words: Words,
    /// Whether the vehicle may have acted.
    pub(crate) ambiguous: bool,
    /// Whether nothing was tried.
    pub(crate) rejected: bool,
}

impl Step<'_> {
    pub(super) fn failed(&self, judged: &Judged) -> Failed {
        let account = &self.operation.account;
        Failed {
            reason: reason::of_failure(judged, account),
            words: self.with_skew(judged),
            ambiguous: matches!(judged.failure.certainty, Certainty::Ambiguous | Certainty::Accepted),
            rejected: false,
        }
    }

    /// Adds the clock's skew: what clouds say of a request with a wrong time in it seldom speaks of time.
    fn with_skew(&self, judged: &Judged) -> Words {
        let failure = &judged.failure;
        let account = &self.operation.account;
        let words = reason::in_words(judged, account);
        let refused = failure.certainty == Certainty::Rejected && failure.http_status.is_some();
        match account.context.skew.in_words().filter(|_| refused) {
            Some(skewed) => words.and(&skewed, reason::of_failure(judged, account)),
            None => words,
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

    /// Makes the error of a step that a circuit keeps from being repeated: how the attempt before has failed,
    /// and not that no further one is made.
    pub(super) fn not_repeated(&mut self, error: StepError) -> StepError {
        match (error, self.failed_before.take()) {
            (StepError::Failed(shut), Some(before)) => {
                tracing::info!(operation = self.operation.id, "not repeated: {}", shut.words);
                StepError::Failed(before)
            }
            (error, _) => error,
        }
    }

    pub(super) fn latched(&self, latched: &Latched) -> StepError {
        self.not_tried(latched.kind.into(), latched)
    }

    pub(super) fn not_refreshed(&self, why: &RefreshError) -> StepError {
        self.not_tried(reason::of_refresh_error(why), reason::of_refresh_in_words(why))
    }
}
