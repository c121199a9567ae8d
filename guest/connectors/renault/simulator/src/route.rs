//! From method and path to what is meant.

use serde::{Deserialize, Serialize};
use simulator::kit::Route;

/// The two services of the real cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Identity.
    Gigya,
    /// Cars.
    Kamereon,
}

/// The kinds of route, by which requests are counted and faults are aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(missing_docs, reason = "most are the last part of the path")]
pub enum RouteKind {
    Login,
    /// `webSdkBootstrap`, fetched for its cookies.
    Bootstrap,
    InitTfa,
    GetEmails,
    SendCode,
    CompleteCode,
    FinalizeTfa,
    AccountInfo,
    Jwt,
    Person,
    Vehicles,
    VehicleDetails,
    Contracts,
    /// An address that the real service has and this one has not: histories, alerts, weekly schedules. Answered
    /// as absent, which it is for most models, and no violation.
    Unsimulated,
    /// The car adapter itself: which gateway a car has.
    Adapter,
    BatteryStatus,
    ChargeMode,
    ChargingSettings,
    Cockpit,
    HvacStatus,
    HvacSettings,
    Location,
    LockStatus,
    Pressure,
    ResState,
    SocLevels,
    EvSettings,
    HvacStart,
    /// `actions/charging-start` of the car adapter, start and stop.
    ChargingStart,
    SetChargeMode,
    HornLights,
    RefreshLocation,
    PauseResume,
    /// `charge/start` below `kcm`.
    ChargeStart,
    SetSocLevels,
    SetEvSettings,
    /// A path that the service does not have.
    Other,
    /// In a fault: every route of Gigya. Never counted.
    Gigya,
    /// In a fault: every route of Kamereon. Never counted.
    Kamereon,
    /// In a fault: everything that reads a car. Never counted.
    Reads,
    /// In a fault: everything that may change a car. Never counted.
    Commands,
    /// In a fault: every route. Never counted.
    Any,
}

use RouteKind as Kind;

impl RouteKind {
    /// Whether it belongs to the identity service. [`Self::Other`] belongs to neither.
    pub(crate) fn is_gigya(self) -> bool {
        self <= Kind::Jwt
    }

    pub(crate) fn is_kamereon(self) -> bool {
        (Kind::Person..=Kind::SetEvSettings).contains(&self)
    }

    /// Whether it reads one car, for which an endpoint can be absent.
    pub(crate) fn is_read(self) -> bool {
        (Kind::Adapter..=Kind::EvSettings).contains(&self)
    }

    pub(crate) fn is_command(self) -> bool {
        (Kind::HvacStart..=Kind::SetEvSettings).contains(&self)
    }
}

impl Route for RouteKind {
    const ANY: Self = Self::Any;

    fn covers(self, asked: Self) -> bool {
        match self {
            Kind::Any => true,
            Kind::Gigya => asked.is_gigya(),
            Kind::Kamereon => asked.is_kamereon(),
            Kind::Reads => asked.is_read(),
            Kind::Commands => asked.is_command(),
            _ => self == asked,
        }
    }
}

/// What one request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) kind: RouteKind,
    /// The path is known, but not with this method.
    pub(crate) wrong_method: bool,
    /// The person's id in the path.
    pub(crate) person: Option<String>,
    /// The account's id in the path.
    pub(crate) account: Option<String>,
    pub(crate) vin: Option<String>,
}

/// Path below the base URL, method.
const GIGYA: [(&str, &str, RouteKind); 9] = [
    ("/accounts.login", "POST", Kind::Login),
    ("/accounts.getAccountInfo", "POST", Kind::AccountInfo),
    ("/accounts.getJWT", "POST", Kind::Jwt),
    ("/accounts.webSdkBootstrap", "GET", Kind::Bootstrap),
    ("/accounts.tfa.initTFA", "GET", Kind::InitTfa),
    ("/accounts.tfa.email.getEmails", "GET", Kind::GetEmails),
    ("/accounts.tfa.email.sendVerificationCode", "GET", Kind::SendCode),
    ("/accounts.tfa.email.completeVerification", "GET", Kind::CompleteCode),
    ("/accounts.tfa.finalizeTFA", "GET", Kind::FinalizeTfa),
];

