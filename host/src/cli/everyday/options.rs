//! Options of everyday commands, and what the command's topic takes for them.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::exit::EXIT_CODES;
use super::sending::{OfVehicle, Sent};
use crate::cli::{USAGE, complain};

/// Whom a read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Mode {
    /// The cloud.
    Cached,
    /// The vehicle, if what is known is old.
    Smart,
    /// The vehicle.
    Force,
}

/// Returns the topic of a read, and its arguments.
pub(super) fn refresh(mode: Option<Mode>, max_age: Option<u64>) -> Result<(&'static str, Value), ExitCode> {
    match (mode, max_age) {
        (Some(Mode::Cached) | None, None) => Ok(("refresh_cached", json!({}))),
        (Some(Mode::Force), None) => Ok(("refresh_force", json!({}))),
        (Some(Mode::Smart), None) => Ok(("refresh_smart", json!({}))),
        (Some(Mode::Smart) | None, Some(age)) => Ok(("refresh_smart", json!({"max_age_s": age}))),
        (Some(Mode::Cached | Mode::Force), Some(_)) => Err(complain(
            USAGE,
            format_args!("--max-age is for --mode smart: the others ask whatever is known"),
        )),
    }
}

/// What starts and stops.
#[derive(Debug, Clone, Copy)]
pub(super) enum Switched {
    Start,
    Stop,
}

impl Switched {
    pub(super) fn arguments(self) -> Value {
        match self {
            Self::Start => json!({"action": "start"}),
            Self::Stop => json!({"action": "stop"}),
        }
    }
}

/// What opens and closes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Movement {
    /// Open it.
    Open,
    /// Close it.
    Close,
}

impl Movement {
    pub(super) fn arguments(self) -> Value {
        match self {
            Self::Open => json!({"action": "open"}),
            Self::Close => json!({"action": "close"}),
        }
    }
}

/// What makes a vehicle noticed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Noticed {
    /// Its lights.
    Lights,
    /// Its horn.
    Horn,
    /// Both.
    HornAndLights,
}

impl Noticed {
    pub(super) fn arguments(self) -> Value {
        match self {
            Self::Lights => json!({"action": "lights"}),
            Self::Horn => json!({"action": "horn"}),
            Self::HornAndLights => json!({"action": "horn_and_lights"}),
        }
    }
}

/// Position of a window.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Position {
    /// Closed.
    Closed,
    /// Open a little.
    Vent,
    /// Open.
    Open,
}

impl Position {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Vent => "vent",
            Self::Open => "open",
        }
    }
}

/// Windows, and where each shall be. What is not named stays, unless all are.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(in crate::cli) struct WindowChoice {
    /// Where all windows shall be, but those that are named.
    #[arg(value_name = "POSITION", value_enum)]
    all: Option<Position>,
    /// Where the front left one shall be.
    #[arg(long, value_name = "POSITION", value_enum)]
    front_left: Option<Position>,
    /// Where the front right one shall be.
    #[arg(long, value_name = "POSITION", value_enum)]
    front_right: Option<Position>,
    /// Where the rear left one shall be.
    #[arg(long, value_name = "POSITION", value_enum)]
    rear_left: Option<Position>,
    /// Where the rear right one shall be.
    #[arg(long, value_name = "POSITION", value_enum)]
    rear_right: Option<Position>,
}

