//! A cloud in memory, and the flows of whole calls over it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::HyundaiKia;
use crate::action::NEXT_POLL;
use crate::bindings::exports::vehicle::connector::connector::{
    Account, Command, Endpoint, Guest, Outcome, ReadMode, VehicleRef,
};
use crate::bindings::vehicle::connector::clock::Datetime;
use crate::bindings::vehicle::connector::types::{Certainty, Failure, Phase, Transport};
use crate::port::{Body, Cell, Level, LockError, Request, Response, TransportError};

/// The time in the fake cloud: 2023-11-14T22:13:20Z.
const NOW: u64 = 1_700_000_000;

#[derive(Default)]
struct Fake {
    answers: VecDeque<Result<Response, TransportError>>,
    requests: Vec<Request>,
    cells: BTreeMap<String, Cell>,
}

thread_local! {
    static FAKE: RefCell<Fake> = RefCell::default();
}

fn with<T>(act: impl FnOnce(&mut Fake) -> T) -> T {
    FAKE.with_borrow_mut(act)
}

pub(crate) fn send(request: &Request) -> Result<Response, TransportError> {
    with(|fake| {
        fake.requests.push(request.clone());
        fake.answers.pop_front().unwrap_or_else(|| Err(TransportError::Denied("no answer is left".into())))
    })
}

pub(crate) fn now() -> Datetime {
    Datetime { seconds: NOW, nanoseconds: 5 }
}

pub(crate) fn log(_: Level, _: &str) {}

pub(crate) fn read(name: &str) -> Option<Cell> {
    with(|fake| fake.cells.get(name).cloned())
}

#[derive(Debug)]
pub(crate) struct Guard(String);

pub(crate) fn acquire(name: &str, _: u64) -> Result<Guard, LockError> {
    Ok(Guard(name.to_owned()))
}

impl Guard {
    pub(crate) fn cell(&self) -> Option<Cell> {
        read(&self.0)
    }

    pub(crate) fn commit(&self, value: &str) -> Result<u64, LockError> {
        with(|fake| {
            let generation = fake.cells.get(&self.0).map_or(0, |cell| cell.generation) + 1;
            fake.cells.insert(self.0.clone(), Cell { generation, value: value.to_owned(), age: 0 });
            Ok(generation)
        })
    }
}

fn answer(status: u16, body: &Value) {
    let response = Response { status, headers: Vec::new(), body: body.to_string().into_bytes() };
    with(|fake| fake.answers.push_back(Ok(response)));
}

fn success(message: &Value) {
    answer(200, &json!({ "retCode": "S", "resCode": "0000", "resMsg": message, "msgId": "m-1" }));
}

fn registered() {
    let cell = Cell { generation: 1, value: "{}".into(), age: 0 };
    with(|fake| fake.cells.insert("device-registration".into(), cell));
}

/// Method, path and body of what was sent, for reading.
fn sent() -> Vec<String> {
    with(|fake| {
        fake.requests
            .iter()
            .map(|request| {
                let path = request.url.replace("http://cloud", "");
                let body = match &request.body {
                    Body::Json(body) => body.clone(),
                    Body::Form(fields) => fields[0].1.clone(),
                    Body::Empty | Body::Text(_) => String::new(),
                };
                format!("{:?} {path} {body}", request.method).trim_end().to_owned()
            })
            .collect()
    })
}

fn header(request: usize, name: &str) -> Option<String> {
    with(|fake| {
        let headers = &fake.requests[request].headers;
        headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    })
}

fn account() -> Account {
    let endpoint = |name: &str| Endpoint { name: name.into(), url: "http://cloud/".into() };
    Account {
        id: "family".into(),
        brand: "kia".into(),
        region: "eu".into(),
        language: "en".into(),
        endpoints: vec![endpoint("ccapi"), endpoint("idp")],
        options: Vec::new(),
    }
}

fn car(protocol: u64) -> VehicleRef {
    VehicleRef { id: "2222".into(), traits: json!({ "ccs2": protocol, "type": "EV" }).to_string() }
}

#[test]
fn a_refresh_is_one_request() {
    answer(
        200,
        &json!({ "access_token": "{secret:access-token}", "refresh_token": null, "expires_in": 3600 }),
    );
    let grant = HyundaiKia::refresh(account()).unwrap();
    assert_eq!(grant.expires_in, Some(3600));
    assert_eq!(sent(), ["Method::Post /auth/api/v2/user/oauth2/token refresh_token"]);
    assert_eq!(header(0, "Stamp"), None);
}

