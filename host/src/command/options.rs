//! The JSON forms of commands.
//!
//! A field that an operation does not know is a mistake: a misspelt option that is ignored opens the wrong
//! window. Ranges are the connector's to check, because they are the vendor's.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::scalar::Scalar;
use super::{Action, is_id};
use crate::bindings::connector::{
    self, ChargeLimits, ChargingCurrent, Seat, Signal, WindowPosition, Windows,
};
use crate::wire::preference::ClimatePreference;

/// Age that what is known may have for `refresh_smart` if the caller does not say.
pub const SMART_MAX_AGE: Duration = Duration::from_secs(300);

type Understood = Result<(Action, Option<String>), String>;

fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("the payload is not understood: {error}"))
}

/// The caller's identifier.
fn identifier(id: Option<&Scalar>) -> Result<Option<String>, String> {
    id.map(Scalar::identifier).transpose()
}

/// Options of a command that takes an identifier only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    id: Option<Scalar>,
}

impl Plain {
    /// Reads the object of a command that takes an identifier only.
    pub(super) fn read(text: &str, action: Action) -> Understood {
        let Self { id } = object(text)?;
        Ok((action, identifier(id.as_ref())?))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smart {
    id: Option<Scalar>,
    max_age_s: Option<Scalar>,
}

impl Smart {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, max_age_s } = object(text)?;
        let max_age_s = max_age_s.map(|age| age.whole("max_age_s", u64::MAX)).transpose()?;
        let action = Action::RefreshSmart(max_age_s.map_or(SMART_MAX_AGE, Duration::from_secs));
        Ok((action, identifier(id.as_ref())?))
    }
}

/// Reads a word, which stands for an age.
pub(super) fn word_of_smart(word: &str) -> Option<Action> {
    let max_age = match word {
        "press" | "smart" => SMART_MAX_AGE,
        seconds => Duration::from_secs(Scalar::of_word(seconds).whole("", u64::MAX).ok()?),
    };
    Some(Action::RefreshSmart(max_age))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Doors {
    id: Option<Scalar>,
    action: Option<Scalar>,
}

impl Doors {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = action.map(|action| action.choice("action", "lock, unlock", word_of_doors));
        Ok((action.transpose()?.unwrap_or(Action::Lock), identifier(id.as_ref())?))
    }
}

