//! The bodies of commands, read as strictly as a server could: nothing missing, nothing unknown, nothing out of
//! range. Ranges that no source states are the app's: climate 14 to 31.5 °C for 1 to 30 minutes, charge limits
//! 50 to 100 % in tens.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::action::Action;
use crate::region::Region;
use crate::route::CommandPath;
use crate::vehicle::Window;

/// Why a body is not taken; for the log.
type Reason = String;

/// The action that a body asks for at this place. `device` is the header's device id, which bodies that carry
/// one must repeat.
pub(super) fn parse(path: CommandPath, body: &[u8], device: &str, region: Region) -> Result<Action, Reason> {
    match path {
        CommandPath::LegacyDoor => {
            let door: OfDevice<Opening> = read(body)?;
            Ok(door.action_from(device)?.door())
        }
        CommandPath::LegacyCharge => {
            let charge: OfDevice<Running> = read(body)?;
            Ok(charge.action_from(device)?.charge())
        }
        CommandPath::LegacyClimate => read::<LegacyClimate>(body)?.action(region),
        CommandPath::Ccs2Door => Ok(read::<Command<Opening>>(body)?.command.door()),
        CommandPath::Ccs2Charge => Ok(read::<Command<Running>>(body)?.command.charge()),
        CommandPath::Ccs2Climate => match read(body)? {
            Ccs2Climate::Start(start) => start.action(),
            Ccs2Climate::Stop {} => Ok(Action::StopClimate),
        },
        CommandPath::Windows => Ok(read::<WindowStates>(body)?.action()),
        CommandPath::ChargePort => Ok(match region {
            Region::Eu => read::<PortDoor>(body)?.action,
            Region::Au | Region::Nz => read::<OfDevice<Opening>>(body)?.action_from(device)?,
        }
        .port()),
        CommandPath::ChargingCurrent => match read::<Current>(body)?.charging_current {
            level @ 1..=3 => Ok(Action::ChargingCurrent(level)),
            level => Err(format!("chargingCurrent is {level}")),
        },
        CommandPath::ChargeLimits => read::<Targets>(body)?.action(),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reason> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// A field that may be `null` but not absent.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(field)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Opening {
    Open,
    Close,
}

impl Opening {
    fn door(self) -> Action {
        match self {
            Self::Open => Action::Unlock,
            Self::Close => Action::Lock,
        }
    }

    fn port(self) -> Action {
        match self {
            Self::Open => Action::OpenChargePort,
            Self::Close => Action::CloseChargePort,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Running {
    Start,
    Stop,
}

impl Running {
    fn charge(self) -> Action {
        match self {
            Self::Start => Action::StartCharge,
            Self::Stop => Action::StopCharge,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfDevice<T> {
    action: T,
    device_id: String,
}

impl<T> OfDevice<T> {
    fn action_from(self, device: &str) -> Result<T, Reason> {
        if self.device_id != device {
            return Err("deviceId differs from ccsp-device-id".to_owned());
        }
        Ok(self.action)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command<T> {
    command: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortDoor {
    action: Opening,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LegacyClimate {
    action: Running,
    hvac_type: u8,
    options: LegacyOptions,
    temp_code: String,
    unit: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LegacyOptions {
    defrost: bool,
    heating1: u8,
    igni_on_duration: Option<u8>,
}

impl LegacyClimate {
    fn action(self, region: Region) -> Result<Action, Reason> {
        let temperature =
            self.temperature(region).ok_or_else(|| format!("tempCode is {:?}", self.temp_code))?;
        if self.hvac_type != 0 || self.unit != "C" || self.options.heating1 > 4 {
            return Err("hvacType, unit or heating1 out of range".to_owned());
        }
        match self.action {
            Running::Stop => Ok(Action::StopClimate),
            Running::Start => {
                duration(self.options.igni_on_duration.ok_or("no igniOnDuration")?)?;
                Ok(Action::StartClimate { temperature, defrost: self.options.defrost })
            }
        }
    }

    /// Two upper-case hexadecimal digits, the place among the region's temperatures, and `H`. What stops the climate
    /// names one as well, which means nothing.
    fn temperature(&self, region: Region) -> Option<f64> {
        let (lowest, steps) = region.temperatures();
        let digits = self.temp_code.strip_suffix('H')?;
        let index = u8::from_str_radix(digits, 16).ok()?;
        let exact = digits == format!("{index:02X}") && index < steps;
        exact.then(|| lowest + f64::from(index) / 2.0)
    }
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
enum Ccs2Climate {
    Start(Ccs2Start),
    Stop {},
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ccs2Start {
    ignition_duration: u8,
    #[serde(deserialize_with = "nullable")]
    strg_whl_heating: Option<u8>,
    hvac_temp_type: u8,
    hvac_temp: f64,
    side_rear_mirror_heating: u8,
    drv_seat_loc: Side,
    seat_climate_info: Seats,
    temp_unit: String,
    windshield_front_defog_state: bool,
}

#[derive(Deserialize)]
enum Side {
    L,
    R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Seats {
    #[serde(deserialize_with = "nullable")]
    drv_seat_climate_state: Option<u8>,
    #[serde(deserialize_with = "nullable")]
    psg_seat_climate_state: Option<u8>,
    #[serde(deserialize_with = "nullable")]
    rr_seat_climate_state: Option<u8>,
    #[serde(deserialize_with = "nullable")]
    rl_seat_climate_state: Option<u8>,
}

impl Ccs2Start {
    fn action(self) -> Result<Action, Reason> {
        // Both sides are fine; which one a car has is not known here.
        let (Side::L | Side::R) = self.drv_seat_loc;
        let seats = &self.seat_climate_info;
        let states = [
            seats.drv_seat_climate_state,
            seats.psg_seat_climate_state,
            seats.rr_seat_climate_state,
            seats.rl_seat_climate_state,
        ];
        if states.into_iter().flatten().any(|state| state > 8) {
            return Err("seat state out of range".to_owned());
        }
        if self.hvac_temp_type != 1
            || self.temp_unit != "C"
            || self.side_rear_mirror_heating > 1
            || self.strg_whl_heating.is_some_and(|level| level > 2)
        {
            return Err(
                "hvacTempType, tempUnit, sideRearMirrorHeating or strgWhlHeating out of range".to_owned()
            );
        }
        if !(14.0..=31.5).contains(&self.hvac_temp) || (self.hvac_temp * 2.0).fract() != 0.0 {
            return Err(format!("hvacTemp is {}", self.hvac_temp));
        }
        duration(self.ignition_duration)?;
        Ok(Action::StartClimate { temperature: self.hvac_temp, defrost: self.windshield_front_defog_state })
    }
}

fn duration(minutes: u8) -> Result<(), Reason> {
    if (1..=30).contains(&minutes) { Ok(()) } else { Err(format!("duration is {minutes} min")) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WindowStates {
    #[serde(deserialize_with = "window")]
    back_left: Option<Window>,
    #[serde(deserialize_with = "window")]
    back_right: Option<Window>,
    #[serde(deserialize_with = "window")]
    front_left: Option<Window>,
    #[serde(deserialize_with = "window")]
    front_right: Option<Window>,
}

impl WindowStates {
    fn action(self) -> Action {
        Action::Windows([self.front_left, self.front_right, self.back_left, self.back_right])
    }
}

/// 0 closed, 1 open, 2 a gap, `null` as it is; not absent.
fn window<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Window>, D::Error> {
    Ok(match Option::<u8>::deserialize(field)? {
        None => None,
        Some(0) => Some(Window::Closed),
        Some(1) => Some(Window::Open),
        Some(2) => Some(Window::Vent),
        Some(other) => return Err(serde::de::Error::custom(format!("window state is {other}"))),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Current {
    charging_current: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    #[serde(rename = "targetSOClist")]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    #[serde(rename = "plugType")]
    plug: u8,
    #[serde(rename = "targetSOClevel")]
    level: u8,
}

impl Targets {
    fn action(self) -> Result<Action, Reason> {
        let (mut ac, mut dc) = (None, None);
        for Target { plug, level } in self.targets {
            if !(50..=100).contains(&level) || level % 10 != 0 {
                return Err(format!("targetSOClevel is {level}"));
            }
            match plug {
                0 => dc = Some(level),
                1 => ac = Some(level),
                other => return Err(format!("plugType is {other}")),
            }
        }
        if ac.is_none() && dc.is_none() {
            return Err("targetSOClist is empty".to_owned());
        }
        Ok(Action::ChargeLimits { ac, dc })
    }
}
