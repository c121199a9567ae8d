//! The state of a vehicle, as it is published.
//!
//! Connectors answer with JSON; what is published is this type and nothing else, so a connector cannot put a
//! vehicle identification number or a position into a topic where it does not belong.
//!
//! * `rules`: what each value can be, one table for every connector
//! * `reading`: what one answer says, by those rules
//! * `known`: what all answers together say, and whether one is news; survives a restart
//! * `doubt`: when what contradicts that is believed
//! * `offered`: what lists say that the vehicle has, for those who must not forget it for a moment's silence

mod doubt;
mod known;
mod offered;
mod reading;
mod rules;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::known::{Known, SaidAt, Taken};
pub(crate) use self::offered::Offered;
pub(crate) use self::reading::{Reading, Unreadable};

/// One value for each wheel position; the absent ones are not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Corners {
    /// Front left.
    pub front_left: Option<bool>,
    /// Front right.
    pub front_right: Option<bool>,
    /// Rear left.
    pub rear_left: Option<bool>,
    /// Rear right.
    pub rear_right: Option<bool>,
}

/// State of a vehicle. Absent means not known; nothing is ever guessed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VehicleState {
    /// Whether all doors are locked.
    pub locked: Option<bool>,
    /// Doors that are open.
    pub doors: Option<Corners>,
    /// Windows that are open.
    pub windows: Option<Corners>,
    /// Whether the trunk is open.
    pub trunk_open: Option<bool>,
    /// Whether the hood is open.
    pub hood_open: Option<bool>,
    /// State of charge of the traction battery, in percent.
    pub soc_percent: Option<f64>,
    /// Range, in kilometres.
    pub range_km: Option<f64>,
    /// Odometer, in kilometres.
    pub odometer_km: Option<f64>,
    /// State of charge of the 12 V battery, in percent.
    pub aux_battery_percent: Option<f64>,
    /// Whether a charging cable is plugged in.
    pub plugged_in: Option<bool>,
    /// Whether it charges.
    pub charging: Option<bool>,
    /// Whether the charge port is open.
    pub charge_port_open: Option<bool>,
    /// The limit for charging with alternating current, in percent.
    pub charge_limit_ac_percent: Option<f64>,
    /// The limit for charging with direct current, in percent.
    pub charge_limit_dc_percent: Option<f64>,
    /// The charging current, in percent of what the vehicle can.
    pub charging_current_percent: Option<f64>,
    /// Whether the climate is on.
    pub climate_on: Option<bool>,
    /// The temperature that the climate is set to, in degrees Celsius.
    pub target_temperature_c: Option<f64>,
}

/// Location of a vehicle. Published on a topic of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// Time at which the vehicle was there.
    pub vehicle_time: Option<Timestamp>,
}

/// Source of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The cloud, with what it last heard.
    Cached,
    /// The vehicle itself, which was asked.
    Vehicle,
}

/// Description of a published state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Time at which the vehicle said so: by its own clock, or by the host's where it was just asked and its
    /// clock cannot be right.
    pub vehicle_time: Option<Timestamp>,
    /// Time at which the host read it.
    pub fetched_at: Timestamp,
    /// Source of the state.
    pub source: Source,
    /// Whether this may be old: the vehicle was asked and has said nothing newer, or nothing was read since
    /// the host started.
    pub stale: bool,
    /// Number of this state among those of this vehicle published since the host started.
    pub seq: u64,
    /// The fields that the last answer did not have, or had wrong: their values are of an earlier one, of
    /// this time.
    pub kept: BTreeMap<String, Timestamp>,
}

/// The document on a vehicle's `state` topic: always whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The values.
    #[serde(flatten)]
    pub state: VehicleState,
    /// Description of the values.
    pub meta: Meta,
}
