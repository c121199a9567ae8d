//! Signing out: everything that the vendor has given out for an account is forgotten.

use serde::Serialize;

use super::Account;
use crate::primitives::SESSION;
use crate::protect::latch::{LatchKind, Why};
use crate::store::StoreError;

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedOut {
    /// Slug of the account.
    pub account: String,
    /// Vendor, as people know it. It was not told.
    pub vendor: String,
    /// Names of the secrets that are forgotten.
    pub forgotten: Vec<String>,
}

/// Reason why nothing was forgotten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSignedOut {
    /// The store failed.
    #[error("nothing was forgotten: {0}")]
    NotStored(#[from] StoreError),
    /// Another configuration has taken the account's place.
    #[error("the account was configured anew while this was under way; send it again")]
    Retired,
}

impl Account {
    /// Forgets the session of the account and everything else that its vendor has given out, and ends a sign-in that
    /// waits for an answer. Nothing is sent: the vendor is not told. From then on nothing signs the account in by
    /// itself, over restarts too, until a person does or its credentials in the configuration are others.
    ///
    /// It waits for a session that is being asked for. What is under way ends with what it has.
    ///
    /// # Errors
    ///
    /// See [`NotSignedOut`]. Nothing has changed then.
    pub async fn logout(&self, by: &str) -> Result<SignedOut, NotSignedOut> {
        let session = self.context.cells.slot(SESSION);
        let _held = match &session {
            Some(slot) => Some(slot.acquire().await),
            None => None,
        };
        if self.is_retired() {
            return Err(NotSignedOut::Retired);
        }
        let why = Why::new(self.advice.on_signed_out(), "").not_signed_in();
        let (latched, write) = self.latch.made(LatchKind::AuthRequired, why, self.clock().now(), None)?;
        // What comes next need not be of whoever was signed in.
        let owner = self.configured_owner().write(&self.slug)?;
        let also = self.questions.removal().into_iter().chain([write, owner]).collect();
        let forgotten = self.context.cells.forget_all(also).await?;
        self.latch.show(latched);
        self.grant.forget().await;
        self.refreshes.lock().forget_failures();
        tracing::warn!(account = self.slug, by, ?forgotten, "a person has signed the account out");
        if self.questions.forget() {
            self.question_ended("the account was signed out");
        }
        self.announce();
        self.wake.notify_one();
        let vendor = self.advice.vendor().to_owned();
        Ok(SignedOut { account: self.slug.clone(), vendor, forgotten: forgotten.into_iter().collect() })
    }
}
