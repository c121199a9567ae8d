#![allow(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use vehicle_connector_sdk::serde_json::{self, json};
use vehicle_connector_sdk::state::{Document, percent};

/// Noon of the day on which most of this is read.
const NOW: i64 = 1_782_900_000;

fn rendered(document: Document) -> Value {
    serde_json::from_str(&String::from(document)).unwrap()
}

#[test]
fn an_older_vehicle() {
    let info = json!({
        "vehicleLocation": { "coord": { "lat": "{private:1}", "lon": "{private:2}" }, "time": "20260701120000" },
        "vehicleStatus": {
            "time": "20260701130000", "airCtrlOn": true, "doorLock": false, "trunkOpen": false, "hoodOpen": true,
            "doorOpen": { "frontLeft": 1, "frontRight": 0, "backLeft": 0 },
            "airTemp": { "value": "10H", "unit": 0 },
            "battery": { "batSoc": 255 },
            "evStatus": {
                "batteryCharge": true, "batteryStatus": 63, "batteryPlugin": 2, "chargePortDoorOpenStatus": 1,
                "drvDistance": [{ "rangeByFuel": { "evModeRange": { "value": 100, "unit": 3 } } }],
                "reservChargeInfos": { "targetSOClist": [
                    { "plugType": 0, "targetSOClevel": 80 }, { "plugType": 1, "targetSOClevel": 70 },
                    { "plugType": 1, "targetSOClevel": 90 },
                ]},
            },
        },
        "odometer": { "value": 15234.5, "unit": 1 },
    });
    assert_eq!(
        rendered(legacy::document(&info, NOW)),
        json!({
            "locked": false, "doors": { "front_left": true, "front_right": false, "rear_left": false },
            "trunk_open": false, "hood_open": true, "soc_percent": 63.0, "charging": true, "plugged_in": true,
            "aux_battery_percent": null,
            "charge_port_open": true, "charge_limit_dc_percent": 80.0, "charge_limit_ac_percent": 90.0,
            "range_km": 160.9, "odometer_km": 15234.5, "climate_on": true, "target_temperature_c": 22.0,
            "vehicle_time": "2026-07-01T11:00:00Z",
            "location": { "latitude": "{private:1}", "longitude": "{private:2}", "time": "2026-07-01T10:00:00Z" },
        })
    );
}

#[test]
fn a_newer_vehicle() {
    let door = |open: u8, lock: u8| json!({ "Open": open, "Lock": lock });
    let vehicle = json!({
        "Date": "20261121170000.000",
        "Drivetrain": { "Odometer": 5200.4, "FuelSystem": { "DTE": { "Total": 290, "Unit": 1 } } },
        "Electronics": { "Battery": { "Level": 88 } },
        "Cabin": {
            "HVAC": { "Row1": { "Driver": { "Temperature": { "Value": "OFF", "Unit": 0 },
                                            "Blower": { "SpeedLevel": 3 } } } },
            "Door": { "Row1": { "Driver": door(1, 0), "Passenger": door(0, 0) },
                      "Row2": { "Left": door(0, 0), "Right": door(0, 0) } },
            "Window": { "Row1": { "Driver": { "Open": 0, "OpenLevel": 12 } } },
        },
        "Body": { "Hood": { "Open": 0 }, "Trunk": { "Open": 1 } },
        "Green": {
            "BatteryManagement": { "BatteryRemain": { "Ratio": 71 } },
            "ChargingInformation": { "TargetSoC": { "Standard": 100, "Quick": 80 },
                "ElectricCurrentLevel": { "State": 3 }, "ConnectorFastening": { "State": 0 },
                "Charging": { "RemainTime": 0 } },
            "ChargingDoor": { "State": 2 },
        },
        "Location": { "GeoCoord": { "Latitude": "{private:1}", "Longitude": "{private:2}" },
            "TimeStamp": { "Year": 2026, "Mon": 11, "Day": 21, "Hour": 16, "Min": 55, "Sec": 0 } },
    });
    let state = rendered(ccs2::document(&vehicle, false, NOW));
    assert_eq!(
        state,
        json!({
            "locked": true, "windows": { "front_left": true },
            "doors": { "front_left": true, "front_right": false, "rear_left": false, "rear_right": false },
            "trunk_open": true, "hood_open": false, "soc_percent": 71.0, "aux_battery_percent": 88.0,
            "target_temperature_c": null,
            "charging": false, "plugged_in": false, "charge_port_open": false,
            "charge_limit_ac_percent": 100.0, "charge_limit_dc_percent": 80.0, "charging_current_percent": 60.0,
            "range_km": 290.0, "odometer_km": 5200.4, "climate_on": true,
            "vehicle_time": "2026-11-21T17:00:00Z",
            "location": { "latitude": "{private:1}", "longitude": "{private:2}", "time": "2026-11-21T16:55:00Z" },
        })
    );
    let mirrored = rendered(ccs2::document(&vehicle, true, NOW));
    assert_eq!(mirrored.pointer("/doors/front_right"), Some(&json!(true)));
}

