//! The bridge between a broker and the host: what is said in which order when a connection begins, and the
//! messages that arrive.

mod intake;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::intake::Intake;
use crate::config;
use crate::host::Host;
use crate::mqtt::{self, Event, Events, Publisher, SubscribeError, TlsError, Version, Will};
use crate::wire::message::Outgoing;
use crate::wire::publish::{Publish, Traffic};
use crate::wire::topics::Topics;

/// Pause before a refused or unanswered subscription is tried again.
const RESUBSCRIBE_AFTER: Duration = Duration::from_secs(5);

/// A connection to a broker, before there is a host to serve.
#[derive(Debug)]
pub struct Bridge {
    publisher: Publisher,
    events: Events,
}

/// How it stands with the connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The host is subscribed and has said that it is online; over this version of the protocol.
    Serving(Version),
    /// There is none; it is tried again.
    Lost,
}

/// The beginning of a connection: subscriptions, what is retained, `online`.
type Beginning<'h> = Option<BoxFuture<'h, (Version, Result<(), SubscribeError>)>>;

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
        let (publisher, events) = mqtt::connect(config.options(will))?;
        Ok(Self { publisher, events })
    }

    /// Returns a publisher that sends a host's messages to the broker.
    #[must_use]
    pub fn publisher(&self) -> Arc<dyn Publish> {
        Arc::new(ToBroker(self.publisher.clone()))
    }

    /// Serves a host until the future is dropped, and says when the connection begins and ends. On every
    /// connection anew: subscribe, say everything that is retained (the broker may have lost it), say
    /// `online`; then take commands as they come.
    ///
    /// The broker is told that a command has arrived when the host has written it down, or, for a command
    /// that is not done, when the broker has the answer: if the host ends before that, for any reason, the
    /// broker sends it again. Commands that the host has in hand when the future is dropped are dealt with
    /// all the same.
    pub async fn serve(&mut self, host: &Arc<Host>, connection: impl FnMut(Connection)) {
        let intake = Intake::default();
        tokio::select! {
            () = listen(&mut self.events, &self.publisher, host, &intake, connection) => {}
            () = work_off(&self.publisher, host, &intake) => {}
        }
    }

    /// Delivers what is queued and disconnects, so that the broker does not publish the will. Takes at most a
    /// few seconds, whatever the broker does.
    pub async fn close(self) {
        let Self { publisher, events } = self;
        // Messages that still arrive are for the next host, and must not stand before the acknowledgements of
        // what is said last.
        drop(events);
        publisher.disconnect().await;
    }
}

/// Sorts arriving messages. Never waits for anything else, so that nothing is lost for want of a reader.
async fn listen(
    events: &mut Events,
    publisher: &Publisher,
    host: &Arc<Host>,
    intake: &Intake,
    mut connection: impl FnMut(Connection),
) {
    let mut beginning: Beginning<'_> = None;
    loop {
        let begun = async {
            match &mut beginning {
                Some(beginning) => beginning.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.next() => match event {
                None => return,
                Some(Event::Connected { version, session_present }) => {
                    intake.connected(session_present);
                    beginning = Some(begin(publisher, host, version).boxed());
                }
                Some(Event::Message(message)) if host.birth_topic() == Some(message.topic.as_str()) => {
                    host.take_birth(&message.payload);
                }
                Some(Event::Message(message)) => intake.offer(host, message),
                Some(Event::Disconnected { reason }) => {
                    tracing::warn!("no connection to the MQTT broker: {reason}");
                    beginning = None;
                    connection(Connection::Lost);
                }
                Some(Event::Overflow { lost }) => {
                    tracing::error!(lost, "messages arrived faster than they can be read; some are lost");
                }
            },
            (version, begun) = begun => beginning = match begun {
                Ok(()) => {
                    connection(Connection::Serving(version));
                    None
                }
                Err(error) => {
                    tracing::error!("the subscription failed: {error}");
                    let at = Instant::now() + RESUBSCRIBE_AFTER;
                    let again = async move {
                        tokio::time::sleep_until(at).await;
                        begin(publisher, host, version).await
                    };
                    Some(again.boxed())
                }
            },
        }
    }
}

async fn begin(
    publisher: &Publisher,
    host: &Arc<Host>,
    version: Version,
) -> (Version, Result<(), SubscribeError>) {
    let filters = host.topics().filters();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    if let Err(error) = publisher.subscribe(&filters).await {
        return (version, Err(error));
    }
    let protocol = match version {
        Version::V5 => "5",
        Version::V4 => "3.1.1",
    };
    host.announce(protocol);
    host.online();
    tracing::info!(protocol, "connected to the MQTT broker");
    listen_for_birth(publisher, host).await;
    (version, Ok(()))
}

/// Subscribes to what Home Assistant says of itself. By itself, and after everything else: a broker that does not let
/// the host see that topic must not keep it from its commands.
async fn listen_for_birth(publisher: &Publisher, host: &Host) {
    let Some(topic) = host.birth_topic() else { return };
    match publisher.subscribe(&[topic]).await {
        Ok(()) | Err(SubscribeError::NotConnected) => {}
        Err(error) => tracing::warn!(
            topic,
            "it is not noticed when Home Assistant starts: {error}; what is retained it finds all the same"
        ),
    }
}

/// Gives the host the messages that have arrived, one batch after the other, as long as the broker takes the
/// host's own.
async fn work_off(publisher: &Publisher, host: &Arc<Host>, intake: &Intake) {
    loop {
        publisher.ready().await;
        let batch = intake.batch().await;
        host.take_in(batch.requests, batch.refused).await;
    }
}

/// Publishes the host's messages to the broker.
#[derive(Debug)]
struct ToBroker(Publisher);

impl Publish for ToBroker {
    fn publish(&self, message: Outgoing) {
        let topic = message.topic.clone();
        if let Err(error) = self.0.put(message) {
            tracing::warn!(topic, "a message is lost: {error}");
        }
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.0.traffic())
    }
}
