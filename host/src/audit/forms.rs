//! JSON forms of the arguments and answers of policies: fields and cases named as in `wit/policy.wit`, with
//! `_` for `-` in fields. The compiler checks that nothing is missing.

use serde::{Deserialize, Serialize};

use crate::bindings::names::{by_name, by_name_if_any};
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, Confirmation, Decision, Effect, Failure, FailureKind, Latch,
    Phase, RefreshDecision, RefreshReason, SessionView, Transport, Verdict,
};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Failure")]
struct FailureForm {
    cloud: String,
    operation: String,
    #[serde(with = "by_name")]
    effect: Effect,
    #[serde(with = "by_name")]
    phase: Phase,
    #[serde(with = "by_name")]
    certainty: Certainty,
    #[serde(with = "by_name_if_any")]
    transport: Option<Transport>,
    http_status: Option<u16>,
    code: Option<String>,
    sub_code: Option<String>,
    oauth_error: Option<String>,
    retry_after: Option<u32>,
    message: String,
    #[serde(with = "by_name")]
    body: BodyKind,
    token_age: Option<u32>,
    token_last_worked: Option<u32>,
    endpoint: Option<String>,
    redirect: Option<String>,
    content_type: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict")]
struct VerdictForm {
    #[serde(with = "by_name")]
    kind: FailureKind,
    rule: String,
    #[serde(with = "by_name_if_any")]
    counts_against: Option<CircuitScope>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Attempt")]
pub(super) struct AttemptForm {
    #[serde(with = "FailureForm")]
    failure: Failure,
    #[serde(with = "VerdictForm")]
    verdict: Verdict,
    number: u32,
    refreshed: bool,
    superseded: bool,
    elapsed: u32,
    remaining: u32,
    retry_budget: u32,
    random: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Confirmation")]
struct ConfirmationForm {
    after: u32,
    within: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Decision", rename_all = "kebab-case")]
pub(super) enum DecisionForm {
    RefreshAndRetry,
    SignInAgain,
    DiscardAndRetry(String),
    Retry(u32),
    Confirm(#[serde(with = "ConfirmationForm")] Confirmation),
    GiveUp,
    Latch(#[serde(with = "by_name")] Latch),
    Other(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SessionView")]
pub(super) struct SessionViewForm {
    cloud: String,
    #[serde(with = "by_name")]
    reason: RefreshReason,
    generation: u64,
    age: Option<u32>,
    expires_in: Option<i64>,
    refresh_expires_in: Option<i64>,
    failures: u32,
    since_failure: Option<u32>,
    retry_after: Option<u32>,
    refreshes_last_hour: u32,
    random: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RefreshDecision", rename_all = "kebab-case")]
pub(super) enum RefreshDecisionForm {
    Refresh,
    Adopt,
    Wait(u32),
    Stop(#[serde(with = "by_name")] Latch),
    Other(String),
}
