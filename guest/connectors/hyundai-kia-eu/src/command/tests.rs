#![allow(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use vehicle_connector_sdk::testing::FakeHost;

fn account(right_hand: bool) -> Account {
    let account = FakeHost::new().account(&crate::wants::manifest(), "kia");
    Account { settings: vec![("right-hand-drive".into(), right_hand.to_string())], ..account }
}

fn planned(protocol: u64, command: &Command) -> Result<Plan, No> {
    let car = Car { id: "1".into(), protocol, kind: "EV".into() };
    plan(&Cloud::of(&account(false)).unwrap(), &car, command)
}

fn climate() -> Climate {
    Climate { temperature: None, duration: None, defrost: None, heating: None, seats: Vec::new() }
}

#[test]
fn temperatures_have_codes_on_the_grid_alone() {
    for (celsius, code) in
        [(14.0, "00H"), (17.0, "06H"), (21.0, "0EH"), (22.0, "10H"), (27.0, "1AH"), (31.5, "23H")]
    {
        assert_eq!(temperature_code(celsius, EUROPE.temperatures).as_deref(), Some(code));
    }
    for celsius in [13.5, 32.0, 21.3, 21.005, f64::NAN, f64::INFINITY] {
        assert_eq!(temperature_code(celsius, EUROPE.temperatures), None);
    }
}

#[test]
fn bodies_of_both_protocols() {
    let windows = Windows {
        front_left: Some(WindowPosition::Closed),
        front_right: Some(WindowPosition::Open),
        rear_left: Some(WindowPosition::Vent),
        rear_right: None,
    };
    for (protocol, command, path, control, body) in [
        (
            0,
            Command::Unlock,
            "/api/v1/spa/vehicles/1/control/door",
            false,
            json!({ "action": "open", "deviceId": "{secret:device-id}" }),
        ),
        (1, Command::Unlock, "/api/v2/spa/vehicles/1/ccs2/control/door", true, json!({ "command": "open" })),
        (
            0,
            Command::StartClimate(climate()),
            "/api/v1/spa/vehicles/1/control/temperature",
            false,
            json!({ "action": "start", "hvacType": 0, "tempCode": "0EH", "unit": "C",
                "options": { "defrost": false, "heating1": 0, "igniOnDuration": 5 } }),
        ),
        (
            1,
            Command::StartClimate(climate()),
            "/api/v2/spa/vehicles/1/ccs2/control/temperature",
            true,
            json!({ "command": "start", "ignitionDuration": 5, "strgWhlHeating": null, "hvacTempType": 1,
                "hvacTemp": 21.0, "sideRearMirrorHeating": 0, "drvSeatLoc": "L", "tempUnit": "C",
                "windshieldFrontDefogState": false, "seatClimateInfo": { "drvSeatClimateState": null,
                "psgSeatClimateState": null, "rrSeatClimateState": null, "rlSeatClimateState": null } }),
        ),
        (
            0,
            Command::StopClimate,
            "/api/v1/spa/vehicles/1/control/temperature",
            false,
            json!({ "action": "stop", "hvacType": 0, "options": { "defrost": true, "heating1": 1 },
                "tempCode": "10H", "unit": "C" }),
        ),
        (
            1,
            Command::StopClimate,
            "/api/v2/spa/vehicles/1/ccs2/control/temperature",
            true,
            json!({ "command": "stop" }),
        ),
        (
            0,
            Command::SetWindows(windows),
            "/api/v2/spa/vehicles/1/control/windowcurtain",
            true,
            json!({ "backLeft": 2, "backRight": null, "frontLeft": 0, "frontRight": 1 }),
        ),
        (
            0,
            Command::OpenChargePort,
            "/api/v2/spa/vehicles/1/control/portdoor",
            true,
            json!({ "action": "open" }),
        ),
        (
            0,
            Command::StartCharging,
            "/api/v1/spa/vehicles/1/control/charge",
            false,
            json!({ "action": "start", "deviceId": "{secret:device-id}" }),
        ),
        (
            1,
            Command::StopCharging,
            "/api/v2/spa/vehicles/1/ccs2/control/charge",
            true,
            json!({ "command": "stop" }),
        ),
        (
            1,
            Command::SetChargingCurrent(ChargingCurrent::Percent(90)),
            "/api/v1/spa/vehicles/1/ccs2/charge/chargingcurrent",
            false,
            json!({ "chargingCurrent": 2 }),
        ),
    ] {
        assert_eq!(planned(protocol, &command), Ok(Plan { path: path.into(), control, body }));
    }
}

#[test]
fn impossible_arguments_name_value_and_range() {
    let limits = |ac, dc| Command::SetChargeLimits(ChargeLimits { ac, dc });
    let no_windows = Windows { front_left: None, front_right: None, rear_left: None, rear_right: None };
    for (command, text) in [
        (Command::StartClimate(Climate { temperature: Some(40.0), ..climate() }), "temperature 40 is not"),
        (
            Command::StartClimate(Climate { duration: Some(0), ..climate() }),
            "duration 0 is not within 1 to 30",
        ),
        (Command::StartClimate(Climate { heating: Some(9), ..climate() }), "heating 9 is not within 0 to 4"),
        (Command::StartClimate(Climate { seats: vec![(Seat::RearLeft, 9)], ..climate() }), "seat 9"),
        (Command::SetWindows(no_windows), "no window"),
        (
            Command::SetChargingCurrent(ChargingCurrent::Percent(75)),
            "charging current 75 % is not one of 60, 90, 100",
        ),
        (
            Command::SetChargingCurrent(ChargingCurrent::Amperes(16)),
            "this cloud limits the charging current in percent",
        ),
        (limits(Some(45), Some(80)), "ac charge limit 45 is not within 50 to 100"),
        (limits(Some(70), Some(85)), "dc charge limit 85 is not a step of 10"),
        (limits(None, None), "this cloud sets both charge limits at once"),
    ] {
        assert!(matches!(planned(1, &command), Err(No::Invalid(why)) if why.starts_with(text)), "{text}");
    }
    // An operation that an older car does not have, and an option of one that it has.
    assert!(matches!(
        planned(0, &Command::SetChargingCurrent(ChargingCurrent::Percent(90))),
        Err(No::Unsupported(_))
    ));
    let seats = Command::StartClimate(Climate { seats: vec![(Seat::FrontLeft, 6)], ..climate() });
    assert!(matches!(planned(0, &seats), Err(No::Invalid(_))));
    let temperature = Command::StartClimate(Climate { temperature: Some(21.3), ..climate() });
    assert!(
        matches!(planned(0, &temperature), Err(No::Invalid(why)) if why.starts_with("temperature 21.3 "))
    );
}

#[test]
fn the_driver_sits_where_the_configuration_says() {
    let command = Command::StartClimate(Climate { seats: vec![(Seat::FrontRight, 6)], ..climate() });
    let car = Car { id: "1".into(), protocol: 1, kind: "EV".into() };
    for (right_hand, side, driver) in [(false, "L", Value::Null), (true, "R", json!(6))] {
        let body = plan(&Cloud::of(&account(right_hand)).unwrap(), &car, &command).unwrap().body;
        assert_eq!(body.pointer("/drvSeatLoc"), Some(&json!(side)));
        assert_eq!(body.pointer("/seatClimateInfo/drvSeatClimateState"), Some(&driver));
    }
}
