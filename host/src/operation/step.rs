//! One step of an operation: a question to the connector, repeated by these rules.
//!
//! The policy says what a failure means and what should follow. The host does it unless one of its own rules
//! forbids it; [`rules`] is where they stand. After a refresh a step is repeated once; a command whose
//! outcome is unknown is never sent again; attempts, pauses and requests are bounded.
//!
//! `admission` is what comes before an attempt, `remedies` what comes between two, `credentials` what a failure says about
//! those, `failed` how it ends otherwise.

mod admission;
mod credentials;
mod failed;
mod remedies;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::outcome::Reason;

pub(crate) use self::failed::{Failed, Stopped};
use super::reason::FRESH_TOKEN_REFUSED;
use super::rules::Action;
use super::{Operation, limits, reason, rules};
use crate::audit::{Decided, Entry};
use crate::bindings::connector::Outcome;
use crate::bindings::names::Named as _;
use crate::bindings::policy::{
    Attempt, Certainty, CircuitScope, Decision, Effect, Failure, Fault, Phase, Verdict,
};
use crate::cell::Snapshot;
use crate::descriptor::Told;
use crate::judge::failure::{self, Facts};
use crate::plugin::{Answer, Ask, Called, POLICY_FAULT};
use crate::primitives::{Call, SESSION, Turn};
use crate::protect::retry_budget::Price;
use crate::redact;
use crate::time::milliseconds;

