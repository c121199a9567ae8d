//! Sign-ins that a restart has taken the password from.

use super::Home;
use super::cloud::{CODE, PASSWORD};
use super::connector::Asks;
use super::given_once::{home, login};
use super::questions::{refused, still};
use crate::account::session::Cause;
use crate::account::{Given, Progressed};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

const SAID: &str = "the sign-in to Kia could not go on: what was given for it is stored nowhere, and has gone with a \
                    restart or a reload of the host since; sign in with `vehicle-connector auth login main`";

#[tokio::test(start_paused = true)]
async fn a_consent_that_wants_the_password_once_more_ends_and_says_how_to_go_on() {
    let home = home(Asks::Terms).await;
    assert_eq!(still(login(&home, PASSWORD).await)["kind"], "consent");
    let home = home.restarted().await;
    let why = refused(home.answer("confirmed").await);
    assert!(why.contains(SAID), "{why}");
    assert_eq!((home.question(), home.stored(Kind::Question).await), (None, String::new()));
    assert_eq!((home.state().as_str(), home.document()["reason"].as_str()), ("auth_required", Some(SAID)));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (1, 1), "nothing was sent");
    // Nothing was refused, so it is no retry.
    assert_eq!(still(login(&home, PASSWORD).await)["kind"], "consent");
    assert_eq!(home.answer("confirmed").await.unwrap(), Progressed::SignedIn);
    assert_eq!(home.account.retries().await, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_in_use_goes_on_without_it() {
    let home = home(Asks::Nothing).await;
    login(&home, PASSWORD).await.unwrap();
    *home.connector.asks.lock() = Asks::Terms;
    still(login(&home, PASSWORD).await);
    let home = home.restarted().await;
    let why = refused(home.answer("confirmed").await);
    assert_eq!(why, format!("{SAID}; the session that there was is used as before"));
    assert_eq!((home.account.latched(), home.stored(Kind::Latch).await), (None, String::new()));
    home.want(Cause::Ended).await.unwrap();
    assert_eq!(home.session().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_without_it_goes_on() {
    for (asks, answer) in [(Asks::Code, CODE), (Asks::Consent, "confirmed")] {
        let home = home(asks).await;
        still(login(&home, PASSWORD).await);
        let home = home.restarted().await;
        assert_eq!(home.answer(answer).await.unwrap(), Progressed::SignedIn);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_not_reached_is_no_such_end() {
    let home = home(Asks::Code).await;
    still(login(&home, PASSWORD).await);
    let home = home.restarted().await;
    home.cloud.go_away(true);
    assert_eq!(still(home.answer(CODE).await)["problem"], "the cloud was not reached; answer again");
    // With a configured password nothing is lost.
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Terms;
    still(home.account.login("test", Given::default()).await);
    let home = home.restarted().await;
    assert_eq!(home.answer("confirmed").await.unwrap(), Progressed::SignedIn);
    assert_eq!(home.account.latched().map(|latched| latched.kind), None::<LatchKind>);
}
