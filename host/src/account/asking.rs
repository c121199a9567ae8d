//! The conversation with a person: questions that open and end, answers, and sign-ins that a person begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::given::has_password;
use super::question::{Answer, Begun, Fitting, NotUnderstood, Pending, Shown};
use super::retry::{NotRetried, Wish};
use super::{Account, Given, NotTaken, With};
use crate::account::session::{Asked, Cause, Refresh, RefreshError, Refreshed};
use crate::bindings::connector::Reply;
use crate::descriptor::SecretClass;
use crate::events::{AboutAccount, Event};
use crate::judge::evidence::GrantRefusal;
use crate::primitives::SESSION;
use crate::protect::latch::{LatchKind, Why};
use crate::wire::message::Outgoing;

/// Where a sign-in has got to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Progressed {
    /// There is a session.
    SignedIn,
    /// A person has to do something.
    Asked {
        /// The question.
        question: Shown,
    },
    /// Neither a session nor a question is there.
    Ended {
        /// Why.
        reason: String,
        /// Word for the state of the account.
        state: String,
    },
}

/// Reason why a sign-in has got nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotProgressed {
    /// No question is open.
    #[error(
        "no question is open for the account {0:?}; `vehicle-connector auth login {0}` begins a sign-in that may ask one"
    )]
    NoQuestion(String),
    /// Another answer was faster, or the time of the question is over.
    #[error("the question that this answers is over")]
    Over,
    /// It is no answer to the question that is open. Nothing was sent.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// What was given is not taken, or something is missing. Nothing was sent.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// Another sign-in was faster, and was not one of what was given here.
    #[error(
        "another sign-in to the account {0:?} was faster, and was somebody else's: its session is used, and what was given \
         here was not sent"
    )]
    Overtaken(String),
    /// No other sign-in may be begun.
    #[error(transparent)]
    NotBegun(#[from] NotRetried),
    /// The sign-in has failed.
    #[error("{0}")]
    Failed(String),
}

impl Account {
    /// Puts a question to a person: stored, published and said. Called under the session's lock. Returns what callers
    /// are told until it is answered.
    pub(crate) async fn ask(&self, pending: Pending) -> RefreshError {
        self.ask_as_wished(pending, None).await
    }

    /// The same, in place of the latch that held when a person has wished for the sign-in.
    pub(crate) async fn ask_as_wished(&self, pending: Pending, wish: Option<&Wish>) -> RefreshError {
        let (before, shown) = (self.questions.current(), self.question());
        let is_news = before.is_none_or(|before| !before.challenge.is_as_before(&pending.challenge));
        if let Err(error) = self.questions.put(pending, self.lift(wish)).await {
            tracing::error!(account = self.slug, "the question holds only until a restart: {error}");
        }
        self.lifted(wish);
        self.wake.notify_one();
        if self.question() != shown {
            self.announce_question();
            self.announce();
        }
        match self.asked() {
            Some(asked) => {
                if is_news {
                    tracing::warn!(account = self.slug, "a person must answer: {asked}");
                    self.say_of_question(Event::QuestionAsked, asked.reason.clone());
                }
                RefreshError::Asked(asked)
            }
            None => RefreshError::Released(String::new()),
        }
    }

    /// Returns what a person is asked, if a question is open.
    pub(crate) fn asked(&self) -> Option<Asked> {
        let pending = self.questions.current()?;
        let reason = self.advice.on_question(&pending, &self.services.topics.account_answer(&self.slug));
        Some(Asked { kind: pending.wants(), reason })
    }

