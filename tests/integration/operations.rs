//! All operations, on both generations of car: what they check, what they learn, and what they tell.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// What can be commanded: the operation, its topic, and a payload.
pub(crate) const OPERATIONS: [(&str, &str, &str); 12] = [
    ("refresh_cached", "refresh_cached", "PRESS"),
    ("refresh_smart", "refresh_smart", "300"),
    ("refresh_force", "refresh_force", "PRESS"),
    ("lock", "lock", "LOCK"),
    ("unlock", "lock", "UNLOCK"),
    ("start_climate", "climate", r#"{"action":"start","set_temp":21.5,"duration_min":10}"#),
    ("stop_climate", "climate", "off"),
    ("set_windows", "windows", "vent"),
    ("open_charge_port", "charge_port", "OPEN"),
    ("close_charge_port", "charge_port", "CLOSE"),
    ("set_charging_current", "charging_current", "90 %"),
    ("check_action_status", "action_status", "LAST"),
];

/// A home where everything is allowed, whose cloud does not mind that its clock runs ahead.
pub(crate) async fn home() -> RealHome {
    let cloud = simulator::Config { access_token_lifetime: Duration::from_secs(86_400), ..patient_cloud() };
    RealHome::permissive(cloud).await
}

/// Sends a command and waits for its final report, by operation: these words carry no identifier.
pub(crate) async fn run(
    home: &RealHome,
    slug: &str,
    (operation, topic, payload): (&str, &str, &str),
) -> Report {
    let before = home.published.messages().len();
    home.send(slug, topic, payload).await;
    let prefix = format!("vehicle-connector/vehicle/{slug}/action/");
    home.published
        .find(|messages| {
            messages[before..].iter().find_map(|message| {
                let report: Report = serde_json::from_slice(&message.payload).ok()?;
                let wanted = report.op == operation && report.state.is_final();
                // `action/last` may still speak of the command before.
                let own = message.topic.strip_prefix(&prefix) == Some(report.id.as_str());
                (own && wanted).then_some(report)
            })
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_refresh_token_is_used_once_by_eight_at_once() {
    let home = Arc::new(
        RealHome::with(simulator::Config { rotate_refresh_token: true, ..Default::default() }).await,
    );
    home.settle().await;
    home.control().expire_when_in_flight(8);
    let reads = (0..8).map(|_| home.command(LEGACY.0, "refresh_cached", ""));
    for report in futures_util::future::join_all(reads).await {
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    let counters = home.control().counters();
    assert_eq!((counters.grants_asked, counters.refused_grants), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_checked_before_anything_is_sent() {
    let home = home().await;
    home.settle().await;
    let climate = |options: &str| format!(r#"{{"action":"start",{options}}}"#);
    for (payload, value, range) in [
        (climate(r#""set_temp":21.3"#), "21.3 ", "14 and 31.5"),
        (climate(r#""set_temp":40"#), "40", "14 and 31.5"),
        (climate(r#""duration_min":0"#), "0", "1 to 30"),
        (climate(r#""heating":9"#), "9", "0 to 4"),
        (climate(r#""seats":{"fl":99}"#), "99", "0 to 8"),
    ] {
        let before = home.control().counters().requests;
        let report = run(&home, CCS2.0, ("start_climate", "climate", &payload)).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::BadPayload)), "{report:?}");
        let message = report.message.unwrap();
        assert!(message.contains(value) && message.contains(range), "{payload}: {message}");
        assert_eq!(home.control().counters().requests, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_car_does_not_have_is_published_and_refused_without_a_request() {
    let home = home().await;
    home.settle().await;
    let topic = format!("vehicle-connector/vehicle/{}/capabilities", LEGACY.0);
    let messages = home.published.messages();
    let capabilities = messages.iter().rfind(|message| message.topic == topic).unwrap();
    let capabilities: Value = serde_json::from_slice(&capabilities.payload).unwrap();
    for (operation, _, _) in OPERATIONS {
        assert_eq!(capabilities[operation], operation != "set_charging_current", "{operation}");
    }
    let report = run(&home, LEGACY.0, OPERATIONS[10]).await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Unsupported)), "{report:?}");
    assert_eq!((report.upstream_calls, home.control().counters().requests), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_car_turns_out_not_to_have_is_learned_and_published() {
    let home = home().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::unsupported()));
    let report = run(&home, CCS2.0, OPERATIONS[7]).await;
    assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::Unsupported)), "{report:?}");
    let capabilities = |messages: &[Outgoing]| {
        let last = messages.iter().rfind(|message| message.topic.ends_with("/ev6/capabilities"))?;
        serde_json::from_slice::<Value>(&last.payload).ok()
    };
    let published = home.published.find(capabilities).await;
    assert_eq!(published["set_windows"], "learned_unsupported");
    assert_eq!((&published["lock"], &published["set_charging_current"]), (&true.into(), &true.into()));

    let before = home.control().counters().requests;
    let report = run(&home, CCS2.0, OPERATIONS[7]).await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Unsupported)), "{report:?}");
    assert_eq!(home.control().counters().requests, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_car_is_waited_for_and_no_circuit_minds() {
    let home = home().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::duplicate()));
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);

    // Refused far more often in a row than what opens a circuit.
    home.control().inject(Fault::new(RouteKind::Status, Effect::duplicate()).forever());
    let reads = (0..8).map(|_| home.command(LEGACY.0, "refresh_cached", ""));
    for report in futures_util::future::join_all(reads).await {
        assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::Busy)), "{report:?}");
    }
    home.control().clear_faults();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_says_where_it_comes_from_and_when_a_car_did_not_answer() {
    let home = home().await;
    home.settle().await;
    let latest = |slug: &str| {
        let topic = format!("vehicle-connector/vehicle/{slug}/state");
        let messages = home.published.messages();
        let last = messages.iter().rfind(|message| message.topic == topic).unwrap();
        serde_json::from_slice::<Value>(&last.payload).unwrap()
    };
    for (slug, _) in [LEGACY, CCS2] {
        run(&home, slug, OPERATIONS[0]).await;
        let state = latest(slug);
        assert!(state["soc_percent"].is_number() && state["meta"]["source"] == "cached", "{state}");
    }

    // Asked, and silent: what is known is still there, and says that it is old.
    home.control().set_reachable(LEGACY.1, false);
    let report = run(&home, LEGACY.0, OPERATIONS[2]).await;
    assert_ne!(report.state, State::Succeeded, "{report:?}");
    let state = latest(LEGACY.0);
    assert_eq!(state["meta"]["stale"], true, "{state}");
    assert!(state["soc_percent"].is_number());

    home.control().set_reachable(LEGACY.1, true);
    let report = run(&home, LEGACY.0, OPERATIONS[2]).await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(
        (&latest(LEGACY.0)["meta"]["source"], &latest(LEGACY.0)["meta"]["stale"]),
        (&"vehicle".into(), &false.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_that_answered_is_not_called_stale_because_somebody_else_heard_it_first() {
    let home = home().await;
    home.settle().await;
    let latest = || {
        let messages = home.published.messages();
        let last = messages.iter().rfind(|message| message.topic.ends_with("/niro/state")).unwrap();
        serde_json::from_slice::<Value>(&last.payload).unwrap()["meta"].clone()
    };
    // As times and not as texts: with a fraction of a second a later one comes first.
    let vehicle_time = || latest()["vehicle_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    run(&home, LEGACY.0, OPERATIONS[0]).await;
    let before = vehicle_time();
    // The vehicle's times are whole seconds: in the cloud, the next one begins.
    home.control().set_clock_ahead(2);
    home.control().inject(Fault::new(RouteKind::ForcedStatus, Effect::Hold).after_acting());
    home.send(LEGACY.0, "refresh_force", r#"{"id":"asked"}"#).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    run(&home, LEGACY.0, OPERATIONS[0]).await;
    assert!(vehicle_time() > before, "the cloud has heard it");
    home.control().release();
    assert_eq!(home.ended(LEGACY.0, "asked").await.state, State::Succeeded);
    assert_eq!((&latest()["source"], &latest()["stale"]), (&"vehicle".into(), &false.into()));
}
