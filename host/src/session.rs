//! Renewing the session: once for everybody.
//!
//! Whoever finds the session refused comes here with the generation that was refused. Under the session's lock
//! the first one renews it; the others then find a newer generation and take that. There is no time window in
//! this, so a session that is ended again a moment later is renewed again a moment later.
//!
//! What protects the account is not the policy's to decide: a refused grant latches, a failed renewal is not
//! repeated before a growing pause is over, sign-ins are counted by the day, and renewing never turns into
//! signing in with a password because the network was down.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::bindings::policy::{
    Attempt, Certainty, CircuitScope, Decision, Effect, Failure, Fault, Latch, RefreshDecision,
    RefreshReason, SessionView, Verdict,
};
use crate::cell::{Cell, CellGuard, Contents};
use crate::circuit::{Permit, Purpose, Settings, Shut};
use crate::failure::{self, Facts};
use crate::latch::{LatchKind, Latched};
use crate::plugin::{Answer, Ask, Connected, Policy};
use crate::primitives::{Allowance, Call, SESSION};
use crate::sandbox::CallFault;
use crate::sign_ins::TooMany;
use crate::store::StoreError;
use crate::time::milliseconds;

/// The shortest and the longest pause after a renewal that failed.
const PAUSE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// The longest pause that a server or a policy can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// The shortest life that a token is believed to have: a cloud that hands out tokens that have already ended
/// would otherwise be asked for a new one before every request.
const SHORTEST_LIFE: i64 = 10;

/// The longest life that a token is believed to have.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

/// A token that ends within so long is renewed before it is used, or within a quarter of its life.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

const HOUR: Duration = Duration::from_secs(3_600);

/// How often a session is renewed within an hour at most: a token that lives twenty seconds needs half of that.
const MOST_AN_HOUR: usize = 360;

/// What is remembered of renewals. Times are monotonic.
#[derive(Debug, Default)]
pub(crate) struct RefreshState {
    failures: u32,
    last_failure: Option<(Duration, NotRenewed)>,
    next_attempt: Duration,
    retry_after: Option<Duration>,
    refreshes: VecDeque<Duration>,
}

/// How a session was come by.
#[derive(Debug, Clone)]
pub(crate) enum Renewed {
    /// This caller renewed it.
    Fresh,
    /// Somebody else did, or the policy said to take it as it is.
    Adopted(Arc<Cell>),
}

/// Why there is no new session. Shared by everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NotRenewed {
    #[error("a person must act: {}", .0.reason)]
    Latched(Latched),
    #[error("the last renewal failed ({why}); the next is due in {} s", .retry_in.as_secs())]
    NotDue { retry_in: Duration, why: String },
    #[error(transparent)]
    Shut(Shut),
    #[error("{message}")]
    Failed { verdict: Verdict, message: String },
    #[error(transparent)]
    TooManySignIns(TooMany),
    #[error("the session was renewed {MOST_AN_HOUR} times within an hour; something else keeps ending it")]
    TooManyRenewals,
    #[error(transparent)]
    Plugin(CallFault),
    #[error(transparent)]
    Store(StoreError),
    #[error("the host is stopping")]
    Stopping,
}

/// Who asks, and with what.
#[derive(Debug, Clone)]
pub(crate) struct Renewal {
    pub(crate) account: Arc<Account>,
    pub(crate) policy: Policy,
    pub(crate) connector: Connected,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) operation: String,
}

/// Whether a session must be renewed before it is used, and why.
pub(crate) fn needs_renewal(cell: &Cell, account: &Account) -> Option<RefreshReason> {
    if cell.value.is_none() {
        return Some(RefreshReason::Missing);
    }
    let ends = cell.expires_in(account.clock())?;
    // A token that lives only a moment is used for most of that moment.
    let life = cell.expires_at?.duration_since(cell.committed_at?);
    (ends <= GRACE.min(life / 4)).then_some(RefreshReason::Expiring)
}

impl Renewal {
    /// A session newer than the generation that failed.
    ///
    /// Dropping the future does not stop a renewal under way: its token may be the only one that the cloud still
    /// accepts.
    pub(crate) async fn renew(self, reason: RefreshReason, failed: u64) -> Result<Renewed, NotRenewed> {
        let leading = tokio::spawn(async move { self.lead(reason, failed).await });
        leading.await.unwrap_or(Err(NotRenewed::Stopping))
    }