#[test]
fn the_first_list_registers_a_device_and_the_second_does_not() {
    success(&json!({ "deviceId": "{secret:device-id}" }));
    let vehicles = json!({ "vehicles": [
        { "vehicleId": "1", "vin": "{private:1}", "nickname": "Mine", "vehicleName": "EV6", "type": "EV",
          "ccuCCS2ProtocolSupport": 1 },
        { "nickname": "no identifier" },
    ]});
    success(&vehicles);
    success(&vehicles);
    let list = HyundaiKia::list_vehicles(account()).unwrap();
    assert_eq!((list.len(), list[0].vin.as_str(), list[0].name.as_str()), (1, "{private:1}", "Mine"));
    HyundaiKia::list_vehicles(account()).unwrap();
    assert_eq!(sent().len(), 3);
    assert!(sent()[0].starts_with("Method::Post /api/v1/spa/notifications/register"));
    assert_eq!(header(1, "Ccuccs2protocolsupport").as_deref(), Some("0"));
    assert_eq!(header(1, "ccsp-device-id").as_deref(), Some("{secret:device-id}"));
}

#[test]
fn a_success_without_a_list_is_no_empty_garage() {
    registered();
    success(&json!({ "vehicles": [] }));
    assert!(HyundaiKia::list_vehicles(account()).unwrap().is_empty());
    for nothing in [Value::Null, json!({}), json!({ "vehicles": null }), json!("Success")] {
        success(&nothing);
        let failure = HyundaiKia::list_vehicles(account()).unwrap_err();
        assert_eq!((failure.phase, failure.http_status), (Phase::Status, Some(200)), "{nothing}");
        assert_eq!(failure.message, "the answer has no list at /resMsg/vehicles");
    }
}

#[test]
fn a_lock_needs_the_pin_once_and_is_confirmed_by_its_record() {
    registered();
    let command = |name: Command| HyundaiKia::execute(account(), car(1), name).unwrap();
    answer(200, &json!({ "controlToken": "{secret:control-token}", "expiresTime": 600 }));
    success(&Value::Null);
    success(&Value::Null);
    let Outcome::Pending(pending) = command(Command::Lock) else { unreachable!() };
    command(Command::Unlock);
    assert_eq!(pending.action_id.as_deref(), Some("m-1"));
    assert_eq!(
        sent(),
        [
            r#"Method::Put /api/v1/user/pin?token= {"deviceId":"{secret:device-id}","pin":"{secret:pin}"}"#,
            r#"Method::Post /api/v2/spa/vehicles/2222/ccs2/control/door {"command":"close"}"#,
            r#"Method::Post /api/v2/spa/vehicles/2222/ccs2/control/door {"command":"open"}"#,
        ]
    );
    assert_eq!(header(1, "AuthorizationCCSP"), header(1, "Authorization"));
    assert!(with(|fake| !fake.requests[0].acts_on_vehicle && fake.requests[1].acts_on_vehicle));

    success(&json!([{ "recordId": "m-1", "result": null }]));
    let resumed = HyundaiKia::resume(account(), car(1), Command::Lock, pending.continuation).unwrap();
    assert!(matches!(resumed, Outcome::Pending(later) if later.poll_after == NEXT_POLL));
}

#[test]
fn an_older_car_is_locked_without_the_pin() {
    registered();
    success(&Value::Null);
    HyundaiKia::execute(account(), car(0), Command::Lock).unwrap();
    assert_eq!(
        sent(),
        [
            r#"Method::Post /api/v1/spa/vehicles/2222/control/door {"action":"close","deviceId":"{secret:device-id}"}"#
        ]
    );
}

const EXPIRED: &str = "Key not authorized: Token is expired";

fn permission() {
    answer(200, &json!({ "controlToken": "{secret:control-token}", "expiresTime": 600 }));
}

fn refusal() {
    answer(401, &json!({ "error": EXPIRED }));
}

fn lock() -> Result<Outcome, Failure> {
    HyundaiKia::execute(account(), car(1), Command::Lock)
}

/// What was sent since this was asked before, as `pin` and `lock`.
fn steps() -> Vec<&'static str> {
    let steps = sent().into_iter().map(|sent| if sent.contains("/pin?") { "pin" } else { "lock" }).collect();
    with(|fake| fake.requests.clear());
    steps
}

#[test]
fn a_new_permission_that_is_refused_is_named_and_not_used_again() {
    registered();
    permission();
    refusal();
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));
    assert_eq!(failure.certainty, Certainty::Rejected);
    assert_eq!(steps(), ["pin", "lock"], "the PIN is offered once in a call");

    permission();
    success(&Value::Null);
    lock().unwrap();
    assert_eq!(steps(), ["pin", "lock"]);
}

/// A home with a permission from earlier, which the cloud refuses from now on.
fn kept_and_refused() {
    registered();
    permission();
    success(&Value::Null);
    lock().unwrap();
    steps();
    refusal();
}

#[test]
fn a_kept_permission_that_is_refused_is_replaced_before_the_command_is_repeated() {
    kept_and_refused();
    permission();
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));
    assert_eq!(steps(), ["lock", "pin"], "repeating is the policy's business");

    success(&Value::Null);
    lock().unwrap();
    assert_eq!(steps(), ["lock"]);
}

