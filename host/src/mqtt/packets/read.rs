//! Reading of packets.

use std::time::Duration;

use super::super::dialect::Evidence;
use super::super::link::{Failure, Verdict};
use super::super::{Message, Version};
use super::{Accepted, Incoming, Limits, WillTerm, kind, property, reason};

/// Bytes that are not MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Reason why a packet is not news of a session that goes on.
#[derive(Debug)]
pub(super) enum Misread {
    /// The packet is malformed.
    Malformed(Malformed),
    /// The packet says that there is no session, or none any more.
    Ended(Failure),
}

impl From<Malformed> for Misread {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

const TOO_SHORT: Malformed = Malformed("a packet ends too early");

/// Code by which a 3.1.1 broker refuses a version.
const UNACCEPTABLE_VERSION_V4: u8 = 1;

/// Header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    first: u8,
    /// Length of the header itself, in bytes.
    pub(super) length: usize,
    /// Length of what follows the header, in bytes.
    body: usize,
}

impl Header {
    /// Reads a header; `None` when not all of it is there yet.
    pub(super) fn of(arrived: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some((first, rest)) = arrived.split_first() else { return Ok(None) };
        let mut rest = Reader(rest);
        let before = rest.0.len();
        match rest.variable() {
            Ok(body) => Ok(Some(Self { first: *first, length: 1 + before - rest.0.len(), body })),
            Err(error) if error == TOO_SHORT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Size of the whole packet, in bytes.
    pub(super) fn size(&self) -> usize {
        self.length + self.body
    }
}

/// Reads what follows the header.
pub(super) fn packet(version: Version, header: &Header, body: &[u8]) -> Result<Incoming, Misread> {
    let mut body = Reader(body);
    let flags = header.first & 0x0F;
    match (header.first >> 4, flags) {
        (kind::PUBLISH, _) => Ok(published(version, flags, body)?),
        (kind::CONNACK, 0) => accepted(version, body),
        (kind::PUBACK, 0) => {
            let id = body.identifier()?;
            let refused = match version {
                Version::V5 => body.outcome()?.refusal(),
                Version::V4 => None,
            };
            body.end()?;
            Ok(Incoming::Acknowledged { id, refused })
        }
        (kind::SUBACK, 0) => {
            let id = body.identifier()?;
            if version == Version::V5 {
                body.properties()?;
            }
            let answers =
                body.0.iter().map(|code| (*code >= reason::REFUSED).then(|| reason::words(version, *code)));
            Ok(Incoming::SubscriptionAnswered { id, answers: answers.collect() })
        }
        (kind::PINGRESP, 0) => {
            body.end()?;
            Ok(Incoming::Pong)
        }
        (kind::DISCONNECT, 0) if version == Version::V5 => {
            let outcome = body.outcome()?;
            body.end()?;
            Err(Misread::Ended(disconnected(outcome)))
        }
        _ => Err(Malformed("a packet that no broker sends to this client").into()),
    }
}

fn accepted(version: Version, mut body: Reader<'_>) -> Result<Incoming, Misread> {
    let session_present = match body.byte()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed("an answer with flags that mean nothing").into()),
    };
    let code = body.byte()?;
    let properties = match version {
        // A 3.1.1 broker says in its own words that it has not understood MQTT 5: its answers have no
        // properties.
        Version::V5 if code == UNACCEPTABLE_VERSION_V4 && body.0.is_empty() => Properties::default(),
        Version::V5 => body.properties()?,
        Version::V4 => Properties::default(),
    };
    body.end()?;
    if code != 0 {
        return Err(Misread::Ended(refused(version, &Outcome { code, said: properties.reason_string })));
    }
    let limits = Limits::default();
    Ok(Incoming::Accepted(Accepted {
        session_present,
        session_expiry: properties.session_expiry,
        keep_alive: properties.server_keep_alive,
        limits: Limits {
            packet: properties.maximum_packet_size.unwrap_or(limits.packet),
            window: properties.receive_maximum.unwrap_or(limits.window),
            acknowledges: properties.maximum_qos != Some(0),
            retains: properties.retain_available.unwrap_or(true),
        },
    }))
}

