//! Messages on their way to the broker: kept until acknowledged, in order, across connections.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Outgoing;
use super::link::Verdict;
use super::reputation::{Reputation, Standing};
use super::wire::Limits;

/// Messages that may wait before [`Publisher::publish`](super::Publisher::publish) waits too.
pub(super) const MAX_WAITING: usize = 512;
/// Messages that may wait at all. Retained ones of one topic count once.
const MOST_WAITING: usize = 16 * 1024;
/// Bytes that waiting messages may hold.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// Messages sent and not acknowledged.
const WINDOW: usize = 64;
/// Connections that may end while a message is unacknowledged before that message counts as the reason.
const MAX_SENDS: u8 = 3;
/// Identifiers of messages. Those above belong to subscriptions.
const LAST_ID: u16 = 0x7FFF;

/// The queue between publishers and the task.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Messages that the caller is done with, for the broker to be told: their connection and identifier. Under a lock of
    /// its own: a message that is given up may be what the caller waited for.
    receipts: Mutex<Vec<(u64, u16)>>,
    /// For the task: there is something to send, or the outbox was closed.
    work: Notify,
    /// For publishers: there is room, or waiting for it has become pointless.
    room: Notify,
    /// How long the broker may take to acknowledge a message.
    patience: Duration,
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
    /// By number, which is the order in which they leave.
    waiting: BTreeMap<u64, Parcel>,
    waiting_bytes: usize,
    /// Of those that wait: the retained ones that were never sent, by topic.
    newest: HashMap<String, u64>,
    /// Of those that wait: what is given up first when there is no room.
    expendable: BTreeSet<u64>,
    /// Sent, by packet identifier.
    unacknowledged: BTreeMap<u16, Parcel>,
    reputation: Reputation,
    connected: bool,
    closed: bool,
    next_number: u64,
    last_id: u16,
    /// How many were sent so far.
    turn: u64,
    /// Given up for want of room since that was last told.
    given_up: u64,
}

/// A message and its history.
#[derive(Clone, Debug)]
struct Parcel {
    message: Outgoing,
    queued_at: Instant,
    /// When it was sent last, if it waits for its acknowledgement.
    sent_at: Option<Instant>,
    /// As which of all messages that was.
    turn: u64,
    number: u64,
    sends: u8,
}

/// A message as it leaves.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) message: Outgoing,
    /// Under which identifier it will be acknowledged; none if it will not be.
    pub(super) id: Option<u16>,
    /// Whether the broker shall keep it.
    pub(super) retain: bool,
    /// For how long it is still worth delivering.
    pub(super) left: Option<Duration>,
}

impl Outbox {
    pub(super) fn new(patience: Duration) -> Self {
        let (state, receipts) = (Mutex::default(), Mutex::default());
        Self { state, receipts, work: Notify::new(), room: Notify::new(), patience }
    }

    /// Queues a message if not too many wait. A retained one takes the place of a waiting, never sent retained one of its
    /// topic, at the end of the queue: only the newest state is worth delivering, and not before what led to it.
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

    /// Queues a message and gives up others if there is no room: first what is expendable, then the oldest that nobody
    /// finds retained. False if nothing is taken any more.
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

    /// Resolves when fewer messages wait than [`MAX_WAITING`], or when waiting for that is pointless because there is no
    /// connection. Cancel safe.
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

