//! Sign-ins that come to nothing while a session is in use.

use std::time::Duration;

use serde_json::json;

use super::Home;
use super::cloud::PASSWORD;
use super::connector::Asks;
use super::given_once::{accept, home, login, refuse};
use super::policy::OVER;
use super::questions::{refused, still};
use crate::account::session::{Cause, Refreshed};
use crate::account::{Given, Progressed};
use crate::bindings::policy::{Decision, Latch};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

/// A home that is in use, and whose next sign-in asks for this.
async fn in_use(asks: Asks) -> Home {
    let home = home(Asks::Nothing).await;
    assert_eq!(login(&home, PASSWORD).await.unwrap(), Progressed::SignedIn);
    *home.connector.asks.lock() = asks;
    home
}

/// Checks that the session is the one of before, and as good.
async fn goes_on(home: &Home) {
    assert_eq!((home.account.latched(), home.stored(Kind::Latch).await), (None, String::new()));
    assert_eq!((home.session().generation, home.session().value.as_deref()), (1, Some("v")));
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    home.pass(60);
    let logins = home.cloud.asked("/login");
    assert!(matches!(home.want(Cause::Ended).await, Ok(Refreshed::Fresh)));
    assert_eq!((home.cloud.asked("/login"), home.session().generation), (logins, 2), "by a refresh");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_leaves_it_as_it_was() {
    for asks in [Asks::Code, Asks::Consent] {
        let home = in_use(asks).await;
        home.account.keep();
        still(login(&home, PASSWORD).await);
        home.until(|home| home.account.question().is_none()).await;
        let so_far = json!(home.account.sign_in_so_far());
        let said = so_far["reason"].as_str().unwrap();
        assert!(said.ends_with("the session that there was is used as before"), "{said}");
        goes_on(&home).await;
        assert_eq!(home.account.sign_in_so_far(), Progressed::SignedIn, "there is a newer one");
    }
}

#[tokio::test(start_paused = true)]
async fn so_it_does_after_a_restart() {
    let home = in_use(Asks::Consent).await;
    still(login(&home, PASSWORD).await);
    let home = home.restarted().await;
    home.account.keep();
    home.until(|home| home.account.question().is_none()).await;
    home.account.announce_question();
    goes_on(&home).await;
    // Also if the host was away when it ended.
    let home = in_use(Asks::Code).await;
    still(login(&home, PASSWORD).await);
    home.pass(700);
    let home = home.restarted().await;
    home.account.keep();
    home.until(|home| home.account.question().is_none()).await;
    home.account.announce_question();
    goes_on(&home).await;
}

#[tokio::test(start_paused = true)]
async fn three_wrong_codes_leave_it_as_it_was() {
    let home = in_use(Asks::Code).await;
    still(login(&home, PASSWORD).await);
    still(home.answer("000000").await);
    still(home.answer("000001").await);
    let why = refused(home.answer("000002").await);
    assert!(
        why.contains("wants more than what was given") && why.ends_with("is used as before"),
        "not what is configured: {why}"
    );
    assert!(home.stored(Kind::Audit).await.contains("the session that is there goes on"));
    goes_on(&home).await;
    assert_eq!(home.cloud.asked("/verify"), 3);
}

#[tokio::test(start_paused = true)]
async fn where_a_password_is_configured_it_latches_or_that_would_be_sent_by_itself() {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    home.want(Cause::Missing).await.unwrap();
    *home.connector.asks.lock() = Asks::Consent;
    home.account.keep();
    still(home.account.login("test", Given::default()).await);
    home.until(|home| home.account.question().is_none()).await;
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::ConsentRequired);
    home.cloud.answer("/refresh", 400, json!({"code": OVER, "message": "the login token is over"}));
    home.pass(60);
    home.want(Cause::Refused).await.unwrap_err();
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 2), "no password by itself");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_blocks_this_program_spares_nothing() {
    let home = in_use(Asks::Code).await;
    still(login(&home, PASSWORD).await);
    *home.policy.always.lock() = Some(Decision::Latch(Latch::Blocked));
    refused(home.answer("000000").await);
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::LockedOut);
}

#[tokio::test(start_paused = true)]
async fn a_question_of_a_sign_in_without_a_session_in_use_latches_as_before() {
    let home = home(Asks::Code).await;
    home.account.keep();
    still(login(&home, PASSWORD).await);
    home.until(|home| home.account.question().is_none()).await;
    let latched = home.account.latched().unwrap();
    assert_eq!(latched.kind, LatchKind::OtpRequired);
    assert!(latched.reason.contains("wants more than what was given"), "{latched}");
    // Nor does one whose token the cloud has refused.
    let home = in_use(Asks::Code).await;
    home.cloud.go_away(true);
    home.want(Cause::Refused).await.unwrap_err();
    home.cloud.go_away(false);
    tokio::time::sleep(Duration::from_secs(60)).await;
    home.account.keep();
    still(login(&home, PASSWORD).await);
    home.until(|home| home.account.question().is_none()).await;
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::OtpRequired);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_after_an_unclear_answer_stops_nothing() {
    let home = in_use(Asks::Nothing).await;
    home.cloud.answer("/login", 401, json!({}));
    let why = refused(login(&home, "wrong").await);
    assert!(why.contains("refused without a reason"), "{why}");
    // What was given is not there any more; what keeps the session is not in doubt.
    assert_eq!(
        (home.account.grant.shown(home.clock.as_ref()), home.stored(Kind::Doubt).await),
        (None, String::new())
    );
    assert_eq!(home.events(), Vec::<String>::new());
    home.pass(10);
    refuse(&home);
    let why = refused(login(&home, "wrong as well").await);
    assert!(why.ends_with("the session that there was is used as before"), "{why}");
    goes_on(&home).await;
    accept(&home);
    assert_eq!((login(&home, PASSWORD).await.unwrap(), home.sign_ins()), (Progressed::SignedIn, 4));
}

#[tokio::test(start_paused = true)]
async fn what_is_configured_stays_in_doubt_whatever_is_given() {
    let home = in_use(Asks::Nothing).await;
    home.cloud.answer("/refresh", 401, json!({}));
    home.want(Cause::Ended).await.unwrap_err();
    let doubt = home.account.grant.shown(home.clock.as_ref()).unwrap();
    home.pass(10);
    refuse(&home);
    let why = refused(login(&home, "wrong").await);
    assert!(why.ends_with("the session that there was is used as before"), "{why}");
    let still_in_doubt = home.account.grant.shown(home.clock.as_ref()).unwrap();
    assert_eq!((still_in_doubt.since, still_in_doubt.refusals), (doubt.since, 1));
    accept(&home);
    home.pass(60);
    assert_eq!(login(&home, PASSWORD).await.unwrap(), Progressed::SignedIn);
    assert_eq!(home.account.grant.shown(home.clock.as_ref()), None, "a session ends it");
}
