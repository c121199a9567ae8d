//! A car, its state, and what it is about to do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::CarConfig;
use crate::counters::CommandKind;
use crate::model::Model;

/// What a car is doing, whatever it was told. Cars do not drive, and batteries do not fill: this is a cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CarState {
    /// Percent.
    pub battery_level: u8,
    /// Kilometres.
    pub battery_autonomy: u32,
    /// Degrees Celsius; not every car tells.
    pub battery_temperature: i32,
    /// Whether a cable is plugged in.
    pub plugged: bool,
    /// Whether it charges.
    pub charging: bool,
    /// Power while it charges, in kilowatts; one model is told to report watts.
    pub charging_power: f64,
    /// Minutes until it is full, while it charges.
    pub charging_remaining: u32,
    /// Whether climate runs.
    pub hvac_on: bool,
    /// What climate was started with last, in degrees Celsius.
    pub target_temperature: f64,
    /// Degrees Celsius.
    pub internal_temperature: f64,
    /// Degrees Celsius.
    pub external_temperature: f64,
    /// Percent of charge below which climate is refused.
    pub soc_threshold: f64,
    /// Kilometres.
    pub mileage: f64,
    /// Kilometres that the fuel is good for; only cars with fuel tell.
    pub fuel_autonomy: f64,
    /// Litres.
    pub fuel_quantity: f64,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Whether it is locked. No command changes this.
    pub locked: bool,
    /// Percent, 15 to 45 in steps of 5.
    pub soc_min: u8,
    /// Percent, 55 to 100 in steps of 5.
    pub soc_target: u8,
    /// `always`, `scheduled`.
    pub charge_mode: String,
    /// The document of `ev/settings`; what is not null is the whole of it.
    pub ev_settings: Value,
    /// The person in the car has switched its position off.
    pub privacy: bool,
}

impl Default for CarState {
    fn default() -> Self {
        Self {
            battery_level: 60,
            battery_autonomy: 211,
            battery_temperature: 14,
            plugged: true,
            charging: false,
            charging_power: 7.4,
            charging_remaining: 145,
            hvac_on: false,
            target_temperature: 21.0,
            internal_temperature: 9.0,
            external_temperature: 8.0,
            soc_threshold: 20.0,
            mileage: 18_204.5,
            fuel_autonomy: 420.0,
            fuel_quantity: 31.0,
            latitude: 48.8566,
            longitude: 2.3522,
            locked: true,
            soc_min: 20,
            soc_target: 80,
            charge_mode: "scheduled".to_owned(),
            ev_settings: programs(),
            privacy: false,
        }
    }
}

/// Settings with one active program for charging and one for climate, in the shape of a published answer.
fn programs() -> Value {
    let program = |kind: &str, time: &str, active: bool| {
        json!({
            "programActivationStatus": active, "programType": kind, "programDepartureTime": time,
            "programActivationMonday": true, "programActivationTuesday": true,
            "programActivationWednesday": true, "programActivationThursday": true,
            "programActivationFriday": true, "programActivationSaturday": false,
            "programActivationSunday": false,
        })
    };
    json!({
        "lastSettingsUpdateTimestamp": "2026-11-28T17:03:18.644879Z",
        "delegatedActivated": false,
        "chargeModeRq": "SCHEDULED",
        "chargeTimeStart": "01:55",
        "chargeDuration": 300,
        "preconditioningTemperature": 19,
        "preconditioningHeatedStrgWheel": true,
        "preconditioningHeatedRightSeat": false,
        "preconditioningHeatedLeftSeat": false,
        "programs": [program("CHARGE", "07:30", true), program("PRECONDITIONING", "08:30", false)],
    })
}

/// The sides of a car that change after a while, each seen in documents of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// Climate, seen in `hvac-status`.
    Hvac,
    /// Charging, seen in `battery-status`.
    Charging,
    /// Limits, seen in `ev/soc-levels`.
    Limits,
}

/// How long after its acceptance a command changes the car.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lag {
    /// Before it is answered.
    #[default]
    AtOnce,
    /// So many reads of the aspect still show the old state.
    Reads(u32),
    /// Not before [`crate::Control::settle`]; for ever, if that is not called.
    UntilSettled,
}

/// What a command changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Hvac { on: bool, target: Option<f64> },
    Charging(bool),
    Limits { min: u8, target: u8 },
}

impl Change {
    pub(crate) fn aspect(&self) -> Aspect {
        match self {
            Self::Hvac { .. } => Aspect::Hvac,
            Self::Charging(_) => Aspect::Charging,
            Self::Limits { .. } => Aspect::Limits,
        }
    }

    fn apply(&self, state: &mut CarState) {
        match self {
            Self::Hvac { on, target } => {
                state.hvac_on = *on;
                state.target_temperature = target.unwrap_or(state.target_temperature);
            }
            // A cable is what it takes.
            Self::Charging(on) => state.charging = *on && state.plugged,
            Self::Limits { min, target } => (state.soc_min, state.soc_target) = (*min, *target),
        }
    }
}

/// A change that was accepted and has not happened.
#[derive(Debug)]
struct Pending {
    kind: CommandKind,
    change: Change,
    lag: Lag,
}

/// A car and what it is about to do.
#[derive(Debug)]
pub(crate) struct Car {
    pub(crate) config: CarConfig,
    pub(crate) state: CarState,
    pending: Vec<Pending>,
}

impl Car {
    pub(crate) fn new(config: CarConfig) -> Self {
        Self { state: config.state.clone(), config, pending: Vec::new() }
    }

    pub(crate) fn model(&self) -> Model<'_> {
        Model(&self.config.model)
    }

    /// Does it now, or plans it; returns what was done now.
    pub(crate) fn accept(&mut self, kind: CommandKind, change: Change, lag: Lag) -> Option<CommandKind> {
        if lag == Lag::AtOnce {
            change.apply(&mut self.state);
            return Some(kind);
        }
        self.pending.push(Pending { kind, change, lag });
        None
    }

    /// A read of this aspect is about to be answered; returns what the car does before that, in order.
    pub(crate) fn read(&mut self, aspect: Aspect) -> Vec<CommandKind> {
        self.act(|pending| {
            if pending.change.aspect() != aspect {
                return false;
            }
            match &mut pending.lag {
                Lag::Reads(0) | Lag::AtOnce => true,
                Lag::Reads(left) => {
                    *left -= 1;
                    false
                }
                Lag::UntilSettled => false,
            }
        })
    }

    /// The car does all that it was told; returns what that was.
    pub(crate) fn settle(&mut self) -> Vec<CommandKind> {
        self.act(|_| true)
    }

    fn act(&mut self, mut due: impl FnMut(&mut Pending) -> bool) -> Vec<CommandKind> {
        let mut done = Vec::new();
        let state = &mut self.state;
        self.pending.retain_mut(|pending| {
            if !due(pending) {
                return true;
            }
            pending.change.apply(state);
            done.push(pending.kind);
            false
        });
        done
    }
}
