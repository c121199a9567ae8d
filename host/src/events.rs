//! What happened, for `bridge/event`: changes that somebody may want to be told of, each said once.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::digest::Digest;
use crate::plugin::PluginKind;
use crate::protect::doubt::Refused;
use crate::protect::latch::{LatchKind, Latched};
use crate::time::Clock;
use crate::wire::message::Outgoing;
use crate::wire::publish::Publish;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event_type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// An account needs new credentials.
    AuthRequired(AboutAccount),
    /// An account needs a one-time code.
    OtpRequired(AboutAccount),
    /// The vendor blocks this client.
    LockedOut(AboutAccount),
    /// Something was refused without a reason. It is tried again, ever more rarely.
    AuthDoubtful(AboutDoubt),
    /// Something keeps ending the account's sessions, and refreshing them slows down.
    SessionFight(AboutAccount),
    /// A vehicle is not, or not any more, among those of its account; or it is not clear which of them it is.
    VehicleMissing(AboutVehicle),
    /// The vendor wants the account to be left alone for a while.
    RateLimited(AboutAccount),
    /// A record of the state could not be read, and the careful value is assumed in its place.
    StateDamaged(AboutState),
    /// There is no room for the state, so what moves something is refused.
    DiskFull(AboutState),
    /// The state directory was taken away under the host, which ends.
    StateLost(AboutState),
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
    /// A policy that was tried out is tried out no more.
    PolicyRolloutEnded(AboutPlugin),
    /// Another connector is active.
    ConnectorSwapped(AboutPlugin),
    /// A connector was offered and not accepted.
    ConnectorRejected(AboutPlugin),
    /// An earlier connector is active again.
    ConnectorRolledBack(AboutPlugin),
}

/// A plugin, and why. For what was rejected that one, else the one that is active now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AboutPlugin {
    /// The slot.
    pub slot: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// The version it claims.
    pub version: Option<String>,
    /// What it is.
    pub digest: Option<Digest>,
    /// Its number in its slot.
    pub generation: Option<u64>,
    /// Whose wish it was.
    pub by: String,
    /// In words.
    pub reason: Option<String>,
}

/// An account, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutAccount {
    /// Its slug.
    pub account: String,
    /// In words, without secrets.
    pub reason: String,
}

/// A vehicle, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutVehicle {
    /// Its slug.
    pub vehicle: String,
    /// In words, without VINs.
    pub reason: String,
}

/// What an account was refused without a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutDoubt {
    /// The account's slug.
    pub account: String,
    /// What was refused.
    pub what: Refused,
    /// In words, without secrets.
    pub reason: String,
    /// When it may be tried again.
    pub next_attempt_at: Timestamp,
}

/// What happened to the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutState {
    /// In words, without contents.
    pub reason: String,
}

/// A circuit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutCircuit {
    /// Its name, as `bridge/request/circuit/close` takes it.
    pub circuit: String,
    /// In words.
    pub reason: String,
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

    /// What there is to say of a latch that was just set.
    #[must_use]
    pub fn latched(kind: LatchKind, account: &str, latched: &Latched) -> Self {
        let about = AboutAccount { account: account.to_owned(), reason: latched.to_string() };
        match kind {
            LatchKind::AuthRequired => Self::AuthRequired(about),
            LatchKind::OtpRequired => Self::OtpRequired(about),
            LatchKind::LockedOut => Self::LockedOut(about),
        }
    }
}

/// Says what happened.
#[derive(Clone)]
pub struct Events {
    publisher: Arc<dyn Publish>,
    clock: Arc<dyn Clock>,
    topic: String,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("topic", &self.topic).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Message<'e> {
    ts: Timestamp,
    #[serde(flatten)]
    event: &'e Event,
}

impl Events {
    /// Events that are published on this topic, not retained.
    #[must_use]
    pub fn on(topic: String, publisher: Arc<dyn Publish>, clock: Arc<dyn Clock>) -> Self {
        Self { publisher, clock, topic }
    }

    /// Says that something happened.
    pub fn say(&self, event: &Event) {
        let message = Message { ts: self.clock.now(), event };
        // Strings and a time, for which this cannot fail.
        let payload = serde_json::to_vec(&message).unwrap_or_default();
        self.publisher.publish(Outgoing::new(self.topic.clone(), payload));
    }
}
