//! Readings: what one answer says of a vehicle.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Location;
use super::rules::{RULES, number};
use crate::time::AHEAD;
use crate::wire::outcome::Reason;

/// Degrees from 0°N 0°E within which there is nothing but water. A receiver that sees no satellite says it is
/// there.
const NOWHERE_DEGREES: f64 = 0.01;

/// Reading of one answer, as far as it can be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// The values that it has, by their paths; none for one that the vehicle does not have at the moment.
    pub(crate) values: BTreeMap<&'static str, Option<Value>>,
    /// Time at which the vehicle says that it said so.
    pub(crate) said_at: Option<Timestamp>,
    /// Location of the vehicle.
    pub(crate) location: Option<Location>,
}

/// Reason why an answer says nothing of a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the connector's state is no JSON object")]
    NoDocument,
    #[error("the answer has no values")]
    NoValues,
    #[error(
        "another car has this vehicle's place by now, and what was read is of the one before; send it again"
    )]
    AnotherCar,
}

impl Unreadable {
    /// Returns the reason. An empty answer comes from clouds that are unwell; one that is not a document is
    /// the connector's.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::NoDocument => Reason::ConnectorFault,
            Self::NoValues => Reason::UpstreamUnavailable,
            // A caller that asks again is told of the car that is there now.
            Self::AnotherCar => Reason::UnknownVehicle,
        }
    }
}

impl Reading {
    /// Reads a connector's document. A value that it does not name was not said; one that it names and that
    /// cannot be is not available.
    ///
    /// # Errors
    ///
    /// When it is not a document. One without values is left to [`Reading::has_values`]: it may have a
    /// position.
    pub(crate) fn of(document: &Value) -> Result<Self, Unreadable> {
        let document = document.as_object().ok_or(Unreadable::NoDocument)?;
        let mut values = BTreeMap::new();
        for rule in &RULES {
            let said = match rule.path.split_once('/') {
                Some((field, corner)) => document.get(field).and_then(|corners| corners.get(corner)),
                None => document.get(rule.path),
            };
            if let Some(said) = said {
                values.insert(rule.path, rule.class.read(said));
            }
        }
        let said_at = document.get("vehicle_time").and_then(time);
        let location = document.get("location").and_then(place);
        Ok(Self { values, said_at, location })
    }

    /// Whether it says anything of the vehicle but where it is.
    pub(crate) fn has_values(&self) -> bool {
        self.values.values().any(Option::is_some)
    }
}

/// A vehicle's time, if it can be: its clock may be minutes ahead, and what is not over yet was not said yet.
pub(crate) fn credible(said: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (said.duration_since(now) <= AHEAD).then(|| said.min(now))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A place on earth that a vehicle can be at, or none. The connector has not seen the numbers, so what they
/// are is only found out here, and the rest of the answer is as good without them.
fn place(value: &Value) -> Option<Location> {
    let degrees = |name: &str, most: f64| number(value.get(name)?).filter(|degrees| degrees.abs() <= most);
    let (latitude, longitude) = (degrees("latitude", 90.0)?, degrees("longitude", 180.0)?);
    let nowhere = latitude.abs() < NOWHERE_DEGREES && longitude.abs() < NOWHERE_DEGREES;
    let vehicle_time = value.get("time").or_else(|| value.get("vehicle_time")).and_then(time);
    (!nowhere).then_some(Location { latitude, longitude, vehicle_time })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_has_a_rule_is_read() {
        let reading = Reading::of(&json!({
            "locked": 1, "soc_percent": "63", "vin": "KNALEGACY00000001", "coord": {"lat": 1},
            "doors": {"front_left": 0, "front_right": 255}, "windows": 7, "aux_battery_percent": 255,
            "vehicle_time": "2026-11-21T17:00:00Z",
            "location": {"latitude": 52.52, "longitude": 13.405, "time": "2026-11-21T16:55:00Z"},
        }))
        .unwrap();
        let expected = [
            ("locked", Some(json!(true))),
            ("soc_percent", Some(json!(63.0))),
            ("doors/front_left", Some(json!(false))),
            ("doors/front_right", None),
            ("aux_battery_percent", None),
        ];
        assert_eq!(reading.values, BTreeMap::from(expected));
        assert!(reading.said_at.is_some() && reading.has_values());
        assert_eq!(reading.location.unwrap().latitude, 52.52);
    }

    #[test]
    fn an_answer_without_a_value_has_none() {
        for nothing in
            [json!({}), json!({"vehicle_time": "2026-11-21T17:00:00Z"}), json!({"locked": 255, "doors": {}})]
        {
            assert!(!Reading::of(&nothing).unwrap().has_values(), "{nothing}");
        }
        assert_eq!(Reading::of(&json!([1])), Err(Unreadable::NoDocument));
    }

    #[test]
    fn a_place_that_is_none_costs_nothing_else() {
        let at = |latitude: Value, longitude: Value| {
            let document =
                json!({"locked": true, "location": {"latitude": latitude, "longitude": longitude}});
            let reading = Reading::of(&document).unwrap();
            assert!(reading.has_values());
            reading.location
        };
        for (latitude, longitude) in [
            (json!(0), json!(0)),
            (json!(0.000_1), json!(-0.000_1)),
            (json!(91), json!(13)),
            (json!(52), json!(-180.5)),
            (json!(null), json!(13)),
            (json!({}), json!(13)),
        ] {
            assert_eq!(at(latitude.clone(), longitude.clone()), None, "{latitude} {longitude}");
        }
        assert!(at(json!(0), json!(-78.5)).is_some(), "the equator is a place");
        assert!(at(json!(51.48), json!(0)).is_some(), "and so is Greenwich");
    }
}
