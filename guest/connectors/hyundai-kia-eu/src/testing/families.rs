//! Which family of tokens a session is of.

use super::token_service::DEVICES;
use super::*;

const TOKEN: &str = "a-1";

fn legacy_grant(home: &Home) {
    home.answer(200, &json!({ "access_token": TOKEN, "refresh_token": null, "expires_in": 3_600 }));
}

fn dead(home: &Home) {
    home.answer(
        400,
        &json!({ "retCode": 7_501, "retMsg": "Received unexpected statusCode", "retValue": null }),
    );
}

#[test]
fn a_refresh_token_goes_before_the_password_while_it_lives() {
    let home = Home::new();
    legacy_grant(&home);
    let grant = home.kept(home.sign_in().unwrap());
    assert_eq!(grant.value, r#"{"family":"legacy"}"#);
    assert_eq!(home.calls(), ["token"]);
}

#[test]
fn a_refresh_token_that_is_dead_gives_way_to_the_password() {
    let home = Home::new();
    dead(&home);
    home.before_the_form();
    home.code();
    home.set(1);
    home.exchanged(1);
    let grant = home.kept(home.sign_in().unwrap());
    assert!(grant.value.contains(r#""family":"cci""#));
    assert_eq!(home.calls().len(), 7);

    // Its session ends with 4111: the dead token is not tried again.
    home.host.answers_with(testing::response(200, &[], "<html></html>"));
    home.certs();
    home.code();
    home.set(2);
    home.exchanged(2);
    home.sign_in().unwrap();
    assert_eq!(home.calls(), ["authorize", "certs", "signin", "token", "token-exchange"]);
}

#[test]
fn only_a_refresh_token_that_is_dead_gives_way() {
    let home = Home::new();
    home.answer(503, &json!({}));
    assert_eq!(home.sign_in().unwrap_err().http_status, Some(503));
    assert_eq!(home.calls().len(), 1);

    let home = Home::new().without("password");
    dead(&home);
    assert_eq!(home.sign_in().unwrap_err().code.as_deref(), Some("7501"));
}

#[test]
fn a_legacy_session_that_dies_is_over_for_who_has_a_password_and_refused_for_others() {
    let home = Home::new();
    home.host.commit("session", r#"{"family":"legacy"}"#);
    dead(&home);
    let failure = home.refresh().unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::Refresh, Some("no-refresh")));
    assert_eq!(home.calls(), ["token"]);
    home.before_the_form();
    home.code();
    home.set(1);
    home.exchanged(1);
    home.sign_in().unwrap();
    assert_eq!(home.calls()[1], "authorize", "the dead token is not tried again");

    let home = Home::new().without("password");
    home.host.commit("session", r#"{"family":"legacy"}"#);
    dead(&home);
    assert_eq!(home.refresh().unwrap_err().code.as_deref(), Some("7501"));
}

#[test]
fn nothing_to_sign_in_with_sends_nothing_and_names_the_way_out() {
    for (missing, words) in [
        (&["username", "password"][..], "`vehicle-connector auth login family`"),
        (&["password"], "`vehicle-connector auth login family`"),
        (&["username"], "`username` is not"),
    ] {
        let home = missing.iter().fold(Home::of("kia"), |home, name| home.without(name));
        let failure = home.sign_in().unwrap_err();
        assert_eq!(failure.certainty, Certainty::NotSent);
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(home.sent().is_empty());
    }
}

/// A home with a session as it is imported, which says of which device it is, or has that as a secret; and that
/// device.
fn imported(is_known: bool) -> (Home, &'static str) {
    let session = json!({ "family": "cci", "route": "signed" });
    if !is_known {
        return (Home::imported("kia", &session), "{secret:device-id}");
    }
    let mut known = session;
    known["device"] = DEVICES[0].into();
    (Home::imported("kia", &known).without("device-id"), DEVICES[0])
}

/// The device that a request was sent as.
fn sent_as(home: &Home, name: &str) -> String {
    let requests = home.host.requests();
    header(requests.last().unwrap(), name).unwrap()
}

/// Lists vehicles, and returns the device that was sent.
fn listed_as(home: &Home) -> String {
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    sent_as(home, "ccsp-device-id")
}

#[test]
fn a_device_that_came_with_a_set_is_not_registered_again_until_the_cloud_forgets_it() {
    for is_known in [true, false] {
        let (home, came) = imported(is_known);
        assert_eq!(listed_as(&home), came);

        home.host.discard("device-registration");
        home.registered_as(DEVICES[1]);
        home.success(&json!({ "vehicles": [] }));
        home.list().unwrap();
        assert_eq!(home.calls(), ["register", "vehicles"]);
        // The vehicle service knows it by another one since, and the set is of the one that it came with.
        assert_eq!(listed_as(&home), DEVICES[1]);
        home.set(2);
        home.exchanged(2);
        home.refresh().unwrap();
        assert_eq!(sent_as(&home, "client-device-id"), came);
        assert_eq!(home.host.secret("device-id"), None, "nothing has taken its place");
    }
}

#[test]
fn a_device_that_came_with_a_set_is_taken_up_also_where_there_was_one_before() {
    for is_known in [true, false] {
        let (home, came) = imported(is_known);
        // Signed out, or another user's: what was known is forgotten, and its generations count on.
        for cell in ["device-registration", "device-of-tokens"] {
            home.host.commit(cell, &json!({ "id": DEVICES[1] }).to_string());
            home.host.discard(cell);
        }
        assert_eq!(listed_as(&home), came);
    }
}

#[test]
fn a_set_keeps_its_device_whatever_becomes_of_the_registration() {
    let home = Home::of("kia");
    home.before_the_form();
    home.code();
    home.set(1);
    home.exchanged(1);
    home.kept(home.sign_in().unwrap());
    home.host.discard("device-registration");
    home.registered_as(DEVICES[1]);
    assert_eq!(listed_as(&home), DEVICES[1]);
    let home = home.with_tokens();
    for number in 2..4 {
        home.host.pass(3_000_000);
        home.set(number);
        home.refresh().unwrap();
        let request = &home.host.requests()[0];
        assert_eq!(header(request, "client-device-id").as_deref(), Some(DEVICES[0]));
        let id = header(request, "App-Request-Id").unwrap();
        assert!(id.ends_with(&format!("_{}_AOS", DEVICES[0].replace('-', ""))), "{id}");
    }
    // The next sign-in is of the one that is registered by then.
    home.form();
    home.code();
    home.set(4);
    home.exchanged(4);
    home.sign_in().unwrap();
    assert_eq!(sent_as(&home, "client-device-id"), DEVICES[1]);
}

#[test]
fn a_device_that_is_a_secret_is_another_one_than_that_of_the_tokens() {
    let home = Home::registered();
    dead(&home);
    home.before_the_form();
    home.code();
    home.set(1);
    home.exchanged(1);
    home.sign_in().unwrap();
    assert_eq!(sent_as(&home, "client-device-id"), DEVICES[0], "it can be written in both forms");
}

#[test]
fn a_set_without_a_device_gets_one_before_it_is_refreshed() {
    let home = Home::imported("kia", &json!({ "family": "cci", "route": "signed" })).without("device-id");
    home.registered_as(DEVICES[0]);
    home.set(2);
    home.exchanged(2);
    let grant = home.refresh().unwrap();
    assert!(grant.value.contains(DEVICES[0]), "{}", grant.value);
    assert_eq!(home.calls(), ["register", "token-refresh", "token-exchange"]);
}
