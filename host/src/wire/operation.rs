//! The operations, and their effects on the world.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

mod own;

pub use self::own::{OTHER, OwnName};
use crate::bindings::policy::Effect;

/// An operation. The host decides its effect, never a plugin: that decides what may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperationName {
    /// Read what the cloud last heard.
    RefreshCached,
    /// Read, and wake the vehicle if what the cloud has is too old.
    RefreshSmart,
    /// Wake the vehicle and read.
    RefreshForce,
    /// Lock the doors.
    Lock,
    /// Unlock the doors.
    Unlock,
    /// Start the climate.
    StartClimate,
    /// Stop the climate.
    StopClimate,
    /// Move windows.
    SetWindows,
    /// Open the charge port.
    OpenChargePort,
    /// Close the charge port.
    CloseChargePort,
    /// Start charging.
    StartCharging,
    /// Stop charging.
    StopCharging,
    /// Set how much is charged at most.
    SetChargeLimits,
    /// Limit the charging current.
    SetChargingCurrent,
    /// Make the vehicle noticed.
    Signal,
    /// Ask what became of an action.
    CheckActionStatus,
    /// Store a preference for the climate. The host's own: no request leaves for it, and it is allowed where
    /// starting the climate is.
    PreferClimate,
    /// List the account's vehicles. The host's own; it cannot be commanded.
    ListVehicles,
    /// An operation that only the vehicle's connector knows.
    Other(OwnName),
}

/// Part of a vehicle that a command moves. A newer command for the same one cancels repeats of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actuator {
    /// The door locks.
    Doors,
    /// The climate.
    Climate,
    /// The windows.
    Windows,
    /// The charge port.
    ChargePort,
    /// Charging.
    Charging,
    /// The limits of charging.
    ChargeLimits,
    /// The charging current.
    ChargingCurrent,
    /// Lights and horn.
    Signal,
    /// Whatever a connector's own operations move. The host cannot tell what that is, so a newer one cancels
    /// repeats of all older ones.
    Other,
}

impl OperationName {
    /// Operations that can be commanded, besides those that only one connector knows.
    pub const COMMANDABLE: [Self; 16] = [
        Self::RefreshCached,
        Self::RefreshSmart,
        Self::RefreshForce,
        Self::Lock,
        Self::Unlock,
        Self::StartClimate,
        Self::StopClimate,
        Self::SetWindows,
        Self::OpenChargePort,
        Self::CloseChargePort,
        Self::StartCharging,
        Self::StopCharging,
        Self::SetChargeLimits,
        Self::SetChargingCurrent,
        Self::Signal,
        Self::CheckActionStatus,
    ];

