//! What a car of which model has and has not.
//!
//! The table is that of `renault-api` 0.6.2, for the models that differ in what matters here; a model without
//! a row has everything. How an absent endpoint is answered is in that table too, as a remark of the user who
//! tried.

use serde::{Deserialize, Serialize};

use crate::route::RouteKind as Kind;

/// How the cloud says that a car does not have something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    /// 403 `err.func.wired.forbidden`.
    Forbidden,
    /// 404 `err.func.wired.notFound`, "There is no data for this vin and uid".
    NoData,
    /// 404 `err.func.wired.not-found`: spelled differently, and means that there is no such address.
    NoAddress,
    /// 501 `err.tech.501`, whose message is JSON in a string.
    NotSupported,
    /// 403 `err.func.403`, whose message is JSON in a string with the code `403011`.
    WrongNetwork,
    /// 400 `err.func.wired.invalid-body-format`, of a command whatever its body.
    InvalidBodyFormat,
    /// 405 `err.func.wired.methodNotAllowed`.
    MethodNotAllowed,
    /// 400 `err.func.vcps.ev.charge-mode.error`.
    ChargeModeError,
    /// 500 `err.tech.vcps.ev.hvac-settings.error`.
    HvacSettingsError,
    /// 502 `502000`, from behind the gateway.
    UpstreamError,
}

/// What a model lacks. What is not listed is there.
type Lacks = &'static [(Kind, Absence)];

/// The Renault 4, whose `cancel` works, although it is a sister of the Renault 5.
const A4E1VE: Lacks = &[
    (Kind::SetChargeMode, Absence::InvalidBodyFormat),
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::PauseResume, Absence::Forbidden),
    (Kind::ChargeStart, Absence::Forbidden),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
];

/// The Alpine A290.
const A5E1AE: Lacks = &[
    (Kind::SetChargeMode, Absence::Forbidden),
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::PauseResume, Absence::Forbidden),
    (Kind::ChargeStart, Absence::Forbidden),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::ChargingSettings, Absence::Forbidden),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
    (Kind::HvacSettings, Absence::UpstreamError),
];

/// The Spring of 2025.
const XBG2VE: Lacks = &[
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::PauseResume, Absence::Forbidden),
    (Kind::ChargeStart, Absence::Forbidden),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::ChargingSettings, Absence::Forbidden),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
];

/// The Renault 5.
const R5E1VE: Lacks = &[
    (Kind::SetChargeMode, Absence::Forbidden),
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::PauseResume, Absence::Forbidden),
    (Kind::ChargeStart, Absence::Forbidden),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::ChargingSettings, Absence::Forbidden),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::Forbidden),
];

/// The first Spring.
const XBG1VE: Lacks = &[
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::ChargeStart, Absence::Forbidden),
    (Kind::HornLights, Absence::Forbidden),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::ChargingSettings, Absence::Forbidden),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
    (Kind::SocLevels, Absence::Forbidden),
    (Kind::SetSocLevels, Absence::Forbidden),
    (Kind::EvSettings, Absence::Forbidden),
    (Kind::SetEvSettings, Absence::Forbidden),
    (Kind::HvacSettings, Absence::HvacSettingsError),
];

/// The first Zoe. The table says "not supported" and not how; both forms were published, so it has both.
const X101VE: Lacks = &[
    (Kind::Location, Absence::NotSupported),
    (Kind::LockStatus, Absence::WrongNetwork),
    (Kind::Pressure, Absence::NotSupported),
    (Kind::ResState, Absence::NotSupported),
    (Kind::SocLevels, Absence::NotSupported),
    (Kind::SetSocLevels, Absence::NotSupported),
    (Kind::EvSettings, Absence::NotSupported),
    (Kind::SetEvSettings, Absence::NotSupported),
    (Kind::PauseResume, Absence::NotSupported),
    (Kind::ChargeStart, Absence::NotSupported),
];

