//! IDM: what is sent twice, and what never is.

use simulator::Effect::Answer;
use simulator::{ActionKind, Ending, Outcome};
use testkit::network::Outage;
use testkit::{CCS2, Home};
use vehicle_connector::host::Request;
use vehicle_connector::wire::outcome::{Reason, State};

use super::*;

cases! {
    "IDM-01" => an_answer_that_is_late,
    "IDM-02" => a_refused_connection,
    "IDM-03" => not_processed,
    "IDM-04" => refused_before_execution,
    "IDM-05" => a_poll_that_is_refused,
    "IDM-06" => a_newer_command,
    "IDM-07" => past_its_deadline,
    "IDM-08" => delivered_to_two_hosts,
    "IDM-09" => a_busy_car,
    "IDM-10" => reads,
    "IDM-11" => absolute_values,
}

/// A home whose commands need neither a new registration nor the PIN.
async fn warm() -> VirtualHome {
    let home = VirtualHome::start().await;
    for (car, _) in [LEGACY, CCS2] {
        assert_eq!(home.command(car, "lock", "").await.state, State::Succeeded);
        home.advance(seconds(5)).await;
    }
    home.control.reset_counters();
    home
}

fn unlocked(home: &VirtualHome) -> u64 {
    home.counters().actuations_of(LEGACY.1, ActionKind::Unlock)
}

async fn an_answer_that_is_late() {
    let home = warm().await;
    home.control.inject(Fault::new(RouteKind::Command, Effect::Delay { millis: 40_000 }).after_acting());
    let report = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{report:?}");
    assert_eq!((home.counters().commands, unlocked(&home)), (1, 1));
    home.advance(seconds(120)).await;
    assert_eq!(home.counters().commands, 1);
    assert!(home.counters().status > 0, "the car is read, to see what became of it");
}

async fn a_refused_connection() {
    let home = warm().await;
    home.network.set_outage(Outage::Everything);
    let id = home.begin(LEGACY.0, "unlock", "").await;
    home.advance(Duration::from_millis(10)).await;
    home.network.set_outage(Outage::Nothing);
    let report = home.ended(LEGACY.0, &id).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!((home.counters().commands, unlocked(&home)), (1, 1));
}

async fn not_processed() {
    let home = warm().await;
    home.network.set_outage(Outage::Everything);
    let id = home.begin(LEGACY.0, "unlock", "").await;
    home.advance(seconds(120)).await;
    let report = home.ended(LEGACY.0, &id).await;
    assert_eq!(
        (report.state, report.reason),
        (State::Failed, Some(Reason::UpstreamUnavailable)),
        "{report:?}"
    );
    assert_eq!((report.attempts, home.counters().requests), (4, 0), "known not to have been sent");
}

async fn refused_before_execution() {
    let home = warm().await;
    kick(&home);
    let report = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert!(report.token_refreshed, "{report:?}");
    assert_eq!((home.counters().grants_asked, unlocked(&home)), (1, 1));
    assert_eq!(home.counters().commands, 2);
}

async fn a_poll_that_is_refused() {
    let home = warm().await;
    home.control.inject(Fault::new(RouteKind::Records, Effect::answer(401, EXPIRED)));
    home.control.queue_outcome(Outcome::new(Ending::Success).pending(1));
    let report = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
    let counters = home.counters();
    assert_eq!((counters.commands, counters.polls, counters.grants_asked), (1, 3, 1));
}

async fn a_newer_command() {
    let home = warm().await;
    let body = r#"{"retCode":"F","resCode":"5031","resMsg":"Unavailable remote control - Service Temporary Unavailable","msgId":"x"}"#;
    let headers = vec![("retry-after".to_owned(), "8".to_owned())];
    let not_now = Answer { status: 503, body: body.to_owned(), headers };
    home.control.inject(Fault::new(RouteKind::Command, not_now));
    let unlock = home.begin(LEGACY.0, "unlock", "").await;
    home.advance(seconds(3)).await;
    assert!(home.finals(LEGACY.0, &unlock).is_empty(), "it waits");
    let lock = home.command(LEGACY.0, "lock", "").await;
    let unlock = home.ended(LEGACY.0, &unlock).await;
    assert_eq!((lock.state, unlock.reason), (State::Succeeded, Some(Reason::Superseded)), "{unlock:?}");
    assert_eq!((home.counters().commands, unlocked(&home)), (2, 0));
}

