//! Rules of the values of a state, whatever their source. The ranges are those of `docs/state.schema.json`.

use serde_json::Value;

/// Rule of one value of the state document: what it can be.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Path of the value: a field, or a field and one of its corners.
    pub(crate) path: &'static str,
    pub(crate) class: Class,
}

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Yes or no.
    Flag,
    /// A share of a whole, in percent.
    Share,
    /// Share that is left in a battery that does not empty within one step, in percent.
    Charge,
    /// Distance that can be driven, in kilometres.
    Distance,
    /// Counter that only grows, in kilometres.
    Counter,
    /// Temperature that a climate can be set to, in degrees Celsius.
    Temperature,
}

const fn rule(path: &'static str, class: Class) -> Rule {
    Rule { path, class }
}

/// Rules of all values that are published. A test holds them against the state document.
pub(crate) const RULES: [Rule; 23] = [
    rule("locked", Class::Flag),
    rule("doors/front_left", Class::Flag),
    rule("doors/front_right", Class::Flag),
    rule("doors/rear_left", Class::Flag),
    rule("doors/rear_right", Class::Flag),
    rule("windows/front_left", Class::Flag),
    rule("windows/front_right", Class::Flag),
    rule("windows/rear_left", Class::Flag),
    rule("windows/rear_right", Class::Flag),
    rule("trunk_open", Class::Flag),
    rule("hood_open", Class::Flag),
    rule("soc_percent", Class::Charge),
    rule("range_km", Class::Distance),
    rule("odometer_km", Class::Counter),
    // Of the 12 V battery: what a sleeping one says is no worse than what an awake one says.
    rule("aux_battery_percent", Class::Share),
    rule("plugged_in", Class::Flag),
    rule("charging", Class::Flag),
    rule("charge_port_open", Class::Flag),
    rule("charge_limit_ac_percent", Class::Share),
    rule("charge_limit_dc_percent", Class::Share),
    rule("charging_current_percent", Class::Share),
    rule("climate_on", Class::Flag),
    rule("target_temperature_c", Class::Temperature),
];

/// The longest range that a vehicle shows, in kilometres; anything above is a counter that was never set.
const LONGEST_RANGE: f64 = 5_000.0;

/// The longest way that a vehicle has gone, in kilometres.
const LONGEST_WAY: f64 = 10_000_000.0;

/// Highest temperature that a climate can be set to, in degrees Celsius.
const HOTTEST: f64 = 50.0;

/// Values by which vehicles write "not available" where a distance belongs: 16 bits that are all set, whole
/// and in tenths, and 24 bits in tenths. Those of more bits are out of range anyway.
const NOT_AVAILABLE: [f64; 3] = [65_535.0, 6_553.5, 1_677_721.5];

impl Class {
    /// Reads a value of this class. None if it is not one: not available, out of range, or of another type.
    pub(crate) fn read(self, value: &Value) -> Option<Value> {
        let within = |most: f64| number(value).filter(|number| (0.0..=most).contains(number));
        let available = |number: &f64| !NOT_AVAILABLE.contains(number);
        match self {
            Self::Flag => flag(value).map(Value::from),
            Self::Share | Self::Charge => within(100.0).map(Value::from),
            Self::Distance => within(LONGEST_RANGE).filter(available).map(Value::from),
            Self::Counter => within(LONGEST_WAY).filter(available).map(Value::from),
            Self::Temperature => within(HOTTEST).map(Value::from),
        }
    }
}

/// Reads a number, also one that is written as a text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// Reads yes or no, also as 1 or 0 and as a text. Any other number means something else, mostly "not
/// available".
fn flag(value: &Value) -> Option<bool> {
    let text = value.as_str().map(str::trim);
    match value {
        Value::Bool(flag) => Some(*flag),
        _ if text.is_some_and(|text| text.eq_ignore_ascii_case("true")) => Some(true),
        _ if text.is_some_and(|text| text.eq_ignore_ascii_case("false")) => Some(false),
        _ => [(0.0, false), (1.0, true)]
            .into_iter()
            .find_map(|(written, flag)| (number(value) == Some(written)).then_some(flag)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::vehicle::state::{Corners, VehicleState};

    #[test]
    fn every_value_of_the_state_has_one_rule() {
        let corners = || Some(Corners::default());
        let state = VehicleState { doors: corners(), windows: corners(), ..VehicleState::default() };
        let mut paths = BTreeSet::new();
        for (field, value) in serde_json::to_value(state).unwrap().as_object().unwrap() {
            match value.as_object() {
                Some(corners) => paths.extend(corners.keys().map(|corner| format!("{field}/{corner}"))),
                None => paths.extend([field.clone()]),
            }
        }
        let ruled: BTreeSet<String> = RULES.iter().map(|rule| rule.path.to_owned()).collect();
        assert_eq!((ruled.len(), ruled), (RULES.len(), paths));
    }

    #[test]
    fn what_is_not_available_is_no_value_of_any_class() {
        let classes = RULES.iter().map(|rule| rule.class);
        for class in classes {
            for nothing in [
                json!(-1),
                json!(1e300),
                json!(16_777_215),
                json!("OFF"),
                json!("NaN"),
                json!([]),
                json!(null),
            ] {
                assert_eq!(class.read(&nothing), None, "{class:?}: {nothing}");
            }
            let all_bits = class.read(&json!(255));
            let is_distance = matches!(class, Class::Distance | Class::Counter);
            assert_eq!(all_bits.is_some(), is_distance, "{class:?}: 255");
            assert_eq!(class.read(&json!(65_535)), None, "{class:?}");
        }
    }

    #[test]
    fn yes_and_no_as_they_are_written() {
        for (written, flag) in [
            (json!(true), Some(true)),
            (json!(0), Some(false)),
            (json!(1.0), Some(true)),
            (json!("1"), Some(true)),
            (json!("true"), Some(true)),
            (json!(" False "), Some(false)),
            (json!(2), None),
            (json!(0.5), None),
            (json!("yes"), None),
        ] {
            assert_eq!(Class::Flag.read(&written), flag.map(Value::from), "{written}");
        }
    }
}
