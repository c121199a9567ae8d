//! Refreshing the session: once for everybody.
//!
//! Whoever finds the session refused comes here with the generation that was refused. Under the session's lock
//! the first one refreshes it; the others then find a newer generation and take that, or are told the error that the
//! first one got. There is no time window in this, so a session that is ended again a moment later is refreshed again a
//! moment later.
//!
//! What protects the account is not the policy's to decide: a grant that is said to be refused latches, one that is refused
//! without a reason rests ([`doubt`](crate::protect::doubt)), a failed refresh is not repeated before a growing pause is over
//! ([`history`]), somebody who keeps ending our sessions slows us down
//! ([`fight`]), sign-ins are counted by the day, and refreshing never turns into signing in with a password because the
//! network was down.

mod admission;
mod contention;
mod expiry;
mod history;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::MutexGuard;

pub(crate) use self::expiry::{Freshness, freshness};
pub(crate) use self::history::History;
pub(crate) use self::outcome::{Cause, RefreshError, Refreshed};
use crate::account::Account;
use crate::audit::{Decided, Entry};
use crate::bindings::connector::Grant;
use crate::bindings::policy::{Attempt, Certainty, CircuitScope, Decision, Effect, Failure, Fault, Latch};
use crate::cell::{CellGuard, Contents};
use crate::judge::evidence;
use crate::judge::failure::{self, Facts};
use crate::plugin::{Answer, Ask, Connected, POLICY_FAULT, Policy};
use crate::primitives::{Allowance, Call, SESSION};
use crate::protect::circuit::{Permit, Settings};
use crate::protect::latch::LatchKind;
use crate::protect::quota::QuotaError;

/// The longest pause that a server or a policy can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// The shortest wait for a refresh that is due, whatever a policy says.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// The secret of the configuration that is a password, if an account has one.
const PASSWORD: &str = "password";

/// The shortest life that a token is believed to have: a cloud that hands out tokens that have already ended
/// would otherwise be asked for a new one before every request.
const SHORTEST_LIFE: i64 = 10;

/// The longest life that a token is believed to have.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

/// The largest value that a connector may keep in the session's cell, in bytes; as in any other.
const LARGEST_VALUE: usize = 4_096;

/// Who asks, and with what.
#[derive(Debug, Clone)]
pub(crate) struct Refresh {
    pub(crate) account: Arc<Account>,
    pub(crate) policy: Policy,
    pub(crate) connector: Connected,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) operation: String,
}

impl Refresh {
    /// A session newer than the generation that failed.
    ///
    /// Dropping the future does not stop a refresh under way: its token may be the only one that the cloud still
    /// accepts.
    pub(crate) async fn refresh(self, cause: Cause, failed: u64) -> Result<Refreshed, RefreshError> {
        let under_way = self.account.services.background.token();
        let leading = tokio::spawn(async move {
            let _under_way = under_way;
            self.lead(cause, failed).await
        });
        leading.await.unwrap_or(Err(RefreshError::Stopping))
    }

    /// When it is worth asking again for what was not refreshed; none if only a person, or a long silence, can change
    /// the answer.
    pub(crate) fn due_in(&self, why: &RefreshError) -> Option<Duration> {
        let due = match why {
            RefreshError::NotDue { because: Some(first), .. } if self.due_in(first).is_none() => return None,
            RefreshError::NotDue { retry_in, .. } => *retry_in,
            // A success without its content, or a request that must not be sent, comes of what speaks, and not of a bad moment.
            RefreshError::Failed { verdict, .. }
                if matches!(verdict.fault, Fault::Malformed | Fault::InvalidRequest) =>
            {
                return None;
            }
            RefreshError::Failed { .. } | RefreshError::Doubtful(_) => {
                let clock = self.account.clock();
                let pause = self.history().pause_left(clock.monotonic()).unwrap_or_default();
                self.account.grant.rest(clock).map_or(pause, |rest| rest.left.max(pause))
            }
            RefreshError::Latched(_)
            | RefreshError::Unexplained(_)
            | RefreshError::Shut(_)
            | RefreshError::Fight { .. }
            | RefreshError::TooManySignIns(_)
            | RefreshError::TooManyRefreshes
            | RefreshError::NotStored(_)
            | RefreshError::Plugin(_)
            | RefreshError::Stopping => return None,
        };
        Some(due.max(SHORTEST_WAIT))
    }

