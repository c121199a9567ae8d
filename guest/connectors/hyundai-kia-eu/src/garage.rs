//! The account's vehicles.

use vehicle_connector_sdk::http::segment;
use vehicle_connector_sdk::prelude::*;

use crate::cloud::{self, Cloud, Proof, SPA};
use crate::device;

/// Operations that every vehicle has.
const OPERATIONS: &[&str] = &[
    "refresh_cached",
    "refresh_smart",
    "refresh_force",
    "lock",
    "unlock",
    "start_climate",
    "stop_climate",
    "set_windows",
    "check_action_status",
];

/// Operations of vehicles that can be plugged in.
const PLUG_IN: &[&str] =
    &["open_charge_port", "close_charge_port", "start_charging", "stop_charging", "set_charge_limits"];

/// Operations of vehicles that can be plugged in and speak the newer protocol.
const PLUG_IN_CCS2: &[&str] = &["set_charging_current"];

/// Operations that need the permission which the PIN gives.
const PERMITTED: &[&str] = &["set_windows", "open_charge_port", "close_charge_port"];

/// Further ones of vehicles that speak the newer protocol.
const PERMITTED_CCS2: &[&str] =
    &["lock", "unlock", "start_climate", "stop_climate", "start_charging", "stop_charging"];

/// What is remembered of a vehicle between calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Car {
    /// The vendor's identifier, fit to stand in a path.
    pub id: String,
    /// The protocol that it speaks: 0 for the older one, anything else for CCS2.
    pub protocol: u64,
    /// The vendor's kind of drive: `GN`, `EV`, `PHEV`, `PE`, `HV`.
    pub kind: String,
}

impl Car {
    /// From what the host remembered. What is missing there is that of an older car: the cloud says when it
    /// is not so.
    pub(crate) fn of(vehicle: &VehicleRef) -> Self {
        let traits: Value = serde_json::from_str(&vehicle.traits).unwrap_or_default();
        Self {
            id: segment(&vehicle.id),
            protocol: traits.get("ccs2").and_then(Value::as_u64).unwrap_or(0),
            kind: traits.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }

    /// Whether it speaks the newer protocol.
    pub(crate) fn is_ccs2(&self) -> bool {
        self.protocol != 0
    }

    /// How a request about it proves who sends it, where the access token suffices.
    pub(crate) fn proof(&self) -> Proof {
        Proof::Access { protocol: self.protocol }
    }

    /// Whether it can be plugged in.
    pub(crate) fn plugs_in(&self) -> bool {
        matches!(self.kind.as_str(), "EV" | "PHEV" | "PE")
    }

    fn traits(&self) -> String {
        format!("{}", json!({ "ccs2": self.protocol, "type": self.kind }))
    }

    fn operations(&self) -> Vec<String> {
        let mut names = OPERATIONS.to_vec();
        if self.plugs_in() {
            names.extend(PLUG_IN);
            if self.is_ccs2() {
                names.extend(PLUG_IN_CCS2);
            }
        }
        let needs_pin =
            |name: &&str| PERMITTED.contains(name) || self.is_ccs2() && PERMITTED_CCS2.contains(name);
        names
            .into_iter()
            .map(|name| if needs_pin(&name) { format!("{name}+pin") } else { name.to_owned() })
            .collect()
    }
}

/// The vehicles that the cloud lists. One without an identifier is left out.
///
/// # Errors
///
/// The registration or the list fails, or there is no list: that is no account without vehicles, which has an
/// empty one, and every vehicle of it would be taken to be gone.
pub(crate) fn list(cloud: &Cloud<'_>) -> Result<Vec<Vehicle>, Failure> {
    device::ensure(cloud)?;
    let proof = Proof::Access { protocol: 0 };
    let request = cloud.get(&format!("{SPA}/vehicles"), proof).hide(&["/resMsg/vehicles/*/vin"]);
    let answer = cloud::send(request, Phase::Status, proof)?;
    let pointer = "/resMsg/vehicles";
    let vehicles = answer.at(pointer).and_then(Value::as_array);
    let vehicles = vehicles.ok_or_else(|| answer.lacks(&format!("list at {pointer}")))?;
    Ok(vehicles.iter().filter_map(vehicle).collect())
}

fn vehicle(entry: &Value) -> Option<Vehicle> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = entry.get("vehicleId")?.as_str()?.to_owned();
    let car = Car {
        id: segment(&id),
        protocol: entry.get("ccuCCS2ProtocolSupport").and_then(Value::as_u64).unwrap_or(0),
        kind: text("type"),
    };
    Some(Vehicle {
        id,
        vin: text("vin"),
        name: text("nickname"),
        model: text("vehicleName"),
        traits: car.traits(),
        operations: car.operations(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_depend_on_drive_and_protocol() {
        let car = |protocol, kind: &str| Car { id: "1".into(), protocol, kind: kind.into() };
        let has = |car: Car, name: &str| {
            car.operations().iter().any(|operation| operation.split('+').next() == Some(name))
        };
        assert!(has(car(0, "GN"), "lock") && !has(car(0, "GN"), "open_charge_port"));
        assert!(has(car(0, "EV"), "open_charge_port") && !has(car(0, "EV"), "set_charging_current"));
        assert!(has(car(1, "PE"), "set_charging_current") && !has(car(2, "HV"), "set_charging_current"));
    }

    #[test]
    fn which_operations_need_the_pin_depends_on_the_protocol() {
        let needs = |protocol, name: &str| {
            let car = Car { id: "1".into(), protocol, kind: "EV".into() };
            car.operations().contains(&format!("{name}+pin"))
        };
        for (name, older, newer) in [
            ("lock", false, true),
            ("unlock", false, true),
            ("stop_climate", false, true),
            ("set_windows", true, true),
            ("open_charge_port", true, true),
            ("set_charging_current", false, false),
            ("refresh_cached", false, false),
        ] {
            assert_eq!((needs(0, name), needs(1, name)), (older, newer), "{name}");
        }
    }

    #[test]
    fn traits_survive_the_host() {
        let car = Car { id: "a-1".into(), protocol: 2, kind: "PHEV".into() };
        let vehicle = VehicleRef { id: car.id.clone(), traits: car.traits() };
        assert_eq!(Car::of(&vehicle), car);
        assert_eq!(Car::of(&VehicleRef { id: "x".into(), traits: "nonsense".into() }).protocol, 0);
    }
}
