//! Components on offer: what waits until somebody wants it, and what Home Assistant's update entity shows.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::handmade::policy::policy_deciding;
use testkit::handmade::variant;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::config::{Config, Install};
use vehicle_connector::deployment::{Action, Offer, Outcome, Refusal};
use vehicle_connector::digest::Digest;
use vehicle_connector::plugin::{POLICY_SLOT, PluginKind, embedded};

const TOPIC: &str = "bridge/policy/policy";

fn active(home: &RealHome) -> Digest {
    home.host.policy().active().generation().digest
}

fn on_offer(home: &RealHome) -> Option<Digest> {
    home.host.deployments().on_offer(PluginKind::Policy, POLICY_SLOT).map(|offer| offer.digest)
}

async fn offer(home: &RealHome, component: &[u8]) -> Value {
    home.request("policy/offer", json!({"component": BASE64_STANDARD.encode(component)})).await
}

/// Makes the version that a component says of itself, `0.1.0`, another one.
fn of_version(mut component: Vec<u8>, version: &[u8; 5]) -> Vec<u8> {
    let at = component.windows(5).position(|window| window == b"0.1.0").expect("it says its version");
    component[at..at + 5].copy_from_slice(version);
    component
}

async fn swap_latest(home: &RealHome) -> Value {
    home.request("policy/swap", json!({"slot": "policy", "latest": true})).await
}

/// Waits until the document of the update entity has this version as its latest one, as told apart by a digest.
async fn latest_is(home: &RealHome, digest: Digest) {
    let short = &digest.to_string()[..12];
    let is_it = || {
        let latest = home.retained(TOPIC)["latest_version"].as_str().unwrap_or_default().to_owned();
        latest.contains(short).then_some(())
    };
    home.published.until(is_it).await;
}

