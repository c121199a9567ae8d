//! The flows of whole calls, over a host in memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod commands;
mod peer;
mod reads;
mod sign_in;
mod simulated;

use vehicle_connector_sdk::http::Request;
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::testing::{FakeHost, response};

use crate::Renault;

/// A host, and an account that has been given what the connector wants.
struct Home {
    host: FakeHost,
    account: Account,
}

impl Home {
    /// One that has signed in.
    fn new(brand: &str) -> Self {
        let host = FakeHost::new();
        let mut account = host.account(&Renault::describe(), brand);
        account.settings.push(("locale".into(), "fr_FR".into()));
        account.secrets = Renault::describe().wants.secrets.into_iter().map(|secret| secret.name).collect();
        Self { host, account }
    }

    /// One that has not: it has what the owner writes, and nothing from the cloud.
    fn fresh() -> Self {
        let mut home = Self::new("renault");
        home.account
            .secrets
            .retain(|name| ["username", "password", "gigya-key", "kamereon-key"].contains(&name.as_str()));
        home
    }

    /// One of a device that is known.
    fn known() -> Self {
        let mut home = Self::fresh();
        home.account.secrets.extend(["gmid".to_owned(), "ucid".to_owned()]);
        home
    }

    /// An answer of Gigya that says yes.
    fn yes(&self, fields: &Value) {
        let mut body = json!({ "errorCode": 0, "statusCode": 200, "statusReason": "OK" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.host.answers(200, &body);
    }

    /// An answer of Gigya that says no.
    fn no(&self, code: u32, details: &str) {
        let body = json!({ "errorCode": code, "errorDetails": details, "statusCode": code / 1000 });
        self.host.answers(200, &body);
    }

    /// An answer of Kamereon that says no.
    fn refusal(&self, status: u16, code: &str, message: &str) {
        let errors = json!({ "errors": [{ "errorCode": code, "errorMessage": message }] });
        self.host.answers(status, &errors);
    }

    /// The identity of a device.
    fn bootstrap(&self) {
        let cookies = [("set-cookie", "gmid=gmid-1; Path=/"), ("set-cookie", "ucid=ucid-1; Path=/")];
        self.host.answers_with(response(200, &cookies, r#"{"errorCode":0}"#));
    }

    /// What comes after a login that was right: the person, and the id token.
    fn session(&self) {
        self.yes(&json!({ "sessionInfo": { "cookieValue": "login-1" } }));
        self.yes(&json!({ "data": { "personId": "person-1" } }));
        self.yes(&json!({ "id_token": "jwt-1" }));
    }

    fn execute(&self, model: &str, command: &Command) -> Result<Outcome, Failure> {
        Renault::execute(&self.account, &car(model), command)
    }

    /// The last parts of what was sent since this was asked before.
    fn calls(&self) -> Vec<String> {
        let last = |request: &Request| {
            let path = request.url.split('?').next().unwrap();
            path.rsplit('/').next().unwrap().to_owned()
        };
        self.host.requests().iter().map(last).collect()
    }
}

fn car(model: &str) -> VehicleRef {
    let traits = json!({ "account": "account-1", "model": model }).to_string();
    VehicleRef { id: model.to_lowercase(), traits }
}