    /// Returns the operation's name in topics, results and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshCached => "refresh_cached",
            Self::RefreshSmart => "refresh_smart",
            Self::RefreshForce => "refresh_force",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::StartClimate => "start_climate",
            Self::StopClimate => "stop_climate",
            Self::SetWindows => "set_windows",
            Self::OpenChargePort => "open_charge_port",
            Self::CloseChargePort => "close_charge_port",
            Self::StartCharging => "start_charging",
            Self::StopCharging => "stop_charging",
            Self::SetChargeLimits => "set_charge_limits",
            Self::SetChargingCurrent => "set_charging_current",
            Self::Signal => "signal",
            Self::CheckActionStatus => "check_action_status",
            Self::PreferClimate => "prefer_climate",
            Self::ListVehicles => "list_vehicles",
            Self::Other(own) => own.as_str(),
        }
    }

    /// The operation of this name, if it can be commanded and is not one that only some connector knows.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::COMMANDABLE.into_iter().find(|operation| operation.as_str() == name)
    }

    /// Returns the operation's effect on the world.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::RefreshCached
            | Self::RefreshSmart
            | Self::RefreshForce
            | Self::CheckActionStatus
            | Self::ListVehicles => Effect::Read,
            Self::SetChargeLimits | Self::SetChargingCurrent | Self::PreferClimate => Effect::Set,
            Self::Other(own) => own.effect(),
            Self::Lock
            | Self::Unlock
            | Self::StartClimate
            | Self::StopClimate
            | Self::SetWindows
            | Self::OpenChargePort
            | Self::CloseChargePort
            | Self::StartCharging
            | Self::StopCharging
            | Self::Signal => Effect::Actuation,
        }
    }

    /// Whether it is a read.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self.effect(), Effect::Read)
    }

    /// Whether its result is published as the vehicle's state.
    #[must_use]
    pub const fn reads_state(self) -> bool {
        matches!(self, Self::RefreshCached | Self::RefreshSmart | Self::RefreshForce)
    }

    /// Returns the part that it moves, if any.
    #[must_use]
    pub const fn actuator(self) -> Option<Actuator> {
        match self {
            Self::Lock | Self::Unlock => Some(Actuator::Doors),
            Self::StartClimate | Self::StopClimate => Some(Actuator::Climate),
            Self::SetWindows => Some(Actuator::Windows),
            Self::OpenChargePort | Self::CloseChargePort => Some(Actuator::ChargePort),
            Self::StartCharging | Self::StopCharging => Some(Actuator::Charging),
            Self::SetChargeLimits => Some(Actuator::ChargeLimits),
            Self::SetChargingCurrent => Some(Actuator::ChargingCurrent),
            Self::Signal => Some(Actuator::Signal),
            Self::Other(own) => match own.effect() {
                Effect::Read => None,
                _ => Some(Actuator::Other),
            },
            Self::RefreshCached
            | Self::RefreshSmart
            | Self::RefreshForce
            | Self::CheckActionStatus
            | Self::PreferClimate
            | Self::ListVehicles => None,
        }
    }

    /// Returns the longest time from its acceptance to its final result. No policy can raise it.
    #[must_use]
    pub const fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Self::Lock | Self::Unlock | Self::OpenChargePort | Self::CloseChargePort | Self::Signal => 60,
            Self::SetWindows => 90,
            Self::StartClimate
            | Self::StopClimate
            | Self::StartCharging
            | Self::StopCharging
            | Self::SetChargeLimits
            | Self::SetChargingCurrent
            | Self::Other(_) => 120,
            Self::RefreshForce | Self::RefreshSmart => 150,
            Self::RefreshCached | Self::CheckActionStatus | Self::PreferClimate | Self::ListVehicles => 60,
        })
    }

    /// Whether the vehicle itself is spoken to, so that only one may be under way. The others ask the cloud
    /// only and may overtake.
    #[must_use]
    pub const fn reaches_vehicle(self) -> bool {
        !matches!(
            self,
            Self::RefreshCached | Self::CheckActionStatus | Self::PreferClimate | Self::ListVehicles
        )
    }

    /// Returns the operation whose permission this one needs.
    #[must_use]
    pub const fn permission(self) -> Self {
        match self {
            Self::PreferClimate => Self::StartClimate,
            name => name,
        }
    }
}

/// Whether an operation that is known by its name alone may move something. Of a connector's own it cannot be
/// said, so they may.
pub(crate) fn may_move(op: &str) -> bool {
    op.starts_with(OTHER) || OperationName::named(op).is_some_and(|name| !name.is_read())
}

/// Returns the span of the log in which everything stands that is done for the operation of this identifier. Of the
/// level `error`, so that it is there however little is logged.
pub(crate) fn span(id: &str) -> tracing::Span {
    tracing::error_span!("op", operation = %id)
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for OperationName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_may_take_as_long_as_the_service_that_this_replaces_gave_them() {
        use OperationName as Name;
        for (names, seconds) in [
            (&[Name::Lock, Name::Unlock, Name::OpenChargePort, Name::CloseChargePort][..], 60),
            (&[Name::SetWindows], 90),
            (&[Name::StartClimate, Name::StopClimate, Name::SetChargingCurrent], 120),
        ] {
            for name in names {
                assert_eq!(name.deadline(), Duration::from_secs(seconds), "{name}");
            }
        }
    }
}
