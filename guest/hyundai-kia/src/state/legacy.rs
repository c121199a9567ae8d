//! Answers of older vehicles.

use serde_json::Value;

use super::{Document, flag, kilometres, moment, number, percent, temperature};
use crate::time::Clock;

/// What a cached read says: `vehicleStatusInfo`, with status, position and odometer side by side.
pub(crate) fn document(info: &Value) -> Document {
    let mut document = Document::default();
    if let Some(found) = info.get("vehicleStatus") {
        status(&mut document, found);
    }
    let odometer = |key: &str| info.get("odometer").and_then(|odometer| odometer.get(key));
    document.put("odometer_km", kilometres(odometer("value"), odometer("unit")));
    location(&mut document, info.get("vehicleLocation"), Clock::Berlin);
    document
}

/// What the vehicle itself says: `vehicleStatus`.
pub(crate) fn status(document: &mut Document, status: &Value) {
    let at = |pointer: &str| status.pointer(pointer);
    document.put("locked", flag(at("/doorLock")));
    for (field, source) in [("doors", "doorOpen"), ("windows", "windowOpen")] {
        let corners = ["frontLeft", "frontRight", "backLeft", "backRight"];
        let open = |corner: &str| flag(status.get(source).and_then(|all| all.get(corner)));
        document.put_corners(field, corners.map(open));
    }
    document.put("trunk_open", flag(at("/trunkOpen")));
    document.put("hood_open", flag(at("/hoodOpen")));
    document.put("aux_battery_percent", percent(at("/battery/batSoc")));
    document.put("soc_percent", percent(at("/evStatus/batteryStatus")));
    document.put("charging", flag(at("/evStatus/batteryCharge")));
    document.put("plugged_in", flag(at("/evStatus/batteryPlugin")));
    document.put("charge_port_open", charge_port(at("/evStatus/chargePortDoorOpenStatus")));
    for (field, plug) in [("charge_limit_dc_percent", 0.0), ("charge_limit_ac_percent", 1.0)] {
        document.put(field, charge_limit(at("/evStatus/reservChargeInfos/targetSOClist"), plug));
    }
    document.put("range_km", range(status));
    document.put("climate_on", flag(at("/airCtrlOn")));
    document.put("target_temperature_c", set_temperature(at("/airTemp")));
    document.put_time(moment(at("/time"), Clock::Berlin));
}

/// Where it is, from `{coord{lat, lon}, time}`.
pub(crate) fn location(document: &mut Document, location: Option<&Value>, clock: Clock) {
    let coordinate =
        |key: &str| location.and_then(|location| location.get("coord")).and_then(|coord| coord.get(key));
    let seconds = moment(location.and_then(|location| location.get("time")), clock);
    document.put_location(coordinate("lat"), coordinate("lon"), seconds);
}

fn charge_port(state: Option<&Value>) -> Option<bool> {
    match state?.as_u64()? {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    }
}

/// The limit for a kind of plug. The list may name one twice; the last one counts.
fn charge_limit(list: Option<&Value>, plug: f64) -> Option<f64> {
    let mut limits = list?.as_array()?.iter().rev();
    let limit = limits.find(|limit| number(limit.get("plugType")) == Some(plug))?;
    percent(limit.get("targetSOClevel"))
}

/// With electricity alone, else with everything, else with fuel.
fn range(status: &Value) -> Option<f64> {
    let by_fuel = "/evStatus/drvDistance/0/rangeByFuel";
    let distance = |range: &Value| kilometres(range.get("value"), range.get("unit"));
    let electric = status.pointer(by_fuel).and_then(|range| {
        let ranges = [range.get("evModeRange"), range.get("totalAvailableRange")];
        ranges.into_iter().flatten().find_map(distance)
    });
    electric.or_else(|| status.get("dte").and_then(distance))
}

/// An index into 14.0, 14.5, … °C as hexadecimal digits and `H`.
fn set_temperature(air: Option<&Value>) -> Option<f64> {
    let air = air?;
    let digits = air.get("value")?.as_str()?.strip_suffix('H')?;
    let step = u8::from_str_radix(digits, 16).ok().filter(|step| *step <= 35)?;
    // In Fahrenheit the index means something else.
    let unit = air.get("unit").filter(|unit| number(Some(unit)) != Some(0.0));
    if unit.is_some() { None } else { temperature(Some(14.0 + f64::from(step) / 2.0), None) }
}
