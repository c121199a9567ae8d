//! A password that is given once: what a sign-in with it needs, and how an account goes on whose session is over while
//! nobody has configured one.

use serde_json::{Value, json};
use simulator::{Config as Cloud, Counters, SignInOutcome};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::wire::outcome::State;

use super::house::{GIVEN_ONCE, House};
use super::{asked, home, unset};
use crate::crash::kill;

pub(super) const RIGHT: &str = "correct horse battery";

/// A home whose account has the keys of the gate and nothing to sign in with.
pub(super) async fn nobody() -> RealHome {
    let home = home(testkit::patient_cloud(), |config| {
        unset(config, "username");
        unset(config, "password");
    })
    .await;
    assert_eq!(home.control().counters().requests, 0, "nothing is sent");
    home
}

/// Signs in with this password, as the control socket does it.
pub(super) async fn login(home: &RealHome, password: &str) -> Value {
    let given = json!({"account": "home", "username": Cloud::default().username, "password": password});
    home.host.request("account/login", given.to_string().as_bytes(), "test").await
}

pub(super) fn wrong_clock(home: &RealHome) {
    home.control().open_unsigned_route(false);
    // The patient cloud minds nothing but decades.
    home.control().set_clock_ahead(20 * 365 * 86_400);
}

pub(super) fn wrong_keys(home: &RealHome) {
    home.control().open_unsigned_route(false);
    home.control().set_gate_keys(["NEW", "KEYS", "TODAY"].map(str::to_owned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_and_wrong_keys_latch_no_credentials_and_the_next_sign_in_works() {
    for prepare in [wrong_clock, wrong_keys] {
        let home = nobody().await;
        prepare(&home);
        login(&home, RIGHT).await;
        let account = home.account();
        assert!(!account.to_string().contains("refused the sign-in"), "{account}");
        home.control().restore();
        home.clock.advance(60);
        let answer = login(&home, RIGHT).await;
        assert_eq!(answer["data"]["outcome"], "signed_in", "{answer}");
        assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
        home.account_is("ok").await;
        assert_eq!(home.control().counters().sign_ins_asked, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_were_accepted_let_the_given_password_go_once_more() {
    let home = nobody().await;
    home.control().set_sign_in_outcome(SignInOutcome::Consent);
    let answer = login(&home, RIGHT).await;
    assert_eq!(answer["data"]["question"]["kind"], "consent", "{answer}");
    assert_eq!(home.retained("account/home/question")["kind"], "consent");
    home.control().set_sign_in_outcome(SignInOutcome::Granted);
    home.deliver("account/home/answer/set", "confirmed").await;
    home.published().until(|| home.events("question_ended").pop()).await;
    home.host.find_vehicles().await;
    let account = home.account_is("ok").await;
    assert_eq!((account["logins_today"].as_u64(), home.control().counters().sign_ins_asked), (Some(2), 2));
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_fails_after_a_given_password_is_tried_again_in_an_hour_and_without_it() {
    let home = nobody().await;
    home.control().fail_exchanges(2);
    assert_eq!(login(&home, RIGHT).await["data"]["outcome"], "signed_in");
    let exchanges = || asked(&home.control().counters())[2];
    assert_ne!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    let before = exchanges();
    for _ in 0..5 {
        home.clock.advance(10 * 60);
        assert_ne!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    }
    assert_eq!(exchanges(), before, "not within the hour");
    home.clock.advance(15 * 60);
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    assert_eq!(home.control().counters().sign_ins_asked, 1);
}

/// What was asked of the identity provider and the token service.
fn asked_of(house: &House) -> [u64; 4] {
    let counters: Counters = house.counters();
    asked(&counters)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_waits_for_a_person_who_signs_in_beside_the_running_host() {
    let house = House::with_broker(Cloud::default(), GIVEN_ONCE).await;
    let (mut host, _log) = house.host().await;
    let account = house.account_is(&["auth_required"]).await;
    assert!(account["reason"].as_str().unwrap().contains("nobody has signed in to Kia"), "{account}");
    assert_eq!(house.counters().requests, 0, "nothing is sent");

    let ran = house.login(RIGHT).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "home is signed in\n"), "{ran:?}");
    assert_eq!(house.run(&["refresh", "niro"]).await.code, 0);

    // 4111, while the car's token is over too.
    house.control().end_sessions();
    house.control().expire_access_token();
    let ran = house.run(&["refresh", "niro"]).await;
    assert!(ran.code == 4 && ran.err.contains("auth login home"), "{ran:?}");
    let retained = house.retained().await;
    assert_eq!(retained["state"], "auth_required", "{retained}");
    let reason = retained["reason"].as_str().unwrap();
    assert!(
        reason.contains("Kia has ended the session")
            && reason.contains("`vehicle-connector auth login home`"),
        "{reason}"
    );
    let sent = asked_of(&house);
    for _ in 0..3 {
        assert_eq!(house.run(&["refresh", "niro"]).await.code, 4);
    }
    assert_eq!((asked_of(&house), sent[0]), (sent, 1), "nothing more is sent");
    kill(host).await;
    (host, _) = house.host().await;
    assert_eq!(house.run(&["refresh", "niro"]).await.code, 4, "over a restart too");
    assert_eq!(asked_of(&house), sent);

    let ran = house.login(RIGHT).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "home is signed in\n"), "{ran:?}");
    assert_eq!(house.account_is(&["ok"]).await["logins_today"], 2);
    assert_eq!(house.run(&["refresh", "niro"]).await.code, 0);
    assert!(host.try_wait().unwrap().is_none(), "the host has run on");
    assert_eq!((house.counters().sign_ins_asked, house.retained().await["state"].as_str()), (2, Some("ok")));
    kill(host).await;
}
