#![allow(clippy::unwrap_used, reason = "a test may fail")]

use super::*;

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(10)
    }
}

const AT_ONCE: Duration = Duration::from_secs(10);

fn fail(circuits: &Circuits, name: &str) {
    let permit = circuits.admit(name, AT_ONCE, Purpose::Read).unwrap();
    circuits.failed(name, permit, AT_ONCE, Settings::default().consecutive_failures(1));
}

#[test]
fn every_change_is_told_once_and_in_order_whichever_circuits_it_is_of() {
    let clouds = Circuits::default();
    let account = clouds.beside();
    let mut changes = clouds.changes();
    fail(&clouds, "cloud");
    fail(&account, "account home");
    account.close("account home").unwrap();
    account.close("account home").unwrap();
    clouds.isolate("cloud").unwrap();
    let told: Vec<(String, bool)> = std::iter::from_fn(|| changes.try_recv().ok())
        .map(|change| (change.circuit, change.transition == Transition::Closed))
        .collect();
    let expected = [("cloud", false), ("account home", false), ("account home", true), ("cloud", false)];
    assert_eq!(told, expected.map(|(name, closed)| (name.to_owned(), closed)));
}

#[test]
fn what_an_operator_misspells_is_not_made() {
    let circuits = Circuits::default();
    fail(&circuits, "cloud");
    assert_eq!(circuits.isolate("clowd"), Err(UnknownCircuit("clowd".to_owned())));
    assert!(circuits.close("clowd").is_err() && circuits.trip("clowd", AT_ONCE, AT_ONCE).is_err());
    assert_eq!(circuits.statuses(&Stopped).len(), 1);
}

#[test]
fn who_is_refused_is_told_when_to_come_again_or_whom_to_ask() {
    let circuits = Circuits::default();
    fail(&circuits, "cloud");
    let shut = circuits.admit("cloud", AT_ONCE, Purpose::Act).unwrap_err();
    assert_eq!(shut.to_string(), "the circuit of cloud is open; the next try is in 60 s");
    circuits.isolate("cloud").unwrap();
    let shut = circuits.admit("cloud", AT_ONCE, Purpose::Act).unwrap_err();
    assert_eq!(
        shut.to_string(),
        "an operator isolated the circuit of cloud; \
         publish {\"circuit\":\"cloud\"} to bridge/request/circuit/close to lift that"
    );
}

#[test]
fn displays_get_civil_times() {
    let circuits = Circuits::default();
    fail(&circuits, "cloud");
    circuits.admit("cloud", AT_ONCE, Purpose::Read).unwrap_err();
    let json = serde_json::to_value(circuits.statuses(&Stopped)).unwrap();
    let expected = serde_json::json!([{
        "circuit": "cloud", "state": "open", "calls": 1, "failures": 1, "ratio": 1.0, "refused": 1,
        "until": "2027-01-15T08:01:00Z",
    }]);
    assert_eq!(json, expected);
}
