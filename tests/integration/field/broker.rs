//! Field cases: brokers that are slow, deny, forget or flood.

mod house;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use simulator::{Effect, Fault, RouteKind};
use testkit::mqtt::{self, Mosquitto, Peer, options, up};
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY, RealHome};
use tokio::time::{Instant, timeout};
use vehicle_connector::bridge::Bridge;
use vehicle_connector::config;
use vehicle_connector::host::{Delivery, Environment, Host, Refused, Request};
use vehicle_connector::mqtt::{Event, Version, connect};
use vehicle_connector::store::{Kind, MemoryStore};
use vehicle_connector::time::SystemClock;
use vehicle_connector::wire::message::{Outgoing, RespondTo};
use vehicle_connector::wire::outcome::{Reason, State};

use self::house::{Gate, House, sent_at_once};
use super::in_virtual_time;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What mosquitto lets the host do, when its owner has followed the documents.
const OWN_TREE_ONLY: &str = "allow_anonymous true\nacl_file ";

/// A command for the older car, from somebody who wants the answer there.
fn asking(payload: &str, respond_to: &str) -> Request {
    Request {
        topic: format!("vehicle-connector/vehicle/{}/cmd/lock", LEGACY.0),
        payload: payload.as_bytes().to_vec(),
        respond_to: Some(RespondTo { topic: respond_to.to_owned(), correlation: None }),
        ..Request::default()
    }
}

async fn with_acl(acl: &str) -> Option<(Mosquitto, tempfile::NamedTempFile)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), acl).unwrap();
    let broker = Mosquitto::start(&format!("{OWN_TREE_ONLY}{}", file.path().display())).await?;
    Some((broker, file))
}

