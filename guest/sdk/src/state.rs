//! State documents (`docs/mqtt.md`), and values as clouds write them.
//!
//! What the cloud does not say is left out, and `null` is what it says in a way that cannot be.
//!
//! ```
//! use vehicle_connector_sdk::prelude::*;
//! use vehicle_connector_sdk::state::{Document, flag, percent};
//!
//! let answer = json!({ "locked": true, "battery": 255 });
//! let mut document = Document::default();
//! document.put("locked", flag(answer.get("locked")));
//! document.put("soc_percent", percent(answer.get("battery")));
//! document.put("charging", flag(answer.get("charging")));
//! assert_eq!(String::from(document), r#"{"locked":true,"soc_percent":null}"#);
//! ```

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json::{Map, Value, json};

use crate::time;

/// Kilometres in a mile.
pub const MILE: f64 = 1.609_344;

/// How the host marks a value that it took out of an answer.
const MARK: &str = "{private:";

/// A state document in the making.
#[derive(Debug, Default)]
pub struct Document {
    fields: Map<String, Value>,
    seconds: Option<i64>,
}

impl Document {
    /// Sets a field to what the vehicle says of it.
    pub fn put<V: Into<Value>>(&mut self, name: &str, said: Said<V>) {
        if let Some(value) = said.into_json() {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Sets a field of four.
    pub fn put_corners(&mut self, name: &str, corners: [Said<bool>; 4]) {
        let names = ["front_left", "front_right", "rear_left", "rear_right"];
        let known = names.into_iter().zip(corners);
        let corners: Map<String, Value> =
            known.filter_map(|(name, open)| Some((name.to_owned(), open.into_json()?))).collect();
        if !corners.is_empty() {
            self.fields.insert(name.to_owned(), corners.into());
        }
    }

    /// Sets when the vehicle said all this, in seconds since the epoch.
    pub fn put_time(&mut self, seconds: Option<i64>) {
        self.seconds = seconds;
        if let Some(seconds) = seconds {
            self.fields.insert("vehicle_time".to_owned(), time::rfc3339(seconds).into());
        }
    }

    /// Sets where it is. Latitude and longitude are marks, which the host turns back into numbers. It leaves
    /// alone what is no coordinate, and 0, which is one only beside another: both together are a receiver
    /// that sees no satellite.
    pub fn put_location(
        &mut self,
        latitude: Option<&Value>,
        longitude: Option<&Value>,
        seconds: Option<i64>,
    ) {
        let coordinate =
            |value: Option<&Value>| value.filter(|value| hidden(value) || is_zero(value)).cloned();
        let (Some(latitude), Some(longitude)) = (coordinate(latitude), coordinate(longitude)) else { return };
        if is_zero(&latitude) && is_zero(&longitude) {
            return;
        }
        let mut location = json!({ "latitude": latitude, "longitude": longitude });
        if let (Some(seconds), Some(fields)) = (seconds, location.as_object_mut()) {
            fields.insert("time".to_owned(), time::rfc3339(seconds).into());
        }
        self.fields.insert("location".to_owned(), location);
    }

    /// A field as it will be published. None if it was not mentioned.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Whether it says anything of the vehicle but when and where.
    #[must_use]
    pub fn has_values(&self) -> bool {
        let is_value = |(name, value): (&String, &Value)| {
            name != "vehicle_time" && name != "location" && !value.is_null()
        };
        self.fields.iter().any(is_value)
    }

    /// Whether it says where the vehicle is.
    #[must_use]
    pub fn has_location(&self) -> bool {
        self.fields.contains_key("location")
    }

    /// When the vehicle said all this, in seconds since the epoch.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        self.seconds
    }
}

impl From<Document> for String {
    fn from(document: Document) -> Self {
        format!("{}", Value::Object(document.fields))
    }
}

fn hidden(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(MARK))
}

/// What an answer says of something. The host keeps what was known of a thing that is not mentioned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Said<T> {
    /// It is not mentioned.
    Nothing,
    /// The vehicle does not know it: "not available", or what cannot be.
    NotAvailable,
    /// This.
    Value(T),
}

