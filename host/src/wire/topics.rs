//! The topic tree. `docs/mqtt.md` is its reference.

use std::collections::BTreeSet;

use super::legacy::Legacy;
use super::message::RespondTo;
use super::operation::OTHER;

/// Retained topics of a vehicle, below its own. Cleared when the vehicle is not configured any more.
const RETAINED_OF_VEHICLE: [&str; 9] = [
    "availability",
    "capabilities",
    "state",
    "location",
    "controls",
    "action/last",
    "problem",
    "polling",
    "geofence",
];

/// Topics below one base, and those of the replaced service if they are wanted.
#[derive(Debug, Clone)]
pub struct Topics {
    base: String,
    legacy: Option<Legacy>,
}

/// Subject of a topic that the host listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'t> {
    /// A command for a vehicle.
    Command {
        /// Slug of the vehicle, as the topic has it.
        vehicle: &'t str,
        /// Operation: the last level of the topic, or the last two of `cmd/other/NAME`.
        operation: &'t str,
    },
    /// A command for a vehicle, on a topic of the replaced service.
    Legacy {
        /// Identifier that the vehicle has there, as the topic has it.
        id: &'t str,
        /// Last level of the topic.
        command: &'t str,
    },
    /// An answer to the question of an account.
    Answer {
        /// Slug of the account, as the topic has it.
        account: &'t str,
    },
    /// A request to the host itself.
    Request {
        /// Verb of the request, such as `circuit/close`.
        verb: &'t str,
    },
}

impl Topics {
    /// Makes the tree below this base topic.
    #[must_use]
    pub fn below(base: impl Into<String>) -> Self {
        Self { base: base.into(), legacy: None }
    }

    /// Adds the topics of the replaced service, whose base is neither this one nor above or below it.
    #[must_use]
    pub fn with_legacy(self, legacy: Option<Legacy>) -> Self {
        Self { legacy, ..self }
    }

    /// The topics of the replaced service, if they are wanted.
    #[must_use]
    pub fn legacy(&self) -> Option<&Legacy> {
        self.legacy.as_ref()
    }

