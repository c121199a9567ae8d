//! Commands on their way, and what became of them.

use vehicle_connector_sdk::connector::Milliseconds;
use vehicle_connector_sdk::prelude::*;

use crate::cloud::{self, Cloud, Proof, SPA};
use crate::command::Plan;
use crate::garage::Car;
use crate::{control, device, envelope};

/// When to ask for the first time, in milliseconds. A vehicle that is awake has acted by then.
const FIRST_POLL: Milliseconds = 1_000;

/// When to ask again, in milliseconds.
pub(crate) const NEXT_POLL: Milliseconds = 5_000;

/// How often a result is looked at that nobody has seen before: it may be on its way to one that is known.
const LOOKS_AT_ODD: u64 = 3;

/// What the host hands back when it asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// A command.
    Action(Action),
    /// A vehicle that was asked for its state.
    Wake(Wake),
}

/// A command that the cloud has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// The vendor's identifier.
    pub id: String,
    /// How often its result was one that nobody has seen before.
    pub odd: u64,
}

/// A vehicle that was asked for its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wake {
    /// When, in seconds since the epoch.
    pub at: u64,
    /// How often its answer was looked for.
    pub polls: u64,
}

impl Continuation {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        match value.get("kind")?.as_str()? {
            "action" => {
                let id = value.get("id")?.as_str()?.to_owned();
                Some(Self::Action(Action { id, odd: number("odd").unwrap_or(0) }))
            }
            "wake" => Some(Self::Wake(Wake { at: number("at")?, polls: number("polls")? })),
            _ => None,
        }
    }

    pub(crate) fn render(&self) -> String {
        let value = match self {
            Self::Action(Action { id, odd }) => json!({ "kind": "action", "id": id, "odd": odd }),
            Self::Wake(wake) => json!({ "kind": "wake", "at": wake.at, "polls": wake.polls }),
        };
        format!("{value}")
    }
}

/// Sends a command once.
///
/// # Errors
///
/// The registration, the PIN or the command fails. Only the command's own failure can mean that the vehicle
/// has acted. When its permission is refused that may be the failure of the PIN for a new one, see
/// [`control::refused`].
pub(crate) fn send(cloud: &Cloud<'_>, car: &Car, plan: &Plan) -> Result<Outcome, Failure> {
    let registration = device::ensure(cloud)?;
    let permission = plan.control.then(|| control::ensure(cloud, registration)).transpose()?;
    let proof = match permission {
        Some(_) => Proof::Control { protocol: car.protocol },
        None => car.proof(),
    };
    let request = cloud.post(&plan.path, proof, &plan.body).acts_on_vehicle();
    let sent = cloud::send(request, Phase::Command, proof);
    let answer = sent.map_err(|failure| match &permission {
        Some(permission) if failure.code.as_deref() == Some(envelope::PERMISSION_REFUSED) => {
            control::refused(cloud, permission, failure)
        }
        _ => failure,
    })?;
    match answer.text("/msgId") {
        Some(id) if !id.is_empty() => Ok(pending(Action { id: id.to_owned(), odd: 0 }, FIRST_POLL)),
        // Taken, with nothing to ask after it.
        _ => Ok(Outcome::Other("the cloud took the command without giving it an identifier".to_owned())),
    }
}

/// Asks once what became of a command.
///
/// # Errors
///
/// The question fails; the command is not touched by that.
pub(crate) fn check(cloud: &Cloud<'_>, car: &Car, action: Action) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    let path = format!("{SPA}/notifications/{}/records", car.id);
    let answer = cloud::send(cloud.get(&path, car.proof()), Phase::Confirmation, car.proof())?;
    Ok(outcome(answer.at("/resMsg"), action))
}

/// What the records say about a command. One that is not there or has no result is pending: records appear
/// late. A result that nobody has seen before is looked at a few times, and then nobody knows.
fn outcome(records: Option<&Value>, action: Action) -> Outcome {
    let records = records.and_then(Value::as_array);
    let record = records
        .into_iter()
        .flatten()
        .find(|record| record.get("recordId").and_then(Value::as_str) == Some(action.id.as_str()));
    match record.and_then(|record| record.get("result")).and_then(Value::as_str) {
        Some("success") => Outcome::Done(Report { state: None, action_id: Some(action.id) }),
        Some("fail") => Outcome::Refused("the vehicle did not do it".to_owned()),
        Some("non-response") => Outcome::Unanswered("the vehicle did not answer".to_owned()),
        Some(odd) if action.odd.saturating_add(1) >= LOOKS_AT_ODD => {
            Outcome::Other(format!("the cloud's record of the command says {odd:?}"))
        }
        Some(_) => pending(Action { odd: action.odd.saturating_add(1), ..action }, NEXT_POLL),
        None => pending(action, NEXT_POLL),
    }
}

fn pending(action: Action, poll_after: Milliseconds) -> Outcome {
    let action_id = Some(action.id.clone());
    Outcome::Pending(Pending { continuation: Continuation::Action(action).render(), poll_after, action_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_survive_the_host() {
        for continuation in [
            Continuation::Action(action("a \"b\"", 2)),
            Continuation::Wake(Wake { at: 1_700_000_000, polls: 3 }),
        ] {
            assert_eq!(Continuation::parse(&continuation.render()), Some(continuation));
        }
        for nonsense in ["", "{}", r#"{"kind":"sleep"}"#, r#"{"kind":"wake","at":-1,"polls":0}"#] {
            assert_eq!(Continuation::parse(nonsense), None);
        }
    }

    #[test]
    fn what_records_say() {
        let records = json!({ "resMsg": [
            { "recordId": "1", "result": "success" },
            { "recordId": "2", "result": "fail" },
            { "recordId": "3", "result": "non-response" },
            { "recordId": "4", "result": null },
            { "recordId": "5", "result": "surprise" },
        ]});
        let said = |id: &str, odd| outcome(records.get("resMsg"), action(id, odd));
        assert!(matches!(said("1", 0), Outcome::Done(report) if report.action_id.as_deref() == Some("1")));
        assert!(matches!(said("2", 0), Outcome::Refused(_)));
        assert!(matches!(said("3", 0), Outcome::Unanswered(_)));
        for waiting in ["4", "5", "6"] {
            assert!(matches!(said(waiting, 0), Outcome::Pending(later) if later.poll_after == NEXT_POLL));
        }
        for none in [json!({ "resMsg": [] }), json!({})] {
            assert!(matches!(outcome(none.get("resMsg"), action("1", 0)), Outcome::Pending(_)));
        }
    }

    #[test]
    fn a_result_that_nobody_has_seen_before_is_looked_at_a_few_times() {
        let records = json!({ "resMsg": [{ "recordId": "1", "result": "surprise" }]});
        let (mut next, mut looks) = (action("1", 0), 0);
        let end = loop {
            looks += 1;
            match outcome(records.get("resMsg"), next.clone()) {
                Outcome::Pending(later) => match Continuation::parse(&later.continuation) {
                    Some(Continuation::Action(action)) => next = action,
                    other => unreachable!("{other:?}"),
                },
                end => break end,
            }
        };
        assert_eq!(looks, LOOKS_AT_ODD);
        assert!(matches!(end, Outcome::Other(words) if words.contains("surprise")));
        // It may take any time until there is a result at all.
        assert!(matches!(outcome(None, action("1", LOOKS_AT_ODD)), Outcome::Pending(_)));
    }

    fn action(id: &str, odd: u64) -> Action {
        Action { id: id.into(), odd }
    }
}
