//! One connection: the socket, what is on its way out of it and into it, and whether the other end is alive.
//!
//! A link serves one connection only. Every wait is cancel safe: nothing is taken out of a buffer before it is through.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::dialect::Evidence;
use super::outbox::Shipment;
use super::wire::{Accepted, Incoming, Unwritable, Wire};
use super::{Options, Version};

/// How long TCP and TLS, and then MQTT, may take to connect.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long the broker may take to answer a ping, and to take a byte that waits for it.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Bounds of the keep-alive time: an idle connection is not worth more packets, and the protocol has no more seconds.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(18 * 3600));
/// How much is read at once.
const READ_AT_ONCE: usize = 64 * 1024;

/// Why a connection ended or did not come about.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// What it says about the protocol version, if no session had begun.
    pub(super) evidence: Evidence,
    /// What it says about what was sent last.
    pub(super) verdict: Verdict,
}

/// What the end of a session says about the messages that were sent right before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker names one of them as the reason.
    Refused,
    /// It hung up: one of them may be the reason.
    Unclear,
    /// They have nothing to do with it.
    NotOurs,
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>, evidence: Evidence) -> Self {
        Self { reason: reason.into(), evidence, verdict: Verdict::NotOurs }
    }

    pub(super) fn unreachable(error: &impl std::fmt::Display) -> Self {
        Self::new(format!("cannot reach the broker: {error}"), Evidence::Nothing)
    }

    fn silent(evidence: Evidence) -> Self {
        let seconds = CONNECT_TIME.as_secs();
        Self::new(format!("no answer from the broker within {seconds} s"), evidence)
    }

    fn dead() -> Self {
        Self::new("the broker no longer answers", Evidence::Nothing)
    }

    pub(super) fn credentials() -> Self {
        let reason = "the broker refuses the user name or password, or the client name";
        Self::new(reason, Evidence::Understood)
    }

    /// The broker closed the connection without a word, or because of another client.
    pub(super) fn closed(up: bool) -> Self {
        let reason = if up {
            "the broker closed the connection, as it does when it stops or another client takes our client name"
        } else {
            "the broker closed the connection instead of accepting it"
        };
        Self { verdict: Verdict::Unclear, ..Self::new(reason, Evidence::NoAnswer) }
    }

    pub(super) fn too_large(limit: impl std::fmt::Display) -> Self {
        Self::new(format!("the broker sent a packet larger than {limit} bytes"), Evidence::Nothing)
    }

    fn broken(up: bool, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::closed(up)
            }
            _ => Self::new(format!("the connection broke: {error}"), Evidence::NoAnswer),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub(super) struct Link {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    wire: Wire,
    /// On its way to the broker.
    outgoing: BytesMut,
    /// Read, and not understood yet because its end is missing.
    arrived: BytesMut,
    /// Read and understood, not taken yet.
    incoming: VecDeque<Incoming>,
    /// What ended the connection, behind what was read before it.
    failure: Option<Failure>,
    up: bool,
    /// How long the connection may be idle before the broker is asked whether it is alive; none means for ever.
    idle: Option<Duration>,
    /// When something was last put on its way.
    last_sent: Instant,
    /// When the broker last took a byte, or something was put on its way to a socket that had nothing to do.
    last_taken: Instant,
    /// When the broker has to have answered a ping.
    pong_due: Option<Instant>,
    /// When it has to have accepted us.
    accept_due: Instant,
}

impl Link {
    /// Opens a connection and asks the broker to accept us. `clean`: it shall forget what it has kept of us.
    pub(super) async fn open(
        version: Version,
        options: &Options,
        tls: Option<&Arc<ClientConfig>>,
        clean: bool,
    ) -> Result<Self, Failure> {
        let wire = Wire::new(version);
        let unwritable = |error: Unwritable| {
            Failure::new(format!("no CONNECT can be made of the configuration: {error}"), Evidence::Nothing)
        };
        let connect = wire.connect(options, clean).map_err(unwritable)?;
        let stream = timeout(CONNECT_TIME, reach(options, tls));
        let stream = stream.await.map_err(|_| Failure::silent(Evidence::Nothing))??;
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Ok(Self {
            reader,
            writer,
            wire,
            outgoing: BytesMut::from(connect.as_slice()),
            arrived: BytesMut::new(),
            incoming: VecDeque::new(),
            failure: None,
            up: false,
            idle: Some(keep_alive(options)),
            last_sent: now,
            last_taken: now,
            pong_due: None,
            accept_due: now + CONNECT_TIME,
        })
    }

