//! What is kept from one call to the next: which family of tokens a session is in, and as which device this
//! installation speaks.
//!
//! The cell `session` holds `{"family":"legacy"}`, or of the token service since 2026
//! `{"family":"cci","route":"signed","device":…,"tokens_end":…,"exchanged":…,"access_ends":…}`. The instants are
//! seconds since the epoch, and each may be absent: an import knows none of them.

use vehicle_connector_sdk::clock;
use vehicle_connector_sdk::prelude::*;

/// The cell that the host commits after a grant.
pub(crate) const SESSION: &str = "session";

/// The cell of the device registration.
pub(crate) const DEVICE: &str = "device-registration";

/// The cell of the device that came with a set of tokens and was taken up as the registration.
pub(crate) const TAKEN_UP: &str = "device-of-tokens";

/// The secret of a device whose identifier is one.
pub(crate) const DEVICE_ID: &str = "device-id";

/// The cell of the access token that the vehicle service has refused.
pub(crate) const REFUSED: &str = "refused-token";

/// What the session's cell holds of a session by a refresh token of 48 characters.
pub(crate) const LEGACY: &str = r#"{"family":"legacy"}"#;

/// What the session's cell holds of a session of the account service, which is no more than that.
pub(crate) const DIRECT: &str = r#"{"family":"direct"}"#;

/// Our own code for a session that has no access token for the vehicle service. A refresh brings one.
const NO_ACCESS_TOKEN: &str = "no-access-token";

/// How the token service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// By calls with a signature.
    Signed,
    /// By the older calls without one.
    Unsigned,
}

impl Route {
    /// As in the session's cell and in the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Unsigned => "unsigned",
        }
    }
}

/// The access token of the vehicle service, which an exchange gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// When it was given.
    pub exchanged: i64,
    /// When it ends.
    pub ends: i64,
}

/// A session of the token service since 2026.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cci {
    /// How the service was asked last.
    pub route: Route,
    /// The identifier of the device that the set was given to, which is no secret: whatever becomes of the
    /// registration, the set is of that device. None if it is the secret [`DEVICE_ID`], as of an import.
    pub device: Option<String>,
    /// When the access token of the set of seven ends. None if that is not known.
    pub tokens_end: Option<i64>,
    /// None if there is none, or nothing is known of it.
    pub access: Option<Access>,
    /// Whether the service has refused to exchange a set that it had just given out.
    pub exchange_refused: bool,
}

/// The session as its cell tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// By a refresh token, of 48 characters or of the account service, and nothing else to remember.
    Legacy,
    /// By the token service since 2026.
    Cci(Cci),
}

impl Session {
    /// The session of this call. None if there is none.
    pub(crate) fn read() -> Option<Self> {
        cell::read(SESSION).map(|cell| Self::parse(&cell.value))
    }

    /// Anything that does not say that it is of the token service is of the older family, as all were before
    /// there was another one.
    fn parse(value: &str) -> Self {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let instant = |key: &str| value.get(key).and_then(Value::as_i64);
        if text("family") != Some("cci") {
            return Self::Legacy;
        }
        let access = instant("exchanged").zip(instant("access_ends"));
        Self::Cci(Cci {
            route: if text("route") == Some("unsigned") { Route::Unsigned } else { Route::Signed },
            device: text("device").filter(|id| is_device(id)).map(str::to_owned),
            tokens_end: instant("tokens_end"),
            access: access.map(|(exchanged, ends)| Access { exchanged, ends }),
            exchange_refused: value.get("exchange_refused").and_then(Value::as_bool) == Some(true),
        })
    }
}

impl Cci {
    /// What the session's cell holds of it.
    pub(crate) fn value(&self) -> String {
        let mut value = json!({ "family": "cci", "route": self.route.as_str() });
        if let Some(members) = value.as_object_mut() {
            let instants = [
                ("tokens_end", self.tokens_end),
                ("exchanged", self.access.map(|access| access.exchanged)),
                ("access_ends", self.access.map(|access| access.ends)),
            ];
            let known = instants.into_iter().filter_map(|(key, at)| Some((key.to_owned(), at?.into())));
            members.extend(known);
            members.extend(self.device.iter().map(|id| ("device".to_owned(), id.clone().into())));
            members.extend(self.exchange_refused.then(|| ("exchange_refused".to_owned(), true.into())));
        }
        format!("{value}")
    }

    /// Whether its access token can be taken for good until `then`: it lasts so long, and the vehicle service
    /// has not refused it.
    pub(crate) fn access_lasts(&self, then: i64) -> bool {
        self.access.is_some_and(|access| access.ends > then && refused() != Some(access.exchanged))
    }
}