/// The second Zoe.
const X102VE: Lacks = &[
    (Kind::HornLights, Absence::Forbidden),
    (Kind::ChargeMode, Absence::ChargeModeError),
    (Kind::LockStatus, Absence::NoData),
    (Kind::ResState, Absence::NoData),
    (Kind::SocLevels, Absence::Forbidden),
    (Kind::SetSocLevels, Absence::Forbidden),
    (Kind::EvSettings, Absence::Forbidden),
    (Kind::SetEvSettings, Absence::Forbidden),
    (Kind::ChargeStart, Absence::Forbidden),
];

/// The Megane E-Tech, which starts charging at an address of its own.
const XCB1VE: Lacks = &[
    (Kind::ChargingStart, Absence::InvalidBodyFormat),
    (Kind::PauseResume, Absence::Forbidden),
    (Kind::EvSettings, Absence::Forbidden),
    (Kind::SetEvSettings, Absence::Forbidden),
    (Kind::ChargeMode, Absence::ChargeModeError),
    (Kind::LockStatus, Absence::NoData),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
];

/// The Austral: fuel, and one of the few that tell whether they are locked.
const XHN1SU: Lacks = &[
    (Kind::BatteryStatus, Absence::NoData),
    (Kind::HvacStatus, Absence::NoData),
    (Kind::HvacStart, Absence::MethodNotAllowed),
    (Kind::ChargingStart, Absence::Forbidden),
    (Kind::PauseResume, Absence::NoAddress),
    (Kind::ChargeStart, Absence::NoAddress),
    (Kind::ChargeMode, Absence::Forbidden),
    (Kind::SetChargeMode, Absence::Forbidden),
    (Kind::ChargingSettings, Absence::Forbidden),
    (Kind::Pressure, Absence::NoData),
    (Kind::ResState, Absence::NoData),
    (Kind::SocLevels, Absence::Forbidden),
    (Kind::SetSocLevels, Absence::Forbidden),
    (Kind::EvSettings, Absence::NoAddress),
    (Kind::SetEvSettings, Absence::NoAddress),
];

/// A model, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model<'a>(pub(crate) &'a str);

impl Model<'_> {
    /// How the cloud says that this model does not have it; `None` if it has.
    pub(crate) fn lacks(self, kind: Kind) -> Option<Absence> {
        let table: Lacks = match self.0 {
            "A4E1VE" => A4E1VE,
            "A5E1AE" => A5E1AE,
            "XBG2VE" => XBG2VE,
            "R5E1VE" => R5E1VE,
            "XBG1VE" => XBG1VE,
            "X101VE" => X101VE,
            "X102VE" => X102VE,
            "XCB1VE" => XCB1VE,
            "XHN1SU" => XHN1SU,
            _ => &[],
        };
        table.iter().find(|(lacking, _)| *lacking == kind).map(|(_, absence)| *absence)
    }

    /// The word that ends climate. The cloud takes the other one as well, and nothing happens; of models with
    /// `cancel` nobody has published what `stop` does.
    pub(crate) fn climate_ends_with(self) -> &'static str {
        match self.0 {
            "A5E1AE" | "R5E1VE" | "XBG1VE" | "XBG2VE" | "XCB1VE" => "stop",
            _ => "cancel",
        }
    }

    /// Whether `charging-start` with the action `stop` does anything. The second Zoe has to be paused.
    pub(crate) fn charging_start_stops(self) -> bool {
        self.0 != "X102VE"
    }

    /// Whether power while charging is reported in watts, where others have kilowatts.
    pub(crate) fn reports_watts(self) -> bool {
        self.0 == "X101VE"
    }

    /// Whether documents are the short ones of the newer cars.
    pub(crate) fn is_new(self) -> bool {
        matches!(self.0, "A4E1VE" | "A5E1AE" | "R5E1VE" | "XBG2VE" | "XHN1SU")
    }
}
