//! Sign-in, second factor and refresh.

use vehicle_connector_sdk::connector::{Challenge, Question};
use vehicle_connector_sdk::http::TransportError;
use vehicle_connector_sdk::testing::{header, placeholders};

use super::*;

fn asked(step: Step) -> Question {
    let Step::Asked(question) = step else { unreachable!("{step:?}") };
    question
}

fn go_on(home: &Home, question: &Question, reply: &Reply) -> Result<Step, Failure> {
    Renault::continue_sign_in(&home.account, &question.continuation, reply)
}

/// A login that waits for a code, of a person with these mailboxes.
fn challenged(home: &Home, mailboxes: &[(&str, &str)]) -> Question {
    home.host.answers(200, &json!({ "errorCode": 403_101, "errorDetails": "Pending", "regToken": "reg-1" }));
    if !home.account.has_secret("gmid") {
        home.bootstrap();
    }
    home.yes(&json!({ "gigyaAssertion": "assertion-1" }));
    let emails = mailboxes.iter().map(|(id, masked)| json!({ "id": id, "obfuscated": masked }));
    home.yes(&json!({ "emails": emails.collect::<Vec<_>>() }));
    if mailboxes.len() == 1 {
        home.yes(&json!({ "phvToken": "phv-1" }));
    }
    asked(Renault::sign_in(&home.account).unwrap())
}

const ONE: &[(&str, &str)] = &[("mailbox-1", "o***@example.org")];
const TWO: &[(&str, &str)] = &[("mailbox-1", "o***@example.org"), ("mailbox-2", "b***@example.net")];

#[test]
fn a_sign_in_is_a_login_a_person_and_a_token() {
    let home = Home::fresh();
    home.session();
    let Step::Granted(grant) = Renault::sign_in(&home.account).unwrap() else { unreachable!() };
    assert_eq!((grant.expires_in, grant.value.as_str()), (Some(900), ""));
    let requests = home.host.requests();
    assert_eq!(placeholders(&requests[0]), ["secret:gigya-key", "secret:username", "secret:password"]);
    assert!(requests.iter().all(|request| header(request, "cookie").is_none()), "no device is known yet");
    for (name, value) in [("login-token", "login-1"), ("person-id", "person-1"), ("id-token", "jwt-1")] {
        assert_eq!(home.host.secret(name).as_deref(), Some(value));
    }
}

#[test]
fn a_remembered_device_signs_in_as_itself() {
    let home = Home::known();
    home.session();
    Renault::sign_in(&home.account).unwrap();
    let cookie = "gmid={secret:gmid}; ucid={secret:ucid}";
    assert_eq!(header(&home.host.requests()[0], "cookie"), Some(cookie));
}

#[test]
fn a_wrong_password_is_told_with_what_it_may_be_instead() {
    let home = Home::fresh();
    home.no(403_042, "invalid loginID or password");
    let failure = Renault::sign_in(&home.account).unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.http_status), (Some("403042"), Some(200)));
    assert_eq!((failure.phase, failure.certainty), (Phase::SignIn, Certainty::Rejected));
    assert!(failure.message.contains("`gigya-key` was replaced"), "{}", failure.message);
}

#[test]
fn a_code_to_the_only_mailbox() {
    let home = Home::fresh();
    let question = challenged(&home, ONE);
    let Challenge::Code(code) = &question.challenge else { unreachable!() };
    assert_eq!((code.secret.as_str(), code.sent_to.as_deref()), ("mail-code", Some("o***@example.org")));
    assert!(code.resend);
    let secrets = ["reg-1", "assertion-1", "phv-1", "gmid-1"];
    assert!(secrets.iter().all(|secret| !question.continuation.contains(secret)));
    assert_eq!(home.host.secret("gmid").as_deref(), Some("gmid-1"));
    home.calls();

    home.yes(&json!({ "providerAssertion": "provider-1" }));
    home.yes(&json!({}));
    home.session();
    assert!(matches!(go_on(&home, &question, &Reply::Code), Ok(Step::Granted(_))));
    assert_eq!(
        home.calls(),
        [
            "accounts.tfa.email.completeVerification",
            "accounts.tfa.finalizeTFA",
            "accounts.login",
            "accounts.getAccountInfo",
            "accounts.getJWT"
        ]
    );
}

