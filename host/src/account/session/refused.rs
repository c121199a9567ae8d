//! Consequences of a session that was not granted: a latch, a rest, or a pause.

use std::time::Duration;

use vehicle_connector_rules::latch::after_refused_grant;
use vehicle_connector_rules::refresh::wanted_pause;

use super::{Cause, LONGEST_PAUSE, Refresh, RefreshError, Refreshed, token_endpoint};
use crate::account::With;
use crate::bindings::policy::{Certainty, CircuitScope, Decision, Failure, FailureKind};
use crate::cell::CellGuard;
use crate::judge::evidence::GrantRefusal;
use crate::judge::{Circumstances, Judged, evidence};
use crate::metrics::Granted;
use crate::protect::circuit::Permit;
use crate::protect::latch::LatchKind;
use crate::time::of_milliseconds;

/// What is on record of a refusal for which nothing is latched, because it says nothing of the session in use.
pub(super) const GOES_ON: &str = "none: the session that is there goes on";

/// What follows from a session that was not granted.
#[derive(Debug)]
pub(super) enum Follows {
    /// Nothing more: this is the result.
    Result(Result<Refreshed, RefreshError>),
    /// A sign-in: the session is over, and the owner has configured a password.
    SignIn,
}

impl Follows {
    /// How the try ended, as it is counted.
    pub(super) fn granted(&self) -> Granted {
        match self {
            Self::Result(Ok(Refreshed::Fresh)) => Granted::Ok,
            Self::Result(Err(RefreshError::Asked(_))) => Granted::Asked,
            // Another host on the same store was first, so the refusal is about what is old.
            Self::SignIn
            | Self::Result(
                Ok(Refreshed::Adopted(_))
                | Err(
                    RefreshError::Latched(_)
                    | RefreshError::Released(_)
                    | RefreshError::Spared(_)
                    | RefreshError::Doubtful(_)
                    | RefreshError::Unexplained(_),
                ),
            ) => Granted::Refused,
            Self::Result(Err(_)) => Granted::Failed,
        }
    }
}

/// A session that was not granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'r> {
    pub(super) refresh: &'r Refresh,
    pub(super) cause: Cause,
    /// The lock of the session.
    pub(super) guard: &'r CellGuard,
    /// Whether it was a sign-in that was refused, and not a refresh.
    pub(super) signed_in: bool,
}

