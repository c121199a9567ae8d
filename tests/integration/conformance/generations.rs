//! GEN: one refresh for each generation of a session, and none that is not needed.

use serde_json::json;
use vehicle_connector::time::Clock as _;
use vehicle_connector::wire::outcome::{Reason, State};

use super::*;

cases! {
    "GEN-01" => fifty_requests,
    "GEN-02" => a_late_refusal,
    "GEN-03" => ended_right_after_a_refresh,
    "GEN-04" => twenty_second_tokens,
    "GEN-05" => a_clock_set_back,
    "GEN-06" => a_clock_set_forward,
    "GEN-07" => odd_lifetimes,
    "GEN-08" => a_token_that_is_given_out_expired,
    "GEN-09" => a_swap_during_a_refresh,
    "GEN-10" => a_leader_that_leaves,
}

async fn fifty_requests() {
    const CARS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        // One account; the cloud has one car for all of them.
        let own = config.accounts.clone();
        let unused = simulator::Config::default().refresh_token;
        *config = accounts(&CARS.map(|car| (car, &*unused)));
        let home = own.keys().next().unwrap();
        config.vehicles.values_mut().for_each(|vehicle| vehicle.account = home.clone());
        config.accounts = own;
    })
    .await;
    home.control.expire_when_in_flight(50);
    let mut sent = Vec::new();
    for car in CARS.into_iter().cycle().take(50) {
        sent.push((car, home.begin(car, "refresh_cached", "").await));
    }
    for (car, id) in sent {
        let report = home.ended(car, &id).await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    let counters = home.counters();
    assert_eq!((counters.grants_asked, counters.refused_tokens), (1, 50));
}

async fn a_late_refusal() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Status, Effect::Hold));
    let late = home.begin(LEGACY.0, "refresh_cached", "").await;
    home.advance(seconds(1)).await;
    home.control.expire_access_token();
    assert_eq!(home.read().await.attempts, 2);
    assert_eq!(home.counters().grants_asked, 1);
    home.control.release();
    let late = home.ended(LEGACY.0, &late).await;
    assert_eq!((late.state, late.attempts, late.token_refreshed), (State::Succeeded, 2, true), "{late:?}");
    assert_eq!(home.counters().grants_asked, 1, "it found the newer one");
}

async fn ended_right_after_a_refresh() {
    let home = VirtualHome::start().await;
    for refreshes in 1..=3 {
        home.control.expire_access_token();
        assert_eq!(home.read().await.state, State::Succeeded);
        assert_eq!(home.counters().grants_asked, refreshes);
        home.advance(seconds(5)).await;
    }
}

async fn twenty_second_tokens() {
    let cloud = simulator::Config { access_token_lifetime: seconds(20), ..Default::default() };
    let home = VirtualHome::with(cloud, |_| {}).await;
    let load = home.reads(Duration::from_millis(500), seconds(600)).await;
    assert_eq!(load.failed(), Vec::<&_>::new());
    assert!(home.counters().grants_asked <= 31, "{}", home.counters().grants_asked);
}

/// A cloud that does not mind that the host's clock is wrong.
fn patient() -> simulator::Config {
    let mut cloud = shared_cloud();
    cloud.strict.stamp_tolerance = seconds(7 * 86_400);
    cloud
}

async fn a_clock_set_back() {
    let home = VirtualHome::with(patient(), |_| {}).await;
    home.control.expire_access_token();
    home.read().await;
    home.calendar.step(-3_600);
    home.advance(seconds(35)).await;
    home.control.expire_access_token();
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 2);
    // An hour later it has ended, whatever the calendar says.
    home.advance(seconds(3_600)).await;
    let report = home.read().await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "refreshed before it was used");
    assert_eq!(home.counters().grants_asked, 3);
}

async fn a_clock_set_forward() {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    let cloud = patient();
    let token = cloud.refresh_token.clone();
    let home =
        VirtualHome::with(cloud, |config| *config = accounts(&NAMES.map(|name| (name, &*token)))).await;
    home.advance(seconds(31)).await;
    home.calendar.step(86_400);
    let read_all = async || {
        for car in NAMES {
            let report = home.command(car, "refresh_cached", "").await;
            assert_eq!(report.state, State::Succeeded, "{report:?}");
        }
    };
    for _ in 0..30 {
        read_all().await;
        home.advance(seconds(2)).await;
    }
    assert_eq!(home.counters().grants_asked, 3, "once for each account");
    home.advance(seconds(2_900)).await;
    let before = home.token_calls().len();
    for _ in 0..70 {
        read_all().await;
        home.advance(seconds(5)).await;
    }
    let early = home.token_calls().split_off(before);
    assert_eq!(early.len(), 3, "before the end, once for each account: {early:?}");
    assert!(early.windows(2).all(|pair| pair[1] - pair[0] > seconds(4)), "not together: {early:?}");
}

