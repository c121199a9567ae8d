//! Commands, by model.

use vehicle_connector_sdk::connector::{ChargeLimits, Climate, Signal};
use vehicle_connector_sdk::http::TransportError;

use super::*;

fn climate(temperature: Option<f32>) -> Command {
    Command::StartClimate(Climate {
        temperature,
        duration: None,
        defrost: None,
        heating: None,
        seats: Vec::new(),
    })
}

fn limits(ac: Option<u8>, dc: Option<u8>) -> Command {
    Command::SetChargeLimits(ChargeLimits { ac, dc })
}

/// What is sent, below the adapters.
fn sent(home: &Home) -> Vec<String> {
    let lines = sent_one_by_one(home);
    let acts = lines.iter().filter(|line| line.contains('{')).count();
    assert!(acts <= 1, "one attempt is one request that acts");
    lines
}

/// The same of several commands.
fn sent_one_by_one(home: &Home) -> Vec<String> {
    home.host
        .requests()
        .iter()
        .map(|request| {
            let path = request.url.rsplit_once("{vehicle:vin}/").unwrap().1;
            let adapter = if request.url.contains("/kcm/v1/vehicles/") { "kcm" } else { "kca" };
            let body =
                if let vehicle_connector_sdk::http::Body::Json(text) = &request.body { text } else { "" };
            assert_eq!(request.acts_on_vehicle, !body.is_empty());
            format!("{adapter} {} {body}", path.replace("?country=FR", "")).trim_end().to_owned()
        })
        .collect()
}

fn expected(outcome: Outcome) -> Vec<(String, String)> {
    let Outcome::Accepted(accepted) = outcome else { unreachable!("{outcome:?}") };
    assert!(accepted.read_after >= 10_000);
    accepted.expected
}

/// A line of a command of this type.
fn act(place: &str, kind: &str, attributes: &Value) -> String {
    format!("{place} {}", json!({ "data": { "type": kind, "attributes": attributes } }))
}

fn one(pointer: &str, value: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), value.to_owned())]
}

#[test]
fn climate_starts_alike_and_ends_by_the_word_of_the_model() {
    for (model, word) in [
        ("A4E1VE", "cancel"),
        ("A5E1AE", "stop"),
        ("R5E1VE", "stop"),
        ("X071VE", "cancel"),
        ("X101VE", "cancel"),
        ("X102VE", "cancel"),
        ("XBG1VE", "stop"),
        ("XBG2VE", "stop"),
        ("XCB1SE", "cancel"),
        ("XCB1VE", "stop"),
        ("XDD1VE", "cancel"),
        ("XJB1SU", "cancel"),
        ("XZZ9VE", "cancel"),
    ] {
        let home = Home::new("renault");
        home.host.answers(200, &json!({}));
        home.host.answers(200, &json!({}));
        let started = home.execute(model, &climate(Some(19.5))).unwrap();
        assert_eq!(expected(started), one("/climate_on", "true"));
        let stopped = home.execute(model, &Command::StopClimate).unwrap();
        assert_eq!(expected(stopped), one("/climate_on", "false"));
        let start = json!({ "action": "start", "targetTemperature": 19.5 });
        assert_eq!(
            sent_one_by_one(&home),
            [
                act("kca actions/hvac-start", "HvacStart", &start),
                act("kca actions/hvac-start", "HvacStart", &json!({ "action": word })),
            ],
            "{model}"
        );
    }
}

#[test]
fn charging_starts_and_stops_in_the_way_of_the_model() {
    let typed = |place: &str, kind: &str, word: &str| act(place, kind, &json!({ "action": word }));
    let action = |word: &str| typed("kca actions/charging-start", "ChargingStart", word);
    let pause = |word: &str| typed("kcm charge/pause-resume", "ChargePauseResume", word);
    let newer = typed("kcm charge/start", "ChargingStart", "start");
    for (model, start, stop) in [
        ("X101VE", Some(action("start")), Some(action("stop"))),
        ("X102VE", Some(action("start")), Some(pause("pause"))),
        ("XBG1VE", Some(pause("resume")), Some(pause("pause"))),
        ("XCB1VE", Some(newer), None),
        ("XFB2BK", Some(action("start")), Some(action("stop"))),
        ("XZZ9VE", Some(action("start")), Some(action("stop"))),
        ("XHN1SU", None, None),
    ] {
        for (command, line, state) in
            [(Command::StartCharging, start, "true"), (Command::StopCharging, stop, "false")]
        {
            let home = Home::new("renault");
            home.host.answers(200, &json!({}));
            let outcome = home.execute(model, &command).unwrap();
            match line {
                Some(line) => {
                    assert_eq!(expected(outcome), one("/charging", state), "{model}");
                    assert_eq!(sent(&home), [line], "{model}");
                }
                None => assert!(matches!(outcome, Outcome::Unsupported(_)), "{model}"),
            }
        }
    }
}

#[test]
fn charging_starts_by_settings_without_programs() {
    for model in ["A4E1VE", "A5E1AE", "R5E1VE", "XBG2VE", "XCB1SE", "XDD1VE"] {
        let home = Home::new("renault");
        let settings = json!({
            "chargeModeRq": "SCHEDULED",
            "programs": [
                { "programType": "CHARGE", "programActivationStatus": true },
                { "programType": "PRECONDITIONING" },
            ],
        });
        home.host.answers(200, &settings);
        home.host.answers(200, &json!({}));
        assert_eq!(expected(home.execute(model, &Command::StartCharging).unwrap()), one("/charging", "true"));
        let after = json!({
            "chargeModeRq": "SCHEDULED",
            "programs": [
                { "programType": "CHARGE", "programActivationStatus": false },
                { "programType": "PRECONDITIONING", "programActivationStatus": false },
            ],
        });
        let lines = ["kcm ev/settings".to_owned(), format!("kcm ev/settings {after}")];
        assert_eq!(sent(&home), lines, "{model}");
        assert!(matches!(home.execute(model, &Command::StopCharging), Ok(Outcome::Unsupported(_))));
    }
    // Settings that are none are not sent back.
    let home = Home::new("renault");
    home.host.answers(200, &json!([]));
    let failure = home.execute("R5E1VE", &Command::StartCharging).unwrap_err();
    assert_eq!((failure.phase, failure.certainty), (Phase::Status, Certainty::Rejected));
}