/// Adapter and version, path below the car, method.
const CAR: &[(&str, &str, &str, RouteKind)] = &[
    ("kca/2", "", "GET", Kind::Adapter),
    ("kca/2", "battery-status", "GET", Kind::BatteryStatus),
    ("kca/1", "charge-mode", "GET", Kind::ChargeMode),
    ("kca/1", "charging-settings", "GET", Kind::ChargingSettings),
    ("kca/1", "cockpit", "GET", Kind::Cockpit),
    ("kca/1", "hvac-status", "GET", Kind::HvacStatus),
    ("kca/1", "hvac-settings", "GET", Kind::HvacSettings),
    ("kca/1", "location", "GET", Kind::Location),
    ("kca/1", "lock-status", "GET", Kind::LockStatus),
    ("kca/1", "pressure", "GET", Kind::Pressure),
    ("kca/1", "res-state", "GET", Kind::ResState),
    ("kca/1", "actions/hvac-start", "POST", Kind::HvacStart),
    ("kca/1", "actions/charging-start", "POST", Kind::ChargingStart),
    ("kca/1", "actions/charge-mode", "POST", Kind::SetChargeMode),
    ("kca/1", "actions/horn-lights", "POST", Kind::HornLights),
    ("kca/1", "actions/refresh-location", "POST", Kind::RefreshLocation),
    ("kcm/1", "ev/soc-levels", "GET", Kind::SocLevels),
    ("kcm/1", "ev/soc-levels", "POST", Kind::SetSocLevels),
    ("kcm/1", "ev/settings", "GET", Kind::EvSettings),
    ("kcm/1", "ev/settings", "POST", Kind::SetEvSettings),
    ("kcm/1", "charge/pause-resume", "POST", Kind::PauseResume),
    ("kcm/1", "charge/start", "POST", Kind::ChargeStart),
    ("kca/1", "charge-history", "GET", Kind::Unsimulated),
    ("kca/1", "charge-schedule", "GET", Kind::Unsimulated),
    ("kca/1", "charges", "GET", Kind::Unsimulated),
    ("kca/1", "hvac-history", "GET", Kind::Unsimulated),
    ("kca/1", "hvac-sessions", "GET", Kind::Unsimulated),
    ("kca/1", "notification-settings", "GET", Kind::Unsimulated),
    ("kca/2", "actions/charge-schedule", "POST", Kind::Unsimulated),
    ("kca/2", "actions/hvac-schedule", "POST", Kind::Unsimulated),
    ("kcm/1", "charge/schedule", "POST", Kind::Unsimulated),
    ("", "alerts", "GET", Kind::Unsimulated),
];

impl Call {
    pub(crate) fn parse(service: Service, method: &str, path: &str) -> Self {
        let nothing =
            Self { service, kind: Kind::Other, wrong_method: false, person: None, account: None, vin: None };
        match service {
            Service::Gigya => {
                let known = GIGYA.iter().filter(|(known, ..)| *known == path).map(|row| (row.1, row.2));
                nothing.with(method, known)
            }
            Service::Kamereon => nothing.kamereon(method, path).unwrap_or(nothing),
        }
    }

    fn kamereon(&self, method: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/commerce/v1/")?;
        let segments: Vec<&str> = rest.split('/').collect();
        let owned = |text: &&str| Some((*text).to_owned());
        let get = |kind| [("GET", kind)].into_iter();
        match segments.as_slice() {
            ["persons", person] => {
                Some(Self { person: owned(person), ..self.clone().with(method, get(Kind::Person)) })
            }
            ["accounts", account, "vehicles"] => {
                Some(Self { account: owned(account), ..self.clone().with(method, get(Kind::Vehicles)) })
            }
            ["accounts", account, "vehicles", vin, page] => {
                let kind = match *page {
                    "details" => Kind::VehicleDetails,
                    "contracts" => Kind::Contracts,
                    _ => return None,
                };
                let call = self.clone().with(method, get(kind));
                Some(Self { account: owned(account), vin: owned(vin), ..call })
            }
            ["accounts", account, "kamereon", below @ ..] => {
                let (adapter, vin, rest) = adapter(below)?;
                let known = CAR.iter().filter(|row| row.0 == adapter && row.1 == rest);
                let call = self.clone().with(method, known.map(|row| (row.2, row.3)));
                Some(Self { account: owned(account), vin: Some(vin), ..call })
            }
            _ => None,
        }
    }

    /// Of the routes of one path, the one with this method.
    fn with(self, method: &str, known: impl Iterator<Item = (&'static str, RouteKind)>) -> Self {
        let known: Vec<_> = known.collect();
        match (known.iter().find(|(wanted, _)| *wanted == method), known.first()) {
            (Some((_, kind)), _) => Self { kind: *kind, ..self },
            (None, Some((_, kind))) => Self { kind: *kind, wrong_method: true, ..self },
            (None, None) => self,
        }
    }
}

/// Adapter and version, VIN, and what is below the car.
fn adapter(below: &[&str]) -> Option<(String, String, String)> {
    match below {
        ["kca", "car-adapter", version, "cars", vin, rest @ ..] => {
            Some((format!("kca/{}", version.strip_prefix('v')?), (*vin).to_owned(), rest.join("/")))
        }
        ["vehicles", vin, rest @ ..] => Some((String::new(), (*vin).to_owned(), rest.join("/"))),
        ["kcm", version, "vehicles", vin, rest @ ..] => {
            Some((format!("kcm/{}", version.strip_prefix('v')?), (*vin).to_owned(), rest.join("/")))
        }
        _ => None,
    }
}
