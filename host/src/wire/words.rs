//! Words by which people are told of a command that did not succeed.
//!
//! Our sentences come first: what happened, what that means for the car, what helps. The words of the vendor,
//! a library or a plugin are detail: they may be empty, a page, in any language, or about something else.

use std::fmt;

use super::operation;
use super::outcome::{Reason, State};
use crate::protect::latch::Latched;

/// Sentence for every case in which it cannot be known whether the car has acted.
pub(crate) const NOBODY_KNOWS: &str =
    "Nobody knows whether the car did it: look before you try again; it is not sent again";

/// Words about why something did not succeed: ours about this very case, those of others, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Our own words. Without any, those that go with the reason.
    pub(crate) ours: Option<String>,
    /// Words of the vendor, a library or a plugin.
    pub(crate) theirs: Option<String>,
}

impl Words {
    /// Makes words of others only.
    pub(crate) fn theirs(words: impl Into<String>) -> Self {
        Self { ours: None, theirs: Some(words.into()) }
    }

    /// Adds words of ours.
    pub(crate) fn and(self, more: &str, reason: Reason) -> Self {
        let ours = self.ours.unwrap_or_else(|| happened(reason).0.to_owned());
        Self { ours: Some(format!("{ours}; {more}")), ..self }
    }

    /// Returns the sentences for a command that ends in this state.
    pub(crate) fn sentences(self, state: State, reason: Reason, op: &str) -> (String, Option<String>) {
        let moves = operation::may_move(op);
        let (what, helps) = happened(reason);
        let message = match (self.ours, meaning(state, moves)) {
            (Some(ours), Some(meaning)) if moves && may_have_acted(state) => format!("{ours}. {meaning}."),
            (Some(ours), Some(meaning)) if state == State::Failed => format!("{ours}. {meaning}."),
            (Some(ours), _) => ours,
            (None, Some(meaning)) if moves && may_have_acted(state) => format!("{what}. {meaning}."),
            (None, Some(meaning)) => format!("{what}. {meaning}. {helps}."),
            (None, None) => format!("{what}. {helps}."),
        };
        (message, self.theirs.filter(|theirs| !theirs.trim().is_empty()))
    }
}

impl From<String> for Words {
    /// Makes words of ours.
    fn from(ours: String) -> Self {
        Self { ours: Some(ours), theirs: None }
    }
}

impl From<&Latched> for Words {
    fn from(latched: &Latched) -> Self {
        Self { ours: Some(latched.in_our_words()), theirs: latched.detail.clone() }
    }
}

impl From<&str> for Words {
    /// Makes words of ours.
    fn from(ours: &str) -> Self {
        ours.to_owned().into()
    }
}

impl fmt::Display for Words {
    /// Shows the words for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = [&self.ours, &self.theirs].into_iter().flatten().map(String::as_str).collect();
        f.write_str(&words.join(": "))
    }
}

const fn may_have_acted(state: State) -> bool {
    matches!(state, State::Unknown | State::Timeout)
}

/// Returns what an end means for the car.
const fn meaning(state: State, moves: bool) -> Option<&'static str> {
    match (state, moves) {
        (State::Unknown | State::Timeout, true) => Some(NOBODY_KNOWS),
        (State::Failed, true) => Some("The command was not done"),
        (State::Unknown | State::Timeout | State::Failed, false) => Some("Nothing was read"),
        (State::Rejected, _) => Some("Nothing was sent"),
        (State::Accepted | State::Sent | State::Pending | State::Succeeded, _) => None,
    }
}

