//! The session's refresh: once for all callers.
//!
//! A caller that finds the session refused comes here with the generation that was refused. Under the
//! session's lock the first caller refreshes it; the others then find a newer generation and take that, or
//! are told the error that the first one got. There is no time window in this, so a session that is ended
//! again a moment later is refreshed again a moment later.
//!
//! What protects the account is not the policy's to decide: a grant that is said to be refused latches, one
//! that is refused without a reason rests ([`doubt`](crate::protect::doubt)), a failed refresh is not
//! repeated before a growing pause is over, another program that keeps ending our sessions slows us down (both
//! in [`vehicle_connector_rules`]), sign-ins are counted by the day, and refreshing never turns into signing
//! in with a password because the network was down.

mod admission;
mod asked;
mod attempt;
mod conversation;
mod expiry;
mod granted;
mod outcome;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;
use tokio::task::JoinError;
use tracing::Instrument as _;
use vehicle_connector_rules::account::SHORTEST_WAIT;
use vehicle_connector_rules::history::LONGEST_PAUSE;

use self::admission::Admission;
use self::attempt::Attempt;
pub(crate) use self::expiry::{Freshness, freshness};
pub(crate) use self::outcome::{Asked, Cause, RefreshError, Refreshed};
use crate::account::{Account, Wish, With};
use crate::bindings::policy::{CircuitScope, FailureKind};
use crate::cell::Secrets;
use crate::judge::Judge;
use crate::plugin::{Connected, Policy};
use crate::primitives::{Allowance, SESSION};
use crate::protect::circuit::{Purpose, Settings};
use crate::protect::latch::Latched;
use crate::wire::operation;

/// The refreshes of an account.
pub(crate) type History = vehicle_connector_rules::history::History<RefreshError>;

/// A request for a session: its account, its operation and its cause.
#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    pub(crate) account: Arc<Account>,
    pub(crate) policy: Policy,
    pub(crate) connector: Connected,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) operation: String,
    /// Credentials that a person has given for this sign-in.
    pub(crate) given_once: Arc<Secrets>,
    /// Wish of the person that has begun the sign-in.
    pub(crate) wish: Option<Wish>,
    /// Whether a session is in use, which is as good as it was if a sign-in of a person's comes to nothing.
    pub(crate) spares_session: bool,
}

impl Refresh {
    /// A session newer than the generation that failed.
    ///
    /// Dropping the future does not stop a refresh under way: its token may be the only one that the cloud
    /// still accepts.
    pub(crate) async fn refresh(self, cause: Cause, failed: u64) -> Result<Refreshed, RefreshError> {
        let services = Arc::clone(&self.account.services);
        let _waits = services.metrics.waits_for_session();
        let under_way = services.background.token();
        let span = operation::span(&self.operation);
        let leading = async move {
            let _under_way = under_way;
            self.lead(cause, failed).await
        };
        let leading = tokio::spawn(leading.instrument(span));
        leading.await.unwrap_or_else(|error| Err(of_join_error(&error)))
    }

    /// Returns when it is worth asking again for what was not refreshed; none if only a person, or a long
    /// silence, can change the answer.
    pub(crate) fn due_in(&self, why: &RefreshError) -> Option<Duration> {
        let due = match why {
            RefreshError::NotDue { because: Some(first), .. } if self.due_in(first).is_none() => return None,
            RefreshError::NotDue { retry_in, .. } => *retry_in,
            // Nonsense and invalid requests come of what speaks, and not of a bad moment.
            RefreshError::Failed { kind: FailureKind::Malformed | FailureKind::InvalidRequest, .. } => {
                return None;
            }
            RefreshError::Failed { .. } | RefreshError::Doubtful(_) => {
                let clock = self.account.clock();
                let pause = self.history().pause_left(clock.monotonic()).unwrap_or_default();
                self.account.grant.rest(clock).map_or(pause, |rest| rest.left.max(pause))
            }
            RefreshError::Latched(_)
            | RefreshError::Asked(_)
            | RefreshError::Nonsense(_)
            | RefreshError::Unexplained(_)
            | RefreshError::Shut(_)
            | RefreshError::Fight { .. }
            | RefreshError::TooManySignIns(_)
            | RefreshError::TooManyRefreshes
            | RefreshError::TooManyRetries(_)
            | RefreshError::NotStored(_)
            | RefreshError::Plugin(_)
            | RefreshError::Released(_)
            | RefreshError::Spared(_)
            | RefreshError::NoSession
            | RefreshError::Panicked
            | RefreshError::Retired
            | RefreshError::Stopping => return None,
        };
        Some(due.max(SHORTEST_WAIT))
    }

    /// Refreshes a session that is still good, while no caller waits for it.
    pub(crate) fn refresh_unasked(self, cause: Cause, failed: u64) {
        let now = self.account.clock().monotonic();
        let account = &self.account;
        if account.latched().is_some() || account.questions.current().is_some() || self.may_try(now).is_err()
        {
            return;
        }
        let under_way = account.services.background.token();
        let span = operation::span(&self.operation);
        let leading = async move {
            let _under_way = under_way;
            if let Err(why) = self.lead(cause, failed).await {
                tracing::debug!(
                    account = self.account.slug,
                    "the refresh that nobody waits for is not made yet: {why}"
                );
            }
        };
        tokio::spawn(leading.instrument(span));
    }

    async fn lead(&self, cause: Cause, failed: u64) -> Result<Refreshed, RefreshError> {
        let led = self.refresh_once(cause, failed).await;
        if cause == Cause::Refused && led.is_err() {
            self.account.token_refused(failed);
        }
        led
    }

