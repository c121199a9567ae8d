//! Which secret arrived where.

use serde::{Deserialize, Serialize};

use crate::exchange::Incoming;
use crate::log::Arrival;
use crate::route::Service;

/// What must not be sent to just anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of the parameters")]
pub enum SecretKind {
    Username,
    Password,
    GigyaKey,
    KamereonKey,
    LoginToken,
    IdToken,
    RegToken,
    GigyaAssertion,
    ProviderAssertion,
    PhvToken,
    /// The code that was sent by mail.
    OneTimeCode,
    Gmid,
    Ucid,
}

use SecretKind as Kind;

/// Where each secret belongs: service and place. Anywhere else it is a violation.
const PLACES: [(SecretKind, Service, &str); 16] = [
    (Kind::Username, Service::Gigya, "form.loginID"),
    (Kind::Password, Service::Gigya, "form.password"),
    (Kind::LoginToken, Service::Gigya, "form.login_token"),
    (Kind::GigyaKey, Service::Gigya, "form.ApiKey"),
    (Kind::GigyaKey, Service::Gigya, "query.APIKey"),
    (Kind::RegToken, Service::Gigya, "query.regToken"),
    (Kind::GigyaAssertion, Service::Gigya, "query.gigyaAssertion"),
    (Kind::ProviderAssertion, Service::Gigya, "query.providerAssertion"),
    (Kind::PhvToken, Service::Gigya, "query.phvToken"),
    (Kind::OneTimeCode, Service::Gigya, "query.code"),
    (Kind::Gmid, Service::Gigya, "query.gmid"),
    (Kind::Gmid, Service::Gigya, "cookie.gmid"),
    (Kind::Ucid, Service::Gigya, "query.ucid"),
    (Kind::Ucid, Service::Gigya, "cookie.ucid"),
    (Kind::KamereonKey, Service::Kamereon, "header.apikey"),
    (Kind::IdToken, Service::Kamereon, "header.x-gigya-id_token"),
];

impl SecretKind {
    /// Whether this is where the real clients send it.
    pub(crate) fn belongs(self, service: Service, place: &str) -> bool {
        PLACES.contains(&(self, service, place))
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Username => "USERNAME",
            Self::Password => "PASSWORD",
            Self::GigyaKey => "GIGYA-KEY",
            Self::KamereonKey => "KAMEREON-KEY",
            Self::LoginToken => "LOGIN-TOKEN",
            Self::IdToken => "ID-TOKEN",
            Self::RegToken => "REG-TOKEN",
            Self::GigyaAssertion => "GIGYA-ASSERTION",
            Self::ProviderAssertion => "PROVIDER-ASSERTION",
            Self::PhvToken => "PHV-TOKEN",
            Self::OneTimeCode => "ONE-TIME-CODE",
            Self::Gmid => "GMID",
            Self::Ucid => "UCID",
        }
    }
}

#[derive(Debug)]
struct Known {
    kind: SecretKind,
    value: String,
    mark: String,
}

impl Known {
    /// Six digits may stand in anything, so a code is looked for as the whole of a value.
    fn is_in(&self, text: &str) -> bool {
        if self.kind == Kind::OneTimeCode { text == self.value } else { text.contains(&self.value) }
    }
}

/// Every secret that was ever good, so that it is recognised wherever it turns up.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    known: Vec<Known>,
}

impl Secrets {
    /// From now on this is recognised, as `<KIND-n>` with a number per kind; `<KIND>` for those there is one
    /// of.
    pub(crate) fn add(&mut self, kind: SecretKind, value: &str) {
        let number = self.known.iter().filter(|known| known.kind == kind).count() + 1;
        let single = kind <= Kind::KamereonKey && number == 1;
        let mark = if single { format!("<{}>", kind.mark()) } else { format!("<{}-{number}>", kind.mark()) };
        self.known.push(Known { kind, value: value.to_owned(), mark });
    }

    /// A text with marks in place of secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.known
            .iter()
            .filter(|known| known.is_in(text))
            .fold(text.to_owned(), |text, known| text.replace(&known.value, &known.mark))
    }

    /// All secrets of a request, with the places where they stand.
    pub(crate) fn arrivals(&self, incoming: &Incoming) -> Vec<Arrival> {
        let places = places(incoming);
        let mut found = Vec::new();
        for (place, text) in &places {
            for known in self.known.iter().filter(|known| known.is_in(text)) {
                found.push(Arrival { secret: known.kind, place: place.clone() });
            }
        }
        found
    }
}

/// Every text of a request under the name of its place.
fn places(incoming: &Incoming) -> Vec<(String, String)> {
    let mut places = vec![("path".to_owned(), incoming.path.clone())];
    places.extend(incoming.query.iter().map(|(name, value)| (format!("query.{name}"), value.clone())));
    for (name, value) in &incoming.headers {
        if name.as_str() != "cookie" {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            places.push((format!("header.{name}"), text));
        }
    }
    places.extend(cookies(incoming).into_iter().map(|(name, value)| (format!("cookie.{name}"), value)));
    match incoming.form() {
        Some(form) => {
            places.extend(form.into_iter().map(|(name, value)| (format!("form.{name}"), value)));
        }
        None => places.push(("body".to_owned(), String::from_utf8_lossy(&incoming.body).into_owned())),
    }
    places
}

/// The cookies of a request.
pub(crate) fn cookies(incoming: &Incoming) -> Vec<(String, String)> {
    let all = incoming.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_marked_by_kind_and_number() {
        let mut secrets = Secrets::default();
        secrets.add(Kind::Password, "hunter22");
        secrets.add(Kind::LoginToken, "login-a");
        secrets.add(Kind::LoginToken, "login-b");
        assert_eq!(
            secrets.mask("x hunter22 login-b login-a"),
            "x <PASSWORD> <LOGIN-TOKEN-2> <LOGIN-TOKEN-1>"
        );
    }

    #[test]
    fn a_code_is_only_the_whole_of_a_value() {
        let mut secrets = Secrets::default();
        secrets.add(Kind::OneTimeCode, "123456");
        assert_eq!(secrets.mask("id-1234567"), "id-1234567");
        assert_eq!(secrets.mask("123456"), "<ONE-TIME-CODE-1>");
    }

    #[test]
    fn a_password_belongs_in_one_place() {
        assert!(Kind::Password.belongs(Service::Gigya, "form.password"));
        assert!(!Kind::Password.belongs(Service::Gigya, "query.password"));
        assert!(!Kind::LoginToken.belongs(Service::Kamereon, "header.x-gigya-id_token"));
    }
}
