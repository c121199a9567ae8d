//! The trial of a policy: its answers about well-known failures decide whether it may answer about others.

use super::wrong;
use crate::bindings::names::Named as _;
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, Decision, Effect, Failure, FailureKind, Manifest, Phase,
    RefreshReason, SessionView, Transport, Verdict,
};
use crate::plugin::policy::PolicyPlugin;
use crate::plugin::{ActivationError, Trial};

/// Age of the tokens that the questions of a trial are about, in milliseconds.
const TOKEN_AGE: u32 = 3_600_000;

/// A well-known failure, and what has to follow from it. Hosts in other languages put the same to a policy.
#[derive(Debug)]
pub struct KnownFailure {
    /// Name of the case in a refusal.
    pub case: &'static str,
    /// The failure.
    pub failure: Failure,
    /// The demand on the policy.
    pub demands: Demands,
}

/// What has to follow from a well-known failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demands {
    /// Expired token: refreshed, and the command repeated with the new one.
    Refresh,
    /// Not an expired token: not refreshed.
    NoRefresh,
    /// Neither refreshed nor sent again.
    NoRepeat,
}

/// Returns the questions of the trial, in the order in which they are put.
#[must_use]
pub fn known_failures() -> [KnownFailure; 7] {
    let read = || failure(Phase::Status, Effect::Read);
    let expired = |message: &str| Failure {
        message: message.to_owned(),
        http_status: Some(401),
        body: BodyKind::Json,
        ..read()
    };
    let known = |case, demands, failure| KnownFailure { case, failure, demands };
    [
        known(
            "\"Key not authorized: Token is expired\" (HTTP 401)",
            Demands::Refresh,
            expired("Key not authorized: Token is expired"),
        ),
        known(
            "\"Key not authorized: token has expired\" (HTTP 401)",
            Demands::Refresh,
            expired("Key not authorized: token has expired"),
        ),
        known(
            "a refused grant (invalid_grant)",
            Demands::NoRefresh,
            Failure {
                message: "The refresh token is invalid or has expired".to_owned(),
                http_status: Some(400),
                oauth_error: Some("invalid_grant".to_owned()),
                body: BodyKind::Json,
                ..failure(Phase::Refresh, Effect::Session)
            },
        ),
        known(
            "too many requests (HTTP 429)",
            Demands::NoRefresh,
            Failure {
                message: "Too Many Requests".to_owned(),
                http_status: Some(429),
                retry_after: Some(60_000),
                ..read()
            },
        ),
        known(
            "a page that says that the service is unavailable (HTTP 503)",
            Demands::NoRefresh,
            Failure {
                message: "503 Service Unavailable".to_owned(),
                http_status: Some(503),
                body: BodyKind::Html,
                certainty: Certainty::Ambiguous,
                ..read()
            },
        ),
        known(
            "a name that does not resolve",
            Demands::NoRefresh,
            Failure {
                message: "no connection".to_owned(),
                transport: Some(Transport::NotSent),
                certainty: Certainty::NotSent,
                ..read()
            },
        ),
        known(
            "an unlock that was sent and never answered",
            Demands::NoRepeat,
            Failure {
                operation: "unlock".to_owned(),
                message: "no answer in time".to_owned(),
                transport: Some(Transport::Interrupted),
                certainty: Certainty::Ambiguous,
                ..failure(Phase::Command, Effect::Actuation)
            },
        ),
    ]
}

/// Tests a policy with well-known failures. Returns its manifest.
///
/// # Errors
///
/// The call without an answer, or the case with a wrong one.
pub(in crate::plugin) async fn of_policy(
    plugin: &PolicyPlugin,
    trial: Trial,
) -> Result<Manifest, ActivationError> {
    let manifest = plugin.describe().await?;
    if manifest != plugin.describe().await? {
        return Err(wrong("describe does not answer the same twice"));
    }
    if manifest.name.is_empty() || manifest.name.len() > 64 || manifest.version.len() > 64 {
        return Err(wrong("its name or version is empty or longer than 64 bytes"));
    }
    for known in known_failures() {
        let verdict = plugin.classify(&known.failure).await?;
        let decision = plugin.decide(&known.attempt(&verdict)).await?;
        if trial == Trial::Full {
            known.judge(&verdict, &decision)?;
        }
    }
    plugin.admit_refresh(&session()).await?;
    for scope in
        [CircuitScope::TokenEndpoint, CircuitScope::Cloud, CircuitScope::Account, CircuitScope::Vehicle]
    {
        plugin.circuit(&scope).await?;
    }
    Ok(manifest)
}

impl KnownFailure {
    /// Returns the attempt that a policy is asked about, after its own verdict.
    #[must_use]
    pub fn attempt(&self, verdict: &Verdict) -> Attempt {
        Attempt {
            failure: self.failure.clone(),
            verdict: verdict.clone(),
            number: 1,
            refreshed: false,
            superseded: false,
            elapsed: 1_000,
            remaining: 59_000,
            retry_budget: 3,
            random: 0,
        }
    }

    fn judge(&self, verdict: &Verdict, decision: &Decision) -> Result<(), ActivationError> {
        let case = self.case;
        let is_expired = verdict.kind == FailureKind::TokenExpired;
        let refreshes = matches!(decision, Decision::RefreshAndRetry);
        let repeats = refreshes || matches!(decision, Decision::Retry(_) | Decision::DiscardAndRetry(_));
        match self.demands {
            Demands::Refresh if !is_expired => {
                let kind = verdict.kind.name();
                Err(wrong(format!("{case} is classified as {kind} and not as token-expired")))
            }
            Demands::Refresh if !refreshes => Err(wrong(format!("after {case} it would not refresh"))),
            Demands::NoRefresh if is_expired => {
                Err(wrong(format!("{case} is classified as an expired token")))
            }
            Demands::NoRefresh if refreshes => Err(wrong(format!("after {case} it would refresh"))),
            Demands::NoRepeat if repeats => Err(wrong(format!("after {case} it would send it again"))),
            Demands::Refresh | Demands::NoRefresh | Demands::NoRepeat => Ok(()),
        }
    }
}

fn failure(phase: Phase, effect: Effect) -> Failure {
    Failure {
        token_age: Some(TOKEN_AGE),
        ..Failure::refused("hyundai-kia-eu", "refresh_cached", phase, effect)
    }
}

fn session() -> SessionView {
    SessionView {
        cloud: "hyundai-kia-eu".to_owned(),
        reason: RefreshReason::Refused,
        generation: 1,
        age: Some(TOKEN_AGE),
        expires_in: None,
        refresh_expires_in: None,
        failures: 0,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 0,
        random: 0,
    }
}
