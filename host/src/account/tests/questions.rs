//! Questions to a person in the middle of a sign-in.

use std::time::Duration;

use serde_json::json;

use super::Home;
use super::cloud::CODE;
use super::connector::Asks;
use crate::account::session::{Cause, RefreshError, Refreshed};
use crate::account::{Given, NotProgressed, Progressed};
use crate::bindings::policy::{Decision, Latch};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

/// A home whose sign-in has asked.
pub(super) async fn asked(asks: Asks) -> Home {
    let home = Home::new().await;
    *home.connector.asks.lock() = asks;
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert!(matches!(why, RefreshError::Asked(_)), "{why}");
    home
}

pub(super) fn refused(done: Result<Progressed, NotProgressed>) -> String {
    done.unwrap_err().to_string()
}

/// The question after an answer that was none yet.
pub(super) fn still(done: Result<Progressed, NotProgressed>) -> serde_json::Value {
    let done = serde_json::to_value(done.unwrap()).unwrap();
    assert_eq!(done["outcome"], "asked");
    done["question"].clone()
}

#[tokio::test(start_paused = true)]
async fn two_wrong_codes_and_a_right_one_are_one_sign_in() {
    let home = asked(Asks::Code).await;
    let question = home.question().unwrap();
    assert_eq!(question["kind"], "code");
    assert_eq!(question["sent_to"], "a***@example.org[2K", "nothing that moves a cursor");
    assert_eq!((&question["digits"], &question["resend"]), (&json!(6), &json!(true)));
    assert_eq!(home.state(), "otp_required");
    let reason = home.document()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("auth answer main") && reason.contains("b/account/main/answer/set"), "{reason}");

    assert_eq!(still(home.answer("000000").await)["codes_left"], 2);
    assert_eq!(still(home.answer("111 111").await)["codes_left"], 1);
    assert_eq!(home.session().value, None);
    assert_eq!(home.answer("493-817").await.unwrap(), Progressed::SignedIn);

    assert_eq!((home.sign_ins(), home.cloud.asked("/login"), home.cloud.asked("/verify")), (1, 1, 3));
    let session = home.session();
    assert_eq!((session.generation, session.value.as_deref()), (1, Some("v")));
    assert_eq!(home.kept(), ["access-token", "device", "refresh-token", "step-token"]);
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    assert_eq!(home.events(), ["question_asked", "question_ended"]);
    let codes: Vec<_> = home.policy.decided.lock().iter().map(|failure| failure.code.clone()).collect();
    assert_eq!(codes, [Some("400006".to_owned()), Some("400006".to_owned())], "the cloud's, judged");
    let audit = home.stored(Kind::Audit).await;
    assert_eq!(audit.matches("the question stays open").count(), 2, "{audit}");
}

#[tokio::test(start_paused = true)]
async fn three_wrong_codes_end_it_and_nothing_is_committed_but_the_device() {
    let home = asked(Asks::Code).await;
    still(home.answer("000000").await);
    // The same again tells nothing new, and what has another length is no code: neither is sent.
    assert_eq!(refused(home.answer("000000").await), "this code was refused already; nothing was sent");
    assert_eq!(refused(home.answer("12345").await), "the code has 6 digits; nothing was sent");
    assert_eq!(home.cloud.asked("/verify"), 1);
    still(home.answer("000001").await);
    let why = refused(home.answer("000002").await);
    assert!(why.contains("auth login main"), "{why}");

    assert_eq!(home.account.latched().unwrap().kind, LatchKind::OtpRequired);
    assert_eq!((home.state(), home.question()), ("otp_required".to_owned(), None));
    assert_eq!((home.session().value.as_ref(), home.kept()), (None, vec!["device".to_owned()]));
    assert_eq!(home.stored(Kind::Question).await, "");
    assert_eq!(home.events(), ["question_asked", "question_ended", "otp_required"]);
    assert!(matches!(refused(home.answer(CODE).await).as_str(), why if why.starts_with("no question")));
    // Nothing begins by itself; a person can begin another one, which is another sign-in.
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked("/login"), 1);
    still(home.account.login("test", Given::default()).await);
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (2, 2));
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_question_and_what_is_staged() {
    let home = asked(Asks::Code).await;
    still(home.answer("000000").await);
    let home = home.restarted().await;
    home.account.announce_question();
    assert_eq!(home.question().unwrap()["codes_left"], 2);
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Asked(_))));
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (1, 1));
    let home = home.restarted().await;
    assert_eq!(home.session().generation, 1);
    assert_eq!(home.account.question(), None);
}

