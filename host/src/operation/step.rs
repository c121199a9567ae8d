//! One step of an operation: a question to the connector, repeated by these rules.
//!
//! The policy says what a failure means and what should follow. The host does it unless one of its own rules
//! forbids it; [`Step::admit`] is where they stand. After a refresh a step is repeated once; a command whose
//! outcome is unknown is never sent again; attempts, pauses and requests are bounded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::permits::Permits;
use super::{Operation, Reason, meaning};
use crate::bindings::policy::{
    Attempt, Certainty, Decision, Effect, Failure, Fault, Phase, RefreshReason, Verdict,
};
use crate::cell::Snapshot;
use crate::failure::{self, Facts, fault_name};
use crate::latch::{LatchKind, Latched};
use crate::plugin::{Answer, Ask};
use crate::primitives::{Call, PIN, SESSION};
use crate::sandbox::CallFault;
use crate::session::{self, NotRenewed, Renewal, Renewed};
use crate::time::milliseconds;

/// How often one step is tried at most, whatever the policy says.
const MOST_ATTEMPTS: u32 = 4;

/// The longest pause before a repeat.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    /// Whether any step was repeated with a newer token.
    refreshed: bool,
    /// The cells as of the accepted command: a device asks for its own commands' results.
    pinned: Option<Snapshot>,
    /// The cells as the last call saw them.
    last_view: Snapshot,
}

/// What the host does about a failure.
enum Action {
    Renew,
    Discard(String),
    Pause(Duration),
    AskLater(Duration),
    GiveUp,
    Latch(LatchKind),
}

impl<'a> Step<'a> {
    pub(crate) fn new(operation: &'a Operation) -> Self {
        Self {
            operation,
            number: 0,
            renewed: false,
            discarded: BTreeSet::new(),
            refreshed: false,
            pinned: None,
            last_view: Snapshot::default(),
        }
    }

    /// How often this step was tried.
    pub(crate) fn attempts(&self) -> u32 {
        self.number
    }

