//! Replay: putting recorded questions to another policy.

use serde::{Deserialize, Serialize};

use super::{Decided, Record};
use crate::bindings::names::Named as _;
use crate::bindings::policy::{Attempt, Confirmation, Decision, RefreshDecision, Verdict};
use crate::plugin::{Policy, unanswered};

/// A policy's answer to the question of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Kind of the failure; absent for a refresh.
    pub kind: Option<String>,
    /// Rule by which the policy recognised it.
    pub rule: Option<String>,
    /// The decision.
    pub decision: String,
}

/// A record on which two policies differ.
#[derive(Debug, Clone, Serialize)]
pub struct Difference<'r> {
    /// The record.
    pub record: &'r Record,
    /// Decision at that time.
    pub recorded: Answer,
    /// Decision of the candidate.
    pub candidate: Answer,
}

impl Answer {
    /// Whether both decide the same for the same kind of failure. The rules that matched may differ.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        (&self.kind, &self.decision) == (&other.kind, &other.decision)
    }
}

/// A record and the answers of two policies to it.
#[derive(Debug)]
pub struct Put {
    /// Decision at that time.
    pub recorded: Answer,
    /// Decision of the other policy, or of the host if the policy gives no answer.
    pub other: Answer,
    /// Whether the other policy has classified the failure. If not, its answer cannot be compared.
    pub answered: bool,
}

/// Puts the question of a record to another policy.
pub async fn put_to(record: &Record, other: &Policy) -> Put {
    match &record.entry.decided {
        Decided::Failure { attempt, decision } => {
            let verdict = other.classify(&attempt.failure).await;
            let answered = verdict.is_ok();
            let verdict = verdict.unwrap_or_else(|_| unanswered::verdict());
            let asked = Attempt { verdict, ..attempt.clone() };
            let answer = other.decide(&asked).await.unwrap_or(unanswered::DECISION);
            Put {
                recorded: of_failure(&attempt.verdict, decision),
                other: of_failure(&asked.verdict, &answer),
                answered,
            }
        }
        Decided::Refresh { session, decision } => {
            let answer = other.admit_refresh(session).await.unwrap_or(unanswered::REFRESH);
            Put { recorded: of_refresh(decision), other: of_refresh(&answer), answered: true }
        }
    }
}

/// Puts the question of a record to a candidate. None if it decides the same.
pub async fn replay<'r>(record: &'r Record, candidate: &Policy) -> Option<Difference<'r>> {
    let Put { recorded, other: candidate, .. } = put_to(record, candidate).await;
    (!recorded.is_same_as(&candidate)).then_some(Difference { record, recorded, candidate })
}

fn of_failure(verdict: &Verdict, decision: &Decision) -> Answer {
    Answer {
        kind: Some(verdict.kind.name().to_owned()),
        rule: Some(verdict.rule.clone()),
        decision: in_words(decision),
    }
}

fn of_refresh(decision: &RefreshDecision) -> Answer {
    let decision = match decision {
        RefreshDecision::Refresh => "refresh".to_owned(),
        RefreshDecision::Adopt => "adopt".to_owned(),
        RefreshDecision::Wait(pause) => format!("wait {pause} ms"),
        RefreshDecision::Stop(latch) => format!("stop {}", latch.name()),
        RefreshDecision::Other(what) => format!("other {what}"),
    };
    Answer { kind: None, rule: None, decision }
}

fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::RefreshAndRetry => "refresh-and-retry".to_owned(),
        Decision::DiscardAndRetry(cell) => format!("discard-and-retry {cell}"),
        Decision::Retry(pause) => format!("retry after {pause} ms"),
        Decision::SignInAgain => "sign-in-again".to_owned(),
        Decision::Confirm(Confirmation { after, within: None }) => format!("confirm after {after} ms"),
        Decision::Confirm(Confirmation { after, within: Some(within) }) => {
            format!("confirm after {after} ms, for {within} ms")
        }
        Decision::GiveUp => "give-up".to_owned(),
        Decision::Latch(latch) => format!("latch {}", latch.name()),
        Decision::Other(what) => format!("other {what}"),
    }
}

impl Record {
    /// Returns the decision in words.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match &self.entry.decided {
            Decided::Failure { attempt, decision } => of_failure(&attempt.verdict, decision),
            Decided::Refresh { decision, .. } => of_refresh(decision),
        }
    }
}