/// Reads the direction of the doors.
pub(super) fn word_of_doors(word: &str) -> Option<Action> {
    match word {
        "press" | "lock" => Some(Action::Lock),
        "unlock" => Some(Action::Unlock),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Climate {
    id: Option<Scalar>,
    action: Scalar,
    set_temp: Option<Scalar>,
    duration_min: Option<Scalar>,
    defrost: Option<Scalar>,
    heating: Option<Scalar>,
    steering_wheel: Option<Scalar>,
    #[serde(default)]
    seats: Seats,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seats {
    fl: Option<Scalar>,
    fr: Option<Scalar>,
    rl: Option<Scalar>,
    rr: Option<Scalar>,
}

impl Climate {
    /// Climate with everything as the connector has it by default.
    pub(super) const fn by_default() -> connector::Climate {
        connector::Climate {
            temperature: None,
            duration: None,
            defrost: None,
            heating: None,
            seats: Vec::new(),
        }
    }

    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action, set_temp, duration_min, defrost, heating, steering_wheel, seats } =
            object(text)?;
        let Seats { fl, fr, rl, rr } = seats;
        let mut levels = Vec::new();
        for (seat, name, level) in [
            (Seat::FrontLeft, "seats.fl", fl),
            (Seat::FrontRight, "seats.fr", fr),
            (Seat::RearLeft, "seats.rl", rl),
            (Seat::RearRight, "seats.rr", rr),
        ] {
            levels
                .extend(level.map(|level| Ok::<_, String>((seat, level.whole(name, u8::MAX)?))).transpose()?);
        }
        let heating = heating.map(|heating| heating.whole("heating", u8::MAX)).transpose()?;
        let wheel = steering_wheel.map(|wheel| wheel.truth("steering_wheel")).transpose()?;
        let climate = connector::Climate {
            temperature: set_temp.map(|temperature| temperature.decimal("set_temp")).transpose()?,
            duration: duration_min.map(|minutes| minutes.whole("duration_min", u16::MAX)).transpose()?,
            defrost: defrost.map(|defrost| defrost.truth("defrost")).transpose()?,
            heating: with_steering_wheel(heating, wheel)?,
            seats: levels,
        };
        let id = identifier(id.as_ref())?;
        match action.choice("action", "start, stop", word_of_climate)? {
            Action::StopClimate if climate != Self::by_default() => {
                Err("stopping the climate has no options".to_owned())
            }
            Action::StopClimate => Ok((Action::StopClimate, id)),
            _ => Ok((Action::StartClimate(climate), id)),
        }
    }
}

/// The vendor's numbers for what is heated: 1 and 2 mirrors and rear window, 3 the steering wheel, 4 both.
const WHEEL: u8 = 3;
const WHEEL_AND_WINDOWS: u8 = 4;

/// Merges the steering wheel into what is heated.
fn with_steering_wheel(heating: Option<u8>, wheel: Option<bool>) -> Result<Option<u8>, String> {
    match (heating, wheel) {
        (None | Some(0), Some(true)) => Ok(Some(WHEEL)),
        (Some(1 | 2), Some(true)) => Ok(Some(WHEEL_AND_WINDOWS)),
        (Some(WHEEL | WHEEL_AND_WINDOWS), Some(false)) => {
            Err("heating 3 and 4 heat the steering wheel; leave steering_wheel out or choose another"
                .to_owned())
        }
        (heating, _) => Ok(heating),
    }
}

/// Reads a word for the climate: started as it is by default, or stopped.
pub(super) fn word_of_climate(word: &str) -> Option<Action> {
    match word {
        "auto" | "start" => Some(Action::StartClimate(Climate::by_default())),
        "off" | "stop" => Some(Action::StopClimate),
        _ => None,
    }
}

fn position(word: &str) -> Option<WindowPosition> {
    match word {
        "closed" | "close" => Some(WindowPosition::Closed),
        "vent" => Some(WindowPosition::Vent),
        "open" => Some(WindowPosition::Open),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowChoice {
    id: Option<Scalar>,
    all: Option<Scalar>,
    front_left: Option<Scalar>,
    front_right: Option<Scalar>,
    rear_left: Option<Scalar>,
    rear_right: Option<Scalar>,
}

impl WindowChoice {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, all, front_left, front_right, rear_left, rear_right } = object(text)?;
        let read = |name: &str, window: Option<Scalar>| {
            window.map(|window| window.choice(name, "closed, vent, open", position)).transpose()
        };
        let all = read("all", all)?;
        let windows = Windows {
            front_left: read("front_left", front_left)?.or(all),
            front_right: read("front_right", front_right)?.or(all),
            rear_left: read("rear_left", rear_left)?.or(all),
            rear_right: read("rear_right", rear_right)?.or(all),
        };
        Ok((Action::SetWindows(windows), identifier(id.as_ref())?))
    }
}

/// Reads a word that moves all windows.
pub(super) fn word_of_windows(word: &str) -> Option<Action> {
    let position = Some(position(word)?);
    Some(Action::SetWindows(Windows {
        front_left: position,
        front_right: position,
        rear_left: position,
        rear_right: position,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargePort {
    id: Option<Scalar>,
    action: Scalar,
}

impl ChargePort {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = action.choice("action", "open, close", word_of_charge_port)?;
        Ok((action, identifier(id.as_ref())?))
    }
}

/// Reads the direction of the charge port's flap.
pub(super) fn word_of_charge_port(word: &str) -> Option<Action> {
    match word {
        "open" => Some(Action::OpenChargePort),
        "close" | "closed" => Some(Action::CloseChargePort),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Charging {
    id: Option<Scalar>,
    action: Scalar,
}

impl Charging {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = action.choice("action", "start, stop", word_of_charging)?;
        Ok((action, identifier(id.as_ref())?))
    }
}

/// Reads whether charging starts or stops.
pub(super) fn word_of_charging(word: &str) -> Option<Action> {
    match word {
        "start" | "on" => Some(Action::StartCharging),
        "stop" | "off" => Some(Action::StopCharging),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    id: Option<Scalar>,
    ac: Option<Scalar>,
    dc: Option<Scalar>,
}

impl Limits {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, ac, dc } = object(text)?;
        let limit = |name: &str, limit: Option<Scalar>| limit.map(|it| it.whole(name, 100)).transpose();
        let limits = ChargeLimits { ac: limit("ac", ac)?, dc: limit("dc", dc)? };
        if limits.ac.or(limits.dc).is_none() {
            return Err("it names neither ac nor dc".to_owned());
        }
        Ok((Action::SetChargeLimits(limits), identifier(id.as_ref())?))
    }
}

/// Reads a share of the battery, with or without its sign, which holds for both ways of charging.
pub(super) fn word_of_limits(word: &str) -> Option<Action> {
    let percent = Scalar::of_word(word.trim_end_matches('%')).whole("", 100).ok()?;
    Some(Action::SetChargeLimits(ChargeLimits { ac: Some(percent), dc: Some(percent) }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Current {
    id: Option<Scalar>,
    level: Option<Scalar>,
    percent: Option<Scalar>,
    amperes: Option<Scalar>,
}

impl Current {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, level, percent, amperes } = object(text)?;
        let current = match (level, percent, amperes) {
            // The vendor's levels, which callers of the replaced service know.
            (Some(level), None, None) => ChargingCurrent::Percent(match level.whole("level", u8::MAX) {
                Ok(1) => 100,
                Ok(2) => 90,
                Ok(3) => 60,
                _ => return Err(format!("level {level} is not one of 1, 2, 3")),
            }),
            (None, Some(percent), None) => ChargingCurrent::Percent(percent.whole("percent", 100)?),
            (None, None, Some(amperes)) => ChargingCurrent::Amperes(amperes.whole("amperes", MOST_AMPERES)?),
            _ => return Err("it does not name one of level, percent, amperes".to_owned()),
        };
        Ok((Action::SetChargingCurrent(current), identifier(id.as_ref())?))
    }
}

/// The highest charging current that is understood, in amperes.
const MOST_AMPERES: u16 = 999;

/// Reads a charging current: a share of the most one, with or without its sign, or amperes.
pub(super) fn word_of_current(word: &str) -> Option<Action> {
    let current = match word.strip_suffix('a') {
        Some(amperes) => ChargingCurrent::Amperes(Scalar::of_word(amperes).whole("", MOST_AMPERES).ok()?),
        None => ChargingCurrent::Percent(Scalar::of_word(word.trim_end_matches('%')).whole("", 100).ok()?),
    };
    let is_none = matches!(current, ChargingCurrent::Percent(0) | ChargingCurrent::Amperes(0));
    (!is_none).then_some(Action::SetChargingCurrent(current))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noticed {
    id: Option<Scalar>,
    action: Scalar,
}

impl Noticed {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = action.choice("action", "lights, horn, horn_and_lights", word_of_signal)?;
        Ok((action, identifier(id.as_ref())?))
    }
}

/// Reads how a vehicle makes itself noticed.
pub(super) fn word_of_signal(word: &str) -> Option<Action> {
    Some(Action::Signal(match word {
        "lights" => Signal::Lights,
        "horn" => Signal::Horn,
        "horn_and_lights" => Signal::HornAndLights,
        _ => return None,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preferred {
    id: Option<Scalar>,
    value: Value,
}

impl Preferred {
    /// Reads the object of a preference.
    pub(super) fn read(
        text: &str,
        preference: fn(&Scalar) -> Result<ClimatePreference, String>,
    ) -> Understood {
        let Self { id, value } = object(text)?;
        // What a template renders for nothing is a word.
        let value = if value.is_null() { Scalar::of_word("null") } else { Scalar::of_value(value) };
        Ok((Action::PreferClimate(preference(&value)?), identifier(id.as_ref())?))
    }
}

/// Reads a preferred temperature.
pub(super) fn temperature(value: &Scalar) -> Result<ClimatePreference, String> {
    let celsius = if value.is_nothing() { None } else { Some(value.decimal("value")?) };
    Ok(ClimatePreference::Temperature(celsius))
}

/// Reads a preferred duration. 0 is none.
pub(super) fn minutes(value: &Scalar) -> Result<ClimatePreference, String> {
    let minutes = if value.is_nothing() { None } else { Some(value.whole("value", u16::MAX)?) };
    Ok(ClimatePreference::Minutes(minutes.filter(|minutes| *minutes > 0)))
}

/// Reads whether the windscreen is preferred to be defrosted.
pub(super) fn defrost(value: &Scalar) -> Result<ClimatePreference, String> {
    let on = if value.is_nothing() { None } else { Some(value.truth("value")?) };
    Ok(ClimatePreference::Defrost(on))
}

/// Reads a word that is a preference.
pub(super) fn word_of_preference(
    word: &str,
    preference: fn(&Scalar) -> Result<ClimatePreference, String>,
) -> Option<Action> {
    preference(&Scalar::of_word(word)).ok().map(Action::PreferClimate)
}

/// Question about an action, in which `id` names that action; the question itself gets an identifier from the
/// host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Identifier of the action to ask about. Without it `id` is that.
    about: Option<Scalar>,
    id: Option<Scalar>,
}

impl Question {
    pub(super) fn read(text: &str) -> Understood {
        let Self { about, id } = object(text)?;
        let (about, id) = (identifier(about.as_ref())?, identifier(id.as_ref())?);
        let (about, id) = match about {
            Some(about) => (Some(about), id),
            None => (id, None),
        };
        match about.filter(|about| !about.eq_ignore_ascii_case("last")) {
            Some(wrong) if !is_id(&wrong) => {
                Err(format!("{:?} is no identifier", crate::redact::cut(wrong, 40)))
            }
            asked => Ok((Action::CheckActionStatus(asked), id)),
        }
    }
}