    async fn refresh_once(&self, cause: Cause, failed: u64) -> Result<Refreshed, RefreshError> {
        let account = &self.account;
        let Some(slot) = account.context.cells.slot(SESSION) else {
            return Err(RefreshError::NoSession);
        };
        let guard = slot.acquire().await;
        let cell = guard.cell();
        if cell.generation > failed {
            return Ok(Refreshed::Adopted(cell));
        }
        if account.services.background.is_closed() {
            return Err(RefreshError::Stopping);
        }
        if account.is_retired() {
            return Err(RefreshError::Retired);
        }
        let was_there = |latched: &Latched| self.wish.as_ref().is_some_and(|wish| wish.is_about(latched));
        if let Some(latched) = account.latched().filter(|latched| !was_there(latched)) {
            return Err(RefreshError::Latched(latched.into()));
        }
        if let Some(asked) = account.asked() {
            return Err(RefreshError::Asked(asked));
        }
        if cause != Cause::ByHand
            && cell.value.is_none()
            && let Some(latched) = account.require_login().await
        {
            return Err(RefreshError::Latched(latched.into()));
        }
        let now = account.clock().monotonic();
        self.may_try(now)?;
        if cause == Cause::ByHand {
            // A person's wish is not the policy's to judge.
            let permit = account.circuits.admit(&token_endpoint(account), now, Purpose::Read);
            let permit = permit.map_err(RefreshError::Shut)?;
            return Attempt::new(self, cause, guard).make(permit).await;
        }
        match (Admission { refresh: self, cause, cell: &cell, now }).admit().await? {
            Some(permit) => Attempt::new(self, cause, guard).make(permit).await,
            None => Ok(Refreshed::Adopted(cell)),
        }
    }

    /// What the sign-in that it may come to is made with.
    fn with(&self) -> With {
        if self.given_once.is_empty() { With::Configured } else { With::Given }
    }

    /// Checks whether enough time has passed since the last refresh that failed, whatever the policy thinks.
    pub(crate) fn may_try(&self, now: Duration) -> Result<(), RefreshError> {
        if self.wish.as_ref().is_some_and(Wish::ends_pauses) {
            return Ok(self.history().has_room(now)?);
        }
        // What is given for one sign-in is not what is in doubt.
        if self.with() == With::Configured
            && let Some(rest) = self.account.grant.rest(self.account.clock())
        {
            let last = self.history().last_failure().cloned();
            let because = last.unwrap_or(RefreshError::Doubtful(rest.reason));
            return Err(RefreshError::NotDue {
                retry_in: rest.left,
                why: because.to_string(),
                because: Some(Box::new(because)),
            });
        }
        Ok(self.history().may_try(now)?)
    }

    async fn circuit_settings(&self) -> Settings {
        self.policy.circuit(&CircuitScope::TokenEndpoint).await.into()
    }

    /// The judge of what befalls the session of this generation.
    fn judge(&self, session_generation: u64) -> Judge<'_> {
        Judge {
            policy: &self.policy,
            audit: &self.account.services.audit,
            account: &self.account.slug,
            vehicle: None,
            operation: &self.operation,
            session_generation,
        }
    }

    /// Records a failure and when to try again.
    fn failed(
        &self,
        cause: Cause,
        arrived: bool,
        why: RefreshError,
        retry_after: Option<Duration>,
    ) -> RefreshError {
        let now = self.account.clock().monotonic();
        let early = cause.is_unhurried();
        let pause = self.history().failed(now, early, arrived, why.clone(), retry_after);
        tracing::error!(
            account = self.account.slug,
            operation = self.operation,
            next_attempt_s = pause.as_secs(),
            still_valid = early,
            "no new session: {why}"
        );
        self.account.announce();
        why
    }

    /// Lets a credential rest that was refused, or not granted, without a reason, and reports that once. One that was
    /// given for one sign-in is not there any more, and says nothing of the others.
    async fn doubtful(
        &self,
        cause: Cause,
        with: With,
        why: impl FnOnce(String) -> RefreshError,
        answer: String,
        retry_after: Option<Duration>,
    ) -> RefreshError {
        let account = &self.account;
        if with == With::Given {
            return self.failed(cause, true, why(answer), retry_after);
        }
        account.grant.refused(account.clock(), answer.clone(), retry_after).await;
        let why = self.failed(cause, true, why(answer), retry_after);
        account.tell_of_doubt().await;
        why
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.account.refreshes.lock()
    }
}

/// Returns the name of the circuit of an account's token endpoint. No other circuit of the host has it, so
/// that an operator can name this one.
pub(super) fn token_endpoint(account: &Account) -> String {
    format!("token-endpoint {}", account.slug)
}

/// Returns why the task of a refresh has no result. Without an error of ours only a runtime that shuts down
/// ends it.
fn of_join_error(error: &JoinError) -> RefreshError {
    if !error.is_panic() {
        return RefreshError::Stopping;
    }
    tracing::error!("the refresh of a session has failed within the host: {error}");
    RefreshError::Panicked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refresh_that_panics_is_not_told_as_a_host_that_stops() {
        let panicked = tokio::spawn(async { panic!("a mistake of ours") }).await.unwrap_err();
        assert!(matches!(of_join_error(&panicked), RefreshError::Panicked));
        let waiting = tokio::spawn(std::future::pending::<()>());
        waiting.abort();
        assert!(matches!(of_join_error(&waiting.await.unwrap_err()), RefreshError::Stopping));
    }
}