    /// The filters to subscribe to. They do not overlap: a message that two filters match is delivered twice.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        let ours = ["vehicle/+/cmd/+", "vehicle/+/cmd/other/+", "bridge/request/+/+", "account/+/answer/set"];
        let ours = ours.iter().map(|filter| format!("{}/{filter}", self.base));
        ours.chain(self.legacy.as_ref().map(Legacy::filter)).collect()
    }

    /// Returns the subject of a topic; none if the host does not listen to it.
    #[must_use]
    pub fn parse<'t>(&self, topic: &'t str) -> Option<Incoming<'t>> {
        if let Some((id, command)) = self.legacy.as_ref().and_then(|legacy| legacy.parse(topic)) {
            return Some(Incoming::Legacy { id, command });
        }
        let below = topic.strip_prefix(&self.base)?;
        if let Some(verb) = below.strip_prefix("/bridge/request/") {
            return (verb.split('/').count() == 2).then_some(Incoming::Request { verb });
        }
        if let Some(account) = below.strip_prefix("/account/") {
            let account = account.strip_suffix("/answer/set")?;
            return (!account.is_empty() && !account.contains('/')).then_some(Incoming::Answer { account });
        }
        let (vehicle, below) = below.strip_prefix("/vehicle/")?.split_once('/')?;
        let operation = below.strip_prefix("cmd/")?;
        let name = operation.strip_prefix(OTHER).unwrap_or(operation);
        (!name.contains('/')).then_some(Incoming::Command { vehicle, operation })
    }

    /// Returns why an answer cannot go to a topic of a caller's choice; none if it can. Only a topic that
    /// belongs to the caller alone will do: below the base topic people believe what is said, and topics that
    /// begin with `$` are the broker's own.
    #[must_use]
    pub fn not_for_answers(&self, topic: &str) -> Option<&'static str> {
        let below = topic.strip_prefix(&self.base);
        if topic.starts_with('$') {
            Some("it begins with `$`, which is the broker's own")
        } else if below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
            || self.legacy.as_ref().is_some_and(|legacy| legacy.has(topic))
        {
            Some("it is one of this host's own topics, or below them")
        } else if !crate::wire::message::is_topic(topic) || topic.contains(char::is_control) {
            Some("it is empty, too long, or has a wildcard or a control character")
        } else {
            None
        }
    }

    /// Takes away a response topic that cannot be used, and returns why it cannot.
    pub fn take_unusable(&self, respond_to: &mut Option<RespondTo>) -> Option<String> {
        let why = self.not_for_answers(&respond_to.as_ref()?.topic)?;
        *respond_to = None;
        Some(format!("the response topic cannot be used: {why}"))
    }

    /// Returns the topic that says whether the host runs: `online` or `offline`, retained, and the will.
    #[must_use]
    pub fn bridge_state(&self) -> String {
        format!("{}/bridge/state", self.base)
    }

    /// Returns the topic of the document about what runs: retained.
    #[must_use]
    pub fn bridge_info(&self) -> String {
        format!("{}/bridge/info", self.base)
    }

    /// Returns the topic of how the host is: retained.
    #[must_use]
    pub fn bridge_health(&self) -> String {
        format!("{}/bridge/health", self.base)
    }

    /// Returns the topic of a request to the host.
    #[must_use]
    pub fn bridge_request(&self, verb: &str) -> String {
        format!("{}/bridge/request/{verb}", self.base)
    }

    /// Returns the topic of the answer to a request to the host: not retained.
    #[must_use]
    pub fn bridge_response(&self, verb: &str) -> String {
        format!("{}/bridge/response/{verb}", self.base)
    }

    /// Returns the topic of events: not retained.
    #[must_use]
    pub fn bridge_event(&self) -> String {
        format!("{}/bridge/event", self.base)
    }

    /// Returns the topic that says which policy runs: retained.
    #[must_use]
    pub fn bridge_policy(&self, slot: &str) -> String {
        format!("{}/bridge/policy/{slot}", self.base)
    }

    /// Returns the topic that says which connector runs: retained.
    #[must_use]
    pub fn bridge_connector(&self, slot: &str) -> String {
        format!("{}/bridge/connector/{slot}", self.base)
    }

    /// Returns the topic of an account's state: retained.
    #[must_use]
    pub fn account_state(&self, account: &str) -> String {
        format!("{}/account/{account}/state", self.base)
    }

    /// Returns the topic of the requests of an account's day: retained.
    #[must_use]
    pub fn account_quota(&self, account: &str) -> String {
        format!("{}/account/{account}/quota", self.base)
    }

    /// Returns the topic of the question of an account that is open: retained, and cleared when it is over.
    #[must_use]
    pub fn account_question(&self, account: &str) -> String {
        format!("{}/account/{account}/question", self.base)
    }

    /// Returns the topic on which that question is answered.
    #[must_use]
    pub fn account_answer(&self, account: &str) -> String {
        format!("{}/account/{account}/answer/set", self.base)
    }

    /// Returns the prefix of the topics on which a connector publishes what it likes. Ends with a slash.
    #[must_use]
    pub fn connector_prefix(&self, account: &str) -> String {
        format!("{}/account/{account}/connector/", self.base)
    }

    /// Returns all retained topics of a vehicle.
    #[must_use]
    pub fn retained_of_vehicle(&self, vehicle: &str) -> BTreeSet<String> {
        let ours = RETAINED_OF_VEHICLE.iter().map(|what| self.vehicle(vehicle, what));
        ours.chain(self.legacy.iter().flat_map(|legacy| legacy.retained(vehicle))).collect()
    }

    /// Returns all topics of an account that the host retains.
    #[must_use]
    pub fn retained_of_account(&self, account: &str) -> BTreeSet<String> {
        [self.account_state(account), self.account_quota(account), self.account_question(account)].into()
    }

    /// A topic of a vehicle.
    #[must_use]
    pub fn vehicle(&self, vehicle: &str, what: &str) -> String {
        format!("{}/vehicle/{vehicle}/{what}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_what_belongs_to_the_caller() {
        let topics = Topics::below("home/vc");
        for good in ["a", "home/vc2/answers", "home", "/x", "home/VC/x"] {
            assert_eq!(topics.not_for_answers(good), None, "{good}");
        }
        let long = "x".repeat(65_536);
        for bad in [
            "",
            "$SYS/x",
            "$share/g/x",
            "a/+/b",
            "a/#",
            "#",
            "a\0b",
            "a\nb",
            "home/vc",
            "home/vc/bridge/state",
            &long,
        ] {
            assert!(topics.not_for_answers(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn the_topics_of_the_replaced_service_are_a_tree_beside_this_one() {
        let legacy = Legacy::below("hyundai", [("ev6".to_owned(), "8f1c".to_owned())]);
        let topics = Topics::below("home/vc").with_legacy(Some(legacy));
        assert_eq!(topics.filters().last().map(String::as_str), Some("hyundai/+/commands/+"));
        let lock = Incoming::Legacy { id: "8f1c", command: "lock" };
        assert_eq!(topics.parse("hyundai/8f1c/commands/lock"), Some(lock));
        assert_eq!(Topics::below("home/vc").parse("hyundai/8f1c/commands/lock"), None, "unless it is wanted");
        assert!(topics.not_for_answers("hyundai/8f1c/status/error").is_some());
        assert_eq!(topics.not_for_answers("hyundai2/answers"), None);
        let retained = topics.retained_of_vehicle("ev6");
        assert!(
            retained.contains("hyundai/8f1c/battery/level") && retained.contains("home/vc/vehicle/ev6/state")
        );
    }

    #[test]
    fn knows_its_commands() {
        let topics = Topics::below("home/vc");
        let lock = Incoming::Command { vehicle: "ev6", operation: "lock" };
        assert_eq!(topics.parse("home/vc/vehicle/ev6/cmd/lock"), Some(lock));
        let answer = Incoming::Answer { account: "main" };
        assert_eq!(topics.parse("home/vc/account/main/answer/set"), Some(answer));
        let honk = Incoming::Command { vehicle: "ev6", operation: "other/honk" };
        assert_eq!(topics.parse("home/vc/vehicle/ev6/cmd/other/honk"), Some(honk));
        for other in [
            "home/vc/account/main/answer",
            "home/vc/account//answer/set",
            "home/vc/account/a/b/answer/set",
            "home/vc/account/main/question",
            "home/vc/vehicle/ev6/state",
            "home/vcx/vehicle/ev6/cmd/lock",
            "vehicle/ev6/cmd/lock",
            "",
            "home/vc/vehicle/ev6/cmd/lock/now",
            "home/vc/vehicle/ev6/cmd/other/honk/now",
            "home/vc/vehicle/ev6/cmd/others/honk",
            "home/vc/vehicle/cmd/lock",
            "home/vc",
        ] {
            assert_eq!(topics.parse(other), None, "{other}");
        }
    }
}
