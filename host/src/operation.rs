//! Operations: what a command or a read goes through, from its first attempt to its one final result.
//!
//! An operation consists of steps: send the command, then ask as often as needed what became of it. Each step is
//! a question to the connector that may be repeated by the rules in `step`. Asking never sends the command
//! again, whatever happens to a question.

mod limits;
mod permits;
mod reason;
mod rules;
pub(crate) mod step;
pub(crate) mod supersession;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::Instant;

use self::step::{Failed, Step, Stopped};
use crate::account::Account;
use crate::bindings::connector::{Command, Outcome, VehicleRef};
use crate::bindings::policy::Effect;
use crate::operation::supersession::Supersession;
use crate::plugin::{Answer, Ask, Connected, Policy};
use crate::primitives::{Allowance, Journal};
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;
use crate::wire::words::Words;

/// How often the cloud is asked what became of an action, if that is the whole command. Records appear a few seconds
/// late; of an action that nobody knows there never is one.
const MOST_QUESTIONS: u32 = 3;

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
    pub(crate) superseded: Supersession,
    /// Whether it is one of those by which a host that has just started finds out how things are: an open circuit makes
    /// it wait only for a moment.
    pub(crate) is_first: bool,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// How far an operation is. Known even if the operation is dropped half way.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) allowance: Arc<Allowance>,
    attempts: AtomicU32,
    refreshed: AtomicBool,
    /// Whether some attempt may have been carried out, whatever became of those after it.
    perhaps_done: AtomicBool,
    /// Whether the last answer may have been about the vehicle's identifier.
    vehicle_in_doubt: AtomicBool,
    action_id: Mutex<Option<String>>,
}

impl Progress {
    /// Of an operation of this account, without a journal: for what moves nothing.
    pub(crate) fn for_account(account: &Account) -> Self {
        let clock = Arc::clone(&account.services.clock);
        let sends = account.requests_per_operation;
        Self::within(Allowance::new(sends).counted(Arc::clone(&account.requests), clock))
    }

    /// Of a command of this account, which is written down before it is sent.
    pub(crate) fn of_command(
        account: &Account,
        name: Option<OperationName>,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let clock = Arc::clone(&account.services.clock);
        let sends = account.requests_per_operation;
        let allowance = Allowance::new(sends).counted(Arc::clone(&account.requests), clock);
        let allowance = allowance.journalled(journal);
        Self::within(match name.map(OperationName::effect) {
            Some(Effect::Set) => allowance.repeatable(),
            _ => allowance,
        })
    }

    fn within(allowance: Allowance) -> Self {
        Self {
            allowance: Arc::new(allowance),
            attempts: AtomicU32::new(0),
            refreshed: AtomicBool::new(false),
            perhaps_done: AtomicBool::new(false),
            vehicle_in_doubt: AtomicBool::new(false),
            action_id: Mutex::default(),
        }
    }

    /// The vendor's identifier of the action, once the cloud has given one.
    pub(crate) fn action_id(&self) -> Option<String> {
        self.action_id.lock().clone()
    }

    /// Tells a report how far the operation is.
    pub(crate) fn write_into(&self, report: &mut Report) {
        report.attempts = self.attempts.load(Ordering::Relaxed);
        report.token_refreshed = self.refreshed.load(Ordering::Relaxed);
        report.upstream_calls = self.allowance.sent();
        report.upstream_action_id = self.action_id();
    }

    /// A step was repeated, or begun, with a newer token.
    pub(crate) fn refreshed(&self) {
        self.refreshed.store(true, Ordering::Relaxed);
    }

    /// An attempt failed in a way that does not tell whether it was carried out.
    pub(crate) fn perhaps_done(&self) {
        self.perhaps_done.store(true, Ordering::Relaxed);
    }

    /// Whether the last answer may have been about the vehicle's identifier.
    pub(crate) fn doubts_vehicle(&self, doubtful: bool) {
        self.vehicle_in_doubt.store(doubtful, Ordering::Relaxed);
    }

    fn attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Goes on where an earlier host has stopped.
    pub(crate) fn resume_from(&self, report: &Report, name: OperationName) {
        self.allowance.resume_from(report.upstream_calls, !name.is_read());
        self.attempts.store(report.attempts, Ordering::Relaxed);
        self.refreshed.store(report.token_refreshed, Ordering::Relaxed);
        self.acts_as(report.upstream_action_id.clone());
    }

