//! Outcome of asking for a session.

use std::sync::Arc;
use std::time::Duration;

use vehicle_connector_rules::history::{MOST_AN_HOUR, NotNow};

use crate::account::NotRetried;
use crate::bindings::policy::{FailureKind, RefreshReason};
use crate::cell::Cell;
use crate::protect::circuit::Shut;
use crate::protect::latch::{LatchKind, Latched};
use crate::protect::quota::QuotaError;
use crate::sandbox::CallFault;
use crate::store::StoreError;

/// Origin of a session.
#[derive(Debug, Clone)]
pub(crate) enum Refreshed {
    /// Refreshed by this caller.
    Fresh,
    /// Refreshed by another caller, or taken as it is because the policy said so.
    Adopted(Arc<Cell>),
}

/// A question that is open, for callers that need a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Asked {
    /// What a person has to do.
    pub(crate) kind: LatchKind,
    /// What is asked for, and how to answer.
    pub(crate) reason: String,
}

/// Reason why there is no new session. Shared by all callers that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error("a person must act: {0}")]
    Latched(Box<Latched>),
    /// The sign-in waits for a person.
    #[error("{0}")]
    Asked(Asked),
    /// The connector asked a person for what makes no sense.
    #[error("the connector asked for {0}")]
    Nonsense(String),
    #[error("{why}; the next try is due in {} s", .retry_in.as_secs())]
    NotDue {
        retry_in: Duration,
        why: String,
        /// Failure that is still too young, if there is one.
        because: Option<Box<RefreshError>>,
    },
    #[error(transparent)]
    Shut(Shut),
    #[error("{message}")]
    Failed { kind: FailureKind, message: String },
    /// The credential was refused, and nothing says why: see [`doubt`](crate::protect::doubt).
    #[error("the sign-in was refused without a reason ({0})")]
    Doubtful(String),
    /// A doubtful refusal of which the connector does not even say what was answered, so nothing promises
    /// that another try helps.
    #[error("the sign-in failed, and the connector does not say what was answered: {0}")]
    Unexplained(String),
    #[error(
        "something else keeps ending this account's sessions, such as another program that uses the account; the \
         next try is due in {} s", .retry_in.as_secs()
    )]
    Fight { retry_in: Duration },
    #[error(transparent)]
    TooManySignIns(QuotaError),
    #[error("the session was refreshed {MOST_AN_HOUR} times within an hour; something else keeps ending it")]
    TooManyRefreshes,
    /// The same credentials were tried once more as often as a person may want that within a day.
    #[error("{0}")]
    TooManyRetries(String),
    /// The store failed, so a later host could not tell that a session was asked for.
    #[error("no session is asked for: {0}")]
    NotStored(StoreError),
    #[error(transparent)]
    Plugin(CallFault),
    /// The credential was refused, and the latch that was set for it does not hold any more.
    #[error("the refusal was lifted meanwhile; it was: {0}")]
    Released(String),
    /// What a person has given for a sign-in was refused, and the session that there was goes on.
    #[error("{0}; the session that there was is used as before")]
    Spared(String),
    /// The connector has no cell for a session.
    #[error("the connector keeps no session that could be refreshed")]
    NoSession,
    /// An error of this program's, which the log tells.
    #[error("asking for a session has failed within the host")]
    Panicked,
    /// Another configuration has taken the account's place.
    #[error("the account was configured anew while this was under way; send it again")]
    Retired,
    #[error("the host is stopping")]
    Stopping,
}

impl RefreshError {
    /// The reason of a try that could not be put on record, so it was not made.
    pub(super) fn of_wish(why: NotRetried) -> Self {
        match why {
            NotRetried::NotStored(error) => Self::NotStored(error),
            why => Self::TooManyRetries(why.to_string()),
        }
    }

    /// The reason of a sign-in that could not be counted, so it was not made.
    pub(super) fn of_sign_in(why: QuotaError) -> Self {
        match why {
            QuotaError::NotStored(error) => Self::NotStored(error),
            used => Self::TooManySignIns(used),
        }
    }
}

impl From<NotNow<Self>> for RefreshError {
    fn from(why: NotNow<Self>) -> Self {
        match why {
            NotNow::Paused { retry_in, why } => {
                Self::NotDue { retry_in, why: why.to_string(), because: Some(Box::new(why)) }
            }
            NotNow::TooMany => Self::TooManyRefreshes,
        }
    }
}

/// Reason why a session is to be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No session is there.
    Missing,
    /// The cloud refused the session's token.
    Refused,
    /// The session is over, and only a sign-in brings another one.
    Over,
    /// The session has ended, or is about to.
    Ended,
    /// The session ends soon. No caller waits for this.
    EndsSoon,
    /// The refresh token would end unused. No caller waits for this either.
    Unused,
    /// A person wants a sign-in now, whatever there is.
    ByHand,
}

impl Cause {
    /// Whether no caller waits for the session.
    pub(super) const fn is_unhurried(self) -> bool {
        matches!(self, Self::EndsSoon | Self::Unused)
    }

    pub(super) const fn reason(self) -> RefreshReason {
        match self {
            Self::Missing | Self::ByHand => RefreshReason::Missing,
            Self::Unused => RefreshReason::Unused,
            Self::Refused | Self::Over => RefreshReason::Refused,
            Self::Ended | Self::EndsSoon => RefreshReason::Expiring,
        }
    }
}
