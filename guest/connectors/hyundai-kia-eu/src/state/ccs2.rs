//! Answers of newer vehicles: `state.Vehicle`.

use vehicle_connector_sdk::serde_json::Value;
use vehicle_connector_sdk::state::{Document, Said, flag, level, number, percent};
use vehicle_connector_sdk::time::civil;

use super::{kilometres, moment, temperature};
use crate::time::Clock;

/// The highest level of a blower.
const BLOWER: f64 = 10.0;

/// How far a window can be open: a level, or percent.
const WIDE_OPEN: f64 = 100.0;

/// The longest time that charging can take, in minutes: four days. What is above is "not available".
const CHARGING: f64 = 4.0 * 24.0 * 60.0;

/// What the vehicle says. The driver's door is the front left one, or the front right one when `right_hand`.
pub(crate) fn document(vehicle: &Value, right_hand: bool, now: i64) -> Document {
    let at = |pointer: &str| vehicle.pointer(pointer);
    let mut document = Document::default();
    document.put("locked", locked(vehicle));
    document.put_corners("doors", corners(vehicle, "Door", right_hand, |door| flag(door.get("Open"))));
    document.put_corners("windows", corners(vehicle, "Window", right_hand, window_open));
    document.put("trunk_open", flag(at("/Body/Trunk/Open")));
    document.put("hood_open", flag(at("/Body/Hood/Open")));
    document.put("soc_percent", percent(at("/Green/BatteryManagement/BatteryRemain/Ratio")));
    let unreliable = at("/Electronics/Battery/SensorReliability").and_then(number) == Some(1.0);
    let aux = percent(at("/Electronics/Battery/Level"));
    document.put("aux_battery_percent", if unreliable { Said::NotAvailable } else { aux });
    document.put("charging", level(at("/Green/ChargingInformation/Charging/RemainTime"), CHARGING));
    document.put("plugged_in", flag(at("/Green/ChargingInformation/ConnectorFastening/State")));
    document.put("charge_port_open", charge_port(at("/Green/ChargingDoor/State")));
    document.put("charge_limit_ac_percent", percent(at("/Green/ChargingInformation/TargetSoC/Standard")));
    document.put("charge_limit_dc_percent", percent(at("/Green/ChargingInformation/TargetSoC/Quick")));
    let state = at("/Green/ChargingInformation/ElectricCurrentLevel/State");
    document.put("charging_current_percent", Said::of(state, |state| current(number(state)?)));
    let range = "/Drivetrain/FuelSystem/DTE";
    let range = |key: &str| at(range).and_then(|range| range.get(key));
    document.put("range_km", kilometres(range("Total"), range("Unit")));
    document.put("odometer_km", kilometres(at("/Drivetrain/Odometer"), None));
    document.put("climate_on", level(at("/Cabin/HVAC/Row1/Driver/Blower/SpeedLevel"), BLOWER));
    let air = "/Cabin/HVAC/Row1/Driver/Temperature";
    let air = |key: &str| at(air).and_then(|air| air.get(key));
    // "OFF" is no number, and so no temperature.
    let celsius = Said::of(air("Value"), |value| temperature(number(value)?, air("Unit")));
    document.put("target_temperature_c", celsius);
    document.put_time(moment(at("/Date"), Clock::Utc, now));
    document.put_location(
        at("/Location/GeoCoord/Latitude"),
        at("/Location/GeoCoord/Longitude"),
        located_at(vehicle, now),
    );
    document
}

/// Front left, front right, rear left, rear right of a part of the cabin.
fn corners<T>(
    vehicle: &Value,
    part: &str,
    right_hand: bool,
    read: impl Fn(&Value) -> Said<T>,
) -> [Said<T>; 4] {
    let part = vehicle.get("Cabin").and_then(|cabin| cabin.get(part));
    let (left, right) = if right_hand { ("Passenger", "Driver") } else { ("Driver", "Passenger") };
    [("Row1", left), ("Row1", right), ("Row2", "Left"), ("Row2", "Right")]
        .map(|(row, side)| part.and_then(|part| part.get(row)?.get(side)).map_or(Said::Nothing, &read))
}

/// Locked is 0, and the vehicle is locked when all its doors are; one that is not is enough to know.
fn locked(vehicle: &Value) -> Said<bool> {
    let doors = corners(vehicle, "Door", false, |door| flag(door.get("Lock")));
    if doors.contains(&Said::Value(true)) {
        return Said::Value(false);
    }
    if doors.iter().all(|door| *door == Said::Value(false)) {
        return Said::Value(true);
    }
    // A door that is not known may be any; what was known of all of them is known no more.
    if doors.contains(&Said::NotAvailable) { Said::NotAvailable } else { Said::Nothing }
}

/// One of the two that says "open" is enough; one of them that says "closed" is if the other one is not
/// available.
fn window_open(window: &Value) -> Said<bool> {
    let (open, wide) = (flag(window.get("Open")), level(window.get("OpenLevel"), WIDE_OPEN));
    match (open, wide) {
        (Said::Nothing, other) | (other, Said::Nothing) => other,
        (open, wide) => match (open.value(), wide.value()) {
            (None, None) => Said::NotAvailable,
            (open, wide) => Said::Value(open == Some(true) || wide == Some(true)),
        },
    }
}

fn charge_port(state: Option<&Value>) -> Said<bool> {
    Said::of(state, |state| match state.as_u64()? {
        1 => Some(true),
        0 | 2 => Some(false),
        _ => None,
    })
}

/// The levels of the charging current, in percent of what the vehicle can.
fn current(level: f64) -> Option<f64> {
    [(1.0, 100.0), (2.0, 90.0), (3.0, 60.0)]
        .into_iter()
        .find(|(name, _)| *name == level)
        .map(|(_, share)| share)
}

/// When it was there. `Date` is UTC. Where there is none, the time in parts is, which is `Offset` hours ahead
/// of it.
fn located_at(vehicle: &Value, now: i64) -> Option<i64> {
    let location = vehicle.get("Location")?;
    let date = moment(location.get("Date"), Clock::Utc, now);
    date.or_else(|| {
        let offset = location.get("Offset").or_else(|| vehicle.get("Offset")).and_then(number);
        Some(stamp(location.get("TimeStamp")?)? - offset.map_or(0, ahead))
    })
}

/// Hours ahead of UTC in seconds. Half and quarter hours exist; what no zone has is no offset.
fn ahead(hours: f64) -> i64 {
    const QUARTER: i64 = 900;
    (-56..=56)
        .map(|quarters| quarters * QUARTER)
        .find(|seconds| hours * 3_600.0 == whole(*seconds))
        .unwrap_or(0)
}

fn whole(seconds: i64) -> f64 {
    i32::try_from(seconds).map_or(0.0, f64::from)
}

/// A time in parts, in seconds since the epoch of the same clock.
fn stamp(stamp: &Value) -> Option<i64> {
    let part = |key: &str| stamp.get(key).and_then(Value::as_i64);
    civil([part("Year")?, part("Mon")?, part("Day")?, part("Hour")?, part("Min")?, part("Sec")?])
}