    fn acts_as(&self, action_id: Option<String>) {
        if let Some(action_id) = action_id {
            *self.action_id.lock() = Some(action_id);
        }
    }
}

/// Where a command has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On its way to the cloud.
    Sent,
    /// Taken by the cloud; the vehicle is yet to answer.
    Pending,
}

/// Told where a command has come to.
pub(crate) trait Observer: Send + Sync {
    /// It has come to this stage.
    fn reached(&self, stage: Stage);

    /// The cloud has taken it, and this is what to ask with what became of it. The next question waits for this.
    fn taken<'a>(&'a self, vehicle: &'a VehicleRef, continuation: &'a str) -> BoxFuture<'a, ()>;
}

/// For what nobody watches.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn reached(&self, _stage: Stage) {}

    fn taken<'a>(&'a self, _vehicle: &'a VehicleRef, _continuation: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Well. After a read with the vehicle's state, as the connector wrote it and with private values in place.
    Done { state: Option<serde_json::Value> },
    /// Otherwise.
    Otherwise { state: State, reason: Reason, words: Words },
}

impl Operation {
    /// An operation that begins now, with the plugins that are active now.
    pub(crate) fn new(
        id: String,
        name: OperationName,
        account: Arc<Account>,
        vehicle: Option<String>,
    ) -> Self {
        let started = Instant::now();
        let progress = Arc::new(Progress::for_account(&account));
        Self {
            id,
            name,
            vehicle,
            policy: account.policy.active_for(&account.slug),
            connector: account.connector.active(),
            allowance: Arc::clone(&progress.allowance),
            started,
            deadline: started + name.deadline(),
            superseded: Supersession::never(),
            is_first: false,
            progress,
            account,
        }
    }

    /// See [`Operation::is_first`].
    pub(crate) fn first(mut self, is_first: bool) -> Self {
        self.is_first = is_first;
        self
    }

    /// Counts its time from when the command was accepted.
    pub(crate) fn since(mut self, accepted: Instant) -> Self {
        (self.started, self.deadline) = (accepted, accepted + self.name.deadline());
        self
    }

