//! A connector for the cloud of Acme, which does not exist: a bearer token by client id and password, a list
//! of cars, a state to read, and two commands whose end the cloud tells later. `cloud/` plays it.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use vehicle_connector_sdk::connector::{OwnEffect, RefusedCredential};
use vehicle_connector_sdk::http::segment;
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::state::{Document, flag, kilometres, percent};
use vehicle_connector_sdk::time::parse_rfc3339;

#[cfg(test)]
mod tests;

/// How Acme says no. Its codes come with a 409, before the car is told, but for one.
static ENVELOPE: Envelope = Envelope {
    codes_at: &["/code"],
    words_at: &["/message"],
    before_execution: &["busy", "unknown-car"],
    undecided: &["no-answer"],
    ..Envelope::PLAIN
};

/// The arguments of Acme's own operation.
const HONK: &str = r#"{"type":"object","properties":{"times":{"type":"integer","minimum":1,"maximum":3}}}"#;

/// How long a car takes to act, in milliseconds.
const POLL: u32 = 2_000;

/// The connector.
#[derive(Debug)]
pub struct Example;

vehicle_connector_sdk::connector!(Example);

impl Connector for Example {
    fn describe() -> Manifest {
        Manifest::new("example", env!("CARGO_PKG_VERSION"), "The cloud of Acme, which does not exist")
            .cells(&["session"])
            .endpoint(endpoint("api", "https://api.acme.example"))
            .secret(Want::identifier("client-id", "From Acme's developer page").sent_to(&["api"]).required())
            .secret(Want::password("password", "The password beside it").sent_to(&["api"]).required())
            .secret(Want::token("access-token", "The token of the session").sent_to(&["api"]))
            .refusal(RefusedCredential::Grant, "wrong-password")
            .operation("honk", OwnEffect::Actuation, "Sounds the horn", HONK)
            .answers("api", &ENVELOPE)
    }

    fn sign_in(account: &Account) -> Result<Step, Failure> {
        token(account, Phase::SignIn)
    }

    /// Acme has no refresh tokens: the password is sent again, which the host counts as a sign-in.
    fn refresh(account: &Account) -> Result<Step, Failure> {
        token(account, Phase::Refresh)
    }

    fn list_vehicles(account: &Account) -> Result<Vec<Vehicle>, Failure> {
        let request = Request::get(format!("{}/cars", account.endpoint("api")?)).hide(&["/cars/*/vin"]);
        let answer = send(request, Phase::Status)?;
        let cars = answer.part("/cars")?.as_array().ok_or_else(|| answer.lacks("list at /cars"))?;
        Ok(cars.iter().filter_map(vehicle).collect())
    }

    fn execute(account: &Account, vehicle: &VehicleRef, command: &Command) -> Result<Outcome, Failure> {
        let car = format!("{}/cars/{}", account.endpoint("api")?, segment(&vehicle.id));
        match command {
            Command::Read(_) => {
                let answer = send(Request::get(car).hide(&["/latitude", "/longitude"]), Phase::Status)?;
                Ok(Outcome::read(state(&answer)))
            }
            Command::Lock => act(&format!("{car}/lock"), &json!({})),
            Command::Unlock => act(&format!("{car}/unlock"), &json!({})),
            Command::Other(own) if own.name == "honk" => {
                act(&format!("{car}/honk"), &own.arguments.parse().unwrap_or_default())
            }
            Command::CheckActionStatus(id) => check(account, id),
            _ => Ok(Outcome::unsupported("Acme reads, locks and unlocks")),
        }
    }

    fn resume(account: &Account, _: &VehicleRef, _: &Command, id: &str) -> Result<Outcome, Failure> {
        check(account, id)
    }
}

fn token(account: &Account, phase: Phase) -> Result<Step, Failure> {
    let answer = oauth::token(format!("{}/token", account.endpoint("api")?), "client_credentials")
        .basic(secret("client-id"), secret("password"))
        .send(phase)?;
    Ok(Step::Granted(oauth::grant_in(answer, &ENVELOPE, "")?))
}

fn vehicle(car: &Value) -> Option<Vehicle> {
    let text = |key: &str| car.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let operations =
        ["refresh_cached", "lock", "unlock", "other/honk", "check_action_status"].map(ToOwned::to_owned);
    Some(Vehicle {
        id: car.get("id")?.as_str()?.to_owned(),
        vin: text("vin"),
        name: text("name"),
        model: text("model"),
        traits: String::new(),
        operations: operations.into(),
    })
}

fn state(answer: &Answer) -> Document {
    let mut document = Document::default();
    let time = answer.text("/time").and_then(parse_rfc3339);
    document.put("locked", flag(answer.at("/locked")));
    document.put("soc_percent", percent(answer.at("/battery")));
    document.put("odometer_km", kilometres(answer.at("/odometer_km"), Some(1.0)));
    document.put_time(time);
    document.put_location(answer.at("/latitude"), answer.at("/longitude"), time);
    document
}

/// Sends a command once. Acme takes it and tells its end later.
fn act(url: &str, arguments: &Value) -> Result<Outcome, Failure> {
    let answer = send(Request::post(url).json(arguments).acts_on_vehicle(), Phase::Command)?;
    Ok(answer.text("/action").map_or_else(
        || Outcome::Other("Acme took the command without an action to ask after".to_owned()),
        pending,
    ))
}

fn check(account: &Account, id: &str) -> Result<Outcome, Failure> {
    let url = format!("{}/actions/{}", account.endpoint("api")?, segment(id));
    let answer = send(Request::get(url), Phase::Confirmation)?;
    Ok(match answer.text("/state") {
        Some("done") => Outcome::done(),
        Some("refused") => Outcome::Refused("the car said no".to_owned()),
        Some("running") => pending(id),
        _ => Outcome::Other("Acme does not say what became of it".to_owned()),
    })
}

fn pending(id: &str) -> Outcome {
    let id = id.to_owned();
    Outcome::Pending(Pending { continuation: id.clone(), poll_after: POLL, action_id: Some(id) })
}

fn send(request: Request, phase: Phase) -> Result<Answer, Failure> {
    request.bearer(secret("access-token")).send(phase)?.success(&ENVELOPE)
}
