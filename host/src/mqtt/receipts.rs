//! Messages of the broker that wait for the caller to be done with them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::inflight::Inflight;
use super::{Delivered, Notice};

/// Keeps the broker from being told that a message has arrived, for as long as any clone of it exists.
#[derive(Clone)]
pub struct Receipt(Arc<Open>);

/// An open message: the broker is told that it has arrived when this is dropped.
struct Open {
    inflight: Arc<Inflight>,
    /// Connection of this client that it came with: identifiers begin anew with the next one.
    connection: u64,
    packet: u16,
    /// Whether the message is left, never to be done here.
    left: AtomicBool,
}

impl Receipt {
    pub(super) fn new(inflight: &Arc<Inflight>, connection: u64, packet: u16) -> Self {
        let (inflight, left) = (Arc::clone(inflight), AtomicBool::new(false));
        Self(Arc::new(Open { inflight, connection, packet, left }))
    }

    /// Returns a receipt for a message that no broker has sent.
    #[cfg(test)]
    pub(crate) fn of_nobody(packet: u16) -> Self {
        Self::new(&Arc::new(Inflight::new(std::time::Duration::ZERO)), 0, packet)
    }

    /// Identifier under which the broker sent the message. It sends it again under the same one if the
    /// connection ends before it was acknowledged.
    #[must_use]
    pub fn packet(&self) -> u16 {
        self.0.packet
    }

    /// Lets go of the message without telling the broker: it shall send the message again, to the next
    /// client.
    pub fn leave(self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("packet", &self.packet).finish_non_exhaustive()
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Receipt {}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.left.load(Ordering::Relaxed) {
            self.inflight.acknowledge(self.connection, self.packet);
        }
    }
}

impl Delivered for Open {
    /// Does nothing: dropping the receipt tells the broker.
    fn delivered(&self) {}
}

impl From<Receipt> for Notice {
    /// Makes a notice: the message has arrived when the answer to it has been delivered.
    fn from(receipt: Receipt) -> Self {
        Self::to(receipt.0)
    }
}

/// The messages of one connection that the broker wants acknowledged. Acknowledgements have the order in
/// which the messages came, as the protocol wants it, whatever the order in which the caller is done with
/// them.
#[derive(Debug)]
pub(super) struct Receipts {
    connection: u64,
    open: VecDeque<(u16, bool)>,
}

impl Receipts {
    pub(super) fn new(connection: u64) -> Self {
        Self { connection, open: VecDeque::new() }
    }

    /// Records a message that has come.
    pub(super) fn received(&mut self, packet: u16) {
        self.open.push_back((packet, false));
    }

    /// Records that the caller is done with one. Nothing happens if it came with another connection.
    pub(super) fn done(&mut self, connection: u64, packet: u16) {
        let same = |(open, done): &&mut (u16, bool)| *open == packet && !*done;
        if connection == self.connection
            && let Some((_, done)) = self.open.iter_mut().find(same)
        {
            *done = true;
        }
    }

    /// Takes the next one to acknowledge.
    pub(super) fn next(&mut self) -> Option<u16> {
        self.open.pop_front_if(|(_, done)| *done).map(|(packet, _)| packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_told_in_its_own_order_and_of_nothing_that_came_before() {
        let mut receipts = Receipts::new(2);
        [7, 8, 9].into_iter().for_each(|packet| receipts.received(packet));
        receipts.done(2, 8);
        receipts.done(1, 7);
        assert_eq!(receipts.next(), None);
        receipts.done(2, 7);
        assert_eq!([receipts.next(), receipts.next(), receipts.next()], [Some(7), Some(8), None]);
        receipts.done(2, 9);
        assert_eq!([receipts.next(), receipts.next()], [Some(9), None]);
    }

    #[test]
    fn the_last_clone_tells_unless_the_message_is_left_to_the_next() {
        let inflight = Arc::new(Inflight::new(std::time::Duration::from_secs(30)));
        inflight.connected();
        let receipt = Receipt::new(&inflight, 1, 7);
        let notice = Notice::from(receipt.clone());
        drop(receipt);
        assert_eq!(inflight.receipts(), []);
        notice.delivered();
        drop(notice);
        assert_eq!(inflight.receipts(), [(1, 7)]);
        Receipt::new(&inflight, 1, 8).leave();
        assert_eq!(inflight.receipts(), []);
    }
}
