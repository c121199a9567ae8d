//! Answers of newer vehicles: `state.Vehicle`.

use serde_json::Value;

use super::{Document, flag, kilometres, moment, number, percent, temperature};
use crate::time::{Clock, civil};

/// What the vehicle says. The driver's door is the front left one, or the front right one when `right_hand`.
pub(crate) fn document(vehicle: &Value, right_hand: bool) -> Document {
    let at = |pointer: &str| vehicle.pointer(pointer);
    let mut document = Document::default();
    document.put("locked", locked(vehicle));
    document.put_corners("doors", corners(vehicle, "Door", right_hand, |door| flag(door.get("Open"))));
    document.put_corners("windows", corners(vehicle, "Window", right_hand, window_open));
    document.put("trunk_open", flag(at("/Body/Trunk/Open")));
    document.put("hood_open", flag(at("/Body/Hood/Open")));
    document.put("soc_percent", percent(at("/Green/BatteryManagement/BatteryRemain/Ratio")));
    let unreliable = number(at("/Electronics/Battery/SensorReliability")) == Some(1.0);
    document.put("aux_battery_percent", percent(at("/Electronics/Battery/Level")).filter(|_| !unreliable));
    let remaining = number(at("/Green/ChargingInformation/Charging/RemainTime"));
    document.put("charging", remaining.map(|minutes| minutes > 0.0));
    document.put("plugged_in", flag(at("/Green/ChargingInformation/ConnectorFastening/State")));
    document.put("charge_port_open", charge_port(at("/Green/ChargingDoor/State")));
    document.put("charge_limit_ac_percent", percent(at("/Green/ChargingInformation/TargetSoC/Standard")));
    document.put("charge_limit_dc_percent", percent(at("/Green/ChargingInformation/TargetSoC/Quick")));
    let level = number(at("/Green/ChargingInformation/ElectricCurrentLevel/State"));
    document.put("charging_current_percent", level.and_then(current));
    let range = "/Drivetrain/FuelSystem/DTE";
    let range = |key: &str| at(range).and_then(|range| range.get(key));
    document.put("range_km", kilometres(range("Total"), range("Unit")));
    document.put("odometer_km", kilometres(at("/Drivetrain/Odometer"), None));
    document.put("climate_on", flag(at("/Cabin/HVAC/Row1/Driver/Blower/SpeedLevel")));
    let air = "/Cabin/HVAC/Row1/Driver/Temperature";
    let air = |key: &str| at(air).and_then(|air| air.get(key));
    // "OFF" is no number, and so no temperature.
    document.put("target_temperature_c", temperature(number(air("Value")), air("Unit")));
    document.put_time(moment(at("/Date"), Clock::Utc));
    document.put_location(
        at("/Location/GeoCoord/Latitude"),
        at("/Location/GeoCoord/Longitude"),
        at("/Location/TimeStamp").and_then(stamp),
    );
    document
}

/// Front left, front right, rear left, rear right of a part of the cabin.
fn corners<T>(
    vehicle: &Value,
    part: &str,
    right_hand: bool,
    read: impl Fn(&Value) -> Option<T>,
) -> [Option<T>; 4] {
    let part = vehicle.get("Cabin").and_then(|cabin| cabin.get(part));
    let (left, right) = if right_hand { ("Passenger", "Driver") } else { ("Driver", "Passenger") };
    [("Row1", left), ("Row1", right), ("Row2", "Left"), ("Row2", "Right")]
        .map(|(row, side)| part.and_then(|part| part.get(row)?.get(side)).and_then(&read))
}

/// Locked is 0, and the vehicle is locked when all its doors are; one that is not is enough to know.
fn locked(vehicle: &Value) -> Option<bool> {
    let doors = corners(vehicle, "Door", false, |door| flag(door.get("Lock")));
    if doors.contains(&Some(true)) {
        return Some(false);
    }
    doors.iter().all(Option::is_some).then_some(true)
}

fn window_open(window: &Value) -> Option<bool> {
    match (flag(window.get("Open")), flag(window.get("OpenLevel"))) {
        (None, None) => None,
        (open, level) => Some(open == Some(true) || level == Some(true)),
    }
}

fn charge_port(state: Option<&Value>) -> Option<bool> {
    match state?.as_u64()? {
        1 => Some(true),
        0 | 2 => Some(false),
        _ => None,
    }
}

/// The levels of the charging current, in percent of what the vehicle can.
fn current(level: f64) -> Option<f64> {
    [(1.0, 100.0), (2.0, 90.0), (3.0, 60.0)]
        .into_iter()
        .find(|(name, _)| *name == level)
        .map(|(_, share)| share)
}

/// A time in parts, UTC.
fn stamp(stamp: &Value) -> Option<i64> {
    let part = |key: &str| stamp.get(key).and_then(Value::as_i64);
    civil([part("Year")?, part("Mon")?, part("Day")?, part("Hour")?, part("Min")?, part("Sec")?])
}
