//! Private data by its name.
//!
//! A pointer says where a position or a VIN is expected. A cloud that has moved it would show it to the
//! guest, so in an answer in which something private is expected every value is hidden whose name says that
//! it is private, wherever it stands.

use serde_json::Value;

/// Names of positions and vehicle identification numbers, letters only.
const NAMES: [&str; 6] = ["lat", "lon", "lng", "long", "vin", "vehicleidentificationnumber"];

/// Endings of the longer names of positions.
const ENDINGS: [&str; 2] = ["latitude", "longitude"];

/// Calls `hide` on every number and text whose member's name says that it is private.
pub(super) fn each_named(document: &mut Value, hide: &mut impl FnMut(&mut Value)) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Number(_) | Value::String(_) if is_private(name) => hide(value),
                    value => each_named(value, hide),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_named(item, hide)),
        _ => {}
    }
}

fn is_private(name: &str) -> bool {
    let word: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let word = word.to_ascii_lowercase();
    NAMES.contains(&word.as_str()) || ENDINGS.iter().any(|ending| word.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_called_private_is_hidden_wherever_it_stands() {
        let mut document = json!({
            "Lat": 52.52, "gps_longitude": "13.40", "VIN": "x", "flat": 1, "plan": 2,
            "a": [{"coord": {"lon": 13.4, "type": 0}}], "lng": null, "vin": {"lat": 1},
        });
        each_named(&mut document, &mut |value| *value = json!("hidden"));
        let expected = json!({
            "Lat": "hidden", "gps_longitude": "hidden", "VIN": "hidden", "flat": 1, "plan": 2,
            "a": [{"coord": {"lon": "hidden", "type": 0}}], "lng": null, "vin": {"lat": "hidden"},
        });
        assert_eq!(document, expected);
    }
}
