//! One request to the token endpoint: counted before it is made, and its result kept whatever went wrong
//! after it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::refused::Refusal;
use super::{Cause, Refresh, RefreshError, Refreshed, token_endpoint};
use crate::bindings::connector::Grant;
use crate::bindings::policy::{Certainty, Effect, Failure};
use crate::bindings::types;
use crate::cell::{Cell, CellGuard, Contents, Secrets};
use crate::judge::evidence;
use crate::judge::failure::{self, Facts};
use crate::plugin::Called;
use crate::plugin::question::{RefreshSession, SignIn};
use crate::primitives::{Call, SESSION};
use crate::protect::circuit::Permit;
use crate::protect::quota::QuotaError;

/// The secret of the configuration that is a password, if an account has one.
const PASSWORD: &str = "password";

/// Shortest life, in seconds, that a token is believed to have: a cloud that hands out tokens that have
/// already ended would otherwise be asked for a new one before every request.
const SHORTEST_LIFE: i64 = 10;

/// Longest life, in seconds, that a token is believed to have.
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

/// The largest value that a connector may keep in the session's cell, in bytes; as in any other.
const LARGEST_VALUE: usize = 4_096;

/// One request to the token endpoint, made under the session's lock.
#[derive(Debug)]
pub(super) struct Attempt<'r> {
    refresh: &'r Refresh,
    cause: Cause,
    /// The lock of the session.
    guard: Arc<CellGuard>,
    /// The session as it was before.
    before: Arc<Cell>,
}

impl<'r> Attempt<'r> {
    pub(super) fn new(refresh: &'r Refresh, cause: Cause, guard: CellGuard) -> Self {
        let before = guard.cell();
        Self { refresh, cause, guard: Arc::new(guard), before }
    }

    /// Signs in if there is no session, else refreshes it.
    pub(super) async fn make(self, permit: Permit) -> Result<Refreshed, RefreshError> {
        let (refresh, cause, before) = (self.refresh, self.cause, &self.before);
        let account = &refresh.account;
        if let Err(not_counted) = self.count().await {
            account.circuits.abandoned(&token_endpoint(account), permit);
            return Err(not_counted);
        }
        tracing::info!(
            account = account.slug,
            operation = refresh.operation,
            generation = before.generation,
            cause = ?cause,
            "token refresh started"
        );
        let called = self.ask().await;
        let whole = !called.call.captured.is_empty() && called.call.missing.is_empty();
        let grant = match called.answer {
            Ok(Ok(grant)) if whole && grant.value.len() <= LARGEST_VALUE => grant,
            // The cloud has given out a new token, and with it perhaps ended the old one. Whatever went wrong
            // after that, losing the token would be worse. A refresh token alone does not make a session; it
            // was stored when it came.
            _ if whole || called.call.captured_essential() => {
                tracing::warn!(account = account.slug, "the connector failed after it had a new token; kept");
                let value = before.value.clone().unwrap_or_default();
                Grant { expires_in: None, refresh_expires_in: None, value }
            }
            Ok(Ok(_)) => {
                let answer = "it reports a session but captured no token".to_owned();
                account.circuits.abandoned(&token_endpoint(account), permit);
                return Err(refresh.doubtful(cause, RefreshError::Unexplained, answer, None).await);
            }
            Ok(Err(failure)) => {
                let failure = self.describe(failure, &called.call);
                self.take_back_unless_counted(&failure).await;
                let refusal = Refusal { refresh, cause, guard: &self.guard };
                return refusal.act(failure, permit).await;
            }
            Err(fault) => {
                account.circuits.abandoned(&token_endpoint(account), permit);
                account.grant.unclear().await;
                return Err(refresh.failed(cause, true, RefreshError::Plugin(fault), None));
            }
        };
        self.keep(grant, called.call.captured, permit).await;
        Ok(Refreshed::Fresh)
    }

    /// Whether there is no session that could be refreshed.
    fn signs_in(&self) -> bool {
        self.before.value.is_none()
    }

