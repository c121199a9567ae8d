//! A sign-in that is refused in other ways than by a word about the credentials.

use serde_json::{Value, json};

use super::Home;
use super::policy::CLOCK;
use crate::account::session::{Cause, RefreshError};
use crate::bindings::policy::{Decision, FailureKind, Latch};
use crate::protect::latch::LatchKind;

const DAY: i64 = 86_400;

/// A home whose sign-in is answered so, under a policy that decides so.
async fn answered(status: u16, body: Value, decision: Decision) -> Home {
    let home = Home::new().await;
    home.cloud.answer("/login", status, body);
    *home.policy.always.lock() = Some(decision);
    home
}

/// Wants a session twice, a day apart, and expects that one sign-in was sent. Returns what the latch says.
async fn latched_by_one_try(home: &Home) -> String {
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    home.pass(DAY);
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Latched(_))));
    assert_eq!(home.cloud.asked("/login"), 1);
    let latched = home.account.latched().unwrap();
    assert_eq!(latched.kind, LatchKind::AuthRequired);
    latched.reason
}

#[tokio::test(start_paused = true)]
async fn led_back_to_where_it_began_it_is_tried_once_and_both_causes_are_named() {
    let back = json!({"location": "https://idp.example/authorize?client_id=1"});
    let home = answered(302, back, Decision::Latch(Latch::AuthRequired)).await;
    let reason = latched_by_one_try(&home).await;
    assert!(reason.contains("a wrong password and with a program that it keeps out"), "{reason}");
    assert!(reason.contains("vehicle-connector auth login main"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn refused_by_a_redirect_with_an_error_it_is_not_called_a_wrong_password() {
    let refused = json!({"error": "access_denied", "location": "https://app.example/?error=access_denied"});
    let home = answered(302, refused, Decision::Latch(Latch::AuthRequired)).await;
    let reason = latched_by_one_try(&home).await;
    assert!(reason.contains("its words say why") && !reason.contains("password"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_latches_nothing_without_the_policys_word_nor_for_a_server_that_is_unwell() {
    let back = json!({"location": "https://idp.example/authorize"});
    let unwell = json!({"error": "server_error", "location": "https://app.example/?error=server_error"});
    for (body, decision) in [(back, Decision::GiveUp), (unwell, Decision::Latch(Latch::AuthRequired))] {
        let home = answered(302, body, decision).await;
        assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Doubtful(_))));
        assert!(home.account.latched().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_is_not_called_a_refused_password() {
    let home = Home::new().await;
    *home.connector.asks.lock() = super::connector::Asks::Nothing;
    home.want(Cause::Missing).await.unwrap();
    let home = home.without_password().await;
    home.cloud.answer("/refresh", 400, json!({"code": super::policy::OVER, "message": "over"}));
    assert!(matches!(home.want(Cause::Refused).await, Err(RefreshError::Latched(_))));
    let reason = home.account.latched().unwrap().reason;
    assert!(reason.contains("has ended the session") && reason.contains("auth login main"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_want_a_long_pause_before_the_next_try() {
    let unwell = json!({"code": "9001", "message": "external service error"});
    let home = answered(502, unwell, Decision::Retry(3_600_000)).await;
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Failed { .. })));
    home.pass(3_590);
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::NotDue { .. })));
    assert_eq!(home.cloud.asked("/login"), 1);
    home.pass(11);
    assert!(matches!(home.want(Cause::Missing).await, Err(RefreshError::Failed { .. })));
    assert_eq!(home.cloud.asked("/login"), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_request_that_is_wrong_the_words_are_told_and_no_credential_is_blamed() {
    let clock = json!({"code": CLOCK, "message": "the time in the signature is not now"});
    let home = answered(400, clock, Decision::GiveUp).await;
    let why = home.want(Cause::Missing).await.unwrap_err();
    assert!(
        matches!(&why, RefreshError::Failed { kind: FailureKind::InvalidRequest, message } if message.contains("not now")),
        "{why}"
    );
    assert!(home.account.latched().is_none());
}
