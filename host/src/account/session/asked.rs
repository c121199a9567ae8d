//! Questions of a sign-in: what follows when one is asked, and when its answer came to nothing.

use std::time::Duration;

use super::attempt::{Attempt, GoingOn, Stage};
use super::refused::{GOES_ON, count_failure, retry_after};
use super::{Refresh, RefreshError};
use crate::account::question::{NotAsked, POLL_STEP, Pending};
use crate::account::{Account, With};
use crate::bindings::connector::{Question, Reply};
use crate::bindings::policy::{Decision, Failure, Latch, Transport};
use crate::judge::{Circumstances, evidence};
use crate::primitives::Call;
use crate::protect::circuit::Permit;
use crate::protect::latch::LatchKind;
use crate::protect::quota::QuotaError;

/// A sign-in whose connector has asked, or has failed to go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conversation<'a> {
    pub(super) attempt: &'a Attempt<'a>,
}

impl Conversation<'_> {
    /// Puts a question to a person. The first one of a sign-in counts as a sign-in, whatever was sent for it: a cloud
    /// that asks without a password sends mails and messages, and locks accounts for too many.
    pub(super) async fn asked(self, question: Question, call: &Call) -> RefreshError {
        let account = &self.refresh().account;
        let before = self.going().map(|going| (going.pending.as_ref(), &going.fitting.reply));
        match Pending::of(question, call, before, account.clock().now()) {
            Ok(pending) => {
                let mut sign_in = call.sign_in.clone();
                match sign_in.begin(&account.context.sign_ins, account.clock().now()).await {
                    Ok(_) => {
                        let begun = self.attempt.begun();
                        let pending = Pending { counted: true, begun, ..pending };
                        account.ask_as_wished(pending, self.refresh().wish.as_ref()).await
                    }
                    // Nothing counts where none is allowed at all, so nothing else would keep the next operation from
                    // having another code sent.
                    Err(why @ QuotaError::Used { limit: 0, .. }) => {
                        self.end(pending.wants(), &why.to_string(), why.to_string()).await
                    }
                    Err(why) => {
                        account.end_question(&why.to_string()).await;
                        let why = RefreshError::of_sign_in(why);
                        self.refresh().failed(self.attempt.cause, call.left, why, None)
                    }
                }
            }
            Err(NotAsked::NoCodesLeft) => {
                self.end(LatchKind::OtpRequired, "no code was accepted", String::new()).await
            }
            Err(NotAsked::Unknown(what)) => {
                self.end(LatchKind::OtpRequired, "this version cannot ask what is asked for", what).await
            }
            Err(NotAsked::Nonsense(why)) => {
                // What it cannot ask was sent all the same.
                if call.left
                    && let Err(why) =
                        call.sign_in.clone().begin(&account.context.sign_ins, account.clock().now()).await
                {
                    tracing::warn!(account = account.slug, "a sign-in is not counted: {why}");
                }
                account.end_question("the connector asked for what makes no sense").await;
                self.refresh().failed(self.attempt.cause, true, RefreshError::Nonsense(why), None)
            }
        }
    }

    /// Acts on an answer that the cloud has not accepted. While codes may be tried the question stays open; so it does
    /// when nothing was sent, and while a poll is told to wait. Any other failure ends the sign-in: a person was
    /// there, and has to begin it again. `left` says whether any request has left.
    pub(super) async fn not_gone_on(
        self,
        going: &GoingOn,
        failure: Failure,
        left: bool,
        permit: Permit,
    ) -> RefreshError {
        let (pending, account) = (going.pending.as_ref(), &self.refresh().account);
        if pending.has_lost_given() && failure.transport == Some(Transport::Denied) {
            // The host itself has sent nothing in its place, so another answer helps as little as this one.
            self.attempt.not_decided(permit).await;
            account.end_question("what was given for the sign-in is not there any more").await;
            return account.ended_without_given(&pending.begun).await;
        }
        if let Some(slower) = waits(&failure, pending, &going.fitting.reply) {
            self.attempt.not_decided(permit).await;
            return match account.asked() {
                // Nothing has changed, and nothing is stored or said.
                Some(asked) if slower.challenge == pending.challenge && is_noted(account, &slower) => {
                    RefreshError::Asked(asked)
                }
                _ => account.ask(slower).await,
            };
        }
        if !left {
            self.attempt.not_decided(permit).await;
            return self
                .open_or_end(pending.after("the cloud was not reached; answer again".to_owned()))
                .await;
        }
        let judge = self.refresh().judge(self.attempt.guard.cell().generation);
        let judged = judge.classify(failure).await;
        count_failure(self.refresh(), &judged, permit).await;
        let daily_limit = evidence::is_daily_limit(&judged.failure, &account.context.refusals);
        account.asked_for_patience(retry_after(&judged.failure), daily_limit);
        let judgement = judge.decide(judged, Circumstances::ONCE).await;
        let firm = firm_latch(&judgement.decision, &judgement.judged.failure);
        let still = match (&firm, &going.fitting.reply) {
            (None, Reply::Code) => pending.after_a_wrong_code(&going.fitting.handed),
            (None, Reply::Again) => pending.after("no other code was sent".to_owned()),
            _ => None,
        };
        let done = match (&still, &firm) {
            (Some(_), _) => "the question stays open".to_owned(),
            (None, firm) => match firm.unwrap_or(pending.wants()) {
                kind if account.spares(kind, &pending.begun) => GOES_ON.to_owned(),
                kind => format!("latch {}", kind.as_str()),
            },
        };
        judge.record(&judgement, done).await;
        match still {
            Some(still) => account.ask(still).await,
            None => {
                if pending.begun.with() == With::Configured {
                    account.grant.forget().await;
                }
                let kind = firm.unwrap_or(pending.wants());
                self.end(kind, "the answer was refused", judgement.judged.failure.message).await
            }
        }
    }

    /// Acts on a connector that did not answer at all.
    pub(super) async fn not_answered(self, left: bool) {
        let Some(going) = self.going() else { return };
        let pending = &going.pending;
        let still = match &going.fitting.reply {
            Reply::Code if left => pending.after_a_wrong_code(&going.fitting.handed),
            _ => pending.after("the connector did not answer".to_owned()),
        };
        let _the_fault_is_told = self.open_or_end(still).await;
    }

    async fn open_or_end(self, still: Option<Pending>) -> RefreshError {
        match still {
            Some(still) => self.refresh().account.ask(still).await,
            None => {
                let kind = self.going().map_or(LatchKind::OtpRequired, |going| going.pending.wants());
                self.end(kind, "it was answered too often", String::new()).await
            }
        }
    }

    /// Ends the sign-in in nothing: what was staged is thrown away. `words` are the vendor's.
    async fn end(self, kind: LatchKind, why: &str, words: String) -> RefreshError {
        let account = &self.refresh().account;
        account.end_question(why).await;
        if kind != LatchKind::LockedOut {
            account.lifted(self.refresh().wish.as_ref());
        }
        account.ended_in_nothing(kind, &self.attempt.begun(), &words).await
    }

    fn refresh(&self) -> &Refresh {
        self.attempt.refresh
    }

    fn going(&self) -> Option<&GoingOn> {
        match &self.attempt.stage {
            Stage::GoOn(going) => Some(going),
            Stage::Refresh | Stage::SignIn => None,
        }
    }
}

