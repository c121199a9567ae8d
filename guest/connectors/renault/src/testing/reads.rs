//! The list of vehicles, and reads.

use vehicle_connector_sdk::http::TransportError;

use super::*;

const READ: Command = Command::Read(ReadMode::Cached);

fn state(outcome: Outcome) -> Value {
    let Outcome::Done(report) = outcome else { unreachable!("{outcome:?}") };
    serde_json::from_str(&report.state.unwrap()).unwrap()
}

fn data(home: &Home, attributes: &Value) {
    home.host.answers(200, &json!({ "data": { "id": "V", "attributes": attributes } }));
}

fn battery(home: &Home) {
    let fields = json!({
        "timestamp": "2026-11-30T01:00:00Z", "batteryLevel": 62, "batteryAutonomy": 210, "plugStatus": 1,
        "chargingStatus": 1.0,
    });
    data(home, &fields);
}

fn no_data(home: &Home) {
    home.refusal(404, "err.func.wired.notFound", "There is no data for this vin and uid");
}

#[test]
fn all_accounts_of_the_brand_are_one_list() {
    let home = Home::new("renault");
    home.host.answers(
        200,
        &json!({ "accounts": [
            { "accountId": "a-1", "accountType": "MYRENAULT", "accountStatus": "ACTIVE" },
            { "accountId": "a-2", "accountType": "MYDACIA", "accountStatus": "ACTIVE" },
            { "accountId": "a-3", "accountType": "SFDC", "accountStatus": "ACTIVE" },
            { "accountId": "a-4", "accountType": "MYRENAULT" },
            { "accountId": "a-5", "accountType": "MYRENAULT", "accountStatus": "INACTIVE" },
        ] }),
    );
    let link = |vin: &str| {
        let details = json!({
            "vin": vin, "registrationNumber": "AB-123-CD", "brand": { "label": "RENAULT" },
            "model": { "code": "R5E1VE", "label": "RENAULT 5" },
        });
        json!({ "vin": vin, "vehicleDetails": details })
    };
    home.host.answers(200, &json!({ "vehicleLinks": [link("VF1A"), { "vehicleDetails": {} }] }));
    home.host.answers(200, &json!({ "vehicleLinks": [link("VF1B")] }));
    let list = Renault::list_vehicles(&home.account).unwrap();
    assert_eq!(list.iter().map(|car| car.id.as_str()).collect::<Vec<_>>(), ["r5e1ve", "r5e1ve-2"]);
    assert!(list.iter().all(|car| car.vin.starts_with("{private:")));
    assert_eq!(list[1].traits, r#"{"account":"a-4","model":"R5E1VE"}"#);
    assert_eq!((list[0].name.as_str(), list[0].model.as_str()), ("RENAULT 5", "RENAULT 5"));
    assert!(!format!("{list:?}").contains("AB-123"));
    assert!(home.host.sent()[0].contains("/persons/{secret:person-id}?country=FR"));
}

#[test]
fn a_list_that_cannot_be_read_is_no_empty_garage() {
    let home = Home::new("dacia");
    home.host.answers(200, &json!({ "accounts": [{ "accountId": "a", "accountType": "MYDACIA" }] }));
    home.host.answers(200, &json!({}));
    assert!(Renault::list_vehicles(&home.account).unwrap_err().message.contains("/vehicleLinks"));
    home.host.answers(200, &json!({ "accounts": [] }));
    assert!(Renault::list_vehicles(&home.account).unwrap().is_empty());
    home.host.answers(200, &json!({}));
    assert!(Renault::list_vehicles(&home.account).is_err());
}

#[test]
fn a_key_that_was_replaced_is_told_by_the_gateway() {
    let home = Home::new("renault");
    home.host.answers(403, &json!({ "error": "access_denied", "error_description": "Unauthorized" }));
    let failure = home.execute("R5E1VE", &READ).unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.http_status), (Some("access_denied"), Some(403)));
    assert!(failure.message.contains("`kamereon-key` was replaced"), "{}", failure.message);
    assert_eq!(home.calls(), ["battery-status"], "the rest would be refused alike");
}

