//! An MQTT broker inside the process, for the demo and for tests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use rumqttd::{ConnectionSettings, RouterConfig, ServerSettings};

use crate::mqtt::client::Version;

/// How long the broker may take to accept connections.
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
    /// It does not accept connections.
    #[error("the embedded MQTT broker does not listen on port {0}")]
    NotListening(u16),
}

/// A broker on a free port of loopback that speaks one version of MQTT. It runs until the process ends: the library has no
/// way to stop it.
#[derive(Debug)]
pub struct Broker {
    port: u16,
}

impl Broker {
    /// Starts a broker that speaks MQTT 5.
    ///
    /// # Errors
    ///
    /// When there is no free port, or no thread.
    pub fn start() -> Result<Self, BrokerError> {
        Self::start_speaking(Version::V5)
    }

    /// Starts a broker that speaks this version and no other.
    ///
    /// # Errors
    ///
    /// When there is no free port, or no thread.
    pub fn start_speaking(version: Version) -> Result<Self, BrokerError> {
        // The library does not say which port it got, so a free one is chosen for it. Somebody else may take
        // it in between; then nothing listens, and that is reported.
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let port = TcpListener::bind(listen)?.local_addr()?.port();
        let server = ServerSettings {
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
        let servers = Some(HashMap::from([("mqtt".to_owned(), server)]));
        let (v4, v5) = match version {
            Version::V5 => (None, servers),
            Version::V4 => (servers, None),
        };
        let config = rumqttd::Config { id: 0, router, v4, v5, ..rumqttd::Config::default() };
        let mut broker = rumqttd::Broker::new(config);
        std::thread::Builder::new().name("mqtt-broker".to_owned()).spawn(move || {
            if let Err(error) = broker.start() {
                tracing::error!("the embedded MQTT broker has ended: {error}");
            }
        })?;
        Ok(Self { port })
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it accepts connections. The library tells nobody when it does, so this asks.
    ///
    /// # Errors
    ///
    /// When it does not within ten seconds.
    pub async fn ready(&self) -> Result<(), BrokerError> {
        let ask = async {
            while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, ask).await.map_err(|_| BrokerError::NotListening(self.port))
    }
}
