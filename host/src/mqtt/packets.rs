//! Packets of both protocol versions in the terms of the session. No I/O.
//!
//! Only what a client of ours says (`write`) and is told (`read`): nine kinds of packets, of which the two
//! versions share all but the properties. What we read may leave out whatever the standard lets a broker
//! leave out, as the short forms of DISCONNECT and PUBACK that mosquitto sends, and nothing else: what is
//! half understood is not acted upon.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};

use super::dialect::Evidence;
use super::link::Failure;
use super::{MAX_INCOMING_V4, MAX_INCOMING_V5, Message, Version};

mod read;
mod reason;
mod write;

/// A packet from the broker.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The broker has accepted us.
    Accepted(Accepted),
    /// A message for us; the identifier is what the broker wants acknowledged.
    Message(Message, Option<u16>),
    /// The broker has a message of ours, or has refused it.
    Acknowledged { id: u16, refused: Option<String> },
    /// Answer to a subscription: per filter `None` or the reason of a refusal.
    SubscriptionAnswered { id: u16, answers: Vec<Option<String>> },
    /// Answer to a ping.
    Pong,
}

/// Terms that the broker is asked for when a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Whether it shall forget what it has kept of us.
    pub(super) clean: bool,
    /// Whether it shall publish the will with QoS 1, and not with 0.
    pub(super) will_acknowledged: bool,
    /// Whether it shall keep the will, if that is to be kept.
    pub(super) will_retained: bool,
}

/// Term of a will that a broker may be unable to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WillTerm {
    /// Publishing with QoS 1.
    Acknowledged,
    /// Keeping for later subscribers.
    Retained,
}

impl Terms {
    /// All terms, for a broker that is not known.
    pub(super) const ALL: Self = Self { clean: false, will_acknowledged: true, will_retained: true };

    /// Drops the term that the broker has refused. Returns false if it was not asked for.
    pub(super) fn without(&mut self, refused: WillTerm) -> bool {
        std::mem::take(match refused {
            WillTerm::Acknowledged => &mut self.will_acknowledged,
            WillTerm::Retained => &mut self.will_retained,
        })
    }
}

/// Terms that were agreed when the connection began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    /// Whether the broker still knows our subscriptions, and has kept messages for them.
    pub(super) session_present: bool,
    /// Time for which it keeps them once we are gone, if it says that this is another time than we asked for.
    pub(super) session_expiry: Option<Duration>,
    /// Interval at which it wants to hear from us, if it says so; zero is never.
    pub(super) keep_alive: Option<Duration>,
    pub(super) limits: Limits,
}

/// Limits of what a broker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The largest packet, in bytes.
    pub(super) packet: usize,
    /// Number of messages that may be sent and not acknowledged.
    pub(super) window: usize,
    /// Whether it acknowledges messages at all.
    pub(super) acknowledges: bool,
    /// Whether it keeps messages for later subscribers.
    pub(super) retains: bool,
}

impl Default for Limits {
    /// Returns what the protocol allows.
    fn default() -> Self {
        Self { packet: 268_435_460, window: usize::from(u16::MAX), acknowledges: true, retains: true }
    }
}

/// Writes and reads packets of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    version: Version,
}

