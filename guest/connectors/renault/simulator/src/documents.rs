//! How a car is reported.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::car::{Car, CarState};
use crate::config::Energy;
use crate::route::RouteKind as Kind;

/// The answer to a read of this kind. Newer cars leave out the type and several fields.
pub(crate) fn document(car: &Car, kind: Kind, now: Timestamp) -> Value {
    let state = &car.state;
    match kind {
        Kind::SocLevels => {
            return json!({
                "lastEnergyUpdateTimestamp": stamp(now),
                "socMin": state.soc_min,
                "socTarget": state.soc_target,
            });
        }
        Kind::EvSettings => return state.ev_settings.clone(),
        _ => {}
    }
    let mut data = json!({ "type": "Car", "id": car.config.vin, "attributes": attributes(car, kind, now) });
    if car.model().is_new()
        && let Some(fields) = data.as_object_mut()
    {
        fields.remove("type");
    }
    json!({ "data": data })
}

fn attributes(car: &Car, kind: Kind, now: Timestamp) -> Value {
    let state = &car.state;
    match kind {
        Kind::BatteryStatus => battery(car, now),
        Kind::Cockpit => cockpit(car),
        Kind::Location => json!({
            "gpsLatitude": state.latitude, "gpsLongitude": state.longitude, "lastUpdateTime": stamp(now),
        }),
        Kind::HvacStatus => hvac(car, now),
        Kind::HvacSettings => json!({ "mode": "scheduled", "schedules": ready_times() }),
        Kind::LockStatus => locks(car, now),
        Kind::ChargeMode => json!({ "chargeMode": state.charge_mode }),
        Kind::ChargingSettings => json!({ "mode": state.charge_mode, "schedules": schedules() }),
        Kind::Pressure => json!({
            "flPressure": 2300, "frPressure": 2300, "rlPressure": 2200, "rrPressure": 2200,
            "flStatus": 0, "frStatus": 0, "rlStatus": 0, "rrStatus": 0,
        }),
        Kind::ResState => json!({ "details": "Stopped, ready for RES", "code": "10" }),
        Kind::Adapter => json!({
            "vin": car.config.vin, "modelCodeDetail": car.config.model, "modelName": car.config.label,
            "carGateway": if car.model().reports_watts() { "GDC" } else { "SPA" },
            "privacyMode": if state.privacy { "ON" } else { "OFF" },
        }),
        _ => Value::Null,
    }
}

fn battery(car: &Car, now: Timestamp) -> Value {
    let (state, model) = (&car.state, car.model());
    let mut fields = object(json!({
        "timestamp": stamp(now),
        "batteryLevel": state.battery_level,
        "batteryAutonomy": state.battery_autonomy,
        "plugStatus": u8::from(state.plugged),
        "chargingStatus": charging_status(state),
        "chargingRemainingTime": if state.charging { state.charging_remaining } else { 0 },
    }));
    if !model.is_new() {
        fields.insert("batteryTemperature".to_owned(), json!(state.battery_temperature));
        fields.insert("batteryCapacity".to_owned(), json!(0));
        fields.insert("batteryAvailableEnergy".to_owned(), json!(31));
    }
    if state.charging {
        let factor = if model.reports_watts() { 1000.0 } else { 1.0 };
        let power = (state.charging_power * factor * 10.0).round() / 10.0;
        fields.insert("chargingInstantaneousPower".to_owned(), json!(power));
    }
    Value::Object(fields)
}

/// 1.0 charging, 0.1 plugged in and waiting for a planned charge, 0.0 not.
fn charging_status(state: &CarState) -> f64 {
    match (state.charging, state.plugged, state.charge_mode.as_str()) {
        (true, _, _) => 1.0,
        (false, true, "scheduled") => 0.1,
        _ => 0.0,
    }
}

fn cockpit(car: &Car) -> Value {
    let state = &car.state;
    let mut fields = object(json!({ "totalMileage": state.mileage }));
    if car.config.energy != Energy::Electric {
        fields.insert("fuelAutonomy".to_owned(), json!(state.fuel_autonomy));
        fields.insert("fuelQuantity".to_owned(), json!(state.fuel_quantity));
    }
    Value::Object(fields)
}

fn hvac(car: &Car, now: Timestamp) -> Value {
    let state = &car.state;
    let status = if state.hvac_on { "on" } else { "off" };
    if car.model().is_new() {
        return json!({
            "internalTemperature": state.internal_temperature, "hvacStatus": status,
            "socThreshold": state.soc_threshold, "lastUpdateTime": stamp(now),
        });
    }
    json!({
        "externalTemperature": state.external_temperature, "internalTemperature": state.internal_temperature,
        "hvacStatus": status, "socThreshold": state.soc_threshold,
    })
}

/// Newer cars spell the doors differently.
fn locks(car: &Car, now: Timestamp) -> Value {
    let locked = if car.state.locked { "locked" } else { "unlocked" };
    let names = if car.model().is_new() {
        [
            "statusDoorRearLeft",
            "statusDoorRearRight",
            "statusDoorDriver",
            "statusDoorPassenger",
            "statusDoorTailGate",
        ]
    } else {
        [
            "doorStatusRearLeft",
            "doorStatusRearRight",
            "doorStatusDriver",
            "doorStatusPassenger",
            "hatchStatus",
        ]
    };
    let mut fields = object(json!({ "lockStatus": locked, "lastUpdateTime": stamp(now) }));
    fields.extend(names.map(|name| (name.to_owned(), json!("closed"))));
    Value::Object(fields)
}

fn schedules() -> Value {
    let day = json!({ "startTime": "T22:30Z", "duration": 420 });
    json!([{
        "id": 1, "activated": true, "monday": day, "tuesday": day, "wednesday": day, "thursday": day,
        "friday": day, "saturday": null, "sunday": null,
    }])
}

fn ready_times() -> Value {
    let day = json!({ "readyAtTime": "T07:00Z" });
    json!([{
        "id": 1, "activated": true, "monday": day, "tuesday": day, "wednesday": day, "thursday": day,
        "friday": day, "saturday": null, "sunday": null,
    }])
}

/// A car as the list of an account and its details have it.
pub(crate) fn details(car: &Car) -> Value {
    let config = &car.config;
    json!({
        "vin": config.vin,
        "brand": { "label": config.brand },
        "model": { "code": config.model, "label": config.label, "group": "971" },
        "energy": { "code": config.energy.code(), "label": config.energy.code(), "group": "019" },
        "engineEnergyType": config.energy.code(),
        "registrationNumber": config.registration,
        "registrationCountry": { "code": "FR" },
        "deliveryCountry": { "code": "FR", "label": "FRANCE" },
        "electrical": config.energy == Energy::Electric,
        "assets": [],
    })
}

/// One car in the list of an account.
pub(crate) fn link(car: &Car) -> Value {
    json!({
        "brand": car.config.brand,
        "vin": car.config.vin,
        "status": "ACTIVE",
        "linkType": "OWNER",
        "garageBrand": car.config.brand,
        "connectedDriver": { "role": "MAIN_DRIVER" },
        "vehicleDetails": details(car),
    })
}

/// Whole seconds, as the cloud has them.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
