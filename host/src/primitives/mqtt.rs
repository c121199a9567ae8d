//! Messages of a connector's own.

use super::ConnectorCx;
use crate::bindings::mqtt::{Host, PublishError};
use crate::wire::message::Outgoing;

/// The largest payload, in bytes.
const LARGEST_PAYLOAD: usize = 64 << 10;

/// Whether a topic stays below the prefix: no wildcard, no empty level, nothing that the broker treats
/// specially.
fn stays_below(topic: &str) -> bool {
    !topic.is_empty()
        && topic.len() <= 256
        && topic.split('/').all(|level| !level.is_empty())
        && !topic.contains(['+', '#'])
        && !topic.contains(may_be_malformed)
}

/// Whether a receiver may close the connection for this character (MQTT 5 §1.5.4): a control character, or
/// what Unicode says is not a character. The message would be sent again on the next connection, and end that
/// one too.
fn may_be_malformed(c: char) -> bool {
    let code = u32::from(c);
    c.is_control() || (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

impl Host for ConnectorCx {
    async fn publish(
        &mut self,
        topic: String,
        payload: Vec<u8>,
        retain: bool,
    ) -> wasmtime::Result<Result<(), PublishError>> {
        if payload.len() > LARGEST_PAYLOAD {
            let limit = u32::try_from(LARGEST_PAYLOAD).unwrap_or(u32::MAX);
            return Ok(Err(PublishError::TooLarge(limit)));
        }
        if !stays_below(&topic) {
            return Ok(Err(PublishError::OutsidePrefix));
        }
        if let Err(most) = self.take_message() {
            // Waiting does not help: the limit is the call's.
            return Ok(Err(PublishError::Other(format!("at most {most} messages a call"))));
        }
        let call = &self.call;
        let topic = format!("{}{topic}", call.context.topic_prefix);
        call.context.publisher.publish(Outgoing { retain, ..Outgoing::new(topic, payload) });
        Ok(Ok(()))
    }
}