    /// Counts the request that is about to be sent.
    async fn count(&self) -> Result<(), RefreshError> {
        let account = &self.refresh.account;
        let signs_in = self.signs_in();
        if signs_in && let Err(not_counted) = account.sign_ins.count(account.clock().now()).await {
            return Err(match not_counted {
                QuotaError::NotStored(error) => RefreshError::NotStored(error),
                used => RefreshError::TooManySignIns(used),
            });
        }
        if let Err(error) = account.grant.begin(account.clock()).await {
            // Otherwise a host that crashes and starts again would ask without end.
            if signs_in {
                self.take_back_sign_in().await;
            }
            return Err(RefreshError::NotStored(error));
        }
        Ok(())
    }

    async fn ask(&self) -> Called<Grant> {
        let Self { refresh, guard, before, .. } = self;
        let account = &refresh.account;
        let mut view = account.context.cells.snapshot();
        view.pin(SESSION, Arc::clone(before));
        let mut call = Call::new(
            Arc::clone(&account.context),
            Arc::clone(&refresh.allowance),
            refresh.operation.clone(),
            view,
        );
        call.refreshing = Some(Arc::clone(guard));
        match self.signs_in() {
            true => refresh.connector.ask(account.described.account(), &SignIn, call).await,
            false => refresh.connector.ask(account.described.account(), &RefreshSession, call).await,
        }
    }

    /// Describes the failure to the policy.
    fn describe(&self, reported: types::Failure, call: &Call) -> Failure {
        let facts = Facts {
            cloud: &self.refresh.connector.manifest().cloud,
            operation: if self.signs_in() { "sign_in" } else { "refresh_session" },
            effect: Effect::Session,
            acts: false,
            token_age: self.before.age(self.refresh.account.clock()),
        };
        failure::describe(&facts, reported, call)
    }

    /// Takes back a sign-in that the vendor cannot have counted.
    async fn take_back_unless_counted(&self, failure: &Failure) {
        let sends_password = self.refresh.account.context.secrets.contains_key(PASSWORD);
        if self.signs_in() && !was_a_sign_in(failure, sends_password) {
            // A home whose host starts before its router must not wait a day.
            self.take_back_sign_in().await;
        }
    }

    /// Keeps a new session.
    async fn keep(&self, grant: Grant, secrets: Secrets, permit: Permit) {
        let refresh = self.refresh;
        let account = &refresh.account;
        let contents = Contents {
            value: grant.value,
            secrets,
            expires_at: grant.expires_in.map(|seconds| self.ends_at(seconds)),
        };
        let (cell, stored) = self.guard.keep(contents).await;
        if let Err(error) = stored {
            // It may be the only token that the cloud still accepts, so it is used all the same.
            tracing::error!(account = account.slug, "the new token is lost at the next restart: {error}");
        }
        let now = account.clock().monotonic();
        account.circuits.succeeded(&token_endpoint(account), permit, now, refresh.circuit_settings().await);
        refresh.history().succeeded(now);
        account.grant.forget().await;
        tracing::info!(
            account = account.slug,
            operation = self.refresh.operation,
            generation = cell.generation,
            "token refresh finished"
        );
        account.announce();
    }

    /// Takes back a sign-in that was counted and not made.
    async fn take_back_sign_in(&self) {
        let account = &self.refresh.account;
        if let Err(error) = account.sign_ins.take_back(account.clock().now()).await {
            tracing::warn!(account = account.slug, "a sign-in counts that was none: {error}");
        }
    }

    /// Returns the end of a token that lives `seconds`, as the cloud says.
    fn ends_at(&self, seconds: i64) -> Timestamp {
        let now = self.refresh.account.clock().now();
        let life = SignedDuration::from_secs(seconds.clamp(SHORTEST_LIFE, LONGEST_LIFE));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }
}

/// Whether the vendor may have counted a sign-in that failed: the vendor has decided about it, or its outcome
/// is unknown. What never left has not been looked at. A password counts whenever it left: passwords are
/// guessed at, so vendors count them strictly, and the owner has said how often one may be sent. Any other
/// credential does not count if the answer came from something unwell, or is in doubt.
fn was_a_sign_in(failure: &Failure, sends_password: bool) -> bool {
    let unwell = matches!(failure.http_status, Some(408 | 425 | 429 | 500..));
    let unexplained = failure.http_status.is_none();
    failure.certainty != Certainty::NotSent
        && (sends_password || !unwell && (unexplained || !evidence::is_doubtful(failure)))
}
