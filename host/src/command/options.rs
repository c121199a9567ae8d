//! The JSON forms of commands.
//!
//! A field that an operation does not know is a mistake: a misspelt option that is ignored opens the wrong window.
//! Ranges are the connector's to check, because they are the vendor's.

use std::fmt::Display;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Number;

use super::{Action, is_id};
use crate::bindings::connector::{self, Seat, WindowPosition, Windows};

/// How old what is known may be for `refresh_smart` if the caller does not say.
pub const SMART_MAX_AGE: Duration = Duration::from_secs(300);

type Understood = Result<(Action, Option<String>), String>;

fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("the payload is not understood: {error}"))
}

/// A whole number that the connector can be told; whether it is one that the vehicle takes is for the connector to say.
fn whole<T: TryFrom<u64> + Display>(
    name: &str,
    number: Option<Number>,
    most: T,
) -> Result<Option<T>, String> {
    let Some(number) = number else { return Ok(None) };
    match number.as_u64().map(T::try_from) {
        Some(Ok(whole)) => Ok(Some(whole)),
        _ => Err(format!("{name} {number} is not a whole number from 0 to {most}")),
    }
}

/// No options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    pub(super) id: Option<String>,
}

impl Plain {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        object(text)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smart {
    id: Option<String>,
    max_age_s: Option<Number>,
}

impl Smart {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, max_age_s } = object(text)?;
        let max_age_s = whole("max_age_s", max_age_s, u64::MAX)?;
        Ok((Action::RefreshSmart(max_age_s.map_or(SMART_MAX_AGE, Duration::from_secs)), id))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Doors {
    id: Option<String>,
    #[serde(default)]
    action: DoorsAction,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DoorsAction {
    #[default]
    Lock,
    Unlock,
}

impl Doors {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = match action {
            DoorsAction::Lock => Action::Lock,
            DoorsAction::Unlock => Action::Unlock,
        };
        Ok((action, id))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Climate {
    id: Option<String>,
    action: ClimateAction,
    set_temp: Option<f32>,
    duration_min: Option<Number>,
    defrost: Option<bool>,
    heating: Option<Number>,
    #[serde(default)]
    seats: Seats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClimateAction {
    Start,
    Stop,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seats {
    fl: Option<Number>,
    fr: Option<Number>,
    rl: Option<Number>,
    rr: Option<Number>,
}

impl Climate {
    /// Everything as the connector has it by default.
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
        let Self { id, action, set_temp, duration_min, defrost, heating, seats } = object(text)?;
        let Seats { fl, fr, rl, rr } = seats;
        let mut levels = Vec::new();
        for (seat, name, level) in [
            (Seat::FrontLeft, "seats.fl", fl),
            (Seat::FrontRight, "seats.fr", fr),
            (Seat::RearLeft, "seats.rl", rl),
            (Seat::RearRight, "seats.rr", rr),
        ] {
            levels.extend(whole(name, level, u8::MAX)?.map(|level| (seat, level)));
        }
        let climate = connector::Climate {
            temperature: set_temp,
            duration: whole("duration_min", duration_min, u16::MAX)?,
            defrost,
            heating: whole("heating", heating, u8::MAX)?,
            seats: levels,
        };
        match action {
            ClimateAction::Start => Ok((Action::StartClimate(climate), id)),
            ClimateAction::Stop if climate == Self::by_default() => Ok((Action::StopClimate, id)),
            ClimateAction::Stop => Err("stopping the climate has no options".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    Closed,
    Vent,
    Open,
}

impl From<Position> for WindowPosition {
    fn from(position: Position) -> Self {
        match position {
            Position::Closed => Self::Closed,
            Position::Vent => Self::Vent,
            Position::Open => Self::Open,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowChoice {
    id: Option<String>,
    all: Option<Position>,
    front_left: Option<Position>,
    front_right: Option<Position>,
    rear_left: Option<Position>,
    rear_right: Option<Position>,
}

impl WindowChoice {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, all, front_left, front_right, rear_left, rear_right } = object(text)?;
        let position = |own: Option<Position>| own.or(all).map(Into::into);
        let windows = Windows {
            front_left: position(front_left),
            front_right: position(front_right),
            rear_left: position(rear_left),
            rear_right: position(rear_right),
        };
        Ok((Action::SetWindows(windows), id))
    }
}

/// One word moves all windows.
pub(super) fn words_of_windows(word: &str) -> Option<Action> {
    let position = match word {
        "closed" | "close" => WindowPosition::Closed,
        "vent" => WindowPosition::Vent,
        "open" => WindowPosition::Open,
        _ => return None,
    };
    let position = Some(position);
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
    id: Option<String>,
    action: ChargePortAction,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChargePortAction {
    Open,
    Close,
}

impl ChargePort {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, action } = object(text)?;
        let action = match action {
            ChargePortAction::Open => Action::OpenChargePort,
            ChargePortAction::Close => Action::CloseChargePort,
        };
        Ok((action, id))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Charging {
    id: Option<String>,
    level: Number,
}

impl Charging {
    pub(super) fn read(text: &str) -> Understood {
        let Self { id, level } = object(text)?;
        // The vendor's levels, which callers of the replaced service know.
        let percent = match level.as_u64() {
            Some(1) => 100,
            Some(2) => 90,
            Some(3) => 60,
            _ => return Err(format!("level {level} is not one of 1, 2, 3")),
        };
        Ok((Action::SetChargingCurrent(percent), id))
    }
}

/// Here the id names the action to ask about; the question itself gets an identifier from the host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// What to ask about. Without it `id` is that.
    about: Option<String>,
    id: Option<String>,
}

impl Question {
    pub(super) fn read(text: &str) -> Understood {
        let Self { about, id } = object(text)?;
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
