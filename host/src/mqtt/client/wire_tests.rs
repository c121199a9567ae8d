//! Packets as brokers write them, and as they must not be.

use proptest::prelude::*;

use super::*;
use crate::mqtt::client::outbox::Shipment;
use crate::mqtt::client::{Outgoing, Will};

fn read(version: Version, up: bool, bytes: &[u8]) -> Result<Option<Incoming>, String> {
    Wire::new(version).read(&mut BytesMut::from(bytes), up).map_err(|failure| failure.reason)
}

#[test]
fn what_a_broker_may_leave_out_may_be_left_out() {
    let ended = |bytes: &[u8]| read(Version::V5, true, bytes).unwrap_err();
    // mosquitto's forms of DISCONNECT: nothing, and a reason without properties.
    assert_eq!(ended(&[0xE0, 0]), "the broker disconnected us: normal disconnection");
    assert_eq!(ended(&[0xE0, 1, 0x8B]), "the broker disconnected us: server shutting down");
    let with_words = [&[0xE0, 8, 0x97, 6, 31, 0, 3][..], b"why"].concat();
    assert_eq!(ended(&with_words), "the broker disconnected us: quota exceeded (\"why\")");
    assert_eq!(ended(&[0xE0, 1, 0xFE]), "the broker disconnected us: reason 0xfe");

    let refusals = [
        (&[0x40, 2, 0, 7][..], None),
        (&[0x40, 3, 0, 7, 0x10], None),
        (&[0x40, 3, 0, 7, 0x87], Some("not authorized")),
        (&[0x40, 4, 0, 7, 0x97, 0], Some("quota exceeded")),
    ];
    for (bytes, expected) in refusals {
        let Ok(Some(Incoming::Acknowledged { id: 7, refused })) = read(Version::V5, true, bytes) else {
            panic!("{bytes:?}")
        };
        assert_eq!(refused.as_deref(), expected);
    }
}

#[test]
fn what_was_agreed_is_read() {
    let connack = [0x20, 22, 1, 0, 19, 33, 0, 20, 39, 0, 0, 1, 0, 36, 0, 37, 0, 17, 0, 0, 0, 5, 19, 0];
    // The last property is cut off.
    assert!(read(Version::V5, false, &connack).unwrap_err().starts_with("not an MQTT 5 answer"));
    let connack = [&connack[..], &[9]].concat();
    let mut whole = connack.clone();
    (whole[1], whole[4]) = (23, 20);
    let Ok(Some(Incoming::Accepted(accepted))) = read(Version::V5, false, &whole) else { panic!() };
    assert!(accepted.session_present);
    assert_eq!(accepted.session_expiry, Some(Duration::from_secs(5)));
    assert_eq!(accepted.keep_alive, Some(Duration::from_secs(9)));
    assert_eq!(accepted.limits, Limits { packet: 256, window: 20, acknowledges: false, retains: false });
}

#[test]
fn nothing_comes_out_of_its_turn() {
    for (up, bytes) in [(false, &[0xD0, 0][..]), (true, &[0x20, 2, 0, 0]), (false, &[0x30, 3, 0, 1, b't'])] {
        assert!(read(Version::V4, up, bytes).is_err(), "{bytes:?}");
    }
    assert!(matches!(read(Version::V4, true, &[0xD0, 0]), Ok(Some(Incoming::Pong))));
}

#[test]
fn a_packet_that_comes_in_pieces_is_one_packet() {
    let whole = [&[0x33, 10, 0, 1, b't', 0, 9, 0][..], b"word"].concat();
    let mut arrived = BytesMut::new();
    for (index, byte) in whole.iter().enumerate() {
        arrived.extend_from_slice(&[*byte]);
        let read = Wire::new(Version::V5).read(&mut arrived, true).unwrap();
        assert_eq!(read.is_some(), index + 1 == whole.len(), "{index}");
        if let Some(Incoming::Message(message, id)) = read {
            assert_eq!((message.payload.as_slice(), id, message.retain), (&b"word"[..], Some(9), true));
        }
    }
    assert!(arrived.is_empty());
}

#[test]
fn what_is_too_long_is_not_written() {
    let message = Outgoing { correlation: Some(vec![0; 65_536]), ..Outgoing::new("t", "") };
    let shipment = Shipment { message, id: None, retain: false, left: None };
    assert!(Wire::new(Version::V5).publish(&shipment).is_err());
    // 3.1.1 has no correlation data.
    assert_eq!(Wire::new(Version::V4).publish(&shipment).unwrap(), [0x30, 3, 0, 1, b't']);
}

#[test]
fn a_password_goes_only_with_a_name() {
    let mut options = crate::mqtt::client::Options {
        host: String::new(),
        port: 0,
        tls: None,
        client_id: "c".into(),
        username: None,
        password: Some("secret".to_owned().into()),
        version: Version::V4,
        will: Will { topic: "w".into(), payload: b"x".to_vec(), retain: true },
        keep_alive: Duration::from_secs(30),
        acknowledge_within: Duration::from_secs(30),
    };
    let anonymous = Wire::new(Version::V4).connect(&options, true).unwrap();
    assert_eq!(
        anonymous,
        [&[0x10, 19, 0, 4][..], b"MQTT", &[4, 0b10_1110, 0, 30, 0, 1, b'c', 0, 1, b'w', 0, 1, b'x']].concat()
    );
    options.username = Some("me".into());
    let named = Wire::new(Version::V4).connect(&options, false).unwrap();
    assert!(named.ends_with(b"\0\x02me\0\x06secret"));
    assert_eq!(named[9], 0b1110_1100);
}

proptest! {
    /// Whatever comes, it is an answer, an error, or not enough; and of what was enough nothing is read twice.
    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 0_u8..16, up: bool, v5: bool) {
        let version = if v5 { Version::V5 } else { Version::V4 };
        let packet = [&[kind << 4, u8::try_from(bytes.len()).unwrap()][..], &bytes].concat();
        for bytes in [bytes, packet] {
            let mut arrived = BytesMut::from(bytes.as_slice());
            let before = arrived.len();
            match Wire::new(version).read(&mut arrived, up) {
                Ok(Some(_)) => prop_assert!(arrived.len() < before),
                Ok(None) => prop_assert_eq!(arrived.len(), before),
                Err(failure) => prop_assert!(!failure.reason.is_empty()),
            }
        }
    }
}
