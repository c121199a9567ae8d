//! An MQTT broker inside the process, for the demo and for tests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use rumqttd::{ConnectionSettings, RouterConfig, ServerSettings};

use crate::mqtt::Version;

/// Time for the broker to accept connections.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The largest message, in bytes. Above what the host reads, so that its limits can be seen at work.
const LARGEST_MESSAGE: usize = 1 << 20;

/// A broker that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// There is no port, or no thread.
    #[error("the embedded MQTT broker does not start: {0}")]
    NotStarted(#[from] std::io::Error),
    /// The broker does not accept connections.
    #[error("the embedded MQTT broker does not listen on port {0}")]
    NotListening(u16),
}

/// A broker on free ports of loopback, one for each version of MQTT that it speaks: clients of both meet on
/// it, and the library has no listener that tells them apart. It runs until the process ends: the library has
/// no way to stop it.
#[derive(Debug)]
pub struct Broker {
    ports: Vec<(Version, u16)>,
}

impl Broker {
    /// Starts a broker that speaks MQTT 5 and 3.1.1.
    ///
    /// # Errors
    ///
    /// When there are no free ports, or no thread.
    pub fn start() -> Result<Self, BrokerError> {
        Self::start_with(&[Version::V5, Version::V4])
    }

    /// Starts a broker that speaks this version and no other.
    ///
    /// # Errors
    ///
    /// When there is no free port, or no thread.
    pub fn start_speaking(version: Version) -> Result<Self, BrokerError> {
        Self::start_with(&[version])
    }

    fn start_with(versions: &[Version]) -> Result<Self, BrokerError> {
        // The library does not say which port it got, so free ones are chosen for it. Another process may
        // take one in between; then nothing listens, and that is reported. All are held until all are chosen.
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let held = versions.iter().map(|version| Ok((*version, TcpListener::bind(listen)?)));
        let held = held.collect::<std::io::Result<Vec<_>>>()?;
        let ports = held.iter().map(|(version, listener)| Ok((*version, listener.local_addr()?.port())));
        let ports = ports.collect::<std::io::Result<Vec<_>>>()?;
        drop(held);
        let server = |port: u16| ServerSettings {
            name: "mqtt".to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            tls: None,
            next_connection_delay_ms: 1,
            connections: ConnectionSettings {
                connection_timeout_ms: 5_000,
                max_payload_size: LARGEST_MESSAGE,
                max_inflight_count: 100,
                auth: None,
                external_auth: None,
                dynamic_filters: true,
            },
        };
        let router = RouterConfig {
            max_connections: 64,
            max_outgoing_packet_count: 200,
            max_segment_size: 1 << 20,
            max_segment_count: 10,
            ..RouterConfig::default()
        };
        let servers = |wanted: Version| {
            let port = ports.iter().find(|(version, _)| *version == wanted)?.1;
            Some(HashMap::from([("mqtt".to_owned(), server(port))]))
        };
        let (v4, v5) = (servers(Version::V4), servers(Version::V5));
        let config = rumqttd::Config { id: 0, router, v4, v5, ..rumqttd::Config::default() };
        let mut broker = rumqttd::Broker::new(config);
        std::thread::Builder::new().name("mqtt-broker".to_owned()).spawn(move || {
            if let Err(error) = broker.start() {
                tracing::error!("the embedded MQTT broker has ended: {error}");
            }
        })?;
        Ok(Self { ports })
    }

    /// Port on 127.0.0.1; the one for MQTT 5 if it speaks both versions.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.first().map_or(0, |(_, port)| *port)
    }

    /// Port for this version, on 127.0.0.1. `None` if it does not speak it.
    #[must_use]
    pub fn port_for(&self, version: Version) -> Option<u16> {
        self.ports.iter().find(|(spoken, _)| *spoken == version).map(|(_, port)| *port)
    }

    /// Waits until it accepts connections. The library does not tell when it does, so this asks.
    ///
    /// # Errors
    ///
    /// When it does not within ten seconds.
    pub async fn ready(&self) -> Result<(), BrokerError> {
        for (_, port) in &self.ports {
            let ask = async {
                while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(READY_WITHIN, ask).await.map_err(|_| BrokerError::NotListening(*port))?;
        }
        Ok(())
    }
}
