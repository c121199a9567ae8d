//! Events for `bridge/event`, and of single vehicles for `vehicle/<veh>/event`: changes worth notifying of,
//! each announced once.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::digest::Digest;
use crate::metrics::{Metrics, Swap};
use crate::plugin::PluginKind;
use crate::protect::doubt::Refused;
use crate::protect::latch::{LatchKind, Latched};
use crate::time::Clock;
use crate::wire::message::Outgoing;
use crate::wire::publish::Publish;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event_type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// An account needs new credentials.
    AuthRequired(AboutAccount),
    /// An account needs a one-time code.
    OtpRequired(AboutAccount),
    /// The vendor wants its terms to be accepted.
    ConsentRequired(AboutAccount),
    /// A question to a person is open, in the middle of a sign-in.
    QuestionAsked(AboutAccount),
    /// A question to a person is over.
    QuestionEnded(AboutAccount),
    /// The grant of an account ends in a few weeks or days, and nothing but a new sign-in helps then.
    GrantEnds(AboutGrant),
    /// The vendor refuses this version of the connector.
    ClientRefused(AboutAccount),
    /// The vendor blocks this client.
    LockedOut(AboutAccount),
    /// Something was refused without a reason. It is tried again, at ever longer intervals.
    AuthDoubtful(AboutDoubt),
    /// Something keeps ending the account's sessions, and refreshing them slows down.
    SessionFight(AboutAccount),
    /// A vehicle is not, or no longer, among those of its account; or it is unclear which of them it is.
    VehicleMissing(AboutVehicle),
    /// The vendor wants the account to be left alone for a while.
    RateLimited(AboutAccount),
    /// A record of the state could not be read, and the careful value is assumed in its place.
    StateDamaged(AboutState),
    /// The state has no room left, so what moves something is refused.
    DiskFull(AboutState),
    /// The state directory was taken away under the host, which ends.
    StateLost(AboutState),
    /// The configuration was read again.
    ConfigReloaded(AboutReload),
    /// A circuit has opened.
    BreakerOpened(AboutCircuit),
    /// A circuit has closed.
    BreakerClosed(AboutCircuit),
    /// Another policy is active.
    PolicySwapped(AboutPlugin),
    /// A policy was offered and not accepted.
    PolicyRejected(AboutPlugin),
    /// An earlier policy is active again.
    PolicyRolledBack(AboutPlugin),
    /// The rollout of a policy has ended.
    PolicyRolloutEnded(AboutPlugin),
    /// Another connector is active.
    ConnectorSwapped(AboutPlugin),
    /// A connector was offered and not accepted.
    ConnectorRejected(AboutPlugin),
    /// An earlier connector is active again.
    ConnectorRolledBack(AboutPlugin),
}

/// A plugin, and why: the rejected one, otherwise the one that is active now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AboutPlugin {
    /// Name of the slot.
    pub slot: String,
    /// Name that the plugin gives itself.
    pub name: Option<String>,
    /// Version that it claims.
    pub version: Option<String>,
    /// Digest of its component.
    pub digest: Option<Digest>,
    /// Number of its generation in the slot.
    pub generation: Option<u64>,
    /// Requested by.
    pub by: String,
    /// Reason, in words.
    pub reason: Option<String>,
}

/// An account, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutAccount {
    /// Slug of the account.
    pub account: String,
    /// Reason, in words and without secrets.
    pub reason: String,
}

/// The end of an account's grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutGrant {
    /// Slug of the account.
    pub account: String,
    /// When the grant ends.
    pub ends_at: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
    /// What it means, and what helps.
    pub reason: String,
}

/// A vehicle, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutVehicle {
    /// Slug of the vehicle.
    pub vehicle: String,
    /// Reason, in words and without VINs.
    pub reason: String,
}

/// A refusal of an account without a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutDoubt {
    /// Slug of the account.
    pub account: String,
    /// Subject of the refusal.
    pub what: Refused,
    /// Reason, in words and without secrets.
    pub reason: String,
    /// Earliest time of the next try.
    pub next_attempt_at: Timestamp,
}

/// Damage to the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutState {
    /// Reason, in words and without contents.
    pub reason: String,
}

/// A reload of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutReload {
    /// Requested by.
    pub by: String,
    /// Keys that have taken effect.
    pub changed: Vec<String>,
    /// Keys that take effect at the next start.
    pub restart_needed: Vec<String>,
}

