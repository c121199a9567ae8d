//! Packets as brokers write them, and as they must not be.

use proptest::prelude::*;

use super::*;
use crate::mqtt::Will;
use crate::mqtt::inflight::Shipment;
use crate::wire::message::Outgoing;

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
    let mut options = crate::mqtt::Options {
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
    let anonymous = Wire::new(Version::V4).connect(&options, Terms { clean: true, ..Terms::ALL }).unwrap();
    assert_eq!(
        anonymous,
        [&[0x10, 19, 0, 4][..], b"MQTT", &[4, 0b10_1110, 0, 30, 0, 1, b'c', 0, 1, b'w', 0, 1, b'x']].concat()
    );
    options.username = Some("me".into());
    let named = Wire::new(Version::V4).connect(&options, Terms::ALL).unwrap();
    assert!(named.ends_with(b"\0\x02me\0\x06secret"));
    assert_eq!(named[9], 0b1110_1100);
    let mut poor = Terms::ALL;
    assert!(poor.without(WillTerm::Retained) && !poor.without(WillTerm::Retained));
    assert_eq!(Wire::new(Version::V4).connect(&options, poor).unwrap()[9], 0b1100_1100);
    assert!(poor.without(WillTerm::Acknowledged));
    assert_eq!(Wire::new(Version::V4).connect(&options, poor).unwrap()[9], 0b1100_0100);
}

#[test]
fn what_the_standard_forbids_is_not_understood() {
    let table: &[(&str, bool, &[u8])] = &[
        ("a NUL in a topic", true, &[0x30, 4, 0, 1, 0, 0]),
        ("a NUL in a reason", true, &[0xE0, 6, 0x97, 4, 31, 0, 1, 0]),
        ("a NUL in a property that is not looked at", true, &[0x30, 8, 0, 1, b't', 4, 3, 0, 1, 0]),
        ("a surrogate", true, &[0x30, 6, 0, 3, 0xED, 0xA0, 0x80, 0]),
        ("QoS 0, sent again", true, &[0x38, 4, 0, 1, b't', 0]),
        ("a message with the identifier 0", true, &[0x32, 6, 0, 1, b't', 0, 0, 0]),
        ("an acknowledgement of 0", true, &[0x40, 2, 0, 0]),
        ("an answered subscription of 0", true, &[0x90, 4, 0, 0, 0, 1]),
        ("more than an acknowledgement", true, &[0x40, 5, 0, 7, 0, 0, 9]),
        ("more than a pong", true, &[0xD0, 1, 0]),
        ("more than a goodbye", true, &[0xE0, 3, 0, 0, 9]),
        ("more than an acceptance", false, &[0x20, 4, 0, 0, 0, 9]),
        ("flags that mean nothing", false, &[0x20, 3, 2, 0, 0]),
    ];
    for (what, up, bytes) in table {
        let mut whole = bytes.to_vec();
        whole[1] = u8::try_from(bytes.len() - 2).unwrap();
        let reason = read(Version::V5, *up, &whole).unwrap_err();
        let expected = if *up { "the broker broke the protocol: " } else { "not an MQTT 5 answer: " };
        assert!(reason.starts_with(expected), "{what}: {reason}");
        assert!(!reason.contains("too early"), "{what}: {reason}");
    }
    assert!(read(Version::V4, true, &[0x40, 3, 0, 7, 0]).is_err(), "3.1.1 has no reasons");
}

#[test]
fn what_is_wrong_with_the_will_is_known() {
    let refused = |bytes: &[u8]| Wire::new(Version::V5).read(&mut BytesMut::from(bytes), false).unwrap_err();
    assert_eq!(refused(&[0x20, 3, 0, 0x9A, 0]).will, Some(WillTerm::Retained));
    assert_eq!(refused(&[0x20, 3, 0, 0x9B, 0]).will, Some(WillTerm::Acknowledged));
    assert_eq!(refused(&[0x20, 3, 0, 0x97, 0]).will, None);
    assert_eq!(refused(&[0x20, 2, 0, 1]).evidence, Evidence::Refused);
    // A 3.1.1 broker would also give a later code to a packet that it has not understood.
    assert_eq!(refused(&[0x20, 2, 0, 5]).evidence, Evidence::NoAnswer);
}

proptest! {
    /// Any bytes are an answer, an error, or not enough; and of what was enough nothing is read twice.
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
            // Holds for any announced length.
            prop_assert!(arrived.capacity() <= before.max(64));
        }
    }

    /// Published messages are read as what they were, by a reader like ours.
    #[test]
    fn what_is_written_is_read(messages in proptest::collection::vec(a_message(), 1..5), v5: bool) {
        let version = if v5 { Version::V5 } else { Version::V4 };
        let wire = Wire::new(version);
        let mut arrived = BytesMut::new();
        for shipment in &messages {
            arrived.extend_from_slice(&wire.publish(shipment).unwrap());
        }
        for Shipment { message, id, retain, .. } in &messages {
            let Ok(Some(Incoming::Message(read, read_id))) = wire.read(&mut arrived, true) else { panic!() };
            prop_assert_eq!((&read.topic, &read.payload), (&message.topic, &message.payload));
            prop_assert_eq!((read_id, read.retain, read.again), (*id, *retain, false));
            prop_assert_eq!(read.correlation.as_ref(), message.correlation.as_ref().filter(|_| v5));
        }
        prop_assert!(arrived.is_empty());
    }

    /// Packets are the same wherever the network cuts them.
    #[test]
    fn pieces_are_read_as_the_whole(
        messages in proptest::collection::vec(a_message(), 1..5),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let wire = Wire::new(Version::V5);
        let mut whole: Vec<u8> = messages.iter().flat_map(|shipment| wire.publish(shipment).unwrap()).collect();
        whole.extend([0xD0, 0, 0x40, 3, 0, 7, 0x87]);
        let all = |arrived: &mut BytesMut| -> Vec<String> {
            std::iter::from_fn(|| wire.read(arrived, true).unwrap()).map(|read| format!("{read:?}")).collect()
        };
        let expected = all(&mut BytesMut::from(whole.as_slice()));
        prop_assert_eq!(expected.len(), messages.len() + 2);
        let (mut arrived, mut rest, mut read) = (BytesMut::new(), whole.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            arrived.extend_from_slice(piece);
            read.extend(all(&mut arrived));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read, expected);
    }
}

prop_compose! {
    /// A message as it leaves, with payloads on both sides of where a length takes another byte.
    fn a_message()(
        topic in "[^+#\\x00]{1,20}",
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        correlation in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        id in proptest::option::of(1_u16..),
        retain: bool,
        left in proptest::option::of(0_u64..1000),
    ) -> Shipment {
        let message = Outgoing { correlation, ..Outgoing::new(topic, payload) };
        Shipment { message, id, retain, left: left.map(Duration::from_secs) }
    }
}
