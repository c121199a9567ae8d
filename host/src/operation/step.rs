//! One step of an operation: a question to the connector, repeated by these rules.
//!
//! The policy says what a failure means and what should follow. The host does it unless one of its own rules
//! forbids it; [`rules`] is where they stand. After a refresh a step is repeated once; a command whose
//! outcome is unknown is never sent again; attempts, pauses and requests are bounded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::permits::Permits;
use super::rules::Action;
use super::{Operation, Reason, meaning, rules};
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::bindings::policy::{
    Attempt, Certainty, Decision, Effect, Failure, Fault, Phase, RefreshReason, Verdict,
};
use crate::cell::Snapshot;
use crate::circuit::Purpose;
use crate::failure::{self, Facts, fault_name};
use crate::latch::{LatchKind, Latched};
use crate::plugin::{Answer, Ask, POLICY_FAULT};
use crate::primitives::{Call, SESSION};
use crate::sandbox::CallFault;
use crate::session::{self, NotRenewed, Renewal, Renewed};
use crate::time::milliseconds;

/// Why a step has no answer.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The policy wants to know what became of the command before anything else. If there is no way to ask, it has
    /// failed like this.
    AskLater(Duration, Failed),
    /// It has failed.
    Failed(Failed),
}

/// A step that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// The vehicle may have acted.
    pub(crate) ambiguous: bool,
    /// Nothing was tried.
    pub(crate) rejected: bool,
}

/// The steps of one operation, one after the other.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    operation: &'a Operation,
    /// How often this step was tried.
    number: u32,
    /// Whether this step was repeated after a refresh.
    renewed: bool,
    /// The cells that were discarded for this step.
    discarded: BTreeSet<String>,
    /// The cells as of the accepted command: a device asks for its own commands' results.
    pinned: Option<Snapshot>,
    /// The cells as the last call saw them.
    last_view: Snapshot,
}

impl<'a> Step<'a> {
    pub(crate) fn new(operation: &'a Operation) -> Self {
        Self {
            operation,
            number: 0,
            renewed: false,
            discarded: BTreeSet::new(),
            pinned: None,
            last_view: Snapshot::default(),
        }
    }

    /// The cloud has taken the command: from now on ask with the cells that it was sent with.
    pub(crate) fn accepted(&mut self) {
        self.pinned = Some(self.last_view.clone());
    }

    /// Begins the next step.
    pub(crate) fn next(&mut self) {
        self.number = 0;
        self.renewed = false;
        self.discarded.clear();
    }