/// A circuit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutCircuit {
    /// Name of the circuit, as `bridge/request/circuit/close` takes it.
    pub circuit: String,
    /// Reason, in words.
    pub reason: String,
}

/// An event of one vehicle, for `vehicle/<veh>/event`. What it tells is retained elsewhere too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event_type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum VehicleEvent {
    /// It charges, and did not before.
    ChargeStarted {
        /// State of charge of the traction battery, in percent, if it is known.
        soc_percent: Option<f64>,
    },
    /// It does not charge any more.
    ChargeEnded {
        /// State of charge of the traction battery, in percent, if it is known.
        soc_percent: Option<f64>,
    },
    /// It has come into a geofence.
    GeofenceEnter {
        /// Name of the geofence.
        geofence: String,
    },
    /// It has left a geofence.
    GeofenceLeave {
        /// Name of the geofence.
        geofence: String,
    },
    /// What is known of it is old, because it could not be read.
    DataStale {
        /// Time of the last read.
        since: Timestamp,
        /// Reason, in words and without VINs.
        reason: String,
    },
    /// It was read again.
    DataFresh,
}

impl Event {
    /// Another plugin of this kind is active.
    #[must_use]
    pub fn swapped(kind: PluginKind, about: AboutPlugin) -> Self {
        match kind {
            PluginKind::Policy => Self::PolicySwapped(about),
            PluginKind::Connector => Self::ConnectorSwapped(about),
        }
    }

    /// A plugin of this kind was not accepted.
    #[must_use]
    pub fn rejected(kind: PluginKind, about: AboutPlugin) -> Self {
        match kind {
            PluginKind::Policy => Self::PolicyRejected(about),
            PluginKind::Connector => Self::ConnectorRejected(about),
        }
    }

    /// An earlier plugin of this kind is active again.
    #[must_use]
    pub fn rolled_back(kind: PluginKind, about: AboutPlugin) -> Self {
        match kind {
            PluginKind::Policy => Self::PolicyRolledBack(about),
            PluginKind::Connector => Self::ConnectorRolledBack(about),
        }
    }

    /// The event of a latch that was just set.
    #[must_use]
    pub fn latched(kind: LatchKind, account: &str, latched: &Latched) -> Self {
        let about = AboutAccount { account: account.to_owned(), reason: latched.to_string() };
        match kind {
            LatchKind::AuthRequired => Self::AuthRequired(about),
            LatchKind::OtpRequired => Self::OtpRequired(about),
            LatchKind::ConsentRequired => Self::ConsentRequired(about),
            LatchKind::ClientRefused => Self::ClientRefused(about),
            LatchKind::LockedOut => Self::LockedOut(about),
        }
    }
}

/// The publisher of events.
#[derive(Clone)]
pub struct Events {
    publisher: Arc<dyn Publish>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    topic: String,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("topic", &self.topic).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Message<'e, E> {
    ts: Timestamp,
    #[serde(flatten)]
    event: &'e E,
}

impl Events {
    /// Events that are published on this topic, not retained. What becomes of policies is counted.
    #[must_use]
    pub fn on(
        topic: String,
        publisher: Arc<dyn Publish>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { publisher, clock, metrics, topic }
    }

    /// Publishes an event.
    pub fn say(&self, event: &Event) {
        let swap = match event {
            Event::PolicySwapped(_) => Some(Swap::Active),
            Event::PolicyRejected(_) => Some(Swap::Rejected),
            Event::PolicyRolledBack(_) => Some(Swap::RolledBack),
            _ => None,
        };
        if let Some(swap) = swap {
            self.metrics.policy_swapped(swap);
        }
        self.say_on(self.topic.clone(), event);
    }

    /// Publishes an event of a vehicle on the topic of its events, not retained.
    pub fn say_of_vehicle(&self, topic: String, event: &VehicleEvent) {
        self.say_on(topic, event);
    }

    fn say_on(&self, topic: String, event: &impl Serialize) {
        let message = Message { ts: self.clock.now(), event };
        // The message consists of strings, numbers and times, for which this cannot fail.
        let payload = serde_json::to_vec(&message).unwrap_or_default();
        self.publisher.publish(Outgoing::new(topic, payload));
    }
}
