//! Messages on their way to the broker: kept until acknowledged, in order, across connections.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Outgoing;

/// Messages that may wait. Retained ones of one topic count once, see [`Outbox::push`].
const MAX_WAITING: usize = 512;
/// Messages sent and not acknowledged. Small enough that packet identifiers, which the library hands out in a
/// circle as long as the broker's receive maximum (20 in mosquitto), are never taken twice.
const WINDOW: usize = 10;
/// Connections that may end while a message is unacknowledged before that message counts as the reason.
const MAX_SENDS: u8 = 5;

/// The queue between publishers and the task.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// For the task: there is something to send, or the outbox was closed.
    work: Notify,
    /// For publishers: there is room, or waiting for it has become pointless.
    room: Notify,
}

/// Why a message was not taken; it is given back to be offered again.
#[derive(Debug)]
pub(super) enum Full {
    /// The connection is up: room will come.
    Busy(Outgoing),
    /// No connection: no telling.
    Offline,
    /// The client was told to disconnect, or its task has ended.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Parcel>,
    /// Given to the library, no packet identifier yet. It handles requests in order.
    handed: VecDeque<Parcel>,
    /// Sent, by packet identifier.
    unacknowledged: HashMap<u16, Parcel>,
    /// Held back by the library because its packet identifier is still taken.
    held: Option<(u16, Parcel)>,
    connected: bool,
    closed: bool,
    next_number: u64,
}

/// A message and its history.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) message: Outgoing,
    pub(super) queued_at: Instant,
    number: u64,
    sends: u8,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), work: Notify::new(), room: Notify::new() }
    }

    /// Queues a message. A retained one takes the place of a waiting, never sent retained one of its topic, at the
    /// end of the queue: only the newest state is worth delivering, and not before what led to it.
    pub(super) fn push(&self, message: Outgoing) -> Result<(), Full> {
        let mut state = self.lock();
        if state.closed {
            return Err(Full::Closed);
        }
        if message.retain {
            let obsolete = |p: &Parcel| p.sends == 0 && p.message.retain && p.message.topic == message.topic;
            state.waiting.retain(|parcel| !obsolete(parcel));
        }
        if state.waiting.len() >= MAX_WAITING {
            return Err(if state.connected { Full::Busy(message) } else { Full::Offline });
        }
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back(Parcel { message, queued_at: Instant::now(), number, sends: 0 });
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Resolves when [`Outbox::push`] is worth another try. Call it before the failed try, await it after.
    pub(super) fn room(&self) -> impl Future<Output = ()> + '_ {
        self.room.notified()
    }

    /// Resolves when [`Outbox::hand_out`] is worth another try. For one waiting task. Cancel safe.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// The next message to give to the library, if one may be sent now. `largest` is the largest packet that the
    /// broker takes.
    pub(super) fn hand_out(&self, largest: Option<usize>) -> Option<Parcel> {
        let mut state = self.lock();
        let before = state.waiting.len();
        let parcel = state.hand_out(largest);
        let room = state.waiting.len() < before;
        drop(state);
        if room {
            self.room.notify_waiters();
        }
        parcel
    }

    /// The library gave the oldest handed message this packet identifier and sent it.
    pub(super) fn sent(&self, id: u16) {
        let mut state = self.lock();
        let parcel = match state.held.take_if(|(held, _)| *held == id) {
            Some((_, parcel)) => Some(parcel),
            None => state.handed.pop_front(),
        };
        if let Some(parcel) = parcel {
            state.unacknowledged.insert(id, parcel);
        }
    }

    /// As [`Outbox::sent`], but the library waits for the identifier to become free before it sends.
    pub(super) fn held(&self, id: u16) {
        let mut state = self.lock();
        state.held = state.handed.pop_front().map(|parcel| (id, parcel));
    }

    /// The broker has the message, or has refused it for good. Returns its topic.
    pub(super) fn acknowledged(&self, id: u16) -> Option<String> {
        let parcel = self.lock().unacknowledged.remove(&id)?;
        self.work.notify_one();
        Some(parcel.message.topic)
    }

    /// A connection begins.
    pub(super) fn connected(&self) {
        self.lock().connected = true;
        self.work.notify_one();
    }

    /// A connection, or an attempt at one, has ended: what was not acknowledged goes back to the front, in order.
    pub(super) fn disconnected(&self) {
        self.lock().disconnected();
        self.room.notify_waiters();
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// Whether everything was delivered.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.outstanding() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn outstanding(&self) -> usize {
        self.handed.len() + self.unacknowledged.len() + usize::from(self.held.is_some())
    }

    fn hand_out(&mut self, largest: Option<usize>) -> Option<Parcel> {
        while let Some(head) = self.waiting.front() {
            let outstanding = self.outstanding();
            // After a lost connection messages go one by one until all are through: if one of them is what the
            // broker hangs up on, it must not take others with it.
            let suspect_under_way = self.in_flight().any(|parcel| parcel.sends > 1);
            let alone = head.sends > 0 || suspect_under_way;
            if !self.connected || outstanding >= if alone { 1 } else { WINDOW } {
                return None;
            }
            let mut parcel = self.waiting.pop_front()?;
            if parcel.expired() {
                continue;
            }
            if largest.is_some_and(|largest| parcel.packet_size() > largest) {
                tracing::error!(
                    topic = parcel.message.topic,
                    bytes = parcel.message.payload.len(),
                    "message dropped: larger than the broker accepts"
                );
                continue;
            }
            parcel.sends += 1;
            self.handed.push_back(parcel.clone());
            return Some(parcel);
        }
        None
    }

    fn in_flight(&self) -> impl Iterator<Item = &Parcel> {
        self.handed
            .iter()
            .chain(self.unacknowledged.values())
            .chain(self.held.iter().map(|(_, parcel)| parcel))
    }

    fn disconnected(&mut self) {
        self.connected = false;
        let unacknowledged = self.unacknowledged.drain().map(|(_, parcel)| parcel);
        let held = self.held.take().map(|(_, parcel)| parcel);
        let back: BTreeMap<u64, Parcel> =
            self.handed.drain(..).chain(unacknowledged).chain(held).map(|p| (p.number, p)).collect();
        for parcel in back.into_values().rev() {
            if parcel.sends >= MAX_SENDS {
                tracing::error!(
                    topic = parcel.message.topic,
                    bytes = parcel.message.payload.len(),
                    "message dropped: {MAX_SENDS} connections ended while it was being sent"
                );
                continue;
            }
            self.waiting.push_front(parcel);
        }
    }
}

impl Parcel {
    fn expired(&self) -> bool {
        self.message.expiry.is_some_and(|expiry| self.queued_at.elapsed() >= expiry)
    }

    /// Size of its packet in bytes, rounded up: every fixed part and property at its longest.
    fn packet_size(&self) -> usize {
        let Outgoing { topic, payload, correlation, .. } = &self.message;
        topic.len() + payload.len() + correlation.as_ref().map_or(0, Vec::len) + 24
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
