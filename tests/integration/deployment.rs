//! Deployment: how a component becomes the active one, and how it ceases to be that.

mod connectors;
mod trust;

use std::time::Duration;

use serde_json::{Value, json};
use testkit::handmade::policy::policy_deciding;
use testkit::handmade::variant;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::config::Config;
use vehicle_connector::deployment::{Action, Offer, Outcome, Refusal, Source};
use vehicle_connector::digest::Digest;
use vehicle_connector::host::StartError;
use vehicle_connector::plugin::{POLICY_SLOT, PluginKind, embedded};
use vehicle_connector::wire::outcome::State;

/// How long to wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name of the connector's slot.
const CONNECTOR: &str = "hyundai-kia-eu";

/// A policy that passes its trial and has no answer afterwards.
fn trapping(number: u32) -> Vec<u8> {
    variant(&policy_deciding("unreachable"), number)
}

fn active(home: &RealHome) -> Digest {
    home.host.policy().active().generation().digest
}

async fn swap_connector(home: &RealHome, component: Vec<u8>) -> Result<(), Refusal> {
    let offer = Offer::new(component, "test");
    home.host.deployments().swap(PluginKind::Connector, None, &offer).await.map(|_| ())
}

/// Lets the active policy meet a failure so often.
async fn fail(home: &RealHome, times: usize) {
    for _ in 0..times {
        home.control().expire_access_token();
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
    }
}

/// Waits until the host has written down that it went back to an earlier policy.
async fn went_back(home: &RealHome) -> Value {
    let event = |message: &vehicle_connector::wire::message::Outgoing| {
        let event: Value = serde_json::from_slice(&message.payload).ok()?;
        (event["event_type"] == "policy_rolled_back").then_some(event)
    };
    let event = home.published.find(|messages| messages.iter().find_map(event)).await;
    let mut changes = home.host.deployments().changes();
    loop {
        let slots = home.host.deployments().list(PluginKind::Policy).await.unwrap();
        if !slots[0].bad.is_empty() {
            return event;
        }
        changes.changed().await.unwrap();
    }
}

/// What the records say, in short.
async fn history(home: &RealHome, kind: PluginKind) -> Vec<(Action, String, Outcome)> {
    let records = home.host.deployments().history(kind, None, 100).await.unwrap();
    records.into_iter().map(|record| (record.action, record.by, record.result)).collect()
}

