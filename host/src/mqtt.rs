//! The connection to the MQTT broker: one client that stays connected, whatever the broker does.
//!
//! [`connect`] starts a task that owns the socket and gives back two ends of it: a [`Publisher`] to send
//! with and [`Events`] to listen to. What they guarantee:
//!
//! * **Publishing is at least once.** A message stays queued until the broker acknowledges it, across
//!   reconnects; what was sent and not acknowledged is sent again, so a subscriber may see it twice. A
//!   retained message that still waits is replaced by a newer one for the same topic: an outage does not end
//!   in a replay of old states. A message that the connection does not survive three times is dropped with an
//!   error in the log, and so is one that is larger than the broker accepts. What goes to a topic of a
//!   caller's choice ([`Outgoing::foreign`]) is sent at most once.
//! * **No topic costs more than one connection.** What the broker refuses is not published to again. A broker
//!   that does not acknowledge within 30 s and is alive loses the connection, and the topic its guarantee;
//!   one that says nothing any more only loses the connection, unless that happens twice with the same
//!   message. See `reputation`.
//! * **A message is acknowledged when the caller has let go of it** ([`Message::receipt`]), in the order of
//!   arrival. One that was not comes again after a reconnect or a restart within 30 s, marked
//!   [`Message::again`]; the copy that waits is dropped when the broker says that it has kept the session.
//! * **Sessions are short.** The broker keeps what is sent to us for 30 s after a connection has ended and
//!   forgets it then: no command arrives late. The caller subscribes after each [`Event::Connected`] all the
//!   same. A 3.1.1 broker knows no such time; there a session ends with its connection.
//! * **Nothing is lost for want of a moment.** Events queue up to a bound. Then the broker is not read until
//!   there is room, for at most 3 s: it keeps what it has. Only a caller that reads nothing for longer loses
//!   messages, which are counted ([`Event::Overflow`]) and acknowledged, since the broker would send them
//!   again and again; so publishing from the loop that reads events cannot lock up. Brokers of MQTT 5 are
//!   told how many messages they may have under way, and not all obey.
//! * **MQTT 5, and 3.1.1 where that is all the broker speaks**: see [`Version::V5`].
//!
//! # Layout
//!
//! `task` is the client: connect, drive, wait, again. `link` is one connection: socket, buffers, keep-alive.
//! `packets` makes the packets of the two protocol versions look alike. `inflight` and `inbox` are the two
//! queues. `backoff`, `dialect`, `reputation`, `receipts` and `subscriptions` are the decisions, without any
//! I/O. `tls` builds the certificate check.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::wire::message::{Delivered, Notice, Outgoing};

mod backoff;
mod dialect;
mod inbox;
mod inflight;
mod link;
mod packets;
mod publisher;
mod receipts;
mod reputation;
mod subscriptions;
mod task;
mod tls;

pub use inbox::Events;
pub use publisher::{PublishError, Publisher, SubscribeError};
pub use receipts::Receipt;
pub use subscriptions::Refusal;
pub use tls::{Tls, TlsError};

/// The largest payload that [`Publisher::publish`] takes, in bytes.
pub const MAX_PAYLOAD: usize = 256 * 1024;

/// The largest packet that the client accepts from an MQTT 5 broker, in bytes. The broker is told when
/// connecting, and does not deliver larger messages at all. The caller still has to refuse what is
/// unreasonably large: this bound is about memory. It is as high as for the older protocol so that there is
/// an answer to nearly all of it.
pub const MAX_INCOMING_V5: u32 = 16 * 1024 * 1024;

/// The largest packet that the client accepts from an MQTT 3.1.1 broker, in bytes.
///
/// The older protocol cannot announce a limit, so a larger packet ends the connection. It is far above what
/// callers take because a retained message beyond it would end every connection that subscribes to its topic;
/// the client then retries at the slowest pace, and the reason of [`Event::Disconnected`] says why.
pub const MAX_INCOMING_V4: usize = 16 * 1024 * 1024;

/// Time for which a broker keeps our session, and what is sent to us meanwhile, after a connection has ended:
/// long enough for a reconnect and a restart, short enough that no command is done when it is not expected
/// any more.
pub const SESSION_KEPT: Duration = Duration::from_secs(30);

/// Number of unacknowledged messages that an MQTT 5 broker may have under way to us: fewer than wait for the
/// caller, so that none of them has to be dropped.
const MAX_UNACKNOWLEDGED: u16 = 512;