    /// Ends the question, if one is open, and throws away what was staged with it. Called under the session's lock.
    pub(crate) async fn end_question(&self, why: &str) {
        match self.questions.end().await {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::error!(account = self.slug, "the end of a question is not stored: {error}")
            }
        }
        self.question_ended(why);
    }

    /// Ends a question whose time is over. No other sign-in begins by itself: nobody was there to answer. Called under
    /// the session's lock.
    pub(crate) async fn end_unanswered(&self, pending: &Pending) {
        self.end_question("nobody has answered in time").await;
        let _told = self.ended_in_nothing(pending.wants(), &pending.begun, "").await;
    }

    /// Whether the end of a sign-in that has begun with this leaves the session that there is as it is.
    pub(crate) fn spares(&self, kind: LatchKind, begun: &Begun) -> bool {
        let is_about_client = matches!(kind, LatchKind::ClientRefused | LatchKind::LockedOut);
        begun.spares_session && !is_about_client && self.has_session()
    }

    /// Acts on a sign-in that has asked a person and has come to nothing: no other one begins by itself. A session that
    /// was in use when it began is used as before, because nothing was said of it. `words` are the vendor's.
    pub(crate) async fn ended_in_nothing(&self, kind: LatchKind, begun: &Begun, words: &str) -> RefreshError {
        let why = self.why_in_vain(kind, GrantRefusal::Credentials, begun.with(), words);
        let ended = self.ended_for(kind, why, begun).await;
        ended.unwrap_or_else(|| RefreshError::Released(words.to_owned()))
    }

    /// The same, of a sign-in that could not go on without what was given for it. Nothing was refused.
    pub(crate) async fn ended_without_given(&self, begun: &Begun) -> RefreshError {
        let why = Why::new(self.advice.on_lost(), "").not_signed_in();
        let words = why.to_string();
        self.ended_for(LatchKind::AuthRequired, why, begun).await.unwrap_or(RefreshError::Released(words))
    }

    /// The same, for a reason. None if the latch that was set does not hold any more.
    async fn ended_for(&self, kind: LatchKind, why: Why, begun: &Begun) -> Option<RefreshError> {
        if self.spares(kind, begun) {
            let spared = RefreshError::Spared(why.to_string());
            tracing::warn!(account = self.slug, "{spared}");
            self.questions.note_end(Some(spared.to_string()));
            return Some(spared);
        }
        self.set_latch_for(kind, why).await.map(|latched| RefreshError::Latched(latched.into()))
    }

    /// Forgets the question, whose end is stored together with the session that came of it.
    pub(crate) fn answered(&self) {
        if self.questions.forget() {
            self.question_ended("there is a session");
        }
    }

    pub(super) fn question_ended(&self, why: &str) {
        tracing::info!(account = self.slug, "the question is over: {why}");
        self.announce_question();
        self.announce();
        self.say_of_question(Event::QuestionEnded, why.to_owned());
    }

    fn say_of_question(&self, event: fn(AboutAccount) -> Event, reason: String) {
        self.services.events.say(&event(AboutAccount { account: self.slug.clone(), reason }));
    }

    /// The question that is open, if one is.
    #[must_use]
    pub fn question(&self) -> Option<Shown> {
        self.questions.current().map(|pending| pending.shown(self.advice.vendor()))
    }

    /// Where the last sign-in has got to.
    #[must_use]
    pub fn sign_in_so_far(&self) -> Progressed {
        let ended = |reason: String| Progressed::Ended { reason, state: self.state() };
        match (self.question(), self.latched(), self.questions.in_vain()) {
            (Some(question), ..) => Progressed::Asked { question },
            (None, Some(latched), _) => ended(latched.to_string()),
            (None, None, Some(in_vain)) => ended(in_vain),
            (None, None, None) if self.has_session() => Progressed::SignedIn,
            (None, None, None) => ended("no sign-in is under way".to_owned()),
        }
    }

    /// Shows with the question why the last answer was none.
    pub(crate) fn note_problem(&self, problem: String) {
        if self.questions.note(problem) {
            self.announce_question();
        }
    }

    /// Sees to what is due although nobody asks for it, for as long as the account is there: questions that end,
    /// visits to be asked about, grants that end. Must be called within a tokio runtime.
    pub(crate) fn keep(self: &Arc<Self>) {
        if !self.kept.swap(true, Ordering::Relaxed) {
            tokio::spawn(super::keeping::keep(Arc::downgrade(self)));
        }
    }

    /// Publishes the question that is open, or clears the one that was.
    pub fn announce_question(&self) {
        if self.is_retired() {
            return;
        }
        let payload = self.questions.current().and_then(|pending| {
            // Strings and numbers, for which this cannot fail.
            serde_json::to_vec(&pending.shown(self.advice.vendor())).ok()
        });
        let topic = self.services.topics.account_question(&self.slug);
        self.services.publisher.publish(Outgoing::new(topic, payload.unwrap_or_default()).retained());
    }

    /// Answers the question that is open, and returns where the sign-in has got to then.
    ///
    /// # Errors
    ///
    /// See [`NotProgressed`]. None of them says anything of the answer.
    pub async fn answer(self: &Arc<Self>, answer: &Answer) -> Result<Progressed, NotProgressed> {
        let none = || NotProgressed::NoQuestion(self.slug.clone());
        let pending = self.questions.current().ok_or_else(none)?;
        let session = self.context.cells.slot(SESSION).map(|slot| slot.current());
        let is_password = |name: &String| self.context.class(name) == Some(SecretClass::Password);
        let passwords = self.context.secrets.iter().filter(|(name, _)| is_password(name));
        let given = pending.given_once.iter().filter(|(name, _)| is_password(name));
        let passwords: Vec<_> = passwords.chain(given).map(|(_, secret)| secret).collect();
        let found = |name: &str| {
            let kept = session.as_ref().and_then(|session| session.secrets.get(name));
            pending.staged.get(name).or(kept)
        };
        let fitting = pending.fit(answer, found, &passwords)?;
        self.go_on(pending.number, fitting).await
    }

    /// Asks the cloud whether a visit is done.
    pub(crate) async fn poll(self: &Arc<Self>, number: u64) {
        match self.go_on(number, Fitting::bare(Reply::Waited)).await {
            Ok(progressed) => tracing::debug!(account = self.slug, ?progressed, "the visit was asked about"),
            Err(why) => tracing::debug!(account = self.slug, "the visit was asked about: {why}"),
        }
    }

    async fn go_on(self: &Arc<Self>, number: u64, fitting: Fitting) -> Result<Progressed, NotProgressed> {
        let going = Refresh::of_nobody(self, "answer").go_on(number, fitting).await;
        self.progressed(going.ok_or(NotProgressed::Over)?)
    }

    /// Begins a sign-in now, whatever session there is, because a person wants it and is there to answer. If a question
    /// is open it is that one that goes on. A latch or a doubt does not keep it back, as often a day as
    /// [`Account::retry`]; with other credentials than those that were refused, as often as sign-ins may be made. A latch
    /// holds on if the try is not made, or tells nothing.
    ///
    /// What is given is used for this sign-in and its questions, under the rules that hold for what is configured, and
    /// is then wiped. If it is refused while a session is in use, or nobody answers what it asks, that session goes on.
    ///
    /// # Errors
    ///
    /// See [`NotProgressed`].
    pub async fn login(self: &Arc<Self>, by: &str, given: Given) -> Result<Progressed, NotProgressed> {
        if let Some(pending) = self.questions.current() {
            return Ok(self.asked_by(&pending));
        }
        let given = self.take(given)?;
        if let Some(hindrance) = self.hindrance(&given) {
            return Err(NotProgressed::Failed(hindrance.to_string()));
        }
        let with = if has_password(&given) { With::Given } else { With::Configured };
        let wish = Wish::of(self, by, with).await?;
        let is_latched = self.latched().is_some();
        tracing::info!(account = self.slug, by, "a person signs in");
        let session = self.context.cells.slot(SESSION).map(|slot| slot.current()).unwrap_or_default();
        // A refusal without a reason, which leads to doubt, says nothing of it.
        let is_in_use = session.value.is_some() && !is_latched && !self.is_refused(&session);
        let owner = (!given.is_empty()).then(|| self.owner(&given));
        let signing_in = Refresh::of_nobody(self, "login").by_hand(given, is_in_use, wish);
        let done = signing_in.refresh(Cause::ByHand, session.generation).await;
        if let (Ok(Refreshed::Adopted(_)), Some(owner)) = (&done, &owner)
            && self.may_belong_to_another(owner).await
        {
            return Err(NotProgressed::Overtaken(self.slug.clone()));
        }
        self.progressed(done)
    }

    fn progressed(
        self: &Arc<Self>,
        done: Result<Refreshed, RefreshError>,
    ) -> Result<Progressed, NotProgressed> {
        match done {
            Ok(_) => Ok(Progressed::SignedIn),
            Err(RefreshError::Asked(_)) => {
                let pending = self.questions.current().ok_or(NotProgressed::Over)?;
                Ok(self.asked_by(&pending))
            }
            Err(why) => Err(NotProgressed::Failed(why.to_string())),
        }
    }

    /// Says what is asked. A host that is there for a moment only asks about a visit too, for as long as it is there.
    fn asked_by(self: &Arc<Self>, pending: &Pending) -> Progressed {
        if pending.challenge.polled_every().is_some() {
            self.keep();
        }
        Progressed::Asked { question: pending.shown(self.advice.vendor()) }
    }
}
