//! One connection, whichever protocol version it speaks.
//!
//! A link serves one connection only: the library's event loop could reconnect by itself, but it would keep state
//! that belongs to the old session, and forget queued messages when the broker has no session for us.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::dialect::Evidence;
use super::outbox::Parcel;
use super::{Message, Options, Version, v4, v5};

/// Requests that the library queues between two polls: a full window, subscriptions, and a goodbye.
pub(super) const REQUESTS: usize = 64;
/// How long TCP, TLS and MQTT together may take to connect.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Bounds of the keep-alive time: the library insists on the lower, the protocol on the upper.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(18 * 3600));

/// What the event loop reports, in the terms of the session.
#[derive(Debug)]
pub(super) enum Signal {
    /// The broker accepted us. `largest`: the largest packet that it takes, in bytes.
    Up { session_present: bool, largest: Option<usize> },
    /// A message went out under this packet identifier.
    Sent(u16),
    /// A message waits in the library for this packet identifier.
    Held(u16),
    /// The broker answered a message, perhaps by refusing it.
    Acknowledged { id: u16, refused: Option<String> },
    /// A subscription went out.
    SubscriptionSent(u16),
    /// The broker answered a subscription: per filter `None` or the reason of a refusal.
    SubscriptionAnswered { id: u16, answers: Vec<Option<String>> },
    /// A message came in.
    Received(Message),
    /// Our goodbye went out.
    GoodbyeSent,
    /// Nothing of interest.
    Other,
}

/// Why a connection ended or did not come about.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// What it says about the protocol version, if no session had begun.
    pub(super) evidence: Evidence,
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>, evidence: Evidence) -> Self {
        Self { reason: reason.into(), evidence }
    }

    pub(super) fn unreachable(error: &impl std::fmt::Display) -> Self {
        Self::new(format!("cannot reach the broker: {error}"), Evidence::Nothing)
    }

    pub(super) fn silent(evidence: Evidence) -> Self {
        let seconds = CONNECT_TIME.as_secs();
        Self::new(format!("no answer from the broker within {seconds} s"), evidence)
    }

    pub(super) fn credentials() -> Self {
        let reason = "the broker refuses the user name or password, or the client name";
        Self::new(reason, Evidence::Understood)
    }

    /// The broker closed the connection without a word, or with one that the library cannot read: it
    /// misses the short form of the MQTT 5 DISCONNECT, which mosquitto sends.
    pub(super) fn closed(up: bool) -> Self {
        let reason = if up {
            "the broker closed the connection, as it does when it stops or another client takes our client name"
        } else {
            "the broker closed the connection instead of accepting it"
        };
        Self::new(reason, Evidence::NoAnswer)
    }

    pub(super) fn too_large(limit: impl std::fmt::Display) -> Self {
        Self::new(format!("the broker sent a packet larger than {limit} bytes"), Evidence::Nothing)
    }
}

/// The half of a link that has to be polled.
pub(super) enum Link {
    V5(Box<v5::Link>),
    V4(Box<v4::Link>),
}

/// The half of a link that takes requests; they are carried out by polling.
#[derive(Clone)]
pub(super) enum Requests {
    V5(rumqttc::v5::AsyncClient),
    V4(rumqttc::AsyncClient),
}

/// The library did not take a request: its queue is full, which the window rules out.
#[derive(Debug)]
pub(super) struct Refused;

/// Prepares a link; the first poll connects.
pub(super) fn open(version: Version, options: &Options, tls: Option<&Arc<ClientConfig>>) -> (Link, Requests) {
    match version {
        Version::V5 => {
            let (link, client) = v5::open(options, tls);
            (Link::V5(Box::new(link)), Requests::V5(client))
        }
        Version::V4 => {
            let (link, client) = v4::open(options, tls);
            (Link::V4(Box::new(link)), Requests::V4(client))
        }
    }
}

impl Link {
    /// The next signal. Not cancel safe: keep the future until it is done, or drop the link with it.
    pub(super) async fn poll(&mut self) -> Result<Signal, Failure> {
        match self {
            Self::V5(link) => link.poll().await,
            Self::V4(link) => link.poll().await,
        }
    }

    /// After a failure: signals that were read before it.
    pub(super) fn leftover(&mut self) -> Option<Signal> {
        match self {
            Self::V5(link) => link.leftover(),
            Self::V4(link) => link.leftover(),
        }
    }

    /// How long a poll can take on a healthy connection. The library checks an idle connection by pings, but
    /// writes without a limit in time.
    pub(super) fn patience(&self) -> Duration {
        let keep_alive = match self {
            Self::V5(link) => link.keep_alive(),
            Self::V4(link) => link.keep_alive(),
        };
        keep_alive + CONNECT_TIME
    }
}

impl Requests {
    pub(super) fn publish(&self, parcel: Parcel) -> Result<(), Refused> {
        match self {
            Self::V5(client) => v5::publish(client, parcel),
            Self::V4(client) => v4::publish(client, parcel),
        }
    }

    pub(super) fn subscribe(&self, filters: &[String]) -> Result<(), Refused> {
        match self {
            Self::V5(client) => v5::subscribe(client, filters),
            Self::V4(client) => v4::subscribe(client, filters),
        }
    }

    pub(super) fn goodbye(&self) -> Result<(), Refused> {
        match self {
            Self::V5(client) => client.try_disconnect().map_err(|_| Refused),
            Self::V4(client) => client.try_disconnect().map_err(|_| Refused),
        }
    }
}

/// The keep-alive time within what the protocol and the library allow.
pub(super) fn keep_alive(options: &Options) -> Duration {
    options.keep_alive.clamp(KEEP_ALIVE.0, KEEP_ALIVE.1)
}

/// A received topic; the protocol promises UTF-8, and a topic that is not can match no subscription of ours.
pub(super) fn topic(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