/// Makes sure that a session of the token service has an access token for the vehicle service.
///
/// # Errors
///
/// It has none: the exchange has failed so far. Nothing is sent, and a policy that knows the code refreshes.
pub(crate) fn has_access(account: &Account) -> Result<(), Failure> {
    let Some(Session::Cci(session)) = Session::read() else { return Ok(()) };
    // An import knows of its access token only that it is there.
    let lacks = if session.tokens_end.is_some() {
        session.access.is_none()
    } else {
        !account.has_secret("access-token")
    };
    if !lacks {
        return Ok(());
    }
    let message = if session.exchange_refused {
        "the token service does not exchange the tokens of the session for an access token of the vehicle service"
    } else {
        "the session has no access token for the vehicle service yet"
    };
    let failure = failure::not_sent(Phase::Status, message);
    Err(Failure { transport: None, code: Some(NO_ACCESS_TOKEN.to_owned()), ..failure })
}

/// Notes that the vehicle service has refused the access token of this call's session, so that the next
/// refresh exchanges another one. Of a legacy session every refresh brings one.
pub(crate) fn token_refused() {
    let Some(Session::Cci(Cci { access: Some(access), .. })) = Session::read() else { return };
    if refused() == Some(access.exchanged) {
        return;
    }
    // If it cannot be noted, the token is exchanged when it ends.
    if let Ok(held) = cell::hold(REFUSED, Phase::Status) {
        let _noted = held.commit(&format!("{}", json!({ "exchanged": access.exchanged })));
    }
}

/// When the access token was exchanged that the vehicle service refused last: as of now, and not as of when this
/// call began, because what finds out and what refreshes are often under way together.
fn refused() -> Option<i64> {
    let cell = cell::hold(REFUSED, Phase::Refresh).ok()?.cell()?;
    let value: Value = serde_json::from_str(&cell.value).ok()?;
    value.get("exchanged")?.as_i64()
}

/// A device, as the token service is spoken to as it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// Its identifier.
    pub id: String,
    /// The same without dashes, as the vendor's app writes it in the number of a request.
    pub number: String,
}

impl Device {
    /// The one of an identifier that is no secret.
    pub(crate) fn known(id: &str) -> Self {
        Self { id: id.to_owned(), number: id.replace('-', "") }
    }

    /// The one of the secret [`DEVICE_ID`]. The host does not take a secret apart, so it has a number of its own.
    pub(crate) fn secret() -> Self {
        let number = of_device("number").unwrap_or_else(|| vehicle_connector_sdk::random::hex(16));
        Self { id: secret(DEVICE_ID), number }
    }
}

/// Whether a text can be the identifier of a device.
pub(crate) fn is_device(id: &str) -> bool {
    (16..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The identifier of this installation as a device of the vehicle service: that of its registration, or the one that
/// was made up because there was none to be had.
pub(crate) fn device_id() -> String {
    known_device().unwrap_or_else(|| secret(DEVICE_ID))
}

/// The same, if it is no secret.
pub(crate) fn known_device() -> Option<String> {
    of_device("id").filter(|id| is_device(id))
}

fn of_device(key: &str) -> Option<String> {
    let value: Value = serde_json::from_str(&cell::read(DEVICE)?.value).ok()?;
    value.get(key)?.as_str().map(str::to_owned)
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    clock::seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written() {
        let new = Cci {
            route: Route::Signed,
            device: None,
            tokens_end: None,
            access: None,
            exchange_refused: false,
        };
        let access = Some(Access { exchanged: 5, ends: 10 });
        let device = Some("0b6f5a6e-6f5c-4f0b-8a4e-0f3f8b6f1c11".to_owned());
        for session in [
            new.clone(),
            Cci { route: Route::Unsigned, tokens_end: Some(7), exchange_refused: true, ..new.clone() },
            Cci { tokens_end: Some(7), device, access, ..new.clone() },
        ] {
            assert_eq!(Session::parse(&session.value()), Session::Cci(session));
        }
        assert_eq!(new.value(), r#"{"family":"cci","route":"signed"}"#);
        let strange = r#"{"family":"cci","route":"signed","device":"{secret:pin}, and more"}"#;
        assert_eq!(Session::parse(strange), Session::Cci(new), "what is no identifier is none");
    }

    #[test]
    fn what_is_not_of_the_token_service_is_legacy() {
        for value in [LEGACY, DIRECT, "", "{}", "nonsense", r#"{"family":"other"}"#] {
            assert_eq!(Session::parse(value), Session::Legacy, "{value}");
        }
    }
}
