//! One try to obtain a session: a question to the connector under the session's lock, and its result kept whatever
//! went wrong after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::asked::Conversation;
use super::refused::{Follows, Refusal};
use super::{Cause, Refresh, RefreshError, Refreshed, token_endpoint};
use crate::account::With;
use crate::account::ownership::Owner;
use crate::account::question::{Begun, Fitting, Pending};
use crate::bindings::connector::{Grant, Reply, Step};
use crate::bindings::policy::{Effect, Failure};
use crate::bindings::types;
use crate::cell::{Cell, CellGuard};
use crate::descriptor::SecretRule;
use crate::judge::failure::{self, Facts};
use crate::plugin::Called;
use crate::plugin::question::{ContinueSignIn, RefreshSession, SignIn};
use crate::primitives::{self, Call, SESSION};
use crate::protect::circuit::{Permit, Purpose};

/// The largest value that a connector may keep in the session's cell, in bytes; as in any other.
const LARGEST_VALUE: usize = 4_096;

/// What a connector is asked for.
#[derive(Debug)]
pub(super) enum Stage {
    /// To refresh the session.
    Refresh,
    /// To obtain one from credentials.
    SignIn,
    /// To go on with a sign-in after its question.
    GoOn(GoingOn),
}

/// A sign-in that goes on.
#[derive(Debug)]
pub(super) struct GoingOn {
    /// The question that was open.
    pub(super) pending: Arc<Pending>,
    /// What became of it.
    pub(super) fitting: Fitting,
}

/// One try, made under the session's lock.
#[derive(Debug)]
pub(super) struct Attempt<'r> {
    pub(super) refresh: &'r Refresh,
    pub(super) cause: Cause,
    /// The lock of the session.
    pub(super) guard: Arc<CellGuard>,
    /// The session as it was before.
    before: Arc<Cell>,
    /// Generations of what the account's other cells had before.
    found: BTreeMap<String, u64>,
    pub(super) stage: Stage,
    /// Generation of the session that is over and that the sign-in follows.
    follows: Option<u64>,
}

impl<'r> Attempt<'r> {
    /// A try to sign in if there is no session, if that is over, or if the cause wants it; else to refresh it.
    pub(super) fn new(refresh: &'r Refresh, cause: Cause, guard: CellGuard) -> Self {
        let before = guard.cell();
        // What is over is not offered again.
        let follows = cause != Cause::ByHand
            && refresh.account.may_sign_in_again()
            && refresh.history().awaits_sign_in(before.generation);
        let signs_in = before.value.is_none() || follows || matches!(cause, Cause::Over | Cause::ByHand);
        let follows = follows.then_some(before.generation);
        let stage = if signs_in { Stage::SignIn } else { Stage::Refresh };
        let found = refresh.account.context.cells.generations_but(SESSION);
        Self { refresh, cause, guard: Arc::new(guard), before, found, stage, follows }
    }

    /// A try to go on with a sign-in.
    pub(super) fn going_on(refresh: &'r Refresh, guard: CellGuard, going: GoingOn) -> Self {
        let (before, found) = (guard.cell(), going.pending.begun.found.clone());
        let (cause, stage) = (Cause::Missing, Stage::GoOn(going));
        Self { refresh, cause, guard: Arc::new(guard), before, found, stage, follows: None }
    }

    /// Makes the try. A session that turns out to be over is followed by one sign-in.
    pub(super) async fn make(mut self, permit: Permit) -> Result<Refreshed, RefreshError> {
        match self.make_once(permit).await {
            Follows::Result(result) => result,
            Follows::SignIn => {
                self.stage = Stage::SignIn;
                self.follows = Some(self.before.generation);
                let (account, now) = (&self.refresh.account, self.refresh.account.clock().monotonic());
                let permit = account.circuits.admit(&token_endpoint(account), now, Purpose::Read);
                match self.make_once(permit.map_err(RefreshError::Shut)?).await {
                    Follows::Result(result) => result,
                    // A sign-in that was refused is not followed by another one.
                    Follows::SignIn => Err(RefreshError::NoSession),
                }
            }
        }
    }

    async fn make_once(&mut self, permit: Permit) -> Follows {
        let (refresh, cause) = (self.refresh, self.cause);
        let account = &refresh.account;
        if let Err(not_counted) = self.count().await {
            account.circuits.abandoned(&token_endpoint(account), permit);
            return Follows::Result(Err(not_counted));
        }
        tracing::info!(
            account = account.slug,
            operation = refresh.operation,
            generation = self.before.generation,
            cause = ?cause,
            "{} started", self.what()
        );
        let begun = account.clock().monotonic();
        let follows = self.carry_out(permit).await;
        self.counted(&follows, account.clock().monotonic().saturating_sub(begun));
        follows
    }

    /// Counts a try that was made, by what it was: a sign-in, or a refresh.
    fn counted(&self, follows: &Follows, took: Duration) {
        let account = &self.refresh.account;
        let metrics = &account.services.metrics;
        if self.is_sign_in() {
            metrics.signed_in(&account.slug, follows.granted());
        } else {
            metrics.refreshed(&account.slug, follows.granted(), took);
        }
    }

