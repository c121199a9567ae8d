//! Remedies between two attempts.

use std::sync::Arc;
use std::time::Duration;

use super::question::Asked;
use super::{Failed, Step, StepError};
use crate::account::session::{Cause, Refresh, RefreshError, Refreshed};
use crate::bindings::policy::{Failure, FailureKind};
use crate::judge::Judged;
use crate::operation::reason;
use crate::primitives::{Allowance, SESSION};
use crate::protect::retry_budget::Price;
use crate::wire::outcome::Reason;
use crate::wire::words::Words;

impl Step<'_> {
    /// Returns a newer session than the one that was refused, refreshed by the first caller.
    pub(super) async fn refresh(
        &mut self,
        asked: Asked<'_>,
        failure: &Failure,
    ) -> Result<&'static str, StepError> {
        self.refreshed = true;
        let refused = self.last_view.generation(SESSION);
        match self.refreshed_in_time(asked, Cause::Refused, refused, false).await? {
            Ok(Refreshed::Fresh) => {
                self.operation.progress.refreshed();
                Ok("after a token refresh")
            }
            Ok(Refreshed::Adopted(cell)) if cell.generation > refused => {
                self.operation.progress.refreshed();
                Ok("with the token that another operation refreshed")
            }
            Ok(Refreshed::Adopted(_)) => Ok("with the same token, as the policy wants"),
            Err(RefreshError::Latched(latched)) => Err(self.latched(&latched)),
            Err(why) => {
                let theirs = [Some(failure.message.clone()), reason::of_refresh_in_words(&why).theirs];
                let theirs = theirs.into_iter().flatten().collect::<Vec<_>>().join("; no new token: ");
                let ours = reason::of_refresh_in_words(&why).ours;
                Err(self.not_tried(reason::of_refresh_error(&why), Words { ours, theirs: Some(theirs) }))
            }
        }
    }

    /// Returns a newer session than this generation. A refresh that fails for a passing reason is tried again
    /// when the next one is due, if the operation has the time: its caller waits for a result either way. A
    /// waiting caller makes no call of its own: under the session's lock the first one refreshes it for all.
    /// No caller waits while the old one is usable.
    pub(super) async fn refreshed_in_time(
        &self,
        asked: Asked<'_>,
        cause: Cause,
        generation: u64,
        old_is_usable: bool,
    ) -> Result<Result<Refreshed, RefreshError>, StepError> {
        let operation = self.operation;
        loop {
            let refreshing = self.session().refresh(cause, generation);
            let Ok(refreshed) = tokio::time::timeout_at(operation.deadline, refreshing).await else {
                return Err(self.out_of_time());
            };
            let Err(why) = &refreshed else { return Ok(refreshed) };
            let Some(due) = self.session().due_in(why) else { return Ok(refreshed) };
            // The vendor may want more than this refresh to wait.
            let throttled = operation.account.throttled();
            let due = throttled.map_or(due, |it| it.left(operation.account.clock().now()).max(due));
            if old_is_usable || due >= self.left() {
                return Ok(refreshed);
            }
            tracing::info!(
                operation = operation.id,
                "waits {} ms for the next refresh: {why}",
                due.as_millis()
            );
            tokio::select! {
                () = tokio::time::sleep(due) => {}
                () = self.superseded(asked) => return Ok(refreshed),
            }
        }
    }

    pub(super) fn session(&self) -> Refresh {
        self.refresh_with(Arc::clone(&self.operation.allowance))
    }

    pub(super) fn refresh_with(&self, allowance: Arc<Allowance>) -> Refresh {
        let operation = self.operation;
        Refresh {
            account: Arc::clone(&operation.account),
            policy: operation.policy.clone(),
            connector: operation.connector.clone(),
            allowance,
            operation: operation.id.clone(),
        }
    }

    /// Discards what the cloud no longer knows, if it still is what the attempt has used.
    pub(super) async fn discard(
        &mut self,
        cell: String,
        failure: &Failure,
    ) -> Result<&'static str, StepError> {
        let used = self.last_view.generation(&cell);
        if let Some(slot) = self.operation.account.context.cells.slot(&cell)
            && let Err(error) = slot.discard(used).await
        {
            let ours = format!("{cell} could not be discarded: {error}");
            let words = Words { ours: Some(ours), theirs: Some(failure.message.clone()) };
            return Err(self.not_tried(Reason::HostFault, words));
        }
        if let Some(pinned) = &mut self.pinned {
            pinned.unpin(&cell);
        }
        self.discarded.insert(cell);
        Ok("after what the cloud no longer knows was discarded")
    }

    /// Waits before a repeat, if the account may still repeat something; not any longer once a newer command
    /// wants the same actuator.
    pub(super) async fn pause(
        &mut self,
        asked: Asked<'_>,
        pause: Duration,
        judged: &Judged,
    ) -> Result<&'static str, StepError> {
        let account = &self.operation.account;
        let price = match judged.kind() {
            FailureKind::RateLimited | FailureKind::Busy => Price::Throttled,
            _ => Price::Failure,
        };
        if !account.retries.take(price, account.clock()) {
            let failed = self.failed(judged);
            let words =
                failed.words.and("not repeated: too many repeats for this account of late", failed.reason);
            return Err(StepError::Failed(Failed { words, ..failed }));
        }
        self.paid = Some(price);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.superseded(asked) => {}
        }
        Ok("after a pause")
    }
}