    /// Asks, and repeats as the policy wants and the host allows. `trying` is called before each attempt.
    pub(crate) async fn take(&mut self, ask: &Ask, trying: impl Fn()) -> Result<Answer, Stopped> {
        let mut repeated = None;
        loop {
            self.may_try(ask)?;
            self.ensure_session().await?;
            let permits = self.permits(ask).await?;
            self.number += 1;
            if let Some(why) = repeated {
                self.note_repeat(why);
            }
            trying();
            let operation = self.operation;
            let asked = operation.connector.ask(&operation.account.described, ask, self.call());
            let Ok(called) = tokio::time::timeout_at(operation.deadline, asked).await else {
                return Err(self.out_of_time());
            };
            self.last_view = called.call.view.clone();
            let failure = match called.answer {
                Ok(Ok(mut answer)) => {
                    permits.succeeded();
                    reveal(&called.call, &mut answer);
                    return Ok(answer);
                }
                Ok(Err(failure)) => self.describe(failure, &called.call),
                Err(fault) => return Err(self.fault(&fault)),
            };
            if matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted) {
                operation.progress.perhaps_done();
            }
            let verdict = operation.policy.classify(&failure).await;
            self.note(&failure, &verdict);
            permits.failed(&verdict, &operation.policy).await;
            // A policy that could not say what it is has no say in what follows.
            let decision = match verdict.rule == POLICY_FAULT {
                true => Decision::GiveUp,
                false => operation.policy.decide(&self.attempt(&failure, &verdict)).await,
            };
            if self.pin_was_refused(&failure, &verdict).await {
                return Err(Stopped::Failed(self.failed(&failure, &verdict)));
            }
            let facts = rules::Facts {
                actuates: self.sends_command(ask) && failure.effect == Effect::Actuation,
                certainty: failure.certainty,
                number: self.number,
                renewed: self.renewed,
                discarded: &self.discarded,
                left: self.left(),
            };
            repeated = Some(match rules::admit(decision, facts) {
                Action::Renew => self.renew(&failure).await?,
                Action::Discard(cell) => self.discard(cell, &failure).await?,
                Action::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    "after a pause"
                }
                Action::AskLater(pause) => {
                    return Err(Stopped::AskLater(pause, self.failed(&failure, &verdict)));
                }
                Action::Latch(kind) => {
                    self.latch(kind, &failure).await;
                    return Err(Stopped::Failed(self.failed(&failure, &verdict)));
                }
                Action::GiveUp => return Err(Stopped::Failed(self.failed(&failure, &verdict))),
            });
        }
    }

    fn left(&self) -> Duration {
        self.operation.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether answering the question sends something that changes the vehicle.
    fn sends_command(&self, ask: &Ask) -> bool {
        matches!(ask, Ask::Execute(..)) && self.operation.effect() != Effect::Read
    }

    /// What may keep a step from being tried, or tried again.
    fn may_try(&self, ask: &Ask) -> Result<(), Stopped> {
        let operation = self.operation;
        if let Some(latched) = operation.account.latch.current() {
            return Err(self.latched(&latched));
        }
        if self.sends_command(ask) && (operation.superseded)() {
            return Err(self.not_tried(Reason::Superseded, "a newer command for the same takes its place"));
        }
        if Instant::now() >= operation.deadline {
            let message =
                format!("not sent within the {} s that it may take", operation.name.deadline().as_secs());
            return Err(self.not_tried(Reason::UpstreamUnavailable, message));
        }
        Ok(())
    }

    /// Makes sure that there is a session which has not ended. An early refresh that fails is no failure as long
    /// as the token is good.
    async fn ensure_session(&mut self) -> Result<(), Stopped> {
        let account = &self.operation.account;
        let Some(slot) = account.surroundings.cells.slot(SESSION) else { return Ok(()) };
        let cell = slot.current();
        let Some(reason) = session::needs_renewal(&cell, account) else { return Ok(()) };
        let renewing = self.renewal().renew(reason, cell.generation);
        let Ok(renewed) = tokio::time::timeout_at(self.operation.deadline, renewing).await else {
            return Err(self.out_of_time());
        };
        match renewed {
            Ok(renewed) => {
                let newer = match renewed {
                    Renewed::Fresh => true,
                    Renewed::Adopted(adopted) => adopted.generation > cell.generation,
                };
                if newer && reason == RefreshReason::Expiring {
                    self.operation.progress.refreshed();
                }
                Ok(())
            }
            Err(NotRenewed::Latched(latched)) => Err(self.latched(&latched)),
            Err(_) if cell.expires_in(account.clock()).is_some_and(|left| left.is_positive()) => Ok(()),
            Err(why) => Err(self.not_renewed(&why)),
        }
    }

    fn call(&self) -> Call {
        let operation = self.operation;
        let mut view = operation.account.surroundings.cells.snapshot();
        if let Some(pinned) = &self.pinned {
            for (name, cell) in pinned.cells().filter(|(name, _)| *name != SESSION) {
                view.pin(name, Arc::clone(cell));
            }
        }
        Call::new(
            Arc::clone(&operation.account.surroundings),
            Arc::clone(&operation.allowance),
            operation.id.clone(),
            view,
        )
    }

    fn describe(&self, reported: crate::bindings::types::Failure, call: &Call) -> Failure {
        let operation = self.operation;
        let session = self.last_view.cell(SESSION);
        let facts = Facts {
            cloud: &operation.connector.manifest().cloud,
            operation: operation.name.as_str(),
            effect: operation.effect(),
            token_age: session.and_then(|cell| cell.age(operation.account.clock())),
        };
        failure::describe(&facts, reported, call)
    }

    fn attempt(&self, failure: &Failure, verdict: &Verdict) -> Attempt {
        let operation = self.operation;
        Attempt {
            failure: failure.clone(),
            verdict: verdict.clone(),
            number: self.number,
            refreshed: self.renewed,
            superseded: (operation.superseded)(),
            elapsed: milliseconds(operation.started.elapsed()),
            remaining: milliseconds(self.left()),
            retry_budget: rules::MOST_ATTEMPTS.saturating_sub(self.number),
            random: fastrand::u64(..),
        }
    }

    /// A few wrong PINs lock the PIN for its owner as well: one that was refused is not sent again. (How often it
    /// may be sent without success at all is the HTTP primitive's to count, so that this does not hang on a policy.)
    async fn pin_was_refused(&self, failure: &Failure, verdict: &Verdict) -> bool {
        let refused = failure.phase == Phase::Pin
            && failure.transport.is_none()
            && verdict.fault == Fault::CredentialsRejected;
        if refused {
            let account = &self.operation.account;
            tracing::error!(account = account.slug, "the vendor refused the PIN; it is not sent again");
            if let Err(error) = account.surroundings.pin.refuse(account.clock().now()).await {
                tracing::error!(account = account.slug, "that holds only until a restart: {error}");
            }
        }
        refused
    }

    async fn renew(&mut self, failure: &Failure) -> Result<&'static str, Stopped> {
        self.renewed = true;
        let refused = self.last_view.generation(SESSION);
        let renewing = self.renewal().renew(RefreshReason::Refused, refused);
        let Ok(renewed) = tokio::time::timeout_at(self.operation.deadline, renewing).await else {
            return Err(self.out_of_time());
        };
        match renewed {
            Ok(Renewed::Fresh) => {
                self.operation.progress.refreshed();
                Ok("after a token refresh")
            }
            Ok(Renewed::Adopted(cell)) if cell.generation > refused => {
                self.operation.progress.refreshed();
                Ok("with the token that another operation refreshed")
            }
            Ok(Renewed::Adopted(_)) => Ok("with the same token, as the policy wants"),
            Err(NotRenewed::Latched(latched)) => Err(self.latched(&latched)),
            Err(why) => {
                let message = format!("{}; no new token: {why}", failure.message);
                Err(match self.not_renewed(&why) {
                    Stopped::Failed(failed) => Stopped::Failed(Failed { message, ..failed }),
                    later @ Stopped::AskLater(..) => later,
                })
            }
        }
    }

    fn renewal(&self) -> Renewal {
        let operation = self.operation;
        Renewal {
            account: Arc::clone(&operation.account),
            policy: operation.policy.clone(),
            connector: operation.connector.clone(),
            allowance: Arc::clone(&operation.allowance),
            operation: operation.id.clone(),
        }
    }

    async fn discard(&mut self, cell: String, failure: &Failure) -> Result<&'static str, Stopped> {
        let used = self.last_view.generation(&cell);
        if let Some(slot) = self.operation.account.surroundings.cells.slot(&cell)
            && let Err(error) = slot.discard(used).await
        {
            let message = format!("{}; {cell} could not be discarded: {error}", failure.message);
            return Err(self.not_tried(Reason::HostFault, message));
        }
        if let Some(pinned) = &mut self.pinned {
            pinned.unpin(&cell);
        }
        self.discarded.insert(cell);
        Ok("after what the cloud no longer knows was discarded")
    }

    async fn latch(&self, kind: LatchKind, failure: &Failure) {
        let account = &self.operation.account;
        tracing::error!(account = account.slug, ?kind, "a person must act: {}", failure.message);
        if let Err(error) = account.latch.set(kind, failure.message.clone(), account.clock().now()).await {
            tracing::error!(account = account.slug, "the latch holds only until a restart: {error}");
        }
    }

    /// The audit trail: what failed, what it was taken for, and by which rule of which policy.
    fn note(&self, failure: &Failure, verdict: &Verdict) {
        let operation = self.operation;
        let policy = operation.policy.generation();
        let what =
            if verdict.fault == Fault::TokenExpired { "token expiry detected" } else { "attempt failed" };
        tracing::warn!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            phase = ?failure.phase,
            certainty = ?failure.certainty,
            http_status = failure.http_status,
            code = failure.code,
            fault = fault_name(&verdict.fault),
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

    fn failed(&self, failure: &Failure, verdict: &Verdict) -> Failed {
        let reason = meaning::of_failure(failure, verdict, &self.operation.account.surroundings);
        Failed {
            reason,
            message: failure.message.clone(),
            ambiguous: matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted),
            rejected: false,
        }
    }

    fn fault(&self, fault: &CallFault) -> Stopped {
        let acted = self.operation.allowance.acted();
        Stopped::Failed(Failed {
            reason: Reason::ConnectorFault,
            message: fault.to_string(),
            ambiguous: acted,
            rejected: false,
        })
    }

    /// The operation's time is over. What was sent before may still have its effect.
    fn out_of_time(&self) -> Stopped {
        Stopped::Failed(Failed {
            reason: Reason::UpstreamUnavailable,
            message: format!(
                "no result within the {} s that it may take",
                self.operation.name.deadline().as_secs()
            ),
            ambiguous: self.operation.allowance.acted(),
            rejected: false,
        })
    }

    fn not_tried(&self, reason: Reason, message: impl Into<String>) -> Stopped {
        Stopped::Failed(Failed {
            reason,
            message: message.into(),
            ambiguous: false,
            rejected: self.number == 0,
        })
    }

    fn latched(&self, latched: &Latched) -> Stopped {
        self.not_tried(latched.kind.into(), latched.reason.clone())
    }

    fn not_renewed(&self, why: &NotRenewed) -> Stopped {
        self.not_tried(meaning::of_not_renewed(why), why.to_string())
    }

    /// A place in every circuit. A command never finds out whether a cloud is well again, so when a circuit waits for
    /// somebody to look, a cached read does.
    async fn permits(&self, ask: &Ask) -> Result<Permits<'a>, Stopped> {
        let purpose = if self.sends_command(ask) { Purpose::Act } else { Purpose::Read };
        let mut admitted = Permits::take(self.operation, purpose);
        if let (Err(shut), Ask::Execute(vehicle, _)) = (&admitted, ask)
            && purpose == Purpose::Act
            && shut.refused.probe_wanted
        {
            self.probe(vehicle).await;
            admitted = Permits::take(self.operation, purpose);
        }
        admitted.map_err(|shut| {
            let retry_in = shut.refused.retry_in.max(Duration::from_secs(1));
            let seconds = retry_in.as_secs();
            let message = format!("the circuit of {} is open; the next try is in {seconds} s", shut.name);
            let failed = self.not_tried(Reason::BreakerOpen, message);
            match (failed, ask) {
                // The command is on its way; only the question has to wait.
                (Stopped::Failed(failed), Ask::Resume(..)) => {
                    Stopped::AskLater(retry_in.min(rules::LONGEST_PAUSE), failed)
                }
                (failed, _) => failed,
            }
        })
    }

    async fn probe(&self, vehicle: &VehicleRef) {
        let Ok(permits) = Permits::take(self.operation, Purpose::Read) else { return };
        let operation = self.operation;
        let read = Ask::Execute(vehicle.clone(), Command::Read(ReadMode::Cached));
        let asked = operation.connector.ask(&operation.account.described, &read, self.call());
        let Ok(called) = tokio::time::timeout_at(operation.deadline, asked).await else { return };
        match called.answer {
            Ok(Ok(_)) => permits.succeeded(),
            Ok(Err(failure)) => {
                let failure = self.describe(failure, &called.call);
                let verdict = operation.policy.classify(&failure).await;
                self.note(&failure, &verdict);
                permits.failed(&verdict, &operation.policy).await;
            }
            Err(_fault) => {}
        }
    }
}

/// Puts private values back into what leaves the connector.
fn reveal(call: &Call, answer: &mut Answer) {
    use crate::bindings::connector::Outcome;
    match answer {
        Answer::Vehicles(vehicles) => {
            for vehicle in vehicles {
                let mut vin = serde_json::Value::from(std::mem::take(&mut vehicle.vin));
                call.reveal(&mut vin);
                vehicle.vin = vin.as_str().unwrap_or_default().to_owned();
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
