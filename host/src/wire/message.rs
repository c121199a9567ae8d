//! Messages on their way out, and where an answer goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A message to publish, with QoS 1 unless it is [foreign](Outgoing::foreign).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Topic, without wildcards.
    pub topic: String,
    /// Payload, at most [`MAX_PAYLOAD`](crate::mqtt::MAX_PAYLOAD) bytes.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// Correlation data of the request that this answers (MQTT 5; left out on 3.1.1).
    pub correlation: Option<Vec<u8>>,
    /// Time for which it is worth delivering. Counts while it waits for the broker, where it is then dropped
    /// without a word; on MQTT 5 the broker gets what is left, in whole seconds.
    pub expiry: Option<Duration>,
    /// Whether a caller chose the topic. Nothing is known of such a topic, not even that the broker lets us
    /// publish there: the message is sent with QoS 0, at most once, and a topic after which the broker hangs
    /// up is left alone.
    pub foreign: bool,
    /// Whether it may be given up first when too many messages wait: a step on the way, with more to come.
    pub expendable: bool,
    /// Notice for the part that wants to know that the broker has it.
    pub notice: Option<Notice>,
}

/// A listener that is told when a message has been delivered.
pub trait Delivered: fmt::Debug + Send + Sync {
    /// Tells that the broker has it, or will never be asked whether it has. Not called for what it refuses,
    /// or what is given up.
    fn delivered(&self);
}

/// Notice that is kept with a message until it has been delivered or given up, and released then.
#[derive(Clone, Debug)]
pub struct Notice(Arc<dyn Delivered>);

impl Notice {
    /// Makes a notice to `whom`.
    pub fn to(whom: Arc<dyn Delivered>) -> Self {
        Self(whom)
    }

    /// Tells that the message has been delivered.
    pub fn delivered(&self) {
        self.0.delivered();
    }
}

impl PartialEq for Notice {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Notice {}

impl Outgoing {
    /// Makes a message that is neither retained nor an answer and does not expire.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            retain: false,
            correlation: None,
            expiry: None,
            foreign: false,
            expendable: false,
            notice: None,
        }
    }

    /// Marks the message as one to a topic of a caller's choice.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        self.foreign = true;
        self
    }

    /// Marks the message as one to be given up first.
    #[must_use]
    pub fn expendable(mut self) -> Self {
        self.expendable = true;
        self
    }

    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len() + self.correlation.as_ref().map_or(0, Vec::len)
    }

    /// Size of its packet in bytes, rounded up: every fixed part and property at its longest.
    pub(crate) fn packet_size(&self) -> usize {
        self.size() + 24
    }

    /// Marks the message as retained.
    #[must_use]
    pub fn retained(mut self) -> Self {
        self.retain = true;
        self
    }
}

/// Destination of an answer besides its own topic (MQTT 5 §4.10).
#[derive(Debug, Clone)]
pub struct RespondTo {
    /// The response topic.
    pub topic: String,
    /// The correlation data.
    pub correlation: Option<Vec<u8>>,
}

/// Whether MQTT can publish to a topic (MQTT 5 §4.7).
pub(crate) fn is_topic(topic: &str) -> bool {
    is_string(topic) && !topic.contains(['+', '#'])
}

/// Whether MQTT can carry a text as a topic or filter.
pub(crate) fn is_string(text: &str) -> bool {
    !text.is_empty() && text.len() <= usize::from(u16::MAX) && !text.contains('\0')
}