#[test]
fn one_of_several_mailboxes() {
    let home = Home::fresh();
    let question = challenged(&home, TWO);
    let Challenge::Choice(choices) = &question.challenge else { unreachable!() };
    assert_eq!((choices.len(), choices[1].label.as_str()), (2, "b***@example.net"));
    let nobody = go_on(&home, &question, &Reply::Chosen("mailbox-9".into())).unwrap_err();
    assert_eq!(nobody.certainty, Certainty::NotSent);
    home.calls();

    home.yes(&json!({ "phvToken": "phv-1" }));
    let question = asked(go_on(&home, &question, &Reply::Chosen("mailbox-2".into())).unwrap());
    let Challenge::Code(code) = &question.challenge else { unreachable!() };
    assert_eq!(code.sent_to.as_deref(), Some("b***@example.net"));
    assert!(home.host.requests()[0].url.contains("emailID=mailbox-2&lang=fr"));
}

#[test]
fn a_wrong_code_leaves_the_question_open_and_another_may_be_sent() {
    let home = Home::fresh();
    let question = challenged(&home, ONE);
    home.no(400_006, "Invalid parameter value");
    let failure = go_on(&home, &question, &Reply::Code).unwrap_err();
    assert_eq!((failure.phase, failure.code.as_deref()), (Phase::SignIn, Some("400006")));

    home.yes(&json!({ "phvToken": "phv-2" }));
    let again = asked(go_on(&home, &question, &Reply::Again).unwrap());
    assert_eq!(again.continuation, question.continuation);
    home.yes(&json!({ "providerAssertion": "provider-1" }));
    home.yes(&json!({}));
    home.session();
    assert!(matches!(go_on(&home, &again, &Reply::Code), Ok(Step::Granted(_))));
}

#[test]
fn a_device_that_was_forgotten_keeps_its_identity() {
    let home = Home::known();
    challenged(&home, ONE);
    assert!(!home.calls().contains(&"accounts.webSdkBootstrap".to_owned()));
}

#[test]
fn a_challenge_without_a_way_out_is_a_failure() {
    let home = Home::fresh();
    home.no(403_101, "Pending Two-Factor Authentication");
    assert!(Renault::sign_in(&home.account).unwrap_err().message.contains("/regToken"));

    home.host.answers(200, &json!({ "errorCode": 403_101, "regToken": "reg-1" }));
    home.bootstrap();
    home.yes(&json!({ "gigyaAssertion": "assertion-1" }));
    home.yes(&json!({ "emails": [] }));
    assert!(Renault::sign_in(&home.account).unwrap_err().message.contains("mailbox"));
}

#[test]
fn replies_to_other_questions_send_nothing() {
    let home = Home::fresh();
    let question = challenged(&home, ONE);
    home.calls();
    for (continuation, reply) in
        [(question.continuation.as_str(), Reply::Confirmed), ("nonsense", Reply::Code), ("{}", Reply::Again)]
    {
        let failure = Renault::continue_sign_in(&home.account, continuation, &reply).unwrap_err();
        assert_eq!(failure.certainty, Certainty::NotSent);
    }
    assert!(home.host.requests().is_empty());
}

#[test]
fn a_refresh_is_one_request() {
    let home = Home::new("renault");
    home.yes(&json!({ "id_token": "jwt-2" }));
    assert!(matches!(Renault::refresh(&home.account), Ok(Step::Granted(_))));
    assert_eq!(home.calls(), ["accounts.getJWT"]);
    assert_eq!(home.host.secret("id-token").as_deref(), Some("jwt-2"));
}

#[test]
fn a_login_token_that_has_ended_says_so_by_its_code() {
    let home = Home::new("renault");
    for code in [403_005, 403_013] {
        home.no(code, "Unauthorized user");
        let failure = Renault::refresh(&home.account).unwrap_err();
        assert_eq!((failure.phase, failure.code), (Phase::Refresh, Some(code.to_string())));
    }
    home.host.fails(TransportError::Interrupted("time-out".into()));
    assert_eq!(Renault::refresh(&home.account).unwrap_err().transport, Some(Transport::Interrupted));
}

#[test]
fn a_sign_in_that_broke_off_is_mended_by_a_refresh() {
    let mut home = Home::fresh();
    home.account.secrets.push("login-token".into());
    let failure = Renault::list_vehicles(&home.account).unwrap_err();
    assert_eq!((failure.code.as_deref(), failure.transport), (Some("no-id-token"), None));
    home.yes(&json!({ "data": { "personId": "person-1" } }));
    home.yes(&json!({ "id_token": "jwt-1" }));
    assert!(matches!(Renault::refresh(&home.account), Ok(Step::Granted(_))));
    assert_eq!(home.calls(), ["accounts.getAccountInfo", "accounts.getJWT"]);
}