fn versions(document: &Value) -> (&Value, &Value) {
    (&document["installed_version"], &document["latest_version"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_waits_is_shown_and_is_swapped_in_when_it_is_wanted() {
    let home = RealHome::start().await;
    let (carried, new) = (active(&home), variant(embedded::POLICY, 1));
    home.host.announce("5");
    let (installed, latest) = (home.retained(TOPIC)["installed_version"].clone(), home.retained(TOPIC));
    assert_eq!(latest["latest_version"], installed, "nothing is on offer");
    let answer = offer(&home, &new).await;
    assert_eq!(answer["data"]["digest"], Digest::of(&new).to_string(), "{answer}");
    latest_is(&home, Digest::of(&new)).await;
    assert_eq!(
        (active(&home), home.retained(TOPIC)["installed_version"].clone()),
        (carried, installed.clone())
    );
    let listed = home.request("policy/list", json!({})).await;
    assert_eq!(listed["data"][0]["on_offer"]["digest"], Digest::of(&new).to_string(), "{listed}");

    let answer = swap_latest(&home).await;
    assert_eq!(answer["data"]["digest"], Digest::of(&new).to_string(), "{answer}");
    assert_eq!((active(&home), on_offer(&home)), (Digest::of(&new), None));
    let done = || {
        let document = home.retained(TOPIC);
        let (installed, latest) = versions(&document);
        (document["in_progress"] == false && installed == latest).then_some(())
    };
    home.published.until(done).await;
    let nothing = swap_latest(&home).await;
    assert!(nothing["error"].as_str().unwrap().contains("nothing newer"), "{nothing}");
    let records = home.host.deployments().history(PluginKind::Policy, None, 9).await.unwrap();
    let records: Vec<(Action, Outcome)> =
        records.iter().map(|record| (record.action, record.result)).collect();
    use Outcome::{Ok, Refused};
    assert_eq!(records, [(Action::Offer, Ok), (Action::Swap, Ok), (Action::Swap, Refused)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_in_progress_while_its_component_is_tried() {
    let home = RealHome::start().await;
    home.host.announce("5");
    home.swap_policy(variant(embedded::POLICY, 1)).await.unwrap();
    home.published.until(|| (home.retained(TOPIC)["in_progress"] == false).then_some(())).await;
    let course: Vec<Value> =
        home.documents(TOPIC).iter().map(|document| document["in_progress"].clone()).collect();
    assert!(course.contains(&json!(true)), "{course:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_its_trial_is_not_on_offer() {
    let home = RealHome::start().await;
    let good = variant(embedded::POLICY, 1);
    offer(&home, &good).await;
    for bad in [b"not a component".to_vec(), embedded::FOUR_PHRASES.to_vec()] {
        let answer = offer(&home, &bad).await;
        assert_eq!(answer["status"], "error", "{answer}");
        assert_eq!(on_offer(&home), Some(Digest::of(&good)), "the one before still is");
    }
    assert_eq!(home.events("policy_rejected").len(), 2);
    // What runs is no news.
    let answer = offer(&home, embedded::HYUNDAI_KIA).await;
    assert_eq!((&answer["status"], active(&home)), (&json!("ok"), Digest::of(embedded::HYUNDAI_KIA)));
    assert_eq!(on_offer(&home), Some(Digest::of(&good)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_outlives_a_restart_and_a_pin_ends_it() {
    let mut home = RealHome::start().await;
    let new = variant(embedded::POLICY, 1);
    offer(&home, &new).await;
    home.restart_configured(|_| {}).await.unwrap();
    home.host.announce("5");
    latest_is(&home, Digest::of(&new)).await;

    let pin = |config: &mut Config| {
        config.plugins.trust.pins.insert(POLICY_SLOT.to_owned(), Digest::of(embedded::HYUNDAI_KIA));
    };
    home.restart_configured(pin).await.unwrap();
    assert_eq!(on_offer(&home), None);
    let answer = offer(&home, &new).await;
    assert!(answer["error"].as_str().unwrap().contains("sha256"), "{answer}");

    home.restart_configured(|_| {}).await.unwrap();
    let answer = swap_latest(&home).await;
    assert_eq!((answer["status"].as_str(), active(&home)), (Some("ok"), Digest::of(&new)), "{answer}");
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!((active(&home), on_offer(&home)), (Digest::of(&new), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_what_it_went_back_from_on_offer_over_a_restart_too() {
    let mut home = RealHome::start().await;
    let (carried, new) = (active(&home), variant(embedded::POLICY, 1));
    home.swap_policy(new.clone()).await.unwrap();
    let answer = home.request("policy/rollback", json!({})).await;
    assert_eq!((answer["status"].as_str(), active(&home)), (Some("ok"), carried), "{answer}");
    latest_is(&home, Digest::of(&new)).await;
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!((active(&home), on_offer(&home)), (carried, Some(Digest::of(&new))));
    let answer = swap_latest(&home).await;
    assert_eq!((answer["status"].as_str(), active(&home)), (Some("ok"), Digest::of(&new)), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_to_be_rolled_back_is_on_offer_no_more() {
    let mut home = RealHome::start().await;
    let bad = policy_deciding("unreachable");
    offer(&home, &bad).await;
    assert_eq!(swap_latest(&home).await["status"], "ok");
    // The first one finds that there is no session yet.
    for _ in 0..4 {
        home.control().expire_access_token();
        home.command(LEGACY.0, "refresh_cached", "").await;
    }
    let went_back = || home.events("policy_rolled_back").pop();
    home.published.until(went_back).await;
    assert_eq!(on_offer(&home), None);
    let answer = offer(&home, &bad).await;
    assert!(answer["error"].as_str().unwrap().contains("was rolled back"), "{answer}");
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(on_offer(&home), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_offers_what_it_carries_if_that_is_newer() {
    let mut home = RealHome::start().await;
    let carried = active(&home);
    // A version before the one that the program carries.
    let old = of_version(policy_deciding("i32.const 0"), b"0.0.9");
    let offered = Offer::new(old.clone(), "test").without_trial();
    home.offer_policy(&offered).await.unwrap();
    assert!(home.host.policy_used().version.as_str() < "0.1.0", "{:?}", home.host.policy_used());
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!((active(&home), on_offer(&home)), (Digest::of(&old), Some(carried)));
    let answer = swap_latest(&home).await;
    assert_eq!(
        (answer["status"].as_str(), active(&home), on_offer(&home)),
        (Some("ok"), carried, None),
        "{answer}"
    );
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(active(&home), carried);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_only_offers_where_that_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, beside) = (dir.path().join("plugins"), dir.path().join("new.wasm"));
    std::fs::create_dir(&folder).unwrap();
    let watches = |config: &mut Config| {
        config.plugins.folder = Some(folder.clone());
        config.plugins.install = Install::WhenAsked;
    };
    let mut home = RealHome::configured(simulator::Config::default(), watches).await;
    let watching = home.host.watch_folder().unwrap();
    let (carried, new) = (active(&home), variant(embedded::POLICY, 1));
    std::fs::write(&beside, &new).unwrap();
    std::fs::rename(&beside, folder.join("policy.wasm")).unwrap();
    latest_is(&home, Digest::of(&new)).await;
    assert_eq!(active(&home), carried);
    assert_eq!(home.request("policy/list", json!({})).await["data"][0]["on_offer"]["file"], "policy.wasm");
    // As it is the file is no news at the next start, and is on offer all the same.
    drop(watching);
    home.restart_configured(watches).await.unwrap();
    assert_eq!((active(&home), on_offer(&home)), (carried, Some(Digest::of(&new))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_version_is_that_of_the_candidate_while_one_is_tried_out() {
    let home = RealHome::start().await;
    let (offered, candidate) = (variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    offer(&home, &offered).await;
    let shadow = json!({"component": BASE64_STANDARD.encode(&candidate)});
    home.request("policy/shadow", shadow).await;
    latest_is(&home, Digest::of(&candidate)).await;
    swap_latest(&home).await;
    assert_eq!(active(&home), Digest::of(&candidate));
    assert_eq!(on_offer(&home), None, "what was offered before may be older than what was tried out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_another_offer_as_it_is() {
    let mut home = RealHome::start().await;
    let (carried, ran, newer) = (active(&home), variant(embedded::POLICY, 1), variant(embedded::POLICY, 2));
    home.swap_policy(ran).await.unwrap();
    offer(&home, &newer).await;
    let answer = home.request("policy/rollback", json!({})).await;
    assert_eq!((answer["status"].as_str(), active(&home)), (Some("ok"), carried), "{answer}");
    assert_eq!(on_offer(&home), Some(Digest::of(&newer)));
    home.restart_configured(|_| {}).await.unwrap();
    assert_eq!(on_offer(&home), Some(Digest::of(&newer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_mean_two_things_are_refused() {
    let home = RealHome::start().await;
    for (verb, request) in [
        ("policy/swap", json!({"latest": true, "file": "policy.wasm"})),
        ("policy/rollback", json!({"latest": true})),
        ("policy/offer", json!({})),
        ("connector/swap", json!({"slot": "nothing", "latest": true})),
    ] {
        let answer = home.request(verb, request).await;
        assert_eq!(answer["status"], "error", "{verb}: {answer}");
    }
    let unknown = home.host.deployments().swap_latest(PluginKind::Policy, Some("nothing"), "test").await;
    assert!(matches!(unknown, Err(Refusal::UnknownSlot { .. })), "{unknown:?}");
}
