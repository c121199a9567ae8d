//! Commands that are sent to vehicles, and what their topics take.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Reached;
use super::exit::EXIT_CODES;
use super::options::{self, Climate, Mode, Movement, Noticed, Switched, WindowChoice};

/// A command for a vehicle, in the words of its topic.
#[derive(Debug)]
pub(super) struct Wanted {
    pub vehicle: String,
    /// Last level of the topic.
    pub op: String,
    /// What the topic takes.
    pub arguments: Value,
}

/// The way in which a command is sent.
#[derive(Debug, Args)]
pub(in crate::cli) struct Sent {
    #[command(flatten)]
    pub host: Reached,
    /// Print the command's identifier as soon as the host has taken it, and leave the rest to the host.
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,
    /// Wait for so long at most. The command goes on after that.
    #[arg(long, value_name = "SECONDS", value_parser = options::seconds())]
    pub timeout: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Sending {
    /// Read a vehicle.
    ///
    /// `cached` asks the cloud for what it last heard. `force` wakes the vehicle up: it costs quota and drains its 12 V
    /// battery. `smart` does so only if what is known is older than --max-age.
    #[command(after_help = EXIT_CODES)]
    Refresh {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// Whom to ask; `smart` if there is a --max-age, else `cached`.
        #[arg(long, value_enum)]
        mode: Option<Mode>,
        /// Age in seconds from which on `smart` asks the vehicle; 300 unless given.
        #[arg(long, value_name = "SECONDS")]
        max_age: Option<u64>,
        #[command(flatten)]
        sent: Sent,
    },
    /// Lock the doors.
    #[command(after_help = EXIT_CODES)]
    Lock(OfVehicle),
    /// Unlock the doors.
    #[command(after_help = EXIT_CODES)]
    Unlock(OfVehicle),
    /// Start or stop the climate.
    #[command(subcommand, after_help = EXIT_CODES)]
    Climate(Climate),
    /// Move the windows: all of them, or one by one.
    #[command(after_help = EXIT_CODES)]
    Windows {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        #[command(flatten)]
        windows: WindowChoice,
        #[command(flatten)]
        sent: Sent,
    },
    /// Open or close the charge port.
    #[command(after_help = EXIT_CODES)]
    ChargePort {
        /// What to do.
        #[arg(value_enum)]
        movement: Movement,
        #[command(flatten)]
        of: OfVehicle,
    },
    /// Start or stop charging, or set how much is charged at most.
    #[command(subcommand, after_help = EXIT_CODES)]
    Charge(Charge),
    /// Limit the charging current.
    #[command(after_help = EXIT_CODES)]
    ChargingCurrent {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// A share of the highest one, such as `60` or `60%`; or amperes, such as `16A`, for vehicles that take those.
        #[arg(value_name = "CURRENT")]
        current: String,
        #[command(flatten)]
        sent: Sent,
    },
    /// Make a vehicle noticed, by its lights, its horn, or both.
    #[command(after_help = EXIT_CODES)]
    Signal {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// With what.
        #[arg(value_enum)]
        by: Noticed,
        #[command(flatten)]
        sent: Sent,
    },
    /// Give a vehicle a command by the name of its topic: also one that only its connector knows.
    ///
    /// What the topic `cmd/OPERATION` takes is taken here: `command ev6 other/honk '{"times":2}'`.
    #[command(after_help = EXIT_CODES)]
    Command {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// Last level of the command's topic, such as `lock` or `other/honk`.
        #[arg(value_name = "OPERATION")]
        op: String,
        /// Arguments in JSON, or a word; none unless given.
        #[arg(value_name = "ARGUMENTS")]
        arguments: Option<String>,
        #[command(flatten)]
        sent: Sent,
    },
}

/// A command for a vehicle that needs nothing else.
#[derive(Debug, Args)]
pub(in crate::cli) struct OfVehicle {
    /// The vehicle, as the configuration names it.
    #[arg(value_name = "VEHICLE")]
    pub vehicle: String,
    #[command(flatten)]
    pub sent: Sent,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Charge {
    /// Start charging.
    #[command(after_help = EXIT_CODES)]
    Start(OfVehicle),
    /// Stop charging.
    #[command(after_help = EXIT_CODES)]
    Stop(OfVehicle),
    /// Set how much is charged at most, in percent.
    #[command(after_help = EXIT_CODES)]
    Limits {
        /// The vehicle, as the configuration names it.
        #[arg(value_name = "VEHICLE")]
        vehicle: String,
        /// With alternating current: at home, mostly.
        #[arg(long, value_name = "PERCENT", required_unless_present = "dc")]
        ac: Option<u8>,
        /// With direct current: at fast chargers.
        #[arg(long, value_name = "PERCENT")]
        dc: Option<u8>,
        #[command(flatten)]
        sent: Sent,
    },
}

impl Sending {
    /// Returns the command that is meant, and how it is sent; or, having said what is wrong with it, the program's exit
    /// code.
    pub(super) fn wanted(&self) -> Result<(&Sent, Wanted), ExitCode> {
        let (sent, vehicle, op, arguments) = match self {
            Self::Refresh { vehicle, mode, max_age, sent } => {
                let (op, arguments) = options::refresh(*mode, *max_age)?;
                (sent, vehicle.as_str(), op, arguments)
            }
            Self::Lock(of) => of.wants("lock", json!({"action": "lock"})),
            Self::Unlock(of) => of.wants("unlock", json!({})),
            Self::Climate(climate) => climate.wanted(),
            Self::Windows { vehicle, windows, sent } => {
                (sent, vehicle.as_str(), "windows", windows.arguments())
            }
            Self::ChargePort { movement, of } => of.wants("charge_port", movement.arguments()),
            Self::Charge(Charge::Start(of)) => of.wants("charging", Switched::Start.arguments()),
            Self::Charge(Charge::Stop(of)) => of.wants("charging", Switched::Stop.arguments()),
            Self::Charge(Charge::Limits { vehicle, ac, dc, sent }) => {
                let limits = options::present([("ac", json!(ac)), ("dc", json!(dc))]);
                (sent, vehicle.as_str(), "charge_limits", limits)
            }
            Self::ChargingCurrent { vehicle, current, sent } => {
                (sent, vehicle.as_str(), "charging_current", json!(current))
            }
            Self::Signal { vehicle, by, sent } => (sent, vehicle.as_str(), "signal", by.arguments()),
            Self::Command { vehicle, op, arguments, sent } => {
                let arguments = arguments.as_deref().map(options::json_or_word).unwrap_or_default();
                (sent, vehicle.as_str(), op.as_str(), arguments)
            }
        };
        Ok((sent, Wanted { vehicle: vehicle.to_owned(), op: op.to_owned(), arguments }))
    }
}

impl OfVehicle {
    pub(super) fn wants(&self, op: &'static str, arguments: Value) -> (&Sent, &str, &'static str, Value) {
        (&self.sent, &self.vehicle, op, arguments)
    }
}
