//! The queue without its lock: what waits, what was sent, and in which order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::super::Outgoing;
use super::super::link::Verdict;
use super::super::packets::Limits;
use super::super::reputation::{Reputation, Standing};
use super::{LAST_ID, MAX_HANG_UPS, MOST_BYTES, MOST_WAITING, Shipment, WINDOW};

#[derive(Debug, Default)]
pub(super) struct State {
    /// Waiting messages by number, which is the order in which they leave.
    pub(super) waiting: BTreeMap<u64, Parcel>,
    pub(super) waiting_bytes: usize,
    /// Waiting retained messages that were never sent, by topic.
    newest: HashMap<String, u64>,
    /// Waiting messages that are given up first when there is no room.
    expendable: BTreeSet<u64>,
    /// Sent messages, by packet identifier.
    pub(super) unacknowledged: BTreeMap<u16, Parcel>,
    pub(super) reputation: Reputation,
    pub(super) connected: bool,
    pub(super) closed: bool,
    next_number: u64,
    last_id: u16,
    /// Number of messages sent so far.
    pub(super) turn: u64,
    /// Turn of the latest message that the broker has acknowledged.
    pub(super) answered: u64,
    /// Time at which the broker last said anything.
    pub(super) heard_at: Option<Instant>,
    /// Number of messages that the broker has taken.
    pub(super) published: u64,
    /// Number of connections so far.
    pub(super) connections: u64,
    /// Number of messages given up for want of room.
    given_up: u64,
}

/// A message and its history.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) message: Outgoing,
    queued_at: Instant,
    /// Time of the last sending, if it waits for its acknowledgement.
    pub(super) sent_at: Option<Instant>,
    /// Its place among all messages sent.
    pub(super) turn: u64,
    number: u64,
    sends: u8,
    /// Number of times that the broker has hung up while the message waited for its acknowledgement.
    hang_ups: u8,
}

impl State {
    pub(super) fn would_replace(&self, message: &Outgoing) -> bool {
        message.retain && self.newest.contains_key(&message.topic)
    }

    pub(super) fn queue(&mut self, message: Outgoing) {
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
        let queued_at = Instant::now();
        let parcel = Parcel { message, queued_at, sent_at: None, turn: 0, number, sends: 0, hang_ups: 0 };
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

    /// Gives up messages for which there is no room. Returns how many since the last time, and one of the
    /// topics, when that is worth a line: at the first one, and at every power of two.
    pub(super) fn make_room(&mut self) -> Option<(u64, String)> {
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

    pub(super) fn hand_out(&mut self, limits: Limits, now: Instant) -> Option<Shipment> {
        while let Some((&number, head)) = self.waiting.first_key_value() {
            // After a lost connection messages go one by one until all are through: if one of them is what
            // the broker hangs up on, it must not take others with it.
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

    /// Returns a free identifier. The window is far smaller than the number of identifiers.
    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = if self.last_id >= LAST_ID { 1 } else { self.last_id + 1 };
            if !self.unacknowledged.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Ends a connection. Returns the topics that seem to have ended it.
    pub(super) fn disconnected(&mut self, verdict: Verdict, patience: Duration) -> Vec<String> {
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
            if verdict == Verdict::Silent && self.is_mute(&parcel, now, patience) {
                self.reputation.unanswered(&parcel.message.topic, now);
            }
            parcel.sent_at = None;
            parcel.hang_ups = parcel.hang_ups.saturating_add(u8::from(verdict.is_hang_up()));
            if parcel.hang_ups >= MAX_HANG_UPS {
                tracing::error!(
                    topic = parcel.message.topic,
                    bytes = parcel.message.payload.len(),
                    "message dropped: the broker ended {MAX_HANG_UPS} connections while it was being sent"
                );
                self.reputation.suspected(&parcel.message.topic, now);
                continue;
            }
            self.waiting_bytes += parcel.message.size();
            self.waiting.insert(parcel.number, parcel);
        }
        suspects
    }

    /// Whether the broker does not answer this message, and not just nothing any more: it has acknowledged
    /// what came after it, or said anything at all when it had long had this. Also if it fell silent a second
    /// time, with nothing but this before it: what silences a broker must not do so for ever.
    fn is_mute(&self, parcel: &Parcel, now: Instant, patience: Duration) -> bool {
        let (Some(sent_at), Some(half_time)) = (parcel.sent_at, parcel.half_time(patience)) else {
            return false;
        };
        let is_there =
            self.answered > parcel.turn || self.heard_at.is_some_and(|heard_at| heard_at >= half_time);
        if is_there { sent_at + patience <= now } else { parcel.sends > 1 && half_time <= now }
    }
}

impl Parcel {
    /// Returns the time at which half of the period is over in which it has to be acknowledged.
    pub(super) fn half_time(&self, patience: Duration) -> Option<Instant> {
        self.sent_at.map(|sent_at| sent_at + patience / 2)
    }

    fn expired(&self, now: Instant) -> bool {
        self.message.expiry.is_some_and(|expiry| now - self.queued_at >= expiry)
    }
}
