//! The audit trail: it says of a decision what was done about it, and by whom.

use simulator::{Effect, Ending, Fault, Outcome, RouteKind};
use testkit::log::Log;
use testkit::virtual_home::{VirtualHome, compiled};
use testkit::{Home, LEGACY};
use vehicle_connector::audit::{Decided, Record, records};
use vehicle_connector::plugin::embedded;
use vehicle_connector::store::{Kind, Store as _};
use vehicle_connector::wire::outcome::State;

async fn decisions(home: &VirtualHome) -> Vec<Record> {
    records(home.store.list(Kind::Audit).await.unwrap())
}

/// What was done about the first attempt that failed.
async fn done_about_the_first_failure(home: &VirtualHome) -> String {
    let mut decisions = decisions(home).await.into_iter();
    let is_failure = |record: &Record| matches!(record.entry.decided, Decided::Failure { .. });
    decisions.find(is_failure).unwrap().entry.done
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_a_circuit_did_not_let_through_was_not_made() {
    let home = VirtualHome::start().await;
    let which = r#"{"circuit":"token-endpoint home"}"#.to_owned();
    home.deliver("bridge/request/circuit/isolate", which).await;
    home.control.expire_access_token();
    let report = home.read().await;
    assert_ne!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(home.counters().grants_asked, 0);
    let decisions = decisions(&home).await;
    let last =
        decisions.iter().rfind(|record| matches!(record.entry.decided, Decided::Refresh { .. })).unwrap();
    assert_eq!(last.answer().decision, "refresh", "what the policy wanted");
    assert!(last.entry.done.starts_with("no refresh: an operator isolated"), "{}", last.entry.done);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_there_is_nothing_to_ask_about_was_given_up() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Unknown);
    let decisions = decisions(&home).await;
    let last = decisions.last().unwrap();
    assert!(last.answer().decision.starts_with("confirm"), "{last:?}");
    assert_eq!(
        last.entry.done,
        "give up: the car may have acted (no answer came), so the command is not repeated, and there is nothing to ask \
         about"
    );
}

/// An answer that is no certain refusal: no refresh follows, and neither the trail nor the log speaks of one.
#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_repeated_since_the_car_may_have_acted_says_so() {
    let expired = || r#"{"error":"Key not authorized: Token is expired"}"#.to_owned();
    let unknown = r#"{"retCode":"F","resCode":"5999","resMsg":"Gateway timeout","msgId":"x"}"#.to_owned();
    for (status, body, why) in [
        (403, expired(), "HTTP 403, without a code that the connector knows"),
        (400, unknown, "HTTP 400, code 5999, which the connector does not know for a refusal before that"),
    ] {
        let home = VirtualHome::start().await;
        let log = Log::default();
        let guard = log.of_this_thread();
        home.control.inject(Fault::new(RouteKind::Command, Effect::answer(status, body)).forever());
        assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Unknown);
        drop(guard);
        let done = done_about_the_first_failure(&home).await;
        let said = format!("give up: the car may have acted ({why}), so the command is not repeated");
        assert!(done.starts_with(&said), "{done}");
        let log = log.text();
        let of_command: Vec<&str> = log.lines().filter(|line| line.contains("attempt failed")).collect();
        assert!(of_command.iter().any(|line| line.contains(&said)), "{log}");
        assert!(!log.contains("token expiry detected"), "{log}");
    }
}

/// The same words about a read are refreshed for, and the log says so.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_refreshed_for_is_logged_as_such() {
    let home = VirtualHome::start().await;
    let log = Log::default();
    let guard = log.of_this_thread();
    // A token of some age: one that is refused at once has not expired.
    home.advance(std::time::Duration::from_secs(120)).await;
    let refused = Effect::answer(403, r#"{"error":"Key not authorized: Token is expired"}"#);
    home.control.inject(Fault::new(RouteKind::Status, refused));
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    drop(guard);
    assert!(log.text().contains("token expiry detected"), "{}", log.text());
    assert_eq!(done_about_the_first_failure(&home).await, "refresh");
}

#[tokio::test(start_paused = true)]
async fn every_step_names_the_policy_that_the_command_began_with() {
    let home = VirtualHome::start().await;
    home.control.inject(Fault::new(RouteKind::Command, Effect::Hold).after_acting());
    home.control.queue_outcome(Outcome::new(Ending::Success).pending(1));
    let id = home.begin(LEGACY.0, "lock", "").await;
    home.control.wait_until(|counters| counters.held == 1).await;
    home.decide_with(&compiled(embedded::FOUR_PHRASES)).await;
    home.control.release();
    home.control.wait_until(|counters| counters.polls == 1).await;
    let step = home.retained(&format!("vehicle/{}/action/last", LEGACY.0));
    assert_eq!((&step["state"], &step["policy"]["generation"]), (&"pending".into(), &1.into()), "{step}");
    let report = home.ended(LEGACY.0, &id).await;
    assert_eq!((report.state, report.policy.unwrap().generation), (State::Succeeded, 1));
    assert_eq!(home.host.policy_used().generation, 2);
}