#[test]
fn the_limit_is_one_and_the_least_charge_stays() {
    for command in [limits(Some(85), None), limits(None, Some(85)), limits(Some(85), Some(85))] {
        let home = Home::new("renault");
        home.host.answers(200, &json!({ "socMin": 25, "socTarget": 80 }));
        home.host.answers(200, &json!({ "commandId": "c", "type": "SOC_SYNCH", "status": "CREATED" }));
        let both = [one("/charge_limit_ac_percent", "85"), one("/charge_limit_dc_percent", "85")].concat();
        assert_eq!(expected(home.execute("R5E1VE", &command).unwrap()), both);
        assert_eq!(sent(&home), ["kcm ev/soc-levels", r#"kcm ev/soc-levels {"socMin":25,"socTarget":85}"#]);
    }
    let home = Home::new("renault");
    for command in
        [limits(Some(80), Some(90)), limits(None, None), limits(Some(50), None), limits(Some(81), None)]
    {
        assert!(matches!(home.execute("R5E1VE", &command), Ok(Outcome::Invalid(_))));
    }
    assert!(matches!(home.execute("X102VE", &limits(Some(80), None)), Ok(Outcome::Unsupported(_))));
    assert!(home.host.requests().is_empty());
}

#[test]
fn horn_or_lights() {
    let home = Home::new("renault");
    for (signal, target) in [(Signal::Horn, "horn"), (Signal::Lights, "lights")] {
        home.host.answers(200, &json!({}));
        assert!(expected(home.execute("R5E1VE", &Command::Signal(signal)).unwrap()).is_empty());
        let attributes = json!({ "action": "start", "target": target });
        assert_eq!(sent(&home), [act("kca actions/horn-lights", "HornLights", &attributes)]);
    }
    let both = home.execute("R5E1VE", &Command::Signal(Signal::HornAndLights)).unwrap();
    assert!(matches!(both, Outcome::Invalid(_)));
    let none = home.execute("XBG1VE", &Command::Signal(Signal::Horn)).unwrap();
    assert!(matches!(none, Outcome::Unsupported(_)));
    assert!(home.host.requests().is_empty());
}

#[test]
fn impossible_commands_send_nothing() {
    let home = Home::new("renault");
    let Command::StartClimate(plain) = climate(None) else { unreachable!() };
    for command in [
        climate(Some(90.0)),
        Command::StartClimate(Climate { duration: Some(10), ..plain.clone() }),
        Command::StartClimate(Climate { defrost: Some(true), ..plain }),
    ] {
        assert!(matches!(home.execute("R5E1VE", &command), Ok(Outcome::Invalid(_))));
    }
    for (model, command) in
        [("R5E1VE", Command::Lock), ("XHN1SU", climate(None)), ("XHN1SU", Command::StopClimate)]
    {
        assert!(matches!(home.execute(model, &command), Ok(Outcome::Unsupported(_))), "{model}");
    }
    assert!(home.host.requests().is_empty());
}

#[test]
fn whether_a_car_may_have_acted() {
    let home = Home::new("renault");
    for (status, code, certainty) in [
        (400, "err.func.wired.low.battery.level", Certainty::Rejected),
        (403, "err.func.wired.forbidden", Certainty::Rejected),
        (401, "err.func.wired.unauthorized", Certainty::Rejected),
        (429, "err.func.wired.overloaded", Certainty::Rejected),
        (500, "err.tech.500", Certainty::Ambiguous),
        (502, "err.tech.wired.kamereon-proxy", Certainty::Ambiguous),
        (409, "409001", Certainty::Ambiguous),
        (400, "err.func.never-seen", Certainty::Ambiguous),
    ] {
        home.refusal(status, code, "words");
        let failure = home.execute("R5E1VE", &climate(None)).unwrap_err();
        assert_eq!((failure.certainty, failure.code.as_deref()), (certainty, Some(code)), "{code}");
    }
    home.host.fails(TransportError::Interrupted("time-out".into()));
    assert_eq!(home.execute("R5E1VE", &climate(None)).unwrap_err().certainty, Certainty::Ambiguous);
    home.host.answers(403, &json!({ "error": "access_denied", "error_description": "Unauthorized" }));
    assert_eq!(home.execute("R5E1VE", &climate(None)).unwrap_err().certainty, Certainty::Rejected);
}

#[test]
fn words_that_are_json_in_a_string_are_read() {
    let home = Home::new("renault");
    let (title, detail) = ("Operation not supported", "for this can");
    let inner = json!({ "status": "403", "code": "403011", "title": title, "detail": detail });
    let inner = json!({ "errors": [inner] });
    home.refusal(403, "err.func.403", &inner.to_string());
    let failure = home.execute("R5E1VE", &climate(None)).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("err.func.403"));
    assert_eq!(failure.sub_code, None, "the inner numbers are another service's");
    assert_eq!(failure.message, "403011: Operation not supported: for this can");
}
