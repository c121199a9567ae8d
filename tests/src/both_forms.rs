//! The default policy twice: as the library that it is, and as the component that the host runs. Both must
//! give the same answers.

use std::sync::Arc;

use default_policy::types as native;
use vehicle_connector::bindings::policy as host;
use vehicle_connector::plugin::{Compiled, Policy, PolicySlot, embedded};
use vehicle_connector::sandbox::Sandbox;

use crate::provenance;

/// The committed component, ready to be asked.
pub async fn component() -> Policy {
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, embedded::POLICY).await.unwrap();
    Arc::new(PolicySlot::open(&sandbox, &compiled, provenance()).await.unwrap()).active()
}

/// Returns what both say of a failure.
pub async fn classify(policy: &Policy, failure: &host::Failure) -> host::Verdict {
    let verdict = policy.classify(failure).await.unwrap();
    assert_eq!(spelled(&default_policy::classify(&as_native(failure))), spelled(&verdict), "{failure:?}");
    verdict
}

/// Returns what both decide.
pub async fn decide(policy: &Policy, attempt: &host::Attempt) -> host::Decision {
    let decision = policy.decide(attempt).await.unwrap();
    let native = native::Attempt {
        failure: as_native(&attempt.failure),
        verdict: default_policy::classify(&as_native(&attempt.failure)),
        number: attempt.number,
        refreshed: attempt.refreshed,
        superseded: attempt.superseded,
        elapsed: attempt.elapsed,
        remaining: attempt.remaining,
        retry_budget: attempt.retry_budget,
        random: attempt.random,
    };
    assert_eq!(spelled(&default_policy::decide(&native)), spelled(&decision), "{attempt:?}");
    decision
}

/// Prints a value without the name of the type before a case, in which alone the two generators differ.
fn spelled(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    ["FailureKind::", "CircuitScope::", "Decision::", "Latch::"]
        .iter()
        .fold(text, |text, name| text.replace(name, ""))
}

fn as_native(failure: &host::Failure) -> native::Failure {
    native::Failure {
        cloud: failure.cloud.clone(),
        operation: failure.operation.clone(),
        effect: match failure.effect {
            host::Effect::Read => native::Effect::Read,
            host::Effect::Set => native::Effect::Set,
            host::Effect::Actuation => native::Effect::Actuation,
            host::Effect::Session => native::Effect::Session,
        },
        phase: match failure.phase {
            host::Phase::SignIn => native::Phase::SignIn,
            host::Phase::Refresh => native::Phase::Refresh,
            host::Phase::Registration => native::Phase::Registration,
            host::Phase::Pin => native::Phase::Pin,
            host::Phase::Status => native::Phase::Status,
            host::Phase::Command => native::Phase::Command,
            host::Phase::Confirmation => native::Phase::Confirmation,
            host::Phase::Unknown => native::Phase::Unknown,
        },
        certainty: match failure.certainty {
            host::Certainty::NotSent => native::Certainty::NotSent,
            host::Certainty::Rejected => native::Certainty::Rejected,
            host::Certainty::Ambiguous => native::Certainty::Ambiguous,
            host::Certainty::Accepted => native::Certainty::Accepted,
        },
        transport: failure.transport.map(|transport| match transport {
            host::Transport::NotSent => native::Transport::NotSent,
            host::Transport::Interrupted => native::Transport::Interrupted,
            host::Transport::Denied => native::Transport::Denied,
            host::Transport::Other => native::Transport::Other,
        }),
        http_status: failure.http_status,
        code: failure.code.clone(),
        sub_code: failure.sub_code.clone(),
        oauth_error: failure.oauth_error.clone(),
        retry_after: failure.retry_after,
        message: failure.message.clone(),
        body: match failure.body {
            host::BodyKind::None => native::BodyKind::None,
            host::BodyKind::Json => native::BodyKind::Json,
            host::BodyKind::Html => native::BodyKind::Html,
            host::BodyKind::Other => native::BodyKind::Other,
        },
        token_age: failure.token_age,
        token_last_worked: failure.token_last_worked,
        endpoint: failure.endpoint.clone(),
        redirect: failure.redirect.clone(),
        content_type: failure.content_type.clone(),
    }
}
