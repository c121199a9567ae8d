//! Commands that the cloud takes without ever saying what became of them: the car is looked at until it shows.

use std::time::Duration;

use renault_simulator::{Aspect, CommandKind, Lag, RouteKind};
use testkit::Home;
use testkit::two_makers::{FIVE, TwoMakers};
use vehicle_connector::wire::outcome::{Reason, State};

const START: &str = r#""action":"start""#;

#[tokio::test(start_paused = true)]
async fn what_a_car_does_late_has_succeeded_once_it_is_seen() {
    for (aspect, topic, fields, kind) in [
        (Aspect::Hvac, "climate", START, CommandKind::HvacStart),
        (Aspect::Limits, "charge_limits", r#""ac":90,"dc":90"#, CommandKind::SocLevels),
    ] {
        let home = TwoMakers::start().await;
        home.renault.set_lag(aspect, Lag::Reads(3));
        let report = home.command(FIVE.0, topic, fields).await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
        let took = report.finished_at.unwrap().duration_since(report.requested_at).as_secs();
        assert!((60..120).contains(&took), "it was looked at four times: {took} s");
        let counters = home.counters();
        let sent = (counters.accepted_for(FIVE.1, kind), counters.executed_by(FIVE.1, kind));
        assert_eq!(sent, (1, 1), "{counters:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_just_seen_is_published_and_not_read_once_more() {
    let home = TwoMakers::start().await;
    home.renault.set_lag(Aspect::Hvac, Lag::Reads(3));
    assert_eq!(home.command(FIVE.0, "climate", START).await.state, State::Succeeded);
    home.home.advance(Duration::from_secs(600)).await;
    assert_eq!(home.counters().of(RouteKind::HvacStatus), 4, "looked at until it was seen, and no more");
    let state = home.retained(&format!("vehicle/{}/state", FIVE.0));
    assert_eq!(state["climate_on"], true, "{state}");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_seen_is_unknown_and_was_sent_once() {
    let home = TwoMakers::start().await;
    home.renault.set_lag(Aspect::Hvac, Lag::UntilSettled);
    let report = home.command(FIVE.0, "climate", START).await;
    let end = (report.state, report.reason, report.attempts);
    assert_eq!(end, (State::Unknown, Some(Reason::Unconfirmed), 1), "{report:?}");
    assert!(!report.retryable, "{report:?}");
    home.home.advance(Duration::from_secs(3_600)).await;
    let counters = home.counters();
    let sent = (counters.of(RouteKind::HvacStart), counters.executed_by(FIVE.1, CommandKind::HvacStart));
    assert_eq!(sent, (1, 0), "{counters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_is_looked_for_also_after_a_restart() {
    for is_seen in [true, false] {
        let mut home = TwoMakers::start().await;
        home.renault.set_lag(Aspect::Hvac, Lag::UntilSettled);
        let id = home.begin(FIVE.0, "climate", START).await;
        home.home.advance(Duration::from_secs(30)).await;
        assert_eq!(home.counters().accepted_for(FIVE.1, CommandKind::HvacStart), 1);
        home.restart().await;
        assert_eq!(home.finals(FIVE.0, &id), [], "it has not ended with the host");
        if is_seen {
            home.renault.settle();
        }
        let report = home.ended(FIVE.0, &id).await;
        let expected =
            if is_seen { (State::Succeeded, None) } else { (State::Unknown, Some(Reason::Unconfirmed)) };
        assert_eq!((report.state, report.reason), expected, "{report:?}");
        home.home.advance(Duration::from_secs(3_600)).await;
        assert_eq!(home.finals(FIVE.0, &id).len(), 1);
        assert_eq!(home.counters().of(RouteKind::HvacStart), 1, "sent once");
        assert_eq!(home.counters().logins, 0, "the session outlived the host");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_while_a_command_is_looked_for_sends_nothing_again() {
    let home = TwoMakers::start().await;
    home.renault.set_lag(Aspect::Hvac, Lag::Reads(2));
    let id = home.begin(FIVE.0, "climate", START).await;
    home.renault.wait_until(|counters| counters.of(RouteKind::HvacStatus) == 1).await;
    home.renault.expire_id_tokens();
    let report = home.ended(FIVE.0, &id).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
    let counters = home.counters();
    assert_eq!((counters.of(RouteKind::HvacStart), counters.jwt_asked), (1, 1), "{counters:?}");
}
