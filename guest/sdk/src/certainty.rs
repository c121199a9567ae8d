//! Whether the vehicle may have acted: the one place where that is decided.
//!
//! A command that may have been executed is not sent again, so a door that is unlocked twice begins with a
//! mistake here. The host holds the same rules itself and corrects what is bolder than they are; it cannot
//! correct what a connector does not tell it. So no connector has rules of its own: it says what its cloud's
//! codes mean ([`Envelope`](crate::http::Envelope)), and this says what follows.

use crate::connector::{Certainty, Phase, Transport};

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doing {
    /// The step.
    pub phase: Phase,
    /// Whether the vehicle may act because of the request.
    pub acts: bool,
}

/// What an answer's document says of the vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing that is known.
    Unsaid,
    /// The cloud refused before it told the vehicle.
    Not,
    /// It was told, or it cannot be known.
    Perhaps,
}

/// How a request ended that was no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Without an answer.
    NoAnswer(Transport),
    /// With an answer.
    Answer {
        /// Its status.
        status: u16,
        /// Whether it says when to come again (`Retry-After`).
        comes_back: bool,
        /// What its document says of the vehicle.
        told: Told,
    },
}

/// Whether the vehicle may have acted, when what was done came to this end.
///
/// Only a code or a status tells that the vehicle was not told; words do not. In doubt it is
/// [`Certainty::Ambiguous`].
#[must_use]
pub fn certainty(doing: Doing, end: End) -> Certainty {
    if doing.phase == Phase::Confirmation {
        // The command was taken earlier, whatever becomes of the question.
        return Certainty::Accepted;
    }
    match end {
        End::NoAnswer(Transport::NotSent | Transport::Denied) => Certainty::NotSent,
        _ if !doing.acts => Certainty::Rejected,
        End::NoAnswer(Transport::Interrupted | Transport::Other) => Certainty::Ambiguous,
        End::Answer { told: Told::Perhaps, .. } => Certainty::Ambiguous,
        End::Answer { told: Told::Not, .. } => Certainty::Rejected,
        // RFC 9110 §15.5.2, RFC 6585 §4.
        End::Answer { status: 401 | 429, .. } => Certainty::Rejected,
        // Any proxy may write it after the request went on, unless it says when to come again.
        End::Answer { status: 503, comes_back: true, .. } => Certainty::Rejected,
        End::Answer { .. } => Certainty::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Certainty::{Accepted, Ambiguous, NotSent, Rejected};

    const COMMAND: Doing = Doing { phase: Phase::Command, acts: true };
    const READ: Doing = Doing { phase: Phase::Status, acts: false };
    const POLL: Doing = Doing { phase: Phase::Confirmation, acts: false };

    #[test]
    fn of_no_answer() {
        for (transport, command, read) in [
            (Transport::NotSent, NotSent, NotSent),
            (Transport::Denied, NotSent, NotSent),
            (Transport::Interrupted, Ambiguous, Rejected),
            (Transport::Other, Ambiguous, Rejected),
        ] {
            let end = End::NoAnswer(transport);
            assert_eq!((certainty(COMMAND, end), certainty(READ, end)), (command, read), "{transport:?}");
            assert_eq!(certainty(POLL, end), Accepted);
        }
    }

    #[test]
    fn of_an_answer() {
        for (status, comes_back, told, expected) in [
            (401, false, Told::Unsaid, Rejected),
            (429, false, Told::Unsaid, Rejected),
            (503, true, Told::Unsaid, Rejected),
            (503, false, Told::Unsaid, Ambiguous),
            (400, false, Told::Not, Rejected),
            (200, false, Told::Not, Rejected),
            (401, true, Told::Perhaps, Ambiguous),
            (200, false, Told::Unsaid, Ambiguous),
            (302, false, Told::Unsaid, Ambiguous),
            (403, false, Told::Unsaid, Ambiguous),
            (404, false, Told::Unsaid, Ambiguous),
            (500, true, Told::Unsaid, Ambiguous),
        ] {
            let end = End::Answer { status, comes_back, told };
            assert_eq!(certainty(COMMAND, end), expected, "{end:?}");
            assert_eq!(certainty(READ, end), Rejected);
            assert_eq!(certainty(POLL, end), Accepted);
        }
    }
}