    /// What the broker says next. Sends meanwhile what is on its way. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Incoming, Failure> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(incoming);
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let due = self.due();
            let Self { reader, writer, outgoing, arrived, .. } = self;
            arrived.reserve(READ_AT_ONCE);
            tokio::select! {
                read = reader.read_buf(arrived) => self.arrived(read),
                written = writer.write(outgoing), if !outgoing.is_empty() => match written {
                    Ok(bytes) => {
                        self.outgoing.advance(bytes);
                        self.last_taken = Instant::now();
                    }
                    // What the broker has said before it hung up is still to be read.
                    Err(_) => self.outgoing.clear(),
                },
                () = sleep_until(due) => self.time_is_up()?,
            }
        }
    }

    fn arrived(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.failure = Some(Failure::closed(self.up)),
            Ok(_) => {
                while self.failure.is_none() {
                    match self.wire.read(&mut self.arrived, self.up) {
                        Ok(Some(incoming)) => self.take(incoming),
                        Ok(None) => break,
                        Err(failure) => self.failure = Some(failure),
                    }
                }
            }
            Err(error) => self.failure = Some(Failure::broken(self.up, &error)),
        }
    }

    fn take(&mut self, incoming: Incoming) {
        // Whatever it is: somebody is there.
        self.pong_due = None;
        if let Incoming::Accepted(Accepted { keep_alive, .. }) = &incoming {
            self.up = true;
            match keep_alive {
                Some(Duration::ZERO) => self.idle = None,
                Some(wanted) => self.idle = Some((*wanted).min(KEEP_ALIVE.1)),
                None => {}
            }
        }
        self.incoming.push_back(incoming);
    }

    /// When there is something to do if nothing happens until then.
    fn due(&self) -> Instant {
        if !self.up {
            return self.accept_due;
        }
        let stalled = (!self.outgoing.is_empty()).then(|| self.last_taken + ANSWER_TIME);
        let ping = self.idle.filter(|_| self.pong_due.is_none()).map(|idle| self.last_sent + idle);
        let due = [stalled, self.pong_due, ping].into_iter().flatten().min();
        due.unwrap_or_else(|| Instant::now() + KEEP_ALIVE.1)
    }

    fn time_is_up(&mut self) -> Result<(), Failure> {
        if !self.up {
            // A 3.1.1 broker that takes the MQTT 5 packet for an incomplete one of its own waits for the rest.
            return Err(Failure::silent(Evidence::NoAnswer));
        }
        let now = Instant::now();
        let stalled = !self.outgoing.is_empty() && self.last_taken + ANSWER_TIME <= now;
        if stalled || self.pong_due.is_some_and(|due| due <= now) {
            return Err(Failure::dead());
        }
        if self.pong_due.is_none() && self.idle.is_some_and(|idle| self.last_sent + idle <= now) {
            self.pong_due = Some(now + ANSWER_TIME);
            self.put(&Wire::PING);
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        if self.outgoing.is_empty() {
            self.last_taken = now;
        }
        self.last_sent = now;
        self.outgoing.extend_from_slice(bytes);
    }

    /// Puts a message on its way.
    pub(super) fn publish(&mut self, shipment: &Shipment) -> Result<(), Unwritable> {
        let bytes = self.wire.publish(shipment)?;
        self.put(&bytes);
        Ok(())
    }

    /// Puts a subscription on its way.
    pub(super) fn subscribe(&mut self, id: u16, filters: &[String]) -> Result<(), Unwritable> {
        let bytes = self.wire.subscribe(id, filters)?;
        self.put(&bytes);
        Ok(())
    }

    /// Tells the broker that a message of its is in good hands.
    pub(super) fn acknowledge(&mut self, id: u16) {
        self.put(&Wire::acknowledge(id));
    }

    /// Says goodbye, behind everything else, and closes. How long that takes is up to the broker.
    pub(super) async fn close(mut self) {
        self.put(&Wire::GOODBYE);
        // There is nobody to tell of an error.
        let _gone = self.writer.write_all(&self.outgoing).await;
        let _gone = self.writer.shutdown().await;
    }
}

async fn reach(options: &Options, tls: Option<&Arc<ClientConfig>>) -> Result<Box<dyn Stream>, Failure> {
    let stream = TcpStream::connect((options.host.as_str(), options.port)).await;
    let stream = stream.map_err(|error| Failure::unreachable(&error))?;
    stream.set_nodelay(true).map_err(|error| Failure::unreachable(&error))?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(options.host.clone());
    let name = name.map_err(|error| Failure::unreachable(&error))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| Failure::unreachable(&error))?))
}

/// The keep-alive time within what the protocol allows.
pub(super) fn keep_alive(options: &Options) -> Duration {
    options.keep_alive.clamp(KEEP_ALIVE.0, KEEP_ALIVE.1)
}

/// As the protocol writes it.
pub(super) fn seconds(keep_alive: Duration) -> u16 {
    u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX)
}
