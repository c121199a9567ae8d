//! Signing out.

use renault_simulator::Config;

use super::house::{House, NAME, PASSWORD};
use super::secrecy::{bytes_of, has};
use crate::crash::kill;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_out_is_forgotten_and_nothing_signs_in_by_itself() {
    // The password is configured, so without the wish of a person the next read would sign in.
    let account = format!("username = \"{NAME}\"\npassword = \"{PASSWORD}\"");
    let house = House::with(Config::default(), &account).await;
    let (host, _log) = house.host().await;
    assert_eq!(house.run(&["refresh", "five"]).await.code, 0);
    house.account_is("ok").await;

    let ran = house.run(&["auth", "logout", "home"]).await;
    assert!(ran.code == 0 && ran.out.contains("id-token") && ran.out.contains("login-token"), "{ran:?}");
    assert!(ran.out.contains("Renault was not told"), "{ran:?}");
    let state = house.account_is("auth_required").await;
    assert!(state["reason"].as_str().unwrap().starts_with("the account was signed out"), "{state}");
    let before = house.control().counters().requests;
    assert_eq!(house.run(&["refresh", "five"]).await.code, 4);
    kill(host).await;
    let (host, _log) = house.host().await;
    assert_eq!(house.run(&["refresh", "five"]).await.code, 4, "over a restart too");
    assert_eq!(house.control().counters().requests, before);

    assert_eq!(house.run(&["auth", "login", "home"]).await.code, 0);
    assert_eq!(house.run(&["refresh", "five"]).await.code, 0);
    assert_eq!(house.passwords(), 2);
    kill(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_a_stopped_host_is_emptied_too() {
    let house = House::start().await;
    assert_eq!(house.login(PASSWORD).await.code, 0);
    let store = house.dir.path().join("car.state");
    let token = "login-token";
    assert!(has(&bytes_of(&store), token), "its name stands where it is kept");
    let ran = house.run(&["auth", "logout", "home", "--json"]).await;
    let done: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(ran.code == 0 && done["forgotten"].as_array().unwrap().iter().any(|it| it == token), "{ran:?}");
    let ran = house.run(&["auth", "logout", "home"]).await;
    assert!(ran.code == 0 && ran.out.contains("nothing to forget"), "{ran:?}");
    assert_eq!(house.run(&["refresh", "five"]).await.code, 4);
}
