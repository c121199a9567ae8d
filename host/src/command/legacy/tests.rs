use proptest::prelude::*;

use super::*;
use crate::command::{check, parse};

fn action(name: &str, payload: &str) -> Action {
    understand(name, payload.as_bytes()).unwrap().action
}

fn wrong(name: &str, payload: &[u8]) -> String {
    let malformed = understand(name, payload).unwrap_err();
    assert_eq!((malformed.id, malformed.reason), (None, Reason::BadPayload), "{name}");
    malformed.message
}

#[test]
fn what_the_replaced_service_took() {
    let smart = |seconds| Action::RefreshSmart(Duration::from_secs(seconds));
    for (payload, expected) in [
        ("cached", Action::RefreshCached),
        (" force\n", Action::RefreshForce),
        ("\"force\"", Action::RefreshForce),
        ("smart:300", smart(300)),
        ("smart: 604800", smart(604_800)),
    ] {
        assert_eq!(action("refresh", payload), expected, "{payload}");
    }
    assert_eq!(action("lock", r#"{"action":"lock"}"#), Action::Lock);
    assert_eq!(action("lock", r#"{"action": "unlock"}"#), Action::Unlock);
    assert_eq!(action("charge_port", r#"{"action":"open"}"#), Action::OpenChargePort);
    assert_eq!(action("charge_port", r#"{"action":"close"}"#), Action::CloseChargePort);
    for (level, percent) in [(1, 100), (2, 90), (3, 60)] {
        let expected = Action::SetChargingCurrent(ChargingCurrent::Percent(percent));
        assert_eq!(action("charging_current", &format!(r#"{{"level":{level}}}"#)), expected);
    }
    let Action::SetWindows(windows) = action("windows", r#"{"front_left":1,"back_right":2,"back_left":0}"#)
    else {
        panic!("windows")
    };
    assert_eq!((windows.front_left, windows.front_right), (Some(WindowPosition::Open), None));
    assert_eq!(windows.rear_left, Some(WindowPosition::Closed));
    assert_eq!(windows.rear_right, Some(WindowPosition::Vent));
    let whole = r#"{"action":"start_climate","set_temp":21.5,"duration":10,"defrost":true,"climate":true,
                    "steering_wheel":4,"front_left_seat":6,"rear_right_seat":0,"rear_left_seat":null}"#;
    let Action::StartClimate(climate) = action("climate", whole) else { panic!("climate") };
    assert_eq!((climate.temperature, climate.duration), (Some(21.5), Some(10)));
    assert_eq!((climate.defrost, climate.heating), (Some(true), Some(4)));
    assert_eq!(climate.seats, [(Seat::FrontLeft, 6), (Seat::RearRight, 0)]);
    assert_eq!(action("climate", r#"{"action":"stop_climate"}"#), Action::StopClimate);
}

#[test]
fn what_is_not_understood_says_what_would_be() {
    for (name, payload, expected) in [
        (
            "refresh",
            "smart",
            "smart needs an age in seconds, as in smart:300; commands/refresh takes cached,",
        ),
        ("refresh", "smart:0", "the age is 0"),
        ("refresh", "smart:604801", "the age \"604801\" is not a whole number from 0 to 604800"),
        ("refresh", "smart:-1", "is not a whole number"),
        ("refresh", "now", "\"now\" is not understood"),
        ("refresh", r#"{"mode":"force"}"#, "is not understood"),
        ("lock", "LOCK", "the payload is not understood"),
        ("lock", "{}", "missing field `action`"),
        ("lock", r#"{"action":"press"}"#, "action \"press\" is not one of lock, unlock"),
        ("lock", r#"{"action":"unlock","acton":"lock"}"#, "unknown field `acton`"),
        ("climate", r#"{"action":"start"}"#, "not one of start_climate, stop_climate"),
        ("climate", r#"{"action":"start_climate","climate":false}"#, "cannot be asked for here"),
        ("climate", r#"{"action":"start_climate","set_temp":"21,5"}"#, "set_temp \"21,5\" is not a number"),
        ("climate", r#"{"action":"start_climate","steering_wheel":5}"#, "steering_wheel 5 is not"),
        ("windows", "{}", "it names no window"),
        ("windows", r#"{"front_left":3}"#, "front_left 3 is not a whole number from 0 to 2"),
        ("windows", r#"{"rear_left":1}"#, "unknown field `rear_left`"),
        ("charge_port", r#"{"action":"stop"}"#, "action \"stop\" is not one of open, close"),
        ("charging_current", r#"{"level":4}"#, "level 4 is not one of 1, 2, 3"),
    ] {
        let message = wrong(name, payload.as_bytes());
        assert!(
            message.contains(expected) && message.contains(&format!("commands/{name} takes ")),
            "{message}"
        );
    }
    assert!(wrong("lock", b"\xff").contains("UTF-8"));
    assert!(wrong("lock", &vec![b' '; LARGEST_PAYLOAD + 1]).contains("at most 16384"));
    let unknown = understand("honk/../x", b"cached").unwrap_err();
    assert_eq!((unknown.reason, unknown.op.as_str()), (Reason::UnknownOperation, "honkx"));
}

proptest! {
    /// Whatever arrives is refused, or is a command that this host's own topics could ask for; and nothing opens
    /// that was not asked to open.
    #[test]
    fn hostile_payloads(name in 0..TOPICS.len(), payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(command) = understand(TOPICS[name].name, &payload) {
            prop_assert!(check(command).is_ok());
        }
    }

    #[test]
    fn near_misses(
        name in 0..TOPICS.len(),
        field in "action|level|front_left|back_left|set_temp|duration|steering_wheel|id|Action",
        value in r#"null|true|-?[0-9]{1,20}|-?[0-9]\.[0-9]|1e400|"(lock|unlock|open|close|start_climate|NaN|[a-z:0-9]{0,9})"|\[\]|\{\}"#,
    ) {
        let payload = format!("{{\"{field}\":{value}}}");
        if let Ok(command) = understand(TOPICS[name].name, payload.as_bytes()) {
            let opens = matches!(command.action, Action::Unlock | Action::OpenChargePort);
            prop_assert!(!opens || payload.contains("unlock") || payload.contains("open"), "{}", payload);
            let (operation, words) = command.action.to_message();
            prop_assert_eq!(parse(&operation, words.as_bytes()).unwrap().action, command.action);
        }
    }
}