    /// Resolves when [`Outbox::push`] is worth another try. Call it before the failed try, await it after.
    pub(super) fn room(&self) -> impl Future<Output = ()> + '_ {
        self.room.notified()
    }

    /// Resolves when [`Outbox::hand_out`] or [`Outbox::receipts`] is worth another try. For one waiting task. Cancel safe.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// The next message to send, if one may be sent now.
    pub(super) fn hand_out(&self, limits: Limits) -> Option<Shipment> {
        let mut state = self.lock();
        let before = state.waiting.len();
        let shipment = state.hand_out(limits, Instant::now());
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

    /// The broker has the message, or has refused it for good: then nothing is published to its topic any more. Returns
    /// the topic.
    pub(super) fn acknowledged(&self, id: u16, refused: bool) -> Option<String> {
        let mut state = self.lock();
        let parcel = state.unacknowledged.remove(&id)?;
        state.reputation.heard_of(parcel.turn);
        if refused {
            state.reputation.refused(&parcel.message.topic);
        }
        drop(state);
        // Outside of the lock: whoever is told may have something to say.
        if let (Some(notice), false) = (&parcel.message.notice, refused) {
            notice.delivered();
        }
        self.work.notify_one();
        Some(parcel.message.topic)
    }

    /// When the broker will have taken too long to acknowledge a message.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let state = self.lock();
        state.unacknowledged.values().filter_map(|parcel| parcel.sent_at).min().map(|at| at + self.patience)
    }

    /// The topics of what the broker has taken too long to acknowledge. From now on their messages are sent without asking
    /// for that, so that they keep nothing else waiting.
    pub(super) fn overdue(&self) -> Vec<String> {
        let (mut state, now) = (self.lock(), Instant::now());
        let State { unacknowledged, reputation, .. } = &mut *state;
        let mut topics = BTreeSet::new();
        for parcel in unacknowledged.values() {
            if parcel.sent_at.is_some_and(|at| at + self.patience <= now) {
                reputation.unanswered(&parcel.message.topic, now);
                topics.insert(parcel.message.topic.clone());
            }
        }
        topics.into_iter().collect()
    }

    /// The caller is done with this message.
    pub(super) fn acknowledge(&self, connection: u64, packet: u16) {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).push((connection, packet));
        self.work.notify_one();
    }

    /// Messages that the caller is done with since the last call.
    pub(super) fn receipts(&self) -> Vec<(u64, u16)> {
        std::mem::take(&mut self.receipts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A connection begins.
    pub(super) fn connected(&self) {
        // Of what came with another connection the broker knows nothing any more.
        self.receipts();
        self.lock().connected = true;
        self.work.notify_one();
    }

    /// A connection, or an attempt at one, has ended: what was not acknowledged will leave again, in its old order.
    pub(super) fn disconnected(&self, verdict: Verdict) {
        let suspects = self.lock().disconnected(verdict);
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

    /// Whether everything was delivered.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.unacknowledged.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn would_replace(&self, message: &Outgoing) -> bool {
        message.retain && self.newest.contains_key(&message.topic)
    }

    fn queue(&mut self, message: Outgoing) {
        let number = self.next_number;
        self.next_number += 1;
        if message.retain
            && let Some(obsolete) = self.newest.insert(message.topic.clone(), number)
            && let Some(obsolete) = self.waiting.remove(&obsolete)
        {
            self.waiting_bytes -= obsolete.message.size();
            self.expendable.remove(&obsolete.number);
        }
        if message.expendable {
            self.expendable.insert(number);
        }
        self.waiting_bytes += message.size();
        let parcel = Parcel { message, queued_at: Instant::now(), sent_at: None, turn: 0, number, sends: 0 };
        self.waiting.insert(number, parcel);
    }

    fn unqueue(&mut self, number: u64) -> Option<Parcel> {
        let parcel = self.waiting.remove(&number)?;
        self.waiting_bytes -= parcel.message.size();
        self.expendable.remove(&number);
        if parcel.message.retain && self.newest.get(&parcel.message.topic) == Some(&number) {
            self.newest.remove(&parcel.message.topic);
        }
        Some(parcel)
    }

    /// Gives up what there is no room for. Says how many since the last time, and one of the topics, when that is worth a
    /// line: at the first one, and at every power of two.
    fn make_room(&mut self) -> Option<(u64, String)> {
        let mut told = None;
        while self.waiting.len() > MOST_WAITING || self.waiting_bytes > MOST_BYTES {
            let first = self.expendable.first().copied();
            let plain = || self.waiting.values().find(|parcel| !parcel.message.retain).map(|p| p.number);
            let oldest = || self.waiting.keys().next().copied();
            let number = first.or_else(plain).or_else(oldest)?;
            let parcel = self.unqueue(number)?;
            self.given_up += 1;
            if self.given_up.is_power_of_two() {
                told = Some((self.given_up, parcel.message.topic));
            }
        }
        told
    }

    fn hand_out(&mut self, limits: Limits, now: Instant) -> Option<Shipment> {
        while let Some((&number, head)) = self.waiting.first_key_value() {
            // After a lost connection messages go one by one until all are through: if one of them is what the
            // broker hangs up on, it must not take others with it.
            let alone = head.sends > 0 || self.unacknowledged.values().any(|parcel| parcel.sends > 1);
            let window = if alone { 1 } else { WINDOW.min(limits.window) };
            if !self.connected || self.unacknowledged.len() >= window {
                return None;
            }
            let mut parcel = self.unqueue(number)?;
            if parcel.expired(now) {
                continue;
            }
            let standing = self.reputation.of(&parcel.message, now);
            if standing == Standing::LeftAlone {
                tracing::debug!(topic = parcel.message.topic, "not published: the broker does not take it");
                continue;
            }
            if parcel.message.packet_size() > limits.packet {
                tracing::error!(
                    topic = parcel.message.topic,
                    bytes = parcel.message.payload.len(),
                    "message dropped: larger than the broker accepts"
                );
                continue;
            }
            parcel.sends = parcel.sends.saturating_add(1);
            parcel.sent_at = Some(now);
            self.turn += 1;
            parcel.turn = self.turn;
            let message = parcel.message.clone();
            let retain = message.retain && limits.retains;
            let left = message.expiry.map(|expiry| expiry.saturating_sub(now - parcel.queued_at));
            let asks = limits.acknowledges && !message.foreign && standing == Standing::Good;
            let id = if asks { Some(self.next_id()) } else { None };
            match id {
                Some(id) => drop(self.unacknowledged.insert(id, parcel)),
                None if message.foreign => self.reputation.sent_to_stranger(self.turn, &message.topic, now),
                None => {}
            }
            return Some(Shipment { message, id, retain, left });
        }
        None
    }

    /// An identifier that nothing else has. The window is far smaller than what there is.
    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = if self.last_id >= LAST_ID { 1 } else { self.last_id + 1 };
            if !self.unacknowledged.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Topics that the connection seems to have ended because of.
    fn disconnected(&mut self, verdict: Verdict) -> Vec<String> {
        self.connected = false;
        let now = Instant::now();
        let mut suspects = self.reputation.disconnected(verdict, now);
        let mut back: Vec<Parcel> = std::mem::take(&mut self.unacknowledged).into_values().collect();
        if let ([only], Verdict::Refused) = (back.as_slice(), verdict)
            && suspects.is_empty()
        {
            self.reputation.refused(&only.message.topic);
            suspects.push(only.message.topic.clone());
        }
        back.sort_by_key(|parcel| parcel.number);
        for mut parcel in back {
            parcel.sent_at = None;
            if parcel.sends >= MAX_SENDS && verdict != Verdict::NotOurs {
                tracing::error!(
                    topic = parcel.message.topic,
                    bytes = parcel.message.payload.len(),
                    "message dropped: {MAX_SENDS} connections ended while it was being sent"
                );
                self.reputation.suspected(&parcel.message.topic, now);
                continue;
            }
            self.waiting_bytes += parcel.message.size();
            self.waiting.insert(parcel.number, parcel);
        }
        suspects
    }
}

impl Parcel {
    fn expired(&self, now: Instant) -> bool {
        self.message.expiry.is_some_and(|expiry| now - self.queued_at >= expiry)
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
