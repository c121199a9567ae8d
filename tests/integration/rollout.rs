//! A policy that is tried out: in shadow it changes nothing, as a canary it decides for some, and it takes
//! the place of the active one only when it has shown enough.

use serde_json::{Value, json};
use testkit::handmade::policy::{always, policy_deciding};
use testkit::handmade::variant;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::{Action, Offer, Outcome, Refusal, RolloutView, Try};
use vehicle_connector::digest::Digest;
use vehicle_connector::plugin::{PluginKind, embedded};
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::report::Report;

/// A policy that passes its trial and gives everything up afterwards.
fn faint_hearted() -> Vec<u8> {
    policy_deciding(&always("give-up"))
}

async fn try_out(home: &RealHome, how: Try, component: Vec<u8>) -> Result<RolloutView, Refusal> {
    let offer = Offer::new(component, "test");
    home.host.deployments().rollouts().try_out(how, Some(&offer), "test").await
}

/// Reads a car with a token that has ended.
async fn read_with_an_ended_token(home: &RealHome) -> Report {
    home.control().expire_access_token();
    home.command(LEGACY.0, "refresh_cached", "").await
}

/// Waits until what is tried out is as wanted; none when nothing is tried out any more.
async fn until(home: &RealHome, wanted: impl Fn(Option<&RolloutView>) -> bool) -> Option<RolloutView> {
    let deployments = home.host.deployments();
    let mut changes = deployments.changes();
    loop {
        let rollout = deployments.rollouts().current();
        if wanted(rollout.as_ref()) {
            return rollout;
        }
        changes.changed().await.unwrap();
    }
}

fn active(home: &RealHome) -> Digest {
    home.host.policy().active().generation().digest
}

