//! Commands, and when cars do them.

use renault_simulator::{AccountConfig, Aspect, CarConfig, CommandKind, Config, Energy, Lag};
use serde_json::json;

use crate::client::{Client, R5, SPRING, UNKNOWN, ZOE1, ZOE2};

async fn climate(client: &Client, vin: &str, action: &str) {
    let attributes = match action {
        "start" => json!({ "action": "start", "targetTemperature": 21 }),
        _ => json!({ "action": action }),
    };
    let reply = client.act(vin, "v1/actions/hvac-start", "HvacStart", attributes.clone()).await;
    assert_eq!((reply.status, &reply.json()["data"]["attributes"]), (200, &attributes));
}

async fn climate_is(client: &Client, vin: &str) -> String {
    client.read(vin, "v1/hvac-status").await.attribute("hvacStatus").as_str().unwrap().to_owned()
}

#[tokio::test]
async fn climate_starts_some_reads_after_it_was_accepted() {
    let client = Client::signed_in().await;
    client.control.set_lag(Aspect::Hvac, Lag::Reads(2));
    climate(&client, ZOE1, "start").await;
    assert_eq!(client.control.counters().executed_by(ZOE1, CommandKind::HvacStart), 0);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(climate_is(&client, ZOE1).await);
    }
    assert_eq!(seen, ["off", "off", "on", "on"]);
    let counters = client.control.counters();
    assert_eq!(counters.accepted_for(ZOE1, CommandKind::HvacStart), 1);
    assert_eq!(counters.executed_by(ZOE1, CommandKind::HvacStart), 1);
}

#[tokio::test]
async fn a_car_that_waits_acts_when_it_is_told_to() {
    let client = Client::signed_in().await;
    client.control.set_lag(Aspect::Hvac, Lag::UntilSettled);
    climate(&client, ZOE1, "start").await;
    assert_eq!(climate_is(&client, ZOE1).await, "off");
    client.control.settle();
    assert_eq!(climate_is(&client, ZOE1).await, "on");
}

#[tokio::test]
async fn the_wrong_word_to_end_climate_is_accepted_and_does_nothing() {
    let client = Client::signed_in().await;
    for (vin, wrong, right) in [(R5, "cancel", "stop"), (SPRING, "cancel", "stop"), (ZOE2, "stop", "cancel")]
    {
        climate(&client, vin, "start").await;
        climate(&client, vin, wrong).await;
        assert_eq!(climate_is(&client, vin).await, "on", "{vin}");
        climate(&client, vin, right).await;
        assert_eq!(climate_is(&client, vin).await, "off", "{vin}");
        let counters = client.control.counters();
        assert_eq!(counters.accepted_for(vin, CommandKind::HvacStop), 2);
        assert_eq!(counters.executed_by(vin, CommandKind::HvacStop), 1);
    }
    assert_eq!(client.wrongs(), [""; 0]);
}

#[tokio::test]
async fn sisters_of_the_renault_5_charge_by_settings_and_differ_in_the_word() {
    let car = |vin, model| CarConfig::new(vin, model, "SISTER", "RENAULT", Energy::Electric);
    let sisters = [("VF1SISTERA4E1VE00", "A4E1VE", "cancel"), ("VF1SISTERA5E1AE00", "A5E1AE", "stop")];
    let cars = sisters.map(|(vin, model, _)| car(vin, model)).to_vec();
    let accounts = vec![AccountConfig::new("account-renault", "MYRENAULT", cars)];
    let mut client = Client::of(Config { accounts, ..Config::default() }).await;
    client.login().await;
    client.jwt().await;
    for (vin, _, word) in sisters {
        climate(&client, vin, "start").await;
        climate(&client, vin, word).await;
        assert_eq!(climate_is(&client, vin).await, "off", "{vin}");
        let mut settings = client.read(vin, "kcm/ev/settings").await.json();
        settings["programs"] = json!([]);
        assert_eq!(client.command(vin, "kcm/ev/settings", &settings).await.status, 200);
        assert!(client.control.car(vin).unwrap().charging);
    }
}

#[tokio::test]
async fn climate_is_refused_below_the_threshold() {
    let client = Client::signed_in().await;
    client.control.change_car(ZOE1, |state| state.battery_level = 12);
    let attributes = json!({ "action": "start", "targetTemperature": 21 });
    let reply = client.act(ZOE1, "v1/actions/hvac-start", "HvacStart", attributes).await;
    assert_eq!(reply.code(), (400, "err.func.wired.low.battery.level".to_owned()));
    assert_eq!(client.control.counters().accepted_for(ZOE1, CommandKind::HvacStart), 0);
}

#[tokio::test]
async fn each_kind_of_car_charges_by_its_own_address() {
    let client = Client::signed_in().await;
    let charging = |vin: &str| client.control.car(vin).unwrap().charging;
    let start = json!({ "action": "start" });
    client.act(ZOE1, "v1/actions/charging-start", "ChargingStart", start.clone()).await;
    assert!(charging(ZOE1));
    client.act(SPRING, "kcm/charge/pause-resume", "ChargePauseResume", json!({ "action": "resume" })).await;
    assert!(charging(SPRING));
    client.act(SPRING, "kcm/charge/pause-resume", "ChargePauseResume", json!({ "action": "pause" })).await;
    assert!(!charging(SPRING));
    let refused = client.act(R5, "v1/actions/charging-start", "ChargingStart", start).await;
    assert_eq!(refused.code(), (400, "err.func.wired.invalid-body-format".to_owned()));
    let paused =
        client.act(R5, "kcm/charge/pause-resume", "ChargePauseResume", json!({ "action": "pause" })).await;
    assert_eq!(paused.code(), (403, "err.func.wired.forbidden".to_owned()));
    client.act(ZOE2, "v1/actions/charging-start", "ChargingStart", json!({ "action": "start" })).await;
    client.act(ZOE2, "v1/actions/charging-start", "ChargingStart", json!({ "action": "stop" })).await;
    assert!(charging(ZOE2), "the second Zoe has to be paused");
}

