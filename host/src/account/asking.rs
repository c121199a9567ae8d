//! Questions to a person: put, told of, and ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::question::{Begun, Pending, Shown};
use super::{Account, Wish};
use crate::account::session::{Asked, RefreshError};
use crate::events::{AboutAccount, Event};
use crate::judge::evidence::GrantRefusal;
use crate::protect::latch::{LatchKind, Why};
use crate::wire::message::Outgoing;

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

    /// Whether the end of a sign-in that has begun with this leaves the session that there is as it is. Where a password is
    /// configured it does not: nothing else would keep that from being sent by itself when the session is over, although
    /// the vendor is known to ask a person.
    pub(crate) fn spares(&self, kind: LatchKind, begun: &Begun) -> bool {
        let is_about_client = matches!(kind, LatchKind::ClientRefused | LatchKind::LockedOut);
        begun.spares_session && !is_about_client && self.has_session() && !self.may_sign_in_again()
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
}