/// Options of a client: where to connect, as whom, and what the broker shall say when the connection is lost.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name or address of the broker; an IPv6 address without brackets.
    pub host: String,
    /// TCP port of the broker.
    pub port: u16,
    /// Check of the broker's certificate; `None` connects without TLS.
    pub tls: Option<Tls>,
    /// The name of this client; a broker disconnects an older connection of the same name.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password, sent only together with a user name.
    pub password: Option<SecretString>,
    /// The protocol version to begin with.
    pub version: Version,
    /// Message that the broker publishes when the connection is lost without [`Publisher::disconnect`].
    pub will: Will,
    /// Interval at which an idle connection is checked. Below 5 s counts as 5 s, above 18 hours as 18 hours.
    pub keep_alive: Duration,
    /// Time for the broker to acknowledge a message; then the connection ends.
    pub acknowledge_within: Duration,
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 5.
    ///
    /// A broker that refuses the version, or that twice in a row accepts the connection and then closes it or
    /// stays silent (as 3.1.1 brokers do), is asked in 3.1.1. If that works it is kept until the process
    /// ends; a broker that cannot be reached at all never leads to it.
    V5,
    /// MQTT 3.1.1: no response topics, no correlation data, no expiry on the broker, and own messages come
    /// back if they match an own subscription.
    V4,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V5 => "MQTT 5",
            Self::V4 => "MQTT 3.1.1",
        })
    }
}

/// The message that the broker publishes for a client that disappeared, with QoS 1.
#[derive(Clone, Debug)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// A message from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Payload, at most [`MAX_INCOMING_V5`] or [`MAX_INCOMING_V4`] bytes.
    pub payload: Vec<u8>,
    /// On MQTT 5, whether the sender asked to retain it. On 3.1.1, whether this is a copy that the broker
    /// kept: there a live message never carries the mark.
    pub retain: bool,
    /// Whether the broker has sent it before, in this session, and does not know whether it arrived.
    pub again: bool,
    /// Quality of service: 0, 1 or 2.
    pub qos: u8,
    /// Topic on which the sender wants the answer (MQTT 5).
    pub response_topic: Option<String>,
    /// Data that the answer has to carry (MQTT 5).
    pub correlation: Option<Vec<u8>>,
    /// Receipt: the broker is told that the message has arrived when this is dropped; `None` if it does not
    /// want to know.
    pub receipt: Option<Receipt>,
}

impl Message {
    /// Size in bytes, regardless of who chose them.
    fn size(&self) -> usize {
        let answer = self.response_topic.as_ref().map_or(0, String::len);
        let correlation = self.correlation.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + self.topic.len() + self.payload.len() + answer + correlation
    }
}

/// An event on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The broker accepted the client. The caller has to subscribe to what it wants, whatever the broker
    /// knows.
    Connected {
        /// Protocol version in use.
        version: Version,
        /// Whether the broker has kept the session: then it sends again what was not acknowledged, and a
        /// caller that has taken such a message and not done it yet lets go of it.
        session_present: bool,
    },
    /// The connection was lost, or the first attempt failed, or attempts fail for another reason than before.
    /// Attempts go on.
    Disconnected {
        /// The reason, for people; never contains a password.
        reason: String,
    },
    /// A message arrived.
    Message(Message),
    /// Messages were dropped because the reader of [`Events`] fell behind by more than a thousand messages or
    /// 8 MiB.
    Overflow {
        /// Number of messages lost at this place in the sequence.
        lost: u64,
    },
}

/// Starts the client; must be called within a tokio runtime.
///
/// Connecting happens in the background, and is retried for ever with growing pauses of up to 20 s. The task
/// ends after [`Publisher::disconnect`], or when all publishers are dropped; in the second case without a
/// word to the broker, which then publishes the will.
///
/// # Errors
///
/// When TLS is wanted and there is no authority to trust.
pub fn connect(options: Options) -> Result<(Publisher, Events), TlsError> {
    let tls = options.tls.as_ref().map(tls::client_config).transpose()?;
    let inflight = Arc::new(inflight::Inflight::new(options.acknowledge_within));
    let (inbox, events) = inbox::channel();
    let (publisher, orders) = publisher::channel(Arc::clone(&inflight));
    tokio::spawn(task::ClientTask::new(options, tls, inflight, orders, inbox).run());
    Ok((publisher, events))
}
