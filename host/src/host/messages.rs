//! Messages that arrive, in the host's terms.

use crate::host::command_desk::deliveries::Delivery;
use crate::mqtt::Receipt;
use crate::wire::message::RespondTo;

/// A message on a topic that the host listens to.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the sender wanted the broker to keep it.
    pub retained: bool,
    /// Response topic of the sender's.
    pub respond_to: Option<RespondTo>,
    /// Delivery by which it came, if the broker delivers until it is told that the message has arrived.
    pub delivery: Option<Delivery>,
    /// Receipt, released once the host has written the command down, or the broker has the answer of what is
    /// not done.
    pub hold: Option<Receipt>,
}

/// A message that there was no room for. Only what an answer needs is left of it.
#[derive(Debug)]
pub struct Refused {
    /// The topic.
    pub topic: String,
    /// The identifier that it came with.
    pub id: Option<String>,
    /// Whether the sender wanted the broker to keep it.
    pub retained: bool,
    /// Response topic of the sender's.
    pub respond_to: Option<RespondTo>,
    /// Delivery, as that of a [`Request`].
    pub delivery: Option<Delivery>,
    /// Receipt, as that of a [`Request`].
    pub hold: Option<Receipt>,
}
