//! What the app says of itself in the headers of every request.

use uuid::Uuid;

use crate::brand::App;
use crate::config::Strictness;
use crate::exchange::Incoming;

/// The release of the Android app that the gate knows the keys of, and the phone that it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `client-version`.
    pub version: String,
    /// `client-os-version`.
    pub os_version: String,
    /// `client-device-model`.
    pub device_model: String,
    /// `client-notification-provider-type`.
    pub notifications: String,
}

impl Default for Release {
    /// The one that was recorded.
    fn default() -> Self {
        Self {
            version: "1.4.0".to_owned(),
            os_version: "14".to_owned(),
            device_model: "SM-S918B".to_owned(),
            notifications: "FCM".to_owned(),
        }
    }
}

/// The headers that the signature covers, in that order; with `client-os-version` for the message.
pub(super) const SIGNED: [&str; 4] = ["client-id", "client-name", "client-version", "client-os-code"];

/// What the signed headers must say.
pub(super) fn signed<'a>(app: &'a App, release: &'a Release) -> [&'a str; 4] {
    [app.package, app.android_name, &release.version, "android"]
}

/// Whether the app is the Android one, whose requests are signed, with every header as it sends it.
///
/// Whether `App-Request-Id` names that device too is asked only where `strict` says so.
///
/// # Errors
///
/// Names the header that is not.
pub(crate) fn is_android(
    incoming: &Incoming,
    app: &App,
    release: &Release,
    strict: &Strictness,
) -> Result<(), String> {
    exactly(incoming, &SIGNED.into_iter().zip(signed(app, release)).collect::<Vec<_>>())?;
    exactly(
        incoming,
        &[
            ("client-os-version", &release.os_version),
            ("client-device-model", &release.device_model),
            ("client-notification-provider-type", &release.notifications),
            ("x-brand", app.label),
            ("x-region", "eu"),
            ("user-agent", "okhttp/4.12.0"),
        ],
    )?;
    let device = common(incoming, "*/*")?;
    let id = incoming.header("app-request-id");
    let [number, names, "AOS"] = id.split('_').collect::<Vec<_>>()[..] else {
        return Err(format!("app-request-id is {id:?}, not a number, a device and AOS"));
    };
    if !is_hex(number, 24, |c| (b'A'..=b'F').contains(&c))
        || !is_hex(names, 32, |c| (b'a'..=b'f').contains(&c))
    {
        return Err(format!(
            "app-request-id is {id:?}, not 24 upper-case and 32 lower-case hex digits and AOS"
        ));
    }
    if strict.request_id && names != device.simple().to_string() {
        return Err("app-request-id and client-device-id are not of one device".to_owned());
    }
    Ok(())
}

/// Whether the app is the iOS one, whose requests are not signed.
///
/// # Errors
///
/// Names the header that is not.
pub(crate) fn is_ios(incoming: &Incoming, app: &App) -> Result<(), String> {
    exactly(
        incoming,
        &[
            ("client-id", app.package),
            ("client-name", app.ios_name),
            ("client-version", "1.3.3"),
            ("client-os-code", "ios"),
            ("client-os-version", app.ios_version),
            ("client-device-model", "iPhone"),
            ("client-notification-provider-type", app.ios_notifications),
            ("user-agent", "okhttp/3.12.0"),
            // The Android app says what it takes only as a side effect of its HTTP library; this one says it.
            ("accept", "application/json"),
        ],
    )?;
    common(incoming, "application/json").map(|_| ())
}

/// What both say: the device, which any UUID may be, because the app signs in also where it cannot be registered, the
/// language and the time zone.
fn common(incoming: &Incoming, accept: &str) -> Result<Uuid, String> {
    let device: Uuid = incoming
        .header("client-device-id")
        .parse()
        .map_err(|_| "client-device-id is not a UUID".to_owned())?;
    let locale = incoming.header("locale");
    if locale.len() != 2 || !locale.bytes().all(|c| c.is_ascii_uppercase()) {
        return Err(format!("locale is {locale:?}, not a language in upper case"));
    }
    exactly(incoming, &[("accept-language", &locale.to_lowercase())])?;
    if !is_offset(incoming.header("timezone")) {
        return Err(format!("timezone is {:?}, not an offset like +01:00", incoming.header("timezone")));
    }
    match incoming.header("accept") {
        "" => Ok(device),
        given if given == accept => Ok(device),
        given => Err(format!("accept is {given:?}, not {accept:?}")),
    }
}

fn is_hex(text: &str, length: usize, letter: impl Fn(u8) -> bool) -> bool {
    text.len() == length && text.bytes().all(|c| c.is_ascii_digit() || letter(c))
}

fn is_offset(text: &str) -> bool {
    let shape = |pattern: u8, given: u8| match pattern {
        b'+' => matches!(given, b'+' | b'-'),
        b'0' => given.is_ascii_digit(),
        exactly => given == exactly,
    };
    text.len() == 6 && "+00:00".bytes().zip(text.bytes()).all(|(pattern, given)| shape(pattern, given))
}

fn exactly(incoming: &Incoming, wanted: &[(&str, &str)]) -> Result<(), String> {
    for (name, wanted) in wanted {
        let given = incoming.header(name);
        if given != *wanted {
            return Err(format!("{name} is {given:?}, not {wanted:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_offset;

    #[test]
    fn offsets_have_a_sign_and_a_colon() {
        assert!(is_offset("+01:00") && is_offset("-03:30"));
        assert!(!is_offset("+0100") && !is_offset("01:00") && !is_offset("+1:00") && !is_offset("Z"));
    }
}