#[test]
fn a_lock_is_known_from_one_open_door_or_from_all() {
    let cabin = |doors: Value| json!({ "Cabin": { "Door": doors } });
    let locked = |doors| rendered(ccs2::document(&cabin(doors), false, NOW)).get("locked").cloned();
    assert_eq!(locked(json!({ "Row1": { "Driver": { "Lock": 1 } } })), Some(json!(false)));
    assert_eq!(locked(json!({ "Row1": { "Driver": { "Lock": 0 } } })), None);
}

#[test]
fn nothing_is_guessed() {
    for nonsense in
        [json!(null), json!([]), json!("text"), json!({ "vehicleStatus": 7 }), json!({ "Cabin": [] })]
    {
        assert_eq!(rendered(legacy::document(&nonsense, NOW)), json!({}));
        assert_eq!(rendered(ccs2::document(&nonsense, false, NOW)), json!({}));
    }
    // A position that the host did not take out is not passed on.
    let info = json!({ "vehicleLocation": { "coord": { "lat": 52.5, "lon": 13.4 } } });
    assert_eq!(rendered(legacy::document(&info, NOW)), json!({}));
}

/// An older vehicle's status, with what `change` does to it.
fn older(change: impl FnOnce(&mut Value)) -> Value {
    let mut status = json!({ "doorLock": true, "evStatus": { "batteryStatus": 63 } });
    change(&mut status);
    rendered(legacy::document(&json!({ "vehicleStatus": status }), NOW))
}

#[test]
fn truth_is_what_the_table_of_a_field_lists() {
    for (plug, plugged_in) in [
        (json!(0), json!(false)),
        (json!(1), json!(true)),
        (json!(2), json!(true)),
        (json!(3), json!(true)),
        (json!("2"), json!(true)),
        (json!(true), json!(true)),
        (json!("FALSE"), json!(false)),
        (json!(4), json!(null)),
        (json!(255), json!(null)),
        (json!(-1), json!(null)),
        (json!({}), json!(null)),
    ] {
        let document = older(|status| status["evStatus"]["batteryPlugin"] = plug.clone());
        assert_eq!(document["plugged_in"], plugged_in, "{plug}");
    }
    for lock in [json!(2), json!(3), json!(255), json!(-1), json!("locked")] {
        let document = older(|status| status["doorLock"] = lock.clone());
        assert_eq!(document.get("locked"), Some(&json!(null)), "{lock}");
    }
    assert_eq!(older(|status| status["doorLock"] = json!(null)).get("locked"), None);
}

#[test]
fn what_is_not_available_is_told_from_what_is_not_mentioned() {
    let document = older(|status| {
        status["windowOpen"] = json!({ "frontLeft": 255, "frontRight": 0 });
        status["battery"] = json!({ "batSoc": 255 });
        status["dte"] = json!({ "value": 65_535, "unit": 1 });
    });
    assert_eq!(document["windows"], json!({ "front_left": null, "front_right": false }));
    assert_eq!((&document["aux_battery_percent"], &document["range_km"]), (&json!(null), &json!(null)));
    assert_eq!(document.get("doors"), None);

    let cabin = |value: u64| {
        json!({
            "Cabin": {
                "Door": { "Row1": { "Driver": { "Open": value, "Lock": value } } },
                "Window": { "Row1": { "Driver": { "Open": value, "OpenLevel": value } } },
                "HVAC": { "Row1": { "Driver": { "Blower": { "SpeedLevel": value } } } },
            },
            "Green": { "ChargingInformation": {
                "Charging": { "RemainTime": 65_535 }, "ConnectorFastening": { "State": value },
            } },
        })
    };
    let document = rendered(ccs2::document(&cabin(255), false, NOW));
    let corner = json!({ "front_left": null });
    let unknown = json!({
        "locked": null, "doors": corner, "windows": corner, "climate_on": null, "charging": null, "plugged_in": null,
    });
    assert_eq!(document, unknown);
    let vented = json!({ "Cabin": { "Window": { "Row1": { "Driver": { "Open": 0, "OpenLevel": 1 } } } } });
    assert_eq!(rendered(ccs2::document(&vented, false, NOW))["windows"]["front_left"], true);
}

