//! Exit codes, and what is said with them.

use simulator::{Effect, Ending, Fault, Outcome, RouteKind};

use super::house::{House, Ran, ended};

/// Checks that nothing but a complaint with these words was printed.
fn complains(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_way_out() {
    let house = House::start().await;
    let mut host = house.host().await;
    is_told_with_its_way_out(&house).await;
    host.kill().await.unwrap();
    // And the same without one.
    is_told_with_its_way_out(&house).await;
    for arguments in [
        &["windows", "niro"][..],
        &["windows", "niro", "ajar"],
        &["refresh", "niro", "--mode", "force", "--max-age", "3"],
        &["charge", "limits", "niro"],
        &["climate", "start", "niro", "--seat", "fl"],
        &["climate", "start", "niro", "--temp", "NaN"],
        &["climate", "start", "niro", "--temp", "inf"],
        &["lock", "niro", "--timeout", "18446744073709551615"],
        &["action", "last", "--wait", "--timeout", "18446744073709551615"],
        &["lock"],
        &["lock", "niro", "--no-wait", "--timeout", "3"],
    ] {
        let ran = house.run(arguments).await;
        assert!(ran.code == 2 && ran.out.is_empty() && !ran.err.is_empty(), "{arguments:?} {ran:?}");
    }
    assert_eq!(house.control().counters().total_actuations(), 0);
}

async fn is_told_with_its_way_out(house: &House) {
    let listed = "there is no vehicle \"nero\"; did you mean \"niro\"?; there are: ev6, niro";
    complains(&house.run(&["lock", "nero"]).await, 2, &[listed]);
    complains(&house.run(&["status", "nero"]).await, 2, &[listed]);
    complains(&house.run(&["charging-current", "ev6", "much"]).await, 2, &["bad_payload", "60 %, 16 A"]);
    complains(&house.run(&["climate", "start", "niro", "--temp", "40"]).await, 2, &["bad_payload", "40"]);
    complains(&house.run(&["command", "niro", "honk"]).await, 2, &["there is no command", "lock"]);
    let allow = ["not_allowed", "add \"unlock\" to `allow` in [vehicle.ev6] of car.toml"];
    complains(&house.run(&["unlock", "ev6"]).await, 1, &allow);
    complains(&house.run(&["signal", "niro", "horn"]).await, 1, &["this vehicle does not have signal"]);
    complains(&house.run(&["action", "nothing-like-it"]).await, 1, &["nothing-like-it", "remembered"]);
    let ran = house.run(&["lock", "nero", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["reason"]), (2, &"unknown_vehicle".into()), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sign_in_somebody_has_to_act() {
    let house = House::start().await;
    house.control().refuse_grants(true);
    complains(&house.run(&["lock", "niro"]).await, 4, &["auth_required"]);
    // Latched: nothing more is sent, by a host that stays neither.
    let grants = house.control().counters().grants_asked;
    let _host = house.host().await;
    complains(&house.run(&["lock", "niro"]).await, 4, &["auth_required"]);
    let taken = house.run(&["lock", "niro", "--no-wait"]).await;
    assert_eq!((taken.code, taken.out.lines().count()), (0, 1), "{taken:?}");
    assert_eq!(house.control().counters().grants_asked, grants);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_somebodys_to_put_right() {
    let house = House::start().await;
    let ran = ended(house.program(&["lock", "ev6"]).env("PIN", "9999").spawn().unwrap()).await;
    complains(&ran, 4, &["pin_rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_circuits_have_a_code_of_their_own() {
    let house = House::with(simulator::Config::default(), "quota_per_day = 10").await;
    let last = loop {
        let ran = house.run(&["refresh", "niro"]).await;
        if ran.code != 0 {
            break ran;
        }
    };
    complains(&last, 5, &["quota"]);

    let house = House::start().await;
    let _host = house.host().await;
    assert_eq!(house.run(&["circuit", "isolate", "vehicle niro"]).await.code, 0);
    complains(&house.run(&["lock", "niro"]).await, 5, &["isolated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_car_says_no_to_has_failed_and_what_nobody_knows_is_not_known() {
    let house = House::start().await;
    let _host = house.host().await;
    house.control().queue_outcome(Outcome::new(Ending::Fail));
    complains(&house.run(&["lock", "niro"]).await, 1, &["failed", "vehicle_refused"]);
    house.control().queue_outcome(Outcome::new(Ending::NonResponse));
    complains(&house.run(&["lock", "niro"]).await, 3, &["timeout"]);
    house.control().inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
    complains(&house.run(&["unlock", "niro"]).await, 3, &["unknown"]);
    let ran = house.run(&["action", "last"]).await;
    complains(&ran, 3, &["unlock niro: unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_has_the_exit_codes_of_every_verb() {
    let verbs: [&[&str]; 16] = [
        &[],
        &["vehicles"],
        &["status"],
        &["refresh"],
        &["lock"],
        &["unlock"],
        &["climate"],
        &["climate", "start"],
        &["windows"],
        &["charge-port"],
        &["charge"],
        &["charge", "limits"],
        &["charging-current"],
        &["signal"],
        &["command"],
        &["action"],
    ];
    for verb in verbs {
        let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_vehicle-connector-under-test"));
        let help = program.args(verb).arg("--help").output().await.unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        for line in ["Exit codes:", "  3    not known", "  4    somebody has to act", "  5    too much"] {
            assert!(help.contains(line), "{verb:?} {line}: {help}");
        }
    }
}
