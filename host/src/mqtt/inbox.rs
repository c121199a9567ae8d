//! Events on their way from the task to the caller: bounded in messages and bytes, and never in the way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Event, Message};

/// Messages that may wait.
const MAX_MESSAGES: usize = 1024;
/// Bytes that waiting messages may hold; the last one may be as large as a packet is.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Time for which the broker is not read while there is no room. It keeps what it has: not every broker holds
/// to the number of messages that it is told may be under way, and 3.1.1 knows no such number. A reader that
/// takes longer is one that waits for the broker itself, and the connection must live.
const PATIENCE: Duration = Duration::from_secs(3);

/// The receiving end of [`connect`](super::connect).
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
}

impl Events {
    /// The next event, or `None` once the task has ended and everything was taken. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            {
                let mut queue = self.shared.lock();
                if let Some(event) = queue.pop() {
                    self.shared.taken.notify_one();
                    return Some(event);
                }
                if queue.writer_gone {
                    return None;
                }
            }
            self.shared.changed.notified().await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.reader_gone = true;
        // The wait for room ends: messages that come now are left with the broker.
        queue.full_since = None;
        self.shared.taken.notify_one();
        for event in queue.events.drain(..) {
            if let Event::Message(message) = event {
                leave(message);
            }
        }
    }
}

/// The task's end. Dropping it ends [`Events`], also when the task panicked.
#[derive(Debug)]
pub(super) struct Inbox {
    shared: Arc<Shared>,
}

impl Inbox {
    /// Whether the broker is to be read: there is room for a message, or there was none for too long.
    pub(super) fn has_room(&self) -> bool {
        self.shared.lock().full_since.is_none_or(|since| since.elapsed() >= PATIENCE)
    }

