//! Writing of packets.

use secrecy::ExposeSecret as _;

use super::super::inflight::Shipment;
use super::super::{MAX_INCOMING_V5, MAX_UNACKNOWLEDGED, Options, SESSION_KEPT, Version, link};
use super::{Terms, Unwritable, Wire, kind, property};

/// The largest number that a length can be (§1.5.5).
const LONGEST: usize = 0x0FFF_FFFF;

const CLEAN: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS_1: u8 = 0b0000_1000;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// Subscription option: QoS 1.
const QOS_1: u8 = 0b0000_0001;
/// Subscription option: no own messages. Nothing that we publish is meant for us.
const NO_LOCAL: u8 = 0b0000_0100;
/// Subscription option: retained messages keep their mark. Without it a retained command looks like a live
/// one while its sender is online. What was retained while we were away is sent on subscribing (which is what
/// zeroes in the two bits above mean): it has to be cleared, and its sender told.
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;

impl Wire {
    /// Writes the question to be accepted, on these terms.
    pub(in super::super) fn connect(&self, options: &Options, terms: Terms) -> Result<Vec<u8>, Unwritable> {
        let will = &options.will;
        let mut flags = WILL;
        let mut set = |flag: u8, wanted: bool| flags |= if wanted { flag } else { 0 };
        set(CLEAN, terms.clean);
        set(WILL_QOS_1, terms.will_acknowledged);
        set(WILL_RETAIN, will.retain && terms.will_retained);
        set(USERNAME | PASSWORD, options.username.is_some());
        let mut body = Vec::new();
        string(&mut body, "MQTT")?;
        body.push(match self.version {
            Version::V5 => 5,
            Version::V4 => 4,
        });
        body.push(flags);
        body.extend(link::seconds(link::keep_alive(options)).to_be_bytes());
        if self.version == Version::V5 {
            let kept = u32::try_from(SESSION_KEPT.as_secs()).unwrap_or(u32::MAX);
            let mut properties = vec![property::SESSION_EXPIRY];
            properties.extend(kept.to_be_bytes());
            properties.push(property::RECEIVE_MAXIMUM);
            properties.extend(MAX_UNACKNOWLEDGED.to_be_bytes());
            properties.push(property::MAXIMUM_PACKET_SIZE);
            properties.extend(MAX_INCOMING_V5.to_be_bytes());
            prefixed(&mut body, &properties)?;
        }
        string(&mut body, &options.client_id)?;
        if self.version == Version::V5 {
            // The will has no properties.
            prefixed(&mut body, &[])?;
        }
        string(&mut body, &will.topic)?;
        binary(&mut body, &will.payload, "the will")?;
        if let Some(username) = &options.username {
            string(&mut body, username)?;
            let password = options.password.as_ref().map_or("", |password| password.expose_secret());
            binary(&mut body, password.as_bytes(), "the password")?;
        }
        packet(kind::CONNECT << 4, &body)
    }

    /// Writes a message.
    pub(in super::super) fn publish(&self, shipment: &Shipment) -> Result<Vec<u8>, Unwritable> {
        let Shipment { message, id, retain, left } = shipment;
        let mut body = Vec::with_capacity(message.packet_size());
        string(&mut body, &message.topic)?;
        if let Some(id) = id {
            body.extend(id.to_be_bytes());
        }
        if self.version == Version::V5 {
            let mut properties = Vec::new();
            if let Some(left) = left {
                // Rounded up, so that a message which has not expired does not arrive as expired.
                let seconds = u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
                properties.push(property::MESSAGE_EXPIRY);
                properties.extend(seconds.to_be_bytes());
            }
            if let Some(correlation) = &message.correlation {
                properties.push(property::CORRELATION_DATA);
                binary(&mut properties, correlation, "the correlation data")?;
            }
            prefixed(&mut body, &properties)?;
        }
        body.extend_from_slice(&message.payload);
        packet((kind::PUBLISH << 4) | (u8::from(id.is_some()) << 1) | u8::from(*retain), &body)
    }

    /// Writes a subscription with QoS 1.
    pub(in super::super) fn subscribe(&self, id: u16, filters: &[String]) -> Result<Vec<u8>, Unwritable> {
        let mut body = id.to_be_bytes().to_vec();
        let options = match self.version {
            Version::V5 => {
                prefixed(&mut body, &[])?;
                QOS_1 | NO_LOCAL | RETAIN_AS_PUBLISHED
            }
            Version::V4 => QOS_1,
        };
        for filter in filters {
            string(&mut body, filter)?;
            body.push(options);
        }
        // The lower half is what the standard wants there.
        packet((kind::SUBSCRIBE << 4) | 0b0010, &body)
    }
}

fn packet(first: u8, body: &[u8]) -> Result<Vec<u8>, Unwritable> {
    let mut packet = Vec::with_capacity(body.len() + 5);
    packet.push(first);
    prefixed(&mut packet, body)?;
    Ok(packet)
}

/// Appends bytes with their length before them, seven bits to a byte.
fn prefixed(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Unwritable> {
    let mut left = bytes.len();
    if left > LONGEST {
        return Err(Unwritable("a packet"));
    }
    loop {
        // Seven bits fit.
        let [low, ..] = (left & 0x7F).to_le_bytes();
        left >>= 7;
        if left == 0 {
            out.push(low);
            break;
        }
        out.push(low | 0x80);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn string(out: &mut Vec<u8>, text: &str) -> Result<(), Unwritable> {
    binary(out, text.as_bytes(), "a name or topic")
}

fn binary(out: &mut Vec<u8>, bytes: &[u8], what: &'static str) -> Result<(), Unwritable> {
    let length = u16::try_from(bytes.len()).map_err(|_| Unwritable(what))?;
    out.extend(length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}
