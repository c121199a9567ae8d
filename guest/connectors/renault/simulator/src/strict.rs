//! The checks that a request must pass before anything is done for it.
//!
//! Of what is wrong with a request only the first thing is answered, in this order. Gigya: address, method,
//! content type, parameters, application key, cookies. Kamereon: address, method, application key, id token,
//! country, content type, account and car. Whatever no state of the cloud can make right is noted as a
//! violation, answered or not; what the real services say to it is mostly unknown, and then it is their word
//! for a bad parameter.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use simulator::kit::Answer;

use crate::envelope::{self, Refused};
use crate::exchange::Case;
use crate::route::{RouteKind as Kind, Service};
use crate::secrets::cookies;

/// Answered with what was missing or wrong.
type Checked = Result<(), Refused>;

/// The parameters of a route of Gigya, beside the application key.
struct Parameters {
    key: &'static str,
    needed: &'static [&'static str],
    allowed: &'static [&'static str],
}

fn parameters(kind: Kind) -> Parameters {
    let post = |needed| Parameters { key: "ApiKey", needed, allowed: &[] };
    let get = |needed| Parameters { key: "APIKey", needed, allowed: &[] };
    match kind {
        Kind::Login => post(&["loginID", "password"]),
        Kind::AccountInfo => post(&["login_token"]),
        Kind::Jwt => post(&["login_token", "fields", "expiration"]),
        Kind::InitTfa => get(&["regToken", "provider", "mode", "gmid", "ucid"]),
        Kind::GetEmails => get(&["gigyaAssertion"]),
        Kind::SendCode => Parameters { allowed: &["lang"], ..get(&["gigyaAssertion", "emailID"]) },
        Kind::CompleteCode => get(&["gigyaAssertion", "phvToken", "code"]),
        Kind::FinalizeTfa => get(&["gigyaAssertion", "providerAssertion", "regToken", "tempDevice"]),
        _ => get(&[]),
    }
}

/// Everything but the body of a command, which is the route's business.
pub(crate) fn admit(case: &mut Case<'_>) -> Checked {
    address(case)?;
    match case.incoming.call.service {
        Service::Gigya => gigya(case),
        Service::Kamereon => kamereon(case),
    }
}

fn address(case: &mut Case<'_>) -> Checked {
    let call = &case.incoming.call;
    let (service, wrong_method) = (call.service, call.wrong_method);
    if call.kind == Kind::Other {
        let answer = match service {
            Service::Gigya => Answer::json(404, &serde_json::json!({ "error": "Not Found" })),
            Service::Kamereon => envelope::not_found(),
        };
        return Err(case.violation("no such address", answer));
    }
    if wrong_method {
        let answer = match service {
            Service::Gigya => Answer { status: 400, ..case.failure(400_006, "Invalid request method") },
            Service::Kamereon => {
                envelope::kamereon_failure("err.func.wired.methodNotAllowed", "The method is not allowed")
            }
        };
        return Err(case.violation("wrong method", answer));
    }
    Ok(())
}

fn gigya(case: &mut Case<'_>) -> Checked {
    let Parameters { key, needed, allowed } = parameters(case.incoming.call.kind);
    if case.incoming.method == "POST" {
        if case.incoming.form().is_none() {
            let answer = case.failure(400_002, "Missing required parameter");
            return Err(case.violation("a POST to Gigya is a form", answer));
        }
        if !case.incoming.query.is_empty() {
            case.violate("a POST to Gigya has no query");
        }
    }
    let given: BTreeSet<String> = case.parameters().into_iter().map(|(name, _)| name).collect();
    for name in &given {
        if name != key && !needed.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
            case.violate(format!("unknown parameter {name}"));
        }
    }
    for name in needed.iter().chain([&key]) {
        if case.parameter(name).is_empty() {
            let answer = case.failure(400_002, &format!("Missing required parameter: {name}"));
            return Err(case.violation(format!("missing parameter {name}"), answer));
        }
    }
    gigya_key(case, key)?;
    device(case)
}

/// A key that was good once is refused in other words than one that never was: Gigya then looks for the
/// person where no such person is.
fn gigya_key(case: &mut Case<'_>, name: &str) -> Checked {
    let key = case.parameter(name);
    if key == case.world.config.gigya_key {
        return Ok(());
    }
    if !case.world.retired_keys.contains(&key) {
        let answer = case.failure(400_093, "Invalid ApiKey parameter");
        return Err(case.violation("unknown application key", answer));
    }
    let (code, details) = match case.incoming.call.kind {
        Kind::Login => (403_042, "invalid loginID or password"),
        _ => (403_005, "Unauthorized user"),
    };
    Err(Refused::new("retired application key", case.failure(code, details)))
}

