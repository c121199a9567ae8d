//! Judgement of failures: what each is, what should follow from it, and that both are on record.
//!
//! Steps of operations and refreshes are judged alike. The policy says what a failure is
//! ([`Judge::classify`]) and what should follow ([`Judge::decide`]); the caller does of that what the host's
//! rules allow, and records it ([`Judge::record`]). `evidence` is what says that a credential is refused,
//! whatever the policy thinks; `failure` what the policy is shown.

pub(crate) mod evidence;
pub(crate) mod failure;

use std::time::Duration;

use vehicle_connector_rules::judged::Kind;

use crate::audit::{Audit, Decided, Entry};
use crate::bindings::policy::{
    Attempt, CircuitScope, Decision, Failure, FailureKind, RefreshDecision, SessionView, Verdict,
};
use crate::plugin::{Policy, unanswered};
use crate::sandbox::CallFault;
use crate::time::milliseconds;

/// A judge of what one operation meets: its policy, and the trail that the decisions are kept in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) audit: &'a Audit,
    /// Slug of the account.
    pub(crate) account: &'a str,
    /// Slug of the vehicle, if the operation is about one.
    pub(crate) vehicle: Option<&'a str>,
    /// Identifier of the operation.
    pub(crate) operation: &'a str,
    /// Generation of the session that was worked with, or that is to be refreshed.
    pub(crate) session_generation: u64,
}

/// A failure with what the policy takes it for.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) failure: Failure,
    verdict: Result<Verdict, CallFault>,
}

/// Circumstances on which a decision depends beside the failure itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Number of tries, counting this one.
    pub(crate) number: u32,
    /// Whether it was repeated after a refresh.
    pub(crate) refreshed: bool,
    /// Whether a newer command for the same actuator waits.
    pub(crate) superseded: bool,
    /// Time since the operation was accepted.
    pub(crate) elapsed: Duration,
    /// Time until the operation must have a result.
    pub(crate) remaining: Duration,
    /// Number of further tries that the host would allow.
    pub(crate) retry_budget: u32,
}

/// A decision about a failure, before anything is done about it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) judged: Judged,
    pub(crate) decision: Decision,
    attempt: Attempt,
}

impl Judge<'_> {
    /// Asks the policy what a failure is.
    pub(crate) async fn classify(&self, failure: Failure) -> Judged {
        let verdict = self.policy.classify(&failure).await;
        Judged { failure, verdict }
    }

    /// Asks the policy what should follow. A policy that could not say what the failure is has no say in what
    /// follows.
    pub(crate) async fn decide(&self, judged: Judged, circumstances: Circumstances) -> Judgement {
        let attempt = circumstances.attempt(&judged);
        let decision = if judged.is_answered() {
            self.policy.decide(&attempt).await.unwrap_or(unanswered::DECISION)
        } else {
            unanswered::DECISION
        };
        Judgement { judged, decision, attempt }
    }

    /// Writes a decision down, with what the host does about it.
    pub(crate) async fn record(&self, judgement: &Judgement, done: String) {
        let Judgement { judged, decision, attempt } = judgement;
        let decided = Decided::Failure { attempt: attempt.clone(), decision: decision.clone() };
        let entry = self.entry(decided, done);
        if judged.is_answered() {
            self.audit.record(entry).await
        } else {
            self.audit.record_unanswered(entry).await
        }
    }

    /// Asks the policy whether the session may be refreshed.
    pub(crate) async fn admit_refresh(&self, session: &SessionView) -> RefreshDecision {
        self.policy.admit_refresh(session).await.unwrap_or(unanswered::REFRESH)
    }

    /// Writes down what was decided about a refresh, with what the host does about it.
    pub(crate) async fn record_refresh(&self, session: SessionView, decision: RefreshDecision, done: String) {
        self.audit.record(self.entry(Decided::Refresh { session, decision }, done)).await;
    }

    fn entry(&self, decided: Decided, done: String) -> Entry {
        Entry {
            account: self.account.to_owned(),
            vehicle: self.vehicle.map(str::to_owned),
            operation: self.operation.to_owned(),
            session_generation: self.session_generation,
            policy: self.policy.into(),
            decided,
            done,
        }
    }
}

impl Judged {
    /// The kind of failure; unknown if the policy gave no answer.
    pub(crate) fn kind(&self) -> &FailureKind {
        self.verdict.as_ref().map_or(&FailureKind::Unknown, |verdict| &verdict.kind)
    }

    /// Returns the circuit about whose health it tells.
    pub(crate) fn counts_against(&self) -> Option<&CircuitScope> {
        self.verdict.as_ref().ok().and_then(|verdict| verdict.counts_against.as_ref())
    }

    /// Whether the policy has said what it is.
    pub(crate) fn is_answered(&self) -> bool {
        self.verdict.is_ok()
    }

    /// Whether it is a token that was refused, whatever its age.
    pub(crate) fn is_about_the_token(&self) -> bool {
        Kind::from(self.kind()).is_about_the_token()
    }

    /// The verdict as logs and records show it.
    pub(crate) fn shown(&self) -> Verdict {
        self.verdict.clone().unwrap_or_else(|_| unanswered::verdict())
    }
}

impl Circumstances {
    /// Circumstances of something that is tried once.
    pub(crate) const ONCE: Self = Self {
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: Duration::ZERO,
        remaining: Duration::ZERO,
        retry_budget: 0,
    };

    fn attempt(self, judged: &Judged) -> Attempt {
        Attempt {
            failure: judged.failure.clone(),
            verdict: judged.shown(),
            number: self.number,
            refreshed: self.refreshed,
            superseded: self.superseded,
            elapsed: milliseconds(self.elapsed),
            remaining: milliseconds(self.remaining),
            retry_budget: self.retry_budget,
            random: fastrand::u32(..),
        }
    }
}

#[cfg(test)]
mod tests;
