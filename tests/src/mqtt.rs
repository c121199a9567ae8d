//! Brokers, and a client of theirs.

mod mosquitto;
mod scripted;

use std::time::Duration;

use tokio::time::timeout;
use vehicle_connector::mqtt::{Event, Events, Message, Options, Version, Will};

pub use self::mosquitto::Mosquitto;
pub use self::scripted::{CONNECT, DISCONNECT, PING, PUBLISH_QOS1, Peer, SUBSCRIBE, listener};

/// Returns how a client connects to a broker at a port of this machine.
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

/// Waits for the next event.
pub async fn next(events: &mut Events) -> Event {
    timeout(Duration::from_secs(20), events.next()).await.expect("an event in time").expect("a living client")
}

/// Waits for the connection, and returns its version of the protocol.
pub async fn up(events: &mut Events) -> Version {
    loop {
        if let Event::Connected { version, .. } = next(events).await {
            return version;
        }
    }
}

/// Waits for the next message.
pub async fn message(events: &mut Events) -> Message {
    loop {
        if let Event::Message(message) = next(events).await {
            return message;
        }
    }
}

/// Returns a port that is free.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
