//! Messages on their way to the broker: kept until acknowledged, in order, across connections.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use queue::State;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Outgoing;
use super::link::Verdict;
use super::packets::Limits;
use crate::wire::publish::Traffic;

mod queue;

/// Messages that may wait before [`Publisher::publish`](super::Publisher::publish) waits too.
pub(super) const MAX_WAITING: usize = 512;
/// Messages that may wait at all. Retained ones of one topic count once.
const MOST_WAITING: usize = 16 * 1024;
/// Bytes that waiting messages may hold.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// Messages sent and not acknowledged.
const WINDOW: usize = 64;
/// Connections that the broker may end while a message is unacknowledged before that message counts as the
/// reason.
const MAX_HANG_UPS: u8 = 3;
/// Identifiers of messages. Those above belong to subscriptions.
const LAST_ID: u16 = 0x7FFF;

/// The queue between publishers and the task.
#[derive(Debug)]
pub(super) struct Inflight {
    state: Mutex<State>,
    /// Messages that the caller is done with, for the broker to be told: their connection and identifier.
    /// Under a lock of their own: a message that is given up may be what the caller waited for.
    receipts: Mutex<Vec<(u64, u16)>>,
    /// Signal for the task: there is something to send, or the queue was closed.
    work: Notify,
    /// Signal for publishers: there is room, or waiting for it has become pointless.
    room: Notify,
    /// Time for the broker to acknowledge a message.
    patience: Duration,
}

/// Reason why a message was not taken; it is given back to be offered again.
#[derive(Debug)]
pub(super) enum Full {
    /// The connection is up: room will come.
    Busy(Outgoing),
    /// No connection: room may not come for long.
    Offline,
    /// The client was told to disconnect, or its task has ended.
    Closed,
}

/// A message as it leaves.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) message: Outgoing,
    /// Identifier under which it will be acknowledged; `None` if it will not be.
    pub(super) id: Option<u16>,
    /// Whether the broker shall keep it.
    pub(super) retain: bool,
    /// Time for which it is still worth delivering.
    pub(super) left: Option<Duration>,
}

impl Inflight {
    pub(super) fn new(patience: Duration) -> Self {
        let (state, receipts) = (Mutex::default(), Mutex::default());
        Self { state, receipts, work: Notify::new(), room: Notify::new(), patience }
    }

    /// Queues a message if not too many wait. A retained one replaces a waiting, never sent retained one of
    /// its topic, at the end of the queue: only the newest state is worth delivering, and not before what led
    /// to it.
    pub(super) fn push(&self, message: Outgoing) -> Result<(), Full> {
        let mut state = self.lock();
        if state.closed {
            return Err(Full::Closed);
        }
        if state.waiting.len() >= MAX_WAITING && !state.would_replace(&message) {
            return Err(if state.connected { Full::Busy(message) } else { Full::Offline });
        }
        state.queue(message);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Queues a message and gives up others if there is no room: first what is expendable, then the oldest
    /// that is not retained. Returns false if nothing is taken any more.
    pub(super) fn put(&self, message: Outgoing) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.queue(message);
        let given_up = state.make_room();
        drop(state);
        self.work.notify_one();
        if let Some((lost, topic)) = given_up {
            tracing::error!(lost, topic, "messages are lost: too many wait for the broker");
        }
        true
    }

