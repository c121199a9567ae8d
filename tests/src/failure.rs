//! Failures and attempts as a policy sees them.

use vehicle_connector::bindings::policy::{Attempt, BodyKind, Certainty, Effect, Failure, Phase, Verdict};

/// A read that was refused without a word. A test names the fields that it is about.
pub fn failure() -> Failure {
    Failure {
        cloud: "hyundai-kia-eu".to_owned(),
        operation: "lock".to_owned(),
        effect: Effect::Read,
        phase: Phase::Status,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: String::new(),
        body: BodyKind::Json,
        token_age: None,
    }
}

/// The first attempt of an operation with time and budget left.
pub fn attempt(failure: Failure, verdict: Verdict) -> Attempt {
    Attempt {
        failure,
        verdict,
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 1_000,
        remaining: 60_000,
        retry_budget: 3,
        random: 7,
    }
}
