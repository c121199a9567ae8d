//! An expired token is noticed, refreshed once for all callers, and the command is repeated once.

use std::time::Duration;

use simulator::{ActionKind, Refusal};
use testkit::{CCS2, Home, LEGACY, RealHome, patient_cloud};
use tokio::task::JoinSet;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

/// Ten operations on two cars, all in flight at the same moment: four reads and a lock for each.
async fn ten(home: &std::sync::Arc<RealHome>) -> Vec<Report> {
    let mut flying = JoinSet::new();
    for (slug, _) in [LEGACY, CCS2] {
        for operation in ["refresh_cached"; 4].into_iter().chain(["lock"]) {
            let home = std::sync::Arc::clone(home);
            flying.spawn(async move { home.command(slug, operation, "").await });
        }
    }
    flying.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_operations_in_flight_cost_one_refresh() {
    let home = std::sync::Arc::new(RealHome::start().await);
    home.settle().await;
    home.control().expire_when_in_flight(10);

    let reports = ten(&home).await;

    let counters = home.control().counters();
    assert_eq!(counters.grants_asked, 1, "one refresh for all of them");
    assert_eq!(counters.refused_tokens, 10, "each of them was refused once");
    for report in &reports {
        assert_eq!(report.state, State::Succeeded, "{report:?}");
        assert_eq!(report.attempts, 2, "{report:?}");
        assert!(report.token_refreshed, "{report:?}");
    }
    for (_, id) in [LEGACY, CCS2] {
        assert_eq!(counters.actuations_of(id, ActionKind::Lock), 1, "a car is locked once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_wording_of_an_expired_token_is_understood() {
    let home = RealHome::start().await;
    home.settle().await;
    let wordings = [
        "Key not authorized: Token is expired",
        "Key not authorized: token has expired",
        "key not authorized: TOKEN EXPIRED",
        "Key not authorized: the access token was expired",
    ];
    for (slug, _) in [LEGACY, CCS2] {
        for operation in ["refresh_cached", "lock"] {
            for wording in wordings {
                let before = home.control().counters();
                home.control().expire_access_token_with(Refusal::gateway(wording));
                // What needs no access token any more (a control token that is still good) would not notice.
                home.control().invalidate_control_tokens();
                let report = home.command(slug, operation, "").await;
                let after = home.control().counters();
                assert_eq!(report.state, State::Succeeded, "{slug} {operation} {wording}: {report:?}");
                assert_eq!(after.grants_asked - before.grants_asked, 1, "{slug} {operation} {wording}");
                assert!(report.attempts <= 2, "{slug} {operation} {wording}: {report:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_stays_refused_costs_two_attempts_and_one_refresh() {
    for (slug, id) in [LEGACY, CCS2] {
        let home = RealHome::start().await;
        home.settle().await;
        home.control().refuse_tokens(true);
        let report = home.command(slug, "lock", "").await;
        let counters = home.control().counters();
        assert_eq!(report.state, State::Failed, "{report:?}");
        assert_eq!(report.attempts, 2, "{report:?}");
        assert_eq!(counters.grants_asked, 1);
        assert_eq!(counters.actuations_of(id, ActionKind::Lock), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_at_once_again_is_refreshed_at_once_again() {
    // A window of time after a refresh, as the replaced service had it, would fail the second operation.
    let home = RealHome::start().await;
    home.settle().await;
    for _ in 0..5 {
        home.control().expire_access_token();
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    assert_eq!(home.control().counters().grants_asked, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_about_to_end_is_refreshed_before_it_is_used() {
    let home = RealHome::with(patient_cloud()).await;
    home.settle().await;
    home.clock.advance(3_595);
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    let counters = home.control().counters();
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
    assert_eq!((counters.grants_asked, counters.refused), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_live_only_a_moment_are_not_refreshed_before_every_request() {
    let config = simulator::Config { access_token_lifetime: Duration::from_secs(1), ..patient_cloud() };
    let home = RealHome::with(config).await;
    home.settle().await;
    for _ in 0..10 {
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
    // At most what the cloud itself has ended meanwhile.
    let counters = home.control().counters();
    assert!(counters.grants_asked <= counters.refused_tokens, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_refresh_token_is_kept() {
    let home = RealHome::with(simulator::Config { rotate_refresh_token: true, ..Default::default() }).await;
    home.settle().await;
    for _ in 0..3 {
        home.control().expire_access_token();
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
    }
    assert_eq!(home.control().counters().refused_grants, 0);
}
