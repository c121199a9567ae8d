//! Geofences, and events over restarts.

use vehicle_connector::config::Geofence;

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
