//! Rehearsals of a sign-in: what is shown, what is sent, and that nothing is left of them.

use serde_json::json;

use super::Home;
use super::cloud::{DEVICE, SECRETS, STEP};
use super::connector::Asks;
use crate::account::Rehearsed;
use crate::primitives::Went;
use crate::store::Kind;

/// What was sent, counted or kept by a rehearsal is nothing.
async fn assert_untouched(home: &Home, rehearsed: &Rehearsed) {
    assert_eq!((home.sign_ins(), home.session().generation), (0, 0));
    assert!(home.account.latched().is_none_or(|latched| latched.is_not_signed_in()));
    assert_eq!(home.stored(Kind::Cell).await + &home.stored(Kind::Daily).await, "");
    let shown = json!(rehearsed).to_string() + &home.said();
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn the_request_with_the_password_is_shown_and_not_sent() {
    for home in [Home::new().await, Home::new().await.without_password().await] {
        *home.connector.asks.lock() = Asks::Nothing;
        let rehearsed = home.account.rehearse_sign_in().await;
        let [login] = rehearsed.requests.as_slice() else { panic!("{rehearsed:?}") };
        assert_eq!(
            (login.method.as_str(), login.url.as_str()),
            ("GET", "https://idp.example/login?p={secret:password}")
        );
        let Went::Withheld { why } = &login.went else { panic!("{login:?}") };
        assert!(why.contains("carries the password") && rehearsed.end.contains(why), "{rehearsed:?}");
        assert!(rehearsed.went_well);
        assert_eq!(home.cloud.asked_at_all(), 0);
        assert_untouched(&home, &rehearsed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_carries_nothing_of_the_owners_is_sent() {
    let home = Home::new().await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 200, json!({"step": STEP, "device": DEVICE}));
    let rehearsed = home.account.rehearse_sign_in().await;
    assert_eq!(rehearsed.requests[0].went, Went::Answered { status: 200 });
    assert!(rehearsed.went_well && rehearsed.end.contains("asks a question"), "{rehearsed:?}");
    assert_eq!((home.cloud.asked("/login"), home.question()), (1, None));
    assert_untouched(&home, &rehearsed).await;
    // A token that the rehearsal was given is lost with it, so it may be sent.
    *home.connector.asks.lock() = Asks::Nothing;
    let rehearsed = home.account.rehearse_sign_in().await;
    assert_eq!(rehearsed.requests.len(), 2);
    assert!(rehearsed.end.contains("without anything that counts"), "{rehearsed:?}");
    assert_untouched(&home, &rehearsed).await;
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_does_not_play_along_ends_it() {
    let home = Home::new().await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 403, json!({"code": "1", "message": "go away"}));
    let rehearsed = home.account.rehearse_sign_in().await;
    assert_eq!(rehearsed.requests[0].went, Went::Answered { status: 403 });
    assert!(!rehearsed.went_well && rehearsed.end.contains("go away"), "{rehearsed:?}");
    home.cloud.go_away(true);
    let rehearsed = home.account.rehearse_sign_in().await;
    assert!(matches!(&rehearsed.requests[0].went, Went::Unanswered { why } if why.contains("no route")));
    assert_untouched(&home, &rehearsed).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_session_is_not_sent() {
    let home = Home::new().await;
    let tokens =
        [("step-token".to_owned(), STEP.into()), ("refresh-token".to_owned(), "a-refresh-token-1".into())];
    home.account.import(tokens.into(), "imported".to_owned(), "test").await.unwrap();
    *home.connector.only_asks.lock() = true;
    *home.connector.asks.lock() = Asks::Nothing;
    // The answer to the first request gives no other one.
    home.cloud.answer("/login", 500, json!({}));
    let rehearsed = home.account.rehearse_sign_in().await;
    assert_eq!(rehearsed.requests.len(), 1, "{rehearsed:?}");
    home.cloud.answer("/login", 302, json!({}));
    let rehearsed = home.account.rehearse_sign_in().await;
    assert!(
        matches!(&rehearsed.requests[1].went, Went::Withheld { why } if why.contains("carries the step token")),
        "{rehearsed:?}"
    );
    assert_eq!((home.cloud.asked("/token"), home.session().generation), (0, 1));
}
