//! Brokers that forget, refuse or are too generous, and what topics say while a host comes and goes.

use std::collections::BTreeSet;
use std::time::Duration;

use testkit::log::Log;
use testkit::mqtt::{self, Mosquitto, Peer, options, up};
use testkit::{CCS2, LEGACY, RealHome};
use tokio::process::Command;
use tokio::time::timeout;
use vehicle_connector::bridge::Bridge;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::mqtt::{Event, Events, Message, Publisher, Version, connect};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

use crate::crash::{House, kill};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

const ANYBODY: &str = "allow_anonymous true";

/// Somebody who sees everything that the host says.
struct Watcher {
    publisher: Publisher,
    events: Events,
}

impl Watcher {
    async fn at(port: u16, name: &str) -> Self {
        let mut options = options(port);
        options.client_id = name.to_owned();
        let (publisher, mut events) = connect(options).unwrap();
        up(&mut events).await;
        publisher.subscribe(&["vehicle-connector/#"]).await.unwrap();
        Self { publisher, events }
    }

    async fn command(&self, car: &str, operation: &str, id: &str) {
        let topic = format!("vehicle-connector/vehicle/{car}/cmd/{operation}");
        self.publisher.publish(Outgoing::new(topic, format!(r#"{{"id":"{id}"}}"#))).await.unwrap();
    }

    /// Looks at what is said until this is so.
    async fn until(&mut self, mut seen: impl FnMut(&Message) -> bool) {
        loop {
            let event = timeout(PATIENCE, self.events.next()).await.expect("said in time").unwrap();
            if let Event::Message(message) = event
                && seen(&message)
            {
                return;
            }
        }
    }

    /// Waits until a command has succeeded.
    async fn succeeded(&mut self, id: &str) {
        let of_it = format!("/action/{id}");
        self.until(|message| {
            let report = || serde_json::from_slice::<Report>(&message.payload).unwrap();
            message.topic.ends_with(&of_it) && report().state == State::Succeeded
        })
        .await;
    }
}

cases! {
    /// A broker that has lost everything has it again when the host is back: every topic that was retained, and commands.
    ["FC-75"] a_broker_that_forgot_everything_is_told_again {
        let Some(mut broker) = Mosquitto::start(ANYBODY).await else { return };
        let home = RealHome::start().await;
        let config = home.configuration(broker.port);
        let mut bridge = Bridge::connect(&config.mqtt).unwrap();
        let environment = Environment { publisher: bridge.publisher(), ..home.environment.clone() };
        let mut watcher = Watcher::at(broker.port, "before").await;
        let host = Host::start(&config, environment).await.unwrap();
        let serving = tokio::spawn(async move { bridge.serve(&host, |_| {}).await });
        let mut retained = BTreeSet::new();
        watcher
            .until(|message| {
                retained.extend(message.retain.then(|| message.topic.clone()));
                message.topic.ends_with("/bridge/state")
            })
            .await;
        for (car, _) in [LEGACY, CCS2] {
            watcher.command(car, "refresh_cached", car).await;
        }
        let mut states = BTreeSet::new();
        watcher
            .until(|message| {
                retained.extend(message.retain.then(|| message.topic.clone()));
                let is_state = message.topic.contains("/vehicle/") && message.topic.ends_with("/state");
                states.extend(is_state.then(|| message.topic.clone()));
                states.len() == 2
            })
            .await;
        drop(watcher);

        broker.restart(ANYBODY).await;
        let mut watcher = Watcher::at(broker.port, "after").await;
        watcher
            .until(|message| {
                if message.retain {
                    retained.remove(&message.topic);
                }
                retained.is_empty()
            })
            .await;
        watcher.command(LEGACY.0, "lock", "after").await;
        watcher.succeeded("after").await;
        serving.abort();
    }

    /// What a broker does not let the host say is told once, with its topic and the broker's reason, and not said again.
    ["FC-76"] what_a_broker_denies_is_told_and_left_alone {
        let log = Log::of_this_process();
        let (listener, port) = mqtt::listener().await;
        let (publisher, mut events) = connect(options(port)).unwrap();
        let mut peer = Peer::welcome(&listener).await;
        up(&mut events).await;
        for round in 0..3 {
            publisher.publish(Outgoing::new("denied/by/acl", "1")).await.unwrap();
            publisher.publish(Outgoing::new("allowed", round.to_string())).await.unwrap();
            if round == 0 {
                let (first, body) = peer.packet().await;
                assert_eq!((first, &body[2..15]), (mqtt::PUBLISH_QOS1, &b"denied/by/acl"[..]));
                // Not authorized.
                peer.send(&[0x40, 3, body[15], body[16], 0x87]).await;
            }
            let (_, body) = peer.packet().await;
            assert_eq!(&body[2..9], b"allowed", "round {round}");
            peer.send(&[0x40, 2, body[9], body[10]]).await;
            // The client has read whatever it was sent before this.
            peer.send(&[0x30, 5, 0, 1, b't', 0, b'1']).await;
            let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
            assert!(matches!(event, Event::Message(_)), "{event:?}");
        }
        let log = log.text();
        let told: Vec<&str> = log.lines().filter(|line| line.contains("denied/by/acl") && line.contains("ERROR")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("not authorized"), "{told:?}");
    }

    /// A broker that refuses because of what it does not have is named with that, and asked again in the same version.
    ["FC-77"] a_broker_without_retained_messages_is_named {
        for (code, words) in [(0x9a, "retain not supported"), (0x9b, "qos not supported")] {
            let (listener, port) = mqtt::listener().await;
            let (_publisher, mut events) = connect(options(port)).unwrap();
            for _ in 0..3 {
                let mut peer = Peer::accept(&listener).await;
                assert_eq!(peer.level().await, 5);
                peer.send(&[0x20, 3, 0, code, 0]).await;
            }
            let Some(Event::Disconnected { reason }) = timeout(PATIENCE, events.next()).await.unwrap() else {
                panic!("connected")
            };
            assert_eq!(reason, format!("the broker refuses the connection: {words}"));
        }
    }

    /// Messages far larger than libraries expect arrive, and those that are too large for the host do it no harm.
    ["FC-79"] large_messages_arrive_or_do_no_harm {
        let Some(broker) = Mosquitto::start(ANYBODY).await else { return };
        for version in [Version::V5, Version::V4] {
            let mut options = options(broker.port);
            options.version = version;
            let (publisher, mut events) = connect(options).unwrap();
            assert_eq!(up(&mut events).await, version);
            publisher.subscribe(&["large/#"]).await.unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            for (size, arrives) in [(20_000, true), (2_000_000, true), (17_000_000, false)] {
                std::fs::write(file.path(), vec![b'x'; size]).unwrap();
                broker.publish(&["-q", "1", "-t", "large/message", "-f", file.path().to_str().unwrap()]);
                broker.publish(&["-q", "1", "-t", "large/after", "-m", &size.to_string()]);
                let mut sizes = Vec::new();
                loop {
                    match timeout(PATIENCE, events.next()).await.expect("alive").unwrap() {
                        Event::Message(message) if message.topic == "large/after" => break,
                        Event::Message(message) => sizes.push(message.payload.len()),
                        // The older version cannot say what is too large, so the connection ends.
                        Event::Disconnected { .. } if version == Version::V4 && !arrives => {}
                        Event::Connected { .. } => {
                            publisher.subscribe(&["large/#"]).await.unwrap();
                            broker.publish(&["-q", "1", "-t", "large/after", "-m", "again"]);
                        }
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(sizes.contains(&size), arrives, "{version} {size}: {sizes:?}");
            }
        }
    }

    /// `offline` by a goodbye and by the will, `online` with every start; and a state that is known does not vanish meanwhile.
    ["FC-85"] what_topics_say_while_a_host_comes_and_goes {
        let mut house = House::start().await;
        let said = |wanted: &'static [u8]| move |topic: &str, payload: &[u8]| topic.ends_with("/bridge/state") && payload == wanted;
        let mut host = house.host().await;
        house.wait(0, said(b"online")).await;
        for killed in [false, true] {
            let seen = house.published.borrow().len();
            if killed {
                kill(host).await;
            } else {
                let stopped = Command::new("kill").arg(host.id().unwrap().to_string()).status().await.unwrap();
                assert!(stopped.success() && host.wait().await.unwrap().success());
            }
            house.wait(seen, said(b"offline")).await;
            let seen = house.published.borrow().len();
            host = house.host().await;
            house.wait(seen, said(b"online")).await;
        }
        let all = house.published.borrow().clone();
        for (topic, payload) in all.iter().filter(|(topic, _)| topic.contains("/vehicle/")) {
            if topic.ends_with("/availability") {
                assert_eq!(payload, b"online");
            }
            if topic.ends_with("/state") {
                let state: serde_json::Value = serde_json::from_slice(payload).unwrap();
                assert!(state["soc_percent"].is_number() && state["locked"].is_boolean(), "{topic}: {state}");
            }
        }
        kill(host).await;
    }
}
