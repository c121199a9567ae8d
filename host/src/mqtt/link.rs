//! A connection: the socket, what is on its way out of it and into it, and whether the other end is alive.
//!
//! A link serves one connection only. Every wait is cancel safe: nothing is taken out of a buffer before it
//! is through.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, BytesMut};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::dialect::Evidence;
use super::inflight::Shipment;
use super::packets::{Accepted, Incoming, Terms, Unwritable, WillTerm, Wire};
use super::{Options, Version};

/// Time for TCP and TLS, and then for MQTT, to connect.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time for the broker to answer a ping, and to take a byte that waits for it.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Bounds of the keep-alive time: an idle connection is not worth more packets, and the protocol has no more
/// seconds.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(18 * 3600));
/// Number of bytes read at once.
const READ_AT_ONCE: usize = 64 * 1024;
/// Number of bytes that may be on their way before no more are put there: what waits in the queue outlives
/// the connection, and what is sent without asking for an acknowledgement does not. The last addition may be
/// as large as a packet is.
const MOST_OUTGOING: usize = 256 * 1024;
/// Room that is kept for what arrives. More is given back when the large packet that it was for has been
/// read.
const ROOM_KEPT: usize = 256 * 1024;

/// Reason why a connection ended or did not come about.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Evidence about the protocol version, if no session had begun.
    pub(super) evidence: Evidence,
    /// Verdict on what was sent last.
    pub(super) verdict: Verdict,
    /// Term of our will that the broker cannot meet, if that is why it does not accept us.
    pub(super) will: Option<WillTerm>,
}

/// Verdict of a session's end on the messages that were sent right before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker names one of them as the reason.
    Refused,
    /// The broker hung up: one of them may be the reason.
    Unclear,
    /// The broker says nothing any more, so we hung up: one of them may be what it does not answer.
    Silent,
    /// The messages have nothing to do with it.
    NotOurs,
}

impl Verdict {
    /// Whether it was the broker that ended the session. No message is to blame for an end of our own.
    pub(super) fn is_hang_up(self) -> bool {
        matches!(self, Self::Refused | Self::Unclear)
    }
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>, evidence: Evidence) -> Self {
        Self { reason: reason.into(), evidence, verdict: Verdict::NotOurs, will: None }
    }

    pub(super) fn unreachable(error: &impl std::fmt::Display) -> Self {
        Self::new(format!("cannot reach the broker: {error}"), Evidence::Nothing)
    }

    fn silent(evidence: Evidence) -> Self {
        let seconds = CONNECT_TIME.as_secs();
        Self::new(format!("no answer from the broker within {seconds} s"), evidence)
    }

    fn dead() -> Self {
        let failure = Self::new("the broker no longer answers", Evidence::Nothing);
        Self { verdict: Verdict::Silent, ..failure }
    }

    /// Returns the failure of a broker that cannot do this with our will.
    pub(super) fn will(term: WillTerm, words: impl std::fmt::Display) -> Self {
        let failure = Self::new(format!("the broker refuses the connection: {words}"), Evidence::Understood);
        Self { will: Some(term), ..failure }
    }

    pub(super) fn credentials() -> Self {
        let reason = "the broker refuses the user name or password, or the client name";
        Self::new(reason, Evidence::Understood)
    }

    /// Returns the failure of a connection that the broker closed without a word, or because of another
    /// client.
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
    /// Bytes on their way to the broker.
    outgoing: BytesMut,
    /// Whether the stream may still have some of what it took: TLS keeps what the socket had no room for, and
    /// passes it on only when it is told to.
    unflushed: bool,
    /// Bytes read, and not understood yet because the end of their packet is missing.
    arrived: BytesMut,
    /// Packets read and understood, not taken yet.
    incoming: VecDeque<Incoming>,
    /// Failure that ended the connection, behind what was read before it.
    failure: Option<Failure>,
    up: bool,
    /// Time that the connection may be idle before the broker is asked whether it is alive.
    idle: Duration,
    /// Time at which something was last put on its way.
    last_sent: Instant,
    /// Time at which the broker last took a byte, or something was put on its way to a socket that had
    /// nothing to do.
    last_taken: Instant,
    /// Deadline for the broker's answer to a ping.
    pong_due: Option<Instant>,
    /// Deadline for the broker to accept us.
    accept_due: Instant,
}

impl Link {
    /// Opens a connection and asks the broker to accept us on these terms.
    pub(super) async fn open(
        version: Version,
        options: &Options,
        tls: Option<&Arc<ClientConfig>>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let wire = Wire::new(version);
        let unwritable = |error: Unwritable| {
            Failure::new(format!("no CONNECT can be made of the configuration: {error}"), Evidence::Nothing)
        };
        let connect = wire.connect(options, terms).map_err(unwritable)?;
        let stream = timeout(CONNECT_TIME, reach(options, tls));
        let stream = stream.await.map_err(|_| Failure::silent(Evidence::Nothing))??;
        Ok(Self::over(stream, wire, &connect, keep_alive(options)))
    }

