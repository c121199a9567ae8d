//! Answers of older vehicles.

use vehicle_connector_sdk::serde_json::Value;
use vehicle_connector_sdk::state::{Document, Said, flag, number, one_of, percent};

use super::{kilometres, moment, temperature, unit};
use crate::region::{EUROPE, Region};
use crate::time::Clock;

/// What a cached read says: `vehicleStatusInfo`, with status, position and odometer side by side.
pub(crate) fn document(info: &Value, now: i64) -> Document {
    let mut document = Document::default();
    if let Some(found) = info.get("vehicleStatus") {
        status(&mut document, found, &EUROPE, EUROPE.clock, now);
    }
    odometer(&mut document, info);
    location(&mut document, info.get("vehicleLocation"), EUROPE.clock, now);
    document
}

/// What a read says where the state is all there is: `vehicleStatus` with the odometer in it, and no position.
pub(crate) fn whole(said: &Value, region: &Region, clock: Clock, now: i64) -> Document {
    let mut document = Document::default();
    status(&mut document, said, region, clock, now);
    odometer(&mut document, said);
    document
}

fn odometer(document: &mut Document, from: &Value) {
    let odometer = |key: &str| from.get("odometer").and_then(|odometer| odometer.get(key));
    document.put("odometer_km", kilometres(odometer("value"), odometer("unit")));
}

/// How `batteryPlugin` tells what is plugged in: nothing, a fast charger, a portable one, a charging station.
const PLUGS: [f64; 4] = [0.0, 1.0, 2.0, 3.0];

/// What the vehicle itself says: `vehicleStatus`.
pub(crate) fn status(document: &mut Document, status: &Value, region: &Region, clock: Clock, now: i64) {
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
    document.put("plugged_in", one_of(at("/evStatus/batteryPlugin"), &PLUGS));
    document.put("charge_port_open", charge_port(at("/evStatus/chargePortDoorOpenStatus")));
    for (field, plug) in [("charge_limit_dc_percent", 0.0), ("charge_limit_ac_percent", 1.0)] {
        document.put(field, charge_limit(at("/evStatus/reservChargeInfos/targetSOClist"), plug));
    }
    document.put("range_km", range(status));
    document.put("climate_on", flag(at("/airCtrlOn")));
    document.put("target_temperature_c", Said::of(at("/airTemp"), |air| set_temperature(air, region)));
    document.put_time(moment(at("/time"), clock, now));
}

/// Where it is, from `{coord{lat, lon}, time}`.
pub(crate) fn location(document: &mut Document, location: Option<&Value>, clock: Clock, now: i64) {
    let coordinate =
        |key: &str| location.and_then(|location| location.get("coord")).and_then(|coord| coord.get(key));
    let seconds = moment(location.and_then(|location| location.get("time")), clock, now);
    document.put_location(coordinate("lat"), coordinate("lon"), seconds);
}

fn charge_port(state: Option<&Value>) -> Said<bool> {
    Said::of(state, |state| match state.as_u64()? {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    })
}

/// The limit for a kind of plug. The list may name one twice; the last one counts.
fn charge_limit(list: Option<&Value>, plug: f64) -> Said<f64> {
    let is_of = |limit: &&Value| limit.get("plugType").and_then(number) == Some(plug);
    let limit = list.and_then(Value::as_array).and_then(|limits| limits.iter().rev().find(is_of));
    percent(limit.and_then(|limit| limit.get("targetSOClevel")))
}

/// With electricity alone, else with everything, else with fuel.
fn range(status: &Value) -> Said<f64> {
    let by_fuel = status.pointer("/evStatus/drvDistance/0/rangeByFuel");
    let by = |name: &str| by_fuel.and_then(|range| range.get(name));
    let ranges = [by("evModeRange"), by("totalAvailableRange"), status.get("dte")];
    let distance = |range: &Value| kilometres(range.get("value"), range.get("unit"));
    let mut said = ranges.into_iter().flatten().map(distance).filter(|said| !said.is_nothing());
    let first = said.next().unwrap_or(Said::Nothing);
    match first {
        Said::Value(_) => first,
        _ => said.find(|said| matches!(said, Said::Value(_))).unwrap_or(first),
    }
}

/// An index into the region's temperatures, in Europe 14.0, 14.5, … °C, as hexadecimal digits and `H`.
fn set_temperature(air: &Value, region: &Region) -> Option<f64> {
    let (lowest, highest) = region.temperatures;
    let digits = air.get("value")?.as_str()?.strip_suffix('H')?;
    let step = u8::from_str_radix(digits, 16).ok()?;
    let celsius = Some(lowest + f64::from(step) / 2.0).filter(|celsius| *celsius <= highest)?;
    // In Fahrenheit the index means something else.
    unit(air.get("unit"), 0.0).filter(|unit| *unit == 0.0)?;
    temperature(celsius, None)
}
