//! What is done about a failure, in words for the log and the audit trail.

use std::time::Duration;

use super::question::Asked;
use crate::bindings::policy::{Certainty, Decision, Failure};
use crate::judge::{Judgement, evidence};
use crate::operation::rules::{self, Action, Facts};

/// Returns what is done. Where less is done than the policy wants because the car may have acted, it says so.
pub(super) fn in_words(judgement: &Judgement, action: &Action, facts: Facts<'_>, asked: Asked<'_>) -> String {
    // A command can be asked about only once the cloud has taken it.
    let asks_in_vain = matches!(action, Action::AskLater(_)) && !matches!(asked, Asked::Outcome);
    let is_less = asks_in_vain || *action == Action::GiveUp && wants_a_repeat(&judgement.decision);
    if is_less && may_have_acted(facts) {
        let why = why_open(&judgement.judged.failure);
        let unasked = if asks_in_vain { ", and there is nothing to ask about" } else { "" };
        return format!("give up: the car may have acted ({why}), so the command is not repeated{unasked}");
    }
    if asks_in_vain { "give up: nothing to ask about".to_owned() } else { action.to_string() }
}

const fn wants_a_repeat(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::RefreshAndRetry | Decision::SignInAgain | Decision::DiscardAndRetry(_) | Decision::Retry(_)
    )
}

/// Whether the rules admit no repeat at all, not even an early one with all the time that there is: that is so
/// because of what the vehicle may have done, and of nothing else.
fn may_have_acted(facts: Facts<'_>) -> bool {
    let early = Facts { number: 1, left: Duration::MAX, ..facts };
    rules::admit(Decision::Retry(0).into(), early) == Action::GiveUp
}

/// Says why it is open whether the vehicle has acted.
fn why_open(failure: &Failure) -> String {
    if failure.certainty == Certainty::Accepted {
        return "the cloud had taken the command".to_owned();
    }
    if failure.transport.is_some() || failure.http_status.is_none() {
        return "no answer came".to_owned();
    }
    let answer = evidence::in_short(failure);
    match failure.code {
        Some(_) => format!("{answer}, which the connector does not know for a refusal before that"),
        None => format!("{answer}, without a code that the connector knows"),
    }
}