    /// Returns when the broker is to be read again.
    pub(super) async fn room(&self) {
        loop {
            let full_since = self.shared.lock().full_since;
            let Some(since) = full_since else { return };
            if timeout_at(since + PATIENCE, self.shared.taken.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Appends a message, or counts it as lost. The broker is told that a lost one has arrived: it would send
    /// it again and again.
    pub(super) fn message(&self, message: Message) {
        self.shared.lock().push_message(message);
        self.shared.changed.notify_one();
    }

    /// Appends a change of the connection; never lost.
    pub(super) fn connection(&self, event: Event) {
        self.shared.lock().push_connection(event);
        self.shared.changed.notify_one();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.lock().writer_gone = true;
        self.shared.changed.notify_one();
    }
}

pub(super) fn channel() -> (Inbox, Events) {
    let shared = Arc::new(Shared::default());
    (Inbox { shared: Arc::clone(&shared) }, Events { shared })
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signal of a change. There is one reader, so one stored permit is enough to never miss one.
    changed: Notify,
    /// Signal that something was taken. There is one writer, likewise.
    taken: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while holding it, and a queue has no broken state anyway.
        self.queue.lock()
    }
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    messages: usize,
    bytes: usize,
    /// Time since which there has been no room.
    full_since: Option<Instant>,
    writer_gone: bool,
    reader_gone: bool,
}

impl Queue {
    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Message(message) = &event {
            self.messages -= 1;
            self.bytes -= message.size();
            self.note_room();
        }
        Some(event)
    }

    /// Begins a connection. If the broker has kept the session it sends again what was not acknowledged, so
    /// the copies that wait here must not be done as well. If it has not, these are the only ones, and the
    /// broker does not wait for their receipts.
    fn begin(&mut self, session_present: bool) {
        for mut event in std::mem::take(&mut self.events) {
            if let Event::Message(message) = &mut event
                && let Some(receipt) = message.receipt.take()
            {
                receipt.leave();
                if session_present {
                    self.messages -= 1;
                    self.bytes -= message.size();
                    continue;
                }
            }
            self.events.push_back(event);
        }
        self.note_room();
    }

    fn note_room(&mut self) {
        let full = self.messages >= MAX_MESSAGES || self.bytes >= MAX_BYTES;
        self.full_since = full.then(|| self.full_since.unwrap_or_else(Instant::now));
    }

    fn push_message(&mut self, message: Message) {
        if self.reader_gone {
            return leave(message);
        }
        if self.full_since.is_some() {
            match self.events.back_mut() {
                Some(Event::Overflow { lost }) => *lost += 1,
                _ => self.events.push_back(Event::Overflow { lost: 1 }),
            }
            return;
        }
        self.messages += 1;
        self.bytes += message.size();
        self.note_room();
        self.events.push_back(Event::Message(message));
    }

    fn push_connection(&mut self, mut event: Event) {
        if self.reader_gone {
            return;
        }
        if let Event::Connected { session_present, .. } = event {
            self.begin(session_present);
        }
        // A reader that sleeps through an outage needs its outcome, not its history: the queue must not grow
        // with every reconnect.
        match (&mut event, self.events.back()) {
            (Event::Disconnected { .. }, Some(Event::Disconnected { .. })) => drop(self.events.pop_back()),
            (Event::Connected { session_present, .. }, Some(Event::Disconnected { .. })) => {
                let before = self.events.len().checked_sub(2).and_then(|index| self.events.get(index));
                if let Some(Event::Connected { session_present: had, .. }) = before {
                    // What came before both comes again only if neither of them began anew.
                    *session_present &= had;
                    self.events.truncate(self.events.len() - 2);
                }
            }
            _ => {}
        }
        self.events.push_back(event);
    }
}

/// Leaves a message with the broker when there is no reader any more; the next client gets it again.
fn leave(message: Message) {
    if let Some(receipt) = message.receipt {
        receipt.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Receipt, Version};
    use super::*;

    fn message(payload: usize) -> Message {
        Message {
            topic: "t".into(),
            payload: vec![0; payload],
            retain: false,
            again: false,
            qos: 1,
            response_topic: None,
            correlation: None,
            receipt: None,
        }
    }

    fn up() -> Event {
        Event::Connected { version: Version::V5, session_present: false }
    }

    fn down(reason: &str) -> Event {
        Event::Disconnected { reason: reason.into() }
    }

    async fn drain(inbox: Inbox, mut events: Events) -> Vec<Event> {
        drop(inbox);
        let mut all = Vec::new();
        while let Some(event) = events.next().await {
            all.push(event);
        }
        all
    }

    #[tokio::test]
    async fn a_flood_is_cut_and_counted() {
        let (inbox, events) = channel();
        for _ in 0..MAX_MESSAGES + 7 {
            inbox.message(message(1));
        }
        inbox.connection(down("x"));
        let all = drain(inbox, events).await;
        assert_eq!(all.len(), MAX_MESSAGES + 2);
        assert_eq!(all[MAX_MESSAGES..], [Event::Overflow { lost: 7 }, down("x")]);
    }

    #[tokio::test]
    async fn bytes_count_too_and_room_comes_back() {
        let (inbox, mut events) = channel();
        inbox.message(message(MAX_BYTES + 1));
        inbox.message(message(1));
        assert!(matches!(events.next().await, Some(Event::Message(_))));
        inbox.message(message(2));
        let all = drain(inbox, events).await;
        assert_eq!(all, [Event::Overflow { lost: 1 }, Event::Message(message(2))]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_broker_is_not_read_while_there_is_no_room_and_not_for_ever() {
        let (inbox, mut events) = channel();
        for _ in 0..MAX_MESSAGES {
            assert!(inbox.has_room());
            inbox.message(message(1));
        }
        assert!(!inbox.has_room());
        let reading = async {
            tokio::time::sleep(PATIENCE / 2).await;
            events.next().await
        };
        let begun = Instant::now();
        tokio::join!(inbox.room(), reading);
        assert_eq!(begun.elapsed(), PATIENCE / 2);
        assert!(inbox.has_room());

        inbox.message(message(1));
        inbox.room().await;
        assert_eq!(begun.elapsed(), PATIENCE / 2 + PATIENCE, "a reader that takes nothing");
        assert!(inbox.has_room());
        inbox.message(message(1));
        let all = drain(inbox, events).await;
        assert_eq!(all.last(), Some(&Event::Overflow { lost: 1 }));
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_reads_any_more_the_broker_is_read_and_keeps_what_it_sends() {
        let (inbox, events) = channel();
        for _ in 0..MAX_MESSAGES {
            inbox.message(message(1));
        }
        let begun = Instant::now();
        let stops = async { drop(events) };
        tokio::join!(inbox.room(), stops);
        assert!(inbox.has_room() && begun.elapsed().is_zero());
        inbox.message(message(1));
        assert!(inbox.has_room() && inbox.shared.lock().events.is_empty());
    }

    #[tokio::test]
    async fn reconnects_do_not_pile_up() {
        let (inbox, events) = channel();
        inbox.connection(down("first"));
        inbox.connection(up());
        inbox.message(message(1));
        for _ in 0..50 {
            inbox.connection(down("a"));
            inbox.connection(down("b"));
            inbox.connection(up());
        }
        let all = drain(inbox, events).await;
        assert_eq!(all, [down("first"), up(), Event::Message(message(1)), down("b"), up()]);
    }

    #[tokio::test]
    async fn where_the_answer_goes_counts_too() {
        let (inbox, events) = channel();
        let from_far = Message {
            response_topic: Some("r".repeat(60_000)),
            correlation: Some(vec![0; 60_000]),
            ..message(0)
        };
        for _ in 0..200 {
            inbox.message(from_far.clone());
        }
        let all = drain(inbox, events).await;
        let Some(Event::Overflow { lost }) = all.last() else { panic!("{} events", all.len()) };
        assert!((100..150).contains(lost), "{lost}");
    }

    #[tokio::test]
    async fn what_the_broker_sends_again_waits_once() {
        let inflight = Arc::new(super::super::inflight::Inflight::new(std::time::Duration::from_secs(30)));
        let held = |packet, connection| Message {
            payload: vec![packet],
            receipt: Some(Receipt::new(&inflight, connection, packet.into())),
            ..message(0)
        };
        let payloads = |all: Vec<Event>| -> Vec<u8> {
            let payload = |event| match event {
                Event::Message(message) => Some(message.payload[0]),
                _ => None,
            };
            all.into_iter().filter_map(payload).collect()
        };
        let up = |session_present| Event::Connected { version: Version::V5, session_present };
        let (inbox, events) = channel();
        inbox.message(held(1, 1));
        inbox.message(Message { payload: vec![2], qos: 0, ..message(0) });
        inbox.connection(down("x"));
        inbox.connection(up(true));
        inbox.message(held(1, 2));
        assert_eq!(inbox.shared.lock().messages, 2);
        assert_eq!(inflight.receipts(), [], "of what comes again the broker is told nothing");
        assert_eq!(payloads(drain(inbox, events).await), [2, 1]);

        // A broker that has forgotten the session does not send it again, and says so: then this is the only
        // one, also later.
        let (inbox, events) = channel();
        inbox.message(held(1, 1));
        for session_present in [false, true] {
            inbox.connection(down("x"));
            inbox.connection(up(session_present));
        }
        let all = drain(inbox, events).await;
        assert_eq!(all.last(), Some(&up(false)), "for whoever has taken some already");
        assert_eq!(payloads(all), [1]);
    }

    #[tokio::test]
    async fn nobody_listening_costs_nothing() {
        let (inbox, events) = channel();
        drop(events);
        inbox.message(message(1));
        inbox.connection(up());
        assert_eq!(inbox.shared.lock().events.len(), 0);
    }
}
