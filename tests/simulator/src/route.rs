//! From method and path to what is meant.

mod cci;
mod idp;

use serde::{Deserialize, Serialize};

pub(crate) use self::cci::{CciCall, CciWants};
pub(crate) use self::idp::{IdpCall, Page};

/// The kinds of route, by which requests are counted and faults are aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RouteKind {
    /// The refresh grant; outside Europe also that of a code.
    Token,
    /// The sign-in page of the account service, which is fetched for its cookies.
    Authorize,
    /// The sign-in page of the identity provider, where a sign-in with a password begins.
    SignInPage,
    /// The key that the password is encrypted with.
    Certs,
    /// The password.
    SignIn,
    /// What a browser is led to: the app, the terms, the firewall's error.
    Page,
    /// A code against a set of tokens.
    CodeExchange,
    /// A set of tokens against a CCS token.
    TokenExchange,
    /// A set of tokens against the next one.
    TokenRefresh,
    /// The language setting.
    Language,
    /// Device registration.
    Register,
    /// PIN against control token.
    Pin,
    /// The vehicle list.
    Vehicles,
    /// A status that the cloud has, either kind of car.
    Status,
    /// A status that the car is asked for, either kind.
    ForcedStatus,
    /// Both kinds of location.
    Location,
    /// Driving history.
    History,
    /// Every command, charge limits and charging current included.
    Command,
    /// The poll for what became of commands.
    Records,
    /// A method and path that the cloud does not have; answered 404.
    Other,
    /// In a fault: every route. Never counted.
    Any,
}

/// What one request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Token,
    Idp(IdpCall),
    Cci(CciCall),
    Direct(DirectCall),
    Authorize,
    Language,
    Register,
    Pin,
    Vehicles,
    Vehicle { id: String, wants: VehicleCall },
    Unknown,
}

/// What the account service is asked for where it signs accounts in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectCall {
    SignIn,
    Token,
}

/// What is asked of one vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VehicleCall {
    LegacyStatus { forced: bool },
    Ccs2Status { forced: bool },
    Park,
    Location,
    History,
    Records,
    Command(CommandPath),
}

/// The places that take commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandPath {
    LegacyDoor,
    LegacyClimate,
    LegacyCharge,
    Ccs2Door,
    Ccs2Climate,
    Ccs2Charge,
    Windows,
    ChargePort,
    ChargingCurrent,
    ChargeLimits,
}

/// What a request must carry in `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    Nothing,
    Access,
    Control,
}

impl Call {
    pub(crate) fn parse(method: &str, path: &str) -> Self {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, segments.as_slice()) {
            ("POST", ["auth", "api", "v2", "user", "oauth2", "token"]) => Self::Token,
            ("GET", ["api", "v1", "user", "oauth2", "authorize"]) => Self::Authorize,
            ("POST", ["api", "v1", "user", "signin"]) => Self::Direct(DirectCall::SignIn),
            ("POST", ["api", "v1", "user", "oauth2", "token"]) => Self::Direct(DirectCall::Token),
            ("POST", ["api", "v1", "user", "language"]) => Self::Language,
            ("PUT", ["api", "v1", "user", "pin"]) => Self::Pin,
            ("POST", ["api", "v1", "spa", "notifications", "register"]) => Self::Register,
            ("GET", ["api", "v1", "spa", "vehicles"]) => Self::Vehicles,
            ("GET", ["api", "v1", "spa", "notifications", id, "records"]) => {
                Self::Vehicle { id: (*id).to_owned(), wants: VehicleCall::Records }
            }
            (_, ["api", version, "spa", "vehicles", id, rest @ ..]) => {
                match VehicleCall::parse(method, version, rest) {
                    Some(wants) => Self::Vehicle { id: (*id).to_owned(), wants },
                    None => Self::Unknown,
                }
            }
            (_, path) => {
                let idp = || IdpCall::parse(method, path).map(Self::Idp);
                let cci = || CciCall::parse(method, path).map(Self::Cci);
                idp().or_else(cci).unwrap_or(Self::Unknown)
            }
        }
    }

    pub(crate) fn kind(&self) -> RouteKind {
        match self {
            Self::Token => RouteKind::Token,
            Self::Idp(call) => call.kind(),
            Self::Cci(call) => call.kind(),
            Self::Direct(DirectCall::SignIn) => RouteKind::SignIn,
            Self::Direct(DirectCall::Token) => RouteKind::Token,
            Self::Authorize => RouteKind::Authorize,
            Self::Language => RouteKind::Language,
            Self::Register => RouteKind::Register,
            Self::Pin => RouteKind::Pin,
            Self::Vehicles => RouteKind::Vehicles,
            Self::Vehicle { wants, .. } => wants.kind(),
            Self::Unknown => RouteKind::Other,
        }
    }

    pub(crate) fn credential(&self) -> Credential {
        match self {
            Self::Pin | Self::Vehicles => Credential::Access,
            Self::Vehicle { wants: VehicleCall::Command(path), .. } => path.credential(),
            Self::Vehicle { .. } => Credential::Access,
            // The token service has credentials of its own.
            Self::Idp(_) | Self::Cci(_) | Self::Direct(_) => Credential::Nothing,
            Self::Token | Self::Authorize | Self::Language | Self::Register | Self::Unknown => {
                Credential::Nothing
            }
        }
    }

    /// Whether a cloud has this place that signs accounts in at its account service (`true`), or not.
    pub(crate) fn is_served(&self, direct: bool) -> bool {
        match self {
            Self::Token | Self::Idp(_) | Self::Cci(_) => !direct,
            Self::Direct(_) => direct,
            _ => true,
        }
    }

    pub(crate) fn vehicle(&self) -> Option<&str> {
        match self {
            Self::Vehicle { id, .. } => Some(id),
            _ => None,
        }
    }
}

