//! What of a policy's decision about a refresh is done.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::history::LONGEST_PAUSE;

/// Time that callers are told to wait when a policy wants no more refreshes. It is asked again with the next
/// operation.
const STOPPED: Duration = LONGEST_PAUSE;

/// Time to wait after an answer that cannot be understood.
const NONSENSE: Duration = Duration::from_secs(60);

/// What a policy says to a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshDecision {
    /// Refresh now.
    Refresh,
    /// Take the session as it is.
    Adopt,
    /// Not before so long.
    Wait(Duration),
    /// Never, until a person acts; with the name of the latch.
    Stop(String),
    /// Something that this version has no name for.
    Other(String),
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The session is refreshed.
    Refresh,
    /// It is taken as it is.
    Adopt,
}

/// Nothing is done for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYet {
    /// Time until the next question.
    pub retry_in: Duration,
    /// Why, in words.
    pub why: String,
}

/// Turns a decision into what is done. `has_session` says whether there is any to adopt.
///
/// # Errors
///
/// When nothing is done for a while.
pub fn admit(decision: &RefreshDecision, has_session: bool) -> Result<Taken, NotYet> {
    match decision {
        RefreshDecision::Adopt if has_session => Ok(Taken::Adopt),
        // No newer session is there to adopt.
        RefreshDecision::Refresh | RefreshDecision::Adopt => Ok(Taken::Refresh),
        RefreshDecision::Wait(pause) => {
            let why = "the policy wants to wait".to_owned();
            Err(NotYet { retry_in: (*pause).min(LONGEST_PAUSE), why })
        }
        // The vendor has not said that it refuses the credentials, so there is nothing to latch for.
        RefreshDecision::Stop(latch) => {
            Err(NotYet { retry_in: STOPPED, why: format!("the policy wants to stop ({latch})") })
        }
        RefreshDecision::Other(what) => {
            Err(NotYet { retry_in: NONSENSE, why: format!("the policy answered {what:?}") })
        }
    }
}

/// Returns the pause that a policy wants before the next try, of its decision about a refresh that failed. It
/// is bounded as a server's is.
#[must_use]
pub fn wanted_pause(decision: &crate::action::Decision) -> Option<Duration> {
    match decision {
        crate::action::Decision::Retry(pause) => Some(*pause),
        _ => None,
    }
}
