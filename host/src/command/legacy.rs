//! Commands in the words of the service that this program replaces. What they mean is decided here; what may
//! be done, once it is known what is meant, is decided where all commands are.
//!
//! They are read as that service read them, with the tolerance of all commands here for how templates write
//! numbers, and without its silence: what is not understood is answered. A field that it did not have is a
//! mistake, as in every command.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::options::{word_of_charge_port, word_of_doors};
use super::scalar::Scalar;
use super::{Action, Command, LARGEST_PAYLOAD, Malformed, shown};
use crate::bindings::connector::{self, ChargingCurrent, Seat, WindowPosition, Windows};
use crate::wire::outcome::Reason;

/// The longest age that `smart` took: a week, in seconds.
const OLDEST: u64 = 604_800;

/// One command topic of that service.
struct Topic {
    name: &'static str,
    takes: &'static str,
    read: fn(&str) -> Result<Action, String>,
}

static TOPICS: [Topic; 6] = [
    Topic { name: "refresh", takes: "cached, force, or smart:300", read: refresh },
    Topic { name: "lock", takes: r#"{"action":"lock"} or {"action":"unlock"}"#, read: doors },
    Topic {
        name: "climate",
        takes: r#"{"action":"stop_climate"}, or {"action":"start_climate","set_temp":21,"duration":10,"defrost":true,"steering_wheel":4,"front_left_seat":6,…}"#,
        read: climate,
    },
    Topic {
        name: "windows",
        takes: r#"{"front_left":0,"front_right":…,"back_left":…,"back_right":…}, where 0 closes, 1 opens and 2 ventilates"#,
        read: windows,
    },
    Topic { name: "charge_port", takes: r#"{"action":"open"} or {"action":"close"}"#, read: charge_port },
    Topic {
        name: "charging_current",
        takes: r#"{"level":1}; 1 is 100 %, 2 is 90 %, 3 is 60 %"#,
        read: charging_current,
    },
];

/// Reads the payload of `commands/<name>`.
///
/// # Errors
///
/// When it cannot be understood. The caller gets that as the command's result.
pub(crate) fn understand(name: &str, payload: &[u8]) -> Result<Command, Malformed> {
    let malformed = |reason, message| Malformed { id: None, op: shown(name), reason, message };
    let bad = |message| malformed(Reason::BadPayload, message);
    let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) else {
        let known: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
        let name = shown(name);
        let message = format!("there is no legacy command {name:?}; there are {}", known.join(", "));
        return Err(malformed(Reason::UnknownOperation, message));
    };
    if payload.len() > LARGEST_PAYLOAD {
        let length = payload.len();
        return Err(bad(format!("the payload has {length} bytes; at most {LARGEST_PAYLOAD} are read")));
    }
    let text = std::str::from_utf8(payload).map_err(|_| bad("the payload is not valid UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    match (topic.read)(text) {
        Ok(action) => Ok(Command::new(action)),
        Err(wrong) => Err(bad(format!("{wrong}; commands/{} takes {}", topic.name, topic.takes))),
    }
}

fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("the payload is not understood: {error}"))
}

