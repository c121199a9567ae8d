//! Operations: the course of a command or a read, from its first attempt to its one final result.
//!
//! An operation consists of steps: send the command, then ask as often as needed what became of it. Each step
//! is a question to the connector that may be repeated by the rules in `step`. Asking never sends the command
//! again, whatever happens to a question.

mod awaited;
mod ended;
mod limits;
mod observer;
mod permits;
mod progress;
mod reason;
mod rules;
pub(crate) mod step;
pub(crate) mod supersession;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::awaited::{Awaited, Next};
pub(crate) use self::ended::Ended;
pub(crate) use self::observer::{Observer, Stage, Unobserved};
pub(crate) use self::progress::Progress;
use self::step::{Failed, Later, Step, StepAnswer as _, StepError};
use crate::account::Account;
use crate::bindings::connector::{Command, Outcome, ReadMode, VehicleRef};
use crate::bindings::policy::Effect;
use crate::operation::supersession::Supersession;
use crate::plugin::question::{Execute, Look, Resume};
use crate::plugin::{Connected, Policy};
use crate::primitives::Allowance;
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::words::Words;

/// Most questions to the cloud what became of an action, if that is the whole command. Records appear a few
/// seconds late; an unknown action never has one.
const MOST_QUESTIONS: u32 = 3;

/// Shortest and longest time between two questions about a pending command.
const POLL_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(60);

