//! Messages told apart by how the broker delivered them.
//!
//! A broker that does not learn that a message has arrived sends it again, and says so. For a command that
//! was done and has an identifier of its own that does no harm: it repeats its result. For the others the
//! host remembers, before it does or rejects them, what came under which packet identifier: a command without
//! an identifier gets the same one again, and one that was rejected because of what passes (a full queue) is
//! not done after all when it comes the second time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::wire::report::Report;

/// One delivery of a message by a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Packet identifier.
    packet: u16,
    /// Whether the broker may have delivered it before.
    again: bool,
    /// Digest of topic and payload.
    digest: Digest,
}

impl Delivery {
    /// Notes a delivery under this packet identifier, perhaps not the first of its message.
    #[must_use]
    pub fn of(packet: u16, again: bool, topic: &str, payload: &[u8]) -> Self {
        // Topics contain no NUL.
        let digest = Digest::of(&[topic.as_bytes(), b"\0", payload].concat());
        Self { packet, again, digest }
    }

    /// Whether this may be the same message as one that came before.
    pub(crate) fn repeats(&self, before: &Self) -> bool {
        self.again && self.packet == before.packet && self.digest == before.digest
    }

    fn key(&self) -> String {
        (self.packet % PLACES).to_string()
    }
}

/// Number of deliveries that are remembered: as many as a broker may have under way.
const PLACES: u16 = 512;

/// Time for which a delivery is the same one. A broker keeps what is not acknowledged for half a minute after
/// the connection has ended; after that its identifier is another message's.
const SAME: SignedDuration = SignedDuration::from_mins(2);

/// Memory of a delivery.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Delivered {
    packet: u16,
    digest: String,
    at: Timestamp,
    /// The identifier of the command.
    pub(crate) id: String,
    /// Report of its rejection, if it was rejected.
    pub(crate) rejected: Option<Report>,
}

/// The deliveries of one broker.
#[derive(Debug)]
pub(crate) struct Deliveries {
    store: Arc<dyn Store>,
}

impl Deliveries {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Returns what became of this delivery before; none if it is the first, or nothing is known.
    ///
    /// # Errors
    ///
    /// When the store fails; then the command must not be done, because it could be done twice.
    pub(crate) async fn before(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Option<Delivered>, StoreError> {
        if !delivery.again {
            return Ok(None);
        }
        let before: Option<Delivered> =
            load_document(self.store.as_ref(), Kind::Delivery, &delivery.key()).await?;
        let digest = delivery.digest.to_string();
        Ok(before.filter(|before| {
            let age = now.duration_since(before.at).abs();
            before.packet == delivery.packet && before.digest == digest && age <= SAME
        }))
    }

    /// Records what becomes of a delivery.
    ///
    /// # Errors
    ///
    /// When the store fails; then the command must not be done, because it could be done twice.
    pub(crate) async fn remember(
        &self,
        delivery: &Delivery,
        id: String,
        rejected: Option<Report>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Delivery { packet, digest, .. } = *delivery;
        let delivered = Delivered { packet, digest: digest.to_string(), at: now, id, rejected };
        self.store.commit(vec![Write::document(Kind::Delivery, delivery.key(), &delivered)?]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn the_same_delivery_is_known_again_and_no_other_is() {
        let deliveries = Deliveries::new(Arc::new(MemoryStore::default()));
        let (start, topic) = (Timestamp::UNIX_EPOCH, "vehicle/ev6/cmd/lock");
        let first = Delivery::of(7, false, topic, b"UNLOCK");
        deliveries.remember(&first, "first".to_owned(), None, start).await.unwrap();
        let id = async |packet, again, payload: &[u8], at: Timestamp| {
            let before = deliveries.before(&Delivery::of(packet, again, topic, payload), at).await.unwrap();
            before.map(|before| before.id)
        };
        let soon = start + SignedDuration::from_secs(40);
        assert_eq!(id(7, true, b"UNLOCK", soon).await.as_deref(), Some("first"));
        assert_eq!(id(7, false, b"UNLOCK", soon).await, None, "sent a second time by its sender");
        assert_eq!(id(8, true, b"UNLOCK", soon).await, None, "another packet");
        assert_eq!(id(7 + PLACES, true, b"UNLOCK", soon).await, None, "another packet in the same place");
        assert_eq!(id(7, true, b"LOCK", soon).await, None, "another command");
        let later = start + SAME + SignedDuration::from_secs(1);
        assert_eq!(id(7, true, b"UNLOCK", later).await, None, "the identifier is another message's by now");
        // A clock that was set back by more does not make it the same either.
        assert_eq!(id(7, true, b"UNLOCK", start - SAME * 2).await, None);
    }
}