    /// Has only until then.
    pub(crate) fn until(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends what it sends at the expense of another one.
    pub(crate) fn within(mut self, allowance: Arc<Allowance>) -> Self {
        self.allowance = allowance;
        self
    }

    /// Gives its place to a newer command for the same actuator.
    pub(crate) fn superseded_by(mut self, superseded: Supersession) -> Self {
        self.superseded = superseded;
        self
    }

    /// Keeps somebody informed.
    pub(crate) fn reporting(mut self, progress: Arc<Progress>) -> Self {
        self.allowance = Arc::clone(&progress.allowance);
        self.progress = progress;
        self
    }

    /// Whether it has ended with an answer that may have been about the vehicle's identifier.
    pub(crate) fn vehicle_in_doubt(&self) -> bool {
        self.progress.vehicle_in_doubt.load(Ordering::Relaxed)
    }

    pub(crate) fn effect(&self) -> Effect {
        self.name.effect()
    }

    /// Does the command.
    pub(crate) async fn run(&self, vehicle: VehicleRef, command: Command, observer: &dyn Observer) -> End {
        let ask = Ask::Execute(vehicle.clone(), command.clone());
        self.finish(Step::new(self), ask, vehicle, command, observer).await
    }

    /// Asks what became of a command that the cloud has taken before this host was started.
    pub(crate) async fn resume(
        &self,
        vehicle: VehicleRef,
        command: Command,
        continuation: String,
        observer: &dyn Observer,
    ) -> End {
        let ask = Ask::Resume(vehicle.clone(), command.clone(), continuation);
        self.finish(Step::resumed(self), ask, vehicle, command, observer).await
    }

    async fn finish(
        &self,
        mut step: Step<'_>,
        mut ask: Ask,
        vehicle: VehicleRef,
        command: Command,
        observer: &dyn Observer,
    ) -> End {
        let mut questions = 0;
        loop {
            questions += 1;
            let confirming = matches!(ask, Ask::Resume(..));
            let trying = || {
                if !confirming {
                    self.progress.attempt();
                    observer.reached(Stage::Sent);
                }
            };
            let pause = match step.take(&ask, trying).await {
                Ok(Answer::Outcome(Outcome::Pending(pending))) => {
                    self.progress.acts_as(pending.action_id);
                    if !confirming {
                        step.accepted();
                    }
                    observer.taken(&vehicle, &pending.continuation).await;
                    if !confirming {
                        observer.reached(Stage::Pending);
                    }
                    ask = Ask::Resume(vehicle.clone(), command.clone(), pending.continuation);
                    Duration::from_millis(pending.poll_after)
                }
                Ok(Answer::Outcome(outcome)) => {
                    if let Outcome::Done(report) = &outcome {
                        self.progress.acts_as(report.action_id.clone());
                    }
                    return self.ended(End::from(outcome), confirming);
                }
                // Asked for one thing, answered another: the plugin is wrong, and nobody knows what it did.
                Ok(_) => return self.nonsense(),
                Err(Stopped::AskLater(pause, _)) if confirming => pause,
                Err(stopped) => return self.stopped(stopped, confirming),
            };
            if self.name == OperationName::CheckActionStatus && questions >= MOST_QUESTIONS {
                return self.not_confirmed();
            }
            let pause = pause.clamp(*POLL_EVERY.start(), *POLL_EVERY.end());
            if Instant::now() + pause >= self.deadline {
                tokio::time::sleep_until(self.deadline).await;
                return self.not_confirmed();
            }
            tokio::time::sleep(pause).await;
            step.next();
        }
    }

    /// How the connector says that it has ended. That nothing was done is believed only if nothing was sent that may have
    /// been done, or the vehicle was asked.
    fn ended(&self, end: End, confirming: bool) -> End {
        let doubtful = |state| match state {
            State::Rejected => self.allowance.perhaps_done(),
            State::Failed => self.allowance.outcome_unknown() && !confirming,
            _ => false,
        };
        match end {
            End::Otherwise { state, reason, words } if self.effect() != Effect::Read && doubtful(state) => {
                End::Otherwise { state: State::Unknown, reason, words }
            }
            end => end,
        }
    }

    fn not_confirmed(&self) -> End {
        End::Otherwise {
            state: State::Timeout,
            reason: Reason::VehicleUnreachable,
            words: Words::from(match self.name {
                OperationName::CheckActionStatus => {
                    format!("asked {MOST_QUESTIONS} times, the cloud has told nothing of such an action")
                }
                name => format!(
                    "the cloud took the command, but the vehicle did not confirm it within {} s",
                    name.deadline().as_secs()
                ),
            }),
        }
    }

    fn nonsense(&self) -> End {
        End::Otherwise {
            state: if self.allowance.acted() { State::Unknown } else { State::Failed },
            reason: Reason::ConnectorFault,
            words: "the connector answered something that it was not asked".into(),
        }
    }

    fn stopped(&self, stopped: Stopped, confirming: bool) -> End {
        let Failed { reason, words, ambiguous, rejected } = match stopped {
            // To be asked about something, a command needs an identifier, and this one never got any.
            Stopped::Failed(failed) | Stopped::AskLater(_, failed) => failed,
        };
        // What was sent cannot be unsaid: without a clear "no" from the cloud the vehicle may have acted.
        let earlier = self.progress.perhaps_done.load(Ordering::Relaxed);
        let uncertain = ambiguous || confirming || earlier || self.allowance.outcome_unknown();
        let state = match (uncertain && self.effect() != Effect::Read, rejected) {
            (true, _) => State::Unknown,
            (false, true) => State::Rejected,
            (false, false) => State::Failed,
        };
        End::Otherwise { state, reason, words }
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        let otherwise = |state, reason, words| Self::Otherwise { state, reason, words };
        match outcome {
            Outcome::Done(report) => {
                Self::Done { state: report.state.and_then(|state| serde_json::from_str(&state).ok()) }
            }
            Outcome::Refused(why) => otherwise(State::Failed, Reason::VehicleRefused, Words::theirs(why)),
            Outcome::Unanswered(why) => {
                otherwise(State::Timeout, Reason::VehicleUnreachable, Words::theirs(why))
            }
            // What it says names the value and the range, which nobody else can.
            Outcome::Invalid(why) => otherwise(
                State::Rejected,
                Reason::BadPayload,
                format!("an option is not possible: {why}").into(),
            ),
            Outcome::Unsupported(why) => otherwise(State::Rejected, Reason::Unsupported, Words::theirs(why)),
            Outcome::Other(why) => otherwise(State::Unknown, Reason::Unconfirmed, Words::theirs(why)),
            // Handled where it arrives; it is no end.
            Outcome::Pending(_) => otherwise(State::Unknown, Reason::ConnectorFault, Words::default()),
        }
    }
}