#[test]
fn no_satellite_is_no_place() {
    let place = |lat: Value, lon: Value| {
        let info = json!({ "vehicleLocation": { "coord": { "lat": lat, "lon": lon } } });
        rendered(legacy::document(&info, NOW)).get("location").cloned()
    };
    assert_eq!(place(json!(0), json!(0.0)), None);
    let equator = json!({ "latitude": 0, "longitude": "{private:1}" });
    assert_eq!(place(json!(0), json!("{private:1}")), Some(equator));
    assert_eq!(place(json!(255), json!("{private:1}")), None);
}

#[test]
fn the_time_of_a_place_is_utc_or_becomes_it() {
    let at = |location: Value, offset: Value| {
        let coordinates = json!({ "Latitude": "{private:1}", "Longitude": "{private:2}" });
        let mut vehicle = json!({ "Offset": offset, "Location": location });
        vehicle["Location"]["GeoCoord"] = coordinates;
        let document = rendered(ccs2::document(&vehicle, false, NOW));
        document["location"].get("time").cloned()
    };
    let parts = json!({ "Year": 2026, "Mon": 7, "Day": 1, "Hour": 13, "Min": 42, "Sec": 16 });
    for (location, offset, time) in [
        (json!({ "TimeStamp": parts, "Date": "20260701124216" }), json!("1"), "2026-07-01T12:42:16Z"),
        (json!({ "TimeStamp": parts }), json!("1"), "2026-07-01T12:42:16Z"),
        (json!({ "TimeStamp": parts }), json!(2), "2026-07-01T11:42:16Z"),
        (json!({ "TimeStamp": parts, "Offset": 2 }), json!(1), "2026-07-01T11:42:16Z"),
        (json!({ "TimeStamp": parts }), json!(255), "2026-07-01T13:42:16Z"),
        (json!({ "TimeStamp": parts, "Date": "OFF" }), json!(null), "2026-07-01T13:42:16Z"),
    ] {
        assert_eq!(at(location.clone(), offset.clone()), Some(json!(time)), "{location} {offset}");
    }
}

#[test]
fn units() {
    let fahrenheit = json!(1);
    assert_eq!(temperature(72.0, Some(&fahrenheit)), Some(22.2));
    assert_eq!(temperature(300.0, None), None);
    assert_eq!(kilometres(Some(&json!(100)), Some(&json!(2))), Said::Value(160.9));
    assert_eq!(kilometres(Some(&json!(-1)), None), Said::NotAvailable);
    assert_eq!(kilometres(Some(&json!(65_535)), Some(&json!(3))), Said::NotAvailable);
    assert_eq!(kilometres(Some(&json!(5)), Some(&json!(9))), Said::NotAvailable);
    assert_eq!(kilometres(None, Some(&json!(1))), Said::Nothing);
    // Written as a string it is the same unit, and a word is none that is known.
    for (unit, said) in [
        (json!("1"), Said::Value(100.0)),
        (json!(" 3 "), Said::Value(160.9)),
        (json!(""), Said::Value(100.0)),
        (json!(null), Said::Value(100.0)),
        (json!("miles"), Said::NotAvailable),
        (json!({}), Said::NotAvailable),
    ] {
        assert_eq!(kilometres(Some(&json!(100)), Some(&unit)), said, "{unit}");
    }
    for nothing in [json!(6_553.5), json!(16_777_215), json!(1_677_721.5), json!(4_294_967_295_u32)] {
        assert_eq!(kilometres(Some(&nothing), Some(&json!(3))), Said::NotAvailable, "{nothing}");
    }
    assert_eq!(temperature(72.0, Some(&json!("1"))), Some(22.2));
    assert_eq!(temperature(22.0, Some(&json!("C"))), None);
    assert_eq!(percent(Some(&json!("84"))), Said::Value(84.0));
}
