//! Recording of what was published.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use vehicle_connector::wire::message::{Notice, Outgoing};
use vehicle_connector::wire::publish::{Publish, Traffic};
use vehicle_connector::wire::report::Report;

use crate::PATIENCE;
use crate::trace::{Event, Trace};

/// A publisher that keeps everything.
#[derive(Debug)]
pub struct Recording {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
    next: AtomicU64,
    /// Trace in which it is written down too.
    trace: Option<Arc<Trace>>,
    /// Time that a test waits for something.
    patience: Duration,
    delivers: bool,
    /// State of the way to the broker, as a test wants it; usually there is no broker.
    traffic: Mutex<Option<Traffic>>,
}

#[derive(Debug, Default)]
struct Seen {
    messages: Vec<Outgoing>,
    /// The final reports of every command, by its topic.
    finals: HashMap<String, Vec<Report>>,
    retained: HashMap<String, Vec<u8>>,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            changed: watch::Sender::default(),
            next: AtomicU64::new(0),
            trace: None,
            patience: PATIENCE,
            delivers: true,
            traffic: Mutex::default(),
        }
    }
}

impl Publish for Recording {
    fn publish(&self, message: Outgoing) {
        if self.delivers {
            // This broker takes everything at once. A test that waits for the message finds it delivered.
            message.notice.iter().for_each(Notice::delivered);
        }
        let message = Outgoing { notice: None, ..message };
        if let Some(trace) = &self.trace {
            trace.write(Event::Published(message.clone()));
        }
        let mut seen = self.seen.lock();
        if message.topic.contains("/action/") && !message.topic.ends_with("/last") {
            let report = serde_json::from_slice(&message.payload).ok();
            if let Some(report) = report.filter(|report: &Report| report.state.is_final()) {
                seen.finals.entry(message.topic.clone()).or_default().push(report);
            }
        }
        if message.retain {
            seen.retained.insert(message.topic.clone(), message.payload.clone());
        }
        seen.messages.push(message);
        drop(seen);
        self.changed.send_replace(());
    }

    fn traffic(&self) -> Option<Traffic> {
        *self.traffic.lock()
    }
}

impl Recording {
    /// Says from now on that there is a broker, and how the way to it is.
    pub fn connect(&self, traffic: Traffic) {
        *self.traffic.lock() = Some(traffic);
    }

    /// Makes a recording in virtual time, where waiting costs nothing: it waits longer than any command may
    /// take.
    pub fn traced(trace: &Arc<Trace>) -> Self {
        Self { trace: Some(Arc::clone(trace)), patience: Duration::from_secs(3_600), ..Self::default() }
    }

    /// Withholds every notice that anything has arrived: the next host publishes it again.
    #[must_use]
    pub fn undelivered(self) -> Self {
        Self { delivers: false, ..self }
    }

    /// A number that was not given before.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything that was published so far.
    pub fn messages(&self) -> Vec<Outgoing> {
        self.seen.lock().messages.clone()
    }

    /// The documents on one topic, in order.
    pub fn documents<T: DeserializeOwned>(&self, topic: &str) -> Vec<T> {
        let parse = |message: &Outgoing| serde_json::from_slice(&message.payload).unwrap();
        self.seen.lock().messages.iter().filter(|message| message.topic == topic).map(parse).collect()
    }

    /// The reports on one topic, in order.
    pub fn reports(&self, topic: &str) -> Vec<Report> {
        self.documents(topic)
    }

    /// The final reports on one topic, in order.
    pub fn finals(&self, topic: &str) -> Vec<Report> {
        self.seen.lock().finals.get(topic).cloned().unwrap_or_default()
    }

    /// The document that was retained last on a topic; null if there is none.
    pub fn retained(&self, topic: &str) -> Value {
        let seen = self.seen.lock();
        seen.retained.get(topic).map_or(Value::Null, |payload| serde_json::from_slice(payload).unwrap())
    }

    /// Waits until something is found in what was published.
    pub async fn find<T>(&self, mut wanted: impl FnMut(&[Outgoing]) -> Option<T>) -> T {
        self.until(|| wanted(&self.seen.lock().messages)).await
    }

    /// Waits until something is there that comes with what is published.
    pub async fn until<T>(&self, wanted: impl FnMut() -> Option<T>) -> T {
        match self.within(self.patience, wanted).await {
            Some(found) => found,
            None => panic!("not published within {:?}; there is: {:#?}", self.patience, self.texts()),
        }
    }

    /// Everything that was published so far, as text.
    fn texts(&self) -> Vec<String> {
        let text = |it: &Outgoing| format!("{} {}", it.topic, String::from_utf8_lossy(&it.payload));
        self.seen.lock().messages.iter().map(text).collect()
    }

    /// Waits until something is there, for as long as `patience`; none if it has not come by then.
    pub async fn within<T>(&self, patience: Duration, mut wanted: impl FnMut() -> Option<T>) -> Option<T> {
        let mut changed = self.changed.subscribe();
        let search = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = wanted() {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(patience, search).await.ok()
    }
}
