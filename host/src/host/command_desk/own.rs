//! Commands for operations that only one connector knows.

use serde_json::Value;

use crate::command::Action;
use crate::vehicle::Vehicle;
use crate::wire::operation::OTHER;

/// Checks the arguments of a connector's own operation against the granted schema.
pub(super) fn check(vehicle: &Vehicle, action: &Action) -> Result<(), String> {
    let Action::Other { name, arguments } = action else { return Ok(()) };
    match vehicle.account.granted.operations.get(name) {
        Some(granted) => granted.arguments.check(&Value::Object(arguments.clone())),
        None => Err("it is not granted".to_owned()),
    }
}

/// Says which operations of its own a vehicle's connector is granted.
pub(super) fn no_such(vehicle: &Vehicle, op: &str) -> String {
    let known = vehicle.account.granted.operations.keys().map(|name| format!("{OTHER}{name}"));
    let known: Vec<String> = known.collect();
    let connector = &vehicle.account.connector_name;
    if known.is_empty() {
        format!("there is no command {op}: the connector {connector} is granted no operations of its own")
    } else {
        format!("there is no command {op}; the connector {connector} has {}", known.join(", "))
    }
}
