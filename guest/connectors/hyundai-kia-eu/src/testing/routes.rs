//! Signed calls, calls without a signature, and neither.

use super::token_service::{DEVICES, headers, session};
use super::*;

fn due(home: &Home) {
    home.host.pass(3_000_000);
}

#[test]
fn without_keys_nothing_is_sent_and_the_message_names_them() {
    let home = Home::of("kia").without("gate-keys");
    let failure = home.sign_in().unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.certainty), (Some("no-gate-keys"), Certainty::NotSent));
    assert!(failure.message.contains("`gate_keys_file` is missing"), "{}", failure.message);
    assert!(failure.message.ends_with("Nothing was sent"), "{}", failure.message);
    assert!(home.sent().is_empty());

    let refreshed = Home::with_session("hyundai", &session()).without("gate-keys");
    due(&refreshed);
    let failure = refreshed.refresh().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some("no-gate-keys")));
    assert!(refreshed.sent().is_empty());
}

#[test]
fn a_brand_without_keys_has_calls_without_a_signature() {
    let mut session = session();
    session["route"] = "unsigned".into();
    let home = Home::with_session("genesis", &session).without("gate-keys");
    home.host.pass(86_500_000);
    home.set(2);
    home.exchanged(2);
    home.refresh().unwrap();
    let requests = home.host.requests();
    assert_eq!(requests[0].url, "http://cci.test/domain/api/v2/auth/token-refresh");
    assert_eq!(
        headers(&requests[0]),
        [
            "User-Agent: okhttp/3.12.0",
            "Accept: application/json",
            "client-id: com.genesis.oneapp.eu",
            "client-name: genesis",
            "client-version: 1.3.3",
            "client-os-code: ios",
            "client-os-version: 18.7",
            &format!("client-device-id: {}", DEVICES[0]),
            "client-device-model: iPhone",
            "client-notification-provider-type: APNS",
            "locale: EN",
            "timezone: +01:00",
            "Accept-Language: en",
            "Authentication: {secret:non-ccs-token}",
            "authorization: Bearer {secret:cci-access-token}",
            "exchangeable-token: {secret:exchangeable-token}",
            "non-ccs-token: {secret:non-ccs-token}",
            "Content-Type: application/json",
        ]
    );
    assert_eq!(requests[1].url, "http://cci.test/domain/api/v1/auth/token-exchange?serviceType=CCS");
    assert!(requests.iter().all(|request| request.derivations.is_empty()));

    let home = Home::of("genesis").without("gate-keys");
    home.before_the_form();
    home.leads_to("https://oneapp.genesis.com/redirect?code=AUTH-CODE-1");
    home.set(1);
    home.exchanged(1);
    let grant = home.kept(home.sign_in().unwrap());
    assert!(grant.value.contains(r#""route":"unsigned""#), "{}", grant.value);
    let requests = home.host.requests();
    assert_eq!(requests[4].url, "http://cci.test/domain/api/v1/auth/token?code={secret:authorization-code}");
    assert_eq!(header(&requests[4], "authorization"), None);
}

#[test]
fn a_gate_that_refuses_is_passed_by_once_for_each_start() {
    let home = Home::with_session("kia", &session());
    due(&home);
    home.gate_refuses(9036);
    home.set(2);
    let grant = home.refresh().unwrap();
    assert!(grant.value.contains(r#""route":"unsigned""#), "{}", grant.value);
    let sent = home.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].starts_with("POST http://cci.test/domain/api/v2/auth/token-refresh"), "{sent:?}");
    assert!(home.host.lines().iter().any(|line| line.contains("`unsigned`")), "{:?}", home.host.lines());

    // While the host runs it goes on so.
    due(&home);
    home.set(3);
    home.refresh().unwrap();
    assert_eq!(home.sent().len(), 1);

    // A start begins with a signature again.
    home.host.pass(1_000);
    home.host.restarts();
    due(&home);
    home.set(4);
    let grant = home.refresh().unwrap();
    assert!(grant.value.contains(r#""route":"signed""#), "{}", grant.value);
    assert!(home.sent()[0].starts_with("POST http://cci.test/auth/v2/token-refresh"));
}

#[test]
fn a_gate_that_cannot_be_passed_by_is_reported_and_not_asked_without_a_signature_again() {
    for (code, words) in
        [(9035, "`gate_keys_file`"), (9036, "`client_version`"), (9037, "clock of this machine")]
    {
        let home = Home::with_session("kia", &session());
        home.host.pass(86_500_000);
        home.gate_refuses(code);
        home.answer(404, &json!({ "message": "no such route" }));
        let failure = home.refresh().unwrap_err();
        assert_eq!((failure.phase, failure.http_status), (Phase::Refresh, Some(400)));
        assert_eq!(failure.code, Some(code.to_string()));
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(failure.message.ends_with("Without a signature: no such route"), "{}", failure.message);
        assert_eq!(home.sent().len(), 2);

        home.gate_refuses(code);
        home.refresh().unwrap_err();
        assert_eq!(home.sent().len(), 1);

        home.host.pass(1_000);
        home.host.restarts();
        home.gate_refuses(code);
        home.set(2);
        home.refresh().unwrap();
    }
}

#[test]
fn a_signature_that_is_refused_ends_nothing_that_lasts() {
    for code in [9035, 9036, 9037] {
        let home = Home::with_session("kia", &session());
        due(&home);
        home.gate_refuses(code);
        home.answer(404, &json!({ "message": "no such route" }));
        let failure = home.refresh().unwrap_err();
        assert_eq!((failure.code.as_deref(), failure.http_status), (Some("not-renewed"), Some(400)));
        assert!(failure.message.contains(&format!("code {code}")), "{}", failure.message);
        assert!(failure.message.ends_with("until the access token ends"), "{}", failure.message);
        home.sent();
        home.success(&json!({ "vehicles": [] }));
        home.list().unwrap();

        // The vehicle service takes it no more: now nothing is left, and the gate's word is the last one.
        home.answer(401, &json!({ "error": EXPIRED }));
        home.list().unwrap_err();
        home.gate_refuses(code);
        assert_eq!(home.refresh().unwrap_err().code, Some(code.to_string()));
    }
}

#[test]
fn other_refusals_are_final() {
    for (status, code) in [(400, 9013), (200, 9036), (502, 9001)] {
        let home = Home::with_session("kia", &session());
        due(&home);
        home.answer(status, &json!({ "code": code, "message": "no" }));
        home.refresh().unwrap_err();
        assert_eq!(home.sent().len(), 1, "{status} {code}");
    }
}

#[test]
fn a_failure_that_passes_does_not_use_up_the_try_without_a_signature() {
    let home = Home::with_session("kia", &session());
    due(&home);
    home.gate_refuses(9036);
    home.unwell();
    assert_eq!(home.refresh().unwrap_err().code.as_deref(), Some("9001"));
    assert_eq!(home.sent().len(), 2);
    home.gate_refuses(9036);
    home.set(2);
    assert!(home.refresh().unwrap().value.contains(r#""route":"unsigned""#));
}

#[test]
fn a_sign_in_after_a_gate_that_was_passed_by_goes_the_same_way() {
    let home = Home::with_session("kia", &session());
    due(&home);
    home.gate_refuses(9036);
    home.set(2);
    home.refresh().unwrap();
    home.sent();
    home.form();
    home.code();
    home.set(3);
    home.exchanged(3);
    home.kept(home.sign_in().unwrap());
    let sent = home.sent();
    assert!(sent.iter().any(|sent| sent.contains("/domain/api/v1/auth/token?code=")), "{sent:?}");
    assert!(sent.iter().all(|sent| !sent.contains("cci.test/auth/")), "{sent:?}");
}

#[test]
fn a_set_that_came_without_a_signature_needs_no_keys_to_go_on() {
    let home =
        Home::with_session("kia", &json!({ "family": "cci", "route": "unsigned" })).without("gate-keys");
    home.set(2);
    home.exchanged(2);
    home.refresh().unwrap();
    assert!(home.sent().iter().all(|sent| sent.contains("/domain/api/")));
}
