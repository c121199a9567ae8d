//! What a policy is asked, plain, for tests to change: `Failure { http_status: Some(401), ..plain::failure()
//! }`.

use crate::policy::{
    Attempt, BodyKind, Certainty, Effect, Failure, FailureKind, Phase, RefreshReason, SessionView, Verdict,
};

/// A command that a cloud called `acme` refused before anything happened, without saying why.
#[must_use]
pub fn failure() -> Failure {
    Failure {
        cloud: "acme".into(),
        operation: "lock".into(),
        effect: Effect::Actuation,
        phase: Phase::Command,
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
        token_last_worked: None,
        endpoint: None,
        redirect: None,
        content_type: None,
    }
}

/// The first try of an operation that has a minute and a budget left, after [`failure`], of this kind.
#[must_use]
pub fn attempt(kind: FailureKind) -> Attempt {
    Attempt {
        failure: failure(),
        verdict: Verdict::new(kind, "test"),
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 0,
        remaining: 60_000,
        retry_budget: 10,
        random: 7,
    }
}

/// A session that was refused and that nobody has failed to refresh.
#[must_use]
pub fn session() -> SessionView {
    SessionView {
        cloud: "acme".into(),
        reason: RefreshReason::Refused,
        generation: 4,
        age: None,
        expires_in: None,
        refresh_expires_in: None,
        failures: 0,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 1,
        random: 0,
    }
}
