//! Commands on their way, and what became of them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json::{Value, json};

use crate::bindings::exports::vehicle::connector::connector::{Outcome, Pending, Report};
use crate::bindings::vehicle::connector::types::{Failure, Phase};
use crate::cloud::{Call, Cloud, Proof, SPA};
use crate::command::Plan;
use crate::garage::Car;
use crate::port::{Body, Method};
use crate::{control, device, envelope};

/// When to ask for the first time, in milliseconds. A vehicle that is awake has acted by then.
const FIRST_POLL: u64 = 1_000;

/// When to ask again, in milliseconds.
pub(crate) const NEXT_POLL: u64 = 5_000;

/// What the host hands back when it asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// A command, by the vendor's identifier.
    Action(String),
    /// A vehicle that was asked for its state.
    Wake(Wake),
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
            "action" => Some(Self::Action(value.get("id")?.as_str()?.to_owned())),
            "wake" => Some(Self::Wake(Wake { at: number("at")?, polls: number("polls")? })),
            _ => None,
        }
    }

    pub(crate) fn render(&self) -> String {
        let value = match self {
            Self::Action(id) => json!({ "kind": "action", "id": id }),
            Self::Wake(wake) => json!({ "kind": "wake", "at": wake.at, "polls": wake.polls }),
        };
        format!("{value}")
    }
}

/// Sends a command once.
///
/// # Errors
///
/// The registration, the PIN or the command fails. Only the command's own failure can mean that the vehicle has
/// acted. When its permission is refused that may be the failure of the PIN for a new one, see [`control::refused`].
pub(crate) fn send(cloud: &Cloud<'_>, car: &Car, plan: &Plan) -> Result<Outcome, Failure> {
    let protocol = car.protocol;
    let registration = device::ensure(cloud)?;
    let permission = plan.control.then(|| control::ensure(cloud, registration)).transpose()?;
    let sent = cloud.make(Call {
        phase: Phase::Command,
        method: Method::Post,
        path: plan.path.clone(),
        proof: match permission {
            Some(_) => Proof::Control { protocol },
            None => Proof::Access { protocol },
        },
        body: Body::Json(format!("{}", plan.body)),
        captures: [].into(),
        timeout: None,
        acts: true,
    });
    let answer = sent.map_err(|failure| match &permission {
        Some(permission) if failure.code.as_deref() == Some(envelope::PERMISSION_REFUSED) => {
            control::refused(cloud, permission, failure)
        }
        _ => failure,
    })?;
    match answer.get("msgId").and_then(Value::as_str) {
        Some(id) => Ok(pending(id, FIRST_POLL)),
        // Taken, with nothing to ask after it.
        None => {
            Ok(Outcome::Unanswered("the cloud took the command without giving it an identifier".to_owned()))
        }
    }
}

/// Asks once what became of the command `id`.
///
/// # Errors
///
/// The question fails; the command is not touched by that.
pub(crate) fn check(cloud: &Cloud<'_>, car: &Car, id: &str) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    let path = format!("{SPA}/notifications/{}/records", car.id);
    let answer = cloud.make(Call::get(Phase::Confirmation, path, car.protocol))?;
    Ok(outcome(&answer, id))
}

/// What the records say about the command `id`. A command that is not there, or has a result that nobody has
/// seen before, is pending: records appear late.
fn outcome(answer: &Value, id: &str) -> Outcome {
    let records = answer.get("resMsg").and_then(Value::as_array);
    let record = records
        .into_iter()
        .flatten()
        .find(|record| record.get("recordId").and_then(Value::as_str) == Some(id));
    match record.and_then(|record| record.get("result")).and_then(Value::as_str) {
        Some("success") => Outcome::Done(Report { state: None, action_id: Some(id.to_owned()) }),
        Some("fail") => Outcome::Refused("the vehicle did not do it".to_owned()),
        Some("non-response") => Outcome::Unanswered("the vehicle did not answer".to_owned()),
        _ => pending(id, NEXT_POLL),
    }
}

fn pending(id: &str, poll_after: u64) -> Outcome {
    Outcome::Pending(Pending {
        continuation: Continuation::Action(id.to_owned()).render(),
        poll_after,
        action_id: Some(id.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_survive_the_host() {
        for continuation in
            [Continuation::Action("a \"b\"".into()), Continuation::Wake(Wake { at: 1_700_000_000, polls: 3 })]
        {
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
        assert!(
            matches!(outcome(&records, "1"), Outcome::Done(report) if report.action_id.as_deref() == Some("1"))
        );
        assert!(matches!(outcome(&records, "2"), Outcome::Refused(_)));
        assert!(matches!(outcome(&records, "3"), Outcome::Unanswered(_)));
        for waiting in ["4", "5", "6"] {
            assert!(
                matches!(outcome(&records, waiting), Outcome::Pending(later) if later.poll_after == NEXT_POLL)
            );
        }
        assert!(matches!(outcome(&json!({ "resMsg": [] }), "1"), Outcome::Pending(_)));
        assert!(matches!(outcome(&json!({}), "1"), Outcome::Pending(_)));
    }
}