    async fn lead(self, reason: RefreshReason, failed: u64) -> Result<Renewed, NotRenewed> {
        let account = Arc::clone(&self.account);
        let Some(slot) = account.surroundings.cells.slot(SESSION) else {
            return Err(NotRenewed::Stopping);
        };
        let guard = slot.acquire().await;
        let cell = guard.cell();
        if cell.generation > failed {
            return Ok(Renewed::Adopted(cell));
        }
        if let Some(latched) = account.latch.current() {
            return Err(NotRenewed::Latched(latched));
        }
        self.may_try()?;
        let view = self.view(&cell, reason);
        match self.policy.admit_refresh(&view).await {
            RefreshDecision::Refresh => {}
            RefreshDecision::Adopt if cell.value.is_some() => return Ok(Renewed::Adopted(cell)),
            RefreshDecision::Adopt => {}
            RefreshDecision::Wait(pause) => {
                let retry_in = Duration::from_millis(pause).min(LONGEST_PAUSE);
                return Err(NotRenewed::NotDue { retry_in, why: "the policy wants to wait".to_owned() });
            }
            RefreshDecision::Stop(latch) => {
                return Err(self.latch(&latch, "the policy stopped".to_owned()).await);
            }
            RefreshDecision::Other(what) => {
                let why = format!("the policy answered {what:?}");
                return Err(NotRenewed::NotDue { retry_in: *PAUSE.end(), why });
            }
        }
        let now = account.clock().monotonic();
        let permit = account
            .circuits
            .admit(&token_endpoint(&account), now, Purpose::Read)
            .map_err(NotRenewed::Shut)?;
        self.attempt(guard, reason, permit).await
    }