impl VehicleCall {
    fn parse(method: &str, version: &str, rest: &[&str]) -> Option<Self> {
        Some(match (method, version, rest) {
            ("GET", "v1", ["status", "latest"]) => Self::LegacyStatus { forced: false },
            ("GET", "v1", ["status"]) => Self::LegacyStatus { forced: true },
            ("GET", "v1", ["ccs2", "carstatus", "latest"]) => Self::Ccs2Status { forced: false },
            ("GET", "v1", ["ccs2", "carstatus"]) => Self::Ccs2Status { forced: true },
            ("GET", "v1", ["location", "park"]) => Self::Park,
            ("GET", "v1", ["location"]) => Self::Location,
            ("POST", "v1", ["drvhistory"]) => Self::History,
            ("POST", "v1", ["control", "door"]) => Self::Command(CommandPath::LegacyDoor),
            ("POST", "v1", ["control", "temperature"]) => Self::Command(CommandPath::LegacyClimate),
            ("POST", "v1", ["control", "charge"]) => Self::Command(CommandPath::LegacyCharge),
            ("POST", "v2", ["ccs2", "control", "door"]) => Self::Command(CommandPath::Ccs2Door),
            ("POST", "v2", ["ccs2", "control", "temperature"]) => Self::Command(CommandPath::Ccs2Climate),
            ("POST", "v2", ["ccs2", "control", "charge"]) => Self::Command(CommandPath::Ccs2Charge),
            ("POST", "v2", ["control", "windowcurtain"]) => Self::Command(CommandPath::Windows),
            ("POST", "v2", ["control", "portdoor"]) => Self::Command(CommandPath::ChargePort),
            ("POST", "v1", ["ccs2", "charge", "chargingcurrent"]) => {
                Self::Command(CommandPath::ChargingCurrent)
            }
            ("POST", "v1", ["charge", "target"]) => Self::Command(CommandPath::ChargeLimits),
            _ => return None,
        })
    }

    fn kind(self) -> RouteKind {
        match self {
            Self::LegacyStatus { forced: false } | Self::Ccs2Status { forced: false } => RouteKind::Status,
            Self::LegacyStatus { forced: true } | Self::Ccs2Status { forced: true } => {
                RouteKind::ForcedStatus
            }
            Self::Park | Self::Location => RouteKind::Location,
            Self::History => RouteKind::History,
            Self::Records => RouteKind::Records,
            Self::Command(_) => RouteKind::Command,
        }
    }

    /// Whether this place exists for a car with (`true`) or without CCS2 protocol.
    pub(crate) fn fits(self, ccs2: bool) -> bool {
        match self {
            Self::LegacyStatus { .. } => !ccs2,
            Self::Ccs2Status { .. } => ccs2,
            Self::Command(path) => path.fits(ccs2),
            Self::Park | Self::Location | Self::History | Self::Records => true,
        }
    }
}

impl CommandPath {
    fn fits(self, ccs2: bool) -> bool {
        match self {
            Self::LegacyDoor | Self::LegacyClimate | Self::LegacyCharge => !ccs2,
            Self::Ccs2Door | Self::Ccs2Climate | Self::Ccs2Charge | Self::ChargingCurrent => ccs2,
            Self::Windows | Self::ChargePort | Self::ChargeLimits => true,
        }
    }

    fn credential(self) -> Credential {
        match self {
            Self::LegacyDoor | Self::LegacyClimate | Self::LegacyCharge => Credential::Access,
            Self::ChargingCurrent | Self::ChargeLimits => Credential::Access,
            Self::Ccs2Door | Self::Ccs2Climate | Self::Ccs2Charge => Credential::Control,
            Self::Windows | Self::ChargePort => Credential::Control,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charging_current_is_a_command_with_the_access_token() {
        let call = Call::parse("POST", "/api/v1/spa/vehicles/car/ccs2/charge/chargingcurrent");
        assert_eq!(call.kind(), RouteKind::Command);
        assert_eq!(call.credential(), Credential::Access);
        assert_eq!(call.vehicle(), Some("car"));
    }

    #[test]
    fn the_version_in_the_path_counts() {
        assert_eq!(Call::parse("POST", "/api/v1/spa/vehicles/car/ccs2/control/door"), Call::Unknown);
        assert_eq!(Call::parse("POST", "/api/v2/spa/vehicles/car/control/door"), Call::Unknown);
    }
}
