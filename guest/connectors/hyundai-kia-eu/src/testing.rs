//! The flows of whole calls, over a host in memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod direct;
mod families;
mod lives;
mod outcomes;
mod routes;
mod sign_in;
mod token_service;

use vehicle_connector_sdk::connector::{ChargeLimits, SecretClass};
use vehicle_connector_sdk::http::{Request, TransportError};
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::testing::{self, FakeHost};

use crate::HyundaiKia;
use crate::action::NEXT_POLL;

/// A host, and an account that has been given what the connector wants.
struct Home {
    host: FakeHost,
    account: Account,
}

impl Home {
    fn new() -> Self {
        let host = FakeHost::new();
        let account = host.account(&HyundaiKia::describe(), "kia");
        Self { host, account }
    }

    /// One with a device registration from earlier.
    fn registered() -> Self {
        let home = Self::new();
        home.host.commit("device-registration", "{}");
        home
    }

    fn answer(&self, status: u16, body: &Value) {
        self.host.answers(status, body);
    }

    fn success(&self, message: &Value) {
        self.answer(200, &json!({ "retCode": "S", "resCode": "0000", "resMsg": message, "msgId": "m-1" }));
    }

    fn permission(&self) {
        self.answer(200, &json!({ "controlToken": "c-1", "expiresTime": 600 }));
    }

    fn refusal(&self) {
        self.answer(401, &json!({ "error": EXPIRED }));
    }

    fn list(&self) -> Result<Vec<Vehicle>, Failure> {
        HyundaiKia::list_vehicles(&self.account)
    }

    fn execute(&self, protocol: u64, command: &Command) -> Result<Outcome, Failure> {
        HyundaiKia::execute(&self.account, &car(protocol), command)
    }

    fn lock(&self) -> Result<Outcome, Failure> {
        self.execute(1, &Command::Lock)
    }

    /// What was sent since this was asked before: method, path and body.
    fn sent(&self) -> Vec<String> {
        self.host.sent().into_iter().map(|line| line.replace("http://ccapi.test", "")).collect()
    }

    /// The same, as `pin` and `lock`.
    fn steps(&self) -> Vec<&'static str> {
        self.sent().into_iter().map(|sent| if sent.contains("/pin?") { "pin" } else { "lock" }).collect()
    }
}

const EXPIRED: &str = "Key not authorized: Token is expired";

fn header(request: &Request, name: &str) -> Option<String> {
    testing::header(request, name).map(str::to_owned)
}

fn car(protocol: u64) -> VehicleRef {
    VehicleRef { id: "2222".into(), traits: json!({ "ccs2": protocol, "type": "EV" }).to_string() }
}

#[test]
fn a_refresh_is_one_request() {
    let home = Home::new();
    home.answer(200, &json!({ "access_token": "a-1", "refresh_token": null, "expires_in": 3600 }));
    let Step::Granted(grant) = HyundaiKia::refresh(&home.account).unwrap() else { unreachable!() };
    assert_eq!(grant.expires_in, Some(3600));
    let requests = home.host.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, "http://idp.test/auth/api/v2/user/oauth2/token");
    assert_eq!(testing::placeholders(&requests[0]), ["secret:refresh-token"]);
    assert_eq!(header(&requests[0], "Stamp"), None);
    assert_eq!(home.host.secret("access-token").as_deref(), Some("a-1"));
}

#[test]
fn the_first_list_registers_a_device_and_the_second_does_not() {
    let home = Home::new();
    home.success(&json!({ "deviceId": "d-1" }));
    let vehicles = json!({ "vehicles": [
        { "vehicleId": "1", "vin": "KNA1", "nickname": "Mine", "vehicleName": "EV6", "type": "EV",
          "ccuCCS2ProtocolSupport": 1 },
        { "nickname": "no identifier" },
    ]});
    home.success(&vehicles);
    home.success(&vehicles);
    let list = home.list().unwrap();
    assert_eq!((list.len(), list[0].vin.as_str(), list[0].name.as_str()), (1, "{private:0}", "Mine"));
    home.list().unwrap();
    let requests = home.host.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].url, "http://ccapi.test/api/v1/spa/notifications/register");
    assert_eq!(header(&requests[1], "Ccuccs2protocolsupport").as_deref(), Some("0"));
    assert_eq!(header(&requests[1], "ccsp-device-id").as_deref(), Some("{secret:device-id}"));
    assert_eq!(home.host.secret("device-id").as_deref(), Some("d-1"));
}

#[test]
fn a_success_without_a_list_is_no_empty_garage() {
    let home = Home::registered();
    home.success(&json!({ "vehicles": [] }));
    assert!(home.list().unwrap().is_empty());
    for nothing in [Value::Null, json!({}), json!({ "vehicles": null }), json!("Success")] {
        home.success(&nothing);
        let failure = home.list().unwrap_err();
        assert_eq!((failure.phase, failure.http_status), (Phase::Status, Some(200)), "{nothing}");
        assert_eq!(failure.message, "the answer has no list at /resMsg/vehicles");
    }
}

