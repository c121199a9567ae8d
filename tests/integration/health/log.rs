//! The log names the operation on every line that concerns it.

use serde_json::Value;
use testkit::log::Log;
use testkit::virtual_home::VirtualHome;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::wire::outcome::State;

/// The lines of a log in JSON.
fn lines(log: &Log) -> Vec<Value> {
    log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The operations that a line is about: those of its spans, and the one that it names itself.
fn operations(line: &Value) -> Vec<&str> {
    let spans = line["spans"].as_array().into_iter().flatten();
    let own = line["fields"]["operation"].as_str();
    spans.filter_map(|span| span["operation"].as_str()).chain(own).collect()
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_command_has_its_id() {
    let home = VirtualHome::start().await;
    let log = Log::default();
    let guard = log.in_json();
    home.control.expire_access_token();
    home.send(LEGACY.0, "lock", r#"{"id":"evening-1","action":"lock"}"#).await;
    let report = home.ended(LEGACY.0, "evening-1").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    drop(guard);
    let lines = lines(&log);
    let said =
        |words: &str| lines.iter().any(|line| line["fields"]["message"].as_str().unwrap().contains(words));
    assert!(said("token expiry detected") && said("token refresh finished"), "{lines:?}");
    assert!(said("operation repeated") && said("command ended"), "{lines:?}");
    for line in &lines {
        assert_eq!(line["spans"][0]["operation"], "evening-1", "where all lines have it: {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_done_has_its_id_on_its_line() {
    let home = VirtualHome::start().await;
    let log = Log::default();
    let guard = log.in_json();
    home.send(LEGACY.0, "lock", r#"{"id":"evening-2","action":"dance"}"#).await;
    let report = home.ended(LEGACY.0, "evening-2").await;
    assert_eq!(report.state, State::Rejected, "{report:?}");
    drop(guard);
    let lines = lines(&log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(operations(&lines[0]), ["evening-2"], "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_several_wait_for_names_whose_it_is() {
    let home = VirtualHome::start().await;
    let log = Log::default();
    let guard = log.in_json();
    home.control.expire_when_in_flight(2);
    for (slug, _) in [LEGACY, CCS2] {
        home.send(slug, "refresh_cached", format!(r#"{{"id":"of-{slug}"}}"#)).await;
    }
    for (slug, _) in [LEGACY, CCS2] {
        let report = home.ended(slug, &format!("of-{slug}")).await;
        assert!(report.state == State::Succeeded && report.token_refreshed, "{report:?}");
    }
    drop(guard);
    let lines = lines(&log);
    let started: Vec<&Value> =
        lines.iter().filter(|line| line["fields"]["message"] == "token refresh started").collect();
    assert_eq!(started.len(), 1, "one for both: {lines:?}");
    let owner = started[0]["span"]["operation"].as_str().unwrap();
    assert!(["of-niro", "of-ev6"].contains(&owner), "{started:?}");
    let finished = lines.iter().find(|line| line["fields"]["message"] == "token refresh finished").unwrap();
    assert_eq!(operations(finished), operations(started[0]), "{finished}");
}