/// A packet that cannot be written: too long for the protocol. The checks of the publisher rule it out.
#[derive(Debug, thiserror::Error)]
#[error("{0} is too long for MQTT")]
pub(super) struct Unwritable(&'static str);

/// Kinds of packets, by the upper half of their first byte.
mod kind {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const CONNACK: u8 = 2;
    pub(super) const PUBLISH: u8 = 3;
    pub(super) const PUBACK: u8 = 4;
    pub(super) const SUBSCRIBE: u8 = 8;
    pub(super) const SUBACK: u8 = 9;
    pub(super) const PINGRESP: u8 = 13;
    pub(super) const DISCONNECT: u8 = 14;
}

/// Properties of MQTT 5, by their identifier (§2.2.2.2).
mod property {
    pub(super) const PAYLOAD_FORMAT: u8 = 1;
    pub(super) const MESSAGE_EXPIRY: u8 = 2;
    pub(super) const CONTENT_TYPE: u8 = 3;
    pub(super) const RESPONSE_TOPIC: u8 = 8;
    pub(super) const CORRELATION_DATA: u8 = 9;
    pub(super) const SUBSCRIPTION_ID: u8 = 11;
    pub(super) const SESSION_EXPIRY: u8 = 17;
    pub(super) const ASSIGNED_CLIENT_ID: u8 = 18;
    pub(super) const SERVER_KEEP_ALIVE: u8 = 19;
    pub(super) const AUTH_METHOD: u8 = 21;
    pub(super) const AUTH_DATA: u8 = 22;
    pub(super) const RESPONSE_INFORMATION: u8 = 26;
    pub(super) const SERVER_REFERENCE: u8 = 28;
    pub(super) const REASON_STRING: u8 = 31;
    pub(super) const RECEIVE_MAXIMUM: u8 = 33;
    pub(super) const TOPIC_ALIAS_MAXIMUM: u8 = 34;
    pub(super) const MAXIMUM_QOS: u8 = 36;
    pub(super) const RETAIN_AVAILABLE: u8 = 37;
    pub(super) const USER_PROPERTY: u8 = 38;
    pub(super) const MAXIMUM_PACKET_SIZE: u8 = 39;
    pub(super) const WILDCARDS_AVAILABLE: u8 = 40;
    pub(super) const SUBSCRIPTION_IDS_AVAILABLE: u8 = 41;
    pub(super) const SHARED_SUBSCRIPTIONS_AVAILABLE: u8 = 42;
}

impl Wire {
    pub(super) fn new(version: Version) -> Self {
        Self { version }
    }

    /// Ping, the same in both versions.
    pub(super) const PING: [u8; 2] = [0xC0, 0];

    /// Disconnection, the same in both versions: without a reason it is a normal one.
    pub(super) const GOODBYE: [u8; 2] = [0xE0, 0];

    /// Returns an acknowledgement, which is the same in both versions when there is nothing to add.
    pub(super) fn acknowledge(id: u16) -> [u8; 4] {
        let [high, low] = id.to_be_bytes();
        [kind::PUBACK << 4, 2, high, low]
    }

    /// Takes one packet off the front of what has arrived; `None` when not all of it is there yet. `up` tells
    /// a failure of the session from a failure to begin one.
    pub(super) fn read(&self, arrived: &mut BytesMut, up: bool) -> Result<Option<Incoming>, Failure> {
        let Some(header) = read::Header::of(arrived).map_err(|error| self.broken(up, &error))? else {
            return Ok(None);
        };
        let largest = match self.version {
            Version::V5 => usize::try_from(MAX_INCOMING_V5).unwrap_or(usize::MAX),
            Version::V4 => MAX_INCOMING_V4,
        };
        if header.size() > largest {
            return Err(Failure::too_large(largest));
        }
        // No room is made for what is only announced: memory follows what has arrived.
        if arrived.len() < header.size() {
            return Ok(None);
        }
        let mut packet = arrived.split_to(header.size());
        packet.advance(header.length);
        let incoming = match read::packet(self.version, &header, &packet) {
            Ok(incoming) => incoming,
            Err(read::Misread::Malformed(error)) => return Err(self.broken(up, &error)),
            Err(read::Misread::Ended(failure)) => return Err(failure),
        };
        // Only one thing can come first, and only first.
        match (matches!(incoming, Incoming::Accepted(_)), up) {
            (true, false) | (false, true) => Ok(Some(incoming)),
            _ => Err(self.broken(up, &read::Malformed("a packet out of its turn"))),
        }
    }

    fn broken(&self, up: bool, error: &read::Malformed) -> Failure {
        if up {
            Failure::new(format!("the broker broke the protocol: {error}"), Evidence::Nothing)
        } else {
            Failure::new(format!("not an {} answer: {error}", self.version), Evidence::NoAnswer)
        }
    }
}

#[cfg(test)]
#[path = "packets_tests.rs"]
mod tests;