#[test]
fn a_kept_permission_that_ended_with_the_access_token_shows_the_latter() {
    kept_and_refused();
    refusal();
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Pin, None));
    assert_eq!((failure.certainty, failure.message.as_str()), (Certainty::Rejected, EXPIRED));
    assert_eq!(steps(), ["lock", "pin"]);

    permission();
    success(&Value::Null);
    lock().unwrap();
    assert_eq!(steps(), ["pin", "lock"], "what was refused is not offered again");
}

#[test]
fn a_pin_for_a_new_permission_that_nobody_has_seen_is_left_to_the_repeat() {
    kept_and_refused();
    with(|fake| fake.answers.push_back(Err(TransportError::NotSent("no route".into()))));
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));

    // The host does not let it out: there is nothing to repeat.
    kept_and_refused();
    with(|fake| fake.answers.push_back(Err(TransportError::Denied("no PIN".into()))));
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.transport), (Phase::Pin, Some(Transport::Denied)));
    assert_eq!(failure.certainty, Certainty::Rejected, "the command did leave");
}

#[test]
fn a_pin_that_is_refused_because_of_its_device_is_not_taken_for_wrong() {
    registered();
    let pin = |code: &str, words: &str| answer(400, &json!({ "errCode": code, "errMsg": words }));
    let unknown = "Invalid request body - Invalid deviceId.";
    pin("4002", "Invalid parameters");
    answer(400, &json!({ "retCode": "F", "resCode": "4002", "resMsg": unknown, "msgId": "m-1" }));
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.message.as_str()), (Phase::Status, unknown));
    assert_eq!((failure.certainty, sent().len()), (Certainty::Rejected, 2));

    // The device is known, so it was the PIN.
    pin("4002", "Invalid parameters");
    success(&json!({ "vehicles": [] }));
    let failure = lock().unwrap_err();
    assert_eq!((failure.phase, failure.message.as_str()), (Phase::Pin, "Invalid parameters"));

    pin("4003", "Invalid values");
    let before = sent().len();
    assert_eq!(lock().unwrap_err().phase, Phase::Pin);
    assert_eq!(sent().len() - before, 1, "there is nothing to ask");
}

#[test]
fn an_access_token_that_expired_shows_at_the_pin() {
    registered();
    answer(401, &json!({ "error": "Key not authorized: Token is expired" }));
    let failure = HyundaiKia::execute(account(), car(1), Command::Lock).unwrap_err();
    assert_eq!((failure.phase, failure.http_status), (Phase::Pin, Some(401)));
    assert_eq!(failure.message, "Key not authorized: Token is expired");
}

#[test]
fn a_read_asks_for_the_position_only_when_it_has_none() {
    registered();
    let location =
        json!({ "coord": { "lat": "{private:1}", "lon": "{private:2}" }, "time": "20231114230000" });
    success(
        &json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": true }, "vehicleLocation": location } }),
    );
    success(&json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": true } } }));
    success(&location);
    for _ in 0..2 {
        let outcome = HyundaiKia::execute(account(), car(0), Command::Read(ReadMode::Cached)).unwrap();
        let Outcome::Done(report) = outcome else { unreachable!() };
        let state: Value = serde_json::from_str(&report.state.unwrap()).unwrap();
        assert_eq!(state["location"]["latitude"], "{private:1}");
        assert_eq!(state["location"]["time"], "2023-11-14T22:00:00Z");
        assert_eq!(state["locked"], true);
    }
    assert_eq!(sent().len(), 3);
}

#[test]
fn a_position_that_cannot_be_read_is_no_failure() {
    registered();
    success(&json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": false } } }));
    answer(500, &json!({}));
    let outcome = HyundaiKia::execute(account(), car(0), Command::Read(ReadMode::Cached)).unwrap();
    assert!(
        matches!(outcome, Outcome::Done(report) if report.state.as_deref() == Some(r#"{"locked":false}"#))
    );
}

#[test]
fn a_vehicle_that_sleeps_on_is_not_read_as_fresh() {
    registered();
    success(&Value::Null);
    let read = Command::Read(ReadMode::Forced);
    let mut outcome = HyundaiKia::execute(account(), car(1), read.clone()).unwrap();
    let old = json!({ "state": { "Vehicle": { "Date": "20231114200000.000" } } });
    for _ in 0..5 {
        let Outcome::Pending(pending) = outcome else { unreachable!() };
        success(&old);
        outcome = HyundaiKia::resume(account(), car(1), read.clone(), pending.continuation).unwrap();
    }
    assert!(matches!(outcome, Outcome::Unanswered(_)));

    let new = json!({ "state": { "Vehicle": { "Date": "20231114221330.000" } } });
    success(&new);
    let continuation = r#"{"kind":"wake","at":1700000000,"polls":1}"#.to_owned();
    let outcome = HyundaiKia::resume(account(), car(1), read, continuation).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)));
}

#[test]
fn an_unknown_brand_sends_nothing() {
    let failure = HyundaiKia::list_vehicles(Account { brand: "trabant".into(), ..account() }).unwrap_err();
    assert_eq!(failure.certainty, Certainty::NotSent);
    assert!(sent().is_empty());
}
