//! Addresses that a person opens in the middle of a sign-in.

use std::time::Duration;

use serde_json::json;

use super::cloud::CODE;
use super::connector::Asks;
use super::questions::{asked, refused};
use crate::account::Progressed;
use crate::store::Kind;

#[tokio::test(start_paused = true)]
async fn a_browser_comes_back_with_the_state_that_was_made_here() {
    let home = asked(Asks::Redirect).await;
    let question = home.question().unwrap();
    let url = question["url"].as_str().unwrap();
    let state = url.strip_prefix("https://idp.example/authorize?state=").unwrap();
    let state = percent_encoding::percent_decode_str(state).decode_utf8().unwrap().into_owned();
    assert_eq!((state.len(), &question["redirect"]), (32, &json!(true)));
    let back = |state: &str, more: &str| format!("https://app.example/back?state={state}{more}");
    for (address, why) in [
        (
            format!("https://evil.example/?state={state}&code={CODE}"),
            "it begins with https://app.example/back",
        ),
        (back("another-state", &format!("&code={CODE}")), "that of another sign-in"),
        (back(&state, ""), "has no code in it"),
        (back(&state, "&error=access_denied"), "was refused in the browser"),
    ] {
        let told = refused(home.answer(&address).await);
        assert!(told.contains(why) && !told.contains(CODE) && !told.contains(&state), "{told}");
    }
    assert_eq!(home.cloud.asked_at_all(), 1);
    let address = back(&state, &format!("&code={CODE}&session_state=dropped"));
    assert_eq!(home.answer(&address).await.unwrap(), Progressed::SignedIn);
    assert_eq!(home.sign_ins(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_visit_is_asked_about_as_rarely_as_the_cloud_wants() {
    let home = asked(Asks::Device).await;
    home.cloud.answer("/poll", 400, json!({"error": "authorization_pending"}));
    home.account.keep();
    assert_eq!(home.question().unwrap()["user_code"], "WDJB-MJHT");
    let why = refused(home.answer("done").await);
    assert!(why.contains("noticed"), "{why}");
    let within = async |seconds: u64| {
        let before = home.cloud.asked("/poll");
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        home.cloud.asked("/poll") - before
    };
    // The connector wants one every millisecond. Five seconds are the least.
    let polls = within(60).await;
    assert!((10..=12).contains(&polls), "{polls}");
    home.cloud.answer("/poll", 400, json!({"error": "slow_down"}));
    within(6).await;
    home.cloud.answer("/poll", 400, json!({"error": "authorization_pending"}));
    let polls = within(60).await;
    assert!((5..=7).contains(&polls), "{polls}");
    // Waiting is no news, and no decision.
    assert_eq!(home.events(), ["question_asked"]);
    assert_eq!(home.stored(Kind::Audit).await.matches("\"done\"").count(), 1, "that of the sign-in");

    home.cloud.answer(
        "/poll",
        200,
        json!({"access": "access-token-5be0a8", "refresh": "refresh-token-c04d17"}),
    );
    home.until(|home| home.session().value.is_some()).await;
    assert_eq!((home.sign_ins(), home.question()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_visit_that_was_denied_ends_it() {
    let home = asked(Asks::Device).await;
    home.cloud.answer("/poll", 400, json!({"error": "access_denied"}));
    home.account.keep();
    home.until(|home| home.account.latched().is_some()).await;
    assert_eq!((home.question(), home.kept()), (None, vec!["device".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_of_many_polls_sends_the_password_twice_also_over_a_restart() {
    let home = asked(Asks::Insisting).await;
    home.account.keep();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 1));
    let home = home.restarted().await;
    *home.connector.asks.lock() = Asks::Insisting;
    assert!(home.account.question().is_some());
    let before = home.cloud.asked("/login");
    home.account.keep();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((home.cloud.asked("/login") - before, home.sign_ins()), (0, 1));
}
