//! Ends of commands, and their reasons: words that are stable.

use serde::{Deserialize, Serialize};

/// State of a command. The last five are final, and a command has exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Taken by the host.
    Accepted,
    /// On its way to the cloud.
    Sent,
    /// Taken by the cloud; the vehicle is yet to answer.
    Pending,
    /// Done, and confirmed by the vehicle where that is possible.
    Succeeded,
    /// Not done.
    Failed,
    /// The vehicle did not answer in time. It may have acted.
    Timeout,
    /// Not tried.
    Rejected,
    /// Of unknown outcome: the vehicle may have acted.
    Unknown,
}

impl State {
    /// Whether a command in this state is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Accepted | Self::Sent | Self::Pending)
    }
}

/// Reason why a command did not succeed, or why a read that did has changed nothing. These words are stable;
/// see `docs/mqtt.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is explained once, in docs/mqtt.md, where its readers look")]
pub enum Reason {
    BadPayload,
    UnknownVehicle,
    UnknownOperation,
    Unsupported,
    NotAllowed,
    RetainedCommand,
    Busy,
    Quota,
    Cooldown,
    BreakerOpen,
    Isolated,
    AuthRequired,
    OtpRequired,
    ConsentRequired,
    ClientRefused,
    LockedOut,
    PinMissing,
    PinRejected,
    UpstreamUnavailable,
    UpstreamRefused,
    NoData,
    Unconfirmed,
    VehicleUnreachable,
    VehicleRefused,
    AuxBatteryLow,
    Superseded,
    PolicyFault,
    ConnectorFault,
    HostFault,
    HostStopping,
    NothingNew,
}

impl Reason {
    /// Whether time alone may make the command succeed.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Quota
                | Self::Cooldown
                | Self::BreakerOpen
                | Self::UpstreamUnavailable
                | Self::VehicleUnreachable
                | Self::HostStopping
        )
    }
}
