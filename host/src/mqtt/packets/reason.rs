//! Reason codes of MQTT 5 (§2.4).

use super::super::Version;
use super::super::link::Verdict;

/// First of the codes that say no.
pub(super) const REFUSED: u8 = 0x80;
pub(super) const UNSUPPORTED_VERSION: u8 = 0x84;
pub(super) const BAD_CREDENTIALS: u8 = 0x86;
pub(super) const NOT_AUTHORIZED: u8 = 0x87;
pub(super) const SESSION_TAKEN_OVER: u8 = 0x8E;
const TOPIC_NAME_INVALID: u8 = 0x90;
pub(super) const RETAIN_NOT_SUPPORTED: u8 = 0x9A;
pub(super) const QOS_NOT_SUPPORTED: u8 = 0x9B;
const SERVER_BUSY: u8 = 0x89;
const SERVER_SHUTTING_DOWN: u8 = 0x8B;
const KEEP_ALIVE_TIMEOUT: u8 = 0x8D;
const USE_ANOTHER_SERVER: u8 = 0x9C;
const SERVER_MOVED: u8 = 0x9D;
const MAXIMUM_CONNECT_TIME: u8 = 0xA0;

/// Returns the verdict of a DISCONNECT's reason on the messages that were sent right before it.
pub(super) fn verdict(code: u8) -> Verdict {
    match code {
        NOT_AUTHORIZED | TOPIC_NAME_INVALID | RETAIN_NOT_SUPPORTED | QOS_NOT_SUPPORTED => Verdict::Refused,
        SERVER_BUSY | SERVER_SHUTTING_DOWN | KEEP_ALIVE_TIMEOUT | USE_ANOTHER_SERVER | SERVER_MOVED
        | MAXIMUM_CONNECT_TIME => Verdict::NotOurs,
        _ => Verdict::Unclear,
    }
}

/// Describes a code for people. A 3.1.1 broker has one code for every reason.
pub(super) fn words(version: Version, code: u8) -> String {
    if version == Version::V4 {
        return "refused, most likely not authorized".to_owned();
    }
    let words = match code {
        0x00 => "normal disconnection",
        0x04 => "disconnect with will message",
        0x80 => "unspecified error",
        0x81 => "malformed packet",
        0x82 => "protocol error",
        0x83 => "implementation specific error",
        UNSUPPORTED_VERSION => "unsupported protocol version",
        0x85 => "client identifier not valid",
        BAD_CREDENTIALS => "bad user name or password",
        NOT_AUTHORIZED => "not authorized",
        0x88 => "server unavailable",
        SERVER_BUSY => "server busy",
        0x8A => "banned",
        SERVER_SHUTTING_DOWN => "server shutting down",
        0x8C => "bad authentication method",
        KEEP_ALIVE_TIMEOUT => "keep alive timeout",
        SESSION_TAKEN_OVER => "session taken over",
        0x8F => "topic filter invalid",
        TOPIC_NAME_INVALID => "topic name invalid",
        0x91 => "packet identifier in use",
        0x92 => "packet identifier not found",
        0x93 => "receive maximum exceeded",
        0x94 => "topic alias invalid",
        0x95 => "packet too large",
        0x96 => "message rate too high",
        0x97 => "quota exceeded",
        0x98 => "administrative action",
        0x99 => "payload format invalid",
        RETAIN_NOT_SUPPORTED => "retain not supported",
        QOS_NOT_SUPPORTED => "qos not supported",
        USE_ANOTHER_SERVER => "use another server",
        SERVER_MOVED => "server moved",
        0x9E => "shared subscriptions not supported",
        0x9F => "connection rate exceeded",
        MAXIMUM_CONNECT_TIME => "maximum connect time",
        0xA1 => "subscription identifiers not supported",
        0xA2 => "wildcard subscriptions not supported",
        code => return format!("reason 0x{code:02x}"),
    };
    words.to_owned()
}
