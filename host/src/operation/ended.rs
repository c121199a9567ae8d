//! End of a command.

use crate::bindings::connector::Outcome;
use crate::wire::outcome::{Reason, State};
use crate::wire::words::Words;

/// End of a command.
#[derive(Debug)]
pub(crate) enum Ended {
    /// A success. After a read with the vehicle's state, as the connector wrote it and with private values in
    /// place.
    Succeeded { state: Option<serde_json::Value> },
    /// A success of a command that was seen in this state of the vehicle, which was read for it.
    Seen { state: serde_json::Value },
    /// Any other end.
    Failed { state: State, reason: Reason, words: Words },
}

impl Ended {
    /// Returns the final state that it is.
    pub(crate) const fn state(&self) -> State {
        match self {
            Self::Succeeded { .. } | Self::Seen { .. } => State::Succeeded,
            Self::Failed { state, .. } => *state,
        }
    }

    /// Reads the end of a command from what the connector says of it. Of one that has not ended nobody knows.
    pub(super) fn by(outcome: Outcome) -> Self {
        let failed = |state, reason, words| Self::Failed { state, reason, words };
        match outcome {
            Outcome::Done(report) => {
                Self::Succeeded { state: report.state.and_then(|state| serde_json::from_str(&state).ok()) }
            }
            Outcome::Refused(why) => failed(State::Failed, Reason::VehicleRefused, Words::theirs(why)),
            Outcome::Unanswered(why) => {
                failed(State::Timeout, Reason::VehicleUnreachable, Words::theirs(why))
            }
            // Only the connector knows the value and the range, and its words name them.
            Outcome::Invalid(why) => failed(
                State::Rejected,
                Reason::BadPayload,
                format!("an option is not possible: {why}").into(),
            ),
            Outcome::Unsupported(why) => failed(State::Rejected, Reason::Unsupported, Words::theirs(why)),
            Outcome::Other(why) => failed(State::Unknown, Reason::Unconfirmed, Words::theirs(why)),
            Outcome::Pending(_) | Outcome::Accepted(_) => {
                failed(State::Unknown, Reason::Unconfirmed, Words::default())
            }
        }
    }
}
