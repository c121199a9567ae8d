//! Messages of a connector's own.

use super::ConnectorCx;
use crate::bindings::mqtt::{Host, PublishError};
use crate::outbox::Outgoing;

/// The largest payload, in bytes.
const LARGEST_PAYLOAD: usize = 64 << 10;

/// A topic below the prefix: no wildcard, no empty level at either end, nothing that the broker treats specially.
fn stays_below(topic: &str) -> bool {
    !topic.is_empty()
        && topic.len() <= 256
        && topic.split('/').all(|level| !level.is_empty())
        && !topic.contains(['+', '#', '\0'])
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
            // There is no "after so long": the limit is the call's.
            return Ok(Err(PublishError::Other(format!("at most {most} messages a call"))));
        }
        let call = &self.call;
        let topic = format!("{}{topic}", call.surroundings.topic_prefix);
        call.surroundings.outbox.publish(Outgoing { retain, ..Outgoing::new(topic, payload) });
        Ok(Ok(()))
    }
}
