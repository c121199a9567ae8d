//! The host's state document, as far as both formats of answers have something in common.

use vehicle_connector_sdk::serde_json::Value;
use vehicle_connector_sdk::state::{self, MILE, Said, celsius_of, climate_celsius, number};

use crate::time::{self, Clock};

pub(crate) mod ccs2;
pub(crate) mod legacy;

/// The number of a unit, also one that is written as a string. Vehicles that mention none have the usual one;
/// none is what is no number, because nobody knows what it stands for.
fn unit(value: Option<&Value>, usual: f64) -> Option<f64> {
    match value {
        None | Some(Value::Null) => Some(usual),
        Some(Value::String(text)) if text.trim().is_empty() => Some(usual),
        Some(value) => number(value),
    }
}

/// A distance in kilometres. Units: 1 is kilometres, 2 and 3 are miles; without one it is kilometres.
fn kilometres(value: Option<&Value>, said_in: Option<&Value>) -> Said<f64> {
    let factor = unit(said_in, 1.0).and_then(|unit| match unit {
        1.0 => Some(1.0),
        2.0 | 3.0 => Some(MILE),
        _ => None,
    });
    state::kilometres(value, factor)
}

/// A temperature that a climate control can be set to, in degrees Celsius. Units: 0 is Celsius, 1 is
/// Fahrenheit; without one it is Celsius.
fn temperature(value: f64, said_in: Option<&Value>) -> Option<f64> {
    match unit(said_in, 0.0)? {
        0.0 => climate_celsius(value),
        1.0 => climate_celsius(celsius_of(value)),
        _ => None,
    }
}

/// A time in the vendor's compact form, in seconds since the epoch.
fn moment(value: Option<&Value>, clock: Clock, now: i64) -> Option<i64> {
    time::compact(value?.as_str()?, clock, now)
}

#[cfg(test)]
mod tests;
