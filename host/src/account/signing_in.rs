//! Sign-ins of a person's: begun, answered, and how far they have got.

use std::sync::Arc;

use serde::Serialize;

use super::given::has_password;
use super::question::{Answer, Fitting, NotUnderstood, Pending, Shown};
use super::retry::{NotRetried, Wish};
use super::{Account, Given, NotTaken, With};
use crate::account::session::{Cause, Refresh, RefreshError, Refreshed};
use crate::bindings::connector::Reply;
use crate::descriptor::SecretClass;
use crate::primitives::SESSION;

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