/// Returns what happened, and what helps.
const fn happened(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::BadPayload => ("The command was not understood", "Correct it"),
        Reason::UnknownVehicle => ("There is no such car", "Compare the configuration with the vendor's app"),
        Reason::UnknownOperation => ("There is no such command", "Correct it"),
        Reason::Unsupported => ("This car does not have this operation", "Nothing helps"),
        Reason::NotAllowed => {
            ("The configuration does not allow this operation", "Add it to the car's `allow` list")
        }
        Reason::RetainedCommand => ("The command was retained", "Send it without the retain flag"),
        Reason::Busy => ("The car is still at work on another command", "Wait a minute and try again"),
        Reason::Quota => (
            "The vendor has had enough requests for now",
            "Wait, often until tomorrow; the vendor's own app is refused as well",
        ),
        Reason::Cooldown => ("A limit of this host is reached", "Wait"),
        Reason::BreakerOpen => ("It failed too often of late and is left alone for a while", "Wait"),
        Reason::Isolated => ("An operator has isolated it", "Close its circuit"),
        Reason::AuthRequired => (
            "The vendor refuses the credentials of this account",
            "Give new ones: sign in again and replace the account's refresh token",
        ),
        Reason::OtpRequired => (
            "The vendor wants something of a person before it signs in, such as a one-time code",
            "Answer its question, or begin a sign-in with `vehicle-connector auth login` and be there",
        ),
        Reason::ConsentRequired => (
            "The vendor wants its terms to be accepted",
            "Accept them in its app or on its site, then sign in again",
        ),
        Reason::ClientRefused => {
            ("The vendor refuses this version of the connector", "Install a newer version of the connector")
        }
        Reason::LockedOut => (
            "The vendor blocks this client",
            "Only silence helps, which the host keeps by itself for 12 hours",
        ),
        Reason::PinMissing => ("The command needs the account's PIN, and none is configured", "Configure it"),
        Reason::PinRejected => {
            ("The vendor refused the PIN", "Configure the right one; this one is not sent again")
        }
        Reason::UpstreamUnavailable => ("The vendor's cloud, or the way to it, is unwell", "Try again later"),
        Reason::UpstreamRefused => (
            "The vendor's cloud said no",
            "The same will hardly succeed later; the detail has what the cloud says, and a newer policy may know more",
        ),
        Reason::NoData => (
            "The vendor's cloud has no data of this car, which is no fault",
            "Drive the car, or look at it with the vendor's app once",
        ),
        Reason::Unconfirmed => {
            ("The vendor's cloud took the command, but does not say what became of it", "Look at the car")
        }
        Reason::VehicleUnreachable => {
            ("The car did not answer", "Try again later, or where the car has reception")
        }
        Reason::VehicleRefused => ("The car refused", "Look at it: a door may be open, or it is not in park"),
        Reason::AuxBatteryLow => (
            "The car's 12 V battery is too low for remote control",
            "Drive it or charge it; trying again only drains the battery",
        ),
        Reason::NothingNew => ("What was read is not newer than what is known", "Nothing needs to be done"),
        Reason::Superseded => ("A newer command for the same took its place", "Nothing needs to be done"),
        Reason::PolicyFault => ("The policy did not answer", "The log says why"),
        Reason::ConnectorFault => ("The connector did not answer as it must", "The log says why"),
        Reason::HostFault => ("This host could not do its part", "The log says why"),
        Reason::HostStopping => ("This host stopped before the command had ended", "Send it again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html>Bad Gateway</html>";

    #[test]
    fn what_may_have_happened_says_so_and_what_to_do() {
        for state in [State::Unknown, State::Timeout] {
            for words in [Words::default(), Words::theirs(PAGE), Words::from("it was cut off")] {
                let (message, detail) = words.clone().sentences(state, Reason::HostStopping, "unlock");
                assert!(message.contains("Nobody knows whether the car did it"), "{message}");
                assert!(message.contains("look before you try again"), "{message}");
                assert!(!message.contains("Send it again"), "{message}");
                assert_eq!(detail, words.theirs);
            }
        }
        let (message, _) =
            Words::default().sentences(State::Timeout, Reason::VehicleUnreachable, "refresh_force");
        assert!(!message.contains("Nobody knows"), "{message}");
    }

    #[test]
    fn others_words_are_detail_and_empty_ones_are_none() {
        let (message, detail) =
            Words::theirs(PAGE).sentences(State::Failed, Reason::UpstreamUnavailable, "lock");
        assert_eq!(
            message,
            "The vendor's cloud, or the way to it, is unwell. The command was not done. Try again later."
        );
        assert_eq!(detail.as_deref(), Some(PAGE));
        for empty in ["", " \n"] {
            let (message, detail) =
                Words::theirs(empty).sentences(State::Failed, Reason::UpstreamRefused, "lock");
            assert!(message.starts_with("The vendor's cloud said no. "), "{message}");
            assert_eq!(detail, None);
        }
    }

    #[test]
    fn our_words_about_a_case_stand_in_for_those_of_the_table() {
        let ours = || Words::from("no result within the 60 s that it may take");
        let (message, _) = ours().sentences(State::Failed, Reason::UpstreamUnavailable, "refresh_cached");
        assert_eq!(message, "no result within the 60 s that it may take. Nothing was read.");
        let more = Words::theirs(PAGE).and("not repeated", Reason::Busy);
        assert_eq!(
            more.to_string(),
            format!("The car is still at work on another command; not repeated: {PAGE}")
        );
    }
}
