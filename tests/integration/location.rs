//! Where a car is can be kept from everybody: `location = false`.

use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::two_makers::{FIVE, TwoMakers, ZOE};
use testkit::virtual_home::compiled;
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::config::{Config, Geofence};
use vehicle_connector::plugin::embedded;
use vehicle_connector::wire::outcome::State;

/// The position of the simulated cars.
const POSITION: [&str; 2] = ["52.52", "13.405"];

/// Whether a document says where the car is. Times have digits that may be those of the position.
fn tells(document: &Value) -> bool {
    match document {
        Value::Array(all) => all.iter().any(tells),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| matches!(name.as_str(), "latitude" | "longitude") || tells(value)),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => false,
        value => POSITION.iter().any(|digits| value.to_string().contains(digits)),
    }
}

/// What was published about a vehicle's position, in order.
fn positions(home: &impl Home, vehicle: &str) -> Vec<String> {
    let topic = format!("vehicle-connector/vehicle/{vehicle}/location");
    let of_it = home.messages().into_iter().filter(|message| message.topic == topic);
    of_it.map(|message| String::from_utf8(message.payload).unwrap()).collect()
}

/// Everything by which a position could leave the host: a geofence around it, and the topics of the replaced service.
fn every_way(config: &mut Config) {
    let (latitude, longitude) = (52.52, 13.405);
    config.geofences.push(Geofence { name: "home".to_owned(), latitude, longitude, radius_m: 150 });
    config.mqtt.legacy_base = Some("hyundai".to_owned());
}

#[tokio::test]
async fn a_position_that_is_switched_off_is_published_nowhere_and_cleared() {
    let mut home = RealHome::configured(simulator::Config::default(), every_way).await;
    home.settle().await;
    for car in [LEGACY, CCS2] {
        assert_eq!(home.command(car.0, "refresh_cached", "").await.state, State::Succeeded);
        assert!(
            positions(&home, car.0).concat().contains(POSITION[0]),
            "it is published unless switched off"
        );
        assert_eq!(home.retained(&format!("vehicle/{}/geofence", car.0))["inside"], json!(["home"]));
        let legacy = format!("{}/status/location/latitude", car.0);
        assert!(home.messages().iter().any(|message| message.topic.ends_with(&legacy)), "{legacy}");
    }

    // The same state, so the host still knows where both cars were. One of them does not say so any more.
    home.restart_configured(|config| {
        every_way(config);
        for (slug, vehicle) in &mut config.vehicles {
            vehicle.location = slug.as_str() != CCS2.0;
        }
    })
    .await
    .unwrap();
    let before = home.messages().len();
    home.host.announce("5");
    home.settle().await;
    assert_eq!(home.command(CCS2.0, "refresh_force", "").await.state, State::Succeeded);
    assert_eq!(positions(&home, CCS2.0).last().map(String::as_str), Some(""), "what was retained is cleared");
    for message in home.messages().iter().skip(before).filter(|message| message.topic.contains(CCS2.0)) {
        let document = serde_json::from_slice(&message.payload).unwrap_or_default();
        assert!(!tells(&document), "{}: {document}", message.topic);
        assert!(!message.topic.contains("/status/location/"), "{}", message.topic);
        let is_of_fences = message.topic.ends_with("/geofence") || document.get("geofence").is_some();
        assert!(!is_of_fences || message.payload.is_empty(), "{}: {document}", message.topic);
    }
    let fences = |car: &str| {
        let topic = format!("vehicle-connector/vehicle/{car}/geofence");
        home.messages().into_iter().rfind(|message| message.topic == topic).unwrap().payload
    };
    assert_eq!(fences(CCS2.0), b"", "which circle it is in tells where it is");
    assert_eq!(fences(LEGACY.0), br#"{"inside":["home"]}"#);
    let status = home.host.request("vehicle/status", br#"{"location":true}"#, "test").await;
    let shown = |car: &str| {
        let mut all = status["data"].as_array().unwrap().iter();
        all.find(|it| it["vehicle"] == car).unwrap()["location"].clone()
    };
    assert_eq!(shown(CCS2.0), Value::Null, "not even to a program of this machine");
    assert_eq!(shown(LEGACY.0)["latitude"], 52.52);
    let of_the_other = positions(&home, LEGACY.0);
    assert!(of_the_other.last().unwrap().contains(POSITION[0]), "{of_the_other:?}");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_switched_off_is_cleared_also_of_a_car_that_is_not_served() {
    let mut home = TwoMakers::start().await;
    assert_eq!(home.read(FIVE.0).await.state, State::Succeeded);
    assert!(positions(&home, FIVE.0).last().is_some_and(|last| !last.is_empty()));
    for (slug, vehicle) in &mut home.home.config.vehicles {
        vehicle.location = slug.as_str() != FIVE.0;
    }
    // Without its connector neither car is served.
    home.home.restart_with(&[("hyundai-kia-eu", compiled(embedded::HYUNDAI_KIA))]).await;
    home.host().announce("5");
    assert_eq!(home.account()["state"], "connector_fault");
    let is_cleared = [FIVE.0, ZOE.0].map(|car| positions(&home, car).last().is_some_and(String::is_empty));
    assert_eq!(is_cleared, [true, false]);
}
