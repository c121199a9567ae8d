//! The topics of the replaced service, `mqtt-hyundai-kia`: whoever used them goes on as before. What that
//! service took and published is in `fixtures/legacy`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::Simulator;
use testkit::mqtt::Mosquitto;
use testkit::{CCS2, Home, LEGACY, RealHome, configuration_text, patient_cloud};
use tokio::time::timeout;
use vehicle_connector::config::Config;
use vehicle_connector::host::Request;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::{Reason, State};

/// Identifier of the newer car in those topics, as its users have written it down; the other one has its slug.
const ID: &str = "8f1c0000-aaaa-4bbb-8ccc-dddddddddddd";

#[derive(Deserialize)]
struct Facts {
    base: String,
    commands: Vec<Taken>,
    actions: Actions,
    published: Vec<Said>,
}

#[derive(Deserialize)]
struct Taken {
    command: String,
    payload: String,
    operation: String,
}

#[derive(Deserialize)]
struct Actions {
    levels: Vec<String>,
    pending: String,
    r#final: Vec<String>,
}

#[derive(Deserialize)]
struct Said {
    topic: String,
    retained: bool,
    unit: Option<String>,
    known: bool,
}

fn facts() -> Facts {
    let file = testkit::root().join("tests/fixtures/legacy/mqtt-hyundai-kia.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn with_legacy(config: &mut Config) {
    config.mqtt.legacy_base = Some("hyundai".to_owned());
    for (slug, vehicle) in &mut config.vehicles {
        vehicle.legacy_id = (slug.as_str() == CCS2.0).then(|| ID.to_owned());
    }
}

/// A home whose cars may do everything.
async fn permissive() -> RealHome {
    let cloud = simulator::Config { access_token_lifetime: Duration::from_secs(86_400), ..patient_cloud() };
    RealHome::configured(cloud, |config| {
        with_legacy(config);
        config.vehicles.values_mut().for_each(|vehicle| vehicle.allow.extend(OperationName::COMMANDABLE));
    })
    .await
}

async fn send(home: &RealHome, id: &str, command: &str, payload: impl Into<Vec<u8>>) {
    let topic = format!("hyundai/{id}/commands/{command}");
    home.host.handle(Request { topic, payload: payload.into(), ..Request::default() }).await;
}

/// What was said about a car's actions from a message on: the identifier, the last level and the payload.
fn actions(messages: &[Outgoing], id: &str) -> Vec<(String, String, String)> {
    let prefix = format!("hyundai/{id}/action/");
    let said = messages.iter().filter_map(|message| {
        let (action, level) = message.topic.strip_prefix(&prefix)?.split_once('/')?;
        assert!(!message.retain, "{message:?}");
        Some((action.to_owned(), level.to_owned(), String::from_utf8(message.payload.clone()).unwrap()))
    });
    said.collect()
}

/// Waits for the last words about an action that begins behind a message, and returns all of them.
async fn last_words(home: &RealHome, before: usize, id: &str) -> Vec<(String, String, String)> {
    let is_over =
        |said: &Vec<(String, String, String)>| said.iter().any(|(_, level, _)| level == "completed_at");
    home.published.find(|messages| Some(actions(&messages[before..], id)).filter(is_over)).await
}

fn of_level(said: &[(String, String, String)], wanted: &str) -> Vec<String> {
    said.iter().filter(|(_, level, _)| level == wanted).map(|(_, _, payload)| payload.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_done_and_told_as_it_was() {
    let (home, facts) = (permissive().await, facts());
    home.settle().await;
    for Taken { command, payload, operation } in &facts.commands {
        let before = home.messages().len();
        send(&home, ID, command, payload.as_str()).await;
        let report = home
            .published
            .find(|messages| {
                messages[before..].iter().find_map(|message| {
                    let report: Value = serde_json::from_slice(&message.payload).ok()?;
                    let is_over = report["op"] == operation.as_str() && report["finished_at"].is_string();
                    (is_over && !message.topic.ends_with("/last")).then_some(report)
                })
            })
            .await;
        assert_eq!((&report["state"], &report["vehicle"]), (&json!("succeeded"), &json!(CCS2.0)), "{report}");
        if command == "refresh" {
            assert!(actions(&home.messages()[before..], ID).is_empty(), "a read had no such topics");
            continue;
        }
        let said = last_words(&home, before, ID).await;
        assert!(said.iter().all(|(action, level, _)| {
            report["id"] == action.as_str() && facts.actions.levels.contains(level)
        }));
        assert_eq!(
            of_level(&said, "status"),
            [facts.actions.pending.as_str(), "SUCCESS"],
            "{command} {payload}"
        );
        assert!(facts.actions.r#final.iter().any(|word| word == "SUCCESS"));
        assert_eq!(of_level(&said, "error"), [""; 0]);
        for time in of_level(&said, "started_at").iter().chain(&of_level(&said, "completed_at")) {
            assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
        }
    }
    let error = home.published.retained(&format!("hyundai/{ID}/status/error"));
    assert_eq!(error["value"], Value::Null, "nothing went wrong: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_told_on_the_same_topics_with_the_same_units_and_retained_as_it_was() {
    let (home, facts) = (permissive().await, facts());
    home.settle().await;
    send(&home, ID, "refresh", "cached").await;
    assert_eq!(home.any_ended(CCS2.0).await.state, State::Succeeded);
    // Its error topic is cleared, which comes after the state and the position.
    let prefix = format!("{}/{ID}/", facts.base);
    let error = format!("{prefix}status/error");
    home.published.find(|messages| messages.iter().any(|message| message.topic == error).then_some(())).await;

    let messages = home.messages();
    let said = |topic: &str| messages.iter().rfind(|message| message.topic == format!("{prefix}{topic}"));
    for Said { topic, retained, unit, known } in &facts.published {
        let Some(message) = said(topic) else {
            assert!(!known, "{topic} is not published");
            continue;
        };
        assert!(known, "{topic} is published: say so in the fixture and in docs/migrating.md");
        assert_eq!(message.retain, *retained, "{topic}");
        let document: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(document.get("unit").and_then(Value::as_str), unit.as_deref(), "{topic}: {document}");
        assert!(document["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{topic}");
        assert!(document.get("value").is_some(), "{topic}: {document}");
    }
    let listed: BTreeSet<String> =
        facts.published.iter().map(|said| format!("{prefix}{}", said.topic)).collect();
    for message in messages.iter().filter(|message| message.topic.starts_with(&prefix)) {
        assert!(listed.contains(&message.topic) || message.topic.contains("/action/"), "{}", message.topic);
    }
    let value = |topic: &str| {
        let document: Value = serde_json::from_slice(&said(topic).unwrap().payload).unwrap();
        document["value"].clone()
    };
    assert_eq!((value("battery/level"), value("ev/range")), (json!(71.0), json!(290.0)));
    assert_eq!(value("battery/charging_status"), "not_charging");
    assert_eq!(value("battery/plug_status"), "disconnected");
    assert_eq!((value("status/doors/locked"), value("status/doors/trunk_open")), (json!(true), json!(false)));
    assert_eq!(value("status/windows/back_left"), json!({"value": 0, "state": "CLOSED"}));
    assert_eq!(
        (value("status/data_source"), value("status/update_method")),
        (json!("cached"), json!("cached"))
    );
    assert_eq!(value("status/location/latitude"), 52.52);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_allowed_there_that_is_not_allowed_here() {
    let home = RealHome::configured(simulator::Config::default(), with_legacy).await;
    home.settle().await;
    // The older car has no identifier of its own there; only the older one may be unlocked.
    for (id, command, payload, reason) in [
        (ID, "lock", r#"{"action":"unlock"}"#, Reason::NotAllowed),
        (ID, "windows", r#"{"front_left":1}"#, Reason::NotAllowed),
        (ID, "lock", "LOCK", Reason::BadPayload),
        (ID, "lock", r#"{"action":"unlock","really":true}"#, Reason::BadPayload),
        (ID, "self_destruct", "now", Reason::UnknownOperation),
        (LEGACY.0, "charge_port", r#"{"action":"open"}"#, Reason::NotAllowed),
    ] {
        let before = home.messages().len();
        send(&home, id, command, payload).await;
        let said = last_words(&home, before, id).await;
        assert_eq!(of_level(&said, "status"), ["FAILED"], "{command} {payload}: {said:?}");
        assert_eq!(of_level(&said, "error").len(), 1, "{said:?}");
        let error = home.published.retained(&format!("hyundai/{id}/status/error"));
        assert_eq!(error["value"]["error_type"], json!(reason), "{error}");
    }
    assert_eq!(home.control().counters().requests, 0);

    send(&home, LEGACY.0, "lock", r#"{"action":"unlock"}"#).await;
    let report = home.published.until(|| {
        let report = home.retained("vehicle/niro/action/last");
        (report["state"] == "succeeded").then_some(report)
    });
    assert_eq!(report.await["op"], "unlock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_command_is_cleared_there_too() {
    let home = RealHome::configured(simulator::Config::default(), with_legacy).await;
    home.settle().await;
    let topic = format!("hyundai/{ID}/commands/lock");
    let payload = br#"{"action":"lock"}"#.to_vec();
    home.host.handle(Request { topic: topic.clone(), payload, retained: true, ..Request::default() }).await;
    let report = home.any_ended(CCS2.0).await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::RetainedCommand)));
    assert!(home.messages().iter().any(|it| it.topic == topic && it.retain && it.payload.is_empty()));
    assert_eq!(home.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_no_car_of_this_host_is_left_to_others() {
    let home = RealHome::configured(simulator::Config::default(), with_legacy).await;
    home.settle().await;
    let before = home.messages().len();
    // The newer car is known there by another name than here.
    for id in ["stranger", CCS2.0] {
        send(&home, id, "lock", r#"{"action":"lock"}"#).await;
        let topic = format!("hyundai/{id}/commands/lock");
        let payload = b"{}".to_vec();
        home.host.handle(Request { topic, payload, retained: true, ..Request::default() }).await;
    }
    assert_eq!(home.messages().len(), before);
    assert_eq!(home.control().counters().requests, 0);
}

#[tokio::test]
async fn what_was_retained_is_cleared_when_it_is_switched_off() {
    let mut home = RealHome::configured(simulator::Config::default(), with_legacy).await;
    home.host.announce("5");
    home.settle().await;
    assert_eq!(home.command(CCS2.0, "refresh_cached", "").await.state, State::Succeeded);
    let level = format!("hyundai/{ID}/battery/level");
    assert_eq!(home.published.retained(&level)["value"], 71.0);

    home.restart_configured(|_| {}).await.unwrap();
    let before = home.messages().len();
    home.host.announce("5");
    let messages = home.messages();
    let there: Vec<&Outgoing> =
        messages[before..].iter().filter(|message| message.topic.starts_with("hyundai/")).collect();
    assert!(there.iter().all(|message| message.retain && message.payload.is_empty()), "{there:?}");
    let cleared: BTreeSet<&str> = there.iter().map(|message| message.topic.as_str()).collect();
    for Said { topic, .. } in facts().published.iter().filter(|said| said.known && said.retained) {
        for id in [ID, LEGACY.0] {
            let topic = format!("hyundai/{id}/{topic}");
            assert!(cleared.contains(topic.as_str()), "{topic} is left behind");
        }
    }
    send(&home, ID, "lock", r#"{"action":"lock"}"#).await;
    assert!(!home.messages()[before..].iter().any(|message| message.topic.contains("/action/")));
}

/// An automation that knows nothing but the replaced service's topics, with a client library of its own, a real
/// broker and the program as a process.
#[tokio::test(flavor = "multi_thread")]
async fn an_automation_goes_on_unchanged() {
    let Some(broker) = Mosquitto::start("allow_anonymous true").await else { return };
    let cloud = Simulator::start(simulator::Config::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("car.toml");
    let text = configuration_text(&cloud.base_url(), &format!("mqtt://127.0.0.1:{}", broker.port));
    let text = text.replacen("[mqtt]", "[mqtt]\nlegacy_topics = \"mqtt-hyundai-kia\"", 1);
    std::fs::write(&file, text).unwrap();

    let (client, mut events) = AsyncClient::new(MqttOptions::new("automation", "127.0.0.1", broker.port), 10);
    client.subscribe("hyundai/ev6/#", QoS::AtMostOnce).await.unwrap();
    let _host = tokio::process::Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"))
        .env_remove("RUST_LOG")
        .env("REFRESH_TOKEN", simulator::Config::default().refresh_token)
        .env("PIN", "1234")
        .args(["run", "-c"])
        .arg(&file)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut states, mut is_sent) = (Vec::new(), false);
    let automation = async {
        while states.last().is_none_or(|state| state == "PENDING") {
            let Event::Incoming(Packet::Publish(message)) = events.poll().await.unwrap() else { continue };
            if message.topic == "hyundai/ev6/battery/level" && !is_sent {
                is_sent = true;
                let topic = "hyundai/ev6/commands/lock";
                client.publish(topic, QoS::AtMostOnce, false, r#"{"action":"lock"}"#).await.unwrap();
            }
            if message.topic.starts_with("hyundai/ev6/action/") && message.topic.ends_with("/status") {
                states.push(String::from_utf8(message.payload.to_vec()).unwrap());
            }
        }
    };
    timeout(Duration::from_secs(120), automation).await.expect("locked in time");
    assert_eq!(states, ["PENDING", "SUCCESS"]);
    let level: Value = serde_json::from_str(&broker.retained("hyundai/ev6/battery/level")).unwrap();
    assert_eq!((&level["value"], &level["unit"]), (&json!(71.0), &json!("%")));
}
