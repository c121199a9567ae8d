//! What a policy made of a case, and what that amounts to.

use super::case::{Case, Label};
use crate::bindings::policy::{Decision, FailureKind, Latch, Verdict};

/// What a policy said of a case, and what it would have done next.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What kind of failure it is.
    pub verdict: Verdict,
    /// What follows from it for the first try.
    pub decision: Decision,
}

/// An answer, held against the case's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The reader's label.
    pub label: Label,
    /// The label that the answer amounts to; none when the policy does not know.
    pub said: Option<Label>,
    /// Whether a sign-in or a refresh failed.
    pub session: bool,
    /// Whether the policy would ask a person for credentials, and stop until they come.
    pub latches: bool,
    /// Whether the policy would do the same once more, after a refresh or without one.
    pub repeats: bool,
}

impl Outcome {
    pub fn of(case: &Case, answer: &Answer) -> Self {
        Self {
            label: case.label,
            said: said(case, answer),
            session: case.is_session_step(),
            latches: matches!(
                answer.decision,
                Decision::Latch(Latch::AuthRequired | Latch::OtpRequired | Latch::ConsentRequired)
            ),
            repeats: matches!(
                answer.decision,
                Decision::Retry(_) | Decision::RefreshAndRetry | Decision::SignInAgain
            ),
        }
    }

    pub fn is_right(self) -> bool {
        self.said == Some(self.label)
    }

    /// Whether an account would be latched that nothing is wrong with.
    pub fn is_wrong_latch(self) -> bool {
        self.session && self.latches && self.label != Label::CredentialsRejected
    }
}

/// Returns the label that an answer amounts to. Labels say what to do, and two kinds of failure do not say all of it:
/// a session that is over, while nothing is said of the credentials, is one to sign in again for; and what a command
/// is refused for is its PIN or the right to it, which readers label as the request's fault: no session ends for it.
fn said(case: &Case, answer: &Answer) -> Option<Label> {
    if answer.decision == Decision::SignInAgain {
        return Some(Label::TokenExpired);
    }
    let of_command = case.is_command()
        && answer.verdict.kind == FailureKind::CredentialsRejected
        && case.label == Label::InvalidRequest;
    if of_command { Some(Label::InvalidRequest) } else { Label::of(&answer.verdict.kind) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn case(label: &str, operation: &str) -> Case {
        let line = format!(
            r#"{{"id":"a","text":"","cloud":"c","operation":"{operation}","label":"{label}","family":"f"}}"#
        );
        Case::parse(&line).unwrap()
    }

    pub fn answer(kind: FailureKind, decision: Decision) -> Answer {
        Answer { verdict: Verdict { kind, rule: "r".into(), counts_against: None }, decision }
    }

    fn outcome(label: &str, operation: &str, kind: FailureKind, decision: Decision) -> Outcome {
        Outcome::of(&case(label, operation), &answer(kind, decision))
    }

    #[test]
    fn a_pin_that_a_command_is_refused_for_is_the_requests_fault() {
        let refused = |label, operation| {
            outcome(label, operation, FailureKind::CredentialsRejected, Decision::GiveUp).is_right()
        };
        assert!(refused("invalid-request", "command") && refused("credentials-rejected", "command"));
        assert!(!refused("invalid-request", "status") && !refused("invalid-request", "login"));
        assert!(!refused("busy", "command"));
    }

    #[test]
    fn what_is_signed_in_again_for_is_an_expired_session() {
        let kind = FailureKind::CredentialsRejected;
        assert!(outcome("token-expired", "refresh", kind.clone(), Decision::SignInAgain).is_right());
        assert!(!outcome("credentials-rejected", "refresh", kind, Decision::SignInAgain).is_right());
    }

    #[test]
    fn a_latch_is_wrong_for_an_account_that_nothing_is_wrong_with() {
        let latch = |label, operation, latch| {
            outcome(label, operation, FailureKind::CredentialsRejected, Decision::Latch(latch))
                .is_wrong_latch()
        };
        assert!(latch("transient", "login", Latch::AuthRequired));
        assert!(latch("invalid-request", "refresh", Latch::OtpRequired));
        assert!(!latch("credentials-rejected", "login", Latch::AuthRequired));
        assert!(!latch("transient", "status", Latch::AuthRequired));
        // Its cure is another program, or silence.
        assert!(!latch("invalid-request", "login", Latch::Blocked));
        assert!(!latch("invalid-request", "login", Latch::ClientRefused));
    }
}
