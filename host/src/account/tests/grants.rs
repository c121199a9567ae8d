//! Grants that end.

use std::time::Duration;

use super::Home;
use super::connector::{Asks, grant};
use crate::account::session::Cause;
use crate::bindings::connector::Grant;
use crate::store::Kind;

const DAY: u64 = 24 * 3_600;

/// A home with a session of which the cloud says this.
async fn granted(said: Grant) -> Home {
    let home = Home::new().await;
    *home.connector.asks.lock() = Asks::Nothing;
    *home.connector.grant.lock() = said;
    home.want(Cause::Missing).await.unwrap();
    home.account.keep();
    home
}

async fn days(days: u64) {
    tokio::time::sleep(Duration::from_secs(days * DAY)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_used_before_it_ends_unused() {
    let home = granted(Grant { refresh_expires_in: Some(7 * 86_400), ..grant() }).await;
    days(5).await;
    assert_eq!(home.cloud.asked("/refresh"), 0);
    days(1).await;
    assert_eq!((home.cloud.asked("/refresh"), home.session().generation), (1, 2));
    assert!(home.stored(Kind::Audit).await.contains("unused"), "the policy was asked");
    // Also by a host that was started in between, and not before it is due again.
    days(5).await;
    let home = home.restarted().await;
    home.account.keep();
    assert_eq!(home.cloud.asked("/refresh"), 1);
    days(1).await;
    assert_eq!(home.cloud.asked("/refresh"), 2);
}

#[tokio::test(start_paused = true)]
async fn nonsense_makes_no_loop() {
    for seconds in [0, -1, i64::MIN, 1, 60, 3_600] {
        let home = granted(Grant { refresh_expires_in: Some(seconds), ..grant() }).await;
        days(2).await;
        assert_eq!(home.cloud.asked("/refresh"), 0, "{seconds}");
    }
    // What is told to live for two hours is used once an hour and a half, and no more often when that fails.
    let home = granted(Grant { refresh_expires_in: Some(2 * 3_600), ..grant() }).await;
    days(1).await;
    let asked = home.cloud.asked("/refresh");
    assert!((10..=15).contains(&asked), "{asked}");
    let home = granted(Grant { refresh_expires_in: Some(100 * 3_600), ..grant() }).await;
    home.cloud.answer("/refresh", 500, serde_json::json!({}));
    days(10).await;
    let asked = home.cloud.asked("/refresh");
    assert!((10..=21).contains(&asked), "{asked}");
    let home =
        granted(Grant { refresh_expires_in: Some(i64::MAX), ends_in: Some(i64::MAX), ..grant() }).await;
    days(2).await;
    assert_eq!((home.cloud.asked("/refresh"), home.events().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_grant_is_told_twice_and_over_restarts_no_more() {
    let home = granted(Grant { ends_in: Some(100 * 86_400), ..grant() }).await;
    assert!(home.document()["grant_ends_at"].is_string());
    days(69).await;
    assert!(home.events().is_empty());
    days(2).await;
    assert_eq!(home.events(), ["grant_ends"]);
    assert!(home.said().contains("auth login main"));
    let home = home.restarted().await;
    home.account.keep();
    // A refresh renews nothing of it, whether or not the cloud says how much is left by now.
    *home.connector.grant.lock() = grant();
    home.want(Cause::Refused).await.unwrap();
    *home.connector.grant.lock() = Grant { ends_in: Some(29 * 86_400 - 40), ..grant() };
    home.want(Cause::Refused).await.unwrap();
    days(15).await;
    assert_eq!(home.events().len(), 1);
    days(8).await;
    assert_eq!(home.events(), ["grant_ends", "grant_ends"]);
    let home = home.restarted().await;
    home.account.keep();
    days(10).await;
    assert_eq!(home.events().len(), 2);
    // Another grant has another end.
    *home.connector.grant.lock() = Grant { ends_in: Some(20 * 86_400), ..grant() };
    home.account.login("test").await.unwrap();
    days(1).await;
    assert_eq!(home.events().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_told_when_the_refresh_token_ends() {
    let home = granted(Grant { refresh_expires_in: Some(86_400), ..grant() }).await;
    home.want(Cause::Refused).await.unwrap();
    let audit = home.stored(Kind::Audit).await;
    assert!(audit.contains("\"refresh_expires_in\":86"), "{audit}");
}
