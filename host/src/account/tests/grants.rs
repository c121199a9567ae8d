//! Grants that end.

use std::time::Duration;

use super::Home;
use super::cloud::{DEVICE, STEP};
use super::connector::{Asks, grant};
use super::home::config;
use crate::account::Given;
use crate::account::session::Cause;
use crate::bindings::connector::Grant;
use crate::descriptor::Configured;
use crate::primitives::SESSION;
use crate::store::Kind;
use crate::time::Clock as _;

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
    home.account.login("test", Given::default()).await.unwrap();
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

/// A home whose owner has configured a token, which the cloud says to grant this.
async fn with_token(token: &'static str, said: Grant) -> Home {
    let mut config = config();
    config.secrets = [("refresh-token".to_owned(), token.into())].into();
    let rule = config.rules.get_mut("refresh-token").unwrap();
    (rule.configured, rule.rotates) = (Configured::Optional, true);
    let home = Home::with(config).await;
    *home.connector.asks.lock() = Asks::Nothing;
    *home.connector.only_asks.lock() = true;
    *home.connector.grant.lock() = said;
    home.cloud.answer("/login", 200, serde_json::json!({"step": STEP, "device": DEVICE}));
    home.want(Cause::Missing).await.unwrap();
    home.account.keep();
    home
}

fn lives_180_days(config: &mut crate::config::Account) {
    config.token_days.insert("refresh-token".to_owned(), 180);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nothing_renews_ends_so_many_days_after_its_first_use_although_no_cloud_says_so() {
    let home = with_token("a token of the owner", grant()).await;
    let home = home.reconfigured(lives_180_days).await;
    home.account.keep();
    assert_eq!(home.session().ends.grant, None, "this sign-in has not sent it");
    home.want(Cause::Refused).await.unwrap();
    let first = home.session().ends.grant.unwrap();
    let life = first.duration_since(home.clock.now());
    assert!((179..=180).contains(&(life.as_hours() / 24)), "{life:?}");
    days(100).await;
    home.want(Cause::Refused).await.unwrap();
    assert_eq!(home.session().ends.grant, Some(first), "its use does not prolong it");
    days(51).await;
    assert_eq!(home.events(), ["grant_ends"]);
    // Where a password signs in after it, nobody has to do anything.
    let password = |config: &mut crate::config::Account| {
        config.secrets.insert("password".to_owned(), crate::account::tests::cloud::PASSWORD.into());
        lives_180_days(config);
    };
    let home = Home::new().await.reconfigured(password).await;
    *home.connector.asks.lock() = Asks::Nothing;
    home.want(Cause::Missing).await.unwrap();
    home.want(Cause::Refused).await.unwrap();
    assert_eq!(home.session().ends.grant, None);
}

async fn signs_in_anew(home: &Home) {
    let slot = home.account.context.cells.slot(SESSION).unwrap();
    slot.discard(home.session().generation).await.unwrap();
    home.want(Cause::Missing).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_ends_when_it_was_first_said_to_whatever_becomes_of_its_session() {
    let said = || Grant { ends_in: Some(180 * 86_400), ..grant() };
    let home = with_token("a token of the owner", said()).await;
    let first = home.document()["grant_ends_at"].clone();
    assert!(first.is_string());
    days(20).await;
    // By a refresh, by another sign-in with it, and after the owner has changed what has nothing to do with it.
    home.want(Cause::Refused).await.unwrap();
    assert_eq!(home.document()["grant_ends_at"], first);
    signs_in_anew(&home).await;
    assert_eq!(home.document()["grant_ends_at"], first);
    let home = home.reconfigured(|config| drop(config.secrets.insert("pin".to_owned(), "1234".into()))).await;
    assert_eq!(home.session().value.as_deref(), Some("v"), "a PIN signs nobody in");
    signs_in_anew(&home).await;
    assert_eq!(home.document()["grant_ends_at"], first);
    assert_eq!(home.stored(Kind::GrantEnds).await.matches("ends_at").count(), 1);
    assert!(!home.stored(Kind::GrantEnds).await.contains("a token of the owner"));
    home.account.keep();
    days(131).await;
    assert_eq!(home.events(), ["grant_ends"]);
    let home = home.restarted().await;
    home.account.keep();
    days(23).await;
    assert_eq!(home.events(), ["grant_ends", "grant_ends"], "30 and 7 days before");
    // Another token has another end, and so has one that was not over when it should have been.
    signs_in_anew(&home).await;
    days(7).await;
    signs_in_anew(&home).await;
    assert_ne!(home.document()["grant_ends_at"], first);
    let second = home.document()["grant_ends_at"].clone();
    days(1).await;
    let home = home
        .reconfigured(|config| {
            drop(config.secrets.insert("refresh-token".to_owned(), "another token".into()))
        })
        .await;
    home.want(Cause::Missing).await.unwrap();
    assert_ne!(home.document()["grant_ends_at"], second);
}