    /// Resolves when fewer messages wait than [`MAX_WAITING`], or when waiting for that is pointless because
    /// there is no connection. Cancel safe.
    pub(super) async fn ready(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let state = self.lock();
                if state.waiting.len() < MAX_WAITING || !state.connected || state.closed {
                    return;
                }
            }
            room.await;
        }
    }

    /// Resolves when [`Inflight::push`] is worth another try. Call it before the failed try, await it after.
    pub(super) fn room(&self) -> impl Future<Output = ()> + '_ {
        self.room.notified()
    }

    /// Resolves when [`Inflight::hand_out`] or [`Inflight::receipts`] is worth another try. For one waiting
    /// task. Cancel safe.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// The next message to send, if one may be sent now.
    pub(super) fn hand_out(&self, limits: Limits) -> Option<Shipment> {
        let mut state = self.lock();
        let before = state.waiting.len();
        let shipment = state.hand_out(limits, Instant::now());
        if matches!(shipment, Some(Shipment { id: None, .. })) {
            state.published += 1;
        }
        let room = state.waiting.len() < before && state.waiting.len() < MAX_WAITING;
        drop(state);
        if room {
            self.room.notify_waiters();
        }
        if let Some(Shipment { id: None, message: Outgoing { notice: Some(notice), .. }, .. }) = &shipment {
            notice.delivered();
        }
        shipment
    }

    /// Records that the broker has the message, or has refused it for good: then nothing is published to its
    /// topic any more. Returns the topic.
    pub(super) fn acknowledged(&self, id: u16, refused: bool) -> Option<String> {
        let mut state = self.lock();
        let parcel = state.unacknowledged.remove(&id)?;
        state.answered = state.answered.max(parcel.turn);
        state.reputation.heard_of(parcel.turn);
        if refused {
            state.reputation.refused(&parcel.message.topic);
        } else {
            state.published += 1;
        }
        drop(state);
        // Outside of the lock: the receiver of the notice may have something to say.
        if let (Some(notice), false) = (&parcel.message.notice, refused) {
            notice.delivered();
        }
        self.work.notify_one();
        Some(parcel.message.topic)
    }

    /// Returns the time at which the broker will have taken too long to acknowledge a message.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let state = self.lock();
        state.unacknowledged.values().filter_map(|parcel| parcel.sent_at).min().map(|at| at + self.patience)
    }

    /// Returns the topics of what the broker has taken too long to acknowledge.
    pub(super) fn overdue(&self) -> Vec<String> {
        let (state, now) = (self.lock(), Instant::now());
        let late = state.unacknowledged.values();
        let late = late.filter(|parcel| parcel.sent_at.is_some_and(|at| at + self.patience <= now));
        let mut topics: Vec<_> = late.map(|parcel| parcel.message.topic.clone()).collect();
        topics.sort();
        topics.dedup();
        topics
    }

    /// Records that the broker has said something, whatever it was.
    pub(super) fn heard(&self) {
        self.lock().heard_at = Some(Instant::now());
    }

    /// Returns the time to ask the broker whether it is alive: a message waits for its acknowledgement for
    /// half of the time that it may take, and nothing was heard since. Only a broker that is there can be
    /// said not to answer a topic.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        let state = self.lock();
        let asked_at = state.unacknowledged.values().filter_map(|parcel| parcel.half_time(self.patience));
        asked_at.filter(|at| state.heard_at.is_none_or(|heard_at| heard_at < *at)).min()
    }

    /// Records that the caller is done with this message.
    pub(super) fn acknowledge(&self, connection: u64, packet: u16) {
        self.receipts.lock().push((connection, packet));
        self.work.notify_one();
    }

    /// Takes the messages that the caller has been done with since the last call.
    pub(super) fn receipts(&self) -> Vec<(u64, u16)> {
        std::mem::take(&mut self.receipts.lock())
    }

    /// Begins a connection.
    pub(super) fn connected(&self) {
        // The broker does not know any more what came with another connection.
        self.receipts();
        let mut state = self.lock();
        state.connected = true;
        state.connections += 1;
        drop(state);
        self.work.notify_one();
    }

    /// Ends a connection, or an attempt at one: what was not acknowledged will leave again, in its old order.
    pub(super) fn disconnected(&self, verdict: Verdict) {
        let suspects = self.lock().disconnected(verdict, self.patience);
        self.room.notify_waiters();
        for topic in suspects {
            tracing::error!(
                topic,
                "the broker ends the connection when this is published to; that is left alone for now: look at what the \
                 broker lets this client publish to"
            );
        }
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// Returns the state of the way to the broker.
    pub(super) fn traffic(&self) -> Traffic {
        let state = self.lock();
        Traffic {
            connected: state.connected,
            queued: state.waiting.len() + state.unacknowledged.len(),
            published: state.published,
            reconnects: state.connections.saturating_sub(1),
        }
    }

    /// Whether everything was delivered.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.unacknowledged.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it.
        self.state.lock()
    }
}

#[cfg(test)]
#[path = "inflight_tests.rs"]
mod tests;
