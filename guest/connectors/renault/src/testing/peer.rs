//! The requests of this connector, beside those of `renault-api` 0.6.2 (`peer/trace.json`).
//!
//! Each is brought into one form: what a host or a peer puts in for a secret is its name, and of reads the
//! car is left out, since both read different cars. Whatever only one of the two sends is listed, with the
//! reason.

use std::collections::BTreeSet;

use vehicle_connector_sdk::connector::{ChargeLimits, Climate, Signal};
use vehicle_connector_sdk::http::Body;

use super::*;

/// What the peer sends and this connector does not: a part of the line, and why not.
const NOT_SENT: &[(&str, &str)] = &[
    ("/details?", "the model stands in the list of vehicles already"),
    ("/contracts?", "nothing here depends on what was booked"),
    ("/accounts/account-dealer/vehicles?", "only accounts of the brand have its cars"),
    ("tempDevice=true", "a device is always to be remembered, so that a code is wanted once a month"),
    ("/charging-settings?", "the state document has no schedule"),
    ("/charge-mode?", "the state document has no charge mode, and no command sets one"),
    ("/hvac-settings?", "the state document has no schedule"),
    ("/pressure?", "the state document has no tyres"),
    ("/res-state?", "the state document has no engine"),
    (
        "GET /commerce/v1/accounts/<ACCOUNT>/kamereon/kca/car-adapter/v2/cars/<VIN>?",
        "the gateway does not matter",
    ),
    ("startDateTime", "no command is for later"),
    ("/actions/refresh-location?", "no command asks for the position alone"),
];

/// What this connector sends and the peer does not, and why.
const NOT_THE_PEERS: &[(&str, &str)] = &[];

/// What the peer writes for one-time codes and passwords that are wrong on purpose.
const WRONG: &[(&str, &str)] =
    &[("code=000000", "code=<ONE-TIME-CODE>"), (r#""password":"no""#, r#""password":"<PASSWORD>""#)];

/// The cars that both command: model, account, VIN.
const CARS: &[(&str, &str, &str)] = &[
    ("X101VE", "account-renault", "VF1S1MULATEDZ0E1A"),
    ("X102VE", "account-renault", "VF1S1MULATEDZ0E2B"),
    ("R5E1VE", "account-renault", "VF1S1MULATEDR5EVC"),
    ("XHN1SU", "account-renault", "VF1S1MULATEDAUSTD"),
    ("XBG1VE", "account-dacia", "UU1S1MULATEDSPRE1"),
    ("XZZ9VE", "account-dacia", "UU1S1MULATEDNEWF2"),
];

fn trace() -> Vec<Value> {
    serde_json::from_str(include_str!("../../peer/trace.json")).unwrap()
}

/// A request in one line: method, path and query, headers by their name, body.
fn line(method: &str, path: &str, query: &str, mut headers: Vec<(String, String)>, body: &str) -> String {
    headers.sort();
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut line = format!("{method} {path}?{query} [{}] {body}", headers.join(", "));
    for (wrong, right) in WRONG {
        line = line.replace(wrong, right);
    }
    if method == "GET" && path.contains("/kamereon/") {
        for (_, account, vin) in CARS {
            line = line.replace(vin, "<VIN>").replace(account, "<ACCOUNT>");
        }
    }
    line
}

/// `<ID-TOKEN-12>` as `<ID-TOKEN>`.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive('>') {
        let name = piece.strip_suffix('>').map(|name| name.trim_end_matches(|it: char| it.is_ascii_digit()));
        match name.filter(|name| name.ends_with('-') && name.contains('<')) {
            Some(name) => out.push_str(&format!("{}>", name.trim_end_matches('-'))),
            None => out.push_str(piece),
        }
    }
    out
}

fn peers() -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |entry: &Value| {
        let query: Vec<_> = entry["query"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| format!("{}={}", text(&pair[0]), text(&pair[1])))
            .collect();
        let headers =
            entry["headers"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value)));
        let body = if entry["body"].is_null() { String::new() } else { entry["body"].to_string() };
        let path = text(&entry["path"]).replace("person-0001", "<PERSON-ID>");
        without_numbers(&line(&text(&entry["method"]), &path, &query.join("&"), headers.collect(), &body))
    };
    trace().iter().map(of).collect()
}

/// A request as the host sends it, with names for secrets.
fn ours(request: &Request, (account, vin): (&str, &str)) -> String {
    let named = |text: &str| {
        let text = text.replace("{vehicle:vin}", vin).replace("account-1", account);
        let mut pieces = text.split("{secret:");
        let first = pieces.next().unwrap().to_owned();
        pieces.fold(first, |out, piece| {
            let (name, rest) = piece.split_once('}').unwrap();
            let name = if name == "mail-code" { "one-time-code" } else { name };
            format!("{out}<{}>{rest}", name.to_uppercase())
        })
    };
    let url = named(&request.url);
    let (path, query) = url
        .split_once(".test")
        .unwrap()
        .1
        .split_once('?')
        .unwrap_or_else(|| (url.split_once(".test").unwrap().1, ""));
    let mut headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), named(value))).collect();
    let body = match &request.body {
        Body::Json(text) => named(&serde_json::from_str::<Value>(text).unwrap().to_string()),
        Body::Form(fields) => {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
            let fields = fields.iter().map(|(name, value)| (name.clone(), Value::from(named(value))));
            Value::Object(fields.collect()).to_string()
        }
        _ => String::new(),
    };
    let method = format!("{:?}", request.method).to_uppercase();
    line(method.trim_start_matches("METHOD::"), path, query, headers, &body)
}

