//! Requests about commands: to send one, to see how far one is, to wait for its result. For programs of this
//! machine; messages have the `cmd` topics.
//!
//! A caller is answered with the report of its own command and of no other. The command goes on whether or not
//! its caller does.

use std::pin::pin;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::caller::Caller;
use super::{RequestDesk, parsed};
use crate::command::{self, Command, Malformed};
use crate::host::command_desk::{Awaited, new_id};
use crate::host::handle::Handle;
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;
use crate::wire::report::Report;

/// Time that a result may come later than its operation's limit: to end what hangs, and to write that down.
const GRACE: Duration = Duration::from_secs(15);

/// A command to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sending {
    vehicle: String,
    /// Last level of the command's topic.
    op: String,
    /// What the topic takes: an object, or a word.
    #[serde(default)]
    arguments: Value,
    id: Option<String>,
    /// Whether the answer is the result. Otherwise it is the first step.
    #[serde(default = "always")]
    wait: bool,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

const fn always() -> bool {
    true
}

/// A command that is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Identifier of the command, or `last`.
    id: String,
    /// Its vehicle; without it all of them are looked at.
    vehicle: Option<String>,
    /// Longest time to wait, in seconds.
    seconds: Option<u64>,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

impl RequestDesk {
    /// Does what a request about commands asks for; none if there is no such request.
    pub(super) async fn about_commands(
        &self,
        what: &str,
        payload: &[u8],
        caller: Caller<'_>,
    ) -> Option<Result<Value, String>> {
        if !matches!(what, "send" | "show" | "wait") {
            return None;
        }
        if caller.is_message() {
            let (cmd, action) = (self.topic("cmd/<op>"), self.topic("action/<id>"));
            return Some(Err(format!(
                "command/{what} is for the control socket; publish commands on {cmd}, and look for what becomes of them on \
                 {action}"
            )));
        }
        let report = match what {
            "send" => self.send(payload, caller).await,
            "show" => self.show(payload).await,
            _ => self.wait(payload, caller).await,
        };
        Some(report.and_then(|report| serde_json::to_value(report).map_err(|error| error.to_string())))
    }

    fn topic(&self, what: &str) -> String {
        self.services.topics.vehicle("<veh>", what)
    }

    async fn send(&self, payload: &[u8], caller: Caller<'_>) -> Result<Report, String> {
        let takes = "command/send takes {\"vehicle\":\"…\",\"op\":\"climate\",\"arguments\":{…}}, and \"id\" and \"wait\"";
        let Sending { vehicle, op, arguments, id, wait, .. } = parsed(payload, takes)?;
        let id = id.unwrap_or_else(new_id);
        let arguments = match arguments {
            Value::Null => "{}".to_owned(),
            arguments => arguments.to_string(),
        };
        let command = identified(command::parse(&op, arguments.as_bytes()), &id);
        tracing::debug!(by = caller.name(), operation = id, op, vehicle, "a command comes as a request");
        let limit = limit_of(command.as_ref().ok().and_then(|command| command.action.name(|_| None)));
        self.commands.go_on(&vehicle, &id).await;
        // Before it is sent, so that its first step is told too.
        let steps = self.announcer.steps.subscribe();
        let handle = self.commands.command_in_words(&vehicle, (op, arguments), command).await;
        if wait {
            return self.follow((&vehicle, &id), handle, (steps, limit), caller).await;
        }
        match handle.at_once() {
            Some(report) => Ok(report),
            None => self.so_far(&vehicle, &id).await,
        }
    }

    async fn show(&self, payload: &[u8]) -> Result<Report, String> {
        let takes = "command/show takes {\"id\":\"…\"} or {\"id\":\"last\"}, and \"vehicle\"";
        let which: Which = parsed(payload, takes)?;
        if which.seconds.is_some() {
            return Err(format!("nothing is waited for; {takes}"));
        }
        self.find(&which).await
    }

    async fn wait(&self, payload: &[u8], caller: Caller<'_>) -> Result<Report, String> {
        let takes = "command/wait takes {\"id\":\"…\"} or {\"id\":\"last\"}, and \"vehicle\" and \"seconds\" to wait at most";
        let which: Which = parsed(payload, takes)?;
        let known = self.find(&which).await?;
        let (vehicle, id) = (known.vehicle.as_str(), known.id.as_str());
        let steps = self.announcer.steps.subscribe();
        let awaited = self.commands.wait(vehicle, id).await.map_err(|error| error.to_string())?;
        let (report, handle) = match awaited {
            // It was rejected, which is not written down.
            Awaited::Unknown => return Ok(known),
            Awaited::Over(report) => return Ok(*report),
            Awaited::UnderWay(report, handle) => (report, handle),
        };
        caller.tell(&report);
        let limit = limit_of(OperationName::named(&report.op));
        let limit = which.seconds.map_or(limit, |seconds| limit.min(Duration::from_secs(seconds)));
        self.follow((vehicle, id), handle, (steps, limit), caller).await
    }

