//! NEG: what a refresh that fails leads to.

use simulator::Effect::Answer;
use testkit::{CCS2, Home};
use vehicle_connector::host::Request;
use vehicle_connector::time::Clock as _;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::{Reason, State};

use super::*;

cases! {
    "NEG-01" => an_outage_at_expiry,
    "NEG-02" => an_outage_before_expiry,
    "NEG-03" => a_refused_grant,
    "NEG-04" => another_host_was_first,
    "NEG-05" => new_credentials,
    "NEG-06" => told_to_wait,
    "NEG-07" => a_blocked_client,
    "NEG-08" => no_escalation,
    "NEG-09" => one_dead_grant_among_others,
}

async fn an_outage_at_expiry() {
    let home = VirtualHome::start().await;
    home.advance(seconds(3_590)).await;
    home.control.inject(unwell(RouteKind::Token).forever());
    let load = home.reads(seconds(1), seconds(120)).await;
    let calls = home.counters().grants_asked;
    assert!((2..=12).contains(&calls), "{calls}");
    // Whoever has the time waits for the next refresh; nobody waits longer than his operation may take.
    assert!(load.longest() <= seconds(60), "{:?}", load.longest());
    home.control.restore();
    let load = home.reads(seconds(1), seconds(60)).await;
    assert!(load.reports.iter().skip(30).all(|report| report.state == State::Succeeded));
}

async fn an_outage_before_expiry() {
    let home = VirtualHome::start().await;
    home.advance(seconds(3_600 - 250)).await;
    home.control.inject(unwell(RouteKind::Token).forever());
    let load = home.reads(seconds(1), seconds(120)).await;
    assert_eq!(load.failed(), Vec::<&_>::new());
    let calls = home.counters().grants_asked;
    assert!((2..=12).contains(&calls), "{calls}");
}

async fn a_refused_grant() {
    let mut home = VirtualHome::start().await;
    home.control.refuse_grants(true);
    home.control.expire_access_token();
    home.read().await;
    let requests = home.counters().requests;
    home.restart().await;
    let load = home.reads(seconds(1), seconds(1_800)).await;
    assert!(load.reports.iter().all(|report| report.reason == Some(Reason::AuthRequired)));
    assert_eq!((home.counters().grants_asked, home.counters().requests), (1, requests));
    assert_eq!(home.events("auth_required").len(), 1);
}

async fn another_host_was_first() {
    let cloud = simulator::Config { rotate_refresh_token: true, ..Default::default() };
    let home = VirtualHome::with(cloud, |_| {}).await;
    let other = home.another_host().await;
    other.find_vehicles().await;
    home.control.reset_counters();
    home.control.expire_access_token();
    assert_eq!(home.read().await.state, State::Succeeded);
    let topic = format!("vehicle-connector/vehicle/{}/cmd/refresh_cached", CCS2.0);
    let payload = br#"{"id":"other"}"#.to_vec();
    other.handle(Request { topic, payload, ..Request::default() }).await;
    let report = home.ended(CCS2.0, "other").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    let counters = home.counters();
    assert_eq!((counters.grants, counters.refused_grants), (1, 1), "its refresh token was old");
    assert!(home.events("auth_required").is_empty());
    assert_eq!(home.account()["state"], "ok");
}

async fn new_credentials() {
    let mut home = VirtualHome::start().await;
    home.control.refuse_grants(true);
    home.control.expire_access_token();
    assert_eq!(home.read().await.reason, Some(Reason::AuthRequired));
    let new = "N".repeat(48);
    home.control.set_refresh_token(new.clone());
    home.restart().await;
    assert_eq!(home.read().await.reason, Some(Reason::AuthRequired), "the cloud's mind is not ours to know");
    assert_eq!(home.counters().grants_asked, 1);
    home.config = testkit::configuration("http://127.0.0.1:1", &new, "1234");
    home.config.vehicles.values_mut().for_each(|vehicle| vehicle.allow.extend(OperationName::COMMANDABLE));
    home.restart().await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 2);
    assert_eq!(home.account()["state"], "ok");
}