/// Whether what was spent so far stands in the question that is open.
fn is_noted(account: &Account, pending: &Pending) -> bool {
    account.questions.current().is_some_and(|current| current.has_spent_as(pending))
}

/// Returns the question as it goes on, if a poll is only told to wait (RFC 8628 §3.5). A poll that was not answered,
/// or by something unwell, is made more rarely too.
fn waits(failure: &Failure, pending: &Pending, reply: &Reply) -> Option<Pending> {
    if !matches!(reply, Reply::Waited) {
        return None;
    }
    let unwell = failure.transport.is_some() || matches!(failure.http_status, Some(408 | 429 | 500..));
    let slower: fn(Duration) -> Duration = match failure.oauth_error.as_deref() {
        Some("authorization_pending") => |every| every,
        Some("slow_down") => |every| every + POLL_STEP,
        Some(_) => return None,
        None if unwell => |every| every * 2,
        None => return None,
    };
    let challenge = pending.challenge.clone().polled_slower(slower);
    Some(Pending { challenge, ..pending.clone() })
}

/// Returns the latch that ends a sign-in although another answer might be tried: the vendor refuses this program.
fn firm_latch(decision: &Decision, failure: &Failure) -> Option<LatchKind> {
    match decision {
        Decision::Latch(latch @ Latch::Blocked) if evidence::may_say_blocked(failure) => Some(latch.into()),
        Decision::Latch(latch @ Latch::ClientRefused) if evidence::may_say_client_refused(failure) => {
            Some(latch.into())
        }
        _ => None,
    }
}
