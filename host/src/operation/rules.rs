//! The host's rules: what the policy decides is done unless it would break one of them.
//!
//! Pure, and short enough to be read in one go: this is what holds whatever a plugin says.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::step::Later;
use crate::bindings::policy::{Certainty, Confirmation, Decision};
use crate::descriptor::Told;
use crate::primitives::SESSION;
use crate::protect::latch::LatchKind;
use crate::time::of_milliseconds;

/// Most tries of one step.
pub(super) const MOST_ATTEMPTS: u32 = 4;

/// The longest pause before a repeat or a question.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Action of the host about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Refresh,
    SignInAgain,
    Discard(String),
    Pause(Duration),
    AskLater(Later),
    GiveUp,
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
pub(super) struct Facts<'a> {
    /// Whether repeating the step sends something that moves the vehicle.
    pub(super) actuates: bool,
    /// Word of the answer to a command on whether the vehicle was told; none without an answer.
    pub(super) told: Option<Told>,
    /// Certainty about whether the vehicle may have acted already.
    pub(super) certainty: Certainty,
    /// Number of tries of the step, counting this one.
    pub(super) number: u32,
    /// Whether the step was repeated after a refresh.
    pub(super) refreshed: bool,
    /// The cells that were discarded for this step.
    pub(super) discarded: &'a BTreeSet<String>,
    /// Time until the operation must have a result.
    pub(super) left: Duration,
}

/// Turns a decision into the action that the rules admit.
pub(super) fn admit(decision: Decision, facts: Facts<'_>) -> Action {
    let pause = |milliseconds| of_milliseconds(milliseconds).min(LONGEST_PAUSE);
    let later =
        |Confirmation { after, within }| Later { after: pause(after), within: within.map(of_milliseconds) };
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
            Decision::Confirm(confirmation) => Action::AskLater(later(confirmation)),
            // A latch sends nothing.
            Decision::Latch(latch) => Action::Latch(LatchKind::from(&latch)),
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
        Decision::Confirm(confirmation) => Action::AskLater(later(confirmation)),
        Decision::Latch(latch) => Action::Latch(LatchKind::from(&latch)),
        Decision::RefreshAndRetry
        | Decision::SignInAgain
        | Decision::DiscardAndRetry(_)
        | Decision::Retry(_)
        | Decision::GiveUp
        | Decision::Other(_) => Action::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::policy::Latch;

    fn confirm(after: u32) -> Decision {
        Decision::Confirm(Confirmation { after, within: None })
    }

    fn decisions() -> Vec<Decision> {
        vec![
            Decision::RefreshAndRetry,
            Decision::DiscardAndRetry("device-registration".to_owned()),
            Decision::Retry(0),
            Decision::Retry(u32::MAX),
            confirm(5_000),
            confirm(u32::MAX),
            Decision::SignInAgain,
            Decision::GiveUp,
            Decision::Latch(Latch::AuthRequired),
            Decision::Other("resend it, trust me".to_owned()),
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
        assert_eq!(admit(Decision::Retry(0), read), Action::Pause(Duration::ZERO));
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
        assert_eq!(admit(Decision::Retry(u32::MAX), patient), Action::Pause(LONGEST_PAUSE));
        let longest = Later { after: LONGEST_PAUSE, within: None };
        assert_eq!(admit(confirm(u32::MAX), patient), Action::AskLater(longest));
    }
}
