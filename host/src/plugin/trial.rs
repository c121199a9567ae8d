//! The trial of a policy: a few questions whose answers are beyond dispute, asked under the limits that hold in
//! production.
//!
//! Instantiation alone does not compare the signatures of all exports, so every function is called. What a policy
//! answers about a failure that everybody knows decides whether it may answer about others.

use super::activation::{ActivationError, Trial};
use super::policy::{PolicyPlugin, ask};
use crate::bindings::names::Named as _;
use crate::bindings::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, Decision, Effect, Failure, Fault, Manifest, Phase,
    RefreshReason, SessionView, Transport, Verdict,
};
use crate::sandbox::Budget;

/// The age of the tokens that the questions of a trial are about, in milliseconds.
const TOKEN_AGE: u64 = 3_600_000;

/// A failure that everybody knows, and what has to follow from it.
struct Known {
    /// What a refusal calls it.
    case: &'static str,
    failure: Failure,
    demands: Demands,
}

#[derive(Clone, Copy)]
enum Demands {
    /// It is an expired token, and the command is repeated with another one.
    Renewal,
    /// It is no expired token, and nothing is renewed because of it.
    NoRenewal,
    /// It is neither renewed for nor sent again.
    NoRepeat,
}

fn known_failures() -> [Known; 7] {
    let read = || failure(Phase::Status, Effect::Read);
    let expired = |message: &str| Failure {
        message: message.to_owned(),
        http_status: Some(401),
        body: BodyKind::Json,
        ..read()
    };
    let known = |case, demands, failure| Known { case, failure, demands };
    [
        known(
            "\"Key not authorized: Token is expired\" (HTTP 401)",
            Demands::Renewal,
            expired("Key not authorized: Token is expired"),
        ),
        known(
            "\"Key not authorized: token has expired\" (HTTP 401)",
            Demands::Renewal,
            expired("Key not authorized: token has expired"),
        ),
        known(
            "a refused grant (invalid_grant)",
            Demands::NoRenewal,
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
            Demands::NoRenewal,
            Failure {
                message: "Too Many Requests".to_owned(),
                http_status: Some(429),
                retry_after: Some(60_000),
                ..read()
            },
        ),
        known(
            "a page that says that the service is unavailable (HTTP 503)",
            Demands::NoRenewal,
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
            Demands::NoRenewal,
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

/// Puts a policy to the test, and returns who it is.
///
/// # Errors
///
/// The call that it did not answer, or the case that it answered wrongly.
pub(super) async fn policy(plugin: &PolicyPlugin, trial: Trial) -> Result<Manifest, ActivationError> {
    let manifest = ask!(plugin, call_describe)?;
    if manifest != ask!(plugin, call_describe)? {
        return Err(wrong("describe does not answer the same twice"));
    }
    if manifest.name.is_empty() || manifest.name.len() > 64 || manifest.version.len() > 64 {
        return Err(wrong("its name or version is empty or longer than 64 bytes"));
    }
    for known in known_failures() {
        let verdict = ask!(plugin, call_classify, &known.failure)?;
        let decision = ask!(plugin, call_decide, &attempt(&known.failure, &verdict))?;
        if trial == Trial::Full {
            known.judge(&verdict, &decision)?;
        }
    }
    ask!(plugin, call_admit_refresh, &session())?;
    for scope in
        [CircuitScope::TokenEndpoint, CircuitScope::Cloud, CircuitScope::Account, CircuitScope::Vehicle]
    {
        ask!(plugin, call_circuit, &scope)?;
    }
    Ok(manifest)
}

impl Known {
    fn judge(&self, verdict: &Verdict, decision: &Decision) -> Result<(), ActivationError> {
        let case = self.case;
        let is_expired = verdict.fault == Fault::TokenExpired;
        let renews = matches!(decision, Decision::RefreshAndRetry);
        let repeats = renews || matches!(decision, Decision::Retry(_) | Decision::DiscardAndRetry(_));
        match self.demands {
            Demands::Renewal if !is_expired => {
                let fault = verdict.fault.name();
                Err(wrong(format!("{case} is classified as {fault} and not as token-expired")))
            }
            Demands::Renewal if !renews => Err(wrong(format!("after {case} it would not refresh"))),
            Demands::NoRenewal if is_expired => {
                Err(wrong(format!("{case} is classified as an expired token")))
            }
            Demands::NoRenewal if renews => Err(wrong(format!("after {case} it would refresh"))),
            Demands::NoRepeat if repeats => Err(wrong(format!("after {case} it would send it again"))),
            Demands::Renewal | Demands::NoRenewal | Demands::NoRepeat => Ok(()),
        }
    }
}

fn wrong(why: impl Into<String>) -> ActivationError {
    ActivationError::TrialAnswer(why.into())
}

fn failure(phase: Phase, effect: Effect) -> Failure {
    Failure {
        cloud: "hyundai-kia-eu".to_owned(),
        operation: "refresh_cached".to_owned(),
        effect,
        phase,
        certainty: Certainty::Rejected,
        transport: None,
        http_status: None,
        code: None,
        sub_code: None,
        oauth_error: None,
        retry_after: None,
        message: String::new(),
        body: BodyKind::None,
        token_age: Some(TOKEN_AGE),
    }
}

fn attempt(failure: &Failure, verdict: &Verdict) -> Attempt {
    Attempt {
        failure: failure.clone(),
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

fn session() -> SessionView {
    SessionView {
        cloud: "hyundai-kia-eu".to_owned(),
        reason: RefreshReason::Refused,
        generation: 1,
        age: Some(TOKEN_AGE),
        expires_in: None,
        failures: 0,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 0,
        random: 0,
    }
}