async fn actions(home: &RealHome) -> Vec<(Action, String, Outcome)> {
    let records = home.host.deployments().history(PluginKind::Policy, None, 100).await.unwrap();
    records.into_iter().map(|record| (record.action, record.by, record.result)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_in_shadow_differs_where_it_knows_more_and_nowhere_else() {
    let home = RealHome::start().await;
    home.settle().await;
    let layer = std::fs::read(testkit::root().join("guest/examples/dist/c-layer.wasm")).unwrap();
    try_out(&home, Try::Shadow, layer).await.unwrap();
    // Both know this one: two decisions, on which they agree.
    read_with_an_ended_token(&home).await;
    let tally = |rollout: Option<&RolloutView>| rollout.map(|it| (it.tally.agreed, it.tally.disagreed));
    until(&home, |rollout| tally(rollout) == Some((2, 0))).await;

    let card = simulator::Refusal::gateway("Access card no longer honoured");
    home.control().expire_access_token_with(simulator::Refusal { status: 400, ..card });
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Failed);
    // Each attempt of that read is one.
    until(&home, |rollout| matches!(tally(rollout), Some((2, 1..)))).await;
    let answer = home.request("policy/diff", json!({})).await;
    let candidate = &answer["data"]["disagreements"][0]["candidate"];
    assert_eq!(
        (&candidate["rule"], &candidate["decision"]),
        (&json!("my-wording"), &json!("refresh-and-retry"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_in_shadow_is_asked_and_not_obeyed() {
    let home = RealHome::start().await;
    home.settle().await;
    let before = active(&home);
    let begun = try_out(&home, Try::Shadow, faint_hearted()).await.unwrap();
    assert_eq!((begun.mode, begun.accounts.len(), begun.tally.disagreed), ("shadow", 0, 0));

    let report = read_with_an_ended_token(&home).await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!((report.policy.unwrap().name.as_str(), active(&home)), ("default", before));
    // Two decisions: what to do about the refusal, and whether to refresh. About the second both say the same.
    let seen =
        until(&home, |rollout| rollout.is_some_and(|it| it.tally.agreed + it.tally.disagreed == 2)).await;
    assert_eq!(seen.unwrap().tally.disagreed, 1);

    let answer = home.request("policy/diff", json!({})).await;
    let difference = &answer["data"]["disagreements"][0];
    assert_eq!(answer["data"]["disagreements"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(
        (&difference["active"]["decision"], &difference["candidate"]["decision"], &difference["approved"]),
        (&json!("refresh-and-retry"), &json!("give-up"), &json!(false)),
        "{difference}"
    );
    assert!(difference["summary"].as_str().unwrap().contains("401 \"Key not authorized"), "{difference}");

    let promoted = home.request("policy/promote", json!({})).await;
    assert_eq!(promoted["data"]["name"], "wild", "{promoted}");
    assert_eq!(active(&home), begun.candidate.digest);
    assert_eq!(home.host.deployments().rollouts().current(), None);
    let report = read_with_an_ended_token(&home).await;
    assert_eq!((report.state, report.policy.unwrap().name.as_str()), (State::Failed, "wild"));
    // Going back is the same as after any swap.
    home.request("policy/rollback", json!({})).await;
    assert_eq!(active(&home), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_agrees_becomes_the_active_policy() {
    let home = RealHome::start().await;
    home.settle().await;
    let how = Try::Canary { share: 1, promote_after: 4 };
    let candidate = try_out(&home, how, variant(embedded::POLICY, 1)).await.unwrap();
    assert_eq!(candidate.accounts, ["home"], "one of one account, for there is no smaller share");
    let number = candidate.candidate.generation;
    for expected in [2, 4] {
        assert_ne!(active(&home), candidate.candidate.digest);
        let report = read_with_an_ended_token(&home).await;
        assert_eq!((report.state, report.policy.unwrap().generation), (State::Succeeded, number));
        until(&home, |rollout| rollout.is_none_or(|it| it.tally.agreed >= expected)).await;
    }
    until(&home, |rollout| rollout.is_none()).await;
    assert_eq!(active(&home), candidate.candidate.digest);
    let expected =
        [(Action::Canary, "test".to_owned(), Outcome::Ok), (Action::Promote, "host".to_owned(), Outcome::Ok)];
    assert_eq!(actions(&home).await, expected);
    assert_eq!(home.control().counters().grants_asked, 2, "the comparison sends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_differs_waits_for_somebody_to_approve() {
    let home = RealHome::start().await;
    home.settle().await;
    let how = Try::Canary { share: 100, promote_after: 1 };
    let candidate = try_out(&home, how, faint_hearted()).await.unwrap();
    let report = read_with_an_ended_token(&home).await;
    assert_eq!((report.state, report.policy.unwrap().name.as_str()), (State::Failed, "wild"));
    until(&home, |rollout| rollout.is_some_and(|it| it.tally.disagreed == 1)).await;
    assert_ne!(active(&home), candidate.candidate.digest);
    let unknown = home.request("policy/approve", json!({"seq": [7]})).await;
    assert_eq!(unknown["status"], "error", "{unknown}");
    let answer = home.request("policy/diff", json!({})).await;
    assert_eq!(answer["data"]["disagreements"][0]["candidate"]["decision"], "give-up", "{answer}");
    let approved = home.request("policy/approve", json!({"seq": [1]})).await;
    assert_eq!(approved["data"]["approved"], 1, "{approved}");
    assert_eq!(active(&home), candidate.candidate.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_without_answers_ends_and_the_active_policy_decides_for_all_again() {
    let home = RealHome::start().await;
    home.settle().await;
    let before = active(&home);
    let bad = policy_deciding("unreachable");
    try_out(&home, Try::Canary { share: 50, promote_after: 9 }, bad.clone()).await.unwrap();
    for _ in 0..3 {
        let report = read_with_an_ended_token(&home).await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
    }
    assert_eq!(home.host.deployments().rollouts().current(), None);
    let report = read_with_an_ended_token(&home).await;
    assert_eq!((report.state, report.policy.unwrap().name.as_str()), (State::Succeeded, "default"));
    assert_eq!(active(&home), before);
    let deployments = home.host.deployments();
    let mut changes = deployments.changes();
    while deployments.list(PluginKind::Policy).await.unwrap()[0].bad.is_empty() {
        changes.changed().await.unwrap();
    }
    for how in [Try::Shadow, Try::Canary { share: 50, promote_after: 9 }] {
        let refused = try_out(&home, how, bad.clone()).await.unwrap_err();
        assert!(matches!(refused, Refusal::KnownBad { .. }), "{refused}");
    }
    assert!(matches!(home.swap_policy(bad).await, Err(Refusal::KnownBad { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_without_answers_costs_nobody_anything() {
    let home = RealHome::start().await;
    home.settle().await;
    try_out(&home, Try::Shadow, policy_deciding("unreachable")).await.unwrap();
    for _ in 0..3 {
        let report = read_with_an_ended_token(&home).await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    }
    until(&home, |rollout| rollout.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_what_is_tried_out() {
    let mut home = RealHome::start().await;
    home.settle().await;
    try_out(&home, Try::Shadow, faint_hearted()).await.unwrap();
    read_with_an_ended_token(&home).await;
    let seen = until(&home, |rollout| rollout.is_some_and(|it| it.tally.disagreed == 1)).await.unwrap();
    home.restart_configured(|_| {}).await.unwrap();
    let again = home.host.deployments().rollouts().current().unwrap();
    assert_eq!((again.candidate.digest, again.tally.disagreed), (seen.candidate.digest, 1));
    // As a canary it begins anew: what was seen in shadow was seen of nobody's car.
    let canary = home.request("policy/canary", json!({"share": 100, "promote_after": 3})).await;
    assert_eq!(canary["data"]["disagreed"], 0, "{canary}");
    home.restart_configured(|_| {}).await.unwrap();
    let again = home.host.deployments().rollouts().current().unwrap();
    assert_eq!((again.mode, again.share, again.promote_after), ("canary", 100, Some(3)));
    let stopped = home.request("policy/stop", json!({})).await;
    assert_eq!(stopped["data"]["mode"], "canary", "{stopped}");
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(home.host.deployments().rollouts().current(), None);
    assert!(home.host.deployments().rollouts().disagreements().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_out_is_refused() {
    let home = RealHome::start().await;
    for (verb, payload) in [
        ("policy/shadow", json!({})),
        ("policy/canary", json!({"share": 10})),
        ("policy/promote", json!({})),
        ("policy/approve", json!({"all": true})),
        ("policy/stop", json!({})),
    ] {
        let answer: Value = home.request(verb, payload).await;
        assert!(answer["error"].as_str().is_some_and(|why| why.contains("tried out")), "{answer}");
    }
    for share in [0, 101] {
        let how = Try::Canary { share, promote_after: 1 };
        let refused = try_out(&home, how, variant(embedded::POLICY, 1)).await.unwrap_err();
        assert!(refused.to_string().contains("share"), "{refused}");
    }
    let refused = try_out(&home, Try::Shadow, b"no policy".to_vec()).await.unwrap_err();
    assert!(matches!(refused, Refusal::Activation(_)), "{refused}");
    assert_eq!(home.host.deployments().rollouts().current(), None);
    let same = home.host.policy().active().generation().digest;
    let active = variant(embedded::POLICY, 3);
    home.swap_policy(active.clone()).await.unwrap();
    assert_ne!(same, Digest::of(&active));
    let refused = try_out(&home, Try::Shadow, active).await.unwrap_err();
    assert!(refused.to_string().contains("nothing to try out"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_beside_another_policy_does_not_count() {
    let home = RealHome::start().await;
    home.settle().await;
    let how = Try::Canary { share: 100, promote_after: 3 };
    let candidate = variant(embedded::POLICY, 1);
    try_out(&home, how, candidate.clone()).await.unwrap();
    read_with_an_ended_token(&home).await;
    until(&home, |rollout| rollout.is_some_and(|it| it.tally.agreed == 2)).await;
    // Somebody mends something in a hurry. The next agreement must not take that away again.
    let hot_fix = variant(embedded::POLICY, 2);
    home.swap_policy(hot_fix.clone()).await.unwrap();
    assert_eq!(home.host.deployments().rollouts().current().unwrap().tally.agreed, 0);
    read_with_an_ended_token(&home).await;
    until(&home, |rollout| rollout.is_some_and(|it| it.tally.agreed == 2)).await;
    assert_eq!(active(&home), Digest::of(&hot_fix));
    home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
    assert_eq!(home.host.deployments().rollouts().current().unwrap().tally.agreed, 0);

    // And what is active is tried out no more.
    home.swap_policy(candidate.clone()).await.unwrap();
    assert_eq!((home.host.deployments().rollouts().current(), active(&home)), (None, Digest::of(&candidate)));
    let mut home = home;
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!((home.host.deployments().rollouts().current(), active(&home)), (None, Digest::of(&candidate)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_no_second_chance_for_what_is_tried_out() {
    let mut home = RealHome::start().await;
    home.settle().await;
    try_out(&home, Try::Shadow, policy_deciding("unreachable")).await.unwrap();
    for _ in 0..2 {
        read_with_an_ended_token(&home).await;
    }
    until(&home, |rollout| rollout.is_some_and(|it| it.faults == 2)).await;
    // The news of the second fault is written down before what is recorded next.
    home.request("policy/rollback", json!({})).await;
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(home.host.deployments().rollouts().current().unwrap().faults, 2);
    home.settle().await;
    read_with_an_ended_token(&home).await;
    until(&home, |rollout| rollout.is_none()).await;
}
