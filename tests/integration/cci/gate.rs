//! The gate before the token service: keys, clocks, and calls without a signature.

use simulator::Config as Cloud;
use testkit::{Home, LEGACY, RealHome, password, patient_cloud};
use vehicle_connector::config::Config;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

use super::lives::{HOUR, OFTEN, virtual_home};
use super::{asked, home, set, unset};

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nothing_is_sent_and_the_account_says_what_is_missing() {
    let home = home(Cloud::default(), |config| unset(config, "gate-keys")).await;
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_ne!(report.state, State::Succeeded);
    assert_eq!(home.control().counters().requests, 0, "not even a registration");
    let account = home.account();
    let said = account.to_string();
    assert!(said.contains("gate_keys_file") && said.contains("Nothing was sent"), "{said}");
    assert_ne!(account["state"], "auth_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_wrong_keys_the_calls_without_a_signature_are_tried_once() {
    let home = home(Cloud::default(), |config| set(config, "gate-keys", "other keys than those")).await;
    let counters = home.control().counters();
    assert_eq!(counters.sign_ins_asked, 1);
    assert_eq!((counters.gate_refusals, counters.unsigned), (1, 2), "the code, and the exchange");
    home.account_is("ok").await;
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

/// Asks for a read every hour until one succeeds, for half a day; or says what became of the last one.
async fn recovers(home: &RealHome) -> Result<(), Report> {
    for hour in 1.. {
        home.clock.advance(3_600);
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        if report.state == State::Succeeded {
            break;
        }
        if hour == 24 {
            return Err(report);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_refuses_latches_no_credentials() {
    for wrong_clock in [false, true] {
        let home = home(patient_cloud(), |_| {}).await;
        let control = home.control();
        control.open_unsigned_route(false);
        if wrong_clock {
            // The patient cloud minds nothing but decades.
            control.set_clock_ahead(20 * 365 * 86_400);
        } else {
            control.set_gate_keys(["NEW", "KEYS", "TODAY"].map(str::to_owned));
            control.expire_access_token();
        }
        control.reset_counters();
        for _ in 0..12 {
            home.clock.advance(3_600);
            home.command(LEGACY.0, "refresh_cached", "").await;
        }
        let counters = control.counters();
        assert!(counters.gate_refusals > 0, "wrong clock: {wrong_clock}: {counters:?}");
        assert_eq!(asked(&counters)[0], 0, "no password for a signature: {counters:?}");
        let account = home.account();
        assert!(
            !["auth_required", "otp_required", "consent_required"]
                .contains(&account["state"].as_str().unwrap()),
            "wrong clock: {wrong_clock}: {account}"
        );
        // The right time is all that it takes; and the right keys, which only the owner has.
        let mut home = home;
        if wrong_clock {
            control.set_clock_ahead(0);
        } else {
            let signs_in = password::signs_in(&patient_cloud());
            let with_new_keys = |config: &mut Config| {
                signs_in(config);
                set(config, "gate-keys", "NEWKEYSTODAY");
            };
            home.restart_configured(with_new_keys).await.unwrap();
        }
        recovers(&home).await.unwrap();
        home.account_is("ok").await;
        assert_eq!(asked(&control.counters())[0], 0, "wrong clock: {wrong_clock}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_refused_keeps_nobody_from_the_car_while_the_access_token_lasts() {
    let home = virtual_home(Cloud::default()).await;
    home.control.open_unsigned_route(false);
    home.control.set_gate_keys(["NEW", "KEYS", "TODAY"].map(str::to_owned));
    let load = home.reads(OFTEN, 23 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    assert!(counters.gate_refusals > 0 && counters.refreshes == 0, "{counters:?}");
    assert!(counters.gate_refusals <= 20, "whoever is refused does not ask all the time: {counters:?}");
    let account = home.account().to_string();
    assert!(
        account.contains("gate_keys_file") && account.contains("until the access token ends"),
        "{account}"
    );

    // Its end is the end.
    home.advance(2 * HOUR).await;
    let report = home.read().await;
    assert_ne!(report.state, State::Succeeded);
    assert!(format!("{report:?}").contains("gate_keys_file"), "{report:?}");
    assert_eq!(home.counters().sign_ins_asked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told_before_it_costs_a_password() {
    // Without keys nothing is sent, so the cloud can be told first.
    let mut home = home(Cloud::default(), |config| unset(config, "gate-keys")).await;
    for (ahead, words) in [(7_200, "2 hours behind"), (-86_400, "24 hours ahead of")] {
        home.control().set_clock_ahead(ahead);
        home.restart_configured(password::signs_in(&Cloud::default())).await.unwrap();
        home.host.find_vehicles().await;
        home.command(LEGACY.0, "refresh_cached", "").await;
        let (counters, account) = (home.control().counters(), home.account());
        assert_eq!((asked(&counters), counters.gate_refusals), ([0; 4], 0), "{counters:?}");
        let said = account.to_string();
        assert!(said.contains(words) && said.contains("The password was not sent"), "{said}");
        assert_eq!(account["logins_today"], 0, "{account}");
        assert_ne!(account["state"], "auth_required");
    }
    home.control().set_clock_ahead(0);
    home.restart_configured(password::signs_in(&Cloud::default())).await.unwrap();
    home.host.find_vehicles().await;
    home.account_is("ok").await;
    assert_eq!(asked(&home.control().counters()), [1, 1, 1, 0]);
}