#[tokio::test(start_paused = true)]
async fn nobody_signs_in_a_second_time_while_a_question_is_open() {
    let home = asked(Asks::Code).await;
    for cause in [Cause::Missing, Cause::Refused, Cause::Ended, Cause::ByHand] {
        let RefreshError::Asked(asked) = home.want(cause).await.unwrap_err() else { unreachable!() };
        assert_eq!(asked.kind, LatchKind::OtpRequired);
    }
    still(home.account.login("test", Given::default()).await);
    assert_eq!((home.sign_ins(), home.cloud.asked_at_all()), (1, 1));

    let home = asked(Asks::Consent).await;
    let RefreshError::Asked(asked) = home.want(Cause::Missing).await.unwrap_err() else { unreachable!() };
    assert_eq!((asked.kind, home.state().as_str()), (LatchKind::ConsentRequired, "consent_required"));
    assert_eq!(
        home.question().unwrap()["text"],
        "Kia wants its terms to be accepted: the new terms,  on the site"
    );
    assert_eq!(home.answer("done").await.unwrap(), Progressed::SignedIn);
}

#[tokio::test(start_paused = true)]
async fn of_two_answers_at_once_one_is_sent() {
    let home = asked(Asks::Code).await;
    let (one, other) = tokio::join!(home.answer("000000"), home.answer("000001"));
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
    assert_eq!(home.cloud.asked("/verify"), 1);
    assert_eq!(home.account.questions.current().unwrap().codes_left, 2);
}

