//! The ends of a sign-in that are none, each as facts by which a policy can tell it from the others.

use vehicle_connector_sdk::connector::{BodyKind, Challenge};
use vehicle_connector_sdk::testing::response;

use super::token_service::DEVICES;
use super::*;

fn ends_at(location: &str) -> Result<Step, Failure> {
    let home = Home::of("kia");
    home.before_the_form();
    home.leads_to(location);
    let step = home.sign_in();
    let forms = home.calls().iter().filter(|call| *call == "signin").count();
    assert_eq!(forms, 1, "{location}");
    step
}

fn fails_at(location: &str) -> Failure {
    let failure = ends_at(location).unwrap_err();
    assert_eq!((failure.phase, failure.certainty), (Phase::SignIn, Certainty::Rejected), "{location}");
    assert_eq!((failure.http_status, failure.transport), (Some(302), None), "{location}");
    failure
}

#[test]
fn a_sign_in_that_ends_where_it_began_has_two_causes_and_names_both() {
    for location in [
        "https://idp.test/auth/api/v2/user/oauth2/authorize?response_type=code",
        "/web/v1/user/login?x=1",
        "https://idp.test/auth/account/signin",
    ] {
        let failure = fails_at(location);
        assert_eq!(failure.code.as_deref(), Some("ended-at-sign-in"), "{location}");
        assert!(failure.message.contains("password are wrong"), "{}", failure.message);
        assert!(failure.message.contains("firewall"), "{}", failure.message);
    }
}

#[test]
fn a_refusal_says_why() {
    let failure =
        fails_at("https://oneapp.kia.com/redirect?error=access_denied&error_description=Account+locked");
    assert_eq!(failure.code.as_deref(), Some("sign-in-refused"));
    assert_eq!(failure.oauth_error.as_deref(), Some("access_denied"));
    assert!(failure.message.ends_with("Account locked"), "{}", failure.message);
}

#[test]
fn a_service_that_is_unwell_refuses_nobody() {
    for error in ["server_error", "temporarily_unavailable"] {
        let failure = fails_at(&format!("https://oneapp.kia.com/redirect?error={error}"));
        assert_eq!((failure.code, failure.oauth_error.as_deref()), (None, Some(error)));
    }
}

#[test]
fn consent_is_a_question_and_its_answer_one_more_sign_in() {
    let home = Home::of("kia");
    home.before_the_form();
    home.leads_to("/web/v1/user/authorization?token=secret");
    let Step::Asked(question) = home.sign_in().unwrap() else { unreachable!() };
    let Challenge::Consent(text) = &question.challenge else { unreachable!("{question:?}") };
    assert!(text.contains("http://idp.test/web/v1/user/authorization,"), "{text}");
    assert!(!format!("{question:?}").contains("token=secret"));

    let nothing = HyundaiKia::continue_sign_in(&home.account, &question.continuation, &Reply::Again);
    assert_eq!(nothing.unwrap_err().certainty, Certainty::NotSent);
    let nothing = HyundaiKia::continue_sign_in(&home.account, "another", &Reply::Confirmed);
    assert_eq!(nothing.unwrap_err().certainty, Certainty::NotSent);
    home.calls();

    home.host.answers_with(response(200, &[], "<html></html>"));
    home.certs();
    home.code();
    home.set(1);
    home.exchanged(1);
    let step = HyundaiKia::continue_sign_in(&home.account, &question.continuation, &Reply::Confirmed);
    assert!(matches!(step, Ok(Step::Granted(_))));
    assert_eq!(home.calls(), ["authorize", "certs", "signin", "token", "token-exchange"]);
}

#[test]
fn the_firewall_is_told_apart_before_and_after_the_form() {
    let abusing = "/error?status=400&error=Bad+Request&error_description=Bad+Request.+It+was+classified+as+an+\
                   abusing+request+and+blocked.";
    let failure = fails_at(abusing);
    assert_eq!(failure.code.as_deref(), Some("sign-in-blocked"));
    assert!(failure.message.contains("abusing request and blocked"), "{}", failure.message);

    for (status, body) in [(403, "<html>Access denied</html>"), (403, ""), (200, "<p>an ABUSING request</p>")]
    {
        let home = Home::of("kia");
        home.before_the_form();
        home.host.answers_with(response(status, &[("content-type", "text/html")], body));
        let failure = home.sign_in().unwrap_err();
        assert_eq!(failure.code.as_deref(), Some("sign-in-blocked"), "{status} {body}");
        assert_eq!(failure.http_status, Some(status));
    }

    let home = Home::of("kia");
    home.registered_as(DEVICES[0]);
    home.leads_to(abusing);
    let failure = home.sign_in().unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("sign-in-blocked"));
    assert_eq!(home.calls(), ["register", "authorize"], "no password was sent");
}

#[test]
fn what_is_no_end_of_a_sign_in_is_told_as_it_is() {
    let failure = fails_at("https://elsewhere.test/maintenance?id=1");
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (None, "redirected to https://elsewhere.test/maintenance")
    );
    for (status, body, kind) in [
        (200, "<html>Sign in</html>", BodyKind::Html),
        (500, "", BodyKind::None),
        (503, "{}", BodyKind::Json),
    ] {
        let home = Home::of("kia");
        home.before_the_form();
        home.host.answers_with(response(status, &[], body));
        let failure = home.sign_in().unwrap_err();
        assert_eq!((failure.code, failure.http_status, failure.body), (None, Some(status), kind));
        assert_eq!(home.calls().len(), 4);
    }
    // A code for somebody else is none.
    let failure = fails_at("https://elsewhere.test/redirect?code=AUTH-CODE-1");
    assert_eq!(failure.code, None);
}

#[test]
fn an_answer_without_a_key_seals_nothing() {
    let home = Home::of("kia");
    home.registered_as(DEVICES[0]);
    home.host.answers_with(response(200, &[], "<html></html>"));
    home.answer(200, &json!({ "retValue": { "n": "abc", "e": "AQAB" } }));
    assert_eq!(home.sign_in().unwrap_err().message, "the answer has no kid of a key");
    assert_eq!(home.calls(), ["register", "authorize", "certs"]);
}

#[test]
fn a_code_that_gives_no_set_is_a_failure() {
    for answer in [json!({}), json!({ "accessToken": "a", "refreshToken": "b" })] {
        let home = Home::of("kia");
        home.before_the_form();
        home.code();
        home.answer(200, &answer);
        let failure = home.sign_in().unwrap_err();
        assert!(failure.message.starts_with("the answer has no value at /"), "{}", failure.message);
    }
    let home = Home::of("kia");
    home.before_the_form();
    home.code();
    home.answer(401, &json!({ "code": 9030, "message": "invalid code" }));
    let failure = home.sign_in().unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.message.as_str()), (Some("9030"), "invalid code"));
}
