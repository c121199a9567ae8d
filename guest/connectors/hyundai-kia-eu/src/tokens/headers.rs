//! The headers of the token service's calls, in the order in which the vendor's app sends them.

use vehicle_connector_sdk::http::{Encoding, Piece, derived, hmac_sha256, join, text};
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::random;

use crate::brand::{OneApp, Signed};
use crate::cloud::Cloud;
use crate::kept::{Device, now};
use crate::time;

/// What the app says about itself in signed calls where no setting says otherwise: it changes with releases of
/// the app, and so do the keys.
pub(crate) const SETTINGS: [(&str, &str, &str); 4] = [
    ("client-version", "1.4.0", "The version of the vendor's app that `gate_keys` are of"),
    ("client-os-version", "14", "The version of Android that signed calls speak of"),
    ("client-device-model", "SM-S918B", "The model of the telephone that signed calls speak of"),
    ("notification-provider", "FCM", "The push service that signed calls speak of"),
];

const SIGNED_AGENT: &str = "okhttp/4.12.0";
const SIGNED_OS: &str = "android";
const UNSIGNED_AGENT: &str = "okhttp/3.12.0";
const UNSIGNED_OS: &str = "ios";
const UNSIGNED_VERSION: &str = "1.3.3";
const UNSIGNED_MODEL: &str = "iPhone";

/// `request` with the headers of a signed call and its signature, which is over the body as well.
pub(super) fn signed(
    request: Request,
    cloud: &Cloud<'_>,
    (app, signed): (&OneApp, &Signed),
    device: &Device,
) -> Request {
    let setting = |name: &str| cloud.account.setting(name).or_else(|| default(name)).unwrap_or_default();
    let package = app.package;
    let (version, os_version) = (setting("client-version"), setting("client-os-version"));
    let identity = format!("{package}{}{version}{SIGNED_OS}", signed.client_name);
    let key = text(format!("{identity}{}", secret("gate-keys")));
    let message = [text(format!("{identity}{os_version}")), Piece::TimeMs, Piece::BodyWithoutWhiteSpace];
    let request = request
        .derive("time", join([Piece::TimeMs], Encoding::Text))
        .derive("fingerprint", hmac_sha256([key], message, Encoding::HexLower))
        .header("User-Agent", SIGNED_AGENT)
        .header("client-id", package)
        .header("client-name", signed.client_name)
        .header("client-version", version)
        .header("client-os-code", SIGNED_OS)
        .header("client-os-version", os_version)
        .header("client-device-id", device.id.clone())
        .header("client-device-model", setting("client-device-model"))
        .header("client-notification-provider-type", setting("notification-provider"));
    of_place(request, cloud)
        .header("App-Request-Id", format!("{}_{}_AOS", random::hex(12).to_uppercase(), device.number))
        .header("X-Brand", signed.brand)
        .header("X-Region", "eu")
        .header("Accept-Language", cloud.account.language.clone())
        .header("X-Timestamp", derived("time"))
        .header("X-Fingerprint", derived("fingerprint"))
}

/// `request` with the headers of a call without a signature.
pub(super) fn unsigned(request: Request, cloud: &Cloud<'_>, app: &OneApp, device: &Device) -> Request {
    let request = request
        .header("User-Agent", UNSIGNED_AGENT)
        .header("Accept", "application/json")
        .header("client-id", app.package)
        .header("client-name", app.unsigned.client_name)
        .header("client-version", UNSIGNED_VERSION)
        .header("client-os-code", UNSIGNED_OS)
        .header("client-os-version", app.unsigned.os_version)
        .header("client-device-id", device.id.clone())
        .header("client-device-model", UNSIGNED_MODEL)
        .header("client-notification-provider-type", app.unsigned.notification_provider);
    of_place(request, cloud).header("Accept-Language", cloud.account.language.clone())
}

/// Where the app is used, and in which language.
fn of_place(request: Request, cloud: &Cloud<'_>) -> Request {
    request
        .header("locale", cloud.account.language.to_uppercase())
        .header("timezone", format!("+{:02}:00", time::berlin_offset(now())))
}

fn default(name: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|(setting, ..)| *setting == name).map(|(_, value, _)| *value)
}
