//! A command as the message that asks for it: the other direction of [`parse`](super::parse).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Action, topic};
use crate::bindings::connector::{
    ChargeLimits, ChargingCurrent, Climate, Seat, Signal, WindowPosition, Windows,
};
use crate::wire::operation::OTHER;
use crate::wire::preference::ClimatePreference;

impl Action {
    /// Returns the operation of a topic, and a payload, that ask for this command.
    #[must_use]
    pub(crate) fn to_message(&self) -> (Cow<'static, str>, String) {
        let (operation, payload) = match self {
            Self::Other { name, arguments } => {
                return (format!("{OTHER}{name}").into(), Value::Object(arguments.clone()).to_string());
            }
            Self::RefreshCached => ("refresh_cached", json!({})),
            Self::RefreshSmart(max_age) => ("refresh_smart", json!({"max_age_s": max_age.as_secs()})),
            Self::RefreshForce => ("refresh_force", json!({})),
            Self::Lock => ("lock", json!({"action": "lock"})),
            Self::Unlock => ("unlock", json!({})),
            Self::StartClimate(climate) => ("climate", of_climate(climate)),
            Self::StopClimate => ("climate", json!({"action": "stop"})),
            Self::SetWindows(windows) => ("windows", of_windows(windows)),
            Self::OpenChargePort => ("charge_port", json!({"action": "open"})),
            Self::CloseChargePort => ("charge_port", json!({"action": "close"})),
            Self::StartCharging => ("charging", json!({"action": "start"})),
            Self::StopCharging => ("charging", json!({"action": "stop"})),
            Self::SetChargeLimits(ChargeLimits { ac, dc }) => ("charge_limits", json!({"ac": ac, "dc": dc})),
            Self::SetChargingCurrent(ChargingCurrent::Percent(percent)) => {
                ("charging_current", json!(format!("{percent} %")))
            }
            Self::SetChargingCurrent(ChargingCurrent::Amperes(amperes)) => {
                ("charging_current", json!(format!("{amperes} A")))
            }
            Self::Signal(signal) => ("signal", json!({"action": of_signal(*signal)})),
            Self::PreferClimate(preference) => (preference.topic(), of_preference(*preference)),
            Self::CheckActionStatus(about) => (topic::ACTION_STATUS, json!({"about": about})),
        };
        (operation.into(), payload.to_string())
    }
}

fn of_preference(preference: ClimatePreference) -> Value {
    match preference {
        ClimatePreference::Temperature(celsius) => json!({"value": celsius}),
        ClimatePreference::Minutes(minutes) => json!({"value": minutes}),
        ClimatePreference::Defrost(on) => json!({"value": on}),
    }
}

const fn of_signal(signal: Signal) -> &'static str {
    match signal {
        Signal::Lights => "lights",
        Signal::Horn => "horn",
        Signal::HornAndLights => "horn_and_lights",
    }
}

fn of_climate(climate: &Climate) -> Value {
    let Climate { temperature, duration, defrost, heating, seats } = climate;
    let seats: Map<String, Value> = seats
        .iter()
        .map(|(seat, level)| {
            let name = match seat {
                Seat::FrontLeft => "fl",
                Seat::FrontRight => "fr",
                Seat::RearLeft => "rl",
                Seat::RearRight => "rr",
            };
            (name.to_owned(), json!(level))
        })
        .collect();
    json!({"action": "start", "set_temp": temperature, "duration_min": duration, "defrost": defrost,
           "heating": heating, "seats": seats})
}

