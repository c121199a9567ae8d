//! How sign-ins end that are none: what the account says, and how often a password was sent.

use simulator::{Firewall, SignInOutcome};
use testkit::{Home, LEGACY, RealHome};

use super::{home, set};

/// Asks for a read every hour of a day.
async fn a_day(home: &RealHome) {
    for _ in 0..24 {
        home.clock.advance(3_600);
        home.host.find_vehicles().await;
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
}

/// A home whose session is over, and whose next sign-in has ended so.
async fn ending(outcome: SignInOutcome) -> RealHome {
    let home = home(testkit::patient_cloud(), |_| {}).await;
    home.control().end_sessions();
    home.control().expire_access_token();
    home.control().set_sign_in_outcome(outcome);
    home.control().reset_counters();
    home.command(LEGACY.0, "refresh_cached", "").await;
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_its_state_and_its_sentence_and_costs_one_password() {
    for (outcome, state, words) in [
        (SignInOutcome::LoginPage, "auth_required", &["firewall", "password"][..]),
        (SignInOutcome::Refused, "auth_required", &["The account is not active"]),
        (SignInOutcome::Consent, "consent_required", &["terms"]),
        (SignInOutcome::BlockedPage, "locked_out", &["blocks this program"]),
        (SignInOutcome::BlockedRedirect, "locked_out", &["blocks this program"]),
    ] {
        let home = ending(outcome).await;
        let account = home.account_is(state).await;
        let said = account.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{outcome:?}: {said}");
        assert_eq!(home.control().counters().sign_ins_asked, 1, "{outcome:?}");
        // What a vendor blocks is tried again when that has ended.
        if state != "locked_out" {
            a_day(&home).await;
            assert_eq!(home.control().counters().sign_ins_asked, 1, "{outcome:?}: {}", home.account());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_and_not_said_to_be_wrong() {
    let home = home(testkit::patient_cloud(), |config| set(config, "password", "a wrong one")).await;
    let account = home.account_is("auth_required").await;
    let said = account.to_string();
    assert!(said.contains("firewall") && said.contains("password"), "{said}");
    a_day(&home).await;
    assert_eq!(home.control().counters().sign_ins_asked, 1);
    assert!(!said.contains("a wrong one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_before_the_form_keeps_the_password_here() {
    for firewall in [Firewall::Page, Firewall::Redirect] {
        let home = home(testkit::patient_cloud(), |_| {}).await;
        home.control().end_sessions();
        home.control().expire_access_token();
        home.control().set_firewall(Some(firewall));
        home.control().reset_counters();
        home.clock.advance(3_600);
        home.command(LEGACY.0, "refresh_cached", "").await;
        home.account_is("locked_out").await;
        assert_eq!(home.control().counters().sign_ins_asked, 0, "{firewall:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_were_accepted_let_a_sign_in_go_on_that_counts_again() {
    let home = ending(SignInOutcome::Consent).await;
    home.account_is("consent_required").await;
    home.control().set_sign_in_outcome(SignInOutcome::Granted);
    home.deliver("account/home/answer/set", "confirmed").await;
    home.account_is("ok").await;
    let account = home.account();
    // The password was sent anew after the consent, which is a sign-in of its own to the vendor.
    assert_eq!(
        account["logins_today"], 3,
        "the first one, that of the question, and the one after it: {account}"
    );
}
