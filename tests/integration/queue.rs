//! Order, places, and what happens when the host stops or a circuit is open.

use std::sync::Arc;
use std::time::Duration;

use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::bridge::Bridge;
use vehicle_connector::config::Config;
use vehicle_connector::demo::Broker;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::mqtt::{self, Event, Options, Version, Will};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};

fn payload(id: &str) -> Vec<u8> {
    format!(r#"{{"id":"{id}"}}"#).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_keep_their_order_and_a_newer_one_takes_the_place_of_an_older() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold));
    home.send(LEGACY.0, "lock", payload("first")).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    home.send(LEGACY.0, "unlock", payload("second")).await;
    home.send(LEGACY.0, "lock", payload("third")).await;
    home.control().release();

    let second = home.ended(LEGACY.0, "second").await;
    assert_eq!((second.state, second.reason), (State::Rejected, Some(Reason::Superseded)), "{second:?}");
    for id in ["first", "third"] {
        let report = home.ended(LEGACY.0, id).await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }
    let counters = home.control().counters();
    assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Lock), 2);
    assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Unlock), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_bounded_and_reads_do_not_take_the_places_of_commands() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Any, Effect::Hold).forever());
    home.send(LEGACY.0, "lock", payload("on-its-way")).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    for n in 0..30 {
        home.send(LEGACY.0, "refresh_cached", payload(&format!("read-{n}"))).await;
    }
    for n in 0..17 {
        home.send(LEGACY.0, "lock", payload(&format!("lock-{n}"))).await;
    }
    let last = home.ended(LEGACY.0, "lock-16").await;
    assert_eq!((last.state, last.reason), (State::Rejected, Some(Reason::Busy)), "{last:?}");
    assert!(last.retryable);
    home.control().clear_faults();
    home.control().release();
    // The one without a place has not taken that of the others.
    let newest = home.ended(LEGACY.0, "lock-15").await;
    assert_eq!(newest.state, State::Succeeded, "{newest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_gives_every_command_its_result_or_leaves_it_to_the_next() {
    let mut home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold).after_acting());
    home.send(LEGACY.0, "lock", payload("sent")).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    home.send(LEGACY.0, "unlock", payload("waiting")).await;
    home.control().inject(Fault::new(RouteKind::Status, Effect::Hold));
    home.send(LEGACY.0, "refresh_cached", payload("read")).await;
    home.control().wait_until(|counters| counters.held == 2).await;
    home.host.stop().await;

    let read = home.ended(LEGACY.0, "read").await;
    assert_eq!((read.state, read.reason), (State::Failed, Some(Reason::HostStopping)), "{read:?}");
    assert!(read.sent_at.is_some() && read.retryable, "{read:?}");
    assert!(read.message.as_deref().unwrap().contains("stopped before it was answered"), "{read:?}");
    let waiting = home.ended(LEGACY.0, "waiting").await;
    assert_eq!((waiting.state, waiting.reason), (State::Failed, Some(Reason::HostStopping)), "{waiting:?}");
    home.send(LEGACY.0, "lock", payload("late")).await;
    let late = home.ended(LEGACY.0, "late").await;
    assert_eq!((late.state, late.reason), (State::Rejected, Some(Reason::HostStopping)), "{late:?}");
    assert!(home.finals(LEGACY.0, "sent").is_empty(), "not this host's to say");

    home.restart_configured(|_| {}).await.unwrap();
    let sent = home.ended(LEGACY.0, "sent").await;
    // It was on its way, and in truth the car has acted.
    assert_eq!((sent.state, sent.reason), (State::Unknown, Some(Reason::HostStopping)), "{sent:?}");
    assert!(!sent.retryable && sent.sent_at.is_some(), "{sent:?}");
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_circuit_leaves_the_cloud_alone_and_a_read_finds_out_when_it_is_well() {
    let home = RealHome::with(patient_cloud()).await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Any, Effect::answer(500, "{}")).forever());
    let mut last = home.command(CCS2.0, "refresh_cached", "").await;
    for _ in 0..5 {
        last = home.command(CCS2.0, "refresh_cached", "").await;
    }
    assert_eq!(last.reason, Some(Reason::BreakerOpen), "{last:?}");
    let before = home.control().counters().requests;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BreakerOpen)), "{report:?}");
    assert_eq!(home.control().counters().requests, before);

    home.control().clear_faults();
    home.clock.advance(61);
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let counters = home.control().counters();
    assert_eq!((counters.actuations_of(LEGACY.1, ActionKind::Lock), counters.commands), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolated_cloud_is_left_alone_until_an_operator_closes_its_circuit() {
    let home = RealHome::start().await;
    home.settle().await;
    let clouds = home.host.circuits().next().unwrap();
    let name = clouds.statuses(home.clock.as_ref()).remove(0).circuit;
    clouds.isolate(&name).unwrap();
    let before = home.control().counters().requests;
    for operation in ["lock", "refresh_cached"] {
        let report = home.command(LEGACY.0, operation, "").await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Isolated)), "{report:?}");
        let message = report.message.unwrap();
        assert!(message.contains("operator isolated"), "{message}");
        assert!(message.contains(&format!("{{\"circuit\":\"{name}\"}}")), "{message}");
    }
    assert_eq!(home.control().counters().requests, before);
    clouds.close(&name).unwrap();
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