fn refused(version: Version, outcome: &Outcome) -> Failure {
    match (version, outcome.code) {
        (Version::V5, reason::UNSUPPORTED_VERSION | UNACCEPTABLE_VERSION_V4)
        | (Version::V4, UNACCEPTABLE_VERSION_V4) => {
            Failure::new(format!("the broker does not speak {version}"), Evidence::Refused)
        }
        (Version::V5, reason::RETAIN_NOT_SUPPORTED) => {
            Failure::will(WillTerm::Retained, outcome.words(version))
        }
        (Version::V5, reason::QOS_NOT_SUPPORTED) => {
            Failure::will(WillTerm::Acknowledged, outcome.words(version))
        }
        (Version::V5, reason::BAD_CREDENTIALS | reason::NOT_AUTHORIZED) | (Version::V4, 4 | 5) => {
            Failure::credentials()
        }
        (Version::V4, 2) => Failure::new("the broker refuses the client name", Evidence::Understood),
        (Version::V4, 3) => {
            Failure::new("the broker refuses the connection: server unavailable", Evidence::Understood)
        }
        (version, _) => {
            let reason = outcome.words(version);
            Failure::new(format!("the broker refuses the connection: {reason}"), Evidence::Understood)
        }
    }
}

fn disconnected(outcome: Outcome) -> Failure {
    if outcome.code == reason::SESSION_TAKEN_OVER {
        return Failure { verdict: Verdict::NotOurs, ..Failure::closed(true) };
    }
    let words = outcome.words(Version::V5);
    let failure = Failure::new(format!("the broker disconnected us: {words}"), Evidence::Understood);
    Failure { verdict: reason::verdict(outcome.code), ..failure }
}

fn published(version: Version, flags: u8, mut body: Reader<'_>) -> Result<Incoming, Malformed> {
    let (qos, again) = ((flags >> 1) & 0b11, flags & 0b1000 != 0);
    let topic = body.string()?.to_owned();
    let id = match qos {
        0 if again => return Err(Malformed("a message that is sent again and was never to be")),
        0 => None,
        1 => Some(body.identifier()?),
        // We subscribe with QoS 1 at most.
        _ => return Err(Malformed("a message with a QoS that nobody asked for")),
    };
    if topic.is_empty() || topic.contains(['+', '#']) {
        return Err(Malformed("a message without a topic"));
    }
    let properties = match version {
        Version::V5 => body.properties()?,
        Version::V4 => Properties::default(),
    };
    let message = Message {
        topic,
        payload: body.0.to_vec(),
        retain: flags & 1 == 1,
        again,
        qos,
        response_topic: properties.response_topic.map(str::to_owned),
        correlation: properties.correlation.map(<[u8]>::to_vec),
        receipt: None,
    };
    Ok(Incoming::Message(message, id))
}

/// A reason, and the broker's own words for it.
struct Outcome<'p> {
    code: u8,
    said: Option<&'p str>,
}

impl Outcome<'_> {
    fn refusal(&self) -> Option<String> {
        (self.code >= reason::REFUSED).then(|| self.words(Version::V5))
    }

    fn words(&self, version: Version) -> String {
        let words = reason::words(version, self.code);
        match self.said {
            Some(said) => format!("{words} ({said:?})"),
            None => words,
        }
    }
}

/// Properties of a packet that we want to know.
#[derive(Default)]
struct Properties<'p> {
    response_topic: Option<&'p str>,
    correlation: Option<&'p [u8]>,
    reason_string: Option<&'p str>,
    session_expiry: Option<Duration>,
    server_keep_alive: Option<Duration>,
    receive_maximum: Option<usize>,
    maximum_packet_size: Option<usize>,
    maximum_qos: Option<u8>,
    retain_available: Option<bool>,
}

/// Takes things off the front of a packet's body.
struct Reader<'p>(&'p [u8]);

