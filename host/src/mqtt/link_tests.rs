//! Tests of what a link does to the stream under it.

use tokio::io::{BufStream, DuplexStream, duplex};

use super::*;
use crate::wire::message::Outgoing;

const IDLE: Duration = Duration::from_secs(30);
const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];

/// A link whose CONNECT is one byte, and the broker's end of it.
fn link(room: usize) -> (Link, DuplexStream) {
    let (ours, theirs) = duplex(room);
    (Link::over(Box::new(ours), Wire::new(Version::V5), &[0x10], IDLE), theirs)
}

/// A link after the broker has said `connack`.
async fn accepted(room: usize, connack: &[u8]) -> (Link, DuplexStream) {
    let (mut link, mut theirs) = link(room);
    theirs.write_all(connack).await.unwrap();
    assert!(matches!(link.next().await, Ok(Some(Incoming::Accepted(_)))));
    // CONNECT, and whatever it takes to have it gone.
    let mut connect = [0];
    tokio::select! {
        read = theirs.read_exact(&mut connect) => drop(read.unwrap()),
        said = link.next() => panic!("{said:?}"),
    }
    (link, theirs)
}

fn message(bytes: usize) -> Shipment {
    Shipment { message: Outgoing::new("t", vec![b'x'; bytes]), id: None, retain: false, left: None }
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_keeps_to_itself_is_passed_on() {
    let (ours, mut theirs) = duplex(1024);
    // TLS does the same when the socket has no room: bytes are taken, and not on their way before a flush.
    let ours = Box::new(BufStream::new(ours));
    let mut link = Link::over(ours, Wire::new(Version::V5), &[0x10], IDLE);
    let mut connect = [0];
    tokio::select! {
        read = theirs.read_exact(&mut connect) => drop(read.unwrap()),
        said = link.next() => panic!("{said:?}"),
    }
    assert_eq!(connect, [0x10]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_fills_no_memory_and_is_left() {
    let (mut link, mut theirs) = accepted(1024, &CONNACK).await;
    while link.has_room() {
        link.publish(&message(60_000)).unwrap();
    }
    assert!(link.outgoing.len() < MOST_OUTGOING + 61_000);
    let mut taken = vec![0; 70_000];
    tokio::select! {
        read = theirs.read_exact(&mut taken) => panic!("the link says nothing of the room that it has: {read:?}"),
        said = link.next() => assert!(matches!(said, Ok(None)), "{said:?}"),
    }
    assert!(link.has_room());
    let started = Instant::now();
    let failure = link.next().await.unwrap_err();
    assert_eq!((failure.verdict, started.elapsed()), (Verdict::Silent, ANSWER_TIME));
}

#[tokio::test]
async fn the_room_for_a_large_packet_is_given_back() {
    let (mut link, mut theirs) = accepted(1024, &CONNACK).await;
    let packet = Wire::new(Version::V5).publish(&message(4 << 20)).unwrap();
    let writing = tokio::spawn(async move {
        theirs.write_all(&packet).await.unwrap();
        theirs.write_all(&[0xD0, 0]).await.unwrap();
        theirs
    });
    let Ok(Some(Incoming::Message(large, None))) = link.next().await else { panic!() };
    assert_eq!(large.payload.len(), 4 << 20);
    assert!(link.arrived.capacity() <= READ_AT_ONCE, "{}", link.arrived.capacity());
    assert!(matches!(link.next().await, Ok(Some(Incoming::Pong))));
    drop(writing.await.unwrap());
}

#[tokio::test]
async fn an_announcement_alone_takes_no_memory() {
    let (mut link, mut theirs) = accepted(1024, &CONNACK).await;
    // The header of a message of 15 MiB, and no more.
    theirs.write_all(&[0x30, 0x80, 0x80, 0xC0, 0x07, 0, 1, b't']).await.unwrap();
    drop(theirs);
    assert!(link.next().await.is_err());
    assert!(link.arrived.capacity() <= ROOM_KEPT, "{}", link.arrived.capacity());
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_has_the_time_that_he_is_given() {
    for (within, expected) in [(Duration::from_secs(25), 25), (Duration::ZERO, 10)] {
        let (mut link, _theirs) = accepted(1024, &CONNACK).await;
        link.ask(within);
        let started = Instant::now();
        let failure = link.next().await.unwrap_err();
        assert_eq!((failure.verdict, started.elapsed().as_secs()), (Verdict::Silent, expected));
    }
}

/// A broker's keep-alive time is kept if it is the shorter one. One that says never is asked all the same.
#[tokio::test(start_paused = true)]
async fn the_broker_hears_from_us_as_often_as_it_wants_to() {
    for (theirs, expected) in [(9, 9), (0, 30), (600, 30)] {
        let [high, low] = u16::to_be_bytes(theirs);
        let (mut link, mut broker) = accepted(1024, &[0x20, 6, 0, 0, 3, 19, high, low]).await;
        let (started, mut ping) = (Instant::now(), [0; 2]);
        tokio::select! {
            read = broker.read_exact(&mut ping) => drop(read.unwrap()),
            said = link.next() => panic!("{said:?}"),
        }
        assert_eq!((ping, started.elapsed().as_secs()), (Wire::PING, expected), "{theirs}");
    }
}