/// The steps of one operation, one after the other.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    operation: &'a Operation,
    /// How often this step was tried.
    number: u32,
    /// Whether this step was repeated after a refresh.
    refreshed: bool,
    /// The cells that were discarded for this step.
    discarded: BTreeSet<String>,
    /// The cells as of the accepted command: a device asks for its own commands' results.
    pinned: Option<Snapshot>,
    /// The cells as the last call saw them.
    last_view: Snapshot,
    /// What the last repeat has cost.
    paid: Option<Price>,
    /// Whether the last failure was at the PIN, which tells nothing about the rest of the cloud.
    at_pin: bool,
    /// Held from when the PIN was refused until it is known what that was about. A refusal is counted as long as it is.
    pin_turn: Option<Turn>,
    /// What the answer to the last attempt's command says about whether the vehicle was told.
    told: Option<Told>,
    /// How the last attempt has failed.
    failed_before: Option<Failed>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(operation: &'a Operation) -> Self {
        Self {
            operation,
            number: 0,
            refreshed: false,
            discarded: BTreeSet::new(),
            pinned: None,
            last_view: Snapshot::default(),
            paid: None,
            at_pin: false,
            pin_turn: None,
            told: None,
            failed_before: None,
        }
    }

    /// The steps that follow a command which the cloud has taken before the host was restarted.
    pub(crate) fn resumed(operation: &'a Operation) -> Self {
        let pinned = operation.account.context.cells.snapshot();
        Self { pinned: Some(pinned), ..Self::new(operation) }
    }

    /// The cloud has taken the command: from now on ask with the cells that it was sent with.
    pub(crate) fn accepted(&mut self) {
        self.pinned = Some(self.last_view.clone());
    }

    /// Begins the next step.
    pub(crate) fn next(&mut self) {
        self.number = 0;
        self.refreshed = false;
        self.discarded.clear();
        self.paid = None;
        self.failed_before = None;
    }

    /// Asks, and repeats as the policy wants and the host allows. `trying` is called before each attempt.
    pub(crate) async fn take(&mut self, ask: &Ask, trying: impl Fn()) -> Result<Answer, Stopped> {
        let taken = self.try_until(ask, trying).await;
        match &taken {
            Ok(_) => self.accepted_here().await,
            Err(Stopped::Failed(failed)) if !self.at_pin => self.operation.account.failed_for(failed.reason),
            Err(_) => {}
        }
        taken
    }

    async fn try_until(&mut self, ask: &Ask, trying: impl Fn()) -> Result<Answer, Stopped> {
        let mut repeated = None;
        loop {
            self.may_try(ask)?;
            self.wait_while_throttled(ask).await?;
            // First, so that nothing at all is sent to a cloud that is left alone.
            let permits = match self.permits(ask).await {
                Ok(permits) => permits,
                Err(stopped) => return Err(self.not_repeated(stopped)),
            };
            let session = self.ensure_session(ask).await;
            // What came meanwhile comes first: a newer command for the same is why this one is not sent.
            self.may_try(ask)?;
            session?;
            self.may_register().await?;
            self.number += 1;
            if let Some(why) = repeated {
                self.note_repeat(why);
            }
            let operation = self.operation;
            let (call, token_age) = self.call();
            let described = operation.account.described_for(operation.vehicle.as_deref());
            let asked = operation.connector.ask(&described, ask, call);
            let Ok(mut called) =
                tokio::time::timeout_at(operation.deadline, telling(operation, asked, &trying)).await
            else {
                self.told_nothing().await;
                return Err(self.out_of_time());
            };
            self.last_view = called.call.view.clone();
            self.told = called.call.told;
            if let Some(told) = called.call.patience {
                operation.account.asked_for_patience(Some(told), false);
            }
            let failure = match called.answer {
                Ok(Ok(mut answer)) => {
                    operation.progress.doubts_vehicle(false);
                    limits::keep(&mut answer).map_err(|large| self.nonsense(large.to_string().into()))?;
                    permits.succeeded(&operation.policy).await;
                    operation.account.retries.succeeded(self.paid, operation.account.clock());
                    operation.account.answered_well();
                    reveal(&called.call, &mut answer);
                    return Ok(answer);
                }
                Ok(Err(failure)) => self.describe(ask, failure, &called.call, token_age),
                Err(fault) => {
                    self.told_nothing().await;
                    return Err(self.fault(&fault));
                }
            };
            if matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted) {
                operation.progress.perhaps_done();
            }
            self.at_pin = failure.phase == Phase::Pin;
            self.pin_turn = called.call.pin_turn.take();
            let verdict = operation.policy.classify(&failure).await;
            self.note(&failure, &verdict);
            operation.progress.doubts_vehicle(reason::doubts_the_vehicle(&failure, &verdict));
            permits.failed(&failure, &self.counted(&verdict), &operation.policy).await;
            self.note_throttling(&failure);
            repeated = Some(self.follow(ask, failure, verdict).await?);
        }
    }

    /// Whose health a failure tells about. An expired token tells nothing; one that is refused although it was just
    /// refreshed does, whatever the policy thinks: else a cloud that refuses every token would be asked for ever.
    fn counted(&self, verdict: &Verdict) -> Verdict {
        let refused_again = self.refreshed && is_about_the_token(&verdict.fault);
        let counts_against = match &verdict.counts_against {
            None if refused_again => Some(CircuitScope::Account),
            scope => scope.clone(),
        };
        Verdict { counts_against, ..verdict.clone() }
    }

    /// Does what the policy decides about a failure, as far as the host's rules allow. Returns when the step is to
    /// be repeated, and says why.
    async fn follow(
        &mut self,
        ask: &Ask,
        failure: Failure,
        verdict: Verdict,
    ) -> Result<&'static str, Stopped> {
        let operation = self.operation;
        let attempt = self.attempt(failure, verdict);
        // A policy that could not say what it is has no say in what follows.
        let decision = match attempt.verdict.rule == POLICY_FAULT {
            true => Decision::GiveUp,
            false => operation.policy.decide(&attempt).await,
        };
        let (failure, verdict) = (attempt.failure.clone(), attempt.verdict.clone());
        let facts = rules::Facts {
            actuates: self.sends_command(ask) && failure.effect == Effect::Actuation,
            told: self.told,
            certainty: failure.certainty,
            number: self.number,
            refreshed: self.refreshed,
            discarded: &self.discarded,
            left: self.left(),
        };
        let pin_refused = self.weigh(&failure, &verdict).await;
        self.pin_turn = None;
        let action = match pin_refused.is_some() {
            true => Action::GiveUp,
            false => match rules::admit(decision.clone(), facts) {
                // There is nothing to forget, so the repeat would be the same attempt again.
                Action::Discard(cell) if operation.account.context.cells.slot(&cell).is_none() => {
                    Action::GiveUp
                }
                Action::Latch(kind) if !self.may_latch(kind, &failure).await => Action::GiveUp,
                action => action,
            },
        };
        let done = match &action {
            // There is something to ask about only once the cloud has taken it.
            Action::AskLater(_) if !matches!(ask, Ask::Resume(..)) => {
                "give up: nothing to ask about".to_owned()
            }
            action => action.to_string(),
        };
        self.record(attempt, decision, done).await;
        self.failed_before = Some(self.failed(&failure, &verdict));
        match action {
            Action::Refresh => self.refresh(ask, &failure).await,
            Action::Discard(cell) => self.discard(cell, &failure).await,
            Action::Pause(pause) => {
                self.pause(ask, pause, self.failed(&failure, &verdict), &verdict.fault).await
            }
            Action::AskLater(pause) => Err(Stopped::AskLater(pause, self.failed(&failure, &verdict))),
            Action::Latch(kind) => Err(match operation.account.set_latch(kind, &failure.message).await {
                Some(latched) => self.failed_for_good(latched.kind.into(), &latched, &failure, &verdict),
                None => Stopped::Failed(self.failed(&failure, &verdict)),
            }),
            Action::GiveUp => Err(match &pin_refused {
                Some(latched) => self.failed_for_good(Reason::PinRejected, latched, &failure, &verdict),
                None => Stopped::Failed(self.failed(&failure, &verdict)),
            }),
        }
    }

    fn left(&self) -> Duration {
        self.operation.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether answering the question sends something that changes the vehicle.
    fn sends_command(&self, ask: &Ask) -> bool {
        matches!(ask, Ask::Execute(..)) && self.operation.effect() != Effect::Read
    }

    /// A call, and the age of the token that it begins with.
    fn call(&self) -> (Call, Option<Duration>) {
        let operation = self.operation;
        let mut view = operation.account.context.cells.snapshot();
        if let Some(pinned) = &self.pinned {
            for (name, cell) in pinned.cells().filter(|(name, _)| *name != SESSION) {
                view.pin(name, Arc::clone(cell));
            }
        }
        let token_age = view.cell(SESSION).and_then(|cell| cell.age(operation.account.clock()));
        let call = Call::new(
            Arc::clone(&operation.account.context),
            Arc::clone(&operation.allowance),
            operation.id.clone(),
            view,
        );
        (call, token_age)
    }

    fn describe(
        &self,
        ask: &Ask,
        reported: crate::bindings::types::Failure,
        call: &Call,
        token_age: Option<Duration>,
    ) -> Failure {
        let operation = self.operation;
        let facts = Facts {
            cloud: &operation.connector.manifest().cloud,
            operation: operation.name.as_str(),
            effect: operation.effect(),
            acts: self.sends_command(ask),
            token_age,
        };
        failure::describe(&facts, reported, call)
    }

    fn attempt(&self, failure: Failure, verdict: Verdict) -> Attempt {
        let operation = self.operation;
        let account = &operation.account;
        let affordable = account.retries.left(account.clock()) / Price::Fault.units();
        Attempt {
            failure,
            verdict,
            number: self.number,
            refreshed: self.refreshed,
            superseded: operation.superseded.happened(),
            elapsed: milliseconds(operation.started.elapsed()),
            remaining: milliseconds(self.left()),
            retry_budget: rules::MOST_ATTEMPTS.saturating_sub(self.number).min(affordable),
            random: fastrand::u64(..),
        }
    }

    async fn record(&self, attempt: Attempt, decision: Decision, done: String) {
        let operation = self.operation;
        let entry = Entry {
            account: operation.account.slug.clone(),
            vehicle: operation.vehicle.clone(),
            operation: operation.id.clone(),
            session_generation: self.last_view.generation(SESSION),
            policy: (&operation.policy).into(),
            decided: Decided::Failure { attempt, decision },
            done,
        };
        operation.account.services.audit.record(entry).await;
    }

    /// For the log: what failed, what it was taken for, and by which rule of which policy.
    fn note(&self, failure: &Failure, verdict: &Verdict) {
        let operation = self.operation;
        let policy = operation.policy.generation();
        let what = match is_about_the_token(&verdict.fault) {
            true => "token expiry detected",
            false => "attempt failed",
        };
        tracing::warn!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            phase = ?failure.phase,
            certainty = ?failure.certainty,
            http_status = failure.http_status,
            code = failure.code,
            fault = verdict.fault.name(),
            rule = verdict.rule,
            session_generation = self.last_view.generation(SESSION),
            policy = %format_args!("{} {}", policy.name, policy.version),
            policy_digest = %policy.digest,
            "{what}: {}",
            failure.message
        );
    }

    fn note_repeat(&self, why: &str) {
        let operation = self.operation;
        tracing::info!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            "operation repeated {why}"
        );
    }
}

