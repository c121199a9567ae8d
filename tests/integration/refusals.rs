//! Refused grants, refused PINs, and token endpoints that are unwell.

use std::time::Duration;

use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use vehicle_connector::store::{Kind, Write};
use vehicle_connector::wire::outcome::{Reason, State};

const REFRESH_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1";

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_grant_latches_until_the_credentials_change() {
    let mut home = RealHome::start().await;
    home.settle().await;
    home.control().refuse_grants(true);
    home.control().expire_access_token();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.reason, Some(Reason::AuthRequired), "{report:?}");

    for _ in 0..20 {
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(
            (report.state, report.reason),
            (State::Rejected, Some(Reason::AuthRequired)),
            "{report:?}"
        );
    }
    let after_latch = home.control().counters();
    assert_eq!(after_latch.grants_asked, 1, "one token call, then none");
    assert_eq!(after_latch.requests, 2, "the refused read and the refused grant");

    // Neither a restart nor a cloud that has changed its mind lifts it.
    home.control().refuse_grants(false);
    home.restart(REFRESH_TOKEN, "1234").await;
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.reason, Some(Reason::AuthRequired), "{report:?}");
    assert_eq!(home.control().counters().requests, after_latch.requests);

    let refreshed = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB2";
    home.control().set_refresh_token(refreshed);
    home.restart(refreshed, "1234").await;
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_protects_the_account_does_not_hang_on_the_policy() {
    // The baseline takes neither a refused grant nor a refused PIN for what it is.
    let mut home = RealHome::with(patient_cloud()).await;
    home.restart(REFRESH_TOKEN, "9999").await;
    home.settle().await;
    home.swap_in_four_phrases().await;
    for _ in 0..10 {
        home.command(CCS2.0, "lock", "").await;
        home.clock.advance(120);
    }
    let counters = home.control().counters();
    assert!(counters.pin_checks <= 3, "vendors lock after five; this one was asked {}", counters.pin_checks);

    let mut home = RealHome::with(patient_cloud()).await;
    home.settle().await;
    home.swap_in_four_phrases().await;
    home.control().refuse_grants(true);
    for _ in 0..5 {
        home.clock.advance(3_600);
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
    assert_eq!(home.control().counters().grants_asked, 1, "one token call, then none");
    home.restart(REFRESH_TOKEN, "1234").await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_never_left_the_machine_does_not_count() {
    // The router is not up yet.
    let mut home = VirtualHome::start().await;
    home.network.set_outage(Outage::Everything);
    home.environment.store.commit(vec![Write::remove(Kind::Cell, "home/session")]).await.unwrap();
    home.restart().await;
    let before = home.token_calls().len();
    for _ in 0..10 {
        let report = home.read().await;
        assert!(report.reason.is_some_and(Reason::may_pass), "{report:?}");
    }
    assert!(home.token_calls().len() > before + 4, "more than may be made within a day");
    home.network.calm_down();
    home.advance(Duration::from_secs(60)).await;
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_unwell_is_left_alone_for_a_while() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Token, Effect::unavailable()).forever());
    home.control.expire_access_token();
    home.control.reset_counters();
    let began = tokio::time::Instant::now();
    // Each waits for the next refresh as long as it has time.
    for _ in 0..20 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        let unwell = [Some(Reason::UpstreamUnavailable), Some(Reason::BreakerOpen)];
        assert!(unwell.contains(&report.reason) && report.retryable, "{report:?}");
    }
    let counters = home.control.counters();
    // Pauses of 1, 2, 4, 8 and 16 s, then an open circuit, which lets two in a minute in at most.
    let most = 6 + 2 * began.elapsed().as_secs() / 60;
    assert!(counters.grants_asked <= most, "{} token calls and not {most}", counters.grants_asked);
    assert_eq!(counters.registrations, 0, "and nothing that looks like a new sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_sent_once_and_never_again() {
    let mut home = RealHome::start().await;
    home.restart(REFRESH_TOKEN, "9999").await;
    home.settle().await;
    for attempt in 0..5 {
        let report = home.command(CCS2.0, "lock", "").await;
        assert_eq!(report.reason, Some(Reason::PinRejected), "{attempt}: {report:?}");
    }
    let counters = home.control().counters();
    assert_eq!(counters.pin_checks, 1);
    assert_eq!(counters.actuations_of(CCS2.1, ActionKind::Lock), 0);

    // What needs no PIN goes on.
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_device_is_registered_again_once() {
    let home = RealHome::start().await;
    home.settle().await;
    home.command(LEGACY.0, "refresh_cached", "").await;
    home.control().reset_counters();
    home.control().invalidate_device(None);
    let reads: Vec<_> = (0..8).map(|_| home.command(LEGACY.0, "refresh_cached", "")).collect();
    for report in futures_util::future::join_all(reads).await {
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }
    let counters = home.control().counters();
    assert_eq!((counters.registrations, counters.grants_asked), (1, 0));
}
