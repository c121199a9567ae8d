//! A sign-in that asks a person for a code.

use std::time::Duration;

use renault_simulator::{Config, RouteKind};
use testkit::Home;
use testkit::log::Log;
use testkit::two_makers::{FIVE, TwoMakers};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::State;

use super::privacy::{assert_nowhere, stored};

/// A home whose sign-in has sent a code to one of two mailboxes.
async fn waits_for_its_code() -> TwoMakers {
    let home = TwoMakers::with(Config { second_factor: true, ..Config::default() }, |_| {}).await;
    home.account_is("otp_required").await;
    assert_eq!(home.question()["kind"], "choice");
    answer(&home, "mailbox-2").await;
    asks(&home, "kind", "code").await;
    assert_eq!(home.renault.mails().len(), 1);
    home
}

async fn answer(home: &TwoMakers, text: &str) {
    home.deliver("account/garage/answer/set", text).await;
}

/// Waits until the question says this.
async fn asks(home: &TwoMakers, field: &str, wanted: impl Into<serde_json::Value>) {
    let wanted = wanted.into();
    home.published().until(|| (home.question()[field] == wanted).then_some(())).await;
}

/// The code of the newest mail, and another one.
fn codes(home: &TwoMakers) -> (String, [String; 2]) {
    let right = home.renault.mails().pop().unwrap().code;
    let number: u32 = right.parse().unwrap();
    let wrong = [1, 2].map(|other| (100_000 + (number - 100_000 + other) % 900_000).to_string());
    (right, wrong)
}

/// Waits until the home is signed in, and checks that it works and that this was one sign-in by its own count.
async fn is_signed_in(home: &TwoMakers) {
    home.published().until(|| home.question().is_null().then_some(())).await;
    assert_eq!(home.read(FIVE.0).await.state, State::Succeeded);
    let account = home.account_is("ok").await;
    assert_eq!(account["logins_today"], 1, "{account}");
    let counters = home.counters();
    // The password goes twice, which is how this cloud wants it: before the code and after it.
    let sent = (counters.of(RouteKind::Login), counters.challenges, counters.codes_sent);
    assert_eq!(sent, (1, 0, 1), "since the first answer: {counters:?}");
    assert_eq!(home.renault.violations(), []);
}

#[tokio::test(start_paused = true)]
async fn two_wrong_codes_and_a_right_one_are_one_sign_in_and_no_code_is_told() {
    Log::of_this_process();
    let home = waits_for_its_code().await;
    let (right, wrong) = codes(&home);
    for (left, code) in [2, 1].into_iter().zip(&wrong) {
        answer(&home, code).await;
        asks(&home, "codes_left", left).await;
    }
    assert_eq!(home.counters().codes_wrong, 2);
    answer(&home, &right).await;
    is_signed_in(&home).await;
    for code in wrong.iter().chain([&right]) {
        assert_nowhere(&home, code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_question_and_answer_costs_no_other_mail_and_no_other_sign_in() {
    Log::of_this_process();
    let mut home = waits_for_its_code().await;
    let (right, [wrong, _]) = codes(&home);
    answer(&home, &wrong).await;
    asks(&home, "codes_left", 2).await;
    home.restart().await;
    home.host().announce("5");
    asks(&home, "codes_left", 2).await;
    answer(&home, &right).await;
    is_signed_in(&home).await;
    assert_nowhere(&home, &right).await;
    let question = stored(&home, Kind::Question).await;
    assert_eq!(question, "", "what was staged has gone with the question");

    // The device is remembered: a login that is over is replaced without asking anybody.
    home.renault.expire_id_tokens();
    home.renault.end_login_tokens(renault_simulator::Ended::Unauthorized);
    assert_eq!(home.read(FIVE.0).await.state, State::Succeeded);
    assert_eq!((home.renault.mails().len(), home.account()["logins_today"].as_u64()), (1, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn three_wrong_codes_end_the_sign_in_and_nothing_is_sent_until_a_person_wants_it() {
    let home = waits_for_its_code().await;
    let (_, [one, other]) = codes(&home);
    answer(&home, &one).await;
    asks(&home, "codes_left", 2).await;
    answer(&home, &other).await;
    asks(&home, "codes_left", 1).await;
    answer(&home, "000000").await;
    home.published().until(|| home.question().is_null().then_some(())).await;
    assert_eq!(home.account_is("otp_required").await["logins_today"], 1);
    let before = home.counters().requests;
    assert_eq!(home.read(FIVE.0).await.state, State::Rejected);
    home.home.advance(Duration::from_secs(7_200)).await;
    assert_eq!(home.counters().requests, before);
}
