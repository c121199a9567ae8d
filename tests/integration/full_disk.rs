//! A full disk: a command that would be done twice is not done when it cannot be written down, and what would
//! be lost is kept.

use simulator::ActionKind;
use testkit::handmade::variant;
use testkit::virtual_home::{VirtualHome, compiled};
use testkit::{Home, LEGACY};
use vehicle_connector::deployment::{Offer, Refusal, Try};
use vehicle_connector::plugin::{PluginKind, embedded};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::{Reason, State};

fn locks(home: &VirtualHome) -> u64 {
    home.counters().actuations_of(LEGACY.1, ActionKind::Lock)
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_be_written_down_is_rejected() {
    let home = VirtualHome::start().await;
    home.store.refuse(Kind::Result, 0);
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.reason), (State::Rejected, Some(Reason::HostFault)), "{report:?}");
    assert_eq!(home.counters().requests, 0);
    home.store.mend();
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_be_written_down_as_sent_is_not_sent() {
    let home = VirtualHome::start().await;
    // It is written down when it is accepted, and then when it is about to be sent.
    home.store.refuse(Kind::Result, 1);
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_ne!(report.state, State::Succeeded, "{report:?}");
    assert!(report.detail.as_deref().is_some_and(|detail| detail.contains("written down")), "{report:?}");
    assert_eq!((locks(&home), home.counters().commands), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_stored_is_the_result_all_the_same() {
    let home = VirtualHome::start().await;
    // Accepted, sent and taken can be stored; the result cannot.
    home.store.refuse(Kind::Result, 3);
    let id = home.begin(LEGACY.0, "lock", "").await;
    assert_eq!(home.ended(LEGACY.0, &id).await.state, State::Succeeded);
    home.send(LEGACY.0, "lock", format!(r#"{{"id":"{id}"}}"#)).await;
    let finals = home.finals(LEGACY.0, &id);
    assert_eq!(finals.len(), 2, "the result, and its repetition");
    assert!(finals.iter().all(|report| report.state == State::Succeeded), "{finals:?}");
    assert_eq!(locks(&home), 1);

    // With the next one it is stored too, so another host knows it.
    home.store.mend();
    home.command(LEGACY.0, "refresh_cached", "").await;
    let mut home = home;
    home.restart().await;
    home.send(LEGACY.0, "lock", format!(r#"{{"id":"{id}"}}"#)).await;
    assert!(home.finals(LEGACY.0, &id).iter().all(|report| report.state == State::Succeeded));
    assert_eq!(locks(&home), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_stored_is_used_all_the_same() {
    let home = VirtualHome::start().await;
    home.store.refuse(Kind::Cell, 0);
    home.control.expire_access_token();
    let report = home.read().await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.counters().grants_asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_latch_that_cannot_be_stored_holds_until_a_restart() {
    let home = VirtualHome::start().await;
    home.store.refuse(Kind::Latch, 0);
    home.control.refuse_grants(true);
    home.control.expire_access_token();
    for _ in 0..3 {
        assert_eq!(home.read().await.reason, Some(Reason::AuthRequired));
    }
    assert_eq!(home.counters().grants_asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_whose_session_cannot_be_kept_is_not_made() {
    let mut home = VirtualHome::start().await;
    // Other credentials: nothing is left of the session, and the next read signs in.
    home.control.set_refresh_token("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB2");
    home.config = testkit::configuration(
        "http://127.0.0.1:1",
        "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB2",
        "1234",
    );
    home.restart().await;
    home.store.refuse(Kind::Cell, 0);
    let report = home.read().await;
    assert_eq!(report.reason, Some(Reason::HostFault), "{report:?}");
    assert_eq!(home.counters().grants_asked, 0);
    home.store.mend();
    assert_eq!(home.read().await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_cannot_be_written_down_does_not_become_active_and_a_rollback_waits_for_nothing() {
    let home = VirtualHome::start().await;
    let deployments = home.host.deployments();
    let offer = |number| {
        let component = compiled(&variant(embedded::POLICY, number));
        Offer::compiled(component, "test")
    };
    let swapped = deployments.swap(PluginKind::Policy, None, &offer(1)).await.unwrap();
    home.store.refuse(Kind::Slot, 0);
    let refused = deployments.swap(PluginKind::Policy, None, &offer(2)).await.unwrap_err();
    assert!(matches!(refused, Refusal::Store(_)), "{refused}");
    assert_eq!(home.host.policy_used().generation, swapped.active.generation);
    let back = deployments.rollback(PluginKind::Policy, None, "test").await.unwrap();
    assert_eq!((back.active.digest, back.remembered), (swapped.before.digest, false));
    assert_eq!(home.host.policy_used().generation, swapped.before.generation);

    home.store.mend();
    home.store.refuse(Kind::Rollout, 0);
    let refused = deployments.rollouts().try_out(Try::Shadow, Some(&offer(3)), "test").await.unwrap_err();
    assert!(matches!(refused, Refusal::Store(_)), "{refused}");
    assert_eq!(deployments.rollouts().current(), None);
    home.store.mend();
    deployments.rollouts().try_out(Try::Shadow, Some(&offer(3)), "test").await.unwrap();
    home.store.refuse(Kind::Rollout, 0);
    for refused in [
        deployments.rollouts().stop_trying("test").await.err(),
        deployments.rollouts().promote("test").await.err(),
    ] {
        assert!(matches!(refused, Some(Refusal::Store(_))), "{refused:?}");
    }
    assert!(deployments.rollouts().current().is_some(), "it is tried out still");
    assert_eq!(home.host.policy_used().generation, swapped.before.generation);
}
