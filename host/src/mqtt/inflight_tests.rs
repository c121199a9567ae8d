//! Tests of the queue: what leaves it, in which order, and what is given up.

use std::time::Duration;

use super::*;

fn state(topic: &str, payload: &str) -> Outgoing {
    Outgoing::new(topic, payload).retained()
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that takes packets of 1,000 bytes.
const SMALL: Limits = Limits { packet: 1000, window: 100, acknowledges: true, retains: true };

/// Hands out all that may leave.
fn leave(inflight: &Inflight) -> Vec<Shipment> {
    std::iter::from_fn(|| inflight.hand_out(SMALL)).collect()
}

/// Formats shipments as `topic=payload`.
fn texts(shipments: &[Shipment]) -> Vec<String> {
    let text =
        |message: &Outgoing| format!("{}={}", message.topic, String::from_utf8_lossy(&message.payload));
    shipments.iter().map(|shipment| text(&shipment.message)).collect()
}

fn inflight(messages: impl IntoIterator<Item = Outgoing>) -> Inflight {
    let inflight = Inflight::new(PATIENCE);
    for message in messages {
        inflight.push(message).unwrap();
    }
    inflight
}

/// Runs one connection: sends what may be sent, acknowledges the first `acknowledged` of it, and the broker
/// hangs up.
fn connection(inflight: &Inflight, acknowledged: usize) -> Vec<String> {
    inflight.connected();
    let sent = leave(inflight);
    for shipment in &sent[..acknowledged] {
        inflight.acknowledged(shipment.id.unwrap(), false);
    }
    inflight.disconnected(Verdict::Unclear);
    texts(&sent)
}

#[tokio::test]
async fn nothing_leaves_before_the_connection_and_the_window_holds() {
    let inflight = inflight((0..WINDOW + 2).map(|n| Outgoing::new(format!("t{n}"), "")));
    assert_eq!(leave(&inflight).len(), 0);
    inflight.connected();
    let narrow = Limits { window: 3, ..SMALL };
    let mut sent: Vec<_> = std::iter::from_fn(|| inflight.hand_out(narrow)).collect();
    assert_eq!(sent.len(), 3, "the broker's own limit");
    sent.extend(leave(&inflight));
    assert_eq!(sent.len(), WINDOW);
    let first = sent[0].id.unwrap();
    assert_eq!(inflight.acknowledged(first, false).as_deref(), Some("t0"));
    assert_eq!(inflight.acknowledged(first, false), None);
    let next = leave(&inflight);
    assert_eq!(texts(&next), [format!("t{WINDOW}=")]);
    assert!(sent[1..].iter().all(|other| other.id != next[0].id));
}

#[tokio::test]
async fn the_newest_retained_message_of_a_topic_wins_and_comes_last() {
    let inflight = inflight([state("a", "1"), state("b", "1"), Outgoing::new("a", "event"), state("a", "2")]);
    inflight.connected();
    assert_eq!(texts(&leave(&inflight)), ["b=1", "a=event", "a=2"]);
    inflight.disconnected(Verdict::NotOurs);
    // Sent ones are not replaced: they may be with the broker already, and order matters then.
    inflight.push(state("a", "3")).unwrap();
    assert_eq!(inflight.lock().waiting.len(), 4);
}

#[tokio::test]
async fn the_unacknowledged_is_sent_again_in_order_and_one_by_one() {
    let inflight = inflight(["a", "b", "c"].map(|t| Outgoing::new(t, "")));
    assert_eq!(connection(&inflight, 1), ["a=", "b=", "c="]);
    inflight.push(Outgoing::new("d", "")).unwrap();
    inflight.connected();
    for expected in ["b=", "c=", "d="] {
        let sent = leave(&inflight);
        assert_eq!(texts(&sent), [expected]);
        assert!(inflight.acknowledged(sent[0].id.unwrap(), false).is_some());
    }
    assert!(inflight.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_ends_every_connection_is_given_up_alone_and_its_topic_left_alone() {
    let inflight = inflight(["poison", "good"].map(|t| Outgoing::new(t, "")));
    assert_eq!(connection(&inflight, 0), ["poison=", "good="]);
    for _ in 1..MAX_HANG_UPS {
        assert_eq!(connection(&inflight, 0), ["poison="]);
    }
    inflight.push(Outgoing::new("poison", "again")).unwrap();
    assert_eq!(connection(&inflight, 1), ["good="]);
    assert_eq!(connection(&inflight, 0), [""; 0]);
    assert!(inflight.is_empty());
}

#[tokio::test]
async fn an_outage_gives_nothing_up() {
    let inflight = inflight([Outgoing::new("a", "")]);
    for _ in 0..MAX_HANG_UPS * 3 {
        inflight.connected();
        assert_eq!(texts(&leave(&inflight)), ["a="]);
        inflight.disconnected(Verdict::NotOurs);
    }
    assert!(!inflight.is_empty());
    // Earlier losses do not count among the broker's three hang-ups either.
    assert_eq!(connection(&inflight, 0), ["a="]);
    assert_eq!(connection(&inflight, 0), ["a="]);
    inflight.connected();
    let sent = leave(&inflight);
    assert_eq!(texts(&sent), ["a="]);
    inflight.acknowledged(sent[0].id.unwrap(), false);
    assert!(inflight.is_empty());
}

/// Runs one connection on which `sent` leaves, the broker says something after `heard_after`, or nothing, and
/// is left when its time is over. Returns whether the broker was to be asked whether it is there.
async fn silence(inflight: &Inflight, sent: &[&str], heard_after: Option<Duration>) -> bool {
    inflight.connected();
    assert_eq!(texts(&leave(inflight)), sent);
    let half = Instant::now() + PATIENCE / 2;
    if let Some(after) = heard_after {
        tokio::time::advance(after).await;
        inflight.heard();
    }
    let asked = inflight.ask_at();
    assert!(asked.is_none_or(|at| at == half));
    tokio::time::sleep_until(half + PATIENCE / 2).await;
    inflight.disconnected(Verdict::Silent);
    asked.is_some()
}

/// Whether a message to this topic would be sent asking for acknowledgement, now that nothing else waits.
fn asks(inflight: &Inflight, topic: &str) -> bool {
    inflight.push(Outgoing::new(topic, "")).unwrap();
    inflight.connected();
    let sent = leave(inflight);
    sent.last().unwrap().id.is_some()
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_gone_says_nothing_about_a_topic_and_one_that_is_there_does() {
    let gone = inflight([Outgoing::new("a", "")]);
    assert!(silence(&gone, &["a="], None).await, "it has to be asked");
    assert!(asks(&gone, "a"));

    // What the broker said right after it got the message, it may have said before it got it.
    let fallen_silent = inflight([Outgoing::new("a", "")]);
    assert!(silence(&fallen_silent, &["a="], Some(PATIENCE / 10)).await);
    assert!(asks(&fallen_silent, "a"));

    let there = inflight([Outgoing::new("a", "")]);
    assert!(!silence(&there, &["a="], Some(PATIENCE / 2)).await);
    assert!(!asks(&there, "a"));
}

#[tokio::test(start_paused = true)]
async fn what_silences_the_broker_does_so_twice_and_takes_nothing_with_it() {
    let inflight = inflight(["first", "second"].map(|t| Outgoing::new(t, "")));
    silence(&inflight, &["first=", "second="], None).await;
    silence(&inflight, &["first="], None).await;
    inflight.connected();
    let sent = leave(&inflight);
    assert_eq!(texts(&sent), ["first=", "second="]);
    assert_eq!((sent[0].id, sent[1].id.is_some()), (None, true));
}

#[tokio::test]
async fn what_the_broker_refuses_is_not_published_to_again() {
    let inflight = inflight(["a", "b"].map(|t| Outgoing::new(t, "")));
    inflight.connected();
    let sent = leave(&inflight);
    inflight.acknowledged(sent[0].id.unwrap(), true);
    inflight.acknowledged(sent[1].id.unwrap(), false);
    for topic in ["a", "b"] {
        inflight.push(Outgoing::new(topic, "2")).unwrap();
    }
    assert_eq!(texts(&leave(&inflight)), ["b=2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_in_time_is_sent_without_asking_and_holds_nothing_up() {
    let inflight = inflight(["mute", "good"].map(|t| Outgoing::new(t, "")));
    assert_eq!(inflight.overdue_at(), None);
    inflight.connected();
    let (sent_at, sent) = (Instant::now(), leave(&inflight));
    inflight.acknowledged(sent[1].id.unwrap(), false);
    assert_eq!(inflight.overdue_at(), Some(sent_at + PATIENCE));
    tokio::time::advance(PATIENCE).await;
    assert_eq!(inflight.overdue(), ["mute"]);
    inflight.disconnected(Verdict::Silent);
    inflight.push(Outgoing::new("good", "2")).unwrap();
    inflight.connected();
    let sent = leave(&inflight);
    assert_eq!(texts(&sent), ["mute=", "good=2"]);
    assert_eq!((sent[0].id, sent[1].id.is_some()), (None, true));
}

#[tokio::test]
async fn a_broker_gets_no_more_than_it_takes() {
    let inflight = inflight([state("a", "1")]);
    inflight.push(Outgoing::new("theirs", "answer").foreign()).unwrap();
    inflight.connected();
    let poor = Limits { acknowledges: false, retains: false, ..SMALL };
    let first = inflight.hand_out(poor).unwrap();
    assert_eq!((first.id, first.retain), (None, false));
    // No acknowledgement is asked for on a topic of a caller's choice, whatever the broker can do.
    assert_eq!(inflight.hand_out(SMALL).unwrap().id, None);
    assert!(inflight.is_empty());
}

#[tokio::test(start_paused = true)]
async fn expired_and_oversized_messages_do_not_leave() {
    let short = Outgoing { expiry: Some(Duration::from_secs(5)), ..Outgoing::new("short", "") };
    let long = Outgoing { expiry: Some(Duration::from_secs(50)), ..Outgoing::new("long", "") };
    let inflight = inflight([short, Outgoing::new("big", "x".repeat(1000)), long]);
    tokio::time::advance(Duration::from_secs(5)).await;
    inflight.connected();
    let sent = leave(&inflight);
    assert_eq!(texts(&sent), ["long="]);
    assert_eq!(sent[0].left, Some(Duration::from_secs(45)));
}

#[tokio::test]
async fn a_full_queue_says_whether_waiting_helps() {
    let inflight = inflight((0..MAX_WAITING).map(|n| state(&format!("t{n}"), "")));
    assert!(matches!(inflight.push(Outgoing::new("x", "")), Err(Full::Offline)));
    inflight.push(state("t0", "newer")).unwrap();
    inflight.connected();
    assert!(matches!(inflight.push(Outgoing::new("x", "")), Err(Full::Busy(_))));
    let room = inflight.room();
    inflight.hand_out(SMALL);
    room.await;
    inflight.push(Outgoing::new("x", "")).unwrap();
    inflight.close();
    assert!(matches!(inflight.push(Outgoing::new("x", "")), Err(Full::Closed)));
}

#[tokio::test]
async fn what_must_not_wait_gives_up_steps_first_and_results_before_what_is_retained() {
    let inflight = Inflight::new(PATIENCE);
    inflight.put(state("state", "1"));
    inflight.put(Outgoing::new("result", "0"));
    inflight.put(Outgoing::new("step", "").expendable());
    for number in 0..MOST_WAITING - 2 {
        inflight.put(Outgoing::new("result", number.to_string()));
    }
    let has = |topic: &str| inflight.lock().waiting.values().filter(|p| p.message.topic == topic).count();
    assert_eq!((has("state"), has("step"), has("result")), (1, 0, MOST_WAITING - 1));
    inflight.put(Outgoing::new("late", ""));
    assert_eq!((has("state"), has("late"), has("result")), (1, 1, MOST_WAITING - 2));
    for _ in 0..3 {
        inflight.put(Outgoing::new("large", vec![0; MOST_BYTES / 2]));
    }
    let state = inflight.lock();
    assert!(state.waiting_bytes <= MOST_BYTES, "{}", state.waiting_bytes);
    let bytes: usize = state.waiting.values().map(|parcel| parcel.message.size()).sum();
    assert_eq!(state.waiting_bytes, bytes);
}

#[tokio::test]
async fn who_waits_for_delivery_is_told_of_it_and_of_nothing_else() {
    #[derive(Debug, Default)]
    struct Count(std::sync::atomic::AtomicUsize);
    impl crate::wire::message::Delivered for Count {
        fn delivered(&self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let count = std::sync::Arc::new(Count::default());
    let noticed = |topic: &str| {
        let notice = Some(crate::wire::message::Notice::to(count.clone()));
        Outgoing { notice, ..Outgoing::new(topic, "") }
    };
    let inflight = inflight(["a", "b", "c"].map(noticed));
    let told = || count.0.load(std::sync::atomic::Ordering::Relaxed);
    inflight.connected();
    let sent = leave(&inflight);
    assert_eq!(told(), 0);
    inflight.acknowledged(sent[0].id.unwrap(), false);
    inflight.acknowledged(sent[1].id.unwrap(), true);
    assert_eq!(told(), 1);
    drop(sent);
    inflight.disconnected(Verdict::NotOurs);
    drop(inflight);
    assert_eq!((told(), std::sync::Arc::strong_count(&count)), (1, 1));
}