#[test]
fn a_lock_needs_the_pin_once_and_is_confirmed_by_its_record() {
    let home = Home::registered();
    home.permission();
    home.success(&Value::Null);
    home.success(&Value::Null);
    let Outcome::Pending(pending) = home.lock().unwrap() else { unreachable!() };
    home.execute(1, &Command::Unlock).unwrap();
    assert_eq!(pending.action_id.as_deref(), Some("m-1"));
    let requests = home.host.requests();
    assert_eq!(header(&requests[1], "AuthorizationCCSP"), header(&requests[1], "Authorization"));
    assert_eq!(
        requests.iter().map(|request| request.acts_on_vehicle).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(
        testing::placeholders(&requests[0]),
        ["secret:access-token", "secret:device-id", "secret:pin"]
    );

    home.success(&json!([{ "recordId": "m-1", "result": null }]));
    let resumed = HyundaiKia::resume(&home.account, &car(1), &Command::Lock, &pending.continuation).unwrap();
    assert!(matches!(resumed, Outcome::Pending(later) if later.poll_after == NEXT_POLL));
}

#[test]
fn the_lines_of_a_lock() {
    let home = Home::registered();
    home.permission();
    for _ in 0..3 {
        home.success(&Value::Null);
    }
    home.lock().unwrap();
    home.execute(1, &Command::Unlock).unwrap();
    home.execute(0, &Command::Lock).unwrap();
    assert_eq!(
        home.sent(),
        [
            r#"PUT /api/v1/user/pin?token= {"deviceId":"{secret:device-id}","pin":"{secret:pin}"}"#,
            r#"POST /api/v2/spa/vehicles/2222/ccs2/control/door {"command":"close"}"#,
            r#"POST /api/v2/spa/vehicles/2222/ccs2/control/door {"command":"open"}"#,
            // An older car is locked without the PIN.
            r#"POST /api/v1/spa/vehicles/2222/control/door {"action":"close","deviceId":"{secret:device-id}"}"#,
        ]
    );
}

#[test]
fn a_charge_limit_that_is_absent_stays() {
    let home = Home::registered();
    let limits = |ac, dc| Command::SetChargeLimits(ChargeLimits { ac, dc });
    let known =
        json!({ "Green": { "ChargingInformation": { "TargetSoC": { "Standard": 100, "Quick": 80 } } } });
    home.success(&json!({ "state": { "Vehicle": known } }));
    home.success(&Value::Null);
    home.execute(1, &limits(Some(70), None)).unwrap();
    assert_eq!(
        home.sent(),
        [
            "GET /api/v1/spa/vehicles/2222/ccs2/carstatus/latest",
            r#"POST /api/v1/spa/vehicles/2222/charge/target {"targetSOClist":[{"plugType":0,"targetSOClevel":80},{"plugType":1,"targetSOClevel":70}]}"#,
        ]
    );
    home.success(&json!({ "state": { "Vehicle": {} } }));
    let outcome = home.execute(1, &limits(Some(70), None)).unwrap();
    assert!(matches!(outcome, Outcome::Invalid(why) if why.contains("name ac and dc")));
}

#[test]
fn what_it_wants_has_classes() {
    let wants = HyundaiKia::describe().wants;
    let class = |name: &str| &wants.secrets.iter().find(|secret| secret.name == name).unwrap().class;
    assert_eq!(class("username"), &SecretClass::Identifier);
    assert_eq!(class("password"), &SecretClass::Password);
    assert_eq!(class("refresh-token"), &SecretClass::Token);
    assert!(wants.answers.before_execution.contains(&"4004".to_owned()));
}

#[test]
fn a_new_permission_that_is_refused_is_named_and_not_used_again() {
    let home = Home::registered();
    home.permission();
    home.refusal();
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));
    assert_eq!(failure.certainty, Certainty::Rejected);
    assert_eq!(home.steps(), ["pin", "lock"], "the PIN is offered once in a call");

    home.permission();
    home.success(&Value::Null);
    home.lock().unwrap();
    assert_eq!(home.steps(), ["pin", "lock"]);
}

/// A home with a permission from earlier, which the cloud refuses from now on.
fn kept_and_refused() -> Home {
    let home = Home::registered();
    home.permission();
    home.success(&Value::Null);
    home.lock().unwrap();
    home.steps();
    home.refusal();
    home
}

#[test]
fn a_kept_permission_that_is_refused_is_replaced_before_the_command_is_repeated() {
    let home = kept_and_refused();
    home.permission();
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));
    assert_eq!(home.steps(), ["lock", "pin"], "repeating is the policy's business");

    home.success(&Value::Null);
    home.lock().unwrap();
    assert_eq!(home.steps(), ["lock"]);
}