#[tokio::test(start_paused = true)]
async fn a_choice_leads_to_a_code_and_another_code_can_be_wanted() {
    let home = asked(Asks::Choice).await;
    assert_eq!(home.question().unwrap()["choices"][1], json!({"id": "phone", "label": "*** 17"}));
    assert_eq!(refused(home.answer("fax").await), "one of these is asked for: mail, phone");
    // By what people call it.
    assert_eq!(still(home.answer("a***@example.org").await)["kind"], "code");
    // The cloud has no way to send another one: the one that was sent is still good.
    let question = still(home.answer("again").await);
    assert_eq!(
        (&question["codes_left"], &question["problem"]),
        (&json!(3), &json!("no other code was sent"))
    );
    assert_eq!(home.cloud.asked("/resend"), 1);
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
    assert_eq!(home.sign_ins(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_ends_in_nothing_and_no_other_one_is_asked() {
    let home = asked(Asks::Code).await;
    home.account.keep();
    tokio::time::sleep(Duration::from_secs(590)).await;
    assert!(home.question().is_some());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    assert_eq!((home.session().value.as_ref(), home.kept()), (None, vec!["device".to_owned()]));
    assert_eq!(home.events(), ["question_asked", "question_ended", "otp_required"]);
    assert!(home.want(Cause::Missing).await.is_err());
    assert_eq!(home.cloud.asked("/login"), 1);
    // Also if the host was away when it ended.
    let home = asked(Asks::Code).await;
    home.pass(601);
    let home = home.restarted().await;
    home.account.keep();
    home.until(|home| home.account.latched().is_some()).await;
    assert_eq!(home.account.question(), None);
}

#[tokio::test(start_paused = true)]
async fn what_never_left_costs_no_code() {
    let home = asked(Asks::Code).await;
    home.cloud.go_away(true);
    let question = still(home.answer(CODE).await);
    assert_eq!(
        (&question["codes_left"], &question["problem"]),
        (&json!(3), &json!("the cloud was not reached; answer again"))
    );
    home.cloud.go_away(false);
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_blocks_this_program_is_not_given_another_code() {
    let home = asked(Asks::Code).await;
    *home.policy.always.lock() = Some(Decision::Latch(Latch::Blocked));
    refused(home.answer("000000").await);
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::LockedOut);
    assert_eq!(home.question(), None);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_asks_without_end_is_at_fault() {
    let home = asked(Asks::WithoutEnd).await;
    for _ in 2..=8 {
        still(home.answer("mail").await);
    }
    let why = refused(home.answer("mail").await);
    assert_eq!(why, "the connector asked for more than 8 steps in one sign-in");
    assert_eq!(home.question(), None);
    assert_eq!(home.sign_ins(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_asked_of_nobody() {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Telling;
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "the connector asked for an address with the secret step-token in it, which is not shown to a browser"
    );
    assert_eq!((home.account.question(), home.question()), (None, None));

    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Elsewhere;
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "the connector asked for an address that is below no endpoint of the account"
    );
    assert_eq!(home.account.question(), None);

    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Other;
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.account.latched().unwrap().detail.as_deref(), Some("a dance"));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_there_is_goes_on_while_a_new_one_is_asked_for() {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    assert!(matches!(home.want(Cause::Missing).await, Ok(Refreshed::Fresh)));
    *home.connector.asks.lock() = Asks::Code;
    still(home.account.login("test", Given::default()).await);
    assert_eq!(home.session().value.as_deref(), Some("v"));
    assert!(home.account.latched().is_none(), "operations go on");
    assert_eq!(home.sign_ins(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_sign_ins_a_day_are_begun() {
    let mut config = super::home::config();
    config.max_logins_per_day = 1;
    let home = Home::with(config).await;
    home.want(Cause::Missing).await.unwrap_err();
    for wrong in ["000000", "000001", "000002"] {
        let _asked = home.answer(wrong).await;
    }
    let why = refused(home.account.login("test", Given::default()).await);
    assert!(home.account.latched().is_some(), "nothing is lifted for what cannot be tried");
    assert_eq!(why, "1 sign-ins within a day, which is as many as the configuration allows");
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (1, 1));
}

/// A home whose connector asks before it has sent any secret, with so many sign-ins a day.
async fn without_a_password(sign_ins: u32, asks: Asks) -> Home {
    let mut config = super::home::config();
    config.max_logins_per_day = sign_ins;
    config.secrets.clear();
    config.rules.remove("password");
    let home = Home::with(config).await;
    (*home.connector.asks.lock(), *home.connector.only_asks.lock()) = (asks, true);
    home.cloud.answer("/login", 200, json!({ "step": super::cloud::STEP, "device": super::cloud::DEVICE }));
    home
}

#[tokio::test(start_paused = true)]
async fn questions_without_a_password_are_sign_ins_of_the_day_too() {
    let home = without_a_password(2, Asks::Choice).await;
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert_eq!(home.sign_ins(), 1, "{why}");
    // What follows from it belongs to it.
    still(home.answer("mail").await);
    still(home.answer("000000").await);
    assert_eq!(home.sign_ins(), 1);
    home.account.end_question("the test wants another one").await;
    still(home.account.login("test", Given::default()).await);
    home.account.end_question("and another one").await;
    let why = refused(home.account.login("test", Given::default()).await);
    assert_eq!(why, "2 sign-ins within a day, which is as many as the configuration allows");
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (2, 2), "nobody is written to for nothing");
}

#[tokio::test(start_paused = true)]
async fn where_no_sign_in_is_allowed_one_that_asks_is_not_begun_again() {
    let home = without_a_password(0, Asks::Choice).await;
    // That it asks is known only when it has asked; then a person must act.
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert!(why.to_string().contains("0 sign-ins within a day"), "{why}");
    assert!(home.account.latched().is_some());
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(3_600)).await;
        home.want(Cause::Missing).await.unwrap_err();
    }
    assert_eq!(home.cloud.asked("/login"), 1, "nobody is written to for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_makes_no_sense_counts_for_what_was_sent() {
    let home = without_a_password(2, Asks::Elsewhere).await;
    home.want(Cause::Missing).await.unwrap_err();
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (1, 1));
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(3_600)).await;
        home.want(Cause::Missing).await.unwrap_err();
    }
    assert_eq!((home.sign_ins(), home.cloud.asked("/login")), (2, 2), "nobody is written to for nothing");
}
