//! Properties that must hold under load for as long as it takes, in virtual time.

use std::time::Duration;

use simulator::{Effect, Fault, Refusal, RouteKind};
use testkit::network::Outage;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::wire::outcome::{Reason, State};

mod budget;
mod fights;
mod outages;
mod swaps;

/// Between two operations.
const TEN_A_SECOND: Duration = Duration::from_millis(100);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Twenty reads with a token that stays refused; the reason of the last one.
async fn refused_for_ever(home: &VirtualHome, wording: &str) -> Option<Reason> {
    home.control.set_refusal(Refusal::gateway(wording));
    home.control.refuse_tokens(true);
    let mut last = None;
    for _ in 0..25 {
        let before = home.counters();
        let report = home.read().await;
        let after = home.counters();
        let grants = after.grants_asked - before.grants_asked;
        assert_ne!(report.state, State::Succeeded);
        assert!(report.attempts <= 2, "{report:?}");
        assert!(grants <= 1 && after.generation - before.generation == grants, "one for each generation");
        last = report.reason;
    }
    last
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_tokens_are_refused_for_ever_is_left_alone_after_a_few_commands() {
    for wording in ["Unauthorized", "Token is expired"] {
        let home = VirtualHome::start().await;
        assert_eq!(refused_for_ever(&home, wording).await, Some(Reason::BreakerOpen));
        let counters = home.counters();
        assert!(counters.requests <= 15, "five commands of two attempts and a refresh: {counters:?}");
        assert_eq!(home.circuit("account home")["state"], "open");
        for _ in 0..10 {
            assert_eq!(home.read().await.reason, Some(Reason::BreakerOpen));
        }
        assert_eq!(home.counters().requests, counters.requests, "nothing goes out");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_costs_one_token_call_in_18_000_operations() {
    let home = VirtualHome::start().await;
    home.control.refuse_grants(true);
    home.control.expire_access_token();
    assert_eq!(home.read().await.reason, Some(Reason::AuthRequired));
    let at_the_latch = home.counters().requests;
    let load = home.reads(TEN_A_SECOND, seconds(1_800)).await;
    assert_eq!(load.reports.len(), 18_000);
    for report in &load.reports {
        assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::AuthRequired)));
    }
    let counters = home.counters();
    assert_eq!((counters.grants_asked, counters.requests), (1, at_the_latch));
    assert_eq!(home.events("auth_required").len(), 1);
    assert_eq!(home.account()["state"], "auth_required");
}

#[tokio::test(start_paused = true)]
async fn fifty_operations_on_one_expired_token_cost_one_refresh() {
    let home = VirtualHome::start().await;
    // Eight reads at once for each of the two cars; the others wait for their turn.
    home.control.expire_when_in_flight(16);
    let mut sent = Vec::new();
    for (car, _) in [LEGACY, CCS2].into_iter().cycle().take(50) {
        sent.push((car, home.begin(car, "refresh_cached", "").await));
    }
    let mut refreshed = 0;
    for (car, id) in sent {
        let report = home.ended(car, &id).await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
        refreshed += u32::from(report.attempts == 2 && report.token_refreshed);
    }
    let counters = home.counters();
    assert_eq!((counters.grants_asked, refreshed), (1, 16));
    assert_eq!(counters.refused_tokens, 16);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_twenty_seconds_fail_nothing() {
    let cloud = simulator::Config { access_token_lifetime: seconds(20), ..Default::default() };
    let home = VirtualHome::with(cloud, |_| {}).await;
    let load = home.reads(TEN_A_SECOND, seconds(600)).await;
    assert_eq!((load.reports.len(), load.failed()), (6_000, vec![]));
    let refreshes = home.counters().grants_asked;
    assert!((29..=31).contains(&refreshes), "{refreshes}");
}