/// A second factor is about a device, so every step of it says which one.
fn device(case: &mut Case<'_>) -> Checked {
    let kind = case.incoming.call.kind;
    if !(Kind::InitTfa..=Kind::FinalizeTfa).contains(&kind) {
        return Ok(());
    }
    let cookie = |name: &str| {
        let found = cookies(case.incoming).into_iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let (gmid, ucid) = (cookie("gmid"), cookie("ucid"));
    if !case.world.identity.knows(&gmid, &ucid) {
        let answer = case.failure(400_002, "Missing required parameter: gmid");
        return Err(case.violation("the cookies gmid and ucid of a device are missing", answer));
    }
    let same = match kind {
        Kind::InitTfa => case.parameter("gmid") == gmid && case.parameter("ucid") == ucid,
        _ => {
            let assertion = case.parameter("gigyaAssertion");
            !case.world.factor.knows(&assertion) || case.world.factor.is_of(&assertion, &gmid)
        }
    };
    if same {
        return Ok(());
    }
    let answer = case.failure(400_006, "Invalid parameter value");
    Err(case.violation("the device is not the one of the challenge", answer))
}

fn kamereon(case: &mut Case<'_>) -> Checked {
    let key = case.incoming.header("apikey").to_owned();
    if key.is_empty() {
        return Err(case.violation("missing header apikey", envelope::no_application()));
    }
    if key != case.world.config.kamereon_key {
        return Err(Refused::new("unknown or retired application key", envelope::no_application()));
    }
    id_token(case)?;
    country(case)?;
    content_type(case)?;
    ownership(case)
}

fn id_token(case: &mut Case<'_>) -> Checked {
    let token = case.incoming.header("x-gigya-id_token").to_owned();
    let answer = || envelope::kamereon_failure("err.func.wired.unauthorized", "The access is unauthorized");
    if token.is_empty() {
        let refused = case.violation("missing header x-gigya-id_token", answer());
        return Err(Refused { by_token: true, ..refused });
    }
    let now = case.world.now();
    match case.world.identity.id_token(&token, now) {
        Ok(()) => {
            case.shared.count(|counters| counters.admitted += 1);
            Ok(())
        }
        Err(reason) => Err(Refused { by_token: true, ..Refused::new(reason, answer()) }),
    }
}

/// Any country will do, but one there must be.
fn country(case: &mut Case<'_>) -> Checked {
    let mut country = None;
    for (name, value) in &case.incoming.query {
        match name.as_str() {
            "country" => country = Some(value.clone()),
            // The client that was read sends five more with the contracts, and a time with histories.
            _ if matches!(case.incoming.call.kind, Kind::Contracts | Kind::Unsimulated) => {}
            _ => case.violate(format!("unknown parameter {name}")),
        }
    }
    let good = country
        .as_deref()
        .is_some_and(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()));
    if good {
        return Ok(());
    }
    let answer =
        envelope::kamereon_failure("err.func.wired.missingRequestParam", "The parameter country is missing");
    Err(case.violation("missing parameter country, or not two capital letters", answer))
}

/// Commands must say that they are JSON of that kind. Reads need not, and must not say anything else.
fn content_type(case: &mut Case<'_>) -> Checked {
    let given = case.incoming.header("content-type").to_owned();
    let read = case.incoming.method == "GET";
    if given == "application/vnd.api+json" || (read && given.is_empty()) {
        return Ok(());
    }
    let answer =
        envelope::kamereon_failure("err.func.wired.invalid-body-format", "The body format is invalid");
    Err(case.violation("the content type is not application/vnd.api+json", answer))
}

/// The person, the account and the car in the path must be the token's.
fn ownership(case: &mut Case<'_>) -> Checked {
    let call = case.incoming.call.clone();
    let refuse = |reason: &str| Err(Refused::new(reason, envelope::forbidden()));
    if call.person.is_some_and(|person| person != case.world.config.person_id) {
        return refuse("another person");
    }
    let Some(account) = call.account else { return Ok(()) };
    if case.world.account(&account).is_none() {
        return refuse("another account");
    }
    let Some(vin) = call.vin else { return Ok(()) };
    let Some(car) = case.world.car_of(&account, &vin) else {
        return refuse("no car of this account");
    };
    let (privacy, lacks) = (car.state.privacy, car.model().lacks(call.kind));
    if let Some(absence) = lacks {
        return Err(Refused::new("the model does not have this", envelope::absent(absence)));
    }
    if privacy && call.kind == Kind::Location {
        let answer = envelope::kamereon_failure("err.func.privacy.on", "Privacy mode currently ON");
        return Err(Refused::new("privacy", answer));
    }
    Ok(())
}

impl Case<'_> {
    /// Notes a violation.
    pub(crate) fn violate(&mut self, wrong: impl Into<String>) {
        self.world.violate(self.seq, self.incoming, wrong);
    }

    /// Notes a violation that is answered like this.
    pub(crate) fn violation(&mut self, wrong: impl Into<String>, answer: Answer) -> Refused {
        let wrong = wrong.into();
        self.violate(wrong.clone());
        Refused::new(wrong, answer)
    }

    /// A failure in Gigya's envelope.
    pub(crate) fn failure(&mut self, code: u32, details: &str) -> Answer {
        self.failure_with(code, details, Value::Object(Map::new()))
    }

    /// ... with more fields.
    pub(crate) fn failure_with(&mut self, code: u32, details: &str, fields: Value) -> Answer {
        let (id, now) = (self.world.ids.uuid(), self.world.now());
        envelope::gigya_failure(code, details, fields, &id, now)
    }

    /// The parameters of a request to Gigya: the form of a POST, the query of a GET.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        match self.incoming.method.as_str() {
            "POST" => self.incoming.form().unwrap_or_default(),
            _ => self.incoming.query.clone(),
        }
    }

    /// One of them; empty if it is not there.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let found = self.parameters().into_iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }
}