async fn past_its_deadline() {
    let home = warm().await;
    // The token and the permission have ended, and whatever replaces them is slow. Only the newer car wants a
    // permission.
    home.advance(seconds(700)).await;
    kick(&home);
    for route in [RouteKind::Pin, RouteKind::Token] {
        home.control.inject(Fault::new(route, Effect::Delay { millis: 29_000 }).forever());
    }
    let report = home.command(CCS2.0, "unlock", "").await;
    assert_eq!(report.reason, Some(Reason::UpstreamUnavailable), "{report:?}");
    assert!(matches!(report.state, State::Failed | State::Rejected), "{report:?}");
    home.advance(seconds(300)).await;
    assert_eq!(home.counters().commands, 0);
}

async fn delivered_to_two_hosts() {
    let home = warm().await;
    home.control.queue_outcome(Outcome::new(Ending::Success).pending(4));
    let id = home.begin(LEGACY.0, "unlock", "").await;
    home.control.wait_until(|counters| counters.polls > 0).await;
    let other = home.another_host().await;
    let topic = format!("vehicle-connector/vehicle/{}/cmd/unlock", LEGACY.0);
    let payload = format!(r#"{{"id":"{id}"}}"#).into_bytes();
    let again =
        || other.handle(Request { topic: topic.clone(), payload: payload.clone(), ..Request::default() });
    again().await;
    home.advance(seconds(90)).await;
    let ends = home.finals(LEGACY.0, &id);
    assert!(!ends.is_empty() && ends.iter().all(|report| report.state == State::Succeeded), "{ends:?}");
    again().await;
    assert_eq!(home.finals(LEGACY.0, &id).len(), ends.len() + 1, "the result is repeated");
    assert_eq!((home.counters().commands, unlocked(&home)), (1, 1));
}

async fn a_busy_car() {
    let home = warm().await;
    home.control.inject(Fault::new(RouteKind::Command, Effect::duplicate()));
    let report = home.command(LEGACY.0, "climate", r#""action":"start""#).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    let waited = report.finished_at.unwrap().duration_since(report.requested_at);
    assert!(waited.as_secs() >= 10, "{waited:?}");
    let counters = home.counters();
    assert_eq!((counters.commands, counters.actuations_of(LEGACY.1, ActionKind::StartClimate)), (2, 1));
}

async fn reads() {
    let home = VirtualHome::start().await;
    home.control.inject(unwell(RouteKind::Status).times(2));
    let report = home.read().await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 3), "{report:?}");
    assert_eq!(home.counters().status, 3);
}

async fn absolute_values() {
    let home = warm().await;
    let set = async || home.command(CCS2.0, "charging_current", r#""level":2"#).await;
    for fault in [unwell(RouteKind::Command), Fault::new(RouteKind::Command, Effect::Drop).after_acting()] {
        home.control.reset_counters();
        home.control.inject(fault);
        let report = set().await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
        assert_eq!(home.counters().commands, 2);
        home.advance(seconds(10)).await;
    }
    // Refused after its answer was lost: the first one may have been done all the same.
    home.control.inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
    home.control.inject(
        Fault::new(RouteKind::Command, Effect::envelope("4002", "Invalid parameter")).skip(1).forever(),
    );
    let report = set().await;
    assert_eq!((report.state, report.attempts), (State::Unknown, 4), "{report:?}");
}

/// The host's own identifier is nothing that the vendor could be asked about.
#[tokio::test(start_paused = true)]
async fn a_command_of_which_the_cloud_never_said_which_action_it_became_is_not_asked_about() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
    let id = home.begin(LEGACY.0, "lock", "").await;
    assert_eq!(home.ended(LEGACY.0, &id).await.state, State::Unknown);
    let polls = home.counters().polls;
    home.send(LEGACY.0, "action_status", format!(r#"{{"id":"{id}"}}"#)).await;
    home.advance(seconds(1)).await;
    let last = home.retained(&format!("vehicle/{}/action/last", LEGACY.0));
    assert_eq!((&last["op"], &last["state"]), (&"check_action_status".into(), &"rejected".into()), "{last}");
    assert_eq!(home.counters().polls, polls);
}