    fn over(stream: Box<dyn Stream>, wire: Wire, connect: &[u8], idle: Duration) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Self {
            reader,
            writer,
            wire,
            outgoing: BytesMut::from(connect),
            unflushed: false,
            arrived: BytesMut::new(),
            incoming: VecDeque::new(),
            failure: None,
            up: false,
            idle,
            last_sent: now,
            last_taken: now,
            pong_due: None,
            accept_due: now + CONNECT_TIME,
        }
    }

    /// Returns what the broker says next, or nothing when there is [room](Link::has_room) again. Meanwhile
    /// sends what is on its way. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Incoming>, Failure> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(Some(incoming));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let (due, under_way, had_room) = (self.due(), self.is_under_way(), self.has_room());
            let Self { reader, writer, outgoing, unflushed, arrived, .. } = self;
            arrived.reserve(READ_AT_ONCE);
            let mut room = arrived.limit(READ_AT_ONCE);
            tokio::select! {
                read = reader.read_buf(&mut room) => self.arrived(read),
                pushed = push(writer, outgoing, unflushed), if under_way => {
                    match pushed {
                        Ok(()) => self.last_taken = Instant::now(),
                        // What the broker has said before it hung up is still to be read.
                        Err(_) => {
                            self.outgoing.clear();
                            self.unflushed = false;
                        }
                    }
                    if !had_room && self.has_room() {
                        return Ok(None);
                    }
                }
                () = sleep_until(due) => self.time_is_up()?,
            }
        }
    }

    /// Whether anything is on its way that the broker may not have.
    fn is_under_way(&self) -> bool {
        !self.outgoing.is_empty() || self.unflushed
    }

    /// Whether more may be put on its way.
    pub(super) fn has_room(&self) -> bool {
        self.outgoing.len() < MOST_OUTGOING
    }

    fn arrived(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.failure = Some(Failure::closed(self.up)),
            Ok(_) => {
                let before = self.arrived.len();
                while self.failure.is_none() {
                    match self.wire.read(&mut self.arrived, self.up) {
                        Ok(Some(incoming)) => self.take(incoming),
                        Ok(None) => break,
                        Err(failure) => self.failure = Some(failure),
                    }
                }
                if before > ROOM_KEPT && self.arrived.len() < READ_AT_ONCE {
                    self.arrived = BytesMut::from(self.arrived.as_ref());
                }
            }
            Err(error) => self.failure = Some(Failure::broken(self.up, &error)),
        }
    }

    fn take(&mut self, incoming: Incoming) {
        // Any packet shows that the broker is there.
        self.pong_due = None;
        if let Incoming::Accepted(Accepted { keep_alive, .. }) = &incoming {
            self.up = true;
            // The broker's time holds (§3.2.2.3.14), so it must hear from us at least that often. Zero says
            // that it does not care; we do, because a connection that is gone says nothing.
            if let Some(theirs) = keep_alive.filter(|theirs| !theirs.is_zero()) {
                self.idle = self.idle.min(theirs);
            }
        }
        self.incoming.push_back(incoming);
    }

    /// Returns the time at which there is something to do if nothing happens until then.
    fn due(&self) -> Instant {
        if !self.up {
            return self.accept_due;
        }
        let stalled = self.is_under_way().then(|| self.last_taken + ANSWER_TIME);
        let answer = self.pong_due.unwrap_or(self.last_sent + self.idle);
        stalled.map_or(answer, |stalled| stalled.min(answer))
    }

    fn time_is_up(&mut self) -> Result<(), Failure> {
        if !self.up {
            // A 3.1.1 broker that takes the MQTT 5 packet for an incomplete one of its own waits for the
            // rest.
            return Err(Failure::silent(Evidence::NoAnswer));
        }
        let now = Instant::now();
        let stalled = self.is_under_way() && self.last_taken + ANSWER_TIME <= now;
        if stalled || self.pong_due.is_some_and(|due| due <= now) {
            return Err(Failure::dead());
        }
        if self.last_sent + self.idle <= now {
            self.ask(ANSWER_TIME);
        }
        Ok(())
    }

    /// Asks the broker whether it is alive, unless it owes the answer already. It has `within` to say so, and
    /// not less than for any other ping.
    pub(super) fn ask(&mut self, within: Duration) {
        if self.pong_due.is_none() {
            self.pong_due = Some(Instant::now() + within.max(ANSWER_TIME));
            self.put(&Wire::PING);
        }
    }

    /// Whether the broker owes the answer to a ping.
    pub(super) fn has_asked(&self) -> bool {
        self.pong_due.is_some()
    }

    fn put(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        if !self.is_under_way() {
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

    /// Tells the broker that one of its messages is in good hands.
    pub(super) fn acknowledge(&mut self, id: u16) {
        self.put(&Wire::acknowledge(id));
    }

    /// Puts the goodbye behind everything else, sends it and closes. The time that this takes is up to the
    /// broker.
    pub(super) async fn close(mut self) {
        self.put(&Wire::GOODBYE);
        // An error has no receiver any more.
        let _gone = self.writer.write_all(&self.outgoing).await;
        let _gone = self.writer.shutdown().await;
    }
}

/// Gives the stream some of what is on its way, or, when it has all of it, has it pass on what it keeps.
/// Cancel safe.
async fn push(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    outgoing: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    if outgoing.is_empty() {
        writer.flush().await?;
        *unflushed = false;
        return Ok(());
    }
    match writer.write(outgoing).await? {
        0 => return Err(io::ErrorKind::WriteZero.into()),
        taken => outgoing.advance(taken),
    }
    *unflushed = true;
    Ok(())
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

/// Returns the keep-alive time within what the protocol allows.
pub(super) fn keep_alive(options: &Options) -> Duration {
    options.keep_alive.clamp(KEEP_ALIVE.0, KEEP_ALIVE.1)
}

/// Converts a keep-alive time to seconds, as the protocol writes it.
pub(super) fn seconds(keep_alive: Duration) -> u16 {
    u16::try_from(keep_alive.as_secs()).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
