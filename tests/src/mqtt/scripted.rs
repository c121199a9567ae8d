//! A broker that does one thing, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// First byte of a CONNECT packet.
pub const CONNECT: u8 = 0x10;
/// First byte of a PUBLISH packet with QoS 1 that is sent for the first time.
pub const PUBLISH_QOS1: u8 = 0x32;
/// First byte of a SUBSCRIBE packet.
pub const SUBSCRIBE: u8 = 0x82;
/// First byte of a PINGREQ packet.
pub const PING: u8 = 0xC0;
/// First byte of a DISCONNECT packet.
pub const DISCONNECT: u8 = 0xE0;

/// The broker's end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// The connection.
    pub stream: TcpStream,
    /// The identifiers of the messages of this broker's that the client has acknowledged.
    pub acknowledged: Vec<u16>,
}

impl Peer {
    /// Waits for a client.
    pub async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) =
            timeout(Duration::from_secs(20), listener.accept()).await.expect("a client").unwrap();
        Self { stream, acknowledged: Vec::new() }
    }

    /// Reads the next packet: first byte and body.
    pub async fn packet(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let mut length = 0_usize;
        for shift in (0..28).step_by(7) {
            let byte = self.stream.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (first, body)
    }

    /// Reads CONNECT and returns the protocol level in it.
    pub async fn level(&mut self) -> u8 {
        let (first, body) = self.packet().await;
        assert_eq!(first, CONNECT);
        assert_eq!(&body[..6], b"\0\x04MQTT");
        body[6]
    }

    /// Sends `bytes`.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a message with QoS 1, as an MQTT 5 broker does.
    pub async fn command(&mut self, id: u16, topic: &str, payload: &str) {
        let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
        body.extend(topic.as_bytes());
        body.extend(id.to_be_bytes());
        body.push(0);
        body.extend(payload.as_bytes());
        assert!(body.len() < 128, "one byte of length is enough");
        self.send(&[&[0x32, body.len() as u8][..], &body].concat()).await;
    }

    /// Acknowledges every message of the client's, and notes what it acknowledges, until the wanted packet
    /// comes.
    pub async fn answer_all_until(&mut self, wanted: impl Fn(u8, &[u8]) -> bool) {
        loop {
            let (first, body) =
                timeout(Duration::from_secs(60), self.packet()).await.expect("a packet in time");
            if first & 0xF6 == 0x32 {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                self.send(&[0x40, 2, body[2 + topic], body[3 + topic]]).await;
            }
            if first == 0x40 {
                self.acknowledged.push(u16::from_be_bytes([body[0], body[1]]));
            }
            if wanted(first, &body) {
                return;
            }
        }
    }

    /// Accepts a client of MQTT 5.
    pub async fn welcome(listener: &TcpListener) -> Self {
        let mut peer = Self::accept(listener).await;
        assert_eq!(peer.level().await, 5);
        peer.send(&[0x20, 3, 0, 0, 0]).await;
        peer
    }
}

/// Listens at a port of its own.
pub async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
