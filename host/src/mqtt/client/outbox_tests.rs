//! What leaves the outbox, in which order, and what is given up.

use std::time::Duration;

use super::*;

fn state(topic: &str, payload: &str) -> Outgoing {
    Outgoing::new(topic, payload).retained()
}

/// Hands out all that may leave, as `topic=payload`.
fn leave(outbox: &Outbox) -> Vec<String> {
    std::iter::from_fn(|| outbox.hand_out(Some(1000)))
        .map(|p| format!("{}={}", p.message.topic, String::from_utf8_lossy(&p.message.payload)))
        .collect()
}

fn outbox(messages: impl IntoIterator<Item = Outgoing>) -> Outbox {
    let outbox = Outbox::new();
    for message in messages {
        outbox.push(message).unwrap();
    }
    outbox
}

/// All of one connection: sends what may be sent, acknowledges the first `acknowledged` of it, and ends.
fn connection(outbox: &Outbox, acknowledged: u16) -> Vec<String> {
    outbox.connected();
    let sent = leave(outbox);
    (1..=sent.len() as u16).for_each(|id| outbox.sent(id));
    (1..=acknowledged).for_each(|id| drop(outbox.acknowledged(id)));
    outbox.disconnected();
    sent
}

#[tokio::test]
async fn nothing_leaves_before_the_connection_and_the_window_holds() {
    let outbox = outbox((0..12).map(|n| Outgoing::new(format!("t{n}"), "")));
    assert_eq!(leave(&outbox), [""; 0]);
    outbox.connected();
    assert_eq!(leave(&outbox).len(), WINDOW);
    (1..=WINDOW as u16).for_each(|id| outbox.sent(id));
    assert_eq!(outbox.acknowledged(1).as_deref(), Some("t0"));
    assert_eq!(outbox.acknowledged(1), None);
    assert_eq!(leave(&outbox), ["t10="]);
}

#[tokio::test]
async fn the_newest_retained_message_of_a_topic_wins_and_comes_last() {
    let outbox = outbox([state("a", "1"), state("b", "1"), Outgoing::new("a", "event"), state("a", "2")]);
    outbox.connected();
    assert_eq!(leave(&outbox), ["b=1", "a=event", "a=2"]);
    outbox.disconnected();
    // Sent ones are not replaced: they may be with the broker already, and order matters then.
    outbox.push(state("a", "3")).unwrap();
    assert_eq!(outbox.lock().waiting.len(), 4);
}

#[tokio::test]
async fn the_unacknowledged_is_sent_again_in_order_and_one_by_one() {
    let outbox = outbox(["a", "b", "c"].map(|t| Outgoing::new(t, "")));
    assert_eq!(connection(&outbox, 1), ["a=", "b=", "c="]);
    outbox.push(Outgoing::new("d", "")).unwrap();
    outbox.connected();
    for expected in ["b=", "c=", "d="] {
        assert_eq!(leave(&outbox), [expected]);
        outbox.sent(1);
        assert!(outbox.acknowledged(1).is_some());
    }
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn a_message_that_ends_every_connection_is_given_up_alone() {
    let outbox = outbox(["poison", "good"].map(|t| Outgoing::new(t, "")));
    let connections: Vec<_> = (0..6).map(|_| connection(&outbox, 0)).collect();
    assert_eq!(connections[0], ["poison=", "good="]);
    for one in &connections[1..5] {
        assert_eq!(one, &["poison="]);
    }
    assert_eq!(connections[5], ["good="]);
}

#[tokio::test]
async fn the_library_may_hold_a_message_back() {
    let outbox = outbox(["a", "b"].map(|t| Outgoing::new(t, "")));
    outbox.connected();
    leave(&outbox);
    outbox.sent(1);
    outbox.held(1);
    assert_eq!(outbox.acknowledged(1).as_deref(), Some("a"));
    assert!(!outbox.is_empty());
    outbox.sent(1);
    assert_eq!(outbox.acknowledged(1).as_deref(), Some("b"));
    assert!(outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn expired_and_oversized_messages_do_not_leave() {
    let short = Outgoing { expiry: Some(Duration::from_secs(5)), ..Outgoing::new("short", "") };
    let long = Outgoing { expiry: Some(Duration::from_secs(50)), ..Outgoing::new("long", "") };
    let outbox = outbox([short, Outgoing::new("big", "x".repeat(1000)), long]);
    tokio::time::advance(Duration::from_secs(5)).await;
    outbox.connected();
    assert_eq!(leave(&outbox), ["long="]);
}

#[tokio::test]
async fn a_full_queue_says_whether_waiting_helps() {
    let outbox = outbox((0..MAX_WAITING).map(|n| state(&format!("t{n}"), "")));
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Offline)));
    outbox.push(state("t0", "newer")).unwrap();
    outbox.connected();
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Busy(_))));
    let room = outbox.room();
    outbox.hand_out(None);
    room.await;
    outbox.push(Outgoing::new("x", "")).unwrap();
    outbox.close();
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Closed)));
}