fn refresh(text: &str) -> Result<Action, String> {
    let quoted: Option<String> = serde_json::from_str(text).ok();
    let word = quoted.as_deref().unwrap_or(text).trim().to_ascii_lowercase();
    match word.split_once(':').map(|(word, age)| (word.trim(), age.trim())) {
        None if word == "cached" => Ok(Action::RefreshCached),
        None if word == "force" => Ok(Action::RefreshForce),
        None if word == "smart" => Err("smart needs an age in seconds, as in smart:300".to_owned()),
        Some(("smart", age)) => match Scalar::of_word(age).whole("the age", OLDEST)? {
            0 => Err("the age is 0; force asks the car at once".to_owned()),
            age => Ok(Action::RefreshSmart(Duration::from_secs(age))),
        },
        _ => Err(format!("{} is not understood", Scalar::of_word(&word))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direction {
    action: Scalar,
}

fn doors(text: &str) -> Result<Action, String> {
    let Direction { action } = object(text)?;
    action.choice("action", "lock, unlock", |word| word_of_doors(word).filter(|_| word != "press"))
}

fn charge_port(text: &str) -> Result<Action, String> {
    let Direction { action } = object(text)?;
    action.choice("action", "open, close", word_of_charge_port)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Climate {
    action: Scalar,
    set_temp: Option<Scalar>,
    duration: Option<Scalar>,
    defrost: Option<Scalar>,
    climate: Option<Scalar>,
    steering_wheel: Option<Scalar>,
    front_left_seat: Option<Scalar>,
    front_right_seat: Option<Scalar>,
    rear_left_seat: Option<Scalar>,
    rear_right_seat: Option<Scalar>,
}

fn climate(text: &str) -> Result<Action, String> {
    let asked: Climate = object(text)?;
    let starts = asked.action.choice("action", "start_climate, stop_climate", |word| match word {
        "start_climate" => Some(true),
        "stop_climate" => Some(false),
        _ => None,
    })?;
    // What it was sent with a stop was never looked at.
    if !starts {
        return Ok(Action::StopClimate);
    }
    if let Some(climate) = asked.climate
        && !climate.truth("climate")?
    {
        return Err("climate false, heating alone, cannot be asked for here".to_owned());
    }
    let mut seats = Vec::new();
    for (seat, name, level) in [
        (Seat::FrontLeft, "front_left_seat", asked.front_left_seat),
        (Seat::FrontRight, "front_right_seat", asked.front_right_seat),
        (Seat::RearLeft, "rear_left_seat", asked.rear_left_seat),
        (Seat::RearRight, "rear_right_seat", asked.rear_right_seat),
    ] {
        if let Some(level) = level {
            seats.push((seat, level.whole(name, u8::MAX)?));
        }
    }
    Ok(Action::StartClimate(connector::Climate {
        temperature: asked.set_temp.map(|temperature| temperature.decimal("set_temp")).transpose()?,
        duration: asked.duration.map(|minutes| minutes.whole("duration", u16::MAX)).transpose()?,
        defrost: asked.defrost.map(|defrost| defrost.truth("defrost")).transpose()?,
        // The vendor's number for what is heated, under another name.
        heating: asked.steering_wheel.map(|heated| heated.whole("steering_wheel", 4)).transpose()?,
        seats,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowNumbers {
    front_left: Option<Scalar>,
    front_right: Option<Scalar>,
    back_left: Option<Scalar>,
    back_right: Option<Scalar>,
}

fn windows(text: &str) -> Result<Action, String> {
    let WindowNumbers { front_left, front_right, back_left, back_right } = object(text)?;
    let read = |name: &str, window: Option<Scalar>| -> Result<Option<WindowPosition>, String> {
        let Some(window) = window else { return Ok(None) };
        Ok(Some(match window.whole(name, 2_u8)? {
            0 => WindowPosition::Closed,
            1 => WindowPosition::Open,
            _ => WindowPosition::Vent,
        }))
    };
    let windows = Windows {
        front_left: read("front_left", front_left)?,
        front_right: read("front_right", front_right)?,
        rear_left: read("back_left", back_left)?,
        rear_right: read("back_right", back_right)?,
    };
    let Windows { front_left, front_right, rear_left, rear_right } = windows;
    if [front_left, front_right, rear_left, rear_right].iter().all(Option::is_none) {
        return Err("it names no window".to_owned());
    }
    Ok(Action::SetWindows(windows))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    level: Scalar,
}

fn charging_current(text: &str) -> Result<Action, String> {
    let Level { level } = object(text)?;
    let percent = match level.whole("level", u8::MAX) {
        Ok(1) => 100,
        Ok(2) => 90,
        Ok(3) => 60,
        _ => return Err(format!("level {level} is not one of 1, 2, 3")),
    };
    Ok(Action::SetChargingCurrent(ChargingCurrent::Percent(percent)))
}

#[cfg(test)]
mod tests;
