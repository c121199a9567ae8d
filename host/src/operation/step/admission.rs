//! What comes before an attempt: is there a reason not to make it, is there a session, and do the circuits let it
//! through?

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Step, Stopped};
use crate::account::session::{self, Cause, Freshness, RefreshError, Refreshed};
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::bindings::policy::Failure;
use crate::judge::evidence;
use crate::operation::permits::Permits;
use crate::operation::{Operation, Progress, reason, rules};
use crate::plugin::Ask;
use crate::primitives::SESSION;
use crate::protect::circuit::Purpose;
use crate::protect::throttle::Why;
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;

impl<'a> Step<'a> {
    /// What may keep a step from being tried, or tried again.
    pub(super) fn may_try(&self, ask: &Ask) -> Result<(), Stopped> {
        let operation = self.operation;
        let account = &operation.account;
        if let Some(latched) = account.latched() {
            return Err(self.latched(&latched));
        }
        if self.sends_command(ask) && operation.superseded.happened() {
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
    pub(super) async fn wait_while_throttled(&self, ask: &Ask) -> Result<(), Stopped> {
        let operation = self.operation;
        while let Some(throttled) = operation.account.throttled() {
            let left = throttled.left(operation.account.clock().now());
            if left >= self.left() {
                let reason = match throttled.why {
                    Why::Told => Reason::Cooldown,
                    Why::DailyLimit => Reason::Quota,
                };
                let stopped = self.not_tried(reason, throttled.to_string());
                return Err(Self::only_the_question_waits(stopped, ask, left));
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = self.superseded(ask) => {}
            }
            self.may_try(ask)?;
        }
        Ok(())
    }

    /// Waits until a newer command takes the place of what is asked. Never, of a question about a command that is on its
    /// way: it is answered whatever comes after it.
    pub(super) async fn superseded(&self, ask: &Ask) {
        match self.sends_command(ask) {
            true => self.operation.superseded.wait().await,
            false => std::future::pending().await,
        }
    }

    /// What keeps a question about a command that is on its way only delays it.
    fn only_the_question_waits(stopped: Stopped, ask: &Ask, pause: Duration) -> Stopped {
        match (stopped, ask) {
            (Stopped::Failed(failed), Ask::Resume(..)) => {
                Stopped::AskLater(pause.min(rules::LONGEST_PAUSE), failed)
            }
            (stopped, _) => stopped,
        }
    }

    /// Takes in what an answer asks for. Only an answer can ask for anything.
    pub(super) fn note_throttling(&self, failure: &Failure) {
        if failure.transport.is_some() || failure.http_status.is_none() {
            return;
        }
        let told = failure.retry_after.map(Duration::from_millis);
        let account = &self.operation.account;
        account.asked_for_patience(told, evidence::is_daily_limit(failure, &account.refusals));
    }

    /// Makes sure that there is a session which has not ended. One that ends soon is refreshed meanwhile, and nobody
    /// waits for that or fails because of it.
    pub(super) async fn ensure_session(&mut self, ask: &Ask) -> Result<(), Stopped> {
        let account = &self.operation.account;
        let Some(slot) = account.context.cells.slot(SESSION) else { return Ok(()) };
        let cell = slot.current();
        let cause = match session::freshness(&cell, account.spread(cell.generation), account.clock()) {
            // Sending it again would only tell the same.
            _ if account.is_refused(&cell) => Cause::Refused,
            Freshness::Good => return Ok(()),
            Freshness::EndsSoon => {
                // Requests of its own: what nobody waits for does not use up what somebody may still need.
                let allowance = Progress::for_account(account).allowance;
                self.refresh_with(allowance).refresh_early(cell.generation);
                return Ok(());
            }
            Freshness::Ended => Cause::Ended,
            Freshness::Missing => Cause::Missing,
        };
        let usable = !account.is_refused(&cell)
            && cell.expires_in(account.clock()).is_some_and(|left| left.is_positive());
        match self.refreshed_in_time(ask, cause, cell.generation, usable).await? {
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

    /// A place in every circuit. A command never finds out whether a cloud is well again, so when a circuit waits for
    /// somebody to look, a cached read does.
    pub(super) async fn permits(&self, ask: &Ask) -> Result<Permits<'a>, Stopped> {
        let purpose = match self.sends_command(ask) {
            true => Purpose::Act,
            false if self.operation.is_first => Purpose::FirstRead,
            false => Purpose::Read,
        };
        let mut admitted = Permits::take(self.operation, purpose);
        if let (Err(shut), Ask::Execute(vehicle, _)) = (&admitted, ask)
            && purpose == Purpose::Act
            && shut.refused.probe_wanted
        {
            self.probe(vehicle).await;
            admitted = Permits::take(self.operation, purpose);
        }
        admitted.map_err(|shut| {
            let stopped = self.not_tried(reason::of_shut(&shut), shut.to_string());
            Self::only_the_question_waits(stopped, ask, shut.refused.retry_in.unwrap_or(rules::LONGEST_PAUSE))
        })
    }

    /// Reads, as anybody would who is allowed to: with a refresh if the token has ended meanwhile. What matters is only
    /// what the circuits make of it.
    ///
    /// A read never probes in turn, so this ends; the compiler wants to see a box all the same.
    fn probe<'s>(&'s self, vehicle: &'s VehicleRef) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let operation = self.operation;
            let (account, slug) = (Arc::clone(&operation.account), operation.vehicle.clone());
            let probe = Operation::new(operation.id.clone(), OperationName::RefreshCached, account, slug)
                .until(operation.deadline)
                .within(Arc::clone(&operation.allowance));
            let read = Ask::Execute(vehicle.clone(), Command::Read(ReadMode::Cached));
            let read = Step::new(&probe).take(&read, || {}).await.map(|_| ());
            if let Err(Stopped::Failed(failed) | Stopped::AskLater(_, failed)) = read {
                tracing::info!(operation = operation.id, "not well again: {}", failed.words);
            }
        })
    }
}