    /// Refreshes a session that is still good, without anybody waiting for it.
    pub(crate) fn refresh_early(self, failed: u64) {
        let now = self.account.clock().monotonic();
        if self.account.latched().is_some() || self.may_try(now).is_err() {
            return;
        }
        let under_way = self.account.services.background.token();
        tokio::spawn(async move {
            let _under_way = under_way;
            if let Err(why) = self.lead(Cause::EndsSoon, failed).await {
                tracing::debug!(account = self.account.slug, "the early refresh waits: {why}");
            }
        });
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
            return Err(RefreshError::Stopping);
        };
        let guard = slot.acquire().await;
        let cell = guard.cell();
        if cell.generation > failed {
            return Ok(Refreshed::Adopted(cell));
        }
        if account.services.background.is_closed() {
            return Err(RefreshError::Stopping);
        }
        if let Some(latched) = account.latched() {
            return Err(RefreshError::Latched(latched));
        }
        let now = account.clock().monotonic();
        self.may_try(now)?;
        match self.admit(&cell, cause, now).await? {
            Some(permit) => self.attempt(guard, cause, permit).await,
            None => Ok(Refreshed::Adopted(cell)),
        }
    }

    /// Whether enough time has passed since the last one that failed, whatever the policy thinks.
    fn may_try(&self, now: Duration) -> Result<(), RefreshError> {
        if let Some(rest) = self.account.grant.rest(self.account.clock()) {
            let last = self.history().last_failure.as_ref().map(|(_, why)| why.clone());
            let because = last.unwrap_or(RefreshError::Doubtful(rest.reason));
            return Err(RefreshError::NotDue {
                retry_in: rest.left,
                why: because.to_string(),
                because: Some(Box::new(because)),
            });
        }
        self.history().may_try(now)
    }

    async fn attempt(
        &self,
        guard: CellGuard,
        cause: Cause,
        permit: Permit,
    ) -> Result<Refreshed, RefreshError> {
        let account = &self.account;
        let before = guard.cell();
        let ask = if before.value.is_some() { Ask::Refresh } else { Ask::SignIn };
        if matches!(ask, Ask::SignIn)
            && let Err(not_counted) = account.sign_ins.count(account.clock().now()).await
        {
            account.circuits.abandoned(&token_endpoint(account), permit);
            return Err(match not_counted {
                QuotaError::NotStored(error) => RefreshError::NotStored(error),
                used => RefreshError::TooManySignIns(used),
            });
        }
        if let Err(error) = account.grant.begin(account.clock()).await {
            // A host that crashes and starts again would ask without end.
            account.circuits.abandoned(&token_endpoint(account), permit);
            if matches!(ask, Ask::SignIn) {
                self.take_back_sign_in().await;
            }
            return Err(RefreshError::NotStored(error));
        }
        tracing::info!(
            account = account.slug,
            operation = self.operation,
            generation = before.generation,
            cause = ?cause,
            "token refresh started"
        );
        let mut view = account.context.cells.snapshot();
        view.pin(SESSION, Arc::clone(&before));
        let guard = Arc::new(guard);
        let mut call = Call::new(
            Arc::clone(&account.context),
            Arc::clone(&self.allowance),
            self.operation.clone(),
            view,
        );
        call.refreshing = Some(Arc::clone(&guard));
        let called = self.connector.ask(&account.described, &ask, call).await;
        let whole = !called.call.captured.is_empty() && called.call.missing.is_empty();
        let grant = match called.answer {
            Ok(Ok(Answer::Grant(grant))) if whole && grant.value.len() <= LARGEST_VALUE => grant,
            // The cloud has given out a new token, and with it perhaps ended the old one. Whatever went wrong
            // after that, losing the token would be worse.
            // A refresh token alone is no session; it was stored when it came.
            _ if whole || called.call.captured_essential() => {
                tracing::warn!(account = account.slug, "the connector failed after it had a new token; kept");
                let value = before.value.clone().unwrap_or_default();
                Grant { expires_in: None, refresh_expires_in: None, value }
            }
            Ok(Ok(_)) => {
                let answer = "it reports a session but captured no token".to_owned();
                account.circuits.abandoned(&token_endpoint(account), permit);
                return Err(self.doubtful(cause, RefreshError::Unexplained, answer, None).await);
            }
            Ok(Err(failure)) => {
                let facts = Facts {
                    cloud: &self.connector.manifest().cloud,
                    operation: if matches!(ask, Ask::SignIn) { "sign_in" } else { "refresh_session" },
                    effect: Effect::Session,
                    acts: false,
                    token_age: before.age(account.clock()),
                };
                let failure = failure::describe(&facts, failure, &called.call);
                if matches!(ask, Ask::SignIn) && !was_a_sign_in(&failure, self.sends_password()) {
                    // A home whose host starts before its router must not wait a day.
                    self.take_back_sign_in().await;
                }
                return self.refused(guard, cause, failure, permit).await;
            }
            Err(fault) => {
                account.circuits.abandoned(&token_endpoint(account), permit);
                account.grant.unclear().await;
                return Err(self.failed(cause, true, RefreshError::Plugin(fault), None));
            }
        };
        let contents = Contents {
            value: grant.value,
            secrets: called.call.captured,
            expires_at: grant.expires_in.map(|seconds| self.ends_at(seconds)),
        };
        let (cell, stored) = guard.keep(contents).await;
        if let Err(error) = stored {
            // It may be the only token that the cloud still accepts, so it is used all the same.
            tracing::error!(account = account.slug, "the new token is lost at the next restart: {error}");
        }
        let now = account.clock().monotonic();
        account.circuits.succeeded(&token_endpoint(account), permit, now, self.circuit_settings().await);
        self.history().succeeded(now);
        account.grant.forget().await;
        tracing::info!(
            account = account.slug,
            operation = self.operation,
            generation = cell.generation,
            "token refresh finished"
        );
        account.announce();
        Ok(Refreshed::Fresh)
    }

    /// A sign-in was counted and not made.
    async fn take_back_sign_in(&self) {
        if let Err(error) = self.account.sign_ins.take_back(self.account.clock().now()).await {
            tracing::warn!(account = self.account.slug, "a sign-in counts that was none: {error}");
        }
    }

    /// When a token ends of which the cloud says that it lives so many seconds.
    fn ends_at(&self, seconds: i64) -> Timestamp {
        let now = self.account.clock().now();
        let life = SignedDuration::from_secs(seconds.clamp(SHORTEST_LIFE, LONGEST_LIFE));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }

    /// What follows from a refusal: a latch if the answer says that a person must act, else a pause, and a long one if the
    /// answer says nothing.
    async fn refused(
        &self,
        guard: Arc<CellGuard>,
        cause: Cause,
        failure: Failure,
        permit: Permit,
    ) -> Result<Refreshed, RefreshError> {
        let (circuits, endpoint) = (&self.account.circuits, token_endpoint(&self.account));
        let grant_refused = evidence::refuses_grant(&failure, &self.account.refusals, &self.policy).await;
        if grant_refused {
            // Another host on the same store may have used the refresh token first. Then ours is only old.
            let known = guard.cell().generation;
            if guard.reread().await.is_ok_and(|stored| stored > known) {
                circuits.abandoned(&endpoint, permit);
                self.account.grant.unclear().await;
                return Ok(Refreshed::Adopted(guard.cell()));
            }
        }
        let verdict = self.policy.classify(&failure).await;
        if verdict.counts_against == Some(CircuitScope::TokenEndpoint) {
            let now = self.account.clock().monotonic();
            circuits.failed(&endpoint, permit, now, self.circuit_settings().await);
        } else {
            circuits.abandoned(&endpoint, permit);
        }
        let retry_after = failure.retry_after.map(Duration::from_millis);
        let arrived = failure.certainty != Certainty::NotSent;
        // Without a session nothing else can be asked for either. One that is only refreshed early is not waited for.
        let asked = retry_after.filter(|_| cause != Cause::EndsSoon).map(|told| told.min(LONGEST_PAUSE));
        self.account.asked_for_patience(asked, evidence::is_daily_limit(&failure, &self.account.refusals));
        let message = failure.message.clone();
        let blocked = evidence::may_say_blocked(&failure);
        let unexplained = failure.http_status.is_none();
        let doubtful = evidence::is_doubtful(&failure).then(|| evidence::in_short(&failure));
        let generation = guard.cell().generation;
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
        // A policy that could not say what it is has no say in what follows.
        let decision = match attempt.verdict.rule == POLICY_FAULT {
            true => Decision::GiveUp,
            false => self.policy.decide(&attempt).await,
        };
        let latch = match &decision {
            Decision::Latch(Latch::Blocked) if blocked => Some(Latch::Blocked),
            Decision::Latch(latch) if grant_refused && evidence::is_for_a_person(latch) => {
                Some(latch.clone())
            }
            // A grant that was refused is not tried again, whatever the policy makes of it; and one of which nothing says
            // so is, later, whatever the policy makes of it.
            _ => grant_refused.then_some(Latch::AuthRequired),
        };
        let done = match (&latch, &doubtful) {
            (Some(latch), _) => format!("latch {}", LatchKind::from(latch).as_str()),
            (None, Some(_)) => "pause: refused without a reason".to_owned(),
            (None, None) => "pause".to_owned(),
        };
        let entry = Entry {
            account: self.account.slug.clone(),
            vehicle: None,
            operation: self.operation.clone(),
            session_generation: generation,
            policy: (&self.policy).into(),
            decided: Decided::Failure { attempt, decision },
            done,
        };
        self.account.services.audit.record(entry).await;
        let account = &self.account;
        Err(match (latch, doubtful) {
            (Some(latch), _) => {
                account.grant.forget().await;
                self.latch(&latch, &message).await
            }
            (None, Some(answer)) => {
                let told = if unexplained { RefreshError::Unexplained } else { RefreshError::Doubtful };
                self.doubtful(cause, told, answer, retry_after).await
            }
            (None, None) => {
                account.grant.unclear().await;
                self.failed(cause, arrived, RefreshError::Failed { verdict, message }, retry_after)
            }
        })
    }

    fn sends_password(&self) -> bool {
        self.account.context.secrets.contains_key(PASSWORD)
    }

    async fn circuit_settings(&self) -> Settings {
        self.policy.circuit(&CircuitScope::TokenEndpoint).await.into()
    }

    async fn latch(&self, latch: &Latch, words: &str) -> RefreshError {
        let latched = self.account.set_latch(LatchKind::from(latch), words).await;
        latched.map_or(RefreshError::Stopping, RefreshError::Latched)
    }

    /// It was refused, or not granted, and nothing says why: it rests, and that is told once.
    async fn doubtful(
        &self,
        cause: Cause,
        why: impl FnOnce(String) -> RefreshError,
        answer: String,
        retry_after: Option<Duration>,
    ) -> RefreshError {
        let account = &self.account;
        account.grant.refused(account.clock(), answer.clone(), retry_after).await;
        let why = self.failed(cause, true, why(answer), retry_after);
        account.tell_of_doubt().await;
        why
    }

    /// Remembers a failure and when to try again.
    fn failed(
        &self,
        cause: Cause,
        arrived: bool,
        why: RefreshError,
        retry_after: Option<Duration>,
    ) -> RefreshError {
        let now = self.account.clock().monotonic();
        let early = cause == Cause::EndsSoon;
        let pause = self.history().failed(now, early, arrived, why.clone(), retry_after);
        tracing::error!(
            account = self.account.slug,
            operation = self.operation,
            next_attempt_s = pause.as_secs(),
            still_valid = early,
            "token refresh failed: {why}"
        );
        self.account.announce();
        why
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.account.refreshes.lock()
    }
}

/// The name of the circuit of an account's token endpoint. No other circuit of the host has it, so that an operator
/// can say which one he means.
fn token_endpoint(account: &Account) -> String {
    format!("token-endpoint {}", account.slug)
}

/// Whether the vendor may have counted a sign-in that failed: it has decided about it, or nobody knows. What never left has
/// not been looked at. A password counts whenever it left: those are guessed at, so vendors count them strictly, and the owner
/// has said how often one may be sent. Anything else does not count that was answered by something unwell, or is in doubt.
fn was_a_sign_in(failure: &Failure, sends_password: bool) -> bool {
    let unwell = matches!(failure.http_status, Some(408 | 425 | 429 | 500..));
    let unexplained = failure.http_status.is_none();
    failure.certainty != Certainty::NotSent
        && (sends_password || !unwell && (unexplained || !evidence::is_doubtful(failure)))
}
