use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn redaction(known: &[(&str, &str)]) -> Redaction {
    let mut redaction = Redaction::default();
    for (what, value) in known {
        redaction.know(what, value);
    }
    redaction
}

#[test]
fn a_value_is_found_wherever_and_however_it_is_written() {
    let secret = "p@ss word/7";
    let redaction = redaction(&[("pw", secret)]);
    let document = json!({
        "plain": secret,
        "percent": "x=p%40ss%20word%2F7&y",
        "base64": STANDARD.encode(format!("user:{secret}")),
        secret: 1,
        "path": format!("/home/{secret}/car.toml"),
        "in json": json!({"a": secret}).to_string(),
    });
    let text = redaction.redact(&document).to_string();
    for form in [secret, "p%40ss", &STANDARD.encode(secret)[..8], "word%2F", "ss wo"] {
        assert!(!text.contains(form), "{form}: {text}");
    }
    assert_eq!(text.matches("{secret:pw}").count(), 6, "{text}");
}

#[test]
fn what_has_the_shape_of_something_private_goes_whoever_knows_it() {
    let document = json!({
        "file": "/var/lib/KNATESTDUMP000001/state.db",
        "said": "mail anna.b@example.org at 52.520008, 13.404954",
        "number": 52.520_008,
        "jwt": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl, and so on",
    });
    let text = Redaction::default().redact(&document).to_string();
    for private in ["KNATESTDUMP", "anna", "52.52", "13.40", "eyJ"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    assert!(text.contains("/state.db") && text.contains("and so on"), "{text}");
}

#[test]
fn a_key_says_that_its_value_is_private_and_a_time_of_it_is_not() {
    let document = json!({
        "account": {"main": {"refresh_token": "x", "pin": 7, "pin_file": "/run/pin", "username": "y"}},
        "vehicle": {"ev6": {"vin": "z", "name": "Anna", "id": 5, "allow": ["lock"]}},
        "token_expires_at": "2026-01-01", "token_refreshed": true, "name": "default",
        "latitude": 1, "geofence": [{"name": "home", "lat": 1.5, "lon": 2}],
    });
    let redacted = Redaction::default().redact(&document);
    assert_eq!(
        redacted,
        json!({
            "account": {"main": {
                "refresh_token": REDACTED, "pin": REDACTED, "pin_file": "/run/pin", "username": REDACTED
            }},
            "vehicle": {"ev6": {"vin": REDACTED, "name": REDACTED, "id": REDACTED, "allow": ["lock"]}},
            "token_expires_at": "2026-01-01", "token_refreshed": true, "name": "default",
            "latitude": REDACTED, "geofence": [{"name": "home", "lat": REDACTED, "lon": REDACTED}],
        })
    );
}

#[test]
fn the_document_is_the_same_whatever_the_short_number_is() {
    let document = json!({
        "digest": "sha256:9912345678abcdef1234",
        "key": "niro/01930000-1234-7567-8123-567812345678",
        "at": "2026-11-30T12:34:56.123456789Z",
        "url": "mqtt://127.0.0.1:1234",
        "port": 5678,
        "code": "1234",
        "said": "the PIN 1234 is wrong, {\"pin\":\"5678\"}, pin=9999; 12345 tries, A1234, 2026-11-30",
        "1234": "x1234",
    });
    let redacted = |pin: &str| redaction(&[("pin", pin)]).redact(&document);
    assert_eq!(redacted("1234"), redacted("5678"));
    assert_eq!(
        redacted("1234"),
        json!({
            "digest": "sha256:9912345678abcdef1234",
            "key": "niro/01930000-1234-7567-8123-567812345678",
            "at": "2026-11-30T12:34:56.123Z",
            "url": "mqtt://127.0.0.1:1234",
            "port": 5678,
            "code": "1234",
            "said": "the PIN **** is wrong, {\"pin\":\"****\"}, pin=****; 12345 tries, A1234, 2026-11-30",
            "****": "x1234",
        })
    );
    let without = Redaction::default().redact(&document);
    assert_eq!(without["said"], document["said"], "nobody has a PIN, and nothing is masked");
}

#[test]
fn times_are_let_through_to_the_millisecond_and_positions_are_not() {
    let document = json!({
        "created_at": "2026-11-30T16:54:21.123456789Z",
        "said": "since 2026-11-30T16:54:21.5+01:00 at 52.520008; until 2026-11-30T16:54:21Z",
    });
    let redacted = Redaction::default().redact(&document);
    assert_eq!(
        redacted,
        json!({
            "created_at": "2026-11-30T16:54:21.123Z",
            "said": "since 2026-11-30T16:54:21.5+01:00 at *.****; until 2026-11-30T16:54:21Z",
        })
    );
}

#[test]
fn an_identifier_of_the_vendors_is_recognised_and_not_known() {
    let car = "0B2C4D6E-8f10-4a2b-9c3d-4e5f60718293";
    let other = "11111111-2222-4333-8444-555555555555";
    let own = "01930000-0000-7abc-8def-0123456789ab";
    let document = json!({
        "said": format!("no car {car}, but {other}"),
        "about": car.to_lowercase(),
        "id": own,
        "vehicle": {"ev6": {"legacy_id": "8f1c-2"}},
        "topic": "cars/8f1c-2/state",
    });
    let redacted = redaction(&[("id", "8f1c-2")]).redact(&document);
    assert_eq!(redacted["id"], own, "the host makes these of the time, and of nothing else");
    assert_ne!(redacted["about"], document["about"]);
    let mark = redacted["about"].as_str().unwrap();
    assert!(redacted["said"].as_str().unwrap().starts_with(&format!("no car {mark}, but {{uuid:")));
    assert_eq!(redacted["vehicle"]["ev6"]["legacy_id"], REDACTED);
    assert_eq!(redacted["topic"], "cars/{secret:id}/state");
}