/// One command or read of one vehicle, with everything it works with until its end.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) name: OperationName,
    pub(crate) account: Arc<Account>,
    /// Slug of the vehicle, which names its circuit; none for the account's own operations.
    pub(crate) vehicle: Option<String>,
    pub(crate) policy: Policy,
    pub(crate) connector: Connected,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    /// Watch for a newer command for the same actuator.
    pub(crate) superseded: Supersession,
    /// Whether this is one of the operations by which a host that has just started finds out how things are:
    /// an open circuit makes it wait only for a moment.
    pub(crate) is_first: bool,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Operation {
    /// Makes an operation that begins now, with the plugins that are active now.
    pub(crate) fn new(
        id: String,
        name: OperationName,
        account: Arc<Account>,
        vehicle: Option<String>,
    ) -> Self {
        let started = Instant::now();
        let progress = Arc::new(Progress::for_account(&account, name.as_str()));
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

    /// Sets [`Operation::is_first`].
    pub(crate) fn first(mut self, is_first: bool) -> Self {
        self.is_first = is_first;
        self
    }

    /// Counts its time from when the command was accepted.
    pub(crate) fn since(mut self, accepted: Instant) -> Self {
        (self.started, self.deadline) = (accepted, accepted + self.name.deadline());
        self
    }

    /// Ends the operation's time at `deadline`.
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

    /// Keeps `progress` up to date.
    pub(crate) fn reporting(mut self, progress: Arc<Progress>) -> Self {
        self.allowance = Arc::clone(&progress.allowance);
        self.progress = progress;
        self
    }

    /// Whether it has ended with an answer that may have been about the vehicle's identifier.
    pub(crate) fn vehicle_in_doubt(&self) -> bool {
        self.progress.vehicle_in_doubt()
    }

    pub(crate) fn effect(&self) -> Effect {
        self.name.effect()
    }

    /// Does the command.
    pub(crate) async fn run(&self, vehicle: VehicleRef, command: Command, observer: &dyn Observer) -> Ended {
        let ended = self.finish(Step::new(self), None, vehicle, command, observer).await;
        self.counted(ended)
    }

    /// Finds out what became of a command that the cloud has taken before this host was started.
    pub(crate) async fn resume(
        &self,
        vehicle: VehicleRef,
        command: Command,
        awaited: String,
        observer: &dyn Observer,
    ) -> Ended {
        let awaited = Some(Awaited::from_stored(awaited));
        let ended = self.finish(Step::resumed(self), awaited, vehicle, command, observer).await;
        self.counted(ended)
    }

    /// Counts how it has ended, if it went on with a newer token.
    fn counted(&self, ended: Ended) -> Ended {
        if self.progress.is_refreshed() {
            self.account.services.metrics.ended_after_refresh(ended.state());
        }
        ended
    }

    /// Counts the vehicle as woken up, unless nothing of the command can have reached it.
    fn count_wakeup(&self, command: &Command, taken: &Result<Outcome, StepError>) {
        let wakes = match command {
            Command::Read(mode) => matches!(mode, ReadMode::Forced),
            Command::CheckActionStatus(_) => false,
            _ => true,
        };
        let reached = match taken {
            Ok(outcome) => !outcome.is_untried(),
            Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) => failed.ambiguous,
        };
        if let Some(vehicle) = self.vehicle.as_deref().filter(|_| wakes)
            && (reached || self.progress.is_perhaps_done())
        {
            self.account.services.metrics.woke(vehicle);
        }
    }

    /// Sends the command if nothing is awaited of it yet, and waits until it has ended.
    async fn finish(
        &self,
        mut step: Step<'_>,
        mut awaited: Option<Awaited>,
        vehicle: VehicleRef,
        command: Command,
        observer: &dyn Observer,
    ) -> Ended {
        let mut questions = 0;
        let mut until = self.deadline;
        loop {
            questions += 1;
            let confirming = awaited.is_some();
            let taken = self.ask(&mut step, awaited.as_ref(), &vehicle, &command, observer).await;
            if !confirming {
                self.count_wakeup(&command, &taken);
            }
            let pause = match taken {
                Ok(outcome) => {
                    if let (None | Some(Awaited::Word(_)), Outcome::Done(report)) = (&awaited, &outcome) {
                        self.progress.acts_as(report.action_id.clone());
                    }
                    match awaited::next(awaited.as_ref(), outcome) {
                        Next::End(ended) => return self.ended(ended, confirming),
                        Next::Await { awaited: next, after, action_id } => {
                            self.taken(&mut step, &next, action_id, confirming, &vehicle, observer).await;
                            awaited = Some(next);
                            after
                        }
                    }
                }
                Err(StepError::AskLater(Later { after, within }, _)) if confirming => {
                    until = within.map_or(until, |within| until.min(Instant::now() + within));
                    after
                }
                Err(error) => match awaited::next_after_failure(awaited.as_ref()) {
                    Some(Next::Await { awaited: next, after, .. }) => {
                        awaited = Some(next);
                        after
                    }
                    Some(Next::End(ended)) => return ended,
                    None => return self.failed(error, confirming),
                },
            };
            if let Some(ended) = self.wait_to_ask(awaited.as_ref(), questions, pause, until).await {
                return ended;
            }
            step.next();
        }
    }

    /// Sends the command, or asks about it, or looks at the vehicle.
    async fn ask(
        &self,
        step: &mut Step<'_>,
        awaited: Option<&Awaited>,
        vehicle: &VehicleRef,
        command: &Command,
        observer: &dyn Observer,
    ) -> Result<Outcome, StepError> {
        match awaited {
            Some(Awaited::Word(continuation)) => {
                step.take(&Resume { vehicle, command, continuation }, || {}).await
            }
            Some(Awaited::Sight(_)) => step.take(&Look { vehicle }, || {}).await,
            None => {
                let trying = || {
                    self.progress.attempt();
                    observer.reached(Stage::Sent);
                };
                step.take(&Execute { vehicle, command }, trying).await
            }
        }
    }

    /// Records that the cloud has taken the command, or says once more that it has, and what is awaited of it.
    async fn taken(
        &self,
        step: &mut Step<'_>,
        awaited: &Awaited,
        action_id: Option<String>,
        confirming: bool,
        vehicle: &VehicleRef,
        observer: &dyn Observer,
    ) {
        self.progress.acts_as(action_id);
        if !confirming {
            step.accepted();
        }
        observer.taken(vehicle, &awaited.to_stored()).await;
        if !confirming {
            observer.reached(Stage::Pending);
        }
    }

    /// Waits before the next question. Returns the end if there is not another one before `until`.
    async fn wait_to_ask(
        &self,
        awaited: Option<&Awaited>,
        questions: u32,
        pause: Duration,
        until: Instant,
    ) -> Option<Ended> {
        if self.name == OperationName::CheckActionStatus && questions >= MOST_QUESTIONS {
            return Some(self.not_confirmed());
        }
        let pause = pause.clamp(*POLL_EVERY.start(), *POLL_EVERY.end());
        if Instant::now() + pause >= until {
            tokio::time::sleep_until(until).await;
            return Some(match awaited {
                // It was the cloud that was asked, and not the vehicle.
                Some(Awaited::Sight(_)) => awaited::not_seen(),
                _ => self.not_confirmed(),
            });
        }
        tokio::time::sleep(pause).await;
        None
    }

    /// Corrects the end that the connector reports. That nothing was done is believed only if nothing was
    /// sent that may have been done, or the vehicle was asked.
    fn ended(&self, ended: Ended, confirming: bool) -> Ended {
        let doubtful = |state| match state {
            State::Rejected => self.allowance.perhaps_done(),
            State::Failed => self.allowance.outcome_unknown() && !confirming,
            _ => false,
        };
        match ended {
            Ended::Failed { state, reason, words } if self.effect() != Effect::Read && doubtful(state) => {
                Ended::Failed { state: State::Unknown, reason, words }
            }
            ended => ended,
        }
    }

    fn not_confirmed(&self) -> Ended {
        Ended::Failed {
            state: State::Timeout,
            reason: Reason::VehicleUnreachable,
            words: Words::from(match self.name {
                OperationName::CheckActionStatus => {
                    format!("asked {MOST_QUESTIONS} times, the cloud has told nothing of such an action")
                }
                _ => format!(
                    "the cloud took the command, but the vehicle did not confirm it within {:.0} s",
                    self.started.elapsed().as_secs_f64()
                ),
            }),
        }
    }

    fn failed(&self, error: StepError, confirming: bool) -> Ended {
        let Failed { reason, words, ambiguous, rejected } = match error {
            // A command that is to be asked about needs an identifier, and this one never got any.
            StepError::Failed(failed) | StepError::AskLater(_, failed) => failed,
        };
        // What was sent cannot be unsaid: without a clear "no" from the cloud the vehicle may have acted.
        let earlier = self.progress.is_perhaps_done();
        let uncertain = ambiguous || confirming || earlier || self.allowance.outcome_unknown();
        let state = match (uncertain && self.effect() != Effect::Read, rejected) {
            (true, _) => State::Unknown,
            (false, true) => State::Rejected,
            (false, false) => State::Failed,
        };
        Ended::Failed { state, reason, words }
    }
}
