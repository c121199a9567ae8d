//! The audit trail: it says of a decision what was done about it, and by whom.

use simulator::{Effect, Ending, Fault, Outcome, RouteKind};
use testkit::virtual_home::{VirtualHome, compiled};
use testkit::{Home, LEGACY};
use vehicle_connector::audit::{Decided, Record, records};
use vehicle_connector::plugin::embedded;
use vehicle_connector::store::{Kind, Store as _};
use vehicle_connector::wire::outcome::State;

async fn decisions(home: &VirtualHome) -> Vec<Record> {
    records(home.store.list(Kind::Audit).await.unwrap())
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
    assert_eq!(last.entry.done, "give up: nothing to ask about");
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