    /// Whether any step was repeated with a newer token.
    pub(crate) fn refreshed(&self) -> bool {
        self.refreshed
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

    /// Asks, and repeats as the policy wants and the host allows.
    pub(crate) async fn take(&mut self, ask: &Ask) -> Result<Answer, Stopped> {
        loop {
            self.may_try(ask)?;
            self.ensure_session().await?;
            let permits = self.permits()?;
            self.number += 1;
            let called =
                self.operation.connector.ask(&self.operation.account.described, ask, self.call()).await;
            self.last_view = called.call.view.clone();
            let failure = match called.answer {
                Ok(Ok(mut answer)) => {
                    permits.succeeded();
                    reveal(&called.call, &mut answer);
                    return Ok(answer);
                }
                Ok(Err(failure)) => self.describe(failure),
                Err(fault) => return Err(self.fault(&fault)),
            };
            let verdict = self.operation.policy.classify(&failure).await;
            self.note(&failure, &verdict);
            permits.failed(&verdict, &self.operation.policy).await;
            let decision = self.operation.policy.decide(&self.attempt(&failure, &verdict)).await;
            let action = self.admit(ask, &failure, &verdict, decision);
            let repeated = match action {
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
            };
            let operation = self.operation;
            tracing::info!(
                operation = operation.id,
                op = %operation.name,
                vehicle = operation.vehicle,
                attempt = self.number + 1,
                "operation repeated {repeated}"
            );
        }
    }

    /// What may keep a step from being tried, or tried again.
    fn may_try(&self, ask: &Ask) -> Result<(), Stopped> {
        let operation = self.operation;
        if let Some(latched) = operation.account.latch.current() {
            return Err(self.latched(&latched));
        }
        let sends_command = matches!(ask, Ask::Execute(..)) && operation.effect() != Effect::Read;
        if sends_command && (operation.superseded)() {
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
        match self.renewal().renew(reason, cell.generation).await {
            Ok(_) => {
                self.refreshed |= reason == RefreshReason::Expiring;
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

    fn describe(&self, reported: crate::bindings::types::Failure) -> Failure {
        let operation = self.operation;
        let session = self.last_view.cell(SESSION);
        let facts = Facts {
            cloud: &operation.connector.manifest().cloud,
            operation: operation.name.as_str(),
            effect: operation.effect(),
            token_age: session.and_then(|cell| cell.age(operation.account.clock())),
        };
        failure::describe(&facts, reported, &operation.allowance)
    }

    fn attempt(&self, failure: &Failure, verdict: &Verdict) -> Attempt {
        let operation = self.operation;
        let left = operation.deadline.saturating_duration_since(Instant::now());
        Attempt {
            failure: failure.clone(),
            verdict: verdict.clone(),
            number: self.number,
            refreshed: self.renewed,
            superseded: (operation.superseded)(),
            elapsed: milliseconds(operation.started.elapsed()),
            remaining: milliseconds(left),
            retry_budget: MOST_ATTEMPTS.saturating_sub(self.number),
            random: fastrand::u64(..),
        }
    }

    /// The host's rules. What the policy decides is done unless it would break one of them.
    fn admit(&self, ask: &Ask, failure: &Failure, verdict: &Verdict, decision: Decision) -> Action {
        let pin_refused = failure.phase == Phase::Pin && verdict.fault == Fault::CredentialsRejected;
        if pin_refused {
            // A few wrong PINs lock the PIN for its owner as well: this one is not sent again.
            self.operation.account.surroundings.pin_refused.store(true, Ordering::Relaxed);
            tracing::error!(
                account = self.operation.account.slug,
                "the vendor refused the PIN; it is not sent again"
            );
            return Action::GiveUp;
        }
        let sends_command = matches!(ask, Ask::Execute(..)) && failure.effect == Effect::Actuation;
        let may_have_acted = matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted);
        if sends_command && may_have_acted {
            return match decision {
                Decision::Confirm(pause) => Action::AskLater(Duration::from_millis(pause).min(LONGEST_PAUSE)),
                _ => Action::GiveUp,
            };
        }
        let left = self.operation.deadline.saturating_duration_since(Instant::now());
        let may_repeat = self.number < MOST_ATTEMPTS && !left.is_zero();
        match decision {
            Decision::RefreshAndRetry if may_repeat && !self.renewed => Action::Renew,
            Decision::DiscardAndRetry(cell)
                if may_repeat && cell != SESSION && !self.discarded.contains(&cell) =>
            {
                Action::Discard(cell)
            }
            Decision::Retry(pause) if may_repeat && Duration::from_millis(pause) < left => {
                Action::Pause(Duration::from_millis(pause).min(LONGEST_PAUSE))
            }
            Decision::Confirm(pause) => Action::AskLater(Duration::from_millis(pause).min(LONGEST_PAUSE)),
            Decision::Latch(latch) => Action::Latch(LatchKind::from(&latch)),
            Decision::RefreshAndRetry
            | Decision::DiscardAndRetry(_)
            | Decision::Retry(_)
            | Decision::GiveUp
            | Decision::Other(_) => Action::GiveUp,
        }
    }

    async fn renew(&mut self, failure: &Failure) -> Result<&'static str, Stopped> {
        self.renewed = true;
        let refused = self.last_view.generation(SESSION);
        match self.renewal().renew(RefreshReason::Refused, refused).await {
            Ok(Renewed::Fresh) => {
                self.refreshed = true;
                Ok("after a token refresh")
            }
            Ok(Renewed::Adopted(cell)) => {
                self.refreshed |= cell.generation > refused;
                Ok("with the token that another operation refreshed")
            }
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

    fn failed(&self, failure: &Failure, verdict: &Verdict) -> Failed {
        let has_pin = self.operation.account.surroundings.secrets.contains_key(PIN);
        let reason = meaning::of_failure(failure, verdict, has_pin);
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

    fn permits(&self) -> Result<Permits<'a>, Stopped> {
        Permits::take(self.operation).map_err(|(name, retry_in)| {
            let message =
                format!("the circuit of {name} is open; the next try is in {} s", retry_in.as_secs().max(1));
            self.not_tried(Reason::BreakerOpen, message)
        })
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
