//! What would another policy have decided?

use serde::{Deserialize, Serialize};

use super::{Decided, Record};
use crate::bindings::names::Named as _;
use crate::bindings::policy::{Attempt, Decision, RefreshDecision, Verdict};
use crate::plugin::{Policy, unanswered};

/// What a policy says to what is in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The kind of failure; absent for a refresh.
    pub kind: Option<String>,
    /// The rule by which it knew.
    pub rule: Option<String>,
    /// The decision.
    pub decision: String,
}

/// A record on which two policies differ.
#[derive(Debug, Clone, Serialize)]
pub struct Difference<'r> {
    /// The record.
    pub record: &'r Record,
    /// What was decided then.
    pub recorded: Answer,
    /// What the candidate decides.
    pub candidate: Answer,
}

impl Answer {
    /// Whether it decides the same for the same kind of failure. By which rule it knows does not matter.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        (&self.kind, &self.decision) == (&other.kind, &other.decision)
    }
}

/// A record, put to another policy.
#[derive(Debug)]
pub struct Put {
    /// What was decided then.
    pub recorded: Answer,
    /// What the other policy decides, or what the host does if it does not.
    pub other: Answer,
    /// Whether the other policy has said what the failure is. If not, nothing can be said of its answer.
    pub answered: bool,
}

/// Asks another policy what was asked then.
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

/// Asks a candidate what was asked then. None if it decides the same.
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
        Decision::Confirm(pause) => format!("confirm after {pause} ms"),
        Decision::GiveUp => "give-up".to_owned(),
        Decision::Latch(latch) => format!("latch {}", latch.name()),
        Decision::Other(what) => format!("other {what}"),
    }
}

impl Record {
    /// What was decided, in words.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match &self.entry.decided {
            Decided::Failure { attempt, decision } => of_failure(&attempt.verdict, decision),
            Decided::Refresh { decision, .. } => of_refresh(decision),
        }
    }
}