impl Refusal<'_> {
    /// Acts on a refusal: sets a latch if the answer says that a person must act, else a pause, and a long
    /// one if the answer says nothing.
    pub(super) async fn act(self, failure: Failure, permit: Permit) -> Follows {
        let Self { refresh, cause, guard, .. } = self;
        let account = &refresh.account;
        let grant_refused =
            evidence::refuses_grant(&failure, &account.context.refusals, &refresh.policy).await;
        if grant_refused && refresh.with() == With::Configured {
            // Another host on the same store may have used the refresh token first. Then ours is only old.
            let known = guard.cell().generation;
            if guard.reread().await.is_ok_and(|stored| stored > known) {
                account.circuits.abandoned(&token_endpoint(account), permit);
                account.grant.unclear().await;
                return Follows::Result(Ok(Refreshed::Adopted(guard.cell())));
            }
        }
        let judge = refresh.judge(guard.cell().generation);
        let judged = judge.classify(failure).await;
        count_failure(refresh, &judged, permit).await;
        // Without a session nothing else can be asked for either. One that is only refreshed early is not
        // waited for.
        let asked = retry_after(&judged.failure).filter(|_| !cause.is_unhurried());
        let daily_limit = evidence::is_daily_limit(&judged.failure, &account.context.refusals);
        account.asked_for_patience(asked.map(|told| told.min(LONGEST_PAUSE)), daily_limit);
        let judgement = judge.decide(judged, Circumstances::ONCE).await;
        if judgement.decision == Decision::SignInAgain && self.may_sign_in() {
            judge.record(&judgement, "sign in again".to_owned()).await;
            return Follows::SignIn;
        }
        let refusal = match (grant_refused, &judgement.decision) {
            (true, Decision::SignInAgain) => Some(GrantRefusal::Session),
            (true, _) => Some(GrantRefusal::Credentials),
            (false, _) => evidence::refuses_by_redirect(&judgement.judged.failure),
        };
        let answer = evidence::answer(&judgement.judged.failure);
        let latch = after_refused_grant(&judgement.decision.clone().into(), &answer, refusal);
        let doubtful = evidence::is_doubtful(&judgement.judged.failure);
        let spares = refresh.spares_session && refresh.with() == With::Given;
        if let Some(latch) = latch.filter(|latch| spares && latch.is_for_a_person()) {
            judge.record(&judgement, GOES_ON.to_owned()).await;
            let refusal = refusal.unwrap_or(GrantRefusal::Credentials);
            return Follows::Result(Err(self.spared(latch, refusal, &judgement.judged.failure.message)));
        }
        let done = match (&latch, doubtful) {
            (Some(latch), _) => format!("latch {}", latch.as_str()),
            (None, true) => "pause: refused without a reason".to_owned(),
            (None, false) => "pause".to_owned(),
        };
        judge.record(&judgement, done).await;
        Follows::Result(Err(match latch {
            Some(latch) => {
                if refresh.with() == With::Configured {
                    account.grant.forget().await;
                }
                let refusal = refusal.unwrap_or(GrantRefusal::Credentials);
                self.latch(latch, refusal, judgement.judged.failure.message).await
            }
            None => {
                self.not_granted(judgement.judged, doubtful, wanted_pause(&judgement.decision.clone().into()))
                    .await
            }
        }))
    }

    /// Whether a sign-in may follow: never one that was refused itself, and once for each session.
    fn may_sign_in(self) -> bool {
        !self.signed_in
            && self.refresh.account.may_sign_in_again()
            && self.refresh.history().over(self.guard.cell().generation)
    }

    /// What a person has given was refused, and says nothing of the session that is there.
    fn spared(&self, latch: LatchKind, refusal: GrantRefusal, words: &str) -> RefreshError {
        let why = self.refresh.account.why_in_vain(latch, refusal, With::Given, words);
        self.refresh.failed(self.cause, true, RefreshError::Spared(why.to_string()), None)
    }

    async fn latch(&self, kind: LatchKind, refusal: GrantRefusal, words: String) -> RefreshError {
        let account = &self.refresh.account;
        let why = account.why_in_vain(kind, refusal, self.refresh.with(), &words);
        if kind != LatchKind::LockedOut {
            // Another latch takes the place of the one that there was, also in the store.
            account.lifted(self.refresh.wish.as_ref());
        }
        let latched = account.set_latch_for(kind, why).await;
        latched.map_or(RefreshError::Released(words), |latched| RefreshError::Latched(latched.into()))
    }

    /// Records a failure for which nothing is latched. The next try is not before the server, or the policy, wants it.
    async fn not_granted(&self, judged: Judged, doubtful: bool, wanted: Option<Duration>) -> RefreshError {
        let failure = &judged.failure;
        let (told, arrived) = (retry_after(failure).max(wanted), failure.certainty != Certainty::NotSent);
        if doubtful {
            let explained = failure.http_status.is_some();
            // A policy knows what was wrong with the request: the words of who answered help more than "no reason".
            let is_known = explained
                && *judged.kind() == FailureKind::InvalidRequest
                && failure.code.is_some()
                && !failure.message.is_empty();
            let answer = if is_known { failure.message.clone() } else { evidence::in_short(failure) };
            let why = |answer| match judged.kind() {
                _ if !explained => RefreshError::Unexplained(answer),
                kind if is_known => RefreshError::Failed { kind: kind.clone(), message: answer },
                _ => RefreshError::Doubtful(answer),
            };
            let with = self.refresh.with();
            return self.refresh.doubtful(self.cause, with, why, answer, told).await;
        }
        self.refresh.account.grant.unclear().await;
        let why = RefreshError::Failed { kind: judged.kind().clone(), message: judged.failure.message };
        self.refresh.failed(self.cause, arrived, why, told)
    }
}

/// Counts against the token endpoint what tells of its health.
pub(super) async fn count_failure(refresh: &Refresh, judged: &Judged, permit: Permit) {
    let account = &refresh.account;
    let endpoint = token_endpoint(account);
    if judged.counts_against() == Some(&CircuitScope::TokenEndpoint) {
        let now = account.clock().monotonic();
        account.circuits.failed(&endpoint, permit, now, refresh.circuit_settings().await);
    } else {
        account.circuits.abandoned(&endpoint, permit);
    }
}

/// Returns the time for which the server wants to be left alone.
pub(super) fn retry_after(failure: &Failure) -> Option<Duration> {
    failure.retry_after.map(of_milliseconds)
}
