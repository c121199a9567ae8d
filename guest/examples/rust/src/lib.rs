//! A policy: five pure functions. The same question has the same answer, whenever it is asked.
//!
//! What each type means, in which units, and who enforces what is in `kit/wit/policy.wit`.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use vehicle_connector_sdk::policy::{
    Attempt, Certainty, CircuitScope, Confirmation, Decision, Effect, Failure, FailureKind, Latch, Manifest,
    Milliseconds, Phase, Policy, RefreshDecision, SessionView, Transport, Verdict,
};

/// When to ask what became of a command, in milliseconds.
const CONFIRM: Milliseconds = 5_000;

/// The pause before a read is tried a second time, in milliseconds; it doubles.
const PAUSE: Milliseconds = 1_000;

/// How often a read is tried.
const TRIES: u32 = 3;

/// The pause after a refresh that failed, in milliseconds.
const REST: Milliseconds = 30_000;

/// What your cloud says of a token that is no longer good, in lower case.
const EXPIRED: [&str; 2] = ["token is expired", "token has expired"];

/// The policy.
#[derive(Debug)]
pub struct MyPolicy;

vehicle_connector_sdk::policy!(MyPolicy);

impl Policy for MyPolicy {
    fn describe() -> Manifest {
        Manifest::new("my-policy", env!("CARGO_PKG_VERSION"))
    }

    fn classify(failure: &Failure) -> Verdict {
        let text = failure.message.to_ascii_lowercase();
        let session = matches!(failure.phase, Phase::SignIn | Phase::Refresh);
        let scope = if session { CircuitScope::TokenEndpoint } else { CircuitScope::Cloud };
        match (failure.transport, failure.http_status) {
            (Some(Transport::Denied), _) => Verdict::new(FailureKind::InvalidRequest, "denied"),
            (Some(_), _) => Verdict::new(FailureKind::Transient, "transport").against(scope),
            (None, Some(429)) => {
                Verdict::new(FailureKind::RateLimited, "http-429").against(CircuitScope::Account)
            }
            (None, Some(500..)) => Verdict::new(FailureKind::Transient, "http-5xx").against(scope),
            // Whatever the words are: a sign-in or a refresh that is refused is not helped by a refresh.
            (None, Some(400 | 401 | 403)) if session => {
                Verdict::new(FailureKind::CredentialsRejected, "session-refused")
            }
            (None, _) if session => Verdict::new(FailureKind::Unknown, "none"),
            // Nor is a registration; what it was refused for, its words do not tell.
            (None, _) if failure.phase == Phase::Registration => Verdict::new(FailureKind::Unknown, "none"),
            (None, _) if EXPIRED.iter().any(|words| text.contains(words)) => {
                Verdict::new(FailureKind::TokenExpired, "expired")
            }
            (None, Some(401)) => Verdict::new(FailureKind::TokenExpired, "http-401"),
            _ => Verdict::new(FailureKind::Unknown, "none"),
        }
    }

    fn decide(attempt: &Attempt) -> Decision {
        let failure = &attempt.failure;
        let is_read = failure.effect == Effect::Read;
        let may_have_acted = match failure.certainty {
            Certainty::Accepted => true,
            Certainty::Ambiguous => !is_read && failure.effect != Effect::Session,
            Certainty::NotSent | Certainty::Rejected => false,
        };
        match attempt.verdict.kind {
            FailureKind::CredentialsRejected => Decision::Latch(Latch::AuthRequired),
            _ if may_have_acted && CONFIRM < attempt.remaining => {
                Decision::Confirm(Confirmation { after: CONFIRM, within: None })
            }
            _ if may_have_acted => Decision::GiveUp,
            FailureKind::TokenExpired if !attempt.refreshed => Decision::RefreshAndRetry,
            FailureKind::Transient if is_read && attempt.number < TRIES => again(attempt),
            _ => Decision::GiveUp,
        }
    }

    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        match session.since_failure {
            Some(since) if session.failures > 0 && since < REST => RefreshDecision::Wait(REST - since),
            _ => RefreshDecision::Refresh,
        }
    }
}

/// Repeats after a pause of which half is chance, so that callers that failed together spread out.
fn again(attempt: &Attempt) -> Decision {
    let least = PAUSE * attempt.number;
    let pause = (least + attempt.random % least).max(attempt.failure.retry_after.unwrap_or(0));
    if attempt.retry_budget > 0 && pause < attempt.remaining { Decision::Retry(pause) } else { Decision::GiveUp }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle_connector_sdk::testing::plain;

    fn kind(status: u16, message: &str) -> FailureKind {
        let message = message.into();
        MyPolicy::classify(&Failure { http_status: Some(status), message, ..plain::failure() }).kind
    }

    #[test]
    fn an_expired_token_is_one_in_either_wording() {
        assert_eq!(kind(400, "Key not authorized: Token is expired"), FailureKind::TokenExpired);
        assert_eq!(kind(400, "Key not authorized: token has expired"), FailureKind::TokenExpired);
        assert_eq!(kind(400, "Duplicate request"), FailureKind::Unknown);
    }
}
