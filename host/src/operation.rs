//! Operations: what a command or a read goes through, from its first attempt to its one final result.
//!
//! An operation consists of steps: send the command, then ask as often as needed what became of it. Each step is
//! a question to the connector that may be repeated by the rules in [`step`]. Asking never sends the command
//! again, whatever happens to a question.

mod meaning;
mod name;
mod permits;
mod report;
pub(crate) mod step;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::name::{Actuator, OperationName};
pub use self::report::{PolicyUsed, Reason, Report, State};
use self::step::{Failed, Step, Stopped};
use crate::account::Account;
use crate::bindings::connector::{Command, Outcome, Pending, VehicleRef};
use crate::bindings::policy::Effect;
use crate::plugin::{Answer, Ask, Connected, Policy};
use crate::primitives::Allowance;

/// How many requests one operation may send, renewals and polls included.
const MOST_SENDS: u32 = 64;

/// The shortest and the longest time between two questions about a pending command.
const POLL_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(60);

/// One command or read of one vehicle, with everything it works with until its end.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) name: OperationName,
    pub(crate) account: Arc<Account>,
    /// The vehicle's slug, which names its circuit; none for the account's own operations.
    pub(crate) vehicle: Option<String>,
    pub(crate) policy: Policy,
    pub(crate) connector: Connected,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    /// Whether a newer command for the same actuator waits.
    pub(crate) superseded: Box<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Well. After a read with the vehicle's state, as the connector wrote it and with private values in place.
    Done { state: Option<serde_json::Value>, action_id: Option<String> },
    /// Otherwise.
    Otherwise { state: State, reason: Reason, message: String },
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) end: End,
    /// How often the command was sent, or tried.
    pub(crate) attempts: u32,
    pub(crate) refreshed: bool,
    pub(crate) action_id: Option<String>,
}

impl Operation {
    pub(crate) fn new(
        id: String,
        name: OperationName,
        account: Arc<Account>,
        vehicle: Option<String>,
        superseded: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let started = Instant::now();
        Self {
            id,
            name,
            vehicle,
            policy: account.shared.policy.active(),
            connector: account.connector.active(),
            allowance: Arc::new(Allowance::new(MOST_SENDS)),
            started,
            deadline: started + name.deadline(),
            superseded: Box::new(superseded),
            account,
        }
    }

    pub(crate) fn effect(&self) -> Effect {
        self.name.effect()
    }

    /// Does the command. `pending` is called once, when the cloud has taken it and the vehicle is yet to answer.
    pub(crate) async fn run(
        &self,
        vehicle: VehicleRef,
        command: Command,
        pending: impl Fn(Option<&str>),
    ) -> Ended {
        let mut step = Step::new(self);
        let mut ask = Ask::Execute(vehicle.clone(), command.clone());
        let mut attempts = 0;
        let mut action_id = None;
        let mut confirming = false;
        let end = loop {
            let answer = step.take(&ask).await;
            if !confirming {
                attempts = step.attempts();
            }
            match answer {
                Ok(Answer::Outcome(Outcome::Pending(Pending {
                    continuation,
                    poll_after,
                    action_id: id,
                }))) => {
                    action_id = id.or(action_id);
                    if !confirming {
                        confirming = true;
                        step.accepted();
                        pending(action_id.as_deref());
                    }
                    let pause =
                        Duration::from_millis(poll_after).clamp(*POLL_EVERY.start(), *POLL_EVERY.end());
                    if Instant::now() + pause >= self.deadline {
                        tokio::time::sleep_until(self.deadline).await;
                        break self.not_confirmed();
                    }
                    tokio::time::sleep(pause).await;
                    ask = Ask::Resume(vehicle.clone(), command.clone(), continuation);
                    step.next();
                }
                Ok(Answer::Outcome(outcome)) => break End::from(outcome),
                // Asked for one thing, answered another: the plugin is wrong, and nobody knows what it did.
                Ok(_) => break self.nonsense(),
                Err(Stopped::AskLater(pause, _)) if confirming => {
                    if Instant::now() + pause >= self.deadline {
                        tokio::time::sleep_until(self.deadline).await;
                        break self.not_confirmed();
                    }
                    tokio::time::sleep(pause).await;
                    step.next();
                }
                Err(stopped) => break self.stopped(stopped, confirming),
            }
        };
        Ended { end, attempts, refreshed: step.refreshed(), action_id }
    }

    fn not_confirmed(&self) -> End {
        End::Otherwise {
            state: State::Timeout,
            reason: Reason::VehicleUnreachable,
            message: format!(
                "the cloud took the command, but the vehicle did not confirm it within {} s",
                self.name.deadline().as_secs()
            ),
        }
    }

    fn nonsense(&self) -> End {
        End::Otherwise {
            state: if self.allowance.acted() { State::Unknown } else { State::Failed },
            reason: Reason::ConnectorFault,
            message: "the connector answered something that it was not asked".to_owned(),
        }
    }

    fn stopped(&self, stopped: Stopped, confirming: bool) -> End {
        let Failed { reason, message, ambiguous, rejected } = match stopped {
            // To be asked about something, a command needs an identifier, and this one never got any.
            Stopped::Failed(failed) | Stopped::AskLater(_, failed) => failed,
        };
        // What was sent cannot be unsaid: without a clear "no" from the cloud the vehicle may have acted.
        let uncertain = ambiguous || confirming || self.allowance.outcome_unknown();
        let state = match (uncertain && self.effect() != Effect::Read, rejected) {
            (true, _) => State::Unknown,
            (false, true) => State::Rejected,
            (false, false) => State::Failed,
        };
        End::Otherwise { state, reason, message }
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        let otherwise = |state, reason, message| Self::Otherwise { state, reason, message };
        match outcome {
            Outcome::Done(report) => Self::Done {
                state: report.state.and_then(|state| serde_json::from_str(&state).ok()),
                action_id: report.action_id,
            },
            Outcome::Refused(message) => otherwise(State::Failed, Reason::VehicleRefused, message),
            Outcome::Unanswered(message) => otherwise(State::Timeout, Reason::VehicleUnreachable, message),
            Outcome::Invalid(message) => otherwise(State::Rejected, Reason::BadPayload, message),
            Outcome::Unsupported(message) => otherwise(State::Rejected, Reason::Unsupported, message),
            Outcome::Other(message) => otherwise(State::Unknown, Reason::ConnectorFault, message),
            // Handled where it arrives; it is no end.
            Outcome::Pending(_) => otherwise(State::Unknown, Reason::ConnectorFault, String::new()),
        }
    }
}
