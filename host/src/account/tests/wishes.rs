//! Wishes of a person to be signed in although a latch holds: it is lifted by what comes of the try.

use serde_json::json;

use super::Home;
use super::cloud::{CODE, PASSWORD};
use super::connector::Asks;
use super::given_once::{accept, home, login, refuse};
use super::questions::{refused, still};
use crate::account::session::{Cause, RefreshError};
use crate::account::{Given, NotProgressed, Progressed};
use crate::bindings::policy::{Decision, Latch};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

async fn by_hand(home: &Home) -> Result<Progressed, NotProgressed> {
    home.account.login("test", Given::default()).await
}

/// A home with a password in its configuration, which somebody has signed out.
async fn signed_out() -> Home {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    home.account.logout("test").await.unwrap();
    home
}

/// Checks that nothing signs the account in by itself, over a restart too.
async fn stays_out(home: Home) -> Home {
    let before = home.cloud.asked_at_all();
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    let home = home.restarted().await;
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked_at_all(), before);
    home
}

#[tokio::test(start_paused = true)]
async fn a_try_that_is_not_made_lifts_nothing() {
    let home = signed_out().await;
    home.account.services.background.close();
    assert_eq!(refused(by_hand(&home).await), "the host is stopping");
    let home = stays_out(home.restarted().await).await;
    home.cloud.go_away(true);
    by_hand(&home).await.unwrap_err();
    home.cloud.go_away(false);
    let home = stays_out(home).await;
    home.pass(60);
    assert_eq!(by_hand(&home).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.account.latched(), home.stored(Kind::Latch).await), (None, String::new()));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_stays_so_if_the_answer_to_another_password_tells_nothing() {
    let home = home(Asks::Nothing).await;
    refuse(&home);
    login(&home, "wrong").await.unwrap_err();
    home.cloud.answer("/login", 401, json!({}));
    let why = refused(login(&home, "another").await);
    assert!(why.contains("refused without a reason"), "{why}");
    assert_eq!(home.state(), "auth_required");
    stays_out(home).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_once_more_is_counted_when_it_is_made() {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    refuse(&home);
    home.want(Cause::Missing).await.unwrap_err();
    home.account.services.background.close();
    by_hand(&home).await.unwrap_err();
    let home = home.restarted().await;
    assert_eq!(home.account.retries().await, Vec::new(), "nothing was tried");
    by_hand(&home).await.unwrap_err();
    assert_eq!((home.account.retries().await.len(), home.cloud.asked("/login")), (1, 2));
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::AuthRequired);
    accept(&home);
    assert_eq!(by_hand(&home).await.unwrap(), Progressed::SignedIn);
    assert_eq!((home.account.retries().await.len(), home.stored(Kind::Latch).await), (2, String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_program_is_the_same_one_whatever_is_given() {
    let mut config = super::given_once::config_without();
    config.max_logins_per_day = 20;
    let home = Home::with(config).await;
    *home.connector.asks.lock() = Asks::Nothing;
    *home.policy.always.lock() = Some(Decision::Latch(Latch::ClientRefused));
    home.cloud.answer("/login", 400, json!({"code": "9036", "message": "the signature is wrong"}));
    // The first one finds it out.
    for n in 1..=4 {
        login(&home, PASSWORD).await.unwrap_err();
        assert_eq!((home.state().as_str(), home.cloud.asked("/login")), ("client_refused", n));
    }
    let why = refused(login(&home, PASSWORD).await);
    assert!(why.contains("3 times within a day"), "{why}");
    assert_eq!(home.cloud.asked("/login"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_question_takes_the_place_of_the_latch() {
    let home = signed_out().await;
    *home.connector.asks.lock() = Asks::Code;
    still(by_hand(&home).await);
    assert_eq!((home.state().as_str(), home.stored(Kind::Latch).await), ("otp_required", String::new()));
    let home = home.restarted().await;
    assert_eq!(home.answer(CODE).await.unwrap(), Progressed::SignedIn);
}

#[tokio::test(start_paused = true)]
async fn a_block_of_this_program_does_not_sign_anybody_in_again() {
    let home = signed_out().await;
    *home.policy.always.lock() = Some(Decision::Latch(Latch::Blocked));
    home.cloud.answer("/login", 403, json!({"message": "you are blocked"}));
    let why = refused(by_hand(&home).await);
    assert!(why.contains("blocks this program"), "{why}");
    assert_eq!(home.state(), "locked_out");
    home.pass(13 * 3_600);
    home.cloud.answer("/login", 200, json!({"step": super::cloud::STEP}));
    stays_out(home).await;
}

#[tokio::test(start_paused = true)]
async fn two_wrong_ones_at_once_are_one_try() {
    let home = home(Asks::Nothing).await;
    refuse(&home);
    let (one, other) = tokio::join!(login(&home, "wrong"), login(&home, "wrong as well"));
    assert!(one.is_err() && other.is_err());
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_to_be_signed_in_as_somebody_else() {
    let home = home(Asks::Nothing).await;
    let other = Given { username: Some("somebody@example.org".into()), password: Some(PASSWORD.into()) };
    let (one, other) = tokio::join!(login(&home, PASSWORD), home.account.login("test", other));
    assert_eq!(one.unwrap(), Progressed::SignedIn);
    let why = refused(other);
    assert!(why.contains("was somebody else's") && why.contains("was not sent"), "{why}");
    assert_eq!((home.cloud.asked("/login"), home.session().generation), (1, 1));
}
