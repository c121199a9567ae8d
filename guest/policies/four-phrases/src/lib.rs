//! The policy of the service that this host replaced, kept as a baseline to measure others against.
//!
//! It looks for four phrases in the lower-cased message, whatever the status, the step or the vendor's code;
//! refreshes unless the session is younger than thirty seconds; and repeats. Its faults are the point: do not
//! repair them here.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
extern crate guest_runtime as _;

use alloc::borrow::ToOwned;

mod bindings;

use bindings::exports::vehicle::connector::policy::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, FailureKind, Guest, Manifest, RefreshDecision,
    SessionView, Verdict,
};

/// What an expired token was recognised by.
const PHRASES: [&str; 4] =
    ["token is expired", "key not authorized: token is expired", "authentication failed", "unauthorized"];

/// A session younger than this many milliseconds was taken for one that somebody else had just refreshed.
const DOUBLE_CHECK: u64 = 30_000;

struct FourPhrases;

impl Guest for FourPhrases {
    fn describe() -> Manifest {
        Manifest { name: "four-phrases".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn classify(failure: Failure) -> Verdict {
        let message = failure.message.to_ascii_lowercase();
        if PHRASES.iter().any(|phrase| message.contains(phrase)) {
            return Verdict {
                kind: FailureKind::TokenExpired,
                rule: "phrase".to_owned(),
                counts_against: None,
            };
        }
        // One breaker for everything.
        Verdict {
            kind: FailureKind::Unknown,
            rule: "none".to_owned(),
            counts_against: Some(CircuitScope::Cloud),
        }
    }

    fn decide(attempt: Attempt) -> Decision {
        match attempt.verdict.kind {
            FailureKind::TokenExpired => Decision::RefreshAndRetry,
            _ => Decision::GiveUp,
        }
    }

    fn admit_refresh(session: SessionView) -> RefreshDecision {
        match session.age {
            Some(age) if age < DOUBLE_CHECK => RefreshDecision::Adopt,
            _ => RefreshDecision::Refresh,
        }
    }

    fn circuit(_: CircuitScope) -> CircuitSettings {
        CircuitSettings {
            consecutive_failures: 5,
            failure_ratio: 0.0,
            minimum_calls: 0,
            window: 60_000,
            open_for: 60_000,
            probes: 1,
            probe_lease: 60_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::exports::vehicle::connector::policy::{BodyKind, Certainty, Effect, Phase, RefreshReason};

    fn kind(message: &str) -> FailureKind {
        FourPhrases::classify(Failure {
            cloud: String::new(),
            operation: String::new(),
            effect: Effect::Read,
            phase: Phase::Unknown,
            certainty: Certainty::Rejected,
            transport: None,
            http_status: Some(429),
            code: None,
            sub_code: None,
            oauth_error: None,
            retry_after: None,
            message: message.into(),
            body: BodyKind::None,
            token_age: None,
        })
        .kind
    }

    #[test]
    fn its_four_phrases_and_no_others() {
        assert_eq!(kind("Key not authorized: Token is expired"), FailureKind::TokenExpired);
        assert_eq!(kind("429 UNAUTHORIZED"), FailureKind::TokenExpired);
        assert_eq!(kind("Key not authorized: token has expired"), FailureKind::Unknown);
    }

    #[test]
    fn its_window_of_thirty_seconds() {
        let mut session = SessionView {
            cloud: String::new(),
            reason: RefreshReason::Refused,
            generation: 1,
            age: Some(29_999),
            expires_in: None,
            failures: 0,
            since_failure: None,
            retry_after: None,
            refreshes_last_hour: 0,
            random: 0,
        };
        assert_eq!(FourPhrases::admit_refresh(session.clone()), RefreshDecision::Adopt);
        session.age = Some(DOUBLE_CHECK);
        assert_eq!(FourPhrases::admit_refresh(session), RefreshDecision::Refresh);
    }
}
