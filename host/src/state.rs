//! The state of a vehicle, as it is published.
//!
//! Connectors answer with JSON; what is published is this type and nothing else, so a connector cannot put a
//! vehicle identification number or a position into a topic where it does not belong.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// One value for each wheel position; the absent ones are not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Corners {
    /// Front left.
    pub front_left: Option<bool>,
    /// Front right.
    pub front_right: Option<bool>,
    /// Rear left.
    pub rear_left: Option<bool>,
    /// Rear right.
    pub rear_right: Option<bool>,
}

/// What is known of a vehicle. Absent means not known; nothing is ever guessed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VehicleState {
    /// Whether all doors are locked.
    pub locked: Option<bool>,
    /// Which doors are open.
    pub doors: Option<Corners>,
    /// Which windows are open.
    pub windows: Option<Corners>,
    /// Whether the trunk is open.
    pub trunk_open: Option<bool>,
    /// Whether the hood is open.
    pub hood_open: Option<bool>,
    /// State of charge of the traction battery, in percent.
    pub soc_percent: Option<f64>,
    /// Range, in kilometres.
    pub range_km: Option<f64>,
    /// Odometer, in kilometres.
    pub odometer_km: Option<f64>,
    /// State of charge of the 12 V battery, in percent.
    pub aux_battery_percent: Option<f64>,
    /// Whether a charging cable is plugged in.
    pub plugged_in: Option<bool>,
    /// Whether it charges.
    pub charging: Option<bool>,
    /// Whether the charge port is open.
    pub charge_port_open: Option<bool>,
    /// The limit for charging with alternating current, in percent.
    pub charge_limit_ac_percent: Option<f64>,
    /// The limit for charging with direct current, in percent.
    pub charge_limit_dc_percent: Option<f64>,
    /// The charging current, in percent of what the vehicle can.
    pub charging_current_percent: Option<f64>,
    /// Whether the climate is on.
    pub climate_on: Option<bool>,
    /// The temperature that the climate is set to, in degrees Celsius.
    pub target_temperature_c: Option<f64>,
}

/// A share of a whole, in percent.
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;

/// A distance that a vehicle can show, in kilometres.
const DISTANCE: RangeInclusive<f64> = 0.0..=10_000_000.0;

/// What a climate can be set to, in degrees Celsius.
const TEMPERATURE: RangeInclusive<f64> = 0.0..=50.0;

impl VehicleState {
    /// Without the values that cannot be, whoever says them. The ranges are those of `docs/state.schema.json`.
    #[must_use]
    pub(crate) fn plausible(mut self) -> Self {
        for (value, range) in [
            (&mut self.soc_percent, PERCENT),
            (&mut self.aux_battery_percent, PERCENT),
            (&mut self.charge_limit_ac_percent, PERCENT),
            (&mut self.charge_limit_dc_percent, PERCENT),
            (&mut self.charging_current_percent, PERCENT),
            (&mut self.range_km, DISTANCE),
            (&mut self.odometer_km, DISTANCE),
            (&mut self.target_temperature_c, TEMPERATURE),
        ] {
            *value = value.filter(|value| range.contains(value));
        }
        self
    }
}

/// Where a vehicle is. Published on a topic of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// When the vehicle was there.
    #[serde(alias = "time", default)]
    pub vehicle_time: Option<Timestamp>,
}

/// What a connector's state document holds for the host.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StateDocument {
    /// The state.
    #[serde(flatten)]
    pub state: VehicleState,
    /// When the vehicle said so.
    #[serde(default)]
    pub vehicle_time: Option<Timestamp>,
    /// Where it is.
    #[serde(default, deserialize_with = "place")]
    pub location: Option<Location>,
}

/// A place on earth, or none. The connector has not seen the numbers, so what they are is only found out here, and
/// the rest of the state is as good without them.
fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Location>, D::Error> {
    let found: Option<Location> = serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok();
    let on_earth = |place: &Location| {
        (-90.0..=90.0).contains(&place.latitude) && (-180.0..=180.0).contains(&place.longitude)
    };
    Ok(found.filter(on_earth))
}

/// Where the values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the cloud last heard.
    Cached,
    /// The vehicle was asked.
    Vehicle,
}

/// About a published state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// When the vehicle said so.
    pub vehicle_time: Option<Timestamp>,
    /// When the host read it.
    pub fetched_at: Timestamp,
    /// Where it comes from.
    pub source: Source,
    /// Whether the vehicle was asked and has said nothing newer.
    pub stale: bool,
    /// Counts the published states of this vehicle since the host started.
    pub seq: u64,
}

/// The document on a vehicle's `state` topic: always whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The values.
    #[serde(flatten)]
    pub state: VehicleState,
    /// About them.
    pub meta: Meta,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_it_knows_and_drops_the_rest() {
        let document: StateDocument = serde_json::from_value(json!({
            "locked": true, "soc_percent": 63, "vin": "KNALEGACY00000001", "coord": {"lat": 1},
            "vehicle_time": "2026-11-21T17:00:00Z",
            "location": {"latitude": 52.52, "longitude": 13.405, "time": "2026-11-21T16:55:00Z"},
        }))
        .unwrap();
        assert_eq!(document.state.locked, Some(true));
        assert_eq!(document.location.as_ref().unwrap().latitude, 52.52);
        let published = serde_json::to_value(document.state).unwrap();
        assert!(published.get("vin").is_none() && published.get("location").is_none(), "{published}");
    }

    #[test]
    fn what_cannot_be_is_not_known() {
        let absurd = || Some(1e9);
        let state = VehicleState {
            soc_percent: Some(100.0),
            range_km: Some(-1.0),
            odometer_km: absurd(),
            aux_battery_percent: Some(255.0),
            charge_limit_ac_percent: absurd(),
            charge_limit_dc_percent: absurd(),
            charging_current_percent: absurd(),
            target_temperature_c: absurd(),
            ..VehicleState::default()
        };
        let expected = VehicleState { soc_percent: Some(100.0), ..VehicleState::default() };
        assert_eq!(state.plausible(), expected);
    }

    #[test]
    fn a_place_that_is_none_costs_nothing_else() {
        for latitude in [json!("52.52"), json!(91), json!(null), json!({})] {
            let document = json!({"locked": true, "location": {"latitude": latitude, "longitude": 13}});
            let document: StateDocument = serde_json::from_value(document).unwrap();
            assert_eq!((document.state.locked, document.location), (Some(true), None), "{latitude}");
        }
    }
}