    async fn carry_out(&mut self, permit: Permit) -> Follows {
        let (refresh, cause) = (self.refresh, self.cause);
        let account = &refresh.account;
        let Called { answer, mut call } = self.ask().await;
        // One that came to nothing before anything of it left, or was asked, was none.
        if let Some(generation) = self.follows
            && (call.sign_in.is_counted() || matches!(answer, Ok(Ok(Step::Asked(_)))))
        {
            refresh.history().signed_in_after(generation);
        }
        self.keep_what_outlasts(&call).await;
        if let Stage::GoOn(going) = &mut self.stage {
            going.pending = Arc::new(going.pending.spent_by(&call));
        }
        // What was made here is no session, whatever its name, nor is the next value of what the owner has configured.
        let replaces =
            |name: &str| account.context.rules.get(name).is_some_and(SecretRule::replaces_configured);
        let brought = call.captured.keys().any(|name| !call.made.contains(name) && !replaces(name));
        let whole = brought && call.missing.is_empty();
        let grant = match answer {
            Ok(Ok(Step::Granted(grant))) if whole && grant.value.len() <= LARGEST_VALUE => grant,
            Ok(Ok(Step::Asked(question))) => {
                self.not_decided(permit).await;
                return Follows::Result(Err(Conversation { attempt: self }.asked(question, &call).await));
            }
            // The cloud has given out a new token, and with it perhaps ended the old one. Whatever went wrong
            // after that, losing the token would be worse. A refresh token alone does not make a session; it
            // was stored when it came.
            _ if self.may_be_all_there_is() && (whole || call.captured_essential()) => {
                tracing::warn!(account = account.slug, "the connector failed after it had a new token; kept");
                let value = self.before.value.clone().unwrap_or_default();
                Grant { expires_in: None, refresh_expires_in: None, ends_in: None, value }
            }
            Ok(Ok(Step::Other(_))) => {
                self.not_decided(permit).await;
                Conversation { attempt: self }.not_answered(call.left).await;
                let why = RefreshError::Nonsense("a step that this version does not know".to_owned());
                return Follows::Result(Err(refresh.failed(cause, true, why, None)));
            }
            Ok(Ok(_)) => {
                let answer =
                    "it reports a session, and captured no token or wants too much remembered".to_owned();
                account.end_question("the connector reports a session and has none").await;
                account.circuits.abandoned(&token_endpoint(account), permit);
                let with = self.begun().with();
                let why = refresh.doubtful(cause, with, RefreshError::Unexplained, answer, None).await;
                return Follows::Result(Err(why));
            }
            Ok(Err(failure)) => return self.failed(failure, &mut call, permit).await,
            Err(fault) => {
                self.not_decided(permit).await;
                Conversation { attempt: self }.not_answered(call.left).await;
                let why = refresh.failed(cause, true, RefreshError::Plugin(fault), None);
                return Follows::Result(Err(why));
            }
        };
        let ends_in = grant.ends_in.or_else(|| account.grants.life_of_sent(&call.offers));
        self.keep(Grant { ends_in, ..grant }, call.captured, permit).await;
        Follows::Result(Ok(Refreshed::Fresh))
    }

    async fn failed(&self, failure: types::Failure, call: &mut Call, permit: Permit) -> Follows {
        let (refresh, cause, account) = (self.refresh, self.cause, &self.refresh.account);
        if let Some(why) = call.sign_in.take_refusal() {
            self.not_decided(permit).await;
            let why = refresh.failed(cause, call.left, RefreshError::of_sign_in(why), None);
            return Follows::Result(Err(why));
        }
        let failure = self.describe(failure, call);
        if let Stage::GoOn(going) = &self.stage {
            let conversation = Conversation { attempt: self };
            return Follows::Result(Err(conversation.not_gone_on(going, failure, call.left, permit).await));
        }
        let signed_in = matches!(self.stage, Stage::SignIn);
        let refusal = Refusal { refresh, cause, guard: &self.guard, signed_in };
        let follows = refusal.act(failure, permit).await;
        if matches!(follows, Follows::SignIn) {
            tracing::warn!(account = account.slug, "the session is over; the account is signed in anew");
        }
        follows
    }

    /// Whether a session is obtained in a sign-in, and not by a refresh.
    pub(super) fn signs_in(&self) -> bool {
        !matches!(self.stage, Stage::Refresh)
    }