impl<'p> Reader<'p> {
    fn take(&mut self, count: usize) -> Result<&'p [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    fn binary(&mut self) -> Result<&'p [u8], Malformed> {
        let length = self.number()?;
        self.take(usize::from(length))
    }

    /// Reads the identifier of a packet, which is never zero.
    fn identifier(&mut self) -> Result<u16, Malformed> {
        match self.number()? {
            0 => Err(Malformed("a packet without an identifier")),
            id => Ok(id),
        }
    }

    /// Fails if anything is left over: it was meant to say something, and its meaning is unknown.
    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("a packet that is too long for what it says")) }
    }

    fn string(&mut self) -> Result<&'p str, Malformed> {
        let text = std::str::from_utf8(self.binary()?).map_err(|_| Malformed("a text that is not UTF-8"))?;
        // A program that stores it as C does would see another text (§1.5.4).
        if text.contains('\0') { Err(Malformed("a text with a NUL")) } else { Ok(text) }
    }

    /// Reads a length: seven bits to a byte, four bytes at most.
    fn variable(&mut self) -> Result<usize, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a length of more than four bytes"))
    }

    /// Reads a reason code and its properties, either of which may be left out: then all is well.
    fn outcome(&mut self) -> Result<Outcome<'p>, Malformed> {
        if self.0.is_empty() {
            return Ok(Outcome { code: 0, said: None });
        }
        let code = self.byte()?;
        let said = if self.0.is_empty() { None } else { self.properties()?.reason_string };
        Ok(Outcome { code, said })
    }

    fn properties(&mut self) -> Result<Properties<'p>, Malformed> {
        let length = self.variable()?;
        let mut all = Reader(self.take(length)?);
        let mut found = Properties::default();
        while !all.0.is_empty() {
            all.property(&mut found)?;
        }
        Ok(found)
    }

    fn property(&mut self, found: &mut Properties<'p>) -> Result<(), Malformed> {
        let seconds = |seconds: u32| Some(Duration::from_secs(u64::from(seconds)));
        match self.byte()? {
            property::RESPONSE_TOPIC => found.response_topic = Some(self.string()?),
            property::CORRELATION_DATA => found.correlation = Some(self.binary()?),
            property::REASON_STRING => found.reason_string = Some(self.string()?),
            property::SESSION_EXPIRY => found.session_expiry = seconds(self.long()?),
            property::SERVER_KEEP_ALIVE => found.server_keep_alive = seconds(u32::from(self.number()?)),
            property::RECEIVE_MAXIMUM => found.receive_maximum = Some(positive(usize::from(self.number()?))?),
            property::MAXIMUM_PACKET_SIZE => {
                let size = usize::try_from(self.long()?).unwrap_or(usize::MAX);
                found.maximum_packet_size = Some(positive(size)?);
            }
            property::MAXIMUM_QOS => found.maximum_qos = Some(self.byte()?),
            property::RETAIN_AVAILABLE => found.retain_available = Some(self.byte()? != 0),
            property::PAYLOAD_FORMAT
            | property::WILDCARDS_AVAILABLE
            | property::SUBSCRIPTION_IDS_AVAILABLE
            | property::SHARED_SUBSCRIPTIONS_AVAILABLE => drop(self.byte()?),
            property::TOPIC_ALIAS_MAXIMUM => drop(self.number()?),
            property::MESSAGE_EXPIRY => drop(self.long()?),
            property::SUBSCRIPTION_ID => drop(self.variable()?),
            property::CONTENT_TYPE
            | property::ASSIGNED_CLIENT_ID
            | property::AUTH_METHOD
            | property::RESPONSE_INFORMATION
            | property::SERVER_REFERENCE => {
                self.string()?;
            }
            property::AUTH_DATA => {
                self.binary()?;
            }
            property::USER_PROPERTY => {
                self.string()?;
                self.string()?;
            }
            // A topic alias among them: we have not allowed any.
            _ => return Err(Malformed("a property that does not belong there")),
        }
        Ok(())
    }
}

fn positive(number: usize) -> Result<usize, Malformed> {
    if number == 0 { Err(Malformed("a limit of nothing")) } else { Ok(number) }
}
