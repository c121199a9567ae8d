//! What of a decision is done: all of it, unless it would break one of these rules.
//!
//! Pure, and short enough to be read in one go: this is what holds whatever a plugin says.

use alloc::collections::BTreeSet;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latch::LatchKind;

/// Most tries of one step.
pub const MOST_ATTEMPTS: u32 = 4;

/// The longest pause before a repeat or a question.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The cell of the session, which is refreshed and never thrown away.
pub const SESSION: &str = "session";

/// What a policy wants done about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Refresh the session, and repeat the step once.
    RefreshAndRetry,
    /// Sign in anew, and repeat the step once.
    SignInAgain,
    /// Forget a cell, and repeat the step once.
    DiscardAndRetry(String),
    /// Repeat the step after so long.
    Retry(Duration),
    /// Ask what became of a command.
    Confirm(Later),
    /// Nothing.
    GiveUp,
    /// Nothing, and nothing else either until a person acts.
    Latch(LatchKind),
    /// Something that this version has no name for.
    Other,
}

/// Whether the vehicle may have acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certainty {
    /// Nothing left this machine.
    NotSent,
    /// The cloud refused before it passed anything on.
    Rejected,
    /// It may have been executed.
    Ambiguous,
    /// The cloud took it.
    Accepted,
}

/// Statement of an answer to a command on whether the vehicle was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Refused before the vehicle was told.
    Refused,
    /// Accepted, as far as the status tells.
    Taken,
    /// Trouble in the cloud or before it, as the status says. The request may have been passed on.
    Trouble,
    /// No statement.
    Nothing,
}

/// Statuses of refusals. RFC 9110 §15.5.2: it lacks valid credentials for the target. RFC 6585 §4: too many
/// requests.
const REFUSED: [u16; 2] = [401, 429];

/// Status 503, RFC 9110 §15.6.4. Any proxy on the way may write it after the request went on, unless it says
/// when to come again.
const UNAVAILABLE: u16 = 503;

impl Told {
    /// Whether an answer with this status is known to have come before the vehicle was told, whatever else is
    /// in it. `later` says that it names a time to come again.
    #[must_use]
    pub fn refused_by_status(status: u16, later: bool) -> bool {
        REFUSED.contains(&status) || status == UNAVAILABLE && later
    }

    /// What an answer with this status says, given whether it is known as a refusal.
    #[must_use]
    pub fn by_status(status: u16, is_refusal: bool) -> Self {
        match status {
            _ if is_refusal => Self::Refused,
            200..=299 => Self::Taken,
            // RFC 9110 §15.5.9 and §15.6.
            408 | 500..=599 => Self::Trouble,
            _ => Self::Nothing,
        }
    }
}

/// When a command is asked about, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// Time until the next question.
    pub after: Duration,
    /// Time after which there is no further question, if it ends before the operation's.
    pub within: Option<Duration>,
}

/// Action about a failure.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Refresh the session, once for all callers, and repeat the step.
    Refresh,
    /// Sign in anew, and repeat the step.
    SignInAgain,
    /// Forget a cell, and repeat the step.
    Discard(String),
    /// Repeat the step after a pause.
    Pause(Duration),
    /// Send nothing, and ask what became of the command.
    AskLater(Later),
    /// Nothing: the step has failed.
    GiveUp,
    /// Nothing, and nothing else either.
    Latch(LatchKind),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refresh => f.write_str("refresh"),
            Self::SignInAgain => f.write_str("sign in again"),
            Self::Discard(cell) => write!(f, "discard {cell}"),
            Self::Pause(pause) => write!(f, "repeat after {} ms", pause.as_millis()),
            Self::AskLater(Later { after, within: None }) => write!(f, "ask after {} ms", after.as_millis()),
            Self::AskLater(Later { after, within: Some(within) }) => {
                write!(f, "ask after {} ms, for {} ms", after.as_millis(), within.as_millis())
            }
            Self::GiveUp => f.write_str("give up"),
            Self::Latch(kind) => write!(f, "latch {}", kind.as_str()),
        }
    }
}

/// Facts that the rules depend on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whether repeating the step sends something that moves the vehicle.
    pub actuates: bool,
    /// Word of the answer to a command on whether the vehicle was told; none without an answer.
    pub told: Option<Told>,
    /// Certainty about whether the vehicle may have acted already.
    pub certainty: Certainty,
    /// Number of tries of the step, counting this one.
    pub number: u32,
    /// Whether the step was repeated after a refresh.
    pub refreshed: bool,
    /// The cells that were discarded for this step.
    pub discarded: &'a BTreeSet<String>,
    /// Time until the operation must have a result.
    pub left: Duration,
}

