//! A policy that takes codes for what that cloud means by them.

use parking_lot::Mutex;

use crate::bindings::policy::{Attempt, Decision, Failure, FailureKind, Verdict};
use crate::plugin::NativePolicy;

/// The code of a session that is over.
pub(crate) const OVER: &str = "403013";

/// The code of a request that is not taken for the time in it.
pub(crate) const CLOCK: &str = "9037";

/// The policy.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Failures that it was asked about, in the order of the questions.
    pub(crate) decided: Mutex<Vec<Failure>>,
    /// Decision about every failure, in place of the usual one.
    pub(crate) always: Mutex<Option<Decision>>,
}

impl NativePolicy for Plain {
    fn classify(&self, failure: &Failure) -> Verdict {
        let kind = match failure.code.as_deref() {
            Some("403042" | OVER) => FailureKind::CredentialsRejected,
            Some("400006") => FailureKind::ChallengeRequired,
            Some(CLOCK) => FailureKind::InvalidRequest,
            _ => FailureKind::Unknown,
        };
        Verdict { kind, rule: "test".to_owned(), counts_against: None }
    }

    fn decide(&self, attempt: &Attempt) -> Decision {
        self.decided.lock().push(attempt.failure.clone());
        let usual = match attempt.failure.code.as_deref() {
            Some(OVER) => Decision::SignInAgain,
            _ => Decision::GiveUp,
        };
        self.always.lock().clone().unwrap_or(usual)
    }
}
