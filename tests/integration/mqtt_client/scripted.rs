//! Brokers that do one thing, byte by byte.

use std::time::Duration;

use testkit::mqtt::{
    CONNECT, DISCONNECT, PUBLISH_QOS1, Peer, SUBSCRIBE, free_port, listener, message, next, options, up,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use vehicle_connector::mqtt::{Event, SubscribeError, Version, connect};
use vehicle_connector::wire::message::Outgoing;

/// Answers the first attempts with these bytes and hangs up; returns the levels of all attempts until one is 4, which
/// is accepted.
async fn until_level_4(listener: &TcpListener, answer: &[u8]) -> (Vec<u8>, Peer) {
    let mut levels = Vec::new();
    loop {
        let mut peer = Peer::accept(listener).await;
        let level = peer.level().await;
        levels.push(level);
        if level == 4 {
            peer.send(&[0x20, 2, 0, 0]).await;
            return (levels, peer);
        }
        peer.send(answer).await;
    }
}

#[tokio::test]
async fn falls_back_when_the_version_is_refused_or_not_understood() {
    let table: &[(&str, &[u8], &[u8])] = &[
        ("MQTT 5 answer: unsupported version", &[0x20, 3, 0, 0x84, 0], &[5, 4]),
        ("3.1.1 answer: unacceptable version", &[0x20, 2, 0, 1], &[5, 4]),
        ("hangs up", &[], &[5, 5, 4]),
    ];
    for (name, answer, expected) in table {
        let (listener, port) = listener().await;
        let (_publisher, mut events) = connect(options(port)).unwrap();
        let (levels, mut peer) = until_level_4(&listener, answer).await;
        assert_eq!(&levels, expected, "{name}");
        assert_eq!(up(&mut events).await, Version::V4, "{name}");
        // And remembered.
        peer.stream.shutdown().await.unwrap();
        assert_eq!(Peer::accept(&listener).await.level().await, 4, "{name}");
    }
}

#[tokio::test]
async fn a_will_that_the_broker_cannot_have_is_no_reason_to_stay_away() {
    let (listener, port) = listener().await;
    let (_publisher, mut events) = connect(options(port)).unwrap();
    let mut flags = Vec::new();
    for code in [0x9A, 0x9B, 0] {
        let mut peer = Peer::accept(&listener).await;
        let (first, body) = peer.packet().await;
        assert_eq!((first, body[6]), (CONNECT, 5));
        // Retained, QoS, will.
        flags.push(body[7] & 0b0011_1100);
        peer.send(&[0x20, 3, 0, code, 0]).await;
        if code == 0 {
            assert!(matches!(next(&mut events).await, Event::Connected { .. }), "and no word of a failure");
        }
    }
    assert_eq!(flags, [0b10_1100, 0b00_1100, 0b00_0100]);
}

#[tokio::test]
async fn falls_back_when_there_is_no_answer() {
    let (listener, port) = listener().await;
    let (_publisher, mut events) = connect(options(port)).unwrap();
    let mut silent = Vec::new();
    for _ in 0..2 {
        let mut peer = Peer::accept(&listener).await;
        assert_eq!(peer.level().await, 5);
        silent.push(peer);
    }
    let mut peer = Peer::accept(&listener).await;
    assert_eq!(peer.level().await, 4);
    peer.send(&[0x20, 2, 0, 0]).await;
    assert_eq!(up(&mut events).await, Version::V4);
}

#[tokio::test]
async fn an_unreachable_broker_is_no_reason_to_fall_back() {
    let port = free_port();
    let (_publisher, mut events) = connect(options(port)).unwrap();
    let Event::Disconnected { reason } = next(&mut events).await else { panic!("connected to nobody") };
    assert!(reason.starts_with("cannot reach the broker: "), "{reason}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    Peer::welcome(&listener).await;
    assert_eq!(next(&mut events).await, Event::Connected { version: Version::V5, session_present: false });
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_tried_again() {
    let (listener, port) = listener().await;
    let (_publisher, mut events) = connect(options(port)).unwrap();
    for code in [0x86, 0x86, 0x86] {
        let mut peer = Peer::accept(&listener).await;
        assert_eq!(peer.level().await, 5);
        peer.send(&[0x20, 3, 0, code, 0]).await;
    }
    let reason = "the broker refuses the user name or password, or the client name".to_owned();
    assert_eq!(next(&mut events).await, Event::Disconnected { reason });
    Peer::welcome(&listener).await;
    assert!(matches!(next(&mut events).await, Event::Connected { .. }));
}

#[tokio::test]
async fn subscriptions_carry_their_options_and_their_refusal() {
    let (listener, port) = listener().await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    assert_eq!(publisher.subscribe(&["early"]).await, Err(SubscribeError::NotConnected));
    let mut peer = Peer::welcome(&listener).await;
    up(&mut events).await;
    let asking = tokio::spawn({
        let publisher = publisher.clone();
        async move { publisher.subscribe(&["a", "b/#"]).await }
    });
    let (first, body) = peer.packet().await;
    assert_eq!(first, SUBSCRIBE);
    // Retain handling 0, retain as published, no local, QoS 1.
    let wanted = 0b00_1101;
    assert_eq!(body[2..], [&[0, 0, 1, b'a', wanted, 0, 3][..], b"b/#", &[wanted]].concat());
    peer.send(&[0x90, 5, body[0], body[1], 0, 1, 0x87]).await;
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the broker refuses \"b/#\": not authorized");

    // Lost while waiting for the answer.
    let asking = tokio::spawn(async move { publisher.subscribe(&["c"]).await });
    peer.packet().await;
    drop(peer);
    assert_eq!(asking.await.unwrap(), Err(SubscribeError::NotConnected));
}

#[tokio::test]
async fn an_unacknowledged_message_is_sent_again_after_reconnecting() {
    let (listener, port) = listener().await;
    let (publisher, _events) = connect(options(port)).unwrap();
    publisher.publish(Outgoing::new("t", "1")).await.unwrap();
    publisher.publish(Outgoing::new("t", "2")).await.unwrap();
    let mut peer = Peer::welcome(&listener).await;
    let (first, one) = peer.packet().await;
    assert_eq!((first, &one[one.len() - 1..]), (PUBLISH_QOS1, &b"1"[..]));
    let (_, two) = peer.packet().await;
    assert_eq!(&two[two.len() - 1..], b"2");
    // Topic (2 + 1 bytes), then the packet identifier.
    peer.send(&[0x40, 2, one[3], one[4]]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(peer);
    let mut peer = Peer::welcome(&listener).await;
    let (first, again) = peer.packet().await;
    assert_eq!((first, &again[again.len() - 1..]), (PUBLISH_QOS1, &b"2"[..]));
    peer.send(&[0x40, 2, again[3], again[4]]).await;
    publisher.disconnect().await;
    assert_eq!(peer.packet().await.0, DISCONNECT);
}

#[tokio::test]
async fn disconnect_gives_up_on_a_broker_that_does_not_acknowledge() {
    let (listener, port) = listener().await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    let _peer = Peer::welcome(&listener).await;
    up(&mut events).await;
    publisher.publish(Outgoing::new("t", "1")).await.unwrap();
    let started = std::time::Instant::now();
    publisher.disconnect().await;
    assert!((1..6).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_message_that_the_broker_finds_too_large_is_dropped_and_the_rest_goes_on() {
    let (listener, port) = listener().await;
    let (publisher, mut events) = connect(options(port)).unwrap();
    let mut peer = Peer::accept(&listener).await;
    peer.level().await;
    // Maximum packet size: 100.
    peer.send(&[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 100]).await;
    up(&mut events).await;
    publisher.publish(Outgoing::new("t", vec![b'x'; 200])).await.unwrap();
    publisher.publish(Outgoing::new("t", "small")).await.unwrap();
    let (_, body) = peer.packet().await;
    assert!(body.ends_with(b"small"));
}

#[tokio::test]
async fn messages_read_right_before_the_connection_ends_are_delivered() {
    let (listener, port) = listener().await;
    let (_publisher, mut events) = connect(options(port)).unwrap();
    let mut peer = Peer::welcome(&listener).await;
    up(&mut events).await;
    // Two messages with QoS 0 and the broker's DISCONNECT (server shutting down), in one segment.
    peer.send(&[0x30, 5, 0, 1, b't', 0, b'1', 0x30, 5, 0, 1, b't', 0, b'2', 0xE0, 2, 0x8B, 0]).await;
    assert_eq!(message(&mut events).await.payload, b"1");
    assert_eq!(message(&mut events).await.payload, b"2");
    let Event::Disconnected { reason } = next(&mut events).await else { panic!("still connected") };
    assert_eq!(reason, "the broker disconnected us: server shutting down");
}

#[tokio::test]
async fn a_packet_beyond_the_limit_ends_the_connection_with_its_reason() {
    let (listener, port) = listener().await;
    let (_publisher, mut events) = connect(options(port)).unwrap();
    let mut peer = Peer::welcome(&listener).await;
    up(&mut events).await;
    // The header of a PUBLISH of 32 MiB.
    peer.send(&[0x30, 0x80, 0x80, 0x80, 0x10, 0, 1, b't', 0]).await;
    let Event::Disconnected { reason } = next(&mut events).await else { panic!("still connected") };
    assert_eq!(reason, "the broker sent a packet larger than 16777216 bytes");
}

/// A broker with an IPv6 address (FC-73).
#[tokio::test]
async fn an_ipv6_address_is_an_address() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return eprintln!("skipped: no IPv6");
    };
    let mut options = options(listener.local_addr().unwrap().port());
    options.host = "::1".into();
    let (_publisher, mut events) = connect(options).unwrap();
    Peer::welcome(&listener).await;
    assert_eq!(up(&mut events).await, Version::V5);
}
