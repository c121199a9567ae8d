//! The broker: whether it lets the host in, and lets it publish and subscribe; and what it has kept.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::Finding;
use super::leftovers::{self, Kept};
use crate::config::{Config, Mqtt};
use crate::mqtt::{self, Event, Events, Publisher, SubscribeError, Version, Will};
use crate::wire::message::Outgoing;
use crate::wire::topics::Topics;

/// Longest time for each step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Silence after which a broker has sent all that it has kept, and the longest time that is given to it.
const QUIET: Duration = Duration::from_millis(1_500);
const LONGEST: Duration = Duration::from_secs(20);

/// Most retained messages that are looked at.
const MOST: usize = 20_000;

/// A connection of its own.
struct Client {
    publisher: Publisher,
    events: Events,
    version: Version,
    /// What the broker has kept, as far as it was read.
    kept: Vec<Kept>,
}

/// Looks at the broker. `host_runs` says whether a host is known to run on this state.
pub(super) async fn look(config: &Config, host_runs: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listener = match Client::connect(config, "listener").await {
        Ok(client) => client,
        Err(finding) => return vec![finding],
    };
    let (host, port) = (&config.mqtt.host, config.mqtt.port);
    let tls = if config.mqtt.tls.is_some() { " over TLS" } else { "" };
    findings.push(match (config.mqtt.version, listener.version) {
        (Version::V5, Version::V4) => Finding::warn(
            "broker",
            format!("{host}:{port} lets the host in{tls}, with MQTT 3.1.1 only"),
            "with a broker of MQTT 5 callers get answers, and commands that were sent meanwhile outlive a restart",
        ),
        (_, version) => Finding::ok("broker", format!("{host}:{port} lets the host in{tls}, with {version}")),
    });
    findings.extend(use_it(config, listener, host_runs).await);
    findings
}

async fn use_it(config: &Config, mut listener: Client, host_runs: bool) -> Vec<Finding> {
    let base = &config.mqtt.base_topic;
    let mut findings = Vec::new();
    let own = format!("{base}/#");
    if let Some(finding) = listener.subscribe(&own).await {
        findings.push(finding);
    }
    findings.push(can_publish(config, &mut listener).await);
    let prefix = leftovers::prefix(config);
    let may_read_discovery = listener.subscribe(&format!("{prefix}/#")).await;
    listener.read_what_is_kept().await;
    findings.extend(may_read_discovery);
    findings.extend(leftovers::judge(config, &prefix, &listener.kept, host_runs));
    listener.publisher.disconnect().await;
    findings
}

/// Publishes one message, not retained, and waits until it has come round.
async fn can_publish(config: &Config, listener: &mut Client) -> Finding {
    let topic = format!("{}/bridge/doctor", config.mqtt.base_topic);
    let remedy = format!(
        "let the host's user of the broker read and write {0}/# (mosquitto: `topic readwrite {0}/#` in its access list)",
        config.mqtt.base_topic
    );
    let speaker = match Client::connect(config, "speaker").await {
        Ok(client) => client,
        Err(finding) => return finding,
    };
    let words = format!("{}", std::process::id());
    let message = Outgoing { expiry: Some(PATIENCE), ..Outgoing::new(topic.clone(), words.clone()) };
    if let Err(error) = speaker.publisher.put(message) {
        return Finding::fail("broker", format!("nothing can be published: {error}"), remedy);
    }
    let has_come = listener
        .until(PATIENCE, |message| message.topic == topic && message.payload == words.as_bytes())
        .await;
    speaker.publisher.disconnect().await;
    if has_come {
        Finding::ok("broker", format!("what is published below {} arrives", config.mqtt.base_topic))
    } else {
        let found = format!(
            "a message on {topic} does not arrive: the broker takes it and drops it, or does not take it"
        );
        Finding::fail("broker", found, remedy)
    }
}

/// Whether something listens where the broker should be.
async fn is_listened_at(broker: &Mqtt) -> bool {
    let connecting = tokio::net::TcpStream::connect((broker.host.as_str(), broker.port));
    matches!(timeout(PATIENCE, connecting).await, Ok(Ok(_)))
}

impl Client {
    /// Connects under a name of its own: one of the host's name would end the host's connection.
    async fn connect(config: &Config, part: &str) -> Result<Self, Finding> {
        let remedy = "look at mqtt.url, username and password, and whether the broker runs and listens there";
        let topic = Topics::below(&config.mqtt.base_topic).bridge_event();
        let will = Will { topic, payload: b"{}".to_vec(), retain: false };
        let mut options = config.mqtt.options(will);
        options.client_id = format!("{}-doctor-{}-{part}", config.mqtt.client_id, std::process::id());
        let connected = mqtt::connect(options);
        let (publisher, mut events) =
            connected.map_err(|error| Finding::fail("broker", error.to_string(), remedy))?;
        let until = Instant::now() + PATIENCE;
        let mut reason = format!("no answer within {} s", PATIENCE.as_secs());
        while let Ok(Some(event)) = timeout_at(until, events.next()).await {
            match event {
                Event::Connected { version, .. } => {
                    return Ok(Self { publisher, events, version, kept: Vec::new() });
                }
                Event::Disconnected { reason: why } => {
                    reason = why;
                    // In MQTT 5 it may have been refused for the version, and is asked again in 3.1.1. But where
                    // nobody listens, nobody has refused.
                    if config.mqtt.version == Version::V4 || !is_listened_at(&config.mqtt).await {
                        break;
                    }
                }
                Event::Message(_) | Event::Overflow { .. } => {}
            }
        }
        let (host, port) = (&config.mqtt.host, config.mqtt.port);
        Err(Finding::fail("broker", format!("{host}:{port} does not let the host in: {reason}"), remedy))
    }

    /// Subscribes; the finding says why that is not possible.
    async fn subscribe(&self, filter: &str) -> Option<Finding> {
        let error = match self.publisher.subscribe(&[filter]).await {
            Ok(()) => return None,
            Err(SubscribeError::Refused(refused)) => {
                refused.first().map(ToString::to_string).unwrap_or_default()
            }
            Err(error) => error.to_string(),
        };
        Some(Finding::warn(
            "broker",
            format!("{filter} cannot be subscribed to: {error}"),
            "let the host's user of the broker read it; what was kept there is not known",
        ))
    }

    /// Waits for a message.
    async fn until(&mut self, patience: Duration, wanted: impl Fn(&mqtt::Message) -> bool) -> bool {
        let until = Instant::now() + patience;
        while let Ok(Some(event)) = timeout_at(until, self.events.next()).await {
            let Event::Message(message) = event else { continue };
            if wanted(&message) {
                return true;
            }
            self.keep(message);
        }
        false
    }

    fn keep(&mut self, message: mqtt::Message) {
        if message.retain && self.kept.len() < MOST {
            self.kept.push(Kept { topic: message.topic, payload: message.payload });
        }
    }

    /// Reads what the broker has kept, until nothing more comes.
    async fn read_what_is_kept(&mut self) {
        let latest = Instant::now() + LONGEST;
        loop {
            let until = latest.min(Instant::now() + QUIET);
            match timeout_at(until, self.events.next()).await {
                Ok(Some(Event::Message(message))) => self.keep(message),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}