/// The settings that the peer has sent back, with all programs on, as a car has them before.
fn settings() -> Value {
    let sent = trace()
        .into_iter()
        .find(|entry| entry["method"] == "POST" && entry["path"].as_str().unwrap().ends_with("/ev/settings"));
    let mut settings = sent.unwrap()["body"].take();
    for program in settings["programs"].as_array_mut().unwrap() {
        program["programActivationStatus"] = true.into();
    }
    settings
}

/// A home whose cloud says yes to everything.
fn agreeable(brand: &str, fresh: bool) -> Home {
    let home = if fresh { Home::fresh() } else { Home::new(brand) };
    let (before, all) = (
        settings(),
        json!({
            "errorCode": 0, "sessionInfo": { "cookieValue": "login-1" }, "id_token": "jwt-1",
            "data": { "personId": "person-1", "attributes": { "batteryLevel": 5 } },
            "gigyaAssertion": "assertion-1", "phvToken": "phv-1", "providerAssertion": "provider-1",
            "emails": [{ "id": "mailbox-1" }, { "id": "mailbox-2" }],
            "accounts": [
                { "accountId": "account-renault", "accountType": "MYRENAULT" },
                { "accountId": "account-dacia", "accountType": "MYDACIA" },
                { "accountId": "account-dealer", "accountType": "SFDC" },
            ],
            "vehicleLinks": [], "socMin": 25, "socTarget": 80,
        }),
    );
    home.host.cloud(move |request| {
        let body = if request.url.contains("/ev/settings") { &before } else { &all };
        let cookies = [("set-cookie", "gmid=gmid-1; Path=/"), ("set-cookie", "ucid=ucid-1; Path=/")];
        Ok(response(200, &cookies, &body.to_string()))
    });
    home
}

fn of_sessions() -> Vec<Request> {
    let mut requests = Vec::new();
    let home = agreeable("renault", true);
    Renault::sign_in(&home.account).unwrap();
    requests.extend(home.host.requests());
    for mailbox in ["mailbox-1", "mailbox-2"] {
        let home = agreeable("renault", true);
        home.host.answers(200, &json!({ "errorCode": 403_101, "regToken": "reg-1" }));
        let Step::Asked(question) = Renault::sign_in(&home.account).unwrap() else { unreachable!() };
        let go_on = |continuation: &str, reply| {
            Renault::continue_sign_in(&home.account, continuation, &reply).unwrap()
        };
        let chosen = go_on(&question.continuation, Reply::Chosen(mailbox.into()));
        let Step::Asked(question) = chosen else { unreachable!() };
        assert!(matches!(go_on(&question.continuation, Reply::Code), Step::Granted(_)));
        requests.extend(home.host.requests());
    }
    for brand in ["renault", "dacia"] {
        let home = agreeable(brand, false);
        Renault::refresh(&home.account).unwrap();
        Renault::list_vehicles(&home.account).unwrap();
        requests.extend(home.host.requests());
    }
    requests
}

fn commands(model: &str) -> Vec<Command> {
    let climate = |celsius| {
        let (duration, defrost, heating) = (None, None, None);
        Command::StartClimate(Climate {
            temperature: Some(celsius),
            duration,
            defrost,
            heating,
            seats: Vec::new(),
        })
    };
    let mut all = vec![Command::Read(ReadMode::Cached)];
    match model {
        "R5E1VE" => all.extend([
            climate(21.0),
            Command::StopClimate,
            Command::StartCharging,
            Command::SetChargeLimits(ChargeLimits { ac: Some(85), dc: None }),
            Command::Signal(Signal::Horn),
            Command::Signal(Signal::Lights),
        ]),
        "X102VE" => all.extend([
            climate(19.5),
            climate(20.0),
            Command::StopClimate,
            Command::StartCharging,
            Command::StopCharging,
        ]),
        "XHN1SU" => {}
        _ => all.extend([Command::StartCharging, Command::StopCharging]),
    }
    all
}

fn all_of_ours() -> BTreeSet<String> {
    let mut lines: BTreeSet<_> = of_sessions().iter().map(|request| ours(request, ("", ""))).collect();
    for (model, account, vin) in CARS {
        let home = agreeable("renault", false);
        for command in commands(model) {
            let outcome = home.execute(model, &command).unwrap();
            assert!(matches!(outcome, Outcome::Done(_) | Outcome::Accepted(_)), "{model} {command:?}");
        }
        lines.extend(home.host.requests().iter().map(|request| ours(request, (account, vin))));
    }
    lines
}

/// Checks that what is in `these` and not in `those` is listed, and that the list has nothing else.
fn differ(these: &BTreeSet<String>, those: &BTreeSet<String>, listed: &[(&str, &str)]) {
    let only: Vec<_> = these.difference(those).collect();
    let unexplained: Vec<_> =
        only.iter().filter(|line| !listed.iter().any(|(part, _)| line.contains(part))).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for (part, why) in listed {
        assert!(only.iter().any(|line| line.contains(part)), "no such difference any more: {part} ({why})");
    }
}

#[test]
fn requests_are_those_of_the_peer_but_for_what_is_listed() {
    let (peers, ours) = (peers(), all_of_ours());
    differ(&peers, &ours, NOT_SENT);
    differ(&ours, &peers, NOT_THE_PEERS);
    let alike = peers.intersection(&ours).count();
    assert_eq!((alike, ours.len()), (38, 38), "of {}", peers.len());
}

#[test]
fn numbers_of_tokens_do_not_matter() {
    assert_eq!(without_numbers("gmid=<GMID-1>; ucid=<UCID-12> <VIN>"), "gmid=<GMID>; ucid=<UCID> <VIN>");
    assert_eq!(without_numbers("<GIGYA-KEY> <GIGYA-KEY-2>"), "<GIGYA-KEY> <GIGYA-KEY>");
}
