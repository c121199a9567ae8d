//! The host's state document, and what both formats of answers have in common.
//!
//! Every field is optional; what the cloud does not say, or says in a way that cannot be, is left out.

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
    /// Sets a field, if there is something to set it to.
    fn put<V: Into<Value>>(&mut self, name: &str, value: Option<V>) {
        if let Some(value) = value {
            self.fields.insert(name.to_owned(), value.into());
        }
    }

    /// Sets a field of four, if at least one of them is known.
    fn put_corners(&mut self, name: &str, corners: [Option<bool>; 4]) {
        let names = ["front_left", "front_right", "rear_left", "rear_right"];
        let known = names.into_iter().zip(corners).filter_map(|(name, open)| Some((name, open?)));
        let corners: Map<String, Value> = known.map(|(name, open)| (name.to_owned(), open.into())).collect();
        self.put(name, (!corners.is_empty()).then_some(corners));
    }

    /// Sets when the vehicle said all this, in seconds since the epoch.
    fn put_time(&mut self, seconds: Option<i64>) {
        self.seconds = seconds;
        self.put("vehicle_time", seconds.map(time::rfc3339));
    }

    /// Sets where it is. Latitude and longitude are marks, which the host turns back into numbers.
    fn put_location(&mut self, latitude: Option<&Value>, longitude: Option<&Value>, seconds: Option<i64>) {
        let mark = |value: Option<&Value>| value.filter(|value| hidden(value)).cloned();
        if let (Some(latitude), Some(longitude)) = (mark(latitude), mark(longitude)) {
            let mut location = json!({ "latitude": latitude, "longitude": longitude });
            if let (Some(seconds), Some(fields)) = (seconds, location.as_object_mut()) {
                fields.insert("time".to_owned(), time::rfc3339(seconds).into());
            }
            self.put("location", Some(location));
        }
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

/// A number, also one that is written as a string.
fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A truth value, also one that is written as a number.
fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        other => number(Some(other)).map(|number| number != 0.0),
    }
}

/// A share of a hundred; anything else is a sensor that does not know.
fn percent(value: Option<&Value>) -> Option<f64> {
    number(value).filter(|percent| (0.0..=100.0).contains(percent))
}

/// A distance in kilometres. Units: 1 is kilometres, 2 and 3 are miles; without one it is kilometres.
fn kilometres(value: Option<&Value>, unit: Option<&Value>) -> Option<f64> {
    let distance = number(value).filter(|distance| (0.0..10_000_000.0).contains(distance))?;
    match unit.and_then(Value::as_u64) {
        None | Some(1) => Some(distance),
        // One decimal, as exact as the vehicle is.
        Some(2 | 3) => Some(tenths(distance * MILE)),
        Some(_) => None,
    }
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

/// A temperature that a climate control can be set to, in degrees Celsius.
fn temperature(value: Option<f64>, unit: Option<&Value>) -> Option<f64> {
    let celsius = match unit.and_then(Value::as_u64) {
        None | Some(0) => value?,
        Some(1) => (value? - 32.0) / 1.8,
        Some(_) => return None,
    };
    (10.0..=40.0).contains(&celsius).then(|| tenths(celsius))
}

/// A time in the vendor's compact form, in seconds since the epoch.
fn moment(value: Option<&Value>, clock: Clock) -> Option<i64> {
    time::compact(value?.as_str()?, clock)
}

#[cfg(test)]
mod tests;
