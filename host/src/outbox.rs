//! What the host has to say, on its way to a broker.

use std::fmt;

pub use crate::mqtt::client::Outgoing;

/// Takes messages. Never blocks: whoever publishes goes on at once.
pub trait Outbox: fmt::Debug + Send + Sync {
    /// Takes a message. Messages leave in the order in which they were taken.
    fn publish(&self, message: Outgoing);
}
