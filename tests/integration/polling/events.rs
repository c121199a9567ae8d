//! Geofences, and events over restarts.

use vehicle_connector::config::Geofence;
use vehicle_connector::wire::message::Outgoing;

use super::*;

fn at_home(config: &mut Config) {
    let (latitude, longitude) = (52.52, 13.405);
    config.geofences.push(Geofence { name: "home".to_owned(), latitude, longitude, radius_m: 150 });
}

#[tokio::test(start_paused = true)]
async fn a_car_leaves_and_comes_home_and_a_restart_repeats_nothing() {
    let (mut home, settling) = home(at_home).await;
    assert_eq!(home.retained("vehicle/ev6/geofence")["inside"], serde_json::json!(["home"]));
    happens(&home, CCS2.1, |car| {
        car.longitude += 0.05;
        car.odometer_km += 4.0;
        (car.plugged_in, car.charging) = (true, true);
    });
    home.advance(3 * HOUR).await;
    assert_eq!(told(&home, CCS2.0), ["charge_started", "geofence_leave"]);
    assert_eq!(home.retained("vehicle/ev6/geofence")["inside"], serde_json::json!([]));
    settling.abort();
    home.restart().await;
    home.host.announce("5");
    let _settling = settle_in(&home);
    home.advance(3 * HOUR).await;
    assert_eq!(told(&home, CCS2.0), ["charge_started", "geofence_leave"]);
    assert_eq!(home.retained("vehicle/ev6/geofence")["inside"], serde_json::json!([]));
    happens(&home, CCS2.1, |car| {
        car.longitude -= 0.05;
        car.charging = false;
    });
    home.advance(3 * HOUR).await;
    assert_eq!(told(&home, CCS2.0), ["charge_started", "geofence_leave", "charge_ended", "geofence_enter"]);
    let events = home.documents("vehicle/ev6/event");
    assert!(events.iter().all(|event| event["ts"].is_string()), "{events:?}");
    assert_eq!(events[1]["geofence"], "home");
    let text = format!("{events:?}");
    assert!(!text.contains("52.5") && !text.contains("13.4"), "where it is, is said elsewhere: {text}");
}

/// What the broker has last been told of the geofences of a car; empty if that was cleared.
fn fences(home: &VirtualHome, slug: &str) -> String {
    let topic = format!("vehicle-connector/vehicle/{slug}/geofence");
    let last = home.messages().into_iter().rfind(|message: &Outgoing| message.topic == topic);
    String::from_utf8(last.unwrap().payload).unwrap()
}

const AT_HOME: &str = r#"{"inside":["home"]}"#;

#[tokio::test(start_paused = true)]
async fn geofences_that_are_new_or_gone_are_told_at_once() {
    let (mut home, settling) = home(|_| {}).await;
    home.host.announce("5");
    assert_eq!(fences(&home, CCS2.0), "");
    settling.abort();
    for (change, said) in [
        (at_home as fn(&mut Config), AT_HOME),
        ((|config: &mut Config| config.geofences.clear()) as fn(&mut Config), ""),
    ] {
        change(&mut home.config);
        home.restart().await;
        home.host.announce("5");
        assert_eq!(fences(&home, CCS2.0), said, "from what an earlier host has known");
    }
    assert_eq!(told(&home, CCS2.0), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_shown_again_is_in_its_geofences_again() {
    let (home, _settling) = home(at_home).await;
    assert_eq!(fences(&home, CCS2.0), AT_HOME);
    for (line, said) in [("location = false", ""), ("location = true", AT_HOME)] {
        let config = configured("[vehicle.ev6]", &format!("[vehicle.ev6]\n{line}"));
        home.host.reconfigure(&config, "test").await.unwrap();
        assert_eq!(fences(&home, CCS2.0), said, "{line}");
    }
    assert_eq!(told(&home, CCS2.0), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_knows_nothing_of_the_reads_of_the_car_before() {
    let (mut home, settling) = home(|_| {}).await;
    home.control.inject(Fault::new(RouteKind::Status, Effect::unavailable()).forever().vehicle(LEGACY.1));
    home.control.change_car(LEGACY.1, |car| car.vin = "KNALEGACY00000009".to_owned());
    // The list of the day.
    home.advance(25 * HOUR).await;
    settling.abort();
    home.restart().await;
    home.host.announce("5");
    let _settling = settle_in(&home);
    home.advance(MINUTE).await;
    let [before, other] = [LEGACY, CCS2].map(|(slug, _)| plan(&home, slug)["last_read_at"].clone());
    assert!(before.is_null() && other.is_string(), "{before} {other}");
}
