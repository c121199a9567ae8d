//! Follow-up of an attempt that failed: judged by the policy, within the host's rules.

use vehicle_connector_rules::judged::Kind;

use super::question::Asked;
use super::{Failed, Step, StepError, done};
use crate::account::Account;
use crate::account::session::Cause;
use crate::bindings::names::Named as _;
use crate::bindings::policy::{Certainty, CircuitScope, Effect, Failure, Phase};
use crate::judge::{Circumstances, Judge, Judged, Judgement, evidence};
use crate::operation::permits::Permits;
use crate::operation::reason;
use crate::operation::rules::{self, Action};
use crate::primitives::SESSION;
use crate::protect::latch::{LatchKind, Latched};
use crate::time::of_milliseconds;
use crate::wire::outcome::Reason;

impl<'a> Step<'a> {
    /// Has a failure judged, counts it, and does what the policy decides as far as the host's rules allow.
    /// Returns when the step is to be repeated, and says why.
    pub(super) async fn follow(
        &mut self,
        asked: Asked<'_>,
        failure: Failure,
        permits: Permits<'_>,
    ) -> Result<&'static str, StepError> {
        let operation = self.operation;
        if matches!(failure.certainty, Certainty::Ambiguous | Certainty::Accepted) {
            operation.progress.perhaps_done();
        }
        self.at_pin = failure.phase == Phase::Pin;
        let judged = self.judge().classify(failure).await;
        operation.progress.doubts_vehicle(reason::doubts_the_vehicle(&judged));
        permits.failed(&judged, self.counted(&judged), &operation.policy).await;
        note_throttling(&operation.account, &judged.failure);
        let judgement = self.judge().decide(judged, self.circumstances(asked)).await;
        let pin_refused = self.credentials(asked).weigh(&judgement.judged, self.pin_turn.is_some()).await;
        self.pin_turn = None;
        let action =
            if pin_refused.is_some() { Action::GiveUp } else { self.admitted(asked, &judgement).await };
        let done = done::in_words(&judgement, &action, self.facts(asked, &judgement.judged.failure), asked);
        self.note(&judgement.judged, &action, &done);
        self.judge().record(&judgement, done).await;
        self.failed_before = Some(Failed::of(&judgement.judged, &operation.account));
        self.act(asked, action, &judgement.judged, pin_refused).await
    }

    /// Returns the circuit about whose health a failure tells.
    fn counted<'j>(&self, judged: &'j Judged) -> Option<&'j CircuitScope> {
        let refused_again = Kind::from(judged.kind()).is_refused_again(self.remedies.refreshed);
        judged.counts_against().or_else(|| refused_again.then_some(&CircuitScope::Account))
    }

    /// Returns what the host's rules depend on.
    fn facts(&self, asked: Asked<'_>, failure: &Failure) -> rules::Facts<'_> {
        let context = self.context(asked);
        rules::Facts {
            actuates: context.sends_command() && failure.effect == Effect::Actuation,
            told: self.told,
            certainty: failure.certainty.into(),
            number: self.number,
            refreshed: self.remedies.refreshed,
            discarded: &self.remedies.discarded,
            left: context.left(),
        }
    }

    /// Returns what of a decision the host's rules allow.
    async fn admitted(&self, asked: Asked<'_>, judgement: &Judgement) -> Action {
        let failure = &judgement.judged.failure;
        match rules::admit(judgement.decision.clone().into(), self.facts(asked, failure)) {
            // Nothing is there to forget, so the repeat would be the same attempt again.
            Action::Discard(cell) if self.operation.account.context.cells.slot(&cell).is_none() => {
                Action::GiveUp
            }
            Action::SignInAgain if !self.operation.account.may_sign_in_again() => {
                if self.credentials(asked).may_latch(LatchKind::AuthRequired, failure).await {
                    Action::Latch(LatchKind::AuthRequired)
                } else {
                    Action::GiveUp
                }
            }
            Action::Latch(kind) if !self.credentials(asked).may_latch(kind, failure).await => Action::GiveUp,
            action => action,
        }
    }

    async fn act(
        &mut self,
        asked: Asked<'_>,
        action: Action,
        judged: &Judged,
        pin_refused: Option<Latched>,
    ) -> Result<&'static str, StepError> {
        let (context, failure, account) = (self.context(asked), &judged.failure, &self.operation.account);
        let Self { remedies, views, .. } = self;
        let failed = || Failed::of(judged, account);
        match action {
            Action::Refresh => remedies.refresh(context, Cause::Refused, views, failure).await,
            Action::SignInAgain => remedies.refresh(context, Cause::Over, views, failure).await,
            Action::Discard(cell) => remedies.discard(context, views, cell, failure).await,
            Action::Pause(pause) => remedies.pause(context, pause, judged).await,
            Action::AskLater(later) => Err(StepError::AskLater(later, failed())),
            Action::Latch(kind) => {
                Err(StepError::Failed(match account.set_latch(kind, &failure.message).await {
                    Some(latched) => failed().for_good(latched.kind.into(), &latched),
                    None => failed(),
                }))
            }
            Action::GiveUp => Err(StepError::Failed(match &pin_refused {
                Some(latched) => failed().for_good(Reason::PinRejected, latched),
                None => failed(),
            })),
        }
    }

    /// The judge of the last attempt.
    fn judge(&self) -> Judge<'a> {
        let operation = self.operation;
        Judge {
            policy: &operation.policy,
            audit: &operation.account.services.audit,
            account: &operation.account.slug,
            vehicle: operation.vehicle.as_deref(),
            operation: &operation.id,
            session_generation: self.views.generation(SESSION),
        }
    }

    fn circumstances(&self, asked: Asked<'_>) -> Circumstances {
        let operation = self.operation;
        let account = &operation.account;
        let affordable = account.retries.affordable(account.clock());
        Circumstances {
            number: self.number,
            refreshed: self.remedies.refreshed,
            superseded: operation.superseded.happened(),
            elapsed: operation.started.elapsed(),
            remaining: self.context(asked).left(),
            retry_budget: rules::MOST_ATTEMPTS.saturating_sub(self.number).min(affordable),
        }
    }

    /// Logs what failed, what it was taken for, by which rule of which policy, and what is done about it.
    fn note(&self, judged: &Judged, action: &Action, done: &str) {
        let operation = self.operation;
        let (failure, verdict) = (&judged.failure, judged.shown());
        let policy = operation.policy.generation();
        // A refusal that no new token follows on is one like any other, whatever it speaks of.
        let renews = matches!(action, Action::Refresh | Action::SignInAgain);
        let what =
            if renews && judged.is_about_the_token() { "token expiry detected" } else { "attempt failed" };
        tracing::warn!(
            operation = operation.id,
            op = %operation.name,
            vehicle = operation.vehicle,
            attempt = self.number,
            phase = ?failure.phase,
            certainty = ?failure.certainty,
            http_status = failure.http_status,
            code = failure.code,
            kind = verdict.kind.name(),
            rule = verdict.rule,
            done,
            session_generation = self.views.generation(SESSION),
            policy = %format_args!("{} {}", policy.name, policy.version),
            policy_digest = %policy.digest,
            "{what}: {}",
            failure.message
        );
    }
}

/// Records what an answer asks for. Only an answer can ask for anything.
fn note_throttling(account: &Account, failure: &Failure) {
    if failure.transport.is_some() || failure.http_status.is_none() {
        return;
    }
    let told = failure.retry_after.map(of_milliseconds);
    account.asked_for_patience(told, evidence::is_daily_limit(failure, &account.context.refusals));
}
