//! How a command ended.

use crate::bindings::connector::{Outcome, Pending};
use crate::wire::outcome::{Reason, State};
use crate::wire::words::Words;

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Well. After a read with the vehicle's state, as the connector wrote it and with private values in place.
    Succeeded { state: Option<serde_json::Value> },
    /// Otherwise.
    Failed { state: State, reason: Reason, words: Words },
}

impl Ended {
    /// How a command ended, by what the connector says of it.
    ///
    /// # Errors
    ///
    /// What to ask with if it has not ended.
    pub(super) fn by(outcome: Outcome) -> Result<Self, Pending> {
        let failed = |state, reason, words| Self::Failed { state, reason, words };
        Ok(match outcome {
            Outcome::Pending(pending) => return Err(pending),
            Outcome::Done(report) => {
                Self::Succeeded { state: report.state.and_then(|state| serde_json::from_str(&state).ok()) }
            }
            Outcome::Refused(why) => failed(State::Failed, Reason::VehicleRefused, Words::theirs(why)),
            Outcome::Unanswered(why) => {
                failed(State::Timeout, Reason::VehicleUnreachable, Words::theirs(why))
            }
            // What it says names the value and the range, which nobody else can.
            Outcome::Invalid(why) => failed(
                State::Rejected,
                Reason::BadPayload,
                format!("an option is not possible: {why}").into(),
            ),
            Outcome::Unsupported(why) => failed(State::Rejected, Reason::Unsupported, Words::theirs(why)),
            Outcome::Other(why) => failed(State::Unknown, Reason::Unconfirmed, Words::theirs(why)),
        })
    }
}
