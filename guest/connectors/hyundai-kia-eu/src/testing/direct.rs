//! The sign-in at the account service of other regions, request by request.

use vehicle_connector_sdk::connector::{Challenge, Climate, WantedSecret};
use vehicle_connector_sdk::http::{Body, Encoding, join, text};

use super::token_service::{derivation, headers};
use super::*;

const REDIRECT: &str = "https://au-apigw.ccs.kia.com.au:8082/api/v1/user/oauth2/redirect";

impl Home {
    /// A home in Australia that has registered a device.
    fn direct() -> Self {
        let home = Self::direct_without_device();
        home.host.commit("device-registration", "{}");
        home
    }

    fn direct_without_device() -> Self {
        let host = FakeHost::new();
        let account = host.account_in(&HyundaiKia::describe(), "au", "kia");
        Self { host, account }
    }

    /// A page with cookies, and this answer to the password.
    fn asked_for_password(&self, status: u16, body: &Value) -> Failure {
        self.answer(200, &Value::Null);
        self.answer(status, body);
        HyundaiKia::sign_in(&self.account).unwrap_err()
    }

    fn account_says(&self, status: u16, code: &str, words: &str) {
        self.answer(status, &json!({ "errId": "e-1", "errCode": code, "errMsg": words }));
    }
}

#[test]
fn signs_in_with_a_device_a_page_a_password_and_a_code() {
    let home = Home::direct_without_device();
    home.success(&json!({ "deviceId": "3f0a9c52-6f0e-4d0c-9a57-0d2f7c1b8e44" }));
    home.answer(200, &Value::Null);
    home.answer(200, &json!({ "redirectUrl": format!("{REDIRECT}?code=CODE-OF-1&state=test") }));
    home.answer(
        200,
        &json!({ "token_type": "Bearer", "access_token": "ACCESS-1", "refresh_token": "REFRESH-1", "expires_in": 21600 }),
    );
    let Step::Granted(grant) = HyundaiKia::sign_in(&home.account).unwrap() else { unreachable!() };
    assert_eq!((grant.expires_in, grant.value.as_str()), (Some(21_600), r#"{"family":"direct"}"#));
    let requests = home.host.requests();
    let urls: Vec<_> = requests.iter().map(|request| request.url.replace("%5F", "_")).collect();
    assert_eq!(
        urls,
        [
            "http://ccapi.test/api/v1/spa/notifications/register".to_owned(),
            format!(
                "http://account.test/oauth2/authorize?response_type=code&client_id=8acb778a-b918-4a8d-8624-73a0beb64289\
                 &redirect_uri={}&lang=en",
                "https%3A%2F%2Fau-apigw%2Eccs%2Ekia%2Ecom%2Eau%3A8082%2Fapi%2Fv1%2Fuser%2Foauth2%2Fredirect"
            ),
            "http://account.test/signin".to_owned(),
            "http://account.test/oauth2/token".to_owned(),
        ]
    );
    assert_eq!(requests[1].jar, requests[2].jar);
    assert_eq!(
        requests[2].body,
        Body::Json(r#"{"email":"{secret:username}","password":"{secret:password}"}"#.to_owned())
    );
    let Body::Form(fields) = &requests[3].body else { unreachable!() };
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        fields,
        [
            "grant_type=authorization_code".to_owned(),
            format!("redirect_uri={REDIRECT}"),
            "code={secret:account-code}".to_owned()
        ]
    );
    assert_eq!(home.host.secret("account-code").as_deref(), Some("CODE-OF-1"));
    assert_eq!(home.host.secret("account-refresh-token").as_deref(), Some("REFRESH-1"));
    let stamped = |request: &Request| headers(request).iter().any(|header| header.starts_with("Stamp: "));
    assert_eq!(requests.iter().map(stamped).collect::<Vec<_>>(), [true, false, false, true]);
    let pair = text("8acb778a-b918-4a8d-8624-73a0beb64289:7ScMMm6fEYXdiEPCxaPaQmgeYdlUrfwoh4AfXGOzYIS2Cu9T");
    assert_eq!(derivation(&requests[3], "basic").how, join([pair], Encoding::Base64));
}

#[test]
fn a_refresh_is_one_request_with_a_stamp_and_may_leave_the_refresh_token() {
    let home = Home::direct();
    home.host.commit("session", r#"{"family":"direct"}"#);
    home.answer(200, &json!({ "token_type": "Bearer", "access_token": "ACCESS-2", "expires_in": 21600 }));
    assert!(matches!(HyundaiKia::refresh(&home.account), Ok(Step::Granted(_))));
    let requests = home.host.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, "http://account.test/oauth2/token");
    assert!(header(&requests[0], "Stamp").is_some_and(|stamp| !stamp.is_empty()));
    assert_eq!(
        requests[0].body,
        Body::Form(vec![
            ("grant_type".into(), "refresh_token".into()),
            ("refresh_token".into(), "{secret:account-refresh-token}".into()),
        ])
    );
}

#[test]
fn a_refresh_token_that_is_refused_ends_the_session_and_a_stamp_does_not() {
    let home = Home::direct();
    for (status, code, becomes) in [
        (400, "4002", "no-refresh"),
        (401, "4010", "no-refresh"),
        (401, "4017", "4017"),
        (503, "5031", "5031"),
    ] {
        home.account_says(status, code, "no");
        let failure = HyundaiKia::refresh(&home.account).unwrap_err();
        assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some(becomes)), "{code}");
        assert!(failure.message.contains("no"), "{code}");
    }
}

