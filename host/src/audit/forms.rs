//! JSON forms of the arguments and answers of policies: fields and cases named as in `wit/policy.wit`, with
//! `_` for `-` in fields. The compiler checks that nothing is missing.

use serde::{Deserialize, Serialize};

use crate::bindings::names::{as_text, by_name, by_name_if_any};
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, Decision, Effect, Failure, FailureKind, Latch, Phase,
    RefreshDecision, RefreshReason, SessionView, Transport, Verdict,
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
    retry_after: Option<u64>,
    message: String,
    #[serde(with = "by_name")]
    body: BodyKind,
    token_age: Option<u64>,
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
    elapsed: u64,
    remaining: u64,
    retry_budget: u32,
    #[serde(with = "as_text")]
    random: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Decision", rename_all = "kebab-case")]
pub(super) enum DecisionForm {
    RefreshAndRetry,
    DiscardAndRetry(String),
    Retry(u64),
    Confirm(u64),
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
    age: Option<u64>,
    expires_in: Option<i64>,
    failures: u32,
    since_failure: Option<u64>,
    retry_after: Option<u64>,
    refreshes_last_hour: u32,
    #[serde(with = "as_text")]
    random: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RefreshDecision", rename_all = "kebab-case")]
pub(super) enum RefreshDecisionForm {
    Refresh,
    Adopt,
    Wait(u64),
    Stop(#[serde(with = "by_name")] Latch),
    Other(String),
}
