//! Climate and signals, and what all commands have in common.

use vehicle_connector_sdk::connector::{Accepted, Climate as Wanted, Milliseconds, Signal};
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::state::climate_celsius;

use crate::garage::Car;
use crate::kamereon::{self, Adapter, Kamereon};
use crate::models::Climate;

/// When to read for the first time, in milliseconds. The cloud takes a command at once, wakes the car, and
/// hears from it again; it tells no end, so the car is read until it shows.
const READ_AFTER: Milliseconds = 20_000;

/// The temperature of a climate that is started without one, in degrees Celsius.
const TEMPERATURE: f32 = 21.0;

/// Makes one attempt at a command of climate or signals.
///
/// # Errors
///
/// The cloud did not take it, or nobody knows.
pub(crate) fn execute(cloud: &Kamereon<'_>, car: &Car, command: &Command) -> Result<Outcome, Failure> {
    match command {
        Command::StartClimate(wanted) => start_climate(cloud, car, wanted),
        Command::StopClimate => stop_climate(cloud, car),
        Command::Signal(signal) => signals(cloud, car, *signal),
        _ => Ok(Outcome::unsupported("this cloud has no such operation")),
    }
}

fn start_climate(cloud: &Kamereon<'_>, car: &Car, wanted: &Wanted) -> Result<Outcome, Failure> {
    if car.model.climate == Climate::None {
        return Ok(Outcome::unsupported("the climate of this model cannot be started"));
    }
    if wanted.duration.is_some() || wanted.defrost.is_some() || wanted.heating.is_some() {
        return Ok(Outcome::Invalid("this cloud starts the climate with a temperature alone".to_owned()));
    }
    if !wanted.seats.is_empty() {
        return Ok(Outcome::Invalid("this cloud has no seat climate; leave seats out".to_owned()));
    }
    let asked = wanted.temperature.unwrap_or(TEMPERATURE);
    let Some(celsius) = climate_celsius(f64::from(asked)) else {
        return Ok(Outcome::Invalid(format!("temperature {asked} is not within 10 to 40 °C")));
    };
    let attributes = json!({ "action": "start", "targetTemperature": plain(celsius) });
    action(cloud, car, ("hvac-start", "HvacStart"), &attributes)?;
    Ok(accepted(&[("/climate_on", "true")]))
}

fn stop_climate(cloud: &Kamereon<'_>, car: &Car) -> Result<Outcome, Failure> {
    let word = match car.model.climate {
        Climate::None => return Ok(Outcome::unsupported("the climate of this model cannot be stopped")),
        Climate::Cancel => "cancel",
        Climate::Stop => "stop",
    };
    action(cloud, car, ("hvac-start", "HvacStart"), &json!({ "action": word }))?;
    Ok(accepted(&[("/climate_on", "false")]))
}

fn signals(cloud: &Kamereon<'_>, car: &Car, signal: Signal) -> Result<Outcome, Failure> {
    if !car.model.signals {
        return Ok(Outcome::unsupported("horn and lights of this model cannot be used"));
    }
    let target = match signal {
        Signal::Horn => "horn",
        Signal::Lights => "lights",
        // Two requests, of which the second may fail when the first is heard in the street.
        Signal::HornAndLights => {
            return Ok(Outcome::Invalid("this cloud has horn or lights, one at a time".to_owned()));
        }
    };
    action(cloud, car, ("horn-lights", "HornLights"), &json!({ "action": "start", "target": target }))?;
    Ok(accepted(&[]))
}

/// Sends an action of the older interface, by its address and its type.
///
/// # Errors
///
/// The cloud did not take it, or nobody knows.
pub(crate) fn action(
    cloud: &Kamereon<'_>,
    car: &Car,
    (name, kind): (&str, &str),
    attributes: &Value,
) -> Result<Answer, Failure> {
    let body = json!({ "data": { "type": kind, "attributes": attributes } });
    kamereon::send(cloud.act(car, Adapter::Kca(1), &format!("actions/{name}"), &body), Phase::Command)
}

/// What the cloud has taken, and what stands in the state document once it is done.
pub(crate) fn accepted(expected: &[(&str, &str)]) -> Outcome {
    let expected = expected.iter().map(|(pointer, value)| ((*pointer).to_owned(), (*value).to_owned()));
    Outcome::Accepted(Accepted { action_id: None, expected: expected.collect(), read_after: READ_AFTER })
}

/// A number as the vendor's app writes it: whole ones without a decimal.
fn plain(celsius: f64) -> Value {
    let whole = (10_u8..=40).find(|whole| (f64::from(*whole) - celsius).abs() < f64::EPSILON);
    whole.map_or_else(|| json!(celsius), |whole| json!(whole))
}