fn of(records: &[(Action, String, Outcome)]) -> Vec<(Action, &str, Outcome)> {
    records.iter().map(|(action, by, outcome)| (*action, by.as_str(), *outcome)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_on_record_and_a_refused_one_changes_nothing() {
    let home = RealHome::start().await;
    let before = active(&home);
    let good = variant(embedded::POLICY, 1);
    home.swap_policy(b"not a component".to_vec()).await.unwrap_err();
    assert_eq!(active(&home), before);
    let swapped = home.swap_policy(good.clone()).await.unwrap();
    assert_eq!((swapped.before.digest, swapped.active.digest), (before, Digest::of(&good)));
    let again = home.swap_policy(good.clone()).await.unwrap();
    assert_eq!(again.active, swapped.active, "no new generation of what is active already");
    let back = home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
    assert_eq!((back.active.digest, active(&home)), (before, before));
    let refused = home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap_err();
    assert!(matches!(refused, Refusal::NothingBefore { .. }), "{refused}");
    // It was somebody's wish, so it can be wished for again.
    home.swap_policy(good).await.unwrap();

    let records = history(&home, PluginKind::Policy).await;
    let (swap, rollback) = (Action::Swap, Action::Rollback);
    let expected = [
        (swap, "test", Outcome::Refused),
        (swap, "test", Outcome::Ok),
        (swap, "test", Outcome::Unchanged),
        (rollback, "test", Outcome::Ok),
        (rollback, "test", Outcome::Refused),
        (swap, "test", Outcome::Ok),
    ];
    assert_eq!(of(&records), expected);
    let first = home.host.deployments().history(PluginKind::Policy, Some(POLICY_SLOT), 100).await.unwrap();
    assert_eq!(first[0].digest, Some(Digest::of(b"not a component")));
    assert!(first[0].reason.as_ref().unwrap().contains("no WebAssembly component"), "{:?}", first[0]);
    assert_eq!(first[1].name.as_deref(), Some("default"));
    let last = home.host.deployments().history(PluginKind::Policy, None, 2).await.unwrap();
    assert_eq!(last, first[4..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_active_again_after_a_restart_and_can_be_gone_back_from() {
    let mut home = RealHome::start().await;
    let carried = active(&home);
    let (first, second) = (variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    home.swap_policy(first.clone()).await.unwrap();
    home.swap_policy(second.clone()).await.unwrap();
    let connector = variant(embedded::HYUNDAI_KIA, 1);
    swap_connector(&home, connector.clone()).await.unwrap();

    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(active(&home), Digest::of(&second));
    let connectors = home.host.deployments().list(PluginKind::Connector).await.unwrap();
    assert_eq!(
        (connectors[0].slot.as_str(), connectors[0].active.digest),
        (CONNECTOR, Digest::of(&connector))
    );
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
    for digest in [Digest::of(&first), carried] {
        home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
        assert_eq!(active(&home), digest);
    }
    // And where it went back to, it stays.
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(active(&home), carried);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_faults_bring_the_last_one_back_and_the_component_is_known_as_bad_for_good() {
    let mut home = RealHome::start().await;
    home.settle().await;
    let before = active(&home);
    let bad = trapping(1);
    home.swap_policy(bad.clone()).await.unwrap();
    fail(&home, 3).await;
    assert_eq!(active(&home), before);
    let event = went_back(&home).await;
    assert!(event["reason"].as_str().unwrap().contains("decide"), "{event}");
    assert_eq!(
        (event["by"].as_str(), event["digest"].as_str()),
        (Some("host"), Some(before.to_string().as_str()))
    );
    let retained = home.request("policy/list", json!({})).await;
    assert_eq!(retained["data"][0]["state"], "rolled_back", "{retained}");

    for _ in 0..2 {
        let refused = home.swap_policy(bad.clone()).await.unwrap_err();
        assert!(
            matches!(&refused, Refusal::KnownBad { digest, .. } if *digest == Digest::of(&bad)),
            "{refused}"
        );
        assert_eq!(active(&home), before);
        home.restart_configured(|_| {}).await.unwrap();
    }
    let records = history(&home, PluginKind::Policy).await;
    let (swap, rollback) = (Action::Swap, Action::Rollback);
    let expected = [
        (swap, "test", Outcome::Ok),
        (swap, "host", Outcome::Failed),
        (rollback, "host", Outcome::Ok),
        (swap, "test", Outcome::Refused),
        (swap, "test", Outcome::Refused),
    ];
    assert_eq!(of(&records), expected);

    let digest = Digest::of(&bad).to_string();
    let forgiven = home.request("policy/forgive", json!({"digest": digest})).await;
    assert_eq!(forgiven["data"]["was_bad"], true, "{forgiven}");
    home.swap_policy(bad).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_no_second_chance() {
    let mut home = RealHome::start().await;
    home.settle().await;
    let before = active(&home);
    let bad = trapping(1);
    home.swap_policy(bad.clone()).await.unwrap();
    let mut changes = home.host.deployments().changes();
    fail(&home, 2).await;
    while home.host.deployments().list(PluginKind::Policy).await.unwrap()[0].faults < 2 {
        changes.changed().await.unwrap();
    }
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(active(&home), Digest::of(&bad), "two faults are not too many");
    // The token has ended, so looking for the cars is the third time.
    assert!(!home.host.find_vehicles().await);
    assert_eq!(active(&home), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_file_is_news_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.wasm");
    let names = |config: &mut Config| {
        config.plugins.files.insert(POLICY_SLOT.to_owned(), path.clone());
    };
    let (first, second) = (variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    std::fs::write(&path, &first).unwrap();
    let mut home = RealHome::configured(simulator::Config::default(), names).await;
    assert_eq!(active(&home), Digest::of(&first));
    home.host.deployments().rollback(PluginKind::Policy, None, "test").await.unwrap();
    let carried = active(&home);
    home.restart_configured(names).await.unwrap();
    assert_eq!(active(&home), carried, "somebody has gone back from it since");
    std::fs::write(&path, &second).unwrap();
    home.restart_configured(names).await.unwrap();
    assert_eq!(active(&home), Digest::of(&second));
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(active(&home), carried, "the configuration names it no more");

    std::fs::write(&path, b"half a pol").unwrap();
    match home.restart_configured(names).await {
        Err(StartError::Component { kind: PluginKind::Policy, file, error: Refusal::Activation(_) }) => {
            assert_eq!(file, path.display().to_string());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_swap_and_roll_back_and_name_no_file_outside_the_folder() {
    use base64::Engine as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    let component = variant(embedded::POLICY, 1);
    std::fs::write(folder.join("new.wasm"), &component).unwrap();
    std::fs::write(dir.path().join("outside.wasm"), variant(embedded::POLICY, 2)).unwrap();
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.plugins.folder = Some(folder.clone());
    })
    .await;
    let before = active(&home);

    for file in ["../outside.wasm", "/etc/passwd", "..", ".", "", "a/b.wasm", "missing.wasm"] {
        let answer = home.request("policy/swap", json!({"file": file})).await;
        assert_eq!((answer["status"].as_str(), active(&home)), (Some("error"), before), "{file}: {answer}");
    }
    for wrong in
        [json!({}), json!({"component": "%"}), json!({"slot": "other", "file": "new.wasm"}), json!({"x": 1})]
    {
        let answer = home.request("policy/swap", wrong.clone()).await;
        assert_eq!((answer["status"].as_str(), active(&home)), (Some("error"), before), "{wrong}: {answer}");
    }
    let answer = home.request("policy/verify", json!({"file": "new.wasm"})).await;
    assert_eq!(answer["data"]["size"], component.len(), "{answer}");
    assert_eq!(active(&home), before);
    let answer = home.request("policy/swap", json!({"file": "new.wasm"})).await;
    assert_eq!(answer["data"]["digest"], Digest::of(&component).to_string(), "{answer}");
    assert_eq!(answer["data"]["before"]["digest"], before.to_string(), "{answer}");
    let answer = home.request("policy/rollback", json!({})).await;
    assert_eq!((&answer["status"], active(&home)), (&json!("ok"), before), "{answer}");

    let base64 = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
    let connector = variant(embedded::HYUNDAI_KIA, 1);
    let answer = home.request("connector/swap", json!({"component": base64(&connector)})).await;
    assert_eq!(answer["data"]["slot"], CONNECTOR, "{answer}");
    let answer = home.request("connector/rollback", json!({"slot": CONNECTOR})).await;
    assert_eq!(answer["status"], "ok", "{answer}");
    assert!(home.host.deployments().history(PluginKind::Connector, None, 9).await.unwrap().len() == 2);
    let answer = home.request("connector/shadow", json!({})).await;
    assert!(answer["error"].as_str().unwrap().contains("no request"), "{answer}");

    let retained = home.published.messages();
    let document = retained.iter().rfind(|m| m.retain && m.topic.ends_with("/bridge/policy/policy")).unwrap();
    let document: Value = serde_json::from_slice(&document.payload).unwrap();
    assert_eq!(document["digest"], before.to_string(), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_with_the_plugins_that_it_began_with_and_they_go_with_it() {
    let home = RealHome::start().await;
    home.settle().await;
    home.swap_policy(variant(embedded::POLICY, 0)).await.unwrap();
    swap_connector(&home, variant(embedded::HYUNDAI_KIA, 0)).await.unwrap();
    let (policy, connector) = (home.host.policy().active(), Digest::of(&variant(embedded::HYUNDAI_KIA, 0)));
    let number = policy.generation().number;
    let held = simulator::Fault::new(simulator::RouteKind::Records, simulator::Effect::Hold);
    home.control().inject(held);
    home.send(LEGACY.0, "lock", r#"{"id":"pending"}"#).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    let old = policy.weak();
    drop(policy);
    // Policies that are compiled long before the request that is held gives up.
    let small = policy_deciding("unreachable");
    for n in 1..=6 {
        home.swap_policy(variant(&small, n)).await.unwrap();
    }
    swap_connector(&home, variant(embedded::HYUNDAI_KIA, 1)).await.unwrap();
    assert!(old.upgrade().is_some(), "the command still works with it");
    home.control().release();
    let report = home.ended(LEGACY.0, "pending").await;
    assert_eq!((report.state, report.policy.unwrap().generation), (State::Succeeded, number));
    for n in 2..=6 {
        swap_connector(&home, variant(embedded::HYUNDAI_KIA, n)).await.unwrap();
    }
    let slots = home.host.deployments().list(PluginKind::Connector).await.unwrap();
    assert!(slots[0].previous.iter().all(|earlier| earlier.plugin.digest != connector));
    home.command(LEGACY.0, "refresh_cached", "").await;
    // The task of the command ends a moment after its report.
    let nobody_works_with_it = async {
        while old.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, nobody_works_with_it).await.expect("nobody works with it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_into_the_folder_is_active_a_moment_later_and_what_is_half_never() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, beside) = (dir.path().join("plugins"), dir.path().join("new.wasm"));
    std::fs::create_dir(&folder).unwrap();
    let watches = |config: &mut Config| config.plugins.folder = Some(folder.clone());
    let move_in = |component: &[u8], name: &str| {
        std::fs::write(&beside, component).unwrap();
        std::fs::rename(&beside, folder.join(name)).unwrap();
    };
    let until_recorded = async |home: &RealHome, kind: PluginKind, count: usize| {
        let wanted = format!(r#"{kind}_"#);
        let said = |messages: &[vehicle_connector::wire::message::Outgoing]| {
            let about = |message: &&vehicle_connector::wire::message::Outgoing| {
                let text = String::from_utf8_lossy(&message.payload);
                message.topic.ends_with("/bridge/event") && text.contains(&wanted)
            };
            (messages.iter().filter(about).count() >= count).then_some(())
        };
        home.published.find(said).await;
    };
    let mut home = RealHome::configured(simulator::Config::default(), watches).await;
    let watching = home.host.watch_folder().unwrap();
    let carried = active(&home);
    let policy = variant(embedded::POLICY, 1);
    move_in(&policy[..policy.len() / 2], "policy.wasm");
    until_recorded(&home, PluginKind::Policy, 1).await;
    assert_eq!(active(&home), carried, "half of it is none");
    move_in(&policy, "policy.wasm");
    until_recorded(&home, PluginKind::Policy, 2).await;
    assert_eq!(active(&home), Digest::of(&policy));
    let connector = variant(embedded::HYUNDAI_KIA, 1);
    move_in(&connector, "hyundai-kia-eu.wasm");
    until_recorded(&home, PluginKind::Connector, 1).await;
    let records = history(&home, PluginKind::Policy).await;
    let swap = Action::Swap;
    assert_eq!(of(&records), [(swap, "folder", Outcome::Refused), (swap, "folder", Outcome::Ok)]);

    // Somebody goes back. The file in the folder is no news at the next start, and is when it is moved in again. What is
    // new there is found after it, because its name comes later.
    let connectors =
        async |home: &RealHome| home.host.deployments().list(PluginKind::Connector).await.unwrap();
    let connector = Digest::of(&connector);
    assert_eq!(connectors(&home).await[0].active.digest, connector);
    home.host.deployments().rollback(PluginKind::Connector, None, "test").await.unwrap();
    drop(watching);
    let new = variant(embedded::POLICY, 2);
    move_in(&new, "policy.wasm");
    home.restart_configured(watches).await.unwrap();
    let _watching = home.host.watch_folder().unwrap();
    until_recorded(&home, PluginKind::Policy, 3).await;
    assert_eq!(active(&home), Digest::of(&new));
    assert_eq!(connectors(&home).await[0].active.digest, Digest::of(embedded::HYUNDAI_KIA));
    move_in(&variant(embedded::HYUNDAI_KIA, 1), "hyundai-kia-eu.wasm");
    until_recorded(&home, PluginKind::Connector, 3).await;
    assert_eq!(connectors(&home).await[0].active.digest, connector);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_a_slot_is_reached_is_on_record_too() {
    let home = RealHome::start().await;
    let offer = Offer::new(embedded::POLICY, "test");
    home.host.deployments().swap(PluginKind::Policy, Some("nothing"), &offer).await.unwrap_err();
    home.host.deployments().rollback(PluginKind::Policy, Some("nothing"), "test").await.unwrap_err();
    home.host.deployments().rollouts().promote("test").await.unwrap_err();
    home.host.deployments().rollouts().stop_trying("test").await.unwrap_err();
    home.host.deployments().rollouts().approve(None, "test").await.unwrap_err();
    let records = history(&home, PluginKind::Policy).await;
    use Action::{Approve, Promote, Rollback, Stop, Swap};
    let expected = [Swap, Rollback, Promote, Stop, Approve].map(|action| (action, "test", Outcome::Refused));
    assert_eq!(of(&records), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_in_the_folder_is_no_news_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    let watches = |config: &mut Config| config.plugins.folder = Some(folder.clone());
    let mut home = RealHome::configured(simulator::Config::default(), watches).await;
    let watching = home.host.watch_folder().unwrap();
    std::fs::write(folder.join("hyundai-kia-eu.wasm"), variant(embedded::HYUNDAI_KIA, 1)).unwrap();
    let refused = variant(embedded::HYUNDAI_KIA, 1);
    let remembered = async {
        while !home.host.deployments().is_known(CONNECTOR, Source::Folder, &refused) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), remembered).await.expect("remembered in time");
    // Whoever remembers it has its turn until it is written down, and this comes after it.
    home.host.deployments().rollback(PluginKind::Connector, None, "test").await.unwrap_err();
    drop(watching);
    // Finds are worked off in the order of their names, so this one comes after it.
    std::fs::write(folder.join("policy.wasm"), variant(embedded::POLICY, 1)).unwrap();
    home.restart_configured(watches).await.unwrap();
    let mut changes = home.host.policy().changes();
    let _watching = home.host.watch_folder().unwrap();
    changes.changed().await.unwrap();
    assert_eq!(active(&home), Digest::of(&variant(embedded::POLICY, 1)));
    let connector = home.host.deployments().list(PluginKind::Connector).await.unwrap().remove(0);
    assert_eq!(connector.active.digest, Digest::of(embedded::HYUNDAI_KIA));
}
