//! What happened, for `bridge/event`: changes that somebody may want to be told of, each said once.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::latch::LatchKind;
use crate::outbox::{Outbox, Outgoing};
use crate::time::Clock;

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
    /// Something keeps ending the account's sessions, and renewing them slows down.
    SessionFight(AboutAccount),
    /// A circuit has opened.
    BreakerOpened(AboutCircuit),
    /// A circuit has closed.
    BreakerClosed(AboutCircuit),
}

/// An account, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AboutAccount {
    /// Its slug.
    pub account: String,
    /// In words, without secrets.
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
    /// What there is to say of a latch that was just set.
    #[must_use]
    pub fn latched(kind: LatchKind, account: &str, reason: &str) -> Self {
        let about = AboutAccount { account: account.to_owned(), reason: reason.to_owned() };
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
    outbox: Arc<dyn Outbox>,
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
    pub fn on(topic: String, outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>) -> Self {
        Self { outbox, clock, topic }
    }

    /// Says that something happened.
    pub fn say(&self, event: &Event) {
        let message = Message { ts: self.clock.now(), event };
        // Strings and a time, for which this cannot fail.
        let payload = serde_json::to_vec(&message).unwrap_or_default();
        self.outbox.publish(Outgoing::new(self.topic.clone(), payload));
    }
}
