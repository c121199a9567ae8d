//! Failures and attempts as a policy sees them.

use vehicle_connector::bindings::policy::{Attempt, BodyKind, Effect, Failure, Phase, Verdict};

/// A read that was refused without a word. A test names the fields that it is about.
pub fn failure() -> Failure {
    Failure {
        body: BodyKind::Json,
        ..Failure::refused("hyundai-kia-eu", "lock", Phase::Status, Effect::Read)
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