    /// What the try is called by policies and in counts.
    fn purpose(&self) -> &'static str {
        if self.signs_in() { "sign_in" } else { "refresh_session" }
    }

    /// What the try is called in the log.
    pub(super) fn what(&self) -> &'static str {
        if self.is_sign_in() { "sign-in" } else { "token refresh" }
    }

    /// Whether it is a sign-in as people speak of one. Without a password a session is obtained with a refresh token,
    /// if there is none yet.
    fn is_sign_in(&self) -> bool {
        match self.stage {
            Stage::GoOn(_) => true,
            Stage::SignIn => self.sends_password(),
            Stage::Refresh => false,
        }
    }

    fn sends_password(&self) -> bool {
        self.refresh.account.context.signs_in_with_password(&self.refresh.given_once)
    }

    /// What the sign-in has begun with; nothing if it is no sign-in.
    pub(super) fn begun(&self) -> Begun {
        match &self.stage {
            Stage::SignIn => Begun {
                given: self.given(),
                spares_session: self.refresh.spares_session,
                found: self.found.clone(),
            },
            Stage::GoOn(GoingOn { pending, .. }) => pending.begun.clone(),
            Stage::Refresh => Begun::default(),
        }
    }

    /// Who signs in, if a person has given that for this sign-in.
    fn given(&self) -> Option<Owner> {
        let Refresh { account, given_once, .. } = self.refresh;
        (!given_once.is_empty()).then(|| account.owner(given_once))
    }

    /// Generations of what the account's other cells had when the sign-in began.
    pub(super) fn found(&self) -> &BTreeMap<String, u64> {
        &self.found
    }

    /// Gives back a permit, and a try that says nothing about the credentials.
    pub(super) async fn not_decided(&self, permit: Permit) {
        let account = &self.refresh.account;
        account.circuits.abandoned(&token_endpoint(account), permit);
        account.grant.unclear().await;
    }

    /// Whether what was captured may be all that the cloud still accepts, so that it is kept although the connector
    /// failed. A sign-in with a password can be made again, and what it captured before it failed need not be a
    /// session; a token that the cloud has replaced cannot be used again.
    fn may_be_all_there_is(&self) -> bool {
        match self.stage {
            Stage::Refresh => true,
            Stage::SignIn => !self.sends_password(),
            Stage::GoOn(_) => false,
        }
    }

    /// Stores what is kept whatever comes of a sign-in, if no request after it has had that done.
    async fn keep_what_outlasts(&self, call: &Call) {
        let kept = call.store_at_once();
        if call.signs_in
            && !kept.is_empty()
            && let Err(error) = self.guard.add_secrets(kept).await
        {
            tracing::warn!(
                account = self.refresh.account.slug,
                "a secret is lost at the next restart: {error}"
            );
        }
    }

    /// Counts the try that is about to be made. One that goes on was counted when it began.
    async fn count(&self) -> Result<(), RefreshError> {
        let account = &self.refresh.account;
        if matches!(self.stage, Stage::GoOn(_)) {
            return Ok(());
        }
        // No page is asked for that a sign-in would begin with and could not go on from.
        if matches!(self.stage, Stage::SignIn)
            && let Some(used_up) = account.context.no_sign_in_left(&self.refresh.given_once)
        {
            return Err(RefreshError::TooManySignIns(used_up));
        }
        if matches!(self.stage, Stage::SignIn) {
            // What it brings may be all that the cloud accepts from then on, so it is not made where that could not be
            // kept.
            self.guard.try_out().await.map_err(RefreshError::NotStored)?;
        }
        if let Some(wish) = &self.refresh.wish {
            wish.is_made(account).await.map_err(RefreshError::of_wish)?;
        }
        if self.begun().with() == With::Given {
            // Counted as a sign-in, and no try of what is configured.
            return Ok(());
        }
        // Otherwise a host that crashes and starts again would ask without end.
        account.grant.begin(account.clock()).await.map_err(RefreshError::NotStored)
    }

    async fn ask(&self) -> Called<Step> {
        let Self { refresh, guard, before, stage, .. } = self;
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
        call.signs_in = self.signs_in();
        call.purpose = self.purpose();
        let described = account.described.account();
        match stage {
            Stage::SignIn => {
                call.given_once.clone_from(&refresh.given_once);
                refresh.connector.ask(described, &SignIn, call).await
            }
            Stage::Refresh => refresh.connector.ask(described, &RefreshSession, call).await,
            Stage::GoOn(GoingOn { pending, fitting }) => {
                call.captured.clone_from(&pending.staged);
                call.offers.clone_from(&pending.offers);
                call.jars.clone_from(&pending.jars);
                call.made.clone_from(&pending.made);
                call.handed.clone_from(&fitting.handed);
                call.given_once.clone_from(&pending.given_once);
                let sign_in = primitives::SignIn::going_on(pending.counted);
                let anew = matches!(fitting.reply, Reply::Confirmed);
                call.sign_in = if anew { sign_in.begun_anew() } else { sign_in };
                let question = ContinueSignIn { continuation: &pending.continuation, reply: &fitting.reply };
                refresh.connector.ask(described, &question, call).await
            }
        }
    }

    /// Describes the failure to the policy.
    fn describe(&self, reported: types::Failure, call: &Call) -> Failure {
        let facts = Facts {
            cloud: &self.refresh.connector.manifest().name,
            operation: self.purpose(),
            effect: Effect::Session,
            acts: false,
            token_age: self.before.age(self.refresh.account.clock()),
            token_last_worked: self.refresh.account.token_last_worked(self.before.generation),
        };
        failure::describe(&facts, reported, call)
    }
}