/// A broker that speaks 3.1.1 sends the host's own clearing of a retained command back to it, without the mark.
#[tokio::test(flavor = "multi_thread")]
async fn a_retained_unlock_on_an_old_broker_moves_nothing() {
    let home = RealHome::start().await;
    let broker = Broker::start_speaking(Version::V4).unwrap();
    broker.ready().await.unwrap();
    let text =
        testkit::configuration_text(&home.cloud.base_url(), &format!("mqtt://127.0.0.1:{}", broker.port()));
    let text = text.replace("[account.home]", "version = 4\n[account.home]");
    let secrets = |name: &str| match name {
        "PIN" => Some("1234".to_owned()),
        _ => Some(simulator::Config::default().refresh_token),
    };
    let config = Config::parse(&text, std::path::Path::new("test.toml"), &secrets).unwrap();

    let will = || Will { topic: "test/gone".to_owned(), payload: Vec::new(), retain: false };
    let somebody = Options { client_id: "somebody".to_owned(), ..config.mqtt.options(will()) };
    let (publisher, mut events) = mqtt::connect(somebody).unwrap();
    while !matches!(events.next().await, Some(Event::Connected { .. })) {}
    let topic = "vehicle-connector/vehicle/niro/cmd/unlock";
    publisher.publish(Outgoing::new(topic, "UNLOCK").retained()).await.unwrap();
    // Sees everything that the host sees, and what the host says.
    publisher.subscribe(&["vehicle-connector/#"]).await.unwrap();

    let mut bridge = Bridge::connect(&config.mqtt).unwrap();
    let environment = Environment { publisher: bridge.publisher(), ..home.environment.clone() };
    let host = Host::start(&config, environment).await.unwrap();
    let serving = tokio::spawn({
        let host = Arc::clone(&host);
        async move { bridge.serve(&host, |_| {}).await }
    });
    let mut cleared = false;
    let mut rejected = false;
    while !(cleared && rejected) {
        let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap();
        if let Some(Event::Message(message)) = event {
            cleared |= message.topic == topic && message.payload.is_empty();
            rejected |= message.topic.contains("/niro/action/")
                && String::from_utf8_lossy(&message.payload).contains("retained_command");
        }
    }
    // A command after the clearing has come back: whatever that was taken for is over by then.
    publisher
        .publish(Outgoing::new("vehicle-connector/vehicle/niro/cmd/lock", payload("after")))
        .await
        .unwrap();
    let after = "vehicle-connector/vehicle/niro/action/after";
    loop {
        let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap();
        let done = |text: &str| text.contains(r#""state":"succeeded""#);
        if matches!(&event, Some(Event::Message(m)) if m.topic == after && done(&String::from_utf8_lossy(&m.payload)))
        {
            break;
        }
    }
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 0);
    serving.abort();
}