async fn odd_lifetimes() {
    let ten_years = 10 * 365 * 86_400;
    for (says, lives) in [
        (json!(null), None),
        (json!("3600"), Some(3_600)),
        (json!("0"), Some(10)),
        (json!(-1), Some(10)),
        (json!(1_000_000_000_000_u64), Some(ten_years)),
        (json!("abc"), None),
    ] {
        let home = VirtualHome::start().await;
        *home.meddling.expires_in.lock() = Some(says.clone());
        home.control.expire_access_token();
        assert_eq!(home.read().await.state, State::Succeeded, "{says}");
        let state = home.retained("account/home/state");
        let until = state["token_expires_at"].as_str().map(|at| at.parse::<jiff::Timestamp>().unwrap());
        let left = until.map(|at| at.duration_since(home.calendar.now()).as_secs());
        assert!(
            left.zip(lives).map_or(left.is_none() && lives.is_none(), |(l, r)| (r - 2..=r).contains(&l)),
            "{says}: {left:?}, not {lives:?}"
        );
        let load = home.reads(seconds(1), seconds(90)).await;
        assert_eq!(load.failed(), Vec::<&_>::new(), "{says}");
        let calls = home.counters().grants_asked;
        assert!(calls <= if lives == Some(10) { 4 } else { 1 }, "{says}: {calls} calls in 90 s");
    }
}

async fn a_token_that_is_given_out_expired() {
    let home = VirtualHome::start().await;
    *home.meddling.expires_in.lock() = Some(json!(0));
    home.control.expire_access_token();
    let load = home.reads(Duration::from_millis(200), seconds(120)).await;
    assert_eq!(load.failed(), Vec::<&_>::new());
    let calls = home.token_calls().split_off(1);
    assert!(calls.windows(2).all(|pair| pair[1] - pair[0] >= seconds(10)), "{calls:?}");
}

async fn a_swap_during_a_refresh() {
    let home = VirtualHome::start().await;
    home.control.expire_access_token();
    home.control.inject(Fault::new(RouteKind::Token, Effect::Hold));
    let before = home.begin(LEGACY.0, "refresh_cached", "").await;
    home.advance(seconds(1)).await;
    assert_eq!(home.counters().held, 1, "the refresh is under way");
    home.decide_with(&four_phrases()).await;
    let after = home.begin(LEGACY.0, "refresh_cached", "").await;
    home.advance(seconds(1)).await;
    home.control.release();
    let (before, after) = (home.ended(LEGACY.0, &before).await, home.ended(LEGACY.0, &after).await);
    for report in [&before, &after] {
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
        assert!(report.token_refreshed, "{report:?}");
    }
    assert_ne!(before.policy.unwrap().name, after.policy.unwrap().name);
    assert_eq!(home.counters().grants_asked, 1);
}

async fn a_leader_that_leaves() {
    let mut home = VirtualHome::start().await;
    home.control.expire_access_token();
    home.control.inject(Fault::new(RouteKind::Token, Effect::Hold));
    let mut sent = Vec::new();
    for _ in 0..11 {
        sent.push(home.begin(LEGACY.0, "refresh_cached", "").await);
    }
    home.advance(seconds(1)).await;
    assert_eq!(home.counters().held, 1);
    let host = std::sync::Arc::clone(&home.host);
    let stopping = tokio::spawn(async move { host.stop().await });
    home.advance(seconds(5)).await;
    for id in sent {
        let report = home.ended(LEGACY.0, &id).await;
        assert_eq!(report.reason, Some(Reason::HostStopping), "{report:?}");
    }
    assert_eq!(home.counters().held, 1, "all have left, and the refresh goes on");
    home.control.release();
    stopping.await.unwrap();
    home.restart().await;
    let report = home.read().await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
    assert_eq!(home.counters().grants_asked, 1, "its token was not lost");
}
