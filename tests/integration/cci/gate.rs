//! The gate before the token service: keys, clocks, and calls without a signature.

use simulator::Config as Cloud;
use testkit::{Home, LEGACY, patient_cloud};
use vehicle_connector::wire::outcome::State;

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
        assert_eq!(asked(&counters)[0], 0, "no password for a signature: {counters:?}");
        let account = home.account();
        assert!(
            !["auth_required", "otp_required", "consent_required"]
                .contains(&account["state"].as_str().unwrap()),
            "wrong clock: {wrong_clock}: {account}"
        );
    }
}
