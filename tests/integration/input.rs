//! Input that is not understood, not known or not allowed: it gets one result with a reason, and no request.

use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::config::Selector;
use vehicle_connector::host::Request;
use vehicle_connector::wire::message::{Outgoing, RespondTo};
use vehicle_connector::wire::outcome::{Reason, State};

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_rejected_with_a_reason_and_without_a_request() {
    let cases: Vec<(&str, &str, Vec<u8>, Reason)> = vec![
        ("niro", "lock", b"{\"action\":".to_vec(), Reason::BadPayload),
        ("niro", "lock", b"{\"acton\":\"lock\"}".to_vec(), Reason::BadPayload),
        ("niro", "lock", b"EXPLODE".to_vec(), Reason::BadPayload),
        ("niro", "lock", b"\xff\xfe".to_vec(), Reason::BadPayload),
        ("niro", "lock", vec![b'x'; 100_000], Reason::BadPayload),
        ("niro", "lock", b"[1,2]".to_vec(), Reason::BadPayload),
        ("niro", "self_destruct", b"NOW".to_vec(), Reason::UnknownOperation),
        ("stranger", "lock", b"LOCK".to_vec(), Reason::UnknownVehicle),
        ("ev6", "lock", b"UNLOCK".to_vec(), Reason::NotAllowed),
    ];
    for (vehicle, operation, payload, reason) in cases {
        let home = RealHome::start().await;
        home.settle().await;
        let shown = String::from_utf8_lossy(&payload).chars().take(40).collect::<String>();
        home.send(vehicle, operation, payload).await;
        let report = home.any_ended(vehicle).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(reason)), "{shown}: {report:?}");
        assert!(report.message.is_some_and(|message| !message.is_empty()), "{shown}");
        assert_eq!(home.control().counters().requests, 0, "{shown}");

        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Succeeded, "the host runs on after {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_told_with_the_word_and_the_place() {
    let home = RealHome::start().await;
    home.settle().await;
    home.send(LEGACY.0, "climate", r#"{"id":"cold","action":"start"}"#).await;
    let report = home.ended(LEGACY.0, "cold").await;
    assert_eq!(report.reason, Some(Reason::NotAllowed), "{report:?}");
    let detail = "start_climate is not allowed; add \"climate\" to `allow` in [vehicle.niro]";
    assert!(report.message.as_deref().is_some_and(|message| message.contains(detail)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_others_are_ignored() {
    let home = RealHome::start().await;
    home.settle().await;
    for topic in
        ["", "x", "vehicle-connector/vehicle/niro/state", "vehicle-connector/vehicle/niro/cmd/lock/now"]
    {
        home.host.handle(Request { topic: topic.to_owned(), ..Request::default() }).await;
    }
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded);
    assert!(!home.published.messages().iter().any(|message| message.topic.contains("/x/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_command_is_cleared_and_not_done() {
    let home = RealHome::start().await;
    home.settle().await;
    let topic = "vehicle-connector/vehicle/niro/cmd/lock".to_owned();
    let request =
        Request { topic: topic.clone(), payload: b"LOCK".to_vec(), retained: true, ..Request::default() };
    home.host.handle(request).await;
    let report = home.any_ended(LEGACY.0).await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::RetainedCommand)));
    assert!(home.published.messages().iter().any(|m| m.topic == topic && m.retain && m.payload.is_empty()));
    assert_eq!(home.control().counters().requests, 0);

    // The broker sends the clearing to the host as well, and one that speaks 3.1.1 does not say that it is one.
    let before = home.published.messages().len();
    for retained in [true, false] {
        home.host.handle(Request { topic: topic.clone(), retained, ..Request::default() }).await;
    }
    assert_eq!(home.published.messages().len(), before);
    assert_eq!(home.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_an_id_repeats_the_result_and_not_the_act() {
    let home = RealHome::start().await;
    home.settle().await;
    let payload = br#"{"id":"once","action":"lock"}"#;
    for _ in 0..3 {
        home.send(LEGACY.0, "lock", payload.to_vec()).await;
    }
    let first = home.ended(LEGACY.0, "once").await;
    assert_eq!(first.state, State::Succeeded);
    home.send(LEGACY.0, "lock", payload.to_vec()).await;

    let reports = home.published.reports("vehicle-connector/vehicle/niro/action/once");
    let finals: Vec<_> = reports.iter().filter(|report| report.state.is_final()).collect();
    assert_eq!(finals.len(), 2, "one result, and its repetition for the late repeat: {finals:?}");
    assert_eq!(finals[0], finals[1]);
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_does_not_answer_under_the_id_of_another_command() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold));
    home.send(LEGACY.0, "lock", br#"{"id":"mine"}"#.to_vec()).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    home.send(LEGACY.0, "lock", br#"{"id":"mine","acton":"unlock"}"#.to_vec()).await;
    home.control().release();
    let report = home.ended(LEGACY.0, "mine").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let rejected = |message: &Outgoing| {
        let report: vehicle_connector::wire::report::Report =
            serde_json::from_slice(&message.payload).ok()?;
        (report.reason == Some(Reason::BadPayload)).then_some(report.id)
    };
    let id = home.published.find(|messages| messages.iter().find_map(rejected)).await;
    assert_ne!(id, "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_reported_and_one_is_final() {
    let home = RealHome::start().await;
    home.settle().await;
    let report = home.command(CCS2.0, "lock", "").await;
    let steps = home.published.reports(&format!("vehicle-connector/vehicle/ev6/action/{}", report.id));
    let states: Vec<State> = steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [State::Accepted, State::Sent, State::Pending, State::Succeeded]);
    let expected = serde_json::to_vec(&report).unwrap();
    let last =
        |message: &Outgoing| message.topic.ends_with("/ev6/action/last") && message.payload == expected;
    home.published.find(|messages| messages.iter().any(last).then_some(())).await;
    assert!(report.upstream_action_id.is_some() && report.finished_at.is_some() && report.sent_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_an_answer_gets_the_result_with_the_correlation() {
    let home = RealHome::start().await;
    home.settle().await;
    let respond_to = RespondTo { topic: "my/answers".to_owned(), correlation: Some(vec![1, 2, 3]) };
    for payload in [b"PRESS".to_vec(), b"nonsense".to_vec()] {
        let request = Request {
            topic: "vehicle-connector/vehicle/niro/cmd/refresh_cached".to_owned(),
            payload,
            retained: false,
            respond_to: Some(respond_to.clone()),
            ..Request::default()
        };
        home.host.handle(request).await;
    }
    let answers = home.published.find(|messages| {
        let answers: Vec<_> =
            messages.iter().filter(|message| message.topic == "my/answers").cloned().collect();
        (answers.len() == 2).then_some(answers)
    });
    assert!(answers.await.iter().all(|answer| answer.correlation.as_deref() == Some(&[1, 2, 3])));
}

#[tokio::test(start_paused = true)]
async fn a_car_that_the_account_does_not_have_is_answered_with_those_that_it_has() {
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        for vehicle in config.vehicles.values_mut() {
            vehicle.selector = Selector::Name("Legacy cat".to_owned());
        }
    })
    .await;
    let report = home.read().await;
    assert_eq!(report.reason, Some(Reason::UnknownVehicle), "{report:?}");
    let message = report.message.unwrap();
    assert!(message.contains(r#""Legacy car" ("#) && message.contains(r#""CCS2 car" ("#), "{message}");
}
