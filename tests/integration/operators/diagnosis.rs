//! The doctor and dumps: what somebody looks at when something is wrong.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::LEGACY;
use vehicle_connector::store::{Kind, Reader};
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::State;

use crate::crash::House;

/// A VIN that is in names of files too.
const VIN: &str = "KNATESTDMP0000042";

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_has_no_secret_in_any_form() {
    let mut house = House::start().await;
    let text = std::fs::read_to_string(house.config()).unwrap();
    let private = format!("{VIN}-pin");
    std::fs::write(house.path(&private), "1234\n").unwrap();
    let text = text.replace("pin = \"${PIN}\"", &format!("pin_file = \"{private}\""));
    let text = format!(
        "{text}\n[state]\ndir = \"{VIN}.state\"\n[vehicle.other]\naccount = \"home\"\nvin = \"{VIN}\"\n"
    );
    std::fs::write(house.config(), text).unwrap();
    let _host = house.host().await;
    house.unlock("one").await;
    house.reached("one", State::Succeeded).await;

    let dump = house.does(&["dump", "-c", "car.toml"]).await;
    let parsed: Value = serde_json::from_str(&dump).unwrap();
    assert_eq!(parsed["check_config"]["exit_code"], 0, "{dump}");
    assert_eq!(parsed["host"]["accounts"][0]["account"], "home", "{dump}");
    let lines = parsed["host"]["log"]["lines"].as_array().unwrap();
    let of_the_command = |line: &Value| line["text"].as_str().unwrap().starts_with("op{operation=one}: ");
    assert!(lines.len() > 1 && lines.iter().any(of_the_command), "{dump}");
    let one = |result: &Value| result["key"] == "niro/one";
    assert!(parsed["state"]["results"].as_array().unwrap().iter().any(one), "{dump}");
    assert!(parsed["configuration"]["vehicle"]["niro"]["allow"].is_array(), "{dump}");
    // Times are shown as they are, and a PIN of four digits has nothing in its place where nobody has written it.
    let result = &parsed["state"]["results"].as_array().unwrap().iter().find(|it| one(it)).unwrap()["record"];
    let of_result = result.pointer("/requested_at").or(result.pointer("/report/requested_at")).unwrap();
    for time in [&parsed["created_at"], of_result, &parsed["host"]["log"]["lines"][0]["at"]] {
        time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{error}: {time}"));
    }
    assert!(!dump.contains("{secret:pin}"), "{dump}");

    // Whatever the state has is known, so nothing is missed that the test does not know of.
    let cells = Reader::open(&house.path(&format!("{VIN}.state"))).unwrap().list(Kind::Cell).unwrap();
    let mut secrets: Vec<String> = Vec::new();
    for (_, cell) in cells {
        let cell: Value = serde_json::from_slice(&cell).unwrap();
        secrets
            .extend(cell["secrets"].as_object().unwrap().values().map(|it| it.as_str().unwrap().to_owned()));
    }
    assert!(secrets.len() >= 2, "an access token, a device: {secrets:?}");
    let cloud = simulator::Config::default();
    secrets.extend([cloud.refresh_token.clone(), "\"1234\"".to_owned(), VIN.to_owned(), LEGACY.1.to_owned()]);
    secrets.extend(cloud.vehicles.iter().map(|vehicle| vehicle.vin.clone()));
    for secret in &secrets {
        let base64 = STANDARD.encode(secret);
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [secret.as_str(), &secret.to_lowercase(), base64.trim_end_matches('='), &percent] {
            assert_eq!(dump.matches(form).count(), 0, "{form}");
        }
    }

    // To a file, and not over one that is there.
    house.does(&["dump", "-c", "car.toml", "-o", "dump.json"]).await;
    assert_eq!(std::fs::metadata(house.path("dump.json")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(house.says(&["dump", "-c", "car.toml", "-o", "dump.json"]).await.0, 1);
    // What is wrong is in it, and no text of which nothing is known.
    std::fs::write(house.config(), "[mqtt\npassword = \"hunter2-hunter2\"\n").unwrap();
    let dump = house.does(&["dump", "-c", "car.toml"]).await;
    assert!(dump.contains("not valid TOML") && !dump.contains("hunter2"), "{dump}");
}

fn finding<'f>(findings: &'f Value, check: &str, part: &str) -> &'f Value {
    let all = findings["findings"].as_array().unwrap();
    let is_it = |it: &&Value| it["check"] == check && it["found"].as_str().unwrap().contains(part);
    all.iter().find(is_it).unwrap_or_else(|| panic!("{check} {part}: {findings:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_and_disturbs_nobody() {
    let mut house = House::start().await;
    let _host = house.host().await;
    let seen = house.published.borrow().len();
    let (code, said) = house.says(&["doctor", "-c", "car.toml", "--json"]).await;
    let well: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &well["worst"]), (0, &json!("ok")), "{well:#}");
    for (check, part) in [
        ("configuration", "is good"),
        ("state", "it is whole"),
        ("host", "a host runs"),
        ("clock", "this machine's clock"),
        ("broker", "lets the host in"),
        ("broker", "arrives"),
        ("retained", "nothing"),
        ("homeassistant", "status"),
    ] {
        assert_eq!(finding(&well, check, part)["level"], "ok");
    }
    assert!(!said.contains(&simulator::Config::default().refresh_token));
    let offline =
        |(topic, payload): &(String, Vec<u8>)| topic.ends_with("bridge/state") && payload == b"offline";
    assert!(!house.published.borrow().iter().skip(seen).any(offline), "the host stays connected");

    let old = "vehicle-connector/vehicle/old/state";
    house.publisher.publish(Outgoing::new(old, "{}").retained()).await.unwrap();
    house.wait(seen, |topic, _| topic == old).await;
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 1 && said.contains("WARN  retained"), "{said}");
    // The command that is said can be pasted, and clears it.
    let command = format!("--host 127.0.0.1 --port {} --retain --null-message --topic {old};", house.port());
    assert!(said.contains(&command), "{command}: {said}");

    let text = std::fs::read_to_string(house.config()).unwrap();
    let port = house.port();
    std::fs::write(house.config(), text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1")).unwrap();
    let begun = Instant::now();
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 2 && said.contains("FAIL  broker: 127.0.0.1:1 does not let the host in"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(9), "nobody listens, so nothing is waited for: {said}");
    let (code, said) = house.says(&["doctor", "-c", "car.toml", "--offline"]).await;
    assert!(code == 0 && !said.contains("broker:"), "{said}");
    std::fs::write(house.config(), "[mqtt]\nurl = 7\ntypo = 1\n").unwrap();
    let (code, said) = house.says(&["doctor", "-c", "car.toml"]).await;
    assert!(code == 2 && said.matches("FAIL  configuration").count() >= 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_stopped_keeps_neither_the_doctor_nor_a_dump() {
    let mut house = House::start().await;
    let host = house.host().await;
    let signal = |signal: &str| {
        let id = host.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let doctor = house.says(&["doctor", "-c", "car.toml", "--json"]);
    let dump = house.does(&["dump", "-c", "car.toml"]);
    let ((code, findings), dump) = tokio::join!(doctor, dump);
    signal("-CONT");
    let findings: Value = serde_json::from_str(&findings).unwrap();
    assert_eq!((code, &finding(&findings, "host", "and does not answer")["level"]), (2, &json!("fail")));
    assert_eq!(finding(&findings, "broker", "arrives")["level"], "ok", "the rest is looked at all the same");
    let dump: Value = serde_json::from_str(&dump).unwrap();
    for (_, answer) in dump["host"].as_object().unwrap() {
        assert_eq!(answer["error"], "no answer within 10 s", "{dump:#}");
    }
    assert_eq!(dump["host"].as_object().unwrap().len(), 6);
    assert!(dump["state"]["results"].is_array() && dump["configuration"]["mqtt"].is_object(), "{dump:#}");
}
