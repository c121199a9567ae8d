//! The status document of a legacy car.

use serde_json::{Value, json};

use super::{VehicleState, Window};

/// `vehicleStatus`; `time` is local, as a text of 14 digits, and temperatures are counted from the `lowest`.
pub(super) fn status(state: &VehicleState, time: &str, lowest: f64) -> Value {
    let window = |window: Window| i32::from(window != Window::Closed);
    json!({
        "time": time,
        "engine": false,
        "airCtrlOn": state.climate_on,
        "doorLock": state.locked,
        "trunkOpen": state.trunk_open,
        "hoodOpen": state.hood_open,
        "doorOpen": { "frontLeft": 0, "frontRight": 0, "backLeft": 0, "backRight": 0 },
        "windowOpen": {
            "frontLeft": window(state.windows.front_left),
            "frontRight": window(state.windows.front_right),
            "backLeft": window(state.windows.back_left),
            "backRight": window(state.windows.back_right),
        },
        "airTemp": { "value": temperature_code(state.temperature, lowest), "unit": 0, "hvacTempType": 1 },
        "defrost": state.defrost,
        "acc": false,
        "steerWheelHeat": 0,
        "sideBackWindowHeat": 0,
        "sideMirrorHeat": 0,
        "battery": { "batSoc": state.aux_battery_percent, "batState": 0 },
        "evStatus": electric(state),
        "tirePressureLamp": {
            "tirePressureLampAll": 0,
            "tirePressureLampFL": 0,
            "tirePressureLampFR": 0,
            "tirePressureLampRL": 0,
            "tirePressureLampRR": 0,
        },
        "washerFluidStatus": false,
        "breakOilStatus": false,
        "smartKeyBatteryWarning": false,
        "lowFuelLight": false,
        "sleepModeCheck": true,
    })
}

fn electric(state: &VehicleState) -> Value {
    let minutes = |value: u32| json!({ "value": value, "unit": 1 });
    let range = json!({ "value": state.range_km, "unit": 1 });
    json!({
        "batteryCharge": state.charging,
        "batteryStatus": state.battery_percent,
        "batteryPlugin": i32::from(state.plugged_in),
        "chargePortDoorOpenStatus": if state.charge_port_open { 1 } else { 2 },
        "remainTime2": {
            "atc": minutes(if state.charging { 180 } else { 0 }),
            "etc1": minutes(45),
            "etc2": minutes(900),
            "etc3": minutes(310),
        },
        "drvDistance": [{
            "rangeByFuel": { "evModeRange": range, "totalAvailableRange": range },
            "type": 2,
        }],
        "reservChargeInfos": {
            "targetSOClist": [
                { "plugType": 0, "targetSOClevel": state.charge_limit_dc },
                { "plugType": 1, "targetSOClevel": state.charge_limit_ac },
            ],
            "reservFlag": 0,
        },
    })
}

pub(super) fn coord(state: &VehicleState) -> Value {
    json!({ "lat": state.latitude, "lon": state.longitude, "alt": 0, "type": 0 })
}

/// A position with its accuracy.
pub(super) fn gps(state: &VehicleState, time: &str) -> Value {
    json!({
        "coord": coord(state),
        "head": 0,
        "speed": { "value": 0, "unit": 0 },
        "accuracy": { "hdop": 0, "pdop": 0 },
        "time": time,
    })
}

/// The place of a temperature among those from the `lowest` in steps of half a degree, as two hexadecimal digits and
/// `H`: in Europe 14.0, 14.5, … 31.5 °C.
fn temperature_code(celsius: f64, lowest: f64) -> String {
    let index = ((celsius - lowest) * 2.0).round().clamp(0.0, 35.0);
    // Between 0 and 35, so nothing is cut off.
    format!("{:02X}H", index as u8)
}

#[cfg(test)]
mod tests {
    use super::temperature_code;

    #[test]
    fn temperature_codes_match_the_recorded_ones() {
        assert_eq!(
            [14.0, 17.0, 21.0, 22.0, 27.0].map(|celsius| temperature_code(celsius, 14.0)),
            ["00H", "06H", "0EH", "10H", "1AH"]
        );
    }
}