#[test]
fn only_what_the_account_service_says_is_about_the_password() {
    let home = Home::direct();
    let failure = home.asked_for_password(400, &json!({ "errCode": "4003", "errMsg": "Invalid values" }));
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::SignIn, Some("account-refused")));
    assert!(failure.message.contains("Invalid values"), "{}", failure.message);
    for (status, body, code) in [
        (401, json!({ "resCode": "4017", "resMsg": "Invalid Application Id" }), Some("4017")),
        (509, json!({ "resCode": "5091", "resMsg": "Exceeds number of requests" }), Some("5091")),
        (400, json!({}), None),
        // A success without a code.
        (200, json!({ "redirectUrl": REDIRECT }), None),
    ] {
        let failure = home.asked_for_password(status, &body);
        assert_eq!((failure.http_status, failure.code.as_deref()), (Some(status), code), "{body}");
    }
}

#[test]
fn a_firewall_is_none_of_the_account_service() {
    let home = Home::direct();
    home.answer(200, &Value::Null);
    home.host.answers_with(testing::response(403, &[], "<html>Forbidden</html>"));
    let failure = HyundaiKia::sign_in(&home.account).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("sign-in-blocked"));
}

#[test]
fn terms_are_asked_about() {
    let home = Home::direct();
    home.answer(200, &Value::Null);
    home.answer(200, &json!({ "redirectUrl": "https://a.example/web/v1/user/authorization?x=y" }));
    let Step::Asked(question) = HyundaiKia::sign_in(&home.account).unwrap() else { unreachable!() };
    assert!(matches!(question.challenge, Challenge::Consent(words) if words.contains("a.example")));
}

#[test]
fn a_device_that_is_refused_keeps_the_password_here() {
    let home = Home::direct_without_device();
    home.answer(401, &json!({ "retCode": "F", "resCode": "4017", "resMsg": "Invalid Application Id" }));
    let failure = HyundaiKia::sign_in(&home.account).unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Registration, Some("4017")));
    assert_eq!(home.host.requests().len(), 1);
}

#[test]
fn without_a_password_nothing_is_sent() {
    let mut home = Home::direct();
    home.account.secrets.retain(|name| name != "password");
    // One of Europe is of no use here.
    assert!(home.account.has_secret("refresh-token"));
    let failure = HyundaiKia::sign_in(&home.account).unwrap_err();
    assert_eq!(failure.certainty, Certainty::NotSent);
    assert!(failure.message.contains("auth login"), "{}", failure.message);
    assert!(home.host.requests().is_empty());
}

#[test]
fn no_secret_of_an_account_goes_to_both_europe_and_elsewhere_but_who_it_is() {
    let both = |secret: &WantedSecret| {
        let has = |name: &str| secret.endpoints.iter().any(|endpoint| endpoint == name);
        has("account") && has("idp")
    };
    let wants = HyundaiKia::describe().wants;
    let names: Vec<_> = wants.secrets.iter().filter(|secret| both(secret)).map(|it| &*it.name).collect();
    assert_eq!(names, ["username", "password"]);
}

#[test]
fn an_older_vehicle_is_read_by_australias_clocks_and_temperatures() {
    let home = Home::direct();
    home.success(&json!({
        "time": "20260701220000", "doorLock": true, "airCtrlOn": false, "airTemp": { "value": "0AH", "unit": 0 },
        "odometer": { "value": 15234.5, "unit": 1 },
    }));
    home.success(&json!({
        "coord": { "lat": "{private:1}", "lon": "{private:2}" }, "time": "20261122040000"
    }));
    let Outcome::Done(report) = home.execute(0, &Command::Read(ReadMode::Cached)).unwrap() else {
        unreachable!()
    };
    let state: Value = serde_json::from_str(&report.state.unwrap()).unwrap();
    assert_eq!(state["target_temperature_c"], 22.0);
    assert_eq!(state["odometer_km"], 15234.5);
    assert_eq!(state["vehicle_time"], "2026-07-01T12:00:00Z");
    assert_eq!(state["location"]["time"], "2026-11-21T17:00:00Z");
    assert!(home.sent()[1].ends_with("/location/park"));
}

#[test]
fn a_newer_vehicle_that_answers_at_once_is_not_asked_again_and_an_old_answer_is_waited_for() {
    let home = Home::direct();
    let read = Command::Read(ReadMode::Forced);
    let said = |at: &str| {
        json!({ "state": { "Vehicle": { "Date": at, "Location": { "GeoCoord": {
        "Latitude": "{private:1}", "Longitude": "{private:2}" } } } } })
    };
    home.success(&said("20231114221320.000"));
    assert!(matches!(home.execute(1, &read).unwrap(), Outcome::Done(_)));
    assert_eq!(home.sent(), ["GET /api/v1/spa/vehicles/2222/ccs2/carstatus"]);
    home.success(&said("20231114200000.000"));
    assert!(matches!(home.execute(1, &read).unwrap(), Outcome::Pending(_)));
}

#[test]
fn a_charge_port_names_its_device_and_temperatures_count_from_the_lowest() {
    let home = Home::direct();
    home.permission();
    home.success(&Value::Null);
    home.execute(0, &Command::OpenChargePort).unwrap();
    let sent = home.sent();
    assert!(
        sent[1].ends_with(r#"/control/portdoor {"action":"open","deviceId":"{secret:device-id}"}"#),
        "{sent:?}"
    );
    let climate = |temperature| {
        Command::StartClimate(Climate {
            temperature: Some(temperature),
            duration: None,
            defrost: None,
            heating: None,
            seats: Vec::new(),
        })
    };
    home.success(&Value::Null);
    home.execute(0, &climate(21.0)).unwrap();
    assert!(home.sent()[0].contains(r#""tempCode":"08H""#));
    let refused = home.execute(0, &climate(16.5)).unwrap();
    assert!(matches!(refused, Outcome::Invalid(why) if why.contains("between 17 and 26.5")));
}
