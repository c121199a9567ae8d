//! Refreshes, exchanges, and the end of a session, over days.

use std::time::Duration;

use simulator::{Config as Cloud, Effect, Fault, RouteKind};
use testkit::virtual_home::VirtualHome;
use testkit::{Home, LEGACY, password};
use vehicle_connector::wire::outcome::State;

use super::asked;

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const OFTEN: Duration = Duration::from_secs(600);

/// A home in virtual time that signs in by password.
pub(super) async fn virtual_home(cloud: Cloud) -> VirtualHome {
    let signs_in = password::signs_in(&cloud);
    VirtualHome::with(cloud, signs_in).await
}

#[tokio::test(start_paused = true)]
async fn a_day_is_a_refresh_an_hour_and_one_exchange_and_its_end_one_sign_in() {
    for in_cookie in [false, true] {
        let home = virtual_home(Cloud { exchangeable_in_cookie: in_cookie, ..Cloud::default() }).await;
        let load = home.reads(OFTEN, 24 * HOUR).await;
        assert!(load.failed().is_empty(), "{:?}", load.failed().first());
        let counters = home.counters();
        let [sign_ins, codes, exchanges, refreshes] = asked(&counters);
        assert_eq!((sign_ins, codes, exchanges), (0, 0, 1), "{counters:?}");
        assert!((24..=28).contains(&refreshes), "{refreshes} refreshes");
        assert_eq!(counters.cci_generation, refreshes + 1, "one refresh for each generation");
        assert_eq!((counters.gate_refusals, counters.unsigned, counters.refused_tokens), (0, 0, 0));

        home.control.end_sessions();
        let load = home.reads(OFTEN, 3 * HOUR).await;
        assert!(load.failed().is_empty(), "{:?}", load.failed().first());
        let [sign_ins, codes, ..] = asked(&home.counters());
        assert_eq!((sign_ins, codes), (1, 1), "one sign-in, and its session goes on");
        assert_eq!(home.account()["logins_today"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_access_token_that_is_ended_early_is_exchanged_for_the_read_that_found_out() {
    let home = virtual_home(Cloud::default()).await;
    for minutes in [5, 30] {
        home.advance(Duration::from_secs(minutes * 60)).await;
        let before = home.counters();
        home.control.expire_access_token();
        let report = home.read().await;
        assert_eq!(report.state, State::Succeeded, "after {minutes} min: {report:?}");
        let after = home.counters();
        assert_eq!(after.token_exchanges - before.token_exchanges, 1, "after {minutes} min");
        assert_eq!((after.refreshes, after.sign_ins_asked), (0, 0), "the set is as good as before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_fails_for_hours_is_noticed_by_nobody() {
    let home = virtual_home(Cloud::default()).await;
    home.reads(OFTEN, 21 * HOUR).await;
    home.control.fail_exchanges(2);
    let load = home.reads(OFTEN, 5 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    assert_eq!((counters.sign_ins_asked, counters.token_exchanges), (0, 1), "{counters:?}");
    assert_eq!(counters.token_exchanges_asked, 3);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_whose_exchange_fails_is_not_made_again() {
    let home = virtual_home(Cloud::default()).await;
    home.advance(HOUR).await;
    home.control.end_sessions();
    home.control.expire_access_token();
    home.control.fail_exchanges(1_000);
    // The second one has nothing left but the exchange.
    for _ in 0..2 {
        let report = home.read().await;
        assert_ne!(report.state, State::Succeeded, "{report:?}");
    }
    let account = home.account();
    assert!(account.to_string().contains("external service error"), "{account}");
    home.control.clear_faults();
    home.advance(2 * HOUR).await;
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    let counters = home.counters();
    assert_eq!((counters.sign_ins_asked, counters.token_exchanges), (1, 1), "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_brings_nothing_is_no_sign_in_lost() {
    let nothing = Fault::new(RouteKind::TokenExchange, Effect::answer(200, "{}")).forever();
    let home = virtual_home(Cloud::default()).await;
    home.advance(HOUR).await;
    // First a sign-in, then a refresh.
    for sign_ins in [1, 0] {
        home.control.reset_counters();
        if sign_ins > 0 {
            home.control.end_sessions();
        }
        home.control.expire_access_token();
        home.control.inject(nothing.clone());
        let report = home.read().await;
        assert_ne!(report.state, State::Succeeded, "{report:?}");
        let account = home.account().to_string();
        assert!(!account.contains("refused without a reason"), "nobody has refused anything: {account}");
        home.control.clear_faults();
        home.advance(HOUR / 4).await;
        let report = home.read().await;
        assert_eq!(report.state, State::Succeeded, "{report:?}");
        let counters = home.counters();
        assert_eq!((counters.sign_ins_asked, counters.token_exchanges), (sign_ins, 1), "{counters:?}");
        home.advance(HOUR).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_service_that_is_away_is_missed_by_nobody_while_the_access_token_lasts() {
    let home = virtual_home(Cloud::default()).await;
    home.control.inject(Fault::new(RouteKind::TokenRefresh, Effect::unavailable()).forever());
    let load = home.reads(OFTEN, 20 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let away = home.counters();
    assert!(away.refreshes == 0 && away.refreshes_asked > 20, "it is asked meanwhile: {away:?}");
    home.control.clear_faults();
    let load = home.reads(OFTEN, 10 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    assert!(counters.refreshes >= 8 && counters.token_exchanges == 1, "{counters:?}");
    assert_eq!(counters.sign_ins_asked, 0);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_refused_for_hours_costs_few_sets_and_is_told() {
    let home = virtual_home(Cloud::default()).await;
    home.advance(HOUR / 2).await;
    home.control.expire_access_token();
    let refused = Effect::envelope("9013", "invalid token");
    home.control.inject(Fault::new(RouteKind::TokenExchange, refused).forever());
    let load = home.reads(OFTEN, 6 * HOUR).await;
    assert_eq!(load.failed().len(), load.reports.len(), "there is nothing to read with");
    let counters = home.counters();
    assert!(counters.refreshes <= 7, "a set an hour, and not one for each read: {counters:?}");
    assert_eq!(counters.sign_ins_asked, 0, "{counters:?}");
    let said = home.read().await;
    let said = format!("{said:?} {}", home.account());
    assert!(said.contains("does not exchange the tokens") && said.contains("invalid token"), "{said}");
    home.control.clear_faults();
    home.advance(7 * HOUR).await;
    assert_eq!(home.read().await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_the_vehicle_service_has_forgotten_is_still_that_of_the_tokens() {
    let home = virtual_home(Cloud::default()).await;
    home.control.invalidate_device(None);
    let report = home.read().await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(home.counters().registrations, 1);
    let load = home.reads(OFTEN, 25 * HOUR).await;
    assert!(load.failed().is_empty(), "{:?}", load.failed().first());
    let counters = home.counters();
    let [sign_ins, _, exchanges, refreshes] = asked(&counters);
    assert_eq!((sign_ins, exchanges, counters.registrations), (0, 1, 1), "{counters:?}");
    assert!(refreshes == counters.refreshes && refreshes >= 20, "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_over_without_a_way_back_is_told() {
    let home = virtual_home(Cloud::default()).await;
    home.control.end_sessions();
    home.control.set_sign_in_outcome(simulator::SignInOutcome::LoginPage);
    home.advance(HOUR).await;
    for _ in 0..30 {
        home.command(LEGACY.0, "refresh_cached", "").await;
        home.advance(HOUR / 2).await;
    }
    let counters = home.counters();
    assert_eq!((counters.refreshes_asked, counters.sign_ins_asked), (1, 1), "{counters:?}");
    let account = home.account();
    assert_eq!(account["state"], "auth_required", "{account}");
}
