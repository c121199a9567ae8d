//! Admission of an attempt: is there a reason not to make it, is there a session, and do the circuits let it
//! through?

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::context::Context;
use super::credentials::Credentials;
use super::question::Asked;
use super::views::Views;
use super::{Failed, Later, Step, StepError, session};
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::operation::permits::Permits;
use crate::operation::{Operation, reason, rules};
use crate::plugin::question::Execute;
use crate::protect::circuit::Purpose;
use crate::protect::throttle::Why;
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;

/// Admission of one attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission<'a, 's> {
    pub(super) context: Context<'a>,
    pub(super) views: &'s Views,
    /// Failure of the attempt before.
    pub(super) failed_before: Option<&'s Failed>,
}

impl<'a> Admission<'a, '_> {
    /// Does everything that comes before an attempt. The places in the circuits are its own until its result
    /// is counted.
    pub(super) async fn admit(self) -> Result<Permits<'a>, StepError> {
        self.may_try()?;
        self.wait_while_throttled().await?;
        // First, so that nothing at all is sent to a cloud that is left alone.
        let permits = match self.permits().await {
            Ok(permits) => permits,
            Err(error) => return Err(self.not_repeated(error)),
        };
        let session = session::ensure(self.context).await;
        // What came meanwhile comes first: a newer command for the same is why this one is not sent.
        self.may_try()?;
        session?;
        Credentials { context: self.context, views: self.views }.may_register().await?;
        Ok(permits)
    }

    /// Checks what may keep a step from being tried, or tried again.
    fn may_try(&self) -> Result<(), StepError> {
        let (operation, account) = (self.context.operation, self.context.account());
        if let Some(latched) = account.latched() {
            return Err(self.context.latched(&latched));
        }
        if self.context.sends_command() && operation.superseded.happened() {
            return Err(self
                .context
                .not_tried(Reason::Superseded, "a newer command for the same takes its place"));
        }
        if Instant::now() >= operation.deadline {
            let message =
                format!("not sent within the {} s that it may take", operation.name.deadline().as_secs());
            return Err(self.context.not_tried(Reason::UpstreamUnavailable, message));
        }
        if account.requests.left(account.clock().now()) == Some(0) {
            let message =
                "the requests that the configuration allows within a day (quota_per_day) are used up";
            return Err(self.context.not_tried(Reason::Quota, message));
        }
        Ok(())
    }

    /// Waits for as long as the vendor wants the account to be left alone, if the operation has the time.
    async fn wait_while_throttled(&self) -> Result<(), StepError> {
        let account = self.context.account();
        while let Some(throttled) = account.throttled() {
            let left = throttled.left(account.clock().now());
            if left >= self.context.left() {
                let reason = match throttled.why {
                    Why::Told => Reason::Cooldown,
                    Why::DailyLimit => Reason::Quota,
                };
                let error = self.context.not_tried(reason, throttled.to_string());
                return Err(self.only_the_question_waits(error, left));
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = self.context.superseded() => {}
            }
            self.may_try()?;
        }
        Ok(())
    }

    /// Delays a question about a command that is on its way, where any other question would end.
    fn only_the_question_waits(&self, error: StepError, pause: Duration) -> StepError {
        match (error, self.context.asked) {
            (StepError::Failed(failed), Asked::Outcome) => {
                StepError::AskLater(Later { after: pause.min(rules::LONGEST_PAUSE), within: None }, failed)
            }
            (error, _) => error,
        }
    }

    /// Makes the error of a step that a circuit keeps from being repeated: how the attempt before has failed,
    /// and not that no further one is made.
    fn not_repeated(&self, error: StepError) -> StepError {
        match (error, self.failed_before) {
            (StepError::Failed(shut), Some(before)) => {
                tracing::info!(operation = self.context.operation.id, "not repeated: {}", shut.words);
                StepError::Failed(before.clone())
            }
            (error, _) => error,
        }
    }

    /// Takes a place in every circuit. A command never finds out whether a cloud is well again, so when a
    /// circuit waits for a probe, a cached read is made.
    async fn permits(&self) -> Result<Permits<'a>, StepError> {
        let (operation, asked) = (self.context.operation, self.context.asked);
        let purpose = match self.context.sends_command() {
            true => Purpose::Act,
            false if operation.is_first => Purpose::FirstRead,
            false => Purpose::Read,
        };
        let mut admitted = Permits::take(operation, purpose);
        if let (Err(shut), Asked::Command(vehicle)) = (&admitted, asked)
            && purpose == Purpose::Act
            && shut.refused.probe_wanted
        {
            self.probe(vehicle).await;
            admitted = Permits::take(operation, purpose);
        }
        admitted.map_err(|shut| {
            let error = self.context.not_tried(reason::of_shut(&shut), shut.to_string());
            self.only_the_question_waits(error, shut.refused.retry_in.unwrap_or(rules::LONGEST_PAUSE))
        })
    }

    /// Reads as any caller would who is allowed to: with a refresh if the token has ended meanwhile. Only
    /// what the circuits make of it matters.
    ///
    /// A read never probes in turn, so this ends; the compiler wants to see a box all the same.
    fn probe<'s>(&'s self, vehicle: &'s VehicleRef) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let operation = self.context.operation;
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