/// Waits for a call, and tells that something is tried as soon as its first request leaves: what a connector refuses
/// before it sends anything was not tried.
async fn telling(operation: &Operation, asked: impl Future<Output = Called>, trying: impl Fn()) -> Called {
    let mut leaving = std::pin::pin!(operation.allowance.leaving());
    leaving.as_mut().enable();
    let mut asked = std::pin::pin!(asked);
    let called = tokio::select! {
        biased;
        () = leaving => None,
        called = &mut asked => Some(called),
    };
    let not_tried = |called: &Called| {
        matches!(called.answer, Ok(Ok(Answer::Outcome(Outcome::Invalid(_) | Outcome::Unsupported(_)))))
    };
    if !called.as_ref().is_some_and(not_tried) {
        trying();
    }
    match called {
        Some(called) => called,
        None => asked.await,
    }
}

fn is_about_the_token(fault: &Fault) -> bool {
    match fault {
        Fault::TokenExpired => true,
        Fault::Other(what) => what == FRESH_TOKEN_REFUSED,
        _ => false,
    }
}

/// Puts private values back into what leaves the connector.
fn reveal(call: &Call, answer: &mut Answer) {
    match answer {
        Answer::Vehicles(vehicles) => {
            for vehicle in vehicles {
                let mut vin = serde_json::Value::from(std::mem::take(&mut vehicle.vin));
                call.reveal(&mut vin);
                vehicle.vin = vin.as_str().unwrap_or_default().to_owned();
                // Perhaps a connector that takes it for nothing private.
                redact::remember_vin(&vehicle.vin);
            }
        }
        Answer::Outcome(Outcome::Done(report)) => {
            if let Some(text) = &mut report.state
                && let Ok(mut document) = serde_json::from_str(text)
            {
                call.reveal(&mut document);
                *text = document.to_string();
            }
        }
        Answer::Grant(_) | Answer::Outcome(_) => {}
    }
}