#[tokio::test]
async fn a_megane_starts_charging_at_an_address_of_its_own_after_two_reads() {
    let vin = "VF1S1MULATEDMEGAN";
    let cars = vec![CarConfig::new(vin, "XCB1VE", "MEGANE", "RENAULT", Energy::Electric)];
    let accounts = vec![AccountConfig::new("account-renault", "MYRENAULT", cars)];
    let mut client = Client::of(Config { accounts, ..Config::default() }).await;
    client.login().await;
    client.jwt().await;
    client.control.set_lag(Aspect::Charging, Lag::Reads(2));
    let reply = client.act(vin, "kcm/charge/start", "ChargingStart", json!({ "action": "start" })).await;
    assert_eq!(reply.status, 200);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.read(vin, "v2/battery-status").await.attribute("chargingStatus"));
    }
    assert_eq!(seen, [json!(0.1), json!(0.1), json!(1.0)]);
}

#[tokio::test]
async fn a_renault_5_charges_when_its_programs_are_off_and_stops_when_one_is_on() {
    let client = Client::signed_in().await;
    let mut settings = client.read(R5, "kcm/ev/settings").await.json();
    for program in settings["programs"].as_array_mut().unwrap() {
        program["programActivationStatus"] = json!(false);
    }
    let reply = client.command(R5, "kcm/ev/settings", &settings).await;
    assert_eq!((reply.status, &reply.json()["chargeModeRq"]), (200, &json!("ALWAYS")));
    let status = async || client.read(R5, "v2/battery-status").await.attribute("chargingStatus");
    assert_eq!(status().await, json!(1.0));
    settings["programs"][0]["programActivationStatus"] = json!(true);
    client.command(R5, "kcm/ev/settings", &settings).await;
    assert_eq!(status().await, json!(0.1));
}

#[tokio::test]
async fn a_car_without_a_cable_does_not_charge() {
    let client = Client::signed_in().await;
    client.control.change_car(ZOE1, |state| state.plugged = false);
    client.act(ZOE1, "v1/actions/charging-start", "ChargingStart", json!({ "action": "start" })).await;
    assert!(!client.control.car(ZOE1).unwrap().charging);
}

#[tokio::test]
async fn limits_are_taken_in_range_and_answered_with_the_id_of_a_command() {
    let client = Client::signed_in().await;
    client.control.set_lag(Aspect::Limits, Lag::Reads(1));
    let reply = client.command(R5, "kcm/ev/soc-levels", &json!({ "socMin": 25, "socTarget": 85 })).await;
    assert_eq!((reply.status, &reply.json()["type"]), (200, &json!("SOC_SYNCH")));
    let target = async || client.read(R5, "kcm/ev/soc-levels").await.json()["socTarget"].clone();
    assert_eq!((target().await, target().await), (json!(80), json!(85)));
    for (min, max) in [(10, 85), (25, 50), (26, 85), (25, 101)] {
        let body = json!({ "socMin": min, "socTarget": max });
        assert_eq!(client.command(R5, "kcm/ev/soc-levels", &body).await.code().0, 400, "{body}");
    }
    assert_eq!(client.wrongs().len(), 4);
}

#[tokio::test]
async fn horn_lights_and_position_are_taken() {
    let client = Client::signed_in().await;
    for target in ["horn", "lights"] {
        let attributes = json!({ "action": "start", "target": target });
        let reply = client.act(UNKNOWN, "v1/actions/horn-lights", "HornLights", attributes).await;
        assert_eq!(reply.status, 200);
    }
    let body = json!({ "data": { "type": "RefreshLocation" } });
    assert_eq!(client.command(UNKNOWN, "v1/actions/refresh-location", &body).await.status, 200);
    let counters = client.control.counters();
    for kind in [CommandKind::Horn, CommandKind::Lights, CommandKind::RefreshLocation] {
        assert_eq!(counters.executed_by(UNKNOWN, kind), 1);
    }
}

#[tokio::test]
async fn a_time_must_be_in_the_future_and_then_nothing_happens_now() {
    let client = Client::signed_in().await;
    let start = |at: &str| json!({ "action": "start", "targetTemperature": 21.0, "startDateTime": at });
    let past = client.act(ZOE1, "v1/actions/hvac-start", "HvacStart", start("2020-01-01T00:00:00Z")).await;
    assert_eq!(past.code(), (400, "err.func.400".to_owned()));
    assert!(past.body.contains("must be a future date"));
    let future = client.act(ZOE1, "v1/actions/hvac-start", "HvacStart", start("2199-01-01T00:00:00Z")).await;
    assert_eq!((future.status, climate_is(&client, ZOE1).await.as_str()), (200, "off"));
    assert_eq!(client.wrongs(), [""; 0], "at another time it would have been right");
}
