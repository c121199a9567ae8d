#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use vehicle_connector_sdk::http::TransportError;
use vehicle_connector_sdk::testing::{FakeHost, header, placeholders};

use super::*;

fn home() -> (FakeHost, Account) {
    let host = FakeHost::new();
    let account = host.account(&Example::describe(), "");
    (host, account)
}

fn car() -> VehicleRef {
    VehicleRef { id: "1/../2".into(), traits: String::new() }
}

#[test]
fn a_sign_in_proves_itself_by_basic() {
    let (host, account) = home();
    host.answers(200, &json!({ "access_token": "a-1", "expires_in": 86_400 }));
    let Step::Granted(grant) = Example::sign_in(&account).unwrap() else { unreachable!() };
    assert_eq!(grant.expires_in, Some(86_400));
    assert_eq!(host.secret("access-token").as_deref(), Some("a-1"));
    let request = &host.requests()[0];
    assert_eq!(header(request, "authorization"), Some("Basic {derived:basic}"));
    assert_eq!(request.derivations.len(), 1);

    host.answers(403, &json!({ "code": "wrong-password", "message": "no" }));
    let failure = Example::refresh(&account).unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some("wrong-password")));
}

#[test]
fn cars_are_listed_without_their_vins() {
    let (host, account) = home();
    host.answers(200, &json!({ "cars": [{ "id": "1", "vin": "VIN1", "name": "Mine" }, { "name": "none" }] }));
    let cars = Example::list_vehicles(&account).unwrap();
    assert_eq!((cars.len(), cars[0].vin.as_str()), (1, "{private:0}"));
    assert_eq!(placeholders(&host.requests()[0]), ["secret:access-token"]);

    host.answers(200, &json!({}));
    assert_eq!(Example::list_vehicles(&account).unwrap_err().message, "the answer has no value at /cars");
}

#[test]
fn a_read_is_a_state_document() {
    let (host, account) = home();
    let said = json!({ "locked": true, "battery": 255, "latitude": 52.5, "longitude": 13.4,
                       "time": "2026-11-29T12:00:00+01:00" });
    host.answers(200, &said);
    let read = Example::execute(&account, &car(), &Command::Read(ReadMode::Cached)).unwrap();
    let Outcome::Done(Report { state: Some(state), .. }) = read else { unreachable!() };
    assert_eq!(
        serde_json::from_str::<Value>(&state).unwrap(),
        json!({ "locked": true, "soc_percent": null, "vehicle_time": "2026-11-29T11:00:00Z",
                "location": { "latitude": "{private:0}", "longitude": "{private:1}",
                              "time": "2026-11-29T11:00:00Z" } })
    );
}

#[test]
fn a_lock_is_sent_once_and_asked_after() {
    let (host, account) = home();
    host.answers(202, &json!({ "action": "a-7" }));
    let Outcome::Pending(pending) = Example::execute(&account, &car(), &Command::Lock).unwrap() else {
        unreachable!()
    };
    for (state, end) in [("running", None), ("done", Some(Outcome::done()))] {
        host.answers(200, &json!({ "state": state }));
        let outcome = Example::resume(&account, &car(), &Command::Lock, &pending.continuation).unwrap();
        assert!(end.is_none_or(|end| outcome == end));
    }
    let sent = host.sent();
    assert_eq!(sent[0], "POST http://api.test/cars/1%2F%2E%2E%2F2/lock {}");
    assert_eq!(sent[1..], ["GET http://api.test/actions/a-7", "GET http://api.test/actions/a-7"]);
}

#[test]
fn whether_the_car_may_have_acted() {
    let (host, account) = home();
    let unlock = || Example::execute(&account, &car(), &Command::Unlock).unwrap_err().certainty;
    for (status, code, certainty) in [
        (409, "busy", Certainty::Rejected),
        (409, "no-answer", Certainty::Ambiguous),
        (409, "something new", Certainty::Ambiguous),
        (401, "", Certainty::Rejected),
        (502, "", Certainty::Ambiguous),
    ] {
        host.answers(status, &json!({ "code": code }));
        assert_eq!(unlock(), certainty, "{status} {code}");
    }
    host.fails(TransportError::Interrupted("no answer in time".into()));
    assert_eq!(unlock(), Certainty::Ambiguous);
    assert!(host.requests().iter().all(|request| request.acts_on_vehicle));
}
