//! Effects of commands: the values of the state that each may change, and what it wants them to become.

use serde_json::Value;

use crate::bindings::connector::{ChargingCurrent, Climate, Command, WindowPosition, Windows};
use crate::wire::operation::OperationName;

/// Paths of the windows.
pub(super) const WINDOWS: [&str; 4] =
    ["windows/front_left", "windows/front_right", "windows/rear_left", "windows/rear_right"];

/// A value that a command may change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    /// Path of the value in the state.
    pub(super) path: &'static str,
    /// Value that the command wants; none where a state can show that in more than one way.
    pub(super) wanted: Option<Value>,
}

fn becomes(path: &'static str, wanted: impl Into<Value>) -> Effect {
    Effect { path, wanted: Some(wanted.into()) }
}

fn changes(path: &'static str) -> Effect {
    Effect { path, wanted: None }
}

/// Returns what a command may change. Nothing for reads, for what leaves no trace in the state, and for a
/// connector's own operations, of which the host does not know it.
pub(crate) fn effects(command: &Command) -> Vec<Effect> {
    match command {
        Command::Lock => vec![becomes("locked", true)],
        Command::Unlock => vec![becomes("locked", false)],
        Command::StartClimate(Climate { temperature, .. }) => {
            let temperature = temperature.map(|wanted| becomes("target_temperature_c", f64::from(wanted)));
            [becomes("climate_on", true)].into_iter().chain(temperature).collect()
        }
        Command::StopClimate => vec![becomes("climate_on", false)],
        Command::SetWindows(windows) => windows_of(windows),
        Command::OpenChargePort => vec![becomes("charge_port_open", true)],
        Command::CloseChargePort => vec![becomes("charge_port_open", false)],
        Command::StartCharging => vec![becomes("charging", true)],
        Command::StopCharging => vec![becomes("charging", false)],
        Command::SetChargeLimits(limits) => {
            let limit = |path, limit: Option<u8>| limit.map(|limit| becomes(path, f64::from(limit)));
            let (ac, dc) =
                (limit("charge_limit_ac_percent", limits.ac), limit("charge_limit_dc_percent", limits.dc));
            ac.into_iter().chain(dc).collect()
        }
        Command::SetChargingCurrent(ChargingCurrent::Percent(percent)) => {
            vec![becomes("charging_current_percent", f64::from(*percent))]
        }
        Command::SetChargingCurrent(ChargingCurrent::Amperes(_)) => vec![changes("charging_current_percent")],
        Command::Signal(_) | Command::Read(_) | Command::CheckActionStatus(_) | Command::Other(_) => {
            Vec::new()
        }
    }
}

/// Returns what a command of this name may change, where nothing else is known of it.
pub(crate) fn touched(name: OperationName) -> Vec<Effect> {
    let paths: &[&'static str] = match name {
        OperationName::Lock | OperationName::Unlock => &["locked"],
        OperationName::StartClimate | OperationName::StopClimate => &["climate_on"],
        OperationName::SetWindows => &WINDOWS,
        OperationName::OpenChargePort | OperationName::CloseChargePort => &["charge_port_open"],
        OperationName::StartCharging | OperationName::StopCharging => &["charging"],
        OperationName::SetChargeLimits => &["charge_limit_ac_percent", "charge_limit_dc_percent"],
        OperationName::SetChargingCurrent => &["charging_current_percent"],
        _ => &[],
    };
    paths.iter().copied().map(changes).collect()
}

fn windows_of(windows: &Windows) -> Vec<Effect> {
    let Windows { front_left, front_right, rear_left, rear_right } = windows;
    WINDOWS
        .into_iter()
        .zip([front_left, front_right, rear_left, rear_right])
        .filter_map(|(path, position)| {
            Some(match (*position)? {
                WindowPosition::Closed => becomes(path, false),
                WindowPosition::Open => becomes(path, true),
                // Some vehicles call that open, and some do not.
                WindowPosition::Vent => changes(path),
            })
        })
        .collect()
}

/// Whether every window is moved to the vent position.
pub(super) fn vents_all(effects: &[Effect]) -> bool {
    effects.len() == WINDOWS.len() && effects.iter().all(|effect| effect.wanted.is_none())
}