impl WindowChoice {
    pub(super) fn arguments(&self) -> Value {
        let word = |position: Option<Position>| json!(position.map(Position::word));
        present([
            ("all", word(self.all)),
            ("front_left", word(self.front_left)),
            ("front_right", word(self.front_right)),
            ("rear_left", word(self.rear_left)),
            ("rear_right", word(self.rear_right)),
        ])
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Climate {
    /// Start the climate. What is not given is as the vehicle's connector has it.
    #[command(after_help = EXIT_CODES)]
    Start {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// Temperature, in degrees Celsius.
        #[arg(long, value_name = "DEGREES", value_parser = degrees)]
        temp: Option<f64>,
        /// Time after which it ends.
        #[arg(long)]
        minutes: Option<u16>,
        /// Defrost the windscreen; `--defrost=false` does not.
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        defrost: Option<bool>,
        /// Heat the steering wheel; `--steering-wheel=false` does not.
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        steering_wheel: Option<bool>,
        /// What else is heated, by the vendor's number: 0 nothing, 1 and 2 mirrors and rear window.
        #[arg(long, value_name = "NUMBER")]
        heating: Option<u8>,
        /// A seat and its level, by the vendor's number, such as `fl=6`: fl, fr, rl, rr. May be given several times.
        #[arg(long = "seat", value_name = "SEAT=LEVEL", value_parser = seat)]
        seats: Vec<(String, u8)>,
        #[command(flatten)]
        sent: Sent,
    },
    /// Stop the climate.
    #[command(after_help = EXIT_CODES)]
    Stop(OfVehicle),
}

impl Climate {
    /// Returns how it is sent, its vehicle, its topic, and what that takes.
    pub(super) fn wanted(&self) -> (&Sent, &str, &'static str, Value) {
        match self {
            Self::Stop(of) => of.wants("climate", Switched::Stop.arguments()),
            Self::Start { vehicle, temp, minutes, defrost, steering_wheel, heating, seats, sent } => {
                let seats: Map<String, Value> =
                    seats.iter().map(|(seat, level)| (seat.clone(), json!(level))).collect();
                let seats = if seats.is_empty() { Value::Null } else { Value::Object(seats) };
                let arguments = present([
                    ("action", json!("start")),
                    ("set_temp", json!(temp)),
                    ("duration_min", json!(minutes)),
                    ("defrost", json!(defrost)),
                    ("steering_wheel", json!(steering_wheel)),
                    ("heating", json!(heating)),
                    ("seats", seats),
                ]);
                (sent, vehicle, "climate", arguments)
            }
        }
    }
}

/// Reads a temperature. What is no number has no form in JSON, and would be taken for none that was given.
fn degrees(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "a temperature is a number: 21.5".to_owned())
}

/// Longest wait for a result, in seconds: a week, which is longer than any command takes.
const LONGEST_WAIT_S: u64 = 7 * 24 * 3_600;

/// Reads the time for which a result is waited for.
pub(super) fn seconds() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(..=LONGEST_WAIT_S)
}

fn seat(text: &str) -> Result<(String, u8), String> {
    let is_seat = |seat: &&str| matches!(*seat, "fl" | "fr" | "rl" | "rr");
    let parsed = text.split_once('=').and_then(|(seat, level)| {
        let seat = Some(seat).filter(is_seat)?;
        Some((seat.to_owned(), level.parse().ok()?))
    });
    parsed.ok_or_else(|| "a seat is fl, fr, rl or rr, and its level a number: fl=6".to_owned())
}

/// Returns an object of what is there.
pub(super) fn present<const FIELDS: usize>(fields: [(&str, Value); FIELDS]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Returns what a caller has typed: JSON, or else a word.
pub(super) fn json_or_word(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_has_a_name_and_a_level() {
        assert_eq!(seat("fl=6"), Ok(("fl".to_owned(), 6)));
        for wrong in ["fl", "fl=", "xx=1", "fl=warm", "fl=300"] {
            assert!(seat(wrong).unwrap_err().contains("fl=6"), "{wrong}");
        }
    }

    #[test]
    fn a_temperature_is_a_finite_number() {
        assert_eq!(degrees("21.5"), Ok(21.5));
        for wrong in ["NaN", "inf", "-infinity", "1e999", "warm", ""] {
            assert!(degrees(wrong).unwrap_err().contains("21.5"), "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_is_json_or_a_word() {
        assert_eq!(json_or_word(r#"{"times":2}"#), json!({"times": 2}));
        assert_eq!(json_or_word("60 %"), json!("60 %"));
        assert_eq!(json_or_word("{broken"), json!("{broken"));
    }
}