impl<T> Said<T> {
    /// What is read out of a value. An empty value mentions nothing.
    #[must_use]
    pub fn of(value: Option<&Value>, read: impl FnOnce(&Value) -> Option<T>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(value) => read(value).map_or(Self::NotAvailable, Self::Value),
        }
    }

    /// Whether it is not mentioned.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The value. None where there is none.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::NotAvailable => None,
        }
    }
}

impl<T: Into<Value>> Said<T> {
    /// As the host's document has it: absent, `null`, or the value.
    #[must_use]
    pub fn into_json(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::NotAvailable => Some(Value::Null),
            Self::Value(value) => Some(value.into()),
        }
    }
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

/// A number, also one that is written as a string.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// One of the values that a field's table lists, as a number: 0 is no, every other one is yes. Other numbers
/// are no values, most of them "not available". Truth values and their names are understood everywhere.
#[must_use]
pub fn one_of(value: Option<&Value>, listed: &[f64]) -> Said<bool> {
    Said::of(value, |value| match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        other => number(other).filter(|number| listed.contains(number)).map(|number| number != 0.0),
    })
}

/// A truth value, also one that is written as 1 or 0.
#[must_use]
pub fn flag(value: Option<&Value>) -> Said<bool> {
    one_of(value, &[0.0, 1.0])
}

/// Whether something that has levels is on: 0 is off, and what is above the highest level is no level.
#[must_use]
pub fn level(value: Option<&Value>, highest: f64) -> Said<bool> {
    Said::of(value, |value| match value {
        Value::Bool(flag) => Some(*flag),
        other => number(other).filter(|level| (0.0..=highest).contains(level)).map(|level| level > 0.0),
    })
}

/// A share of a hundred; anything else is a sensor that does not know.
#[must_use]
pub fn percent(value: Option<&Value>) -> Said<f64> {
    Said::of(value, |value| number(value).filter(|percent| (0.0..=100.0).contains(percent)))
}

/// The first distance that is none. Also what has all of 24 or 32 bits set is above it.
const TOO_FAR: f64 = 10_000_000.0;

/// How "not available" is written where a distance belongs: 16 bits that are all set, whole and in tenths,
/// and 24 bits in tenths. The host knows these too, but not once they were miles.
const NO_DISTANCE: [f64; 3] = [65_535.0, 6_553.5, 1_677_721.5];

/// A distance in kilometres. `factor` is how many of them its unit has: 1 or [`MILE`]; none if nobody knows
/// the unit.
#[must_use]
pub fn kilometres(value: Option<&Value>, factor: Option<f64>) -> Said<f64> {
    Said::of(value, |value| {
        let distance = number(value).filter(|distance| (0.0..TOO_FAR).contains(distance))?;
        if NO_DISTANCE.contains(&distance) {
            return None;
        }
        let factor = factor?;
        // One decimal, as exact as the vehicle is.
        Some(if factor > 1.0 { tenths(distance * factor) } else { distance })
    })
}

/// A temperature that a climate control can be set to, in degrees Celsius.
#[must_use]
pub fn climate_celsius(celsius: f64) -> Option<f64> {
    (10.0..=40.0).contains(&celsius).then(|| tenths(celsius))
}

/// Degrees Celsius of a temperature in degrees Fahrenheit.
#[must_use]
pub fn celsius_of(fahrenheit: f64) -> f64 {
    (fahrenheit - 32.0) / 1.8
}

/// Rounded to one decimal; for values above zero, which is all that is rounded here.
#[must_use]
pub fn tenths(value: f64) -> f64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`f64::round` is not in core; callers have bounded the value"
    )]
    let tenths = (value * 10.0 + 0.5) as u64;
    #[allow(clippy::cast_precision_loss, reason = "below 2^53, as it came from a bounded f64")]
    let rounded = tenths as f64 / 10.0;
    rounded
}
