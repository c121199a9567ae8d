#![allow(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use crate::bindings::connector::{Seat, WindowPosition};

fn action(operation: &str, payload: &str) -> Action {
    parse(operation, payload.as_bytes()).unwrap().action
}

fn mistake(operation: &str, payload: &[u8]) -> Malformed {
    parse(operation, payload).unwrap_err()
}

#[test]
fn words() {
    for payload in ["LOCK", "lock", " Lock\n", "PRESS"] {
        assert_eq!(action("lock", payload), Action::Lock, "{payload}");
    }
    assert_eq!(action("lock", "UNLOCK"), Action::Unlock);
    assert_eq!(action("unlock", "PRESS"), Action::Unlock);
    assert_eq!(action("refresh_cached", "PRESS"), Action::RefreshCached);
    assert_eq!(action("refresh_force", "PRESS"), Action::RefreshForce);
    assert_eq!(action("refresh_smart", "PRESS"), Action::RefreshSmart(SMART_MAX_AGE));
    assert_eq!(action("refresh_smart", "60"), Action::RefreshSmart(Duration::from_secs(60)));
    assert!(matches!(action("climate", "auto"), Action::StartClimate(climate) if climate.seats.is_empty()));
    assert_eq!(action("climate", "OFF"), Action::StopClimate);
    assert!(
        matches!(action("windows", "vent"), Action::SetWindows(w) if w.rear_left == Some(WindowPosition::Vent))
    );
    assert_eq!(action("charge_port", "OPEN"), Action::OpenChargePort);
    assert_eq!(action("charge_port", "CLOSE"), Action::CloseChargePort);
    assert_eq!(action("charging_current", "90 %"), Action::SetChargingCurrent(ChargingCurrent::Percent(90)));
    assert_eq!(action("action_status", "LAST"), Action::CheckActionStatus(None));
    assert_eq!(action("action_status", "abc"), Action::CheckActionStatus(Some("abc".into())));
    assert_eq!(action("action_status", "Trip-7"), Action::CheckActionStatus(Some("Trip-7".into())));
    assert_eq!(action("action_status", "\"Trip-7\""), Action::CheckActionStatus(Some("Trip-7".into())));
    assert_eq!(action("action_status", "Last"), Action::CheckActionStatus(None));
}

