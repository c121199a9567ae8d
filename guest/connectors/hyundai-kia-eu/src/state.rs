//! The host's state document, and what both formats of answers have in common.
//!
//! What the cloud does not say is left out, and `null` is what it says in a way that cannot be.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json::{Map, Value, json};

use crate::time::{self, Clock};

pub(crate) mod ccs2;
pub(crate) mod legacy;

/// Kilometres in a mile.
const MILE: f64 = 1.609_344;

/// How the host marks a value that it took out of an answer.
const MARK: &str = "{private:";

/// A state document in the making.
#[derive(Debug, Default)]
pub(crate) struct Document {
    fields: Map<String, Value>,
    seconds: Option<i64>,
}

impl Document {
    /// Sets a field to what the vehicle says of it.
    fn put<V: Into<Value>>(&mut self, name: &str, said: Said<V>) {
        if let Some(value) = said.into_json() {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// Sets a field of four.
    fn put_corners(&mut self, name: &str, corners: [Said<bool>; 4]) {
        let names = ["front_left", "front_right", "rear_left", "rear_right"];
        let known = names.into_iter().zip(corners);
        let corners: Map<String, Value> =
            known.filter_map(|(name, open)| Some((name.to_owned(), open.into_json()?))).collect();
        if !corners.is_empty() {
            self.fields.insert(name.to_owned(), corners.into());
        }
    }

    /// Sets when the vehicle said all this, in seconds since the epoch.
    fn put_time(&mut self, seconds: Option<i64>) {
        self.seconds = seconds;
        if let Some(seconds) = seconds {
            self.fields.insert("vehicle_time".to_owned(), time::rfc3339(seconds).into());
        }
    }

    /// Sets where it is. Latitude and longitude are marks, which the host turns back into numbers. It leaves alone what is
    /// no coordinate, and 0, which is one only beside another: both together are a receiver that sees no satellite.
    fn put_location(&mut self, latitude: Option<&Value>, longitude: Option<&Value>, seconds: Option<i64>) {
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

    /// Whether it says anything of the vehicle but when and where.
    pub(crate) fn has_values(&self) -> bool {
        let is_value = |(name, value): (&String, &Value)| {
            name != "vehicle_time" && name != "location" && !value.is_null()
        };
        self.fields.iter().any(is_value)
    }

    /// Whether it says where the vehicle is.
    pub(crate) fn has_location(&self) -> bool {
        self.fields.contains_key("location")
    }

    /// When the vehicle said all this, in seconds since the epoch.
    pub(crate) fn seconds(&self) -> Option<i64> {
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
enum Said<T> {
    /// It is not mentioned.
    Nothing,
    /// The vehicle does not know it: "not available", or what cannot be.
    NotAvailable,
    /// This.
    Value(T),
}

impl<T> Said<T> {
    /// What is read out of a value. An empty value mentions nothing.
    fn of(value: Option<&Value>, read: impl FnOnce(&Value) -> Option<T>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(value) => read(value).map_or(Self::NotAvailable, Self::Value),
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::NotAvailable => None,
        }
    }
}

impl<T: Into<Value>> Said<T> {
    /// As the host's document has it: absent, `null`, or the value.
    fn into_json(self) -> Option<Value> {
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
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// One of the values that a field's table lists, as a number: 0 is no, every other one is yes. Other numbers are no
/// values, most of them "not available". Truth values and their names are understood everywhere.
fn one_of(value: Option<&Value>, listed: &[f64]) -> Said<bool> {
    Said::of(value, |value| match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        other => number(other).filter(|number| listed.contains(number)).map(|number| number != 0.0),
    })
}

/// A truth value, also one that is written as 1 or 0.
fn flag(value: Option<&Value>) -> Said<bool> {
    one_of(value, &[0.0, 1.0])
}

/// Whether something that has levels is on: 0 is off, and what is above the highest level is no level.
fn level(value: Option<&Value>, highest: f64) -> Said<bool> {
    Said::of(value, |value| match value {
        Value::Bool(flag) => Some(*flag),
        other => number(other).filter(|level| (0.0..=highest).contains(level)).map(|level| level > 0.0),
    })
}

/// A share of a hundred; anything else is a sensor that does not know.
fn percent(value: Option<&Value>) -> Said<f64> {
    Said::of(value, |value| number(value).filter(|percent| (0.0..=100.0).contains(percent)))
}

/// The number of a unit, also one that is written as a string. Vehicles that mention none have the usual one; none is what
/// is no number, because nobody knows what it stands for.
fn unit(value: Option<&Value>, usual: f64) -> Option<f64> {
    match value {
        None | Some(Value::Null) => Some(usual),
        Some(Value::String(text)) if text.trim().is_empty() => Some(usual),
        Some(value) => number(value),
    }
}

/// The first distance that is none. Also what has all of 24 or 32 bits set is above it.
const TOO_FAR: f64 = 10_000_000.0;

/// How "not available" is written where a distance belongs: 16 bits that are all set, whole and in tenths, and 24 bits in
/// tenths. The host knows these too, but not once they were miles.
const NO_DISTANCE: [f64; 3] = [65_535.0, 6_553.5, 1_677_721.5];

/// A distance in kilometres. Units: 1 is kilometres, 2 and 3 are miles; without one it is kilometres.
fn kilometres(value: Option<&Value>, said_in: Option<&Value>) -> Said<f64> {
    Said::of(value, |value| {
        let distance = number(value).filter(|distance| (0.0..TOO_FAR).contains(distance))?;
        if NO_DISTANCE.contains(&distance) {
            return None;
        }
        match unit(said_in, 1.0)? {
            1.0 => Some(distance),
            // One decimal, as exact as the vehicle is.
            2.0 | 3.0 => Some(tenths(distance * MILE)),
            _ => None,
        }
    })
}

/// Rounded to one decimal; for values above zero, which is all that is rounded here.
fn tenths(value: f64) -> f64 {
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

/// A temperature that a climate control can be set to, in degrees Celsius. Units: 0 is Celsius, 1 is Fahrenheit; without
/// one it is Celsius.
fn temperature(value: f64, said_in: Option<&Value>) -> Option<f64> {
    let celsius = match unit(said_in, 0.0)? {
        0.0 => value,
        1.0 => (value - 32.0) / 1.8,
        _ => return None,
    };
    (10.0..=40.0).contains(&celsius).then(|| tenths(celsius))
}

/// A time in the vendor's compact form, in seconds since the epoch.
fn moment(value: Option<&Value>, clock: Clock, now: i64) -> Option<i64> {
    time::compact(value?.as_str()?, clock, now)
}

#[cfg(test)]
mod tests;
