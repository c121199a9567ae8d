//! Preferences for the climate: stored by the host, and sent with the next start.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY};
use vehicle_connector::config::Config;
use vehicle_connector::descriptor::Takes;
use vehicle_connector::host::Request;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::{Reason, State};

const TOPIC: &str = "vehicle/niro/controls";

fn shown(home: &VirtualHome) -> [Value; 3] {
    let controls = home.retained(TOPIC);
    ["climate_temp", "climate_minutes", "climate_defrost"].map(|field| controls[field].clone())
}

/// Sends a bare word and returns the final report.
async fn prefer(home: &VirtualHome, topic: &str, word: &str) -> vehicle_connector::wire::report::Report {
    let before = home.messages().len();
    home.send(LEGACY.0, topic, word).await;
    let last = "vehicle-connector/vehicle/niro/action/last";
    let report = |message: &vehicle_connector::wire::message::Outgoing| {
        let report: vehicle_connector::wire::report::Report =
            serde_json::from_slice(&message.payload).ok()?;
        (message.topic == last && report.state.is_final()).then_some(report)
    };
    home.published.find(|messages| messages.iter().skip(before).find_map(report)).await
}

#[tokio::test(start_paused = true)]
async fn what_is_preferred_costs_no_request_and_is_sent_with_the_next_start() {
    let home = VirtualHome::start().await;
    let requests = home.control.log().len();
    for (topic, word) in [("climate_temp", "23.3"), ("climate_minutes", "15"), ("climate_defrost", "ON")] {
        let report = prefer(&home, topic, word).await;
        assert_eq!((report.state, &*report.op), (State::Succeeded, "prefer_climate"), "{report:?}");
        assert_eq!((report.upstream_calls, report.attempts, report.sent_at), (0, 0, None), "{report:?}");
    }
    assert_eq!(home.control.log().len(), requests, "nothing was asked");
    assert_eq!(shown(&home), [json!(23.5), json!(15), json!("ON")]);
    home.send(LEGACY.0, "climate", "auto").await;
    let car = home.published.until(|| home.control.vehicle(LEGACY.1).filter(|car| car.climate_on)).await;
    assert!(car.defrost && (car.temperature - 23.5).abs() < f64::EPSILON, "{car:?}");
    let minutes = |body: &Value| body["options"]["igniOnDuration"] == 15;
    assert!(home.control.log().iter().any(|entry| minutes(&entry.body)), "for so long");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_says_otherwise_has_what_it_says() {
    let home = VirtualHome::start().await;
    prefer(&home, "climate_temp", "23.5").await;
    prefer(&home, "climate_defrost", "ON").await;
    let report = home.command(LEGACY.0, "climate", r#""action":"start","set_temp":18,"defrost":false"#).await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let car = home.control.vehicle(LEGACY.1).unwrap();
    assert!(!car.defrost && (car.temperature - 18.0).abs() < f64::EPSILON, "{car:?}");
}

#[tokio::test(start_paused = true)]
async fn preferences_outlive_a_restart_and_can_be_forgotten() {
    let mut home = VirtualHome::start().await;
    prefer(&home, "climate_temp", "21").await;
    prefer(&home, "climate_minutes", "10").await;
    prefer(&home, "climate_defrost", "off").await;
    home.restart().await;
    home.host.announce("5");
    assert_eq!(shown(&home), [json!(21.0), json!(10), json!("OFF")]);
    for (topic, word) in [("climate_temp", "None"), ("climate_minutes", "0"), ("climate_defrost", "null")] {
        let report = prefer(&home, topic, word).await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }
    assert_eq!(shown(&home), [Value::Null, Value::Null, Value::Null]);
    home.restart().await;
    home.host.announce("5");
    assert_eq!(shown(&home), [Value::Null, Value::Null, Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_commands_hold_for_preferences() {
    let home = VirtualHome::start().await;
    for (topic, word, reason) in [
        ("climate_temp", "warm", Reason::BadPayload),
        ("climate_temp", "35", Reason::BadPayload),
        ("climate_minutes", "31", Reason::BadPayload),
        ("climate_minutes", "2.5", Reason::BadPayload),
        ("climate_defrost", "perhaps", Reason::BadPayload),
    ] {
        let report = prefer(&home, topic, word).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(reason)), "{word}: {report:?}");
    }
    // An identifier repeats its result, and what was asked for since stays.
    home.send(LEGACY.0, "climate_temp", r#"{"id":"a","value":20}"#).await;
    home.ended(LEGACY.0, "a").await;
    prefer(&home, "climate_temp", "22").await;
    home.send(LEGACY.0, "climate_temp", r#"{"id":"a","value":20}"#).await;
    home.published.until(|| (home.finals(LEGACY.0, "a").len() == 2).then_some(())).await;
    assert_eq!(shown(&home)[0], 22.0);
    // Retained it would be asked for at every start.
    let topic = "vehicle-connector/vehicle/niro/cmd/climate_temp".to_owned();
    let retained = Request { topic, payload: b"25".to_vec(), retained: true, ..Request::default() };
    home.host.handle(retained).await;
    let refused = || home.retained("vehicle/niro/action/last")["reason"] == "retained_command";
    home.published.until(|| refused().then_some(())).await;
    // What cannot be remembered is not done.
    home.store.refuse_all();
    let report = prefer(&home, "climate_temp", "25").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::HostFault)), "{report:?}");
    assert_eq!(shown(&home)[0], 22.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_or_not_taken_cannot_be_preferred() {
    let temperature_alone = |config: &mut Config| {
        for account in config.accounts.values_mut() {
            account.takes =
                Arc::new(Takes { climate_minutes: None, climate_defrost: false, ..Takes::default() });
        }
    };
    let mut home = VirtualHome::with(simulator::Config::default(), temperature_alone).await;
    assert_eq!(prefer(&home, "climate_temp", "20").await.state, State::Succeeded);
    for (topic, word) in [("climate_minutes", "10"), ("climate_defrost", "ON")] {
        let report = prefer(&home, topic, word).await;
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::Unsupported)), "{report:?}");
    }
    for vehicle in home.config.vehicles.values_mut() {
        vehicle.allow.remove(&OperationName::StartClimate);
    }
    home.restart().await;
    let report = prefer(&home, "climate_temp", "20").await;
    assert_eq!(report.reason, Some(Reason::NotAllowed), "{report:?}");
    assert!(report.message.as_deref().unwrap().contains("\"climate\""), "{report:?}");
}
