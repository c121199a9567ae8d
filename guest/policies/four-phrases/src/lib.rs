//! The policy of the service that this host replaced, kept as a baseline to measure others against.
//!
//! It looks for four phrases in the lower-cased message, whatever the status, the step or the vendor's code;
//! refreshes unless the session is younger than thirty seconds; and repeats. Its faults are the point: do not
//! repair them here.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use vehicle_connector_sdk::policy::{
    Attempt, CircuitScope, Decision, Failure, FailureKind, Manifest, Milliseconds, Policy, RefreshDecision,
    SessionView, Verdict,
};

/// What an expired token was recognised by.
const PHRASES: [&str; 4] =
    ["token is expired", "key not authorized: token is expired", "authentication failed", "unauthorized"];

/// A session younger than this many milliseconds was taken for one that somebody else had just refreshed.
const DOUBLE_CHECK: Milliseconds = 30_000;

/// The policy.
#[derive(Debug)]
pub struct FourPhrases;

vehicle_connector_sdk::policy!(FourPhrases);

impl Policy for FourPhrases {
    fn describe() -> Manifest {
        Manifest::new("four-phrases", env!("CARGO_PKG_VERSION"))
    }

    fn classify(failure: &Failure) -> Verdict {
        let message = failure.message.to_ascii_lowercase();
        if PHRASES.iter().any(|phrase| message.contains(phrase)) {
            return Verdict::new(FailureKind::TokenExpired, "phrase");
        }
        // One breaker for everything.
        Verdict::new(FailureKind::Unknown, "none").against(CircuitScope::Cloud)
    }

    fn decide(attempt: &Attempt) -> Decision {
        match attempt.verdict.kind {
            FailureKind::TokenExpired => Decision::RefreshAndRetry,
            _ => Decision::GiveUp,
        }
    }

    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        match session.age {
            Some(age) if age < DOUBLE_CHECK => RefreshDecision::Adopt,
            _ => RefreshDecision::Refresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle_connector_sdk::testing::plain;

    fn kind(message: &str) -> FailureKind {
        let message = message.into();
        FourPhrases::classify(&Failure { http_status: Some(429), message, ..plain::failure() }).kind
    }

    #[test]
    fn its_four_phrases_and_no_others() {
        assert_eq!(kind("Key not authorized: Token is expired"), FailureKind::TokenExpired);
        assert_eq!(kind("429 UNAUTHORIZED"), FailureKind::TokenExpired);
        assert_eq!(kind("Key not authorized: token has expired"), FailureKind::Unknown);
    }

    #[test]
    fn its_window_of_thirty_seconds() {
        let mut session = SessionView { age: Some(29_999), ..plain::session() };
        assert_eq!(FourPhrases::admit_refresh(&session), RefreshDecision::Adopt);
        session.age = Some(DOUBLE_CHECK);
        assert_eq!(FourPhrases::admit_refresh(&session), RefreshDecision::Refresh);
    }
}