/// Turns a decision into the action that the rules admit.
#[must_use]
pub fn admit(decision: Decision, facts: Facts<'_>) -> Action {
    let pause = |wanted: Duration| wanted.min(LONGEST_PAUSE);
    let later = |Later { after, within }| Later { after: pause(after), within };
    let may_have_acted = matches!(facts.certainty, Certainty::Ambiguous | Certainty::Accepted);
    // A request with the same effect however often it is sent may go again to a cloud that is unwell, and to
    // no other that gives an answer.
    let answered = match facts.told {
        None | Some(Told::Refused) => false,
        Some(Told::Trouble) => facts.actuates,
        Some(Told::Taken | Told::Nothing) => true,
    };
    if answered || facts.actuates && may_have_acted {
        // Never again, whatever the policy wants. It may only want to know.
        return match decision {
            Decision::Confirm(wanted) => Action::AskLater(later(wanted)),
            // A latch sends nothing.
            Decision::Latch(latch) => Action::Latch(latch),
            _ => Action::GiveUp,
        };
    }
    let may_repeat = facts.number < MOST_ATTEMPTS && !facts.left.is_zero();
    match decision {
        Decision::RefreshAndRetry if may_repeat && !facts.refreshed => Action::Refresh,
        Decision::SignInAgain if may_repeat && !facts.refreshed => Action::SignInAgain,
        Decision::DiscardAndRetry(cell)
            if may_repeat && cell != SESSION && !facts.discarded.contains(&cell) =>
        {
            Action::Discard(cell)
        }
        Decision::Retry(after) if may_repeat && pause(after) < facts.left => Action::Pause(pause(after)),
        Decision::Confirm(wanted) => Action::AskLater(later(wanted)),
        Decision::Latch(latch) => Action::Latch(latch),
        Decision::RefreshAndRetry
        | Decision::SignInAgain
        | Decision::DiscardAndRetry(_)
        | Decision::Retry(_)
        | Decision::GiveUp
        | Decision::Other => Action::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned as _;
    use alloc::vec;
    use alloc::vec::Vec;

    fn confirm(after: Duration) -> Decision {
        Decision::Confirm(Later { after, within: None })
    }

    fn decisions() -> Vec<Decision> {
        vec![
            Decision::RefreshAndRetry,
            Decision::DiscardAndRetry("device-registration".to_owned()),
            Decision::Retry(Duration::ZERO),
            Decision::Retry(Duration::MAX),
            confirm(Duration::from_secs(5)),
            confirm(Duration::MAX),
            Decision::SignInAgain,
            Decision::GiveUp,
            Decision::Latch(LatchKind::AuthRequired),
            Decision::Other,
        ]
    }

    fn sends_again(action: &Action) -> bool {
        matches!(action, Action::Refresh | Action::SignInAgain | Action::Discard(_) | Action::Pause(_))
    }

    const NOTHING: &BTreeSet<String> = &BTreeSet::new();

    fn rejected(actuates: bool) -> Facts<'static> {
        Facts {
            actuates,
            told: None,
            certainty: Certainty::Rejected,
            number: 1,
            refreshed: false,
            discarded: NOTHING,
            left: Duration::from_secs(60),
        }
    }

    #[test]
    fn an_actuation_that_may_have_happened_is_never_sent_again() {
        for certainty in [Certainty::Ambiguous, Certainty::Accepted] {
            for decision in decisions() {
                let action = admit(decision.clone(), Facts { certainty, ..rejected(true) });
                assert!(!sends_again(&action), "{certainty:?} {decision:?}: {action:?}");
            }
        }
        // A request that was answered is not repeated either, were it only to set a value, and whatever a
        // plugin thinks of it.
        for certainty in [Certainty::NotSent, Certainty::Rejected, Certainty::Ambiguous, Certainty::Accepted]
        {
            for decision in decisions() {
                for told in [Told::Taken, Told::Nothing, Told::Trouble] {
                    let answered = Facts { certainty, told: Some(told), ..rejected(told == Told::Trouble) };
                    let action = admit(decision.clone(), answered);
                    assert!(!sends_again(&action), "{certainty:?} {decision:?}: {action:?}");
                }
            }
        }
        // A request that moves nothing may be repeated: a read, or the question what became of a command.
        let read = Facts { certainty: Certainty::Ambiguous, ..rejected(false) };
        assert_eq!(admit(Decision::Retry(Duration::ZERO), read), Action::Pause(Duration::ZERO));
    }

    #[test]
    fn one_refresh_and_one_of_each_discard() {
        let refreshed = Facts { refreshed: true, number: 2, ..rejected(true) };
        assert_eq!(admit(Decision::RefreshAndRetry, rejected(true)), Action::Refresh);
        assert_eq!(admit(Decision::RefreshAndRetry, refreshed), Action::GiveUp);

        let cell = "device-registration".to_owned();
        let discard = || Decision::DiscardAndRetry(cell.clone());
        assert_eq!(admit(discard(), refreshed), Action::Discard(cell.clone()));
        let discarded = BTreeSet::from([cell.clone()]);
        assert_eq!(admit(discard(), Facts { discarded: &discarded, ..refreshed }), Action::GiveUp);
        // The session is refreshed, never thrown away.
        assert_eq!(admit(Decision::DiscardAndRetry(SESSION.to_owned()), rejected(true)), Action::GiveUp);
    }

    #[test]
    fn attempts_and_pauses_have_ceilings() {
        for decision in decisions() {
            let last = Facts { number: MOST_ATTEMPTS, ..rejected(false) };
            assert!(!sends_again(&admit(decision.clone(), last)), "{decision:?}");
            let late = Facts { left: Duration::ZERO, ..rejected(false) };
            assert!(!sends_again(&admit(decision, late)));
        }
        let patient = Facts { left: Duration::from_secs(3_600), ..rejected(false) };
        assert_eq!(admit(Decision::Retry(Duration::MAX), patient), Action::Pause(LONGEST_PAUSE));
        let longest = Later { after: LONGEST_PAUSE, within: None };
        assert_eq!(admit(confirm(Duration::MAX), patient), Action::AskLater(longest));
    }
}
