//! The table of commands: where each goes, with which proof and which body.
//!
//! Arguments are checked before anything is sent. The bodies are those of the wire description; which vehicle
//! gets which depends on its protocol alone.

use vehicle_connector_sdk::connector::{
    ChargeLimits, ChargingCurrent, Climate, Seat, WindowPosition, Windows,
};
use vehicle_connector_sdk::prelude::*;

use crate::cloud::{Cloud, SPA, SPA2};
use crate::garage::Car;
use crate::kept;
use crate::region::{Answers, EUROPE};

/// A command that can be sent.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// The path below the vehicle service.
    pub path: String,
    /// Whether it needs the permission that the PIN gives.
    pub control: bool,
    /// The body.
    pub body: Value,
}

/// A command that is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum No {
    /// An argument is not possible.
    Invalid(String),
    /// The vehicle, or this connector, does not have the operation.
    Unsupported(String),
}

impl From<No> for Outcome {
    fn from(no: No) -> Self {
        match no {
            No::Invalid(why) => Self::Invalid(why),
            No::Unsupported(why) => Self::Unsupported(why),
        }
    }
}

/// How `command` is sent to `car`.
///
/// # Errors
///
/// An argument is out of range, with the value and the range, or the vehicle does not have the operation.
pub(crate) fn plan(cloud: &Cloud<'_>, car: &Car, command: &Command) -> Result<Plan, No> {
    match command {
        Command::Lock => Ok(door(car, "close")),
        Command::Unlock => Ok(door(car, "open")),
        Command::StartClimate(climate) => start_climate(cloud, car, climate),
        Command::StopClimate => Ok(stop_climate(car)),
        Command::SetWindows(windows) => set_windows(car, windows),
        Command::OpenChargePort => charge_port(cloud, car, "open"),
        Command::CloseChargePort => charge_port(cloud, car, "close"),
        Command::StartCharging => charging(car, "start"),
        Command::StopCharging => charging(car, "stop"),
        Command::SetChargeLimits(limits) => charge_limits(car, *limits),
        Command::SetChargingCurrent(current) => charging_current(car, current),
        Command::Signal(_) => Err(No::Unsupported("this connector knows no signals".into())),
        Command::Other(other) => Err(No::Unsupported(format!("operation `{}`", other.name))),
        Command::Read(_) | Command::CheckActionStatus(_) => {
            Err(No::Unsupported("a question is not sent as a command".into()))
        }
    }
}

fn door(car: &Car, action: &str) -> Plan {
    match car.is_ccs2() {
        false => plain(car, "control/door", json!({ "action": action, "deviceId": kept::device_id() })),
        true => permitted(car, "ccs2/control/door", json!({ "command": action })),
    }
}

fn start_climate(cloud: &Cloud<'_>, car: &Car, climate: &Climate) -> Result<Plan, No> {
    let asked = climate.temperature.unwrap_or(21.0);
    let temperature = f64::from(asked);
    let range = if car.is_ccs2() { EUROPE.temperatures } else { cloud.region.temperatures };
    let code = temperature_code(temperature, range).ok_or_else(|| {
        let (lowest, highest) = range;
        No::Invalid(format!("temperature {asked} is not a step of 0.5 between {lowest} and {highest} °C"))
    })?;
    let minutes = within("duration", climate.duration.unwrap_or(5), 1, 30)?;
    let heating = within("heating", climate.heating.unwrap_or(0), 0, 4)?;
    for (_, level) in &climate.seats {
        within("seat", *level, 0, 8)?;
    }
    let defrost = climate.defrost.unwrap_or(false);
    if !car.is_ccs2() {
        if !climate.seats.is_empty() {
            return Err(No::Invalid("this vehicle has no seat climate; leave seats out".into()));
        }
        let options = json!({ "defrost": defrost, "heating1": heating, "igniOnDuration": minutes });
        let body =
            json!({ "action": "start", "hvacType": 0, "options": options, "tempCode": code, "unit": "C" });
        return Ok(plain(car, "control/temperature", body));
    }
    let seat = |wanted: Seat| {
        let found = climate.seats.iter().rev().find(|(seat, _)| *seat == wanted);
        found.map_or(Value::Null, |(_, level)| json!(level))
    };
    let right_hand = cloud.right_hand;
    let (driver, passenger) =
        if right_hand { (Seat::FrontRight, Seat::FrontLeft) } else { (Seat::FrontLeft, Seat::FrontRight) };
    let wheel = if matches!(heating, 3 | 4) { json!(1) } else { Value::Null };
    let body = json!({
        "command": "start",
        "ignitionDuration": minutes,
        "strgWhlHeating": wheel,
        "hvacTempType": 1,
        "hvacTemp": temperature,
        "sideRearMirrorHeating": u8::from(matches!(heating, 1 | 2 | 4)),
        "drvSeatLoc": if right_hand { "R" } else { "L" },
        "seatClimateInfo": {
            "drvSeatClimateState": seat(driver),
            "psgSeatClimateState": seat(passenger),
            "rrSeatClimateState": seat(Seat::RearRight),
            "rlSeatClimateState": seat(Seat::RearLeft),
        },
        "tempUnit": "C",
        "windshieldFrontDefogState": defrost,
    });
    Ok(permitted(car, "ccs2/control/temperature", body))
}