#[test]
fn a_kept_permission_that_ended_with_the_access_token_shows_the_latter() {
    let home = kept_and_refused();
    home.refusal();
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Pin, None));
    assert_eq!((failure.certainty, failure.message.as_str()), (Certainty::Rejected, EXPIRED));
    assert_eq!(home.steps(), ["lock", "pin"]);

    home.permission();
    home.success(&Value::Null);
    home.lock().unwrap();
    assert_eq!(home.steps(), ["pin", "lock"], "what was refused is not offered again");
}

#[test]
fn a_pin_for_a_new_permission_that_nobody_has_seen_is_left_to_the_repeat() {
    let home = kept_and_refused();
    home.host.fails(TransportError::NotSent("no route".into()));
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Command, Some("control-token")));

    // The host does not let it out: there is nothing to repeat.
    let home = kept_and_refused();
    home.host.fails(TransportError::Denied("no PIN".into()));
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.transport), (Phase::Pin, Some(Transport::Denied)));
    assert_eq!(failure.certainty, Certainty::Rejected, "the command did leave");
}

#[test]
fn a_pin_that_is_refused_because_of_its_device_is_not_taken_for_wrong() {
    let home = Home::registered();
    let pin = |code: &str, words: &str| home.answer(400, &json!({ "errCode": code, "errMsg": words }));
    let unknown = "Invalid request body - Invalid deviceId.";
    pin("4002", "Invalid parameters");
    home.answer(400, &json!({ "retCode": "F", "resCode": "4002", "resMsg": unknown, "msgId": "m-1" }));
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.message.as_str()), (Phase::Status, unknown));
    assert_eq!((failure.certainty, home.sent().len()), (Certainty::Rejected, 2));

    // The device is known, so it was the PIN.
    pin("4002", "Invalid parameters");
    home.success(&json!({ "vehicles": [] }));
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.message.as_str()), (Phase::Pin, "Invalid parameters"));

    home.sent();
    pin("4003", "Invalid values");
    assert_eq!(home.lock().unwrap_err().phase, Phase::Pin);
    assert_eq!(home.sent().len(), 1, "there is nothing to ask");
}

#[test]
fn an_access_token_that_expired_shows_at_the_pin() {
    let home = Home::registered();
    home.answer(401, &json!({ "error": "Key not authorized: Token is expired" }));
    let failure = home.lock().unwrap_err();
    assert_eq!((failure.phase, failure.http_status), (Phase::Pin, Some(401)));
    assert_eq!(failure.message, "Key not authorized: Token is expired");
}

#[test]
fn a_read_asks_for_the_position_only_when_it_has_none() {
    let home = Home::registered();
    let location =
        json!({ "coord": { "lat": "{private:1}", "lon": "{private:2}" }, "time": "20231114230000" });
    home.success(
        &json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": true }, "vehicleLocation": location } }),
    );
    home.success(&json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": true } } }));
    home.success(&location);
    for _ in 0..2 {
        let outcome = home.execute(0, &Command::Read(ReadMode::Cached)).unwrap();
        let Outcome::Done(report) = outcome else { unreachable!() };
        let state: Value = serde_json::from_str(&report.state.unwrap()).unwrap();
        assert_eq!(state["location"]["latitude"], "{private:1}");
        assert_eq!(state["location"]["time"], "2023-11-14T22:00:00Z");
        assert_eq!(state["locked"], true);
    }
    assert_eq!(home.sent().len(), 3);
}

#[test]
fn a_position_that_cannot_be_read_is_no_failure() {
    let home = Home::registered();
    home.success(&json!({ "vehicleStatusInfo": { "vehicleStatus": { "doorLock": false } } }));
    home.answer(500, &json!({}));
    let outcome = home.execute(0, &Command::Read(ReadMode::Cached)).unwrap();
    assert!(
        matches!(outcome, Outcome::Done(report) if report.state.as_deref() == Some(r#"{"locked":false}"#))
    );
}

#[test]
fn a_vehicle_that_sleeps_on_is_not_read_as_fresh() {
    let home = Home::registered();
    home.success(&Value::Null);
    let read = Command::Read(ReadMode::Forced);
    let mut outcome = home.execute(1, &read).unwrap();
    let old = json!({ "state": { "Vehicle": { "Date": "20231114200000.000" } } });
    for _ in 0..5 {
        let Outcome::Pending(pending) = outcome else { unreachable!() };
        home.success(&old);
        outcome = HyundaiKia::resume(&home.account, &car(1), &read, &pending.continuation).unwrap();
    }
    assert!(matches!(outcome, Outcome::Unanswered(_)));

    let new = json!({ "state": { "Vehicle": { "Date": "20231114221330.000" } } });
    home.success(&new);
    let continuation = r#"{"kind":"wake","at":1700000000,"polls":1}"#;
    let outcome = HyundaiKia::resume(&home.account, &car(1), &read, continuation).unwrap();
    assert!(matches!(outcome, Outcome::Done(_)));
}

#[test]
fn an_unknown_brand_sends_nothing() {
    let mut home = Home::new();
    home.account.brand = "trabant".into();
    assert_eq!(home.list().unwrap_err().certainty, Certainty::NotSent);
    assert!(home.sent().is_empty());
}
