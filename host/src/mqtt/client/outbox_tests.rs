//! What leaves the outbox, in which order, and what is given up.

use std::time::Duration;

use super::*;

fn state(topic: &str, payload: &str) -> Outgoing {
    Outgoing::new(topic, payload).retained()
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that takes packets of 1,000 bytes.
const SMALL: Limits = Limits { packet: 1000, window: 100, acknowledges: true, retains: true };

/// Hands out all that may leave.
fn leave(outbox: &Outbox) -> Vec<Shipment> {
    std::iter::from_fn(|| outbox.hand_out(SMALL)).collect()
}

/// As `topic=payload`.
fn texts(shipments: &[Shipment]) -> Vec<String> {
    let text =
        |message: &Outgoing| format!("{}={}", message.topic, String::from_utf8_lossy(&message.payload));
    shipments.iter().map(|shipment| text(&shipment.message)).collect()
}

fn outbox(messages: impl IntoIterator<Item = Outgoing>) -> Outbox {
    let outbox = Outbox::new(PATIENCE);
    for message in messages {
        outbox.push(message).unwrap();
    }
    outbox
}

/// All of one connection: sends what may be sent, acknowledges the first `acknowledged` of it, and the broker hangs up.
fn connection(outbox: &Outbox, acknowledged: usize) -> Vec<String> {
    outbox.connected();
    let sent = leave(outbox);
    for shipment in &sent[..acknowledged] {
        outbox.acknowledged(shipment.id.unwrap(), false);
    }
    outbox.disconnected(Verdict::Unclear);
    texts(&sent)
}

#[tokio::test]
async fn nothing_leaves_before_the_connection_and_the_window_holds() {
    let outbox = outbox((0..WINDOW + 2).map(|n| Outgoing::new(format!("t{n}"), "")));
    assert_eq!(leave(&outbox).len(), 0);
    outbox.connected();
    let narrow = Limits { window: 3, ..SMALL };
    let mut sent: Vec<_> = std::iter::from_fn(|| outbox.hand_out(narrow)).collect();
    assert_eq!(sent.len(), 3, "the broker's own limit");
    sent.extend(leave(&outbox));
    assert_eq!(sent.len(), WINDOW);
    let first = sent[0].id.unwrap();
    assert_eq!(outbox.acknowledged(first, false).as_deref(), Some("t0"));
    assert_eq!(outbox.acknowledged(first, false), None);
    let next = leave(&outbox);
    assert_eq!(texts(&next), [format!("t{WINDOW}=")]);
    assert!(sent[1..].iter().all(|other| other.id != next[0].id));
}

#[tokio::test]
async fn the_newest_retained_message_of_a_topic_wins_and_comes_last() {
    let outbox = outbox([state("a", "1"), state("b", "1"), Outgoing::new("a", "event"), state("a", "2")]);
    outbox.connected();
    assert_eq!(texts(&leave(&outbox)), ["b=1", "a=event", "a=2"]);
    outbox.disconnected(Verdict::NotOurs);
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
        let sent = leave(&outbox);
        assert_eq!(texts(&sent), [expected]);
        assert!(outbox.acknowledged(sent[0].id.unwrap(), false).is_some());
    }
    assert!(outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_ends_every_connection_is_given_up_alone_and_its_topic_left_alone() {
    let outbox = outbox(["poison", "good"].map(|t| Outgoing::new(t, "")));
    assert_eq!(connection(&outbox, 0), ["poison=", "good="]);
    for _ in 1..MAX_HANG_UPS {
        assert_eq!(connection(&outbox, 0), ["poison="]);
    }
    outbox.push(Outgoing::new("poison", "again")).unwrap();
    assert_eq!(connection(&outbox, 1), ["good="]);
    assert_eq!(connection(&outbox, 0), [""; 0]);
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn an_outage_gives_nothing_up() {
    let outbox = outbox([Outgoing::new("a", "")]);
    for _ in 0..MAX_HANG_UPS * 3 {
        outbox.connected();
        assert_eq!(texts(&leave(&outbox)), ["a="]);
        outbox.disconnected(Verdict::NotOurs);
    }
    assert!(!outbox.is_empty());
    // Nor do those that came before make one hang-up of the broker's three.
    assert_eq!(connection(&outbox, 0), ["a="]);
    assert_eq!(connection(&outbox, 0), ["a="]);
    outbox.connected();
    let sent = leave(&outbox);
    assert_eq!(texts(&sent), ["a="]);
    outbox.acknowledged(sent[0].id.unwrap(), false);
    assert!(outbox.is_empty());
}

/// One connection on which this is sent, the broker says something after so long, or nothing, and is left when its time is
/// over. Says whether the broker was to be asked whether it is there.
async fn silence(outbox: &Outbox, sent: &[&str], heard_after: Option<Duration>) -> bool {
    outbox.connected();
    assert_eq!(texts(&leave(outbox)), sent);
    let half = Instant::now() + PATIENCE / 2;
    if let Some(after) = heard_after {
        tokio::time::advance(after).await;
        outbox.heard();
    }
    let asked = outbox.ask_at();
    assert!(asked.is_none_or(|at| at == half));
    tokio::time::sleep_until(half + PATIENCE / 2).await;
    outbox.disconnected(Verdict::Silent);
    asked.is_some()
}

/// Whether a message to this topic would be sent asking for acknowledgement, now that nothing else waits.
fn asks(outbox: &Outbox, topic: &str) -> bool {
    outbox.push(Outgoing::new(topic, "")).unwrap();
    outbox.connected();
    let sent = leave(outbox);
    sent.last().unwrap().id.is_some()
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_gone_says_nothing_about_a_topic_and_one_that_is_there_does() {
    let gone = outbox([Outgoing::new("a", "")]);
    assert!(silence(&gone, &["a="], None).await, "it has to be asked");
    assert!(asks(&gone, "a"));

    // What it said right after it got the message it may have said before it got it.
    let fallen_silent = outbox([Outgoing::new("a", "")]);
    assert!(silence(&fallen_silent, &["a="], Some(PATIENCE / 10)).await);
    assert!(asks(&fallen_silent, "a"));

    let there = outbox([Outgoing::new("a", "")]);
    assert!(!silence(&there, &["a="], Some(PATIENCE / 2)).await);
    assert!(!asks(&there, "a"));
}

#[tokio::test(start_paused = true)]
async fn what_silences_the_broker_does_so_twice_and_takes_nothing_with_it() {
    let outbox = outbox(["first", "second"].map(|t| Outgoing::new(t, "")));
    silence(&outbox, &["first=", "second="], None).await;
    silence(&outbox, &["first="], None).await;
    outbox.connected();
    let sent = leave(&outbox);
    assert_eq!(texts(&sent), ["first=", "second="]);
    assert_eq!((sent[0].id, sent[1].id.is_some()), (None, true));
}

#[tokio::test]
async fn what_the_broker_refuses_is_not_published_to_again() {
    let outbox = outbox(["a", "b"].map(|t| Outgoing::new(t, "")));
    outbox.connected();
    let sent = leave(&outbox);
    outbox.acknowledged(sent[0].id.unwrap(), true);
    outbox.acknowledged(sent[1].id.unwrap(), false);
    for topic in ["a", "b"] {
        outbox.push(Outgoing::new(topic, "2")).unwrap();
    }
    assert_eq!(texts(&leave(&outbox)), ["b=2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_in_time_is_sent_without_asking_and_holds_nothing_up() {
    let outbox = outbox(["mute", "good"].map(|t| Outgoing::new(t, "")));
    assert_eq!(outbox.overdue_at(), None);
    outbox.connected();
    let (sent_at, sent) = (Instant::now(), leave(&outbox));
    outbox.acknowledged(sent[1].id.unwrap(), false);
    assert_eq!(outbox.overdue_at(), Some(sent_at + PATIENCE));
    tokio::time::advance(PATIENCE).await;
    assert_eq!(outbox.overdue(), ["mute"]);
    outbox.disconnected(Verdict::Silent);
    outbox.push(Outgoing::new("good", "2")).unwrap();
    outbox.connected();
    let sent = leave(&outbox);
    assert_eq!(texts(&sent), ["mute=", "good=2"]);
    assert_eq!((sent[0].id, sent[1].id.is_some()), (None, true));
}

#[tokio::test]
async fn a_broker_gets_no_more_than_it_takes() {
    let outbox = outbox([state("a", "1")]);
    outbox.push(Outgoing::new("theirs", "answer").foreign()).unwrap();
    outbox.connected();
    let poor = Limits { acknowledges: false, retains: false, ..SMALL };
    let first = outbox.hand_out(poor).unwrap();
    assert_eq!((first.id, first.retain), (None, false));
    // What goes to a topic of somebody's choice is never asked for, whatever the broker can.
    assert_eq!(outbox.hand_out(SMALL).unwrap().id, None);
    assert!(outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn expired_and_oversized_messages_do_not_leave() {
    let short = Outgoing { expiry: Some(Duration::from_secs(5)), ..Outgoing::new("short", "") };
    let long = Outgoing { expiry: Some(Duration::from_secs(50)), ..Outgoing::new("long", "") };
    let outbox = outbox([short, Outgoing::new("big", "x".repeat(1000)), long]);
    tokio::time::advance(Duration::from_secs(5)).await;
    outbox.connected();
    let sent = leave(&outbox);
    assert_eq!(texts(&sent), ["long="]);
    assert_eq!(sent[0].left, Some(Duration::from_secs(45)));
}

#[tokio::test]
async fn a_full_queue_says_whether_waiting_helps() {
    let outbox = outbox((0..MAX_WAITING).map(|n| state(&format!("t{n}"), "")));
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Offline)));
    outbox.push(state("t0", "newer")).unwrap();
    outbox.connected();
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Busy(_))));
    let room = outbox.room();
    outbox.hand_out(SMALL);
    room.await;
    outbox.push(Outgoing::new("x", "")).unwrap();
    outbox.close();
    assert!(matches!(outbox.push(Outgoing::new("x", "")), Err(Full::Closed)));
}

#[tokio::test]
async fn what_must_not_wait_gives_up_steps_first_and_results_before_what_is_retained() {
    let outbox = Outbox::new(PATIENCE);
    outbox.put(state("state", "1"));
    outbox.put(Outgoing::new("result", "0"));
    outbox.put(Outgoing::new("step", "").expendable());
    for number in 0..MOST_WAITING - 2 {
        outbox.put(Outgoing::new("result", number.to_string()));
    }
    let has = |topic: &str| outbox.lock().waiting.values().filter(|p| p.message.topic == topic).count();
    assert_eq!((has("state"), has("step"), has("result")), (1, 0, MOST_WAITING - 1));
    outbox.put(Outgoing::new("late", ""));
    assert_eq!((has("state"), has("late"), has("result")), (1, 1, MOST_WAITING - 2));
    for _ in 0..3 {
        outbox.put(Outgoing::new("large", vec![0; MOST_BYTES / 2]));
    }
    let state = outbox.lock();
    assert!(state.waiting_bytes <= MOST_BYTES, "{}", state.waiting_bytes);
    let bytes: usize = state.waiting.values().map(|parcel| parcel.message.size()).sum();
    assert_eq!(state.waiting_bytes, bytes);
}

#[tokio::test]
async fn who_waits_for_delivery_is_told_of_it_and_of_nothing_else() {
    #[derive(Debug, Default)]
    struct Count(std::sync::atomic::AtomicUsize);
    impl crate::mqtt::client::Delivered for Count {
        fn delivered(&self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let count = std::sync::Arc::new(Count::default());
    let noticed = |topic: &str| {
        let notice = Some(crate::mqtt::client::Notice::to(count.clone()));
        Outgoing { notice, ..Outgoing::new(topic, "") }
    };
    let outbox = outbox(["a", "b", "c"].map(noticed));
    let told = || count.0.load(std::sync::atomic::Ordering::Relaxed);
    outbox.connected();
    let sent = leave(&outbox);
    assert_eq!(told(), 0);
    outbox.acknowledged(sent[0].id.unwrap(), false);
    outbox.acknowledged(sent[1].id.unwrap(), true);
    assert_eq!(told(), 1);
    drop(sent);
    outbox.disconnected(Verdict::NotOurs);
    drop(outbox);
    assert_eq!((told(), std::sync::Arc::strong_count(&count)), (1, 1));
}