#[test]
fn a_car_that_tells_all_of_its_parts() {
    let home = Home::new("renault");
    battery(&home);
    data(&home, &json!({ "totalMileage": 12_345.6, "fuelAutonomy": 500 }));
    data(
        &home,
        &json!({ "gpsLatitude": 48.1, "gpsLongitude": 2.2, "lastUpdateTime": "2026-11-30T00:30:00Z" }),
    );
    data(&home, &json!({ "hvacStatus": "off", "lastUpdateTime": "2026-11-30T02:00:00Z" }));
    home.host.answers(200, &json!({ "socMin": 20, "socTarget": 80 }));
    let state = state(home.execute("R5E1VE", &READ).unwrap());
    assert_eq!(home.calls(), ["battery-status", "cockpit", "location", "hvac-status", "soc-levels"]);
    for (field, expected) in [
        ("soc_percent", json!(62.0)),
        ("range_km", json!(210.0)),
        ("plugged_in", json!(true)),
        ("charging", json!(true)),
        ("odometer_km", json!(12_345.6)),
        ("climate_on", json!(false)),
        ("charge_limit_ac_percent", json!(80.0)),
        ("charge_limit_dc_percent", json!(80.0)),
        ("vehicle_time", json!("2026-11-30T02:00:00Z")),
    ] {
        assert_eq!(state[field], expected, "{field}");
    }
    assert_eq!(state["location"]["latitude"], "{private:0}");
    assert_eq!(state["location"]["time"], "2026-11-30T00:30:00Z");
}

#[test]
fn locks_in_both_spellings_and_on_both_sides_of_the_road() {
    for (prefix, tail, country, driver) in [
        ("doorStatus", "hatchStatus", "FR", "front_left"),
        ("statusDoor", "statusDoorTailGate", "GB", "front_right"),
    ] {
        let mut home = Home::new("renault");
        home.account.settings.push(("country".into(), country.into()));
        data(&home, &json!({ "totalMileage": 10, "fuelAutonomy": 500 }));
        data(&home, &json!({}));
        data(
            &home,
            &json!({
                "lockStatus": "unlocked", format!("{prefix}Driver"): "open",
                format!("{prefix}Passenger"): "closed", tail: "closed",
            }),
        );
        let state = state(home.execute("XHN1SU", &READ).unwrap());
        assert_eq!((&state["locked"], &state["trunk_open"]), (&json!(false), &json!(false)));
        assert_eq!(state["doors"][driver], true);
        assert_eq!(state["range_km"], 500.0, "of the fuel, where nothing else is told");
        assert!(state.get("soc_percent").is_none());
    }
}

