//! Which family of tokens a session is of.

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

#[test]
fn a_device_that_came_with_a_set_is_not_registered_again_until_the_cloud_forgets_it() {
    let home = Home::imported("kia", &json!({ "family": "cci", "route": "signed" }));
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    assert_eq!(home.calls(), ["vehicles"]);

    home.host.discard("device-registration");
    home.success(&json!({ "deviceId": "d-2" }));
    home.success(&json!({ "vehicles": [] }));
    home.list().unwrap();
    assert_eq!(home.calls(), ["register", "vehicles"]);
}

#[test]
fn a_set_without_a_device_gets_one_before_it_is_refreshed() {
    let home = Home::imported("kia", &json!({ "family": "cci", "route": "signed" })).without("device-id");
    home.success(&json!({ "deviceId": "d-1" }));
    home.set(2);
    home.exchanged(2);
    home.refresh().unwrap();
    assert_eq!(home.calls(), ["register", "token-refresh", "token-exchange"]);
}