fn of_windows(windows: &Windows) -> Value {
    let Windows { front_left, front_right, rear_left, rear_right } = windows;
    let word = |position: &Option<WindowPosition>| {
        position.map(|position| match position {
            WindowPosition::Closed => "closed",
            WindowPosition::Open => "open",
            WindowPosition::Vent => "vent",
        })
    };
    json!({"front_left": word(front_left), "front_right": word(front_right), "rear_left": word(rear_left),
           "rear_right": word(rear_right)})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::command::{Command, check, parse};
    use crate::wire::outcome::Reason;

    fn climates() -> impl Strategy<Value = Climate> {
        let seats = [Seat::FrontLeft, Seat::FrontRight, Seat::RearLeft, Seat::RearRight];
        let level = proptest::option::of(any::<u8>());
        let levels = [level.clone(), level.clone(), level.clone(), level];
        let temperature = proptest::option::of(-100.0_f32..100.0);
        (temperature, any::<Option<u16>>(), any::<Option<bool>>(), any::<Option<u8>>(), levels).prop_map(
            move |(temperature, duration, defrost, heating, levels)| {
                let seats = seats.into_iter().zip(levels).filter_map(|(seat, level)| Some((seat, level?)));
                Climate { temperature, duration, defrost, heating, seats: seats.collect() }
            },
        )
    }

    fn positions() -> impl Strategy<Value = Option<WindowPosition>> {
        let all = vec![WindowPosition::Closed, WindowPosition::Open, WindowPosition::Vent];
        proptest::option::of(proptest::sample::select(all))
    }

    fn charge_limits() -> impl Strategy<Value = ChargeLimits> {
        let limit = || proptest::option::of(0_u8..=100);
        (limit(), limit())
            .prop_map(|(ac, dc)| ChargeLimits { ac, dc })
            .prop_filter("one of the two", |limits| limits.ac.or(limits.dc).is_some())
    }

    fn actions() -> impl Strategy<Value = Action> {
        let windows = [positions(), positions(), positions(), positions()];
        prop_oneof![
            Just(Action::RefreshCached),
            any::<u64>().prop_map(|seconds| Action::RefreshSmart(Duration::from_secs(seconds))),
            Just(Action::RefreshForce),
            Just(Action::Lock),
            Just(Action::Unlock),
            climates().prop_map(Action::StartClimate),
            Just(Action::StopClimate),
            windows.prop_map(|[front_left, front_right, rear_left, rear_right]| {
                Action::SetWindows(Windows { front_left, front_right, rear_left, rear_right })
            }),
            Just(Action::OpenChargePort),
            Just(Action::CloseChargePort),
            Just(Action::StartCharging),
            Just(Action::StopCharging),
            charge_limits().prop_map(Action::SetChargeLimits),
            (1_u8..=100).prop_map(|percent| Action::SetChargingCurrent(ChargingCurrent::Percent(percent))),
            (1_u16..=999).prop_map(|amperes| Action::SetChargingCurrent(ChargingCurrent::Amperes(amperes))),
            proptest::sample::select(vec![Signal::Lights, Signal::Horn, Signal::HornAndLights])
                .prop_map(Action::Signal),
            proptest::option::of("[a-zA-Z0-9._-]{1,128}").prop_map(|id| {
                Action::CheckActionStatus(id.filter(|id| !id.eq_ignore_ascii_case("last")))
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_message_asks_for_what_the_command_does(action in actions()) {
            let (operation, payload) = action.to_message();
            prop_assert_eq!(parse(&operation, payload.as_bytes()).unwrap(), Command::new(action.clone()));
            prop_assert_eq!(check(Command::new(action.clone()).with_id("a")).unwrap(), Command::new(action).with_id("a"));
        }
    }

    #[test]
    fn what_no_message_can_ask_for_is_refused() {
        let climate = |temperature, seats: &[(Seat, u8)]| {
            let nothing = (None, None, None);
            let (duration, defrost, heating) = nothing;
            Action::StartClimate(Climate { temperature, duration, defrost, heating, seats: seats.to_vec() })
        };
        for (action, words) in [
            (Action::SetChargingCurrent(ChargingCurrent::Percent(101)), "60 %, 16 A"),
            (Action::SetChargingCurrent(ChargingCurrent::Amperes(0)), "60 %, 16 A"),
            (Action::SetChargeLimits(ChargeLimits { ac: None, dc: None }), "names neither"),
            (Action::SetChargeLimits(ChargeLimits { ac: Some(101), dc: None }), "ac 101 is not"),
            (climate(Some(f32::NAN), &[]), "temperature"),
            (climate(None, &[(Seat::FrontLeft, 1), (Seat::FrontLeft, 2)]), "twice"),
            (Action::CheckActionStatus(Some("a/b".to_owned())), "no identifier"),
        ] {
            let wrong = check(Command::new(action).with_id("mine")).unwrap_err();
            assert!(wrong.message.contains(words), "{}", wrong.message);
            assert_eq!((wrong.reason, wrong.id.as_deref()), (Reason::BadPayload, Some("mine")));
        }
        let wrong = check(Command::new(Action::Lock).with_id("a/b")).unwrap_err();
        assert!(wrong.message.contains("the id must have"), "{}", wrong.message);
    }
}