#[test]
fn what_a_car_lacks_is_remembered_for_a_week() {
    let home = Home::new("renault");
    let all = ["battery-status", "cockpit", "location", "hvac-status", "lock-status", "soc-levels"];
    let learn = |home: &Home| {
        battery(home);
        data(home, &json!({ "totalMileage": 5 }));
        home.refusal(501, "err.tech.501", r#"{"errors":[{"status":"501","detail":"not supported"}]}"#);
        data(home, &json!({ "hvacStatus": "on" }));
        no_data(home);
        home.refusal(403, "err.func.wired.forbidden", "The access is forbidden");
    };
    learn(&home);
    let first = state(home.execute("XZZ9VE", &READ).unwrap());
    assert_eq!((&first["climate_on"], first.get("locked")), (&json!(true), None));
    assert_eq!(home.calls(), all);

    battery(&home);
    data(&home, &json!({ "totalMileage": 5 }));
    data(&home, &json!({ "hvacStatus": "on" }));
    home.execute("XZZ9VE", &READ).unwrap();
    assert_eq!(home.calls(), ["battery-status", "cockpit", "hvac-status"]);

    home.host.pass(8 * 86_400 * 1_000);
    learn(&home);
    home.execute("XZZ9VE", &READ).unwrap();
    assert_eq!(home.calls(), all, "it may have them by now");
}

#[test]
fn each_part_may_be_missing() {
    for missing in 0..6 {
        let home = Home::new("renault");
        for part in 0..6 {
            if part == missing {
                no_data(&home);
            } else if part == 5 {
                home.host.answers(200, &json!({ "socTarget": 80 }));
            } else {
                let fields = json!({
                    "batteryLevel": 50, "totalMileage": 7, "gpsLatitude": 48.1, "gpsLongitude": 2.2,
                    "hvacStatus": "on", "lockStatus": "locked",
                });
                data(&home, &fields);
            }
        }
        let state = state(home.execute("XZZ9VE", &READ).unwrap());
        let fields =
            ["soc_percent", "odometer_km", "location", "climate_on", "locked", "charge_limit_ac_percent"];
        for (part, field) in fields.into_iter().enumerate() {
            assert_eq!(state.get(field).is_some(), part != missing, "{field} without part {missing}");
        }
    }
}

#[test]
fn a_part_that_is_unwell_or_private_is_left_out() {
    let home = Home::new("renault");
    battery(&home);
    home.refusal(502, "502000", "Technical error");
    home.refusal(403, "err.func.privacy.on", "Privacy mode is on");
    data(&home, &json!({ "hvacStatus": "pending" }));
    home.host.fails(TransportError::Interrupted("time-out".into()));
    let state = state(home.execute("R5E1VE", &READ).unwrap());
    assert_eq!((&state["soc_percent"], &state["climate_on"]), (&json!(62.0), &Value::Null));
    assert!(home.host.cell("absent").is_none(), "it may be there the next time");
}

#[test]
fn a_read_of_nothing_is_a_failure() {
    let home = Home::new("renault");
    for _ in 0..5 {
        home.refusal(403, "err.func.wired.forbidden", "The access is forbidden");
    }
    let failure = home.execute("R5E1VE", &READ).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("err.func.wired.forbidden"));
    assert!(home.host.cell("absent").is_none(), "perhaps the car is another person's by now");

    home.refusal(401, "err.func.wired.unauthorized", "The access is unauthorized");
    home.calls();
    assert_eq!(home.execute("R5E1VE", &READ).unwrap_err().http_status, Some(401));
    assert_eq!(home.calls().len(), 1);

    // In the middle of a read these end it: half a state is no reason to go on asking.
    for (status, code) in [(429, "err.func.wired.overloaded"), (401, "err.func.wired.unauthorized")] {
        battery(&home);
        home.refusal(status, code, "no");
        assert_eq!(home.execute("R5E1VE", &READ).unwrap_err().http_status, Some(status));
    }
}

#[test]
fn every_charging_status() {
    for (status, expected) in [
        (1.0, json!(true)),
        (-1.6, json!(true)),
        (0.0, json!(false)),
        (0.1, json!(false)),
        (0.2, json!(false)),
        (0.3, json!(false)),
        (0.4, json!(false)),
        (-1.0, json!(false)),
        (-1.3, json!(false)),
        (-1.4, json!(false)),
        (-1.5, json!(false)),
        (-1.1, Value::Null),
        (7.0, Value::Null),
    ] {
        let home = Home::new("renault");
        data(
            &home,
            &json!({ "chargingStatus": status, "plugStatus": -2_147_483_648_i64, "batteryLevel": 9 }),
        );
        (0..4).for_each(|_| no_data(&home));
        let state = state(home.execute("R5E1VE", &READ).unwrap());
        assert_eq!(state["charging"], expected, "{status}");
        assert_eq!(state.get("charge_port_open").is_some(), (status - 0.4_f64).abs() < 0.01);
        assert_eq!(state["plugged_in"], Value::Null);
    }
}

#[test]
fn a_forced_read_and_unknown_traits_send_nothing() {
    let home = Home::new("renault");
    let forced = home.execute("R5E1VE", &Command::Read(ReadMode::Forced)).unwrap();
    assert!(matches!(forced, Outcome::Unsupported(_)));
    let nobody = VehicleRef { id: "x".into(), traits: String::new() };
    assert_eq!(Renault::execute(&home.account, &nobody, &READ).unwrap_err().certainty, Certainty::NotSent);
    assert!(home.host.requests().is_empty());
}
