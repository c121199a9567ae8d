//! Guard of the PIN: when it may be sent.
//!
//! A few wrong PINs lock the PIN for its owner too, in the vendor's app as well. A PIN that is said to be
//! refused is latched at once. Any other answer of an endpoint that says yes or no to a PIN may have counted as
//! a wrong one or not, and neither a policy nor a connector is believed about that: the host counts every answer
//! without success as a try in [`Doubt`], whatever the plugins say. A PIN that goes with the request that needs
//! it ([`PinStyle::Bearer`]) is answered about something else most of the time, and gets nothing in return; of
//! that only the cloud's refusals of a PIN count. The host looks for them in the answer itself, before the
//! connector sees it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::descriptor::PinStyle;
use crate::protect::doubt::{Doubt, InDoubt, Refused, Rest};
use crate::protect::latch::{About, Latch, LatchKind, Latched, Why};
use crate::store::{Store, StoreError, Write};
use crate::time::Clock;

/// Turn of an operation to send a PIN, until it is known what came of it.
pub(crate) type Turn = tokio::sync::OwnedMutexGuard<()>;

/// Guard of one account's PIN.
#[derive(Debug)]
pub struct PinGuard {
    latch: Latch,
    /// Meaning of a refusal, and what helps.
    advice: String,
    doubt: Doubt,
    /// Lock of the operation that sends the PIN, until it is answered: of five that are sent at once each
    /// would be the first.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Reason why a PIN is not sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotOffered {
    /// The vendor has refused it.
    #[error("{0}")]
    Refused(Box<Latched>),
    /// The last answer says neither yes nor no.
    #[error(
        "the PIN was answered with neither yes nor no ({}), and wrong ones are counted; it is sent again in {} s",
        .0.reason, .0.left.as_secs().max(1)
    )]
    InDoubt(Rest),
}

impl PinGuard {
    /// Opens the guard of an account's PIN. What was known of another PIN is forgotten; returns the write by which the store
    /// forgets it, if there is one, for the caller to commit. `advice` says what a refusal means, and what helps.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        account: &str,
        about: About,
        advice: String,
        store: &Arc<dyn Store>,
        now: Timestamp,
    ) -> Result<(Self, Option<Write>), StoreError> {
        let (latch, write) = Latch::open(&format!("{account}/pin"), about, store, now).await?;
        let doubt = Doubt::open(Refused::Pin, account, about.credentials, store, now).await?;
        Ok((Self { latch, advice, doubt, turn: Arc::default() }, write))
    }

    /// Checks whether the PIN may be sent now.
    ///
    /// # Errors
    ///
    /// When it may not: why.
    pub fn may_offer(&self, clock: &dyn Clock) -> Result<(), NotOffered> {
        if let Some(latched) = self.latched(clock.now()) {
            return Err(NotOffered::Refused(latched.into()));
        }
        self.doubt.rest(clock).map_or(Ok(()), |rest| Err(NotOffered::InDoubt(rest)))
    }

    /// The latch, if the vendor has refused the PIN.
    #[must_use]
    pub fn latched(&self, now: Timestamp) -> Option<Latched> {
        self.latch.current(now)
    }

    /// Returns the doubt about the PIN.
    #[must_use]
    pub fn in_doubt(&self, clock: &dyn Clock) -> Option<InDoubt> {
        self.doubt.shown(clock)
    }

    /// Returns a doubt that was not told yet.
    pub async fn untold(&self, clock: &dyn Clock) -> Option<InDoubt> {
        self.doubt.untold(clock).await
    }

    /// Records that the vendor has refused the PIN, in these words.
    ///
    /// # Errors
    ///
    /// When that could not be stored. The latch holds all the same, until the next restart.
    pub async fn refuse(&self, words: &str, now: Timestamp) -> Result<(), StoreError> {
        let why = Why::new(self.advice.clone(), words);
        let stored = self.latch.set(LatchKind::AuthRequired, why, now, None).await.1;
        self.doubt.forget().await;
        stored
    }

    /// Lets the PIN be sent once more, and returns whether anything kept it from that.
    ///
    /// # Errors
    ///
    /// When that could not be stored; then nothing has changed.
    pub async fn lift(&self) -> Result<bool, StoreError> {
        let lifted = self.latch.lift().await?;
        Ok(self.doubt.forget().await || lifted)
    }

    /// Waits until no other operation is sending it.
    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Records that the PIN is about to be sent.
    ///
    /// # Errors
    ///
    /// When that must be counted and cannot be stored.
    pub(super) async fn offering(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        self.doubt.begin(clock).await
    }

    /// Records the answer to the PIN; returns whether that is a refusal, of something. A server that is
    /// unwell has not looked at the PIN. A refusal counts whatever is made of it; whether it is followed by a
    /// pause depends on what explains it. Of a PIN that goes with other requests nothing counts before it is
    /// judged, so every answer may be one.
    pub(super) async fn answered(
        &self,
        style: PinStyle,
        status: u16,
        with_success: bool,
        clock: &dyn Clock,
    ) -> bool {
        match status {
            _ if style == PinStyle::Bearer => {
                self.doubt.unclear().await;
                true
            }
            _ if with_success => {
                self.doubt.forget().await;
                false
            }
            408 | 425 | 429 | 500.. => {
                self.doubt.unclear().await;
                false
            }
            _ => {
                self.doubt.counted(clock, format!("HTTP {status}")).await;
                true
            }
        }
    }

    /// Records that the last answer refused something else, such as the token that it came with.
    pub(crate) async fn not_about_it(&self) {
        self.doubt.explained().await;
    }

    /// Records that nothing explains the last answer.
    pub(crate) fn doubted(&self, clock: &dyn Clock) {
        self.doubt.pause(clock, None);
    }

    /// Records that the PIN was sent, or not, and not answered.
    pub(super) async fn unanswered(&self) {
        self.doubt.unclear().await;
    }
}
