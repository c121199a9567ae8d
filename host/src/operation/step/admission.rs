//! Admission of an attempt: is there a reason not to make it, is there a session, and do the circuits let it
//! through?

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::question::Asked;
use super::{Step, StepError};
use crate::account::session::{self, Cause, Freshness, RefreshError, Refreshed};
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::bindings::policy::Failure;
use crate::judge::evidence;
use crate::operation::permits::Permits;
use crate::operation::{Operation, Progress, reason, rules};
use crate::plugin::question::Execute;
use crate::primitives::SESSION;
use crate::protect::circuit::Purpose;
use crate::protect::throttle::Why;
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;

impl<'a> Step<'a> {
    /// Prepares an attempt: everything that comes before it. The places in the circuits are its own until its
    /// result is counted.
    pub(super) async fn prepare(&mut self, asked: Asked<'_>) -> Result<Permits<'a>, StepError> {
        self.may_try(asked)?;
        self.wait_while_throttled(asked).await?;
        // First, so that nothing at all is sent to a cloud that is left alone.
        let permits = match self.permits(asked).await {
            Ok(permits) => permits,
            Err(error) => return Err(self.not_repeated(error)),
        };
        let session = self.ensure_session(asked).await;
        // What came meanwhile comes first: a newer command for the same is why this one is not sent.
        self.may_try(asked)?;
        session?;
        self.may_register().await?;
        Ok(permits)
    }

    /// Checks what may keep a step from being tried, or tried again.
    pub(super) fn may_try(&self, asked: Asked<'_>) -> Result<(), StepError> {
        let operation = self.operation;
        let account = &operation.account;
        if let Some(latched) = account.latched() {
            return Err(self.latched(&latched));
        }
        if self.sends_command(asked) && operation.superseded.happened() {
            return Err(self.not_tried(Reason::Superseded, "a newer command for the same takes its place"));
        }
        if Instant::now() >= operation.deadline {
            let message =
                format!("not sent within the {} s that it may take", operation.name.deadline().as_secs());
            return Err(self.not_tried(Reason::UpstreamUnavailable, message));
        }
        if account.requests.left(account.clock().now()) == Some(0) {
            let message =
                "the requests that the configuration allows within a day (quota_per_day) are used up";
            return Err(self.not_tried(Reason::Quota, message));
        }
        Ok(())
    }

    /// Waits for as long as the vendor wants the account to be left alone, if the operation has the time.
    pub(super) async fn wait_while_throttled(&self, asked: Asked<'_>) -> Result<(), StepError> {
        let operation = self.operation;
        while let Some(throttled) = operation.account.throttled() {
            let left = throttled.left(operation.account.clock().now());
            if left >= self.left() {
                let reason = match throttled.why {
                    Why::Told => Reason::Cooldown,
                    Why::DailyLimit => Reason::Quota,
                };
                let error = self.not_tried(reason, throttled.to_string());
                return Err(Self::only_the_question_waits(error, asked, left));
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = self.superseded(asked) => {}
            }
            self.may_try(asked)?;
        }
        Ok(())
    }

    /// Waits until a newer command takes the place of what is asked. A question about a command that is on
    /// its way never gives way: it is answered whatever comes after it.
    pub(super) async fn superseded(&self, asked: Asked<'_>) {
        match self.sends_command(asked) {
            true => self.operation.superseded.wait().await,
            false => std::future::pending().await,
        }
    }

    /// Delays a question about a command that is on its way, where any other question would end.
    fn only_the_question_waits(error: StepError, asked: Asked<'_>, pause: Duration) -> StepError {
        match (error, asked) {
            (StepError::Failed(failed), Asked::Outcome) => {
                StepError::AskLater(pause.min(rules::LONGEST_PAUSE), failed)
            }
            (error, _) => error,
        }
    }

    /// Records what an answer asks for. Only an answer can ask for anything.
    pub(super) fn note_throttling(&self, failure: &Failure) {
        if failure.transport.is_some() || failure.http_status.is_none() {
            return;
        }
        let told = failure.retry_after.map(Duration::from_millis);
        let account = &self.operation.account;
        account.asked_for_patience(told, evidence::is_daily_limit(failure, &account.refusals));
    }

    /// Ensures that there is a session which has not ended. A session that ends soon is refreshed meanwhile,
    /// and no caller waits for that or fails because of it.
    pub(super) async fn ensure_session(&mut self, asked: Asked<'_>) -> Result<(), StepError> {
        let account = &self.operation.account;
        let Some(slot) = account.context.cells.slot(SESSION) else { return Ok(()) };
        let cell = slot.current();
        let cause = match session::freshness(&cell, account.spread(cell.generation), account.clock()) {
            // Sending it again would only tell the same.
            _ if account.is_refused(&cell) => Cause::Refused,
            Freshness::Good => return Ok(()),
            Freshness::EndsSoon => {
                // Requests of its own: a refresh that no caller waits for does not use up what a caller may
                // still need.
                let allowance = Progress::for_account(account).allowance;
                self.refresh_with(allowance).refresh_early(cell.generation);
                return Ok(());
            }
            Freshness::Ended => Cause::Ended,
            Freshness::Missing => Cause::Missing,
        };
        let usable = !account.is_refused(&cell)
            && cell.expires_in(account.clock()).is_some_and(|left| left.is_positive());
        match self.refreshed_in_time(asked, cause, cell.generation, usable).await? {
            Ok(refreshed) => {
                let newer = match refreshed {
                    Refreshed::Fresh => true,
                    Refreshed::Adopted(adopted) => adopted.generation > cell.generation,
                };
                if newer && cause != Cause::Missing {
                    self.operation.progress.refreshed();
                }
                Ok(())
            }
            Err(RefreshError::Latched(latched)) => Err(self.latched(&latched)),
            // For its last seconds the old token is still good.
            Err(_) if usable => Ok(()),
            Err(why) => Err(self.not_refreshed(&why)),
        }
    }

    /// Takes a place in every circuit. A command never finds out whether a cloud is well again, so when a
    /// circuit waits for a probe, a cached read is made.
    pub(super) async fn permits(&self, asked: Asked<'_>) -> Result<Permits<'a>, StepError> {
        let purpose = match self.sends_command(asked) {
            true => Purpose::Act,
            false if self.operation.is_first => Purpose::FirstRead,
            false => Purpose::Read,
        };
        let mut admitted = Permits::take(self.operation, purpose);
        if let (Err(shut), Asked::Command(vehicle)) = (&admitted, asked)
            && purpose == Purpose::Act
            && shut.refused.probe_wanted
        {
            self.probe(vehicle).await;
            admitted = Permits::take(self.operation, purpose);
        }
        admitted.map_err(|shut| {
            let error = self.not_tried(reason::of_shut(&shut), shut.to_string());
            Self::only_the_question_waits(error, asked, shut.refused.retry_in.unwrap_or(rules::LONGEST_PAUSE))
        })
    }

    /// Reads as any caller would who is allowed to: with a refresh if the token has ended meanwhile. Only
    /// what the circuits make of it matters.
    ///
    /// A read never probes in turn, so this ends; the compiler wants to see a box all the same.
    fn probe<'s>(&'s self, vehicle: &'s VehicleRef) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let operation = self.operation;
            let (account, slug) = (Arc::clone(&operation.account), operation.vehicle.clone());
            let probe = Operation::new(operation.id.clone(), OperationName::RefreshCached, account, slug)
                .until(operation.deadline)
                .within(Arc::clone(&operation.allowance));
            let read = Execute { vehicle, command: &Command::Read(ReadMode::Cached) };
            let read = Step::new(&probe).take(&read, || {}).await.map(|_| ());
            if let Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) = read {
                tracing::info!(operation = operation.id, "not well again: {}", failed.words);
            }
        })
    }
}