fn stop_climate(car: &Car) -> Plan {
    if car.is_ccs2() {
        return permitted(car, "ccs2/control/temperature", json!({ "command": "stop" }));
    }
    // The app sends these settings along although nothing is started.
    let options = json!({ "defrost": true, "heating1": 1 });
    let body = json!({ "action": "stop", "hvacType": 0, "options": options, "tempCode": "10H", "unit": "C" });
    plain(car, "control/temperature", body)
}

fn set_windows(car: &Car, windows: &Windows) -> Result<Plan, No> {
    let all = [windows.front_left, windows.front_right, windows.rear_left, windows.rear_right];
    if all.iter().all(Option::is_none) {
        return Err(No::Invalid("no window is named; name 1 to 4".into()));
    }
    let [front_left, front_right, back_left, back_right] = all.map(|position| match position {
        None => Value::Null,
        Some(WindowPosition::Closed) => json!(0),
        Some(WindowPosition::Open) => json!(1),
        Some(WindowPosition::Vent) => json!(2),
    });
    let body = json!({
        "backLeft": back_left,
        "backRight": back_right,
        "frontLeft": front_left,
        "frontRight": front_right,
    });
    Ok(permitted(car, "control/windowcurtain", body))
}

fn charge_port(cloud: &Cloud<'_>, car: &Car, action: &str) -> Result<Plan, No> {
    if !car.plugs_in() {
        return Err(No::Unsupported("this vehicle has no charge port".into()));
    }
    let body = match cloud.region.answers {
        Answers::Parts => json!({ "action": action }),
        Answers::Whole => json!({ "action": action, "deviceId": kept::device_id() }),
    };
    Ok(permitted(car, "control/portdoor", body))
}

fn charging(car: &Car, action: &str) -> Result<Plan, No> {
    if !car.plugs_in() {
        return Err(No::Unsupported("this vehicle cannot be charged".into()));
    }
    Ok(if car.is_ccs2() {
        permitted(car, "ccs2/control/charge", json!({ "command": action }))
    } else {
        plain(car, "control/charge", json!({ "action": action, "deviceId": kept::device_id() }))
    })
}

/// The cloud takes both limits or none. It sets nothing else with them, so what is absent would be guessed.
fn charge_limits(car: &Car, limits: ChargeLimits) -> Result<Plan, No> {
    if !car.plugs_in() {
        return Err(No::Unsupported("this vehicle cannot be charged".into()));
    }
    let (Some(ac), Some(dc)) = (limits.ac, limits.dc) else {
        return Err(No::Invalid("this cloud sets both charge limits at once; name ac and dc".into()));
    };
    for (name, percent) in [("ac charge limit", ac), ("dc charge limit", dc)] {
        within(name, percent, 50, 100)?;
        if percent % 10 != 0 {
            return Err(No::Invalid(format!("{name} {percent} is not a step of 10")));
        }
    }
    let limit = |plug: u8, percent: u8| json!({ "plugType": plug, "targetSOClevel": percent });
    Ok(plain(car, "charge/target", json!({ "targetSOClist": [limit(0, dc), limit(1, ac)] })))
}

fn charging_current(car: &Car, current: &ChargingCurrent) -> Result<Plan, No> {
    if !car.plugs_in() || !car.is_ccs2() {
        return Err(No::Unsupported("this vehicle cannot limit its charging current".into()));
    }
    let ChargingCurrent::Percent(percent) = current else {
        return Err(No::Invalid("this cloud limits the charging current in percent: 60, 90 or 100".into()));
    };
    let level = match percent {
        100 => 1,
        90 => 2,
        60 => 3,
        _ => {
            return Err(No::Invalid(format!("charging current {percent} % is not one of 60, 90, 100")));
        }
    };
    Ok(plain(car, "ccs2/charge/chargingcurrent", json!({ "chargingCurrent": level })))
}

/// A command that the access token is enough for.
fn plain(car: &Car, path: &str, body: Value) -> Plan {
    Plan { path: format!("{SPA}/vehicles/{}/{path}", car.id), control: false, body }
}

/// A command that needs the permission that the PIN gives.
fn permitted(car: &Car, path: &str, body: Value) -> Plan {
    Plan { path: format!("{SPA2}/vehicles/{}/{path}", car.id), control: true, body }
}

fn within<N: Copy + PartialOrd + core::fmt::Display>(
    name: &str,
    value: N,
    least: N,
    most: N,
) -> Result<N, No> {
    if value < least || value > most {
        return Err(No::Invalid(format!("{name} {value} is not within {least} to {most}")));
    }
    Ok(value)
}

/// The older protocol's name for a temperature in degrees Celsius: its place between the lowest and the highest in steps
/// of a half, as two hexadecimal digits and `H`. None for a temperature that is not there.
fn temperature_code(celsius: f64, (lowest, highest): (f64, f64)) -> Option<String> {
    (0..=u8::MAX)
        .take_while(|step| lowest + f64::from(*step) / 2.0 <= highest)
        // Halves are exact in binary, so nothing needs a tolerance.
        .find(|step| (lowest + f64::from(*step) / 2.0 - celsius).abs() < f64::EPSILON)
        .map(|step| format!("{step:02X}H"))
}

#[cfg(test)]
mod tests;