async fn told_to_wait() {
    for (header, least, most) in
        [("120", 120, 125), ("date", 85, 95), ("999999", 3_600, 3_660), ("-5", 1, 5), ("abc", 1, 5)]
    {
        let home = VirtualHome::start().await;
        home.control.expire_access_token();
        let before = home.token_calls().len();
        let date = home.calendar.now() + seconds(90);
        let header = match header {
            "date" => date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            _ => header.to_owned(),
        };
        let headers = vec![("retry-after".to_owned(), header.clone())];
        let body = r#"{"error":"slow down"}"#.to_owned();
        home.control.inject(Fault::new(RouteKind::Token, Answer { status: 429, body, headers }));
        let step = if least > 1_000 { seconds(20) } else { seconds(1) };
        // A read that has the time waits for it.
        home.read().await;
        while home.token_calls().len() < before + 2 {
            home.advance(step).await;
            home.read().await;
        }
        let pause = home.token_calls()[before + 1] - home.token_calls()[before];
        assert!((seconds(least)..=seconds(most)).contains(&pause), "{header}: {pause:?}");
    }
}

async fn a_blocked_client() {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    let cloud = shared_cloud();
    let token = cloud.refresh_token.clone();
    let home =
        VirtualHome::with(cloud, |config| *config = accounts(&NAMES.map(|name| (name, &*token)))).await;
    home.control.expire_access_token();
    let blocked = r#"{"error":"This is classified as an abusing request and blocked. client_id"}"#;
    home.control.inject(Fault::new(RouteKind::Token, Effect::answer(400, blocked)).forever());
    let read_all = async || {
        for car in NAMES {
            let report = home.command(car, "refresh_cached", "").await;
            assert_eq!(report.reason, Some(Reason::LockedOut), "{report:?}");
        }
    };
    read_all().await;
    let requests = home.counters().requests;
    for _ in 0..60 {
        home.advance(seconds(60)).await;
        read_all().await;
    }
    assert_eq!((home.counters().grants_asked, home.counters().requests), (1, requests));
    assert_eq!(home.events("locked_out").len(), 1);
    home.advance(seconds(11 * 3_600)).await;
    read_all().await;
    assert_eq!(home.counters().grants_asked, 2, "one more after twelve hours");
    assert_eq!(home.events("locked_out").len(), 2);
}

async fn no_escalation() {
    let home = VirtualHome::start().await;
    home.control.expire_access_token();
    home.control.inject(Fault::new(RouteKind::Token, Effect::Drop).times(10));
    let load = home.reads(seconds(5), seconds(1_200)).await;
    assert_eq!(load.reports.last().unwrap().state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 11);
    let state = home.retained("account/home/state");
    assert_eq!(state["logins_today"], 0, "no password was sent: {state}");
}

async fn one_dead_grant_among_others() {
    let cloud = shared_cloud();
    let (token, dead) = (cloud.refresh_token.clone(), "D".repeat(48));
    let home = VirtualHome::with(cloud, |config| {
        *config = accounts(&[("one", &*dead), ("two", &*token), ("three", &*token)]);
    })
    .await;
    for _ in 0..100 {
        let refused = home.command("one", "refresh_cached", "").await;
        assert_eq!(refused.reason, Some(Reason::AuthRequired), "{refused:?}");
        for car in ["two", "three"] {
            assert_eq!(home.command(car, "refresh_cached", "").await.state, State::Succeeded);
        }
    }
    assert_eq!(home.circuit(CLOUD)["state"], "closed");
    for (account, state) in [("one", "auth_required"), ("two", "ok"), ("three", "ok")] {
        assert_eq!(home.retained(&format!("account/{account}/state"))["state"], state);
    }
}