#[test]
fn objects() {
    for payload in ["{}", r#"{"action":"lock"}"#, r#"{"id":"a-1"}"#] {
        assert_eq!(action("lock", payload), Action::Lock, "{payload}");
    }
    assert_eq!(action("lock", r#"{"action":"unlock"}"#), Action::Unlock);
    assert_eq!(parse("lock", br#"{"id":"a-1"}"#).unwrap().id.as_deref(), Some("a-1"));
    assert_eq!(action("refresh_smart", r#"{"max_age_s":7}"#), Action::RefreshSmart(Duration::from_secs(7)));
    let whole =
        r#"{"action":"start","set_temp":21.5,"duration_min":10,"defrost":true,"heating":1,"seats":{"fl":6}}"#;
    let Action::StartClimate(climate) = action("climate", whole) else { unreachable!() };
    assert_eq!((climate.temperature, climate.duration), (Some(21.5), Some(10)));
    assert_eq!((climate.defrost, climate.heating), (Some(true), Some(1)));
    assert_eq!(climate.seats, [(Seat::FrontLeft, 6)]);
    let Action::SetWindows(windows) = action("windows", r#"{"all":"closed","rear_left":"open"}"#) else {
        unreachable!()
    };
    assert_eq!(
        (windows.front_left, windows.rear_left),
        (Some(WindowPosition::Closed), Some(WindowPosition::Open))
    );
    assert_eq!(
        action("charging_current", r#"{"level":3}"#),
        Action::SetChargingCurrent(ChargingCurrent::Percent(60))
    );
    assert_eq!(action("charge_port", r#"{"action":"close"}"#), Action::CloseChargePort);
    assert_eq!(action("action_status", r#"{"id":"abc"}"#), Action::CheckActionStatus(Some("abc".into())));
    let asked = parse("action_status", br#"{"about":"abc","id":"mine"}"#).unwrap();
    assert_eq!(
        (asked.action, asked.id.as_deref()),
        (Action::CheckActionStatus(Some("abc".into())), Some("mine"))
    );
    let asked = parse("action_status", br#"{"about":"LAST","id":"mine"}"#).unwrap();
    assert_eq!((asked.action, asked.id.as_deref()), (Action::CheckActionStatus(None), Some("mine")));
}

#[test]
fn mistakes_say_what_is_wrong_and_what_would_be_right() {
    let wrong = mistake("lock", br#"{"id":"a-1","acton":"lock"}"#);
    assert_eq!((wrong.id.as_deref(), wrong.reason), (Some("a-1"), Reason::BadPayload));
    assert!(wrong.message.contains("unknown field `acton`"), "{}", wrong.message);
    for (operation, payload, words) in [
        ("lock", r#"{"action":"explode"}"#, "explode"),
        ("lock", "EXPLODE", "LOCK"),
        ("lock", "", "LOCK"),
        ("unlock", "", "UNLOCK"),
        ("lock", "{\"action\":", "line 1"),
        ("lock", r#"{"id":"a/b"}"#, "characters"),
        ("climate", "warm", "auto"),
        ("climate", r#"{"action":"stop","set_temp":21}"#, "no options"),
        ("climate", r#"{"set_temp":21}"#, "action"),
        (
            "climate",
            r#"{"action":"start","set_temp":"21,5"}"#,
            "set_temp \"21,5\" is not a number like 21 or 21.5",
        ),
        ("climate", r#"{"action":"start","defrost":"unknown"}"#, "defrost \"unknown\" is not true or false"),
        ("lock", r#"{"id":1.5}"#, "id 1.5 is not text"),
        ("refresh_smart", "2.5", "seconds"),
        ("windows", "ajar", "vent"),
        ("windows", r#"{"front_left":"ajar"}"#, "ajar"),
        ("climate", r#"{"action":"start","duration_min":70000}"#, "duration_min 70000 is not a whole number"),
        ("climate", r#"{"action":"start","duration_min":2.5}"#, "from 0 to 65535"),
        ("climate", r#"{"action":"start","heating":-1}"#, "heating -1"),
        ("climate", r#"{"action":"start","seats":{"rl":256}}"#, "seats.rl 256"),
        ("refresh_smart", r#"{"max_age_s":-1}"#, "max_age_s -1"),
        ("charging_current", "101 %", "\"101 %\""),
        ("charging_current", "0 A", "60 %, 16 A"),
        ("charging_current", r#"{"percent":50,"amperes":6}"#, "does not name one of"),
        ("charging", "PRESS", "START, STOP"),
        ("charge_limits", "{}", "names neither ac nor dc"),
        ("charge_limits", r#"{"ac":101}"#, "ac 101 is not a whole number from 0 to 100"),
        ("signal", "flash", "HORN_AND_LIGHTS"),
        ("charging_current", r#"{"level":300}"#, "level 300 is not one of 1, 2, 3"),
        ("charging_current", r#"{"level":4}"#, "level 4"),
        ("charge_port", "", "OPEN"),
        ("refresh_smart", "-1", "seconds"),
        ("action_status", "a b", "LAST"),
        ("action_status", r#"{"id":"a/b"}"#, "no identifier"),
    ] {
        let wrong = mistake(operation, payload.as_bytes());
        assert_eq!(wrong.reason, Reason::BadPayload, "{operation} {payload}");
        assert!(wrong.message.contains(words), "{operation} {payload}: {}", wrong.message);
    }
    assert_eq!(mistake("self_destruct", b"").reason, Reason::UnknownOperation);
    assert!(mistake("lock", &vec![b'x'; LARGEST_PAYLOAD + 1]).message.contains("16385 bytes"));
    assert!(mistake("lock", b"\xff\xfe").message.contains("UTF-8"));
}

#[test]
fn numbers_and_words_as_templates_render_them() {
    for payload in [r#"{"action":"UNLOCK"}"#, r#"{"action":" Unlock "}"#, "\"UNLOCK\"", "\u{feff}UNLOCK"] {
        assert_eq!(action("lock", payload), Action::Unlock, "{payload}");
    }
    assert_eq!(action("lock", r#"{"action":null}"#), Action::Lock);
    for payload in ["300", "300.0", r#""300""#, r#"{"max_age_s":300.0}"#, r#"{"max_age_s":"300"}"#] {
        assert_eq!(action("refresh_smart", payload), Action::RefreshSmart(SMART_MAX_AGE), "{payload}");
    }
    let plain =
        r#"{"action":"start","set_temp":21.5,"duration_min":10,"defrost":true,"heating":1,"seats":{"fl":6}}"#;
    for payload in [
        r#"{"action":"START","set_temp":"21.5","duration_min":10.0,"defrost":"True","heating":1.0,"seats":{"fl":"6"}}"#,
        r#"{"action":"auto","set_temp":" 21.50","duration_min":"10","defrost":"on","heating":"1","seats":{"fl":6.0}}"#,
        r#"{"action":"start","set_temp":21.5,"duration_min":1e1,"defrost":1,"heating":1,"seats":{"fl":6,"fr":null}}"#,
    ] {
        assert_eq!(action("climate", payload), action("climate", plain), "{payload}");
    }
    assert_eq!(action("climate", r#"{"action":"OFF"}"#), Action::StopClimate);
    assert_eq!(action("windows", r#"{"all":"CLOSE"}"#), action("windows", "closed"));
    assert_eq!(action("windows", r#"{"front_left":"OPEN"}"#), action("windows", r#"{"front_left":"open"}"#));
    assert_eq!(action("charge_port", r#"{"action":"CLOSED"}"#), Action::CloseChargePort);
    for payload in ["90", "90.0", "90%", "90.0 %", r#"{"level":2.0}"#, r#"{"level":"2"}"#] {
        assert_eq!(
            action("charging_current", payload),
            Action::SetChargingCurrent(ChargingCurrent::Percent(90)),
            "{payload}"
        );
    }
    for payload in [r#"{"id":7}"#, r#"{"id":"7"}"#] {
        assert_eq!(parse("lock", payload.as_bytes()).unwrap().id.as_deref(), Some("7"), "{payload}");
    }
}
