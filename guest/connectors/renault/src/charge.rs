//! Charging, and its limit.

use vehicle_connector_sdk::connector::ChargeLimits;
use vehicle_connector_sdk::prelude::*;

use crate::command::{accepted, action};
use crate::garage::Car;
use crate::kamereon::{self, Adapter, Kamereon};
use crate::models::{Part, Start, Stop};
use crate::read;

/// The settings of charging.
const SETTINGS: &str = "ev/settings";

/// The limits that the cloud takes, in percent and in steps of 5.
const LEAST: u8 = 55;
const MOST: u8 = 100;

/// Starts charging, in the way of the model.
///
/// # Errors
///
/// The cloud did not take it, or nobody knows; or the settings cannot be read.
pub(crate) fn start(cloud: &Kamereon<'_>, car: &Car) -> Result<Outcome, Failure> {
    match car.model.start {
        Start::None => return Ok(Outcome::unsupported("charging of this model cannot be started")),
        Start::Action => drop(action(cloud, car, CHARGING, &json!({ "action": "start" }))?),
        Start::Newer => drop(newer(cloud, car, "charge/start", &typed("ChargingStart", "start"))?),
        Start::Resume => drop(pause_resume(cloud, car, "resume")?),
        Start::Settings => without_programs(cloud, car)?,
    }
    Ok(accepted(&[("/charging", "true")]))
}

/// Stops charging, in the way of the model.
///
/// # Errors
///
/// The cloud did not take it, or nobody knows.
pub(crate) fn stop(cloud: &Kamereon<'_>, car: &Car) -> Result<Outcome, Failure> {
    match car.model.stop {
        Stop::None => return Ok(Outcome::unsupported("charging of this model is stopped at the charger")),
        Stop::Action => drop(action(cloud, car, CHARGING, &json!({ "action": "stop" }))?),
        Stop::Pause => drop(pause_resume(cloud, car, "pause")?),
    }
    Ok(accepted(&[("/charging", "false")]))
}

/// Sets the charge at which charging ends. The least charge, which is sent along, stays as it is.
///
/// # Errors
///
/// The cloud did not take it, or nobody knows; or what is set now cannot be read.
pub(crate) fn limit(cloud: &Kamereon<'_>, car: &Car, limits: ChargeLimits) -> Result<Outcome, Failure> {
    if car.model.lacks.contains(&Part::Limits) {
        return Ok(Outcome::unsupported("the charge of this model cannot be limited"));
    }
    let target = match (limits.ac, limits.dc) {
        (Some(one), None) | (None, Some(one)) => one,
        (Some(ac), Some(dc)) if ac == dc => ac,
        _ => {
            let why = "this cloud has one charge limit for ac and dc; name one, or both alike";
            return Ok(Outcome::Invalid(why.to_owned()));
        }
    };
    if !(LEAST..=MOST).contains(&target) || target % 5 != 0 {
        let why = format!("charge limit {target} is not a step of 5 within {LEAST} to {MOST}");
        return Ok(Outcome::Invalid(why));
    }
    let levels = read::levels(cloud, car)?;
    let least = levels.integer("/socMin").ok_or_else(|| levels.lacks("number at /socMin"))?;
    newer(cloud, car, "ev/soc-levels", &json!({ "socMin": least, "socTarget": target }))?;
    let target = format!("{target}");
    Ok(accepted(&[("/charge_limit_ac_percent", &target), ("/charge_limit_dc_percent", &target)]))
}

/// Takes every program out of the settings, so that the car does not wait for one. What else stands there is
/// sent back as it came.
fn without_programs(cloud: &Kamereon<'_>, car: &Car) -> Result<(), Failure> {
    let answer = kamereon::send(cloud.get(car, Adapter::Kcm, SETTINGS), Phase::Status)?;
    // Settings that are no object would be overwritten with nonsense.
    let settings = answer.document().filter(|settings| settings.is_object());
    let mut settings = settings.ok_or_else(|| answer.lacks("settings of charging"))?.clone();
    let programs = settings.get_mut("programs").and_then(Value::as_array_mut);
    for program in programs.into_iter().flatten().filter_map(Value::as_object_mut) {
        program.insert("programActivationStatus".to_owned(), false.into());
    }
    newer(cloud, car, SETTINGS, &settings).map(|_| ())
}

/// Address and type of an action.
const CHARGING: (&str, &str) = ("charging-start", "ChargingStart");

fn pause_resume(cloud: &Kamereon<'_>, car: &Car, word: &str) -> Result<Answer, Failure> {
    newer(cloud, car, "charge/pause-resume", &typed("ChargePauseResume", word))
}

fn typed(kind: &str, word: &str) -> Value {
    json!({ "data": { "type": kind, "attributes": { "action": word } } })
}

fn newer(cloud: &Kamereon<'_>, car: &Car, path: &str, body: &Value) -> Result<Answer, Failure> {
    kamereon::send(cloud.act(car, Adapter::Kcm, path, body), Phase::Command)
}
