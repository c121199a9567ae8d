//! A policy that knows standards and no cloud.

use super::{
    Attempt, BodyKind, Certainty, CircuitScope, Confirmation, Decision, Effect, Failure, FailureKind, Latch,
    Manifest, Milliseconds, Phase, Policy, Transport, Verdict,
};

/// When to ask what became of a command, in milliseconds.
const CONFIRM: Milliseconds = 5_000;

/// The pause before the second try of a read in milliseconds; it doubles with the next one.
const PAUSE: Milliseconds = 1_000;

/// How often a read is tried.
const TRIES: u32 = 3;

/// A policy that goes by how far a request came, by HTTP and by OAuth, and by no vendor's codes or words. It
/// is what a connector ships with that names none. `default-policy` knows more.
#[derive(Debug)]
pub struct Plain;

impl Policy for Plain {
    fn describe() -> Manifest {
        Manifest::new("plain", env!("CARGO_PKG_VERSION"))
    }

    fn classify(failure: &Failure) -> Verdict {
        let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh);
        let scope = if session { CircuitScope::TokenEndpoint } else { CircuitScope::Cloud };
        match (failure.transport, failure.http_status, failure.oauth_error.as_deref()) {
            (Some(Transport::Denied), ..) => Verdict::new(FailureKind::InvalidRequest, "denied"),
            (Some(_), ..) => Verdict::new(FailureKind::Transient, "transport").against(scope),
            (None, Some(429), _) => {
                Verdict::new(FailureKind::RateLimited, "http-429").against(CircuitScope::Account)
            }
            (None, Some(500..=599), _) => Verdict::new(FailureKind::Transient, "http-5xx").against(scope),
            (None, Some(400 | 401 | 403), _) if session => {
                Verdict::new(FailureKind::CredentialsRejected, "session-refused")
            }
            (None, _, Some("invalid_token")) | (None, Some(401), _)
                if failure.phase != Phase::Registration =>
            {
                Verdict::new(FailureKind::TokenExpired, "http-401")
            }
            _ if failure.body == BodyKind::Html => {
                Verdict::new(FailureKind::Malformed, "html").against(scope)
            }
            (None, Some(400..=499), _) => Verdict::new(FailureKind::InvalidRequest, "http-4xx"),
            _ => Verdict::new(FailureKind::Unknown, "none").against(CircuitScope::Account),
        }
    }

    fn decide(attempt: &Attempt) -> Decision {
        let failure = &attempt.failure;
        let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh);
        let acted = failure.effect != Effect::Read;
        match (&attempt.verdict.kind, failure.certainty) {
            (FailureKind::CredentialsRejected, _) if session => Decision::Latch(Latch::AuthRequired),
            (_, Certainty::Ambiguous) if acted && !session => confirm(attempt),
            (_, Certainty::Accepted) => confirm(attempt),
            (FailureKind::TokenExpired, _) if !(attempt.refreshed || acted && attempt.superseded) => {
                Decision::RefreshAndRetry
            }
            (FailureKind::Transient, _) if !acted => again(attempt),
            _ => Decision::GiveUp,
        }
    }
}

fn confirm(attempt: &Attempt) -> Decision {
    if CONFIRM < attempt.remaining {
        Decision::Confirm(Confirmation { after: CONFIRM, within: None })
    } else {
        Decision::GiveUp
    }
}

/// Repeats after a pause that doubles, with chance in its upper half so that callers that failed together
/// spread out.
fn again(attempt: &Attempt) -> Decision {
    let pause = PAUSE << attempt.number.saturating_sub(1).min(TRIES);
    let wait = (pause / 2 + attempt.random % (pause / 2)).max(attempt.failure.retry_after.unwrap_or(0));
    if attempt.number < TRIES && attempt.retry_budget > 0 && wait < attempt.remaining {
        Decision::Retry(wait)
    } else {
        Decision::GiveUp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plain;

    fn asked(failure: Failure) -> (FailureKind, Decision) {
        let verdict = Plain::classify(&failure);
        let kind = verdict.kind.clone();
        (kind.clone(), Plain::decide(&Attempt { failure, verdict, ..plain::attempt(kind) }))
    }

    fn answered(phase: Phase, effect: Effect, status: u16) -> Failure {
        Failure { phase, effect, http_status: Some(status), ..plain::failure() }
    }

    #[test]
    fn statuses_and_steps() {
        let refresh = Decision::RefreshAndRetry;
        for (phase, effect, status, kind, decision) in [
            (Phase::Status, Effect::Read, 401, FailureKind::TokenExpired, refresh.clone()),
            (Phase::Command, Effect::Actuation, 401, FailureKind::TokenExpired, refresh),
            (
                Phase::Refresh,
                Effect::Session,
                401,
                FailureKind::CredentialsRejected,
                Decision::Latch(Latch::AuthRequired),
            ),
            (Phase::Status, Effect::Read, 429, FailureKind::RateLimited, Decision::GiveUp),
            (Phase::Status, Effect::Read, 503, FailureKind::Transient, Decision::Retry(507)),
            (Phase::Command, Effect::Actuation, 404, FailureKind::InvalidRequest, Decision::GiveUp),
        ] {
            assert_eq!(asked(answered(phase, effect, status)), (kind, decision), "{phase:?} {status}");
        }
    }

    #[test]
    fn a_command_that_may_have_acted_is_asked_after_and_not_sent_again() {
        for status in [None, Some(401), Some(503)] {
            let transport = status.is_none().then_some(Transport::Interrupted);
            let certainty = Certainty::Ambiguous;
            let failure = Failure { certainty, transport, http_status: status, ..plain::failure() };
            assert!(matches!(asked(failure).1, Decision::Confirm(_)), "{status:?}");
        }
    }
}
