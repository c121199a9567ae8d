//! A home at the token service since 2026, and what it answers.

use vehicle_connector_sdk::http::{Derivation, Response};
use vehicle_connector_sdk::testing::response;

use super::*;

/// The names of the seven tokens.
pub(super) const SEVEN: [&str; 7] = [
    "accessToken",
    "refreshToken",
    "exchangeableAccessToken",
    "exchangeableRefreshToken",
    "nonCcsToken",
    "nonCcsRefreshToken",
    "idToken",
];

/// The device that is registered, and the one after it.
pub(super) const DEVICES: [&str; 2] =
    ["0b6f5a6e-6f5c-4f0b-8a4e-0f3f8b6f1c11", "7c1d0e52-93aa-4c6e-b1f7-5d2f0a9e8c22"];

/// A session of which everything is known, as it is right after a sign-in.
pub(super) fn session() -> Value {
    json!({
        "family": "cci",
        "route": "signed",
        "device": DEVICES[0],
        "tokens_end": testing::NOW + 3_599,
        "exchanged": testing::NOW,
        "access_ends": testing::NOW + 86_400,
    })
}

impl Home {
    /// One of `brand` that has a password and the keys, and no refresh token.
    pub(super) fn of(brand: &str) -> Self {
        let host = FakeHost::new();
        let mut account = host.account(&HyundaiKia::describe(), brand);
        account.secrets.retain(|name| name != "refresh-token");
        Self { host, account }
    }

    /// One with this session, and all the secrets that belong to it.
    pub(super) fn with_session(brand: &str, session: &Value) -> Self {
        let home = Self::imported(brand, session);
        let registration = json!({ "registered": true, "id": DEVICES[0] });
        home.host.commit("device-registration", &registration.to_string());
        home.host.commit("device-of-tokens", &json!({ "id": DEVICES[0] }).to_string());
        home
    }

    /// One with this session, and all the secrets that belong to it, that has not registered a device.
    pub(super) fn imported(brand: &str, session: &Value) -> Self {
        let home = Self::of(brand).with_tokens();
        home.host.commit("session", &session.to_string());
        home
    }

    /// The same that has all the secrets of a session, as the host tells of them after a sign-in.
    pub(super) fn with_tokens(mut self) -> Self {
        let names = HyundaiKia::describe().wants.secrets.into_iter().map(|secret| secret.name);
        self.account.secrets = names.filter(|name| name != "refresh-token").collect();
        self
    }

    pub(super) fn without(mut self, secret: &str) -> Self {
        self.account.secrets.retain(|name| name != secret);
        self
    }

    /// A registration, the page of the sign-in, and the key.
    pub(super) fn before_the_form(&self) {
        self.registered_as(DEVICES[0]);
        self.form();
    }

    /// A registration as this device.
    pub(super) fn registered_as(&self, device: &str) {
        self.success(&json!({ "deviceId": device }));
    }

    /// The page of the sign-in, and the key.
    pub(super) fn form(&self) {
        self.host.answers_with(response(200, &[("content-type", "text/html")], "<html>sign in</html>"));
        self.certs();
    }

    pub(super) fn certs(&self) {
        let key = json!({ "kty": "RSA", "kid": "HMGID2_CIPHER_KEY1", "n": "abc", "e": "AQAB" });
        self.answer(200, &json!({ "retCode": "S", "retValue": key }));
    }

    /// An answer to the form that leads to `location`.
    pub(super) fn leads_to(&self, location: &str) {
        self.host.answers_with(response(302, &[("location", location)], ""));
    }

    pub(super) fn code(&self) {
        self.leads_to("https://oneapp.kia.com/redirect?code=AUTH-CODE-1&state=ccsp&login_success=y");
    }

    /// The set of generation `number`.
    pub(super) fn set(&self, number: u32) {
        self.host.answers_with(set(number, &[]));
    }

    pub(super) fn exchanged(&self, number: u32) {
        self.answer(200, &json!({ "accessToken": format!("CCS-TOKEN-{number}"), "expiresTime": 86_400 }));
    }

    pub(super) fn unwell(&self) {
        self.answer(502, &json!({ "code": 9001, "message": "external service error" }));
    }

    pub(super) fn gate_refuses(&self, code: u32) {
        self.answer(400, &json!({ "code": code, "message": "invalid fingerprint" }));
    }

    pub(super) fn sign_in(&self) -> Result<Step, Failure> {
        HyundaiKia::sign_in(&self.account)
    }

    /// A refresh whose session is kept, as the host does it.
    pub(super) fn refresh(&self) -> Result<Grant, Failure> {
        HyundaiKia::refresh(&self.account).map(|step| self.kept(step))
    }

    pub(super) fn kept(&self, step: Step) -> Grant {
        let Step::Granted(grant) = step else { unreachable!("{step:?}") };
        self.host.commit("session", &grant.value);
        grant
    }

    /// The last parts of the paths of what was sent since this was asked before.
    pub(super) fn calls(&self) -> Vec<String> {
        let path = |request: &Request| request.url.split('?').next().unwrap().to_owned();
        let last = |path: String| path.rsplit_once('/').unwrap().1.to_owned();
        self.host.requests().iter().map(path).map(last).collect()
    }
}

pub(super) fn set(number: u32, headers: &[(&str, &str)]) -> Response {
    let mut body = json!({ "scope": null, "tokenType": "Bearer", "expiresIn": 3_599 });
    for name in SEVEN {
        body[name] = format!("{name}-{number}").into();
    }
    response(200, headers, &body.to_string())
}

pub(super) fn headers(request: &Request) -> Vec<String> {
    request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

pub(super) fn derivation<'r>(request: &'r Request, name: &str) -> &'r Derivation {
    request.derivations.iter().find(|derivation| derivation.name == name).unwrap()
}
