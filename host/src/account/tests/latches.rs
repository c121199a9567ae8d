//! What lifts a latch: a change of what it is about, and of nothing else.

use std::sync::Arc;

use super::Home;
use crate::account::session::Cause;
use crate::config;
use crate::descriptor::{Configured, SecretClass, SecretRule};
use crate::protect::latch::LatchKind;
use crate::store::Kind;

/// An account with a password, a PIN, keys and a setting.
async fn home() -> Home {
    let mut config = super::home::config();
    for (name, class) in [("gate-keys", SecretClass::Key), ("username", SecretClass::Identifier)] {
        config.rules.insert(name.to_owned(), SecretRule::new(class, Configured::Optional));
    }
    for (name, value) in [("pin", "1234"), ("gate-keys", "k"), ("username", "owner@example.org")] {
        config.secrets.insert(name.to_owned(), value.into());
    }
    config.settings.insert("client-version".to_owned(), "1.0".to_owned());
    Home::with(config).await
}

fn secret(name: &'static str, value: &'static str) -> impl FnOnce(&mut config::Account) {
    move |config| drop(config.secrets.insert(name.to_owned(), value.into()))
}

fn setting(value: &'static str) -> impl FnOnce(&mut config::Account) {
    move |config| drop(config.settings.insert("client-version".to_owned(), value.to_owned()))
}

fn latched(home: &Home) -> Option<LatchKind> {
    home.account.latched().map(|latched| latched.kind)
}

#[tokio::test(start_paused = true)]
async fn a_pin_a_key_or_a_setting_has_nothing_to_do_with_credentials() {
    for kind in [LatchKind::AuthRequired, LatchKind::OtpRequired, LatchKind::ConsentRequired] {
        let home = home().await;
        home.account.set_latch(kind, "").await;
        let home = home.reconfigured(secret("pin", "4321")).await;
        let home = home.reconfigured(secret("gate-keys", "other")).await;
        let home = home.reconfigured(setting("2.0")).await;
        let home = home.reconfigured(|config| drop(config.secrets.remove("pin"))).await;
        assert_eq!(latched(&home), Some(kind));
        let home = home.reconfigured(secret("password", "another")).await;
        assert_eq!((latched(&home), home.stored(Kind::Latch).await), (None, String::new()));
        let home = home.reconfigured(secret("password", super::cloud::PASSWORD)).await;
        assert_eq!(latched(&home), None, "what was lifted does not come back");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_signed_out_stays_so_whatever_the_pin_is() {
    let home = home().await;
    home.account.logout("test").await.unwrap();
    let home = home.reconfigured(secret("pin", "4321")).await;
    let home = home.reconfigured(secret("gate-keys", "other")).await;
    home.want(Cause::Missing).await.unwrap_err();
    assert_eq!((latched(&home), home.cloud.asked_at_all()), (Some(LatchKind::AuthRequired), 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_program_is_another_one_with_other_keys_or_settings_and_not_with_another_password() {
    let refused = async || {
        let home = home().await;
        home.account.set_latch(LatchKind::ClientRefused, "").await;
        home
    };
    for others in [secret("password", "another"), secret("pin", "4321")] {
        let home = refused().await.reconfigured(others).await;
        assert_eq!(latched(&home), Some(LatchKind::ClientRefused));
    }
    let home = refused().await.reconfigured(secret("gate-keys", "new")).await;
    assert_eq!((latched(&home), home.stored(Kind::Latch).await), (None, String::new()));
    let home = refused().await.reconfigured(setting("2.0")).await;
    assert_eq!((latched(&home), home.stored(Kind::Latch).await), (None, String::new()));
    let home = home.reconfigured(setting("1.0")).await;
    assert_eq!(latched(&home), None, "what was lifted does not come back");
}

#[tokio::test(start_paused = true)]
async fn a_refused_pin_is_refused_until_it_is_another_one() {
    let refused =
        |home: &Home| Arc::clone(&home.account.context).pin.latched(home.account.clock().now()).is_some();
    let home = home().await;
    home.account.refuse_pin("").await;
    let home = home.reconfigured(secret("password", "another")).await;
    let home = home.reconfigured(secret("gate-keys", "new")).await;
    assert!(refused(&home));
    let home = home.reconfigured(secret("pin", "4321")).await;
    assert!(!refused(&home));
    assert_eq!(home.stored(Kind::Latch).await, "");
    let home = home.reconfigured(secret("pin", "1234")).await;
    assert!(!refused(&home), "what was lifted does not come back");
}
