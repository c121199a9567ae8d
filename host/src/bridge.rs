//! Between a broker and the host: what is said in which order when a connection begins, and what arrives.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config;
use crate::host::{Host, Request, RespondTo};
use crate::mqtt::client::{
    self, Event, Events, Message, Options, Outgoing, Publisher, TlsError, Version, Will,
};
use crate::outbox::Outbox;
use crate::topics::Topics;

/// How long a refused or unanswered subscription waits before it is tried again.
const RESUBSCRIBE_AFTER: Duration = Duration::from_secs(5);

/// A connection to a broker, before there is a host to serve.
#[derive(Debug)]
pub struct Bridge {
    publisher: Publisher,
    events: Events,
    outbox: Arc<Queue>,
}

impl Bridge {
    /// Begins to connect. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When TLS is wanted and cannot be had.
    pub fn connect(config: &config::Mqtt) -> Result<Self, TlsError> {
        let will = Will {
            topic: Topics::below(&config.base_topic).bridge_state(),
            payload: b"offline".to_vec(),
            retain: true,
        };
        let (publisher, events) = client::connect(Options::new(config, will))?;
        let outbox = Arc::new(Queue::start(publisher.clone()));
        Ok(Self { publisher, events, outbox })
    }

    /// Where a host puts what it has to say.
    #[must_use]
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::clone(&self.outbox) as Arc<dyn Outbox>
    }

    /// Serves a host until the future is dropped. On every connection anew: subscribe, say everything that is
    /// retained (the broker may have lost it), say `online`; then take commands as they come.
    pub async fn serve(&mut self, host: &Arc<Host>, mut connected: impl FnMut(Version)) {
        let mut resubscribe: Option<(tokio::time::Instant, Version)> = None;
        loop {
            let again = async {
                match resubscribe {
                    Some((at, version)) => {
                        tokio::time::sleep_until(at).await;
                        version
                    }
                    None => std::future::pending().await,
                }
            };
            let version = tokio::select! {
                event = self.events.next() => match event {
                    None => return,
                    Some(Event::Connected { version, .. }) => version,
                    Some(Event::Message(message)) => {
                        host.handle(request(message)).await;
                        continue;
                    }
                    Some(Event::Disconnected { reason }) => {
                        tracing::warn!("no connection to the MQTT broker: {reason}");
                        resubscribe = None;
                        continue;
                    }
                    Some(Event::Overflow { lost }) => {
                        tracing::error!(lost, "commands arrived faster than they can be read; some are lost");
                        continue;
                    }
                },
                version = again => version,
            };
            resubscribe = match self.begin(host, version).await {
                Ok(()) => {
                    connected(version);
                    None
                }
                Err(error) => {
                    tracing::error!("the subscription failed: {error}");
                    Some((tokio::time::Instant::now() + RESUBSCRIBE_AFTER, version))
                }
            };
        }
    }

    async fn begin(&self, host: &Arc<Host>, version: Version) -> Result<(), client::SubscribeError> {
        let filters = host.topics.filters();
        let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
        self.publisher.subscribe(&filters).await?;
        let protocol = match version {
            Version::V5 => "5",
            Version::V4 => "3.1.1",
        };
        host.announce(protocol);
        host.online();
        tracing::info!(protocol, "connected to the MQTT broker");
        Ok(())
    }

    /// Delivers what is queued and disconnects, so that the broker does not publish the will.
    pub async fn close(self) {
        self.outbox.flush().await;
        self.publisher.disconnect().await;
    }
}

fn request(message: Message) -> Request {
    let Message { topic, payload, retain, response_topic, correlation, .. } = message;
    let respond_to = response_topic.map(|topic| RespondTo { topic, correlation });
    Request { topic, payload, retained: retain, respond_to }
}

/// Messages of the host, in order, until the client takes them.
#[derive(Debug)]
struct Queue {
    messages: mpsc::UnboundedSender<Item>,
}

#[derive(Debug)]
enum Item {
    Message(Outgoing),
    Flush(tokio::sync::oneshot::Sender<()>),
}

impl Queue {
    fn start(publisher: Publisher) -> Self {
        let (messages, mut waiting) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(item) = waiting.recv().await {
                match item {
                    Item::Message(message) => {
                        let topic = message.topic.clone();
                        if let Err(error) = publisher.publish(message).await {
                            tracing::warn!(topic, "a message is lost: {error}");
                        }
                    }
                    Item::Flush(done) => {
                        // Whoever waits may have given up.
                        let _gave_up = done.send(());
                    }
                }
            }
        });
        Self { messages }
    }

    async fn flush(&self) {
        let (done, flushed) = tokio::sync::oneshot::channel();
        if self.messages.send(Item::Flush(done)).is_ok() {
            let _ended = flushed.await;
        }
    }
}

impl Outbox for Queue {
    fn publish(&self, message: Outgoing) {
        // Fails only when the runtime is shutting down, and then nobody listens.
        let _shutting_down = self.messages.send(Item::Message(message));
    }
}
