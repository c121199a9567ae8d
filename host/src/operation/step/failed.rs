//! Ends of a step without an answer.

pub(crate) use vehicle_connector_rules::action::Later;

use crate::account::Account;
use crate::bindings::policy::Certainty;
use crate::judge::Judged;
use crate::operation::reason;
use crate::protect::latch::Latched;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

/// Reason why a step has no answer.
#[derive(Debug)]
pub(crate) enum StepError {
    /// The policy wants to know what became of the command before anything else. If there is no way to ask,
    /// it has failed with this.
    AskLater(Later, Failed),
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

impl Failed {
    /// Makes the end of an attempt that failed, as it was judged.
    pub(super) fn of(judged: &Judged, account: &Account) -> Self {
        Self {
            reason: reason::of_failure(judged, account),
            words: with_skew(judged, account),
            ambiguous: matches!(judged.failure.certainty, Certainty::Ambiguous | Certainty::Accepted),
            rejected: false,
        }
    }

    /// Gives as its cause what was latched because of it.
    pub(super) fn for_good(self, reason: Reason, latched: &Latched) -> Self {
        Self { reason, words: latched.into(), ..self }
    }
}

/// Adds the clock's skew: what clouds say of a request with a wrong time in it seldom speaks of time.
fn with_skew(judged: &Judged, account: &Account) -> Words {
    let failure = &judged.failure;
    let words = reason::in_words(judged, account);
    let refused = failure.certainty == Certainty::Rejected && failure.http_status.is_some();
    match account.context.skew.in_words().filter(|_| refused) {
        Some(skewed) => words.and(&skewed, reason::of_failure(judged, account)),
        None => words,
    }
}
