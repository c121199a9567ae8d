//! A cloud that signs in with a password and a code, and counts what it is sent.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::bindings::http::TransportError;
use crate::primitives::transport::Response;
use crate::primitives::{HttpRequest, Transport};

/// The account's password, the code that is right, and what the cloud gives out.
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const CODE: &str = "493817";
pub(crate) const DEVICE: &str = "device-identity-7f3a";
pub(crate) const STEP: &str = "step-token-91c2d4";
pub(crate) const ACCESS: &str = "access-token-5be0a8";
pub(crate) const REFRESH: &str = "refresh-token-c04d17";

/// Everything that must be said nowhere.
pub(crate) const SECRETS: [&str; 6] = [PASSWORD, CODE, DEVICE, STEP, ACCESS, REFRESH];

/// The cloud.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    /// Number of requests by their paths.
    asked: Mutex<BTreeMap<String, u32>>,
    /// Answers that are given in place of the usual ones, by path.
    instead: Mutex<BTreeMap<String, (u16, Value)>>,
    /// Whether nothing is reached.
    away: Mutex<bool>,
}

impl Cloud {
    /// Number of requests to a path.
    pub(crate) fn asked(&self, path: &str) -> u32 {
        self.asked.lock().get(path).copied().unwrap_or_default()
    }

    /// Number of all requests.
    pub(crate) fn asked_at_all(&self) -> u32 {
        self.asked.lock().values().sum()
    }

    /// Gives this answer at a path from now on.
    pub(crate) fn answer(&self, path: &str, status: u16, body: Value) {
        self.instead.lock().insert(path.to_owned(), (status, body));
    }

    pub(crate) fn go_away(&self, away: bool) {
        *self.away.lock() = away;
    }

    fn usual(path: &str, parameter: impl Fn(&str) -> Option<String>) -> (u16, Value) {
        let is = |name: &str, value: &str| parameter(name).as_deref() == Some(value);
        match path {
            "/login" if is("p", PASSWORD) => (200, json!({"step": STEP, "device": DEVICE})),
            "/verify" if is("step", STEP) && is("code", CODE) => {
                (200, json!({"access": ACCESS, "refresh": REFRESH}))
            }
            // A cloud that says more than it should.
            "/verify" => {
                let code = parameter("code").unwrap_or_default();
                (400, json!({"code": "400006", "message": format!("the code {code} is wrong")}))
            }
            "/token" if is("step", STEP) => (200, json!({"access": ACCESS, "refresh": REFRESH})),
            "/refresh" if is("refresh", REFRESH) => (200, json!({"access": ACCESS, "refresh": REFRESH})),
            _ => (400, json!({"code": "403042", "message": "no"})),
        }
    }
}

impl Transport for Cloud {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            if *self.away.lock() {
                return Err(TransportError::NotSent("no route".to_owned()));
            }
            let path = request.url.path().to_owned();
            *self.asked.lock().entry(path.clone()).or_default() += 1;
            let url = request.url.clone();
            let parameter = |name: &str| {
                url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
            };
            let instead = self.instead.lock().get(&path).cloned();
            let (status, body) = instead.unwrap_or_else(|| Self::usual(&path, parameter));
            let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            if let Some(location) = body.get("location").and_then(Value::as_str) {
                headers.push(("location".to_owned(), location.to_owned()));
            }
            Ok(Response { status, headers, body: body.to_string().into_bytes() })
        })
    }
}