cases! {
    /// A response topic that is not the caller's own is refused, told on the ordinary topic, and not published to.
    ["S3"] a_response_topic_belongs_to_the_caller {
        let home = RealHome::start().await;
        home.settle().await;
        let long = "x".repeat(65_536);
        let table = [
            "$SYS/x", "$share/g/x", "a/+", "#", "", "a\0b", "vehicle-connector", "vehicle-connector/bridge/state",
            "vehicle-connector/vehicle/niro/cmd/unlock", &long,
        ];
        for (number, topic) in table.iter().enumerate() {
            let id = format!("bad-{number}");
            home.host.handle(asking(&format!(r#"{{"id":"{id}"}}"#), topic)).await;
            let report = home.ended(LEGACY.0, &id).await;
            assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{topic:.40}");
            assert!(report.message.unwrap().contains("response topic"), "{topic:.40}");
        }
        let foreign = |message: &&Outgoing| message.foreign || table.contains(&message.topic.as_str());
        assert_eq!(home.published.messages().iter().filter(foreign).count(), 0);
        assert_eq!(home.control().counters().requests, 0);
    }

    /// The same of requests to the host; a topic that is the caller's own gets its answer, at most once.
    ["S3"] a_request_with_a_wrong_response_topic_is_not_done {
        let home = RealHome::start().await;
        for (topic, status) in [("vehicle-connector/bridge/info", "error"), ("mine/answers", "ok")] {
            let before = home.published.messages().len();
            let request = Request {
                topic: "vehicle-connector/bridge/request/circuit/list".to_owned(),
                payload: b"{}".to_vec(),
                ..asking("", topic)
            };
            home.host.handle(request).await;
            let new = home.published.messages().split_off(before);
            let answer = new.iter().find(|message| message.topic.ends_with("/response/circuit/list")).unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
            assert_eq!(answer["status"], status, "{answer}");
            let theirs = new.iter().filter(|message| message.topic == topic).count();
            assert_eq!(theirs, usize::from(status == "ok"));
        }
    }

    /// mosquitto with access lists: an answer to where the host may not publish costs no connection, and a message of the
    /// host's own that is refused does not either, nor is it tried again.
    ["S3"] a_refused_topic_costs_nothing_at_mosquitto {
        let acl = "topic readwrite vehicle-connector/#\ntopic deny vehicle-connector/secret\n";
        let Some((broker, _acl)) = with_acl(acl).await else { return };
        let (publisher, mut events) = connect(options(broker.port)).unwrap();
        assert_eq!(up(&mut events).await, Version::V5);
        publisher.subscribe(&["vehicle-connector/probe"]).await.unwrap();
        for round in 0..3 {
            publisher.publish(Outgoing::new("elsewhere/resp", "answer").foreign()).await.unwrap();
            publisher.publish(Outgoing::new("vehicle-connector/secret", "own")).await.unwrap();
            let text = round.to_string();
            publisher.publish(Outgoing::new("vehicle-connector/state", text.clone()).retained()).await.unwrap();
            broker.publish(&["-t", "vehicle-connector/probe", "-m", &text]);
            // Whatever a refusal does to the connection it has done before this.
            let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
            let Event::Message(message) = event else { panic!("{event:?}") };
            assert_eq!(message.payload, text.as_bytes());
            assert_eq!(broker.retained("vehicle-connector/state"), format!("{text}\n"));
        }
    }

    /// A broker that hangs up because of a topic that a caller chose does so once: that topic is left alone, others are not;
    /// and who chooses a new topic each time ends three connections at most.
    ["S3"] a_topic_that_ends_the_connection_ends_it_once {
        let (listener, port) = mqtt::listener().await;
        let (publisher, mut events) = connect(options(port)).unwrap();
        let mut peer = Peer::welcome(&listener).await;
        publisher.publish(Outgoing::new("theirs", "1").foreign()).await.unwrap();
        let (first, _) = peer.packet().await;
        assert_eq!(first, 0x30, "at most once, not retained");
        drop(peer);
        while !matches!(timeout(PATIENCE, events.next()).await.unwrap(), Some(Event::Disconnected { .. })) {}
        for topic in ["theirs", "other", "own"] {
            let message = Outgoing::new(topic, "2");
            publisher.publish(if topic == "own" { message } else { message.foreign() }).await.unwrap();
        }
        let mut peer = Peer::welcome(&listener).await;
        let topics = [peer.packet().await.1, peer.packet().await.1].map(|body| body[2..5].to_vec());
        assert_eq!(topics, [b"oth".to_vec(), b"own".to_vec()]);
    }

    /// A message that is not acknowledged ends the connection in time, by a reason that names its topic; afterwards everything
    /// else goes on. In both versions.
    ["FC-45", "K22"] a_topic_without_acknowledgement_holds_nothing_up {
        for (version, connack) in [(Version::V5, &[0x20, 3, 0, 0, 0][..]), (Version::V4, &[0x20, 2, 0, 0])] {
            let (listener, port) = mqtt::listener().await;
            let mut options = options(port);
            (options.version, options.acknowledge_within) = (version, Duration::from_secs(1));
            let (publisher, mut events) = connect(options).unwrap();
            let mut peer = Peer::accept(&listener).await;
            peer.level().await;
            peer.send(connack).await;
            up(&mut events).await;
            publisher.publish(Outgoing::new("mute", "1")).await.unwrap();
            assert_eq!(peer.packet().await.0, mqtt::PUBLISH_QOS1);
            // Alive, as it says when it is asked, and silent about this.
            assert_eq!(peer.packet().await.0, mqtt::PING);
            peer.send(&[0xD0, 0]).await;
            let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
            let Event::Disconnected { reason } = event else { panic!("{event:?}") };
            assert_eq!(reason, "the broker has not acknowledged a message on mute for 1 s");

            publisher.publish(Outgoing::new("good", "2")).await.unwrap();
            let mut peer = Peer::accept(&listener).await;
            peer.level().await;
            peer.send(connack).await;
            // The mute one leaves again, and is not waited for.
            let (mute, body) = peer.packet().await;
            assert_eq!((mute, &body[2..6]), (0x30, &b"mute"[..]));
            assert_eq!(peer.packet().await.0, mqtt::PUBLISH_QOS1);
        }
    }

    /// A broker that says nothing at all says nothing about a topic either: what was under way leaves again, and is asked for
    /// again.
    ["FC-45", "K22"] an_outage_costs_no_topic_its_guarantee {
        let (listener, port) = mqtt::listener().await;
        let mut options = options(port);
        options.acknowledge_within = Duration::from_secs(1);
        let (publisher, mut events) = connect(options).unwrap();
        let mut peer = Peer::welcome(&listener).await;
        up(&mut events).await;
        publisher.publish(Outgoing::new("state", "1")).await.unwrap();
        assert_eq!(peer.packet().await.0, mqtt::PUBLISH_QOS1);
        while !matches!(timeout(PATIENCE, events.next()).await.unwrap(), Some(Event::Disconnected { .. })) {}
        let mut peer = Peer::welcome(&listener).await;
        assert_eq!(peer.packet().await.0, mqtt::PUBLISH_QOS1);
    }

    /// However much waits, and whatever the broker does, the end takes a few seconds.
    ["S9"] a_mute_broker_does_not_keep_the_host_from_ending {
        let (listener, port) = mqtt::listener().await;
        let config = testkit::configuration("http://127.0.0.1:1", &"A".repeat(48), "1234");
        let config = config::Mqtt { host: "127.0.0.1".into(), port, ..config.mqtt };
        let bridge = Bridge::connect(&config).unwrap();
        let _peer = Peer::welcome(&listener).await;
        for number in 0..2_000 {
            bridge.publisher().publish(Outgoing::new(format!("t/{number}"), "x"));
        }
        let closing = Instant::now();
        bridge.close().await;
        assert!(closing.elapsed() < Duration::from_secs(5), "{:?}", closing.elapsed());
    }

    /// What was retained while the host was away is cleared, answered and not done; on MQTT 5, with a real broker.
    ["FC-48"] a_command_that_was_retained_meanwhile_is_cleared_and_answered {
        let Some(mut house) = House::start("").await else { return };
        let topic = "vehicle-connector/vehicle/niro/cmd/lock";
        let payload = r#"{"id":"kept","action":"unlock"}"#;
        house.broker.publish(&["-V", "5", "-q", "1", "-r", "-t", topic, "-m", payload]);
        let _host = house.host().await;
        let report = house.ended("kept").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::RetainedCommand)));
        assert_eq!(house.broker.retained(topic), "", "cleared");
        assert_eq!(house.cloud.control().counters().total_actuations(), 0);
    }

    /// The broker is told that a command has arrived when it is on the disk, and not before.
    ["S8"] a_command_is_acknowledged_when_it_is_durable {
        let (listener, port) = mqtt::listener().await;
        let home = RealHome::start().await;
        let config = home.configuration(port);
        let mut bridge = Bridge::connect(&config.mqtt).unwrap();
        let gate = Arc::new(Gate::over(MemoryStore::default()));
        let environment = Environment::new(gate.clone(), Arc::new(SystemClock::start()), bridge.publisher());
        // Both at once: a client is not kept waiting while the host compiles its plugins.
        let (host, mut peer) = tokio::join!(Host::start(&config, environment), Peer::welcome(&listener));
        let host = host.unwrap();
        let serving = tokio::spawn(async move { bridge.serve(&host, |_| {}).await });
        let (first, subscription) = peer.packet().await;
        assert_eq!(first, mqtt::SUBSCRIBE);
        peer.send(&[0x90, 7, subscription[0], subscription[1], 0, 1, 1, 1, 1]).await;
        gate.close();
        peer.command(7, "vehicle-connector/vehicle/niro/cmd/lock", r#"{"id":"one"}"#).await;
        gate.waits().await;
        // A refused one that came later is not acknowledged before it either: the order is the broker's.
        peer.command(8, "vehicle-connector/vehicle/niro/cmd/lock", "nonsense").await;
        peer.answer_all_until(|_, body| body.ends_with(b"online")).await;
        assert_eq!(peer.acknowledged, [0_u16; 0]);
        gate.open();
        peer.answer_all_until(|first, body| first == 0x40 && body[..2] == [0, 8]).await;
        assert_eq!(peer.acknowledged, [7, 8]);
        serving.abort();
    }

    /// What the host has in hand when nobody serves it any more, it deals with before it has stopped: the broker is told that
    /// it has arrived.
    ["S8"] what_is_in_hand_when_the_host_stops_is_answered {
        let home = RealHome::start().await;
        let gate = Arc::new(Gate::over(MemoryStore::default()));
        let environment = Environment { store: gate.clone(), ..home.environment.clone() };
        let host = Host::start(&home.configuration(1), environment).await.unwrap();
        gate.close();
        // A read, which has a result from this host however little time is left.
        let topic = format!("vehicle-connector/vehicle/{}/cmd/refresh_cached", LEGACY.0);
        let good = Request { topic, ..asking(r#"{"id":"good"}"#, "a") };
        let batch = vec![good, asking(r#"{"id":"bad","action":"fly"}"#, "b")];
        let taking = tokio::spawn({
            let host = Arc::clone(&host);
            async move { host.handle_all(batch).await }
        });
        gate.waits().await;
        taking.abort();
        assert!(taking.await.unwrap_err().is_cancelled());
        tokio::join!(host.stop(), async { gate.open() });
        for id in ["good", "bad"] {
            assert_eq!(home.finals(LEGACY.0, id).len(), 1, "{id}");
        }
    }

    /// The same of what there was no room for, which has no command that stopping would wait for.
    ["S8"] what_is_refused_when_the_host_stops_is_answered {
        in_virtual_time(async || {
            let home = VirtualHome::start().await;
            let topic = format!("vehicle-connector/vehicle/{}/cmd/lock", LEGACY.0);
            let refused = Refused {
                topic,
                id: Some("full".to_owned()),
                retained: false,
                respond_to: None,
                delivery: None,
                hold: None,
            };
            let mut taking = Box::pin(home.host.take_in(Vec::new(), vec![refused]));
            assert!(futures_util::poll!(&mut taking).is_pending());
            drop(taking);
            home.host.stop().await;
            assert_eq!(home.finals(LEGACY.0, "full").len(), 1);
        });
    }

    /// Both copies of a command that the broker has delivered twice may arrive in one batch. Without an identifier of its own too
    /// it is done once.
    ["S8"] two_copies_in_one_batch_are_one_command {
        let home = RealHome::start().await;
        home.settle().await;
        let lock = |again| {
            let request = Request { respond_to: None, ..asking("LOCK", "") };
            Request { delivery: Some(Delivery::of(7, again, &request.topic, &request.payload)), ..request }
        };
        home.host.handle_all(vec![lock(false), lock(true)]).await;
        // Each command that was begun has said so by now.
        let messages = home.published.messages();
        let own = messages.iter().filter_map(|message| message.topic.split_once("/niro/action/"));
        let begun: BTreeSet<_> = own.map(|(_, id)| id).filter(|id| *id != "last").collect();
        assert_eq!(begun.len(), 1, "{begun:?}");
    }

    /// What the broker delivers twice is done once, with an identifier of its own or without, also after a restart.
    ["S8"] a_command_that_is_delivered_again_is_not_done_again {
        let mut home = RealHome::start().await;
        home.settle().await;
        let simulator::Config { refresh_token, pin, .. } = simulator::Config::default();
        let lock = |again| {
            let request = Request { respond_to: None, ..asking("LOCK", "") };
            Request { delivery: Some(Delivery::of(7, again, &request.topic, &request.payload)), ..request }
        };
        home.host.handle(lock(false)).await;
        let report = home.any_ended(LEGACY.0).await;
        assert_eq!(report.state, State::Succeeded);
        home.host.handle(lock(true)).await;
        home.restart(&refresh_token, &pin).await;
        home.host.handle(lock(true)).await;
        let counters = home.control().counters();
        assert_eq!(counters.total_actuations(), 1);
        assert_eq!(home.finals(LEGACY.0, &report.id).len(), 3, "its result, each time");
        // The same word again from the same sender is another command.
        home.host.handle(lock(false)).await;
        home.control().wait_until(|counters| counters.total_actuations() == 2).await;
    }

    /// What was rejected because of a full queue is not done when the broker delivers it again, after a crash: it would have
    /// two results. Its sender may send it again.
    ["S8"] what_was_rejected_is_not_done_when_it_is_delivered_again {
        let mut home = RealHome::start().await;
        home.settle().await;
        home.control().inject(Fault::new(RouteKind::Any, Effect::Hold).forever());
        let send = async |home: &RealHome, id: &str, again| {
            let request = Request { respond_to: None, ..asking(&format!(r#"{{"id":"{id}"}}"#), "") };
            let packet = id.len() as u16;
            let delivery = Delivery::of(packet, again, &request.topic, &request.payload);
            home.host.handle(Request { delivery: Some(delivery), ..request }).await;
        };
        send(&home, "first", false).await;
        home.control().wait_until(|counters| counters.held == 1).await;
        for number in 0..16 {
            send(&home, &format!("waits-{number}"), false).await;
        }
        send(&home, "too-much", false).await;
        assert_eq!(home.ended(LEGACY.0, "too-much").await.reason, Some(Reason::Busy));
        home.control().clear_faults();
        home.control().release();
        home.restart_configured(|_| {}).await.unwrap();
        let acts = home.control().counters().total_actuations();
        send(&home, "too-much", true).await;
        let finals = home.published.reports("vehicle-connector/vehicle/niro/action/too-much");
        assert!(finals.iter().all(|report| report.reason == Some(Reason::Busy)), "{finals:?}");
        send(&home, "too-much", false).await;
        home.control().wait_until(|counters| counters.total_actuations() == acts + 1).await;
    }

    /// A final result that the broker may not have is said again by the next start.
    ["S8"] a_result_that_was_not_published_is_published_by_the_next_start {
        let mut home = RealHome::start().await;
        home.settle().await;
        let report = home.command(LEGACY.0, "lock", "").await;
        let store = Arc::clone(&home.environment.store);
        assert_eq!(store.list(Kind::Unpublished).await.unwrap().len(), 0);
        // As if the host had been killed between the disk and the broker.
        let key = format!("niro/{}", report.id);
        let write = vehicle_connector::store::Write { kind: Kind::Unpublished, key, value: Some(Vec::new()) };
        store.commit(vec![write]).await.unwrap();
        let before = home.published.messages().len();
        home.restart_configured(|_| {}).await.unwrap();
        let said = home.published.messages().split_off(before);
        let said: Vec<_> = said.iter().filter(|message| message.topic.ends_with(&report.id)).collect();
        assert_eq!(said.len(), 1);
        assert_eq!(store.list(Kind::Unpublished).await.unwrap().len(), 0);
    }

    /// What is said again is not the last action if a later command is known: the broker has kept that.
    ["S8"] a_result_that_is_said_again_is_not_the_last_action_again {
        let mut home = RealHome::start().await;
        home.settle().await;
        let earlier = home.command(LEGACY.0, "lock", "").await;
        let later = home.command(LEGACY.0, "lock", "").await;
        let last = "vehicle-connector/vehicle/niro/action/last";
        for (id, expected) in [(&earlier.id, false), (&later.id, true)] {
            let key = format!("niro/{id}");
            let write = vehicle_connector::store::Write { kind: Kind::Unpublished, key, value: Some(Vec::new()) };
            home.environment.store.commit(vec![write]).await.unwrap();
            let before = home.published.messages().len();
            home.restart_configured(|_| {}).await.unwrap();
            let said = home.published.messages().split_off(before);
            assert!(said.iter().any(|message| message.topic.ends_with(id)), "it is said again");
            // What the one before says last may only come now.
            let is_last = |message: &Outgoing| {
                message.topic == last && String::from_utf8_lossy(&message.payload).contains(id)
            };
            assert_eq!(said.iter().any(is_last), expected, "{id}");
        }
    }

    /// A flood for one car is answered to its last command and delays nothing for the other. The full size by
    /// `burst_of_fifty_thousand`.
    ["S8"] a_burst_for_one_car {
        burst(2_000, PATIENCE, u64::MAX).await;
    }

    /// `cargo test --workspace --test integration -- --ignored burst_of_fifty_thousand`.
    #[ignore = "takes half a minute, and `.ci/run` runs it"]
    ["S8"] burst_of_fifty_thousand {
        burst(50_000, Duration::from_secs(2), 100 * 1024).await;
    }

    /// Killed again and again: each command that the broker took has one final result, and none is done twice. The full size
    /// by `a_hundred_kills`.
    ["S8"] kills_under_load {
        kills(3, 60).await;
    }

    /// `cargo test --workspace --test integration -- --ignored a_hundred_kills`.
    #[ignore = "takes minutes, and `.ci/run` runs it"]
    ["S8"] a_hundred_kills {
        kills(100, 500).await;
    }
}

/// Sends a burst of reads with identifiers for one car, and one for the other behind it.
async fn burst(count: usize, longest_wait: Duration, most_kib: u64) {
    let Some(mut house) = House::start("max_queued_messages 0").await else { return };
    let _host = house.host().await;
    let ids: Vec<String> = (0..count).map(|number| format!("burst-{number}")).collect();
    let sending = sent_at_once(house.broker.port, "niro", ids.clone());
    tokio::pin!(sending);
    // When half of it is with the broker.
    let other = house.other_car_after(&ids[count / 2]);
    let ((), waited) = tokio::join!(sending, other);
    assert!(waited < longest_wait, "the other car's read took {waited:?}");
    let finals = house.finals_of(&ids).await;
    let wrong: BTreeMap<_, _> = finals.iter().filter(|(_, finals)| finals.len() != 1).collect();
    assert!(wrong.is_empty(), "{} of {count} have not one result: {wrong:?}", wrong.len());
    let resident = house.resident_kib();
    println!("{count} messages; the other car's read took {waited:?}; resident {} MiB", resident / 1024);
    assert!(resident < most_kib, "{resident} KiB");
}

/// Kills the host under load and counts.
async fn kills(kills: usize, commands: usize) {
    let Some(mut house) = House::start("").await else { return };
    let mut host = house.host().await;
    let ids: Vec<String> = (0..commands).map(|number| format!("kill-{number}")).collect();
    let each = commands.div_ceil(kills);
    for (round, ids) in ids.chunks(each).enumerate() {
        for id in ids {
            house.lock(id).await;
        }
        // At another moment each time: after some of them have begun.
        house.begun(&ids[round % ids.len()]).await;
        host.kill().await.unwrap();
        host = house.host().await;
    }
    let finals = house.finals_of(&ids).await;
    let states = |id: &String| finals[id].iter().map(|report| report.state).collect::<Vec<_>>();
    let wrong: Vec<_> = ids
        .iter()
        .filter(|id| {
            let mut states = states(id);
            // QoS 1: the same result may arrive twice.
            states.dedup();
            states.len() != 1
        })
        .map(|id| (id, states(id)))
        .collect();
    assert!(wrong.is_empty(), "{} of {commands} have not one result: {wrong:?}", wrong.len());
    let count = |state| ids.iter().filter(|id| states(id)[0] == state).count();
    let (done, unknown) = (count(State::Succeeded), count(State::Unknown));
    let acted = house.cloud.control().counters().actuations_of(LEGACY.1, simulator::ActionKind::Lock);
    println!("{kills} kills, {commands} commands: {done} succeeded, {unknown} unknown, {acted} acts");
    assert!((done..=done + unknown).contains(&usize::try_from(acted).unwrap()), "{acted} acts");
}
