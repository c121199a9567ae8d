//! Sign-ins, counted by what is sent.
//!
//! Vendors count passwords and one-time codes, and lock accounts for too many. Which function of a connector sends
//! one is nothing to them, so it is nothing here either: the first request of a call that carries such a secret is
//! counted, durably, before it leaves; the others of the call belong to it. What never left is taken back. A sign-in
//! that asks a person and has sent none of these is counted with its first question. One that a person has to consent
//! to first has come to nothing: a password that is sent after that is another sign-in.

use jiff::Timestamp;

use crate::protect::quota::{DailyQuota, QuotaError};

/// The sign-in that a call is, if it sends what signs in.
#[derive(Debug, Clone, Default)]
pub(crate) struct SignIn {
    /// Whether it is counted: by this call, or by the one that asked the question which this call goes on from.
    counted: bool,
    /// Whether another password is another sign-in all the same.
    again: bool,
    /// Why it was not counted, and nothing was sent.
    refused: Option<QuotaError>,
}

impl SignIn {
    /// A part of a sign-in that is counted already, if it is.
    pub(crate) const fn going_on(counted: bool) -> Self {
        Self { counted, again: false, refused: None }
    }

    /// The same, after which a password that is sent is another sign-in: the one before has come to nothing, and a person
    /// has said that it may go better now.
    pub(crate) fn begun_anew(self) -> Self {
        Self { again: true, ..self }
    }

    /// Whether the sign-in is counted.
    pub(crate) const fn is_counted(&self) -> bool {
        self.counted
    }

    /// Takes out why what signs in was not sent, if it was not.
    pub(crate) fn take_refusal(&mut self) -> Option<QuotaError> {
        self.refused.take()
    }

    /// Counts the sign-in, if it is not counted yet: before the first request of it leaves, or before its first
    /// question is asked. Returns whether it was counted now.
    ///
    /// # Errors
    ///
    /// When no more sign-ins are allowed, or the count cannot be stored. What was to follow must not then.
    pub(crate) async fn begin(&mut self, sign_ins: &DailyQuota, now: Timestamp) -> Result<bool, QuotaError> {
        if self.counted {
            return Ok(false);
        }
        match sign_ins.count(now).await {
            Ok(()) => self.counted = true,
            Err(why) => {
                self.refused = Some(why.clone());
                return Err(why);
            }
        }
        Ok(true)
    }

    /// Counts the sign-in as [`begin`](Self::begin) does, for a request that carries what signs in.
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) async fn sends(&mut self, sign_ins: &DailyQuota, now: Timestamp) -> Result<bool, QuotaError> {
        if std::mem::take(&mut self.again) {
            self.counted = false;
        }
        self.begin(sign_ins, now).await
    }

    /// Takes the count back: the request that was counted has not left.
    pub(super) async fn take_back(&mut self, sign_ins: &DailyQuota, now: Timestamp) {
        self.counted = false;
        if let Err(error) = sign_ins.take_back(now).await {
            tracing::warn!("a sign-in counts that was none: {error}");
        }
    }
}
