//! A session that is over while the credentials are good.

use serde_json::json;

use super::Home;
use super::connector::Asks;
use super::policy::OVER;
use crate::account::session::{Cause, RefreshError, Refreshed};
use crate::protect::latch::LatchKind;

/// A home with a session that the cloud calls over when it is refreshed.
async fn over(password: bool) -> Home {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    home.want(Cause::Missing).await.unwrap();
    let home = if password { home } else { home.without_password().await };
    home.cloud.answer("/refresh", 400, json!({"code": OVER, "message": "the login token is over"}));
    home
}

#[tokio::test(start_paused = true)]
async fn with_a_password_one_sign_in_follows() {
    let home = over(true).await;
    assert!(matches!(home.want(Cause::Refused).await, Ok(Refreshed::Fresh)));
    assert_eq!((home.cloud.asked("/refresh"), home.cloud.asked("/login"), home.sign_ins()), (1, 2, 2));
    assert_eq!(home.session().generation, 2);
    // The next generation is another one.
    assert!(matches!(home.want(Cause::Refused).await, Ok(Refreshed::Fresh)));
    assert_eq!(home.sign_ins(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_password_a_person_must_act() {
    let home = over(false).await;
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::AuthRequired);
    assert_eq!((home.cloud.asked("/refresh"), home.cloud.asked("/login")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_connector_has_made_is_no_session_that_the_cloud_gave() {
    let home = over(false).await;
    *home.connector.makes.lock() = true;
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.session().generation, 1);
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked("/refresh"), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_once_for_a_session_also_when_it_fails() {
    let home = over(true).await;
    home.cloud.answer("/login", 500, json!({"message": "unwell"}));
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Failed { .. })));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 2), "a password that left is counted");
    home.cloud.answer("/login", 200, json!({"step": "step-token-91c2d4", "device": "device-identity-7f3a"}));
    home.pass(3_600);
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_before_anything_of_it_leaves_was_none() {
    let home = over(true).await;
    *home.connector.only_asks.lock() = true;
    home.cloud.answer("/login", 502, json!({"message": "unwell"}));
    for tries in 1..=3 {
        assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Failed { .. })));
        assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (1 + tries, 1), "no password has left");
        home.pass(3_600);
    }
    *home.connector.only_asks.lock() = false;
    home.cloud.answer("/login", 200, json!({"step": "step-token-91c2d4", "device": "device-identity-7f3a"}));
    assert!(matches!(home.want(Cause::Refused).await, Ok(Refreshed::Fresh)));
    assert_eq!((home.sign_ins(), home.account.latched()), (2, None));
    assert_eq!(home.cloud.asked("/refresh"), 1, "what is over is not offered again");
}

#[tokio::test(start_paused = true)]
async fn it_never_follows_a_sign_in_that_was_refused() {
    let home = over(true).await;
    home.cloud.answer("/login", 400, json!({"code": OVER, "message": "no"}));
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked("/login"), 2);
    assert_eq!(home.account.latched().unwrap().kind, LatchKind::AuthRequired);
}

#[tokio::test(start_paused = true)]
async fn a_first_sign_in_that_was_refused_is_not_made_again_either() {
    let home = Home::new().await;
    home.cloud.answer("/login", 400, json!({"code": OVER, "message": "no"}));
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_one_of_the_sign_ins_of_a_day() {
    let home = over(true).await;
    for _ in 0..3 {
        home.want(Cause::Refused).await.unwrap();
    }
    assert_eq!(home.sign_ins(), 4);
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::TooManySignIns(_))));
    assert_eq!((home.cloud.asked("/login"), home.sign_ins()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn it_may_end_in_a_question() {
    let home = over(true).await;
    *home.connector.asks.lock() = Asks::Code;
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Asked(_))));
    home.answer(super::cloud::CODE).await.unwrap();
    assert_eq!((home.session().generation, home.sign_ins()), (2, 2));
}