    /// The host's own rules: after a failure a growing pause, and so many renewals an hour.
    fn may_try(&self) -> Result<(), NotRenewed> {
        let now = self.account.clock().monotonic();
        let mut state = self.account.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        forget_older_than(&mut state.refreshes, now, HOUR);
        if state.refreshes.len() >= MOST_AN_HOUR {
            return Err(NotRenewed::TooManyRenewals);
        }
        match &state.last_failure {
            Some((_, why)) if now < state.next_attempt => {
                Err(NotRenewed::NotDue { retry_in: state.next_attempt - now, why: why.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn view(&self, cell: &Cell, reason: RefreshReason) -> SessionView {
        let clock = self.account.clock();
        let now = clock.monotonic();
        let mut state = self.account.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        forget_older_than(&mut state.refreshes, now, HOUR);
        SessionView {
            cloud: self.connector.manifest().cloud.clone(),
            reason,
            generation: cell.generation,
            age: cell.age(clock).map(milliseconds),
            expires_in: cell
                .expires_in(clock)
                .map(|left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX)),
            failures: state.failures,
            since_failure: state.last_failure.as_ref().map(|(at, _)| milliseconds(now.saturating_sub(*at))),
            retry_after: state.retry_after.map(milliseconds),
            refreshes_last_hour: u32::try_from(state.refreshes.len()).unwrap_or(u32::MAX),
            random: fastrand::u64(..),
        }
    }

    async fn attempt(
        &self,
        guard: CellGuard,
        reason: RefreshReason,
        permit: Permit,
    ) -> Result<Renewed, NotRenewed> {
        let account = &self.account;
        let before = guard.cell();
        let ask = if before.value.is_some() { Ask::Refresh } else { Ask::SignIn };
        if matches!(ask, Ask::SignIn)
            && let Err(too_many) = account.sign_ins.count(account.clock().now()).await
        {
            account.circuits.abandoned(&token_endpoint(account), permit);
            return Err(NotRenewed::TooManySignIns(too_many));
        }
        tracing::info!(
            account = account.slug,
            operation = self.operation,
            generation = before.generation,
            reason = ?reason,
            "token refresh started"
        );
        let mut view = account.surroundings.cells.snapshot();
        view.pin(SESSION, Arc::clone(&before));
        let call = Call::new(
            Arc::clone(&account.surroundings),
            Arc::clone(&self.allowance),
            self.operation.clone(),
            view,
        );
        let called = self.connector.ask(&account.described, &ask, call).await;
        let grant = match called.answer {
            Ok(Ok(Answer::Grant(grant))) if !called.call.captured.is_empty() => grant,
            // The cloud has given out a new token, and with it perhaps ended the old one. Whatever went wrong
            // after that, losing the token would be worse.
            _ if !called.call.captured.is_empty() => {
                tracing::warn!(account = account.slug, "the connector failed after it had a new token; kept");
                crate::bindings::connector::Grant {
                    expires_in: None,
                    refresh_expires_in: None,
                    value: before.value.clone().unwrap_or_default(),
                }
            }
            Ok(Ok(_)) => {
                let message = "the connector reports a session but captured no token".to_owned();
                let verdict = Verdict {
                    fault: Fault::Malformed,
                    rule: "host.no-token".to_owned(),
                    counts_against: None,
                };
                account.circuits.abandoned(&token_endpoint(account), permit);
                return Err(self.failed(NotRenewed::Failed { verdict, message }, None));
            }
            Ok(Err(failure)) => {
                let facts = Facts {
                    cloud: &self.connector.manifest().cloud,
                    operation: if matches!(ask, Ask::SignIn) { "sign_in" } else { "refresh_session" },
                    effect: Effect::Session,
                    token_age: before.age(account.clock()),
                };
                let failure = failure::describe(&facts, failure, &called.call);
                if matches!(ask, Ask::SignIn) && failure.certainty == Certainty::NotSent {
                    // The vendor has not seen it. A home whose host starts before its router must not wait a day.
                    account.sign_ins.take_back().await.map_err(NotRenewed::Store)?;
                }
                return Err(self.refused(failure, permit).await);
            }
            Err(fault) => {
                account.circuits.abandoned(&token_endpoint(account), permit);
                return Err(self.failed(NotRenewed::Plugin(fault), None));
            }
        };
        let contents = Contents {
            value: grant.value,
            secrets: called.call.captured,
            expires_at: grant.expires_in.map(|seconds| self.ends_at(seconds)),
        };
        let committed = guard.commit(contents).await;
        let now = account.clock().monotonic();
        account.circuits.succeeded(&token_endpoint(account), permit, now, self.circuit_settings().await);
        let cell = committed.map_err(|error| self.failed(NotRenewed::Store(error), None))?;
        self.succeeded();
        tracing::info!(
            account = account.slug,
            operation = self.operation,
            generation = cell.generation,
            "token refresh finished"
        );
        Ok(Renewed::Fresh)
    }

    /// When a token ends of which the cloud says that it lives so many seconds.
    fn ends_at(&self, seconds: i64) -> Timestamp {
        let now = self.account.clock().now();
        let life = SignedDuration::from_secs(seconds.clamp(SHORTEST_LIFE, LONGEST_LIFE));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }

    /// What follows from a refusal: a latch if a person must act, else a pause.
    async fn refused(&self, failure: Failure, permit: Permit) -> NotRenewed {
        let (circuits, endpoint) = (&self.account.circuits, token_endpoint(&self.account));
        let verdict = self.policy.classify(&failure).await;
        if verdict.counts_against == Some(CircuitScope::TokenEndpoint) {
            let now = self.account.clock().monotonic();
            circuits.failed(&endpoint, permit, now, self.circuit_settings().await);
        } else {
            circuits.abandoned(&endpoint, permit);
        }
        let retry_after = failure.retry_after.map(Duration::from_millis);
        let message = failure.message.clone();
        let grant_refused = is_refused_grant(&failure);
        let attempt = Attempt {
            failure,
            verdict: verdict.clone(),
            number: 1,
            refreshed: false,
            superseded: false,
            elapsed: 0,
            remaining: 0,
            retry_budget: 0,
            random: fastrand::u64(..),
        };
        match self.policy.decide(&attempt).await {
            Decision::Latch(latch) => self.latch(&latch, message).await,
            // A grant that was refused is not tried again, whatever the policy makes of it.
            _ if grant_refused || verdict.fault == Fault::CredentialsRejected => {
                self.latch(&Latch::AuthRequired, message).await
            }
            _ => self.failed(NotRenewed::Failed { verdict, message }, retry_after),
        }
    }

    async fn circuit_settings(&self) -> Settings {
        self.policy.circuit(&CircuitScope::TokenEndpoint).await.into()
    }

    async fn latch(&self, latch: &Latch, reason: String) -> NotRenewed {
        let now = self.account.clock().now();
        let kind = LatchKind::from(latch);
        tracing::error!(
            account = self.account.slug,
            ?kind,
            "token refresh failed, a person must act: {reason}"
        );
        match self.account.latch.set(kind, reason, now).await {
            Ok(latched) => NotRenewed::Latched(latched),
            Err(error) => {
                tracing::error!(account = self.account.slug, "the latch holds only until a restart: {error}");
                self.account.latch.current().map_or(NotRenewed::Store(error), NotRenewed::Latched)
            }
        }
    }

    /// Remembers a failure and when to try again.
    fn failed(&self, why: NotRenewed, retry_after: Option<Duration>) -> NotRenewed {
        let now = self.account.clock().monotonic();
        let mut state = self.account.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        let grown = PAUSE.start().saturating_mul(1 << state.failures.min(16).saturating_sub(1));
        let pause = grown.min(*PAUSE.end()).max(retry_after.unwrap_or_default().min(LONGEST_PAUSE));
        state.next_attempt = now + pause;
        state.retry_after = retry_after;
        state.last_failure = Some((now, why.clone()));
        drop(state);
        tracing::error!(
            account = self.account.slug,
            operation = self.operation,
            next_attempt_s = pause.as_secs(),
            "token refresh failed: {why}"
        );
        why
    }

    fn succeeded(&self) {
        let now = self.account.clock().monotonic();
        let mut state = self.account.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        forget_older_than(&mut state.refreshes, now, HOUR);
        state.refreshes.push_back(now);
        state.failures = 0;
        state.retry_after = None;
        state.last_failure = None;
    }
}

/// The name of the circuit of an account's token endpoint. No other circuit of the host has it, so that an operator
/// can say which one he means.
fn token_endpoint(account: &Account) -> String {
    format!("token-endpoint {}", account.slug)
}

/// RFC 6749 §5.2: the grant or the client is not accepted. No passing trouble is reported like this.
fn is_refused_grant(failure: &Failure) -> bool {
    let error = failure.oauth_error.as_deref();
    matches!(error, Some("invalid_grant" | "invalid_client" | "unauthorized_client"))
        || (matches!(failure.http_status, Some(400 | 401)) && failure.retry_after.is_none())
}

fn forget_older_than(times: &mut VecDeque<Duration>, now: Duration, age: Duration) {
    while times.front().is_some_and(|at| now.saturating_sub(*at) >= age) {
        times.pop_front();
    }
}
