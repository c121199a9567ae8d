//! The MQTT client against brokers: an embedded one, scripted ones, and mosquitto where it is installed.

mod embedded;
pub mod mosquitto;
pub mod scripted;

use std::time::Duration;

use tokio::time::timeout;
use vehicle_connector::mqtt::{Event, Events, Message, Options, Version, Will};

pub fn options(port: u16) -> Options {
    Options {
        host: "127.0.0.1".into(),
        port,
        tls: None,
        client_id: "host".into(),
        username: None,
        password: None,
        version: Version::V5,
        will: Will { topic: "b/bridge/state".into(), payload: b"offline".to_vec(), retain: true },
        keep_alive: Duration::from_secs(30),
        acknowledge_within: Duration::from_secs(30),
    }
}

async fn next(events: &mut Events) -> Event {
    timeout(Duration::from_secs(20), events.next()).await.expect("an event in time").expect("a living client")
}

pub async fn up(events: &mut Events) -> Version {
    loop {
        if let Event::Connected { version, .. } = next(events).await {
            return version;
        }
    }
}

async fn message(events: &mut Events) -> Message {
    loop {
        if let Event::Message(message) = next(events).await {
            return message;
        }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