    /// Finds a command by its identifier, which is one of a vehicle.
    async fn find(&self, which: &Which) -> Result<Report, String> {
        let Which { id, vehicle, .. } = which;
        let members = self.fleet.now();
        let vehicles: Vec<&String> = match vehicle {
            Some(slug) if !members.vehicles.contains_key(slug) => return Err(members.no_vehicle(slug)),
            Some(slug) => vec![slug],
            None => members.vehicles.keys().collect(),
        };
        let mut found = Vec::new();
        for slug in vehicles {
            found.extend(match id.as_str() {
                "last" => self.commands.last(slug).await,
                id => self.commands.progress(slug, id).await.map_err(|error| error.to_string())?,
            });
        }
        if id == "last" {
            let last = found.into_iter().max_by_key(|report| report.requested_at);
            return last.ok_or_else(|| "no command is remembered".to_owned());
        }
        // What is said of an identifier that nobody has given may be anything.
        let id = crate::redact::cut(crate::redact::mask_private(id), 128);
        match (found.pop(), found.as_slice()) {
            (None, _) => Err(format!("no command with the id {id:?} is remembered")),
            (Some(report), []) => Ok(report),
            (Some(report), others) => {
                let vehicles: Vec<&str> =
                    others.iter().chain([&report]).map(|report| report.vehicle.as_str()).collect();
                Err(format!("{} have a command with the id {id:?}; name one of them", vehicles.join(" and ")))
            }
        }
    }

    /// Waits for the result of a command and tells its steps. Answers how far it is if this host will not have the
    /// result, or not in time.
    async fn follow(
        &self,
        (vehicle, id): (&str, &str),
        handle: Handle,
        (mut steps, limit): (broadcast::Receiver<Report>, Duration),
        caller: Caller<'_>,
    ) -> Result<Report, String> {
        let mut result = pin!(tokio::time::timeout_at(Instant::now() + limit, handle.report()));
        loop {
            let step = tokio::select! {
                // A step that was told before the result is one that the caller is told too.
                biased;
                step = steps.recv() => step,
                result = &mut result => match result {
                    Ok(Ok(report)) => return Ok(report),
                    Ok(Err(_)) | Err(_) => return self.so_far(vehicle, id).await,
                },
            };
            match step {
                Ok(step) if step.vehicle == vehicle && step.id == id && !step.state.is_final() => {
                    caller.tell(&step);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                // It lasts as long as the host.
                Err(RecvError::Closed) => return self.so_far(vehicle, id).await,
            }
        }
    }

    async fn so_far(&self, vehicle: &str, id: &str) -> Result<Report, String> {
        let known = self.commands.progress(vehicle, id).await.map_err(|error| error.to_string())?;
        known.ok_or_else(|| format!("what became of the command {id} is not known; look at the vehicle"))
    }
}

/// Returns the command under the identifier that stands beside its arguments. In the arguments of a question what
/// became of an action `id` is that action; in no others there may be one.
fn identified(command: Result<Command, Malformed>, id: &str) -> Result<Command, Malformed> {
    let wrong = |op: String, message: String| {
        let id = command::is_id(id).then(|| id.to_owned());
        Err(Malformed { id, op, reason: Reason::BadPayload, message })
    };
    match command {
        Ok(command) if !command::is_id(id) => wrong(command.action.op(), command::bad_id()),
        Err(malformed) if !command::is_id(id) => wrong(malformed.op, command::bad_id()),
        Ok(Command { id: Some(_), action }) => {
            wrong(action.op(), "the id stands beside the arguments, and not in them".to_owned())
        }
        Ok(command) => Ok(command.with_id(id)),
        Err(malformed) => Err(Malformed { id: Some(id.to_owned()), ..malformed }),
    }
}

/// The longest time that it takes until an operation has its result.
fn limit_of(operation: Option<OperationName>) -> Duration {
    let longest = OperationName::COMMANDABLE.into_iter().map(OperationName::deadline).max();
    operation.map(OperationName::deadline).or(longest).unwrap_or_default() + GRACE
}
