//! Messages of the host on their way to a broker.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::redact;
pub use crate::wire::message::Outgoing;

/// State of the way to a broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Whether the broker has accepted this client, and the connection stands.
    pub connected: bool,
    /// Number of messages that the broker has yet to take.
    pub queued: usize,
    /// Number of messages that it has taken since the start.
    pub published: u64,
    /// Number of connections after the first one.
    pub reconnects: u64,
}

/// A publisher of messages. Never blocks: the caller goes on at once.
pub trait Publish: fmt::Debug + Send + Sync {
    /// Takes a message. Messages leave in the order in which they were taken.
    fn publish(&self, message: Outgoing);

    /// Returns the state of the way to the broker; none if there is no broker.
    fn traffic(&self) -> Option<Traffic> {
        None
    }
}

/// Discards messages: for a program that waits for reports itself, and for trials.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Publish for Discard {
    fn publish(&self, _message: Outgoing) {}
}

/// A publisher that masks in every payload, as the last look at what leaves, a vehicle identification number
/// that the host has seen, whatever wrote it and whatever stands around it. Topics stay: only the owner and
/// the host name them.
#[derive(Debug)]
pub(crate) struct Masking(pub(crate) Arc<dyn Publish>);

impl Publish for Masking {
    fn publish(&self, mut message: Outgoing) {
        if let Ok(payload) = std::str::from_utf8(&message.payload)
            && let Cow::Owned(masked) = redact::mask_known_vins(payload)
        {
            message.payload = masked.into_bytes();
        }
        self.0.publish(message);
    }

    fn traffic(&self) -> Option<Traffic> {
        self.0.traffic()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Last(Mutex<Vec<u8>>);

    impl Publish for Last {
        fn publish(&self, message: Outgoing) {
            *self.0.lock() = message.payload;
        }
    }

    #[test]
    fn a_number_that_was_seen_leaves_in_no_payload() {
        redact::remember_vin("KNATESTSENTX00001");
        let last = Arc::new(Last::default());
        let publisher = Masking(Arc::clone(&last) as Arc<dyn Publish>);
        for (payload, expected) in [
            (&b"{\"name\":\"xknatestsentx00001y\"}"[..], &b"{\"name\":\"x*************0001y\"}"[..]),
            (b"{\"lat\":52.520008}", b"{\"lat\":52.520008}"),
            (b"\xff\x00", b"\xff\x00"),
        ] {
            publisher.publish(Outgoing::new("t", payload));
            assert_eq!(*last.0.lock(), expected);
        }
    }
}
