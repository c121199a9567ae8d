//! The components: their permissions, their match with the sources, and those that are not let in.

use testkit::handmade;
use testkit::handmade::layout::layout;
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::Refusal;
use vehicle_connector::plugin::{ActivationError, embedded};
use vehicle_connector::wire::outcome::State;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// The imports and the exports of a component, without versions.
fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let engine = Engine::new(&Config::new()).unwrap();
    let component = Component::from_binary(&engine, component).unwrap();
    let ty = component.component_type();
    let names = |name: &str| name.split('@').next().unwrap().to_owned();
    let mut imports: Vec<_> = ty.imports(&engine).map(|(name, _)| names(name)).collect();
    let mut exports: Vec<_> = ty.exports(&engine).map(|(name, _)| names(name)).collect();
    imports.sort();
    exports.sort();
    (imports, exports)
}

#[test]
fn policies_import_nothing_at_all() {
    for policy in [embedded::POLICY, embedded::FOUR_PHRASES] {
        let (imports, exports) = interfaces(policy);
        assert_eq!(imports, [""; 0]);
        assert_eq!(exports, ["vehicle:connector/policy"]);
    }
}

#[test]
fn the_connector_imports_the_primitives_and_nothing_else() {
    let (imports, exports) = interfaces(embedded::HYUNDAI_KIA);
    let primitives = ["clock", "http", "lock", "log", "mqtt", "random", "types"]
        .map(|name| format!("vehicle:connector/{name}"));
    assert!(imports.iter().all(|import| primitives.contains(import)), "{imports:?}");
    assert_eq!(exports, ["vehicle:connector/connector", "vehicle:connector/policy"]);
}

#[test]
fn what_is_committed_is_what_the_sources_say() {
    let stale = guest_builder::stale(testkit::root()).unwrap();
    assert!(stale.is_empty(), "run `cargo guests build`:\n{}", stale.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_swapped_in_decides_the_next_operation() {
    let home = RealHome::start().await;
    let before = home.command(LEGACY.0, "refresh_cached", "").await.policy.unwrap();
    let swapped = home.swap_in_four_phrases().await;
    let after = home.command(LEGACY.0, "refresh_cached", "").await.policy.unwrap();
    assert_eq!((before.name.as_str(), before.generation), ("default", 1));
    assert_eq!((after.name.as_str(), after.generation), ("four-phrases", 2));
    assert_eq!((swapped.before.generation, swapped.active.generation), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_baseline_misses_what_the_default_policy_recognises() {
    let home = RealHome::start().await;
    home.settle().await;
    let reworded = || simulator::Refusal::gateway("Key not authorized: token has expired");
    home.swap_in_four_phrases().await;
    home.control().expire_access_token_with(reworded());
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
    assert_eq!(home.control().counters().grants_asked, 0);

    home.swap_policy(embedded::POLICY).await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_is_not_accepted_changes_nothing() {
    let home = RealHome::start().await;
    let before = home.host.policy_used();
    let (resolve, policy) = handmade::world("policy-module");
    let candidates: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", b"a policy, honestly".to_vec()),
        ("half of a policy", embedded::POLICY[..embedded::POLICY.len() / 2].to_vec()),
        ("a module", b"\0asm\x01\0\0\0".to_vec()),
        ("a policy that traps", handmade::trapping(&resolve, policy)),
        ("33 MiB", vec![0; 33 << 20]),
    ];
    for (what, component) in candidates {
        let refused = home.swap_policy(component).await.unwrap_err();
        assert!(!refused.to_string().is_empty(), "{what}");
        assert_eq!(home.host.policy_used(), before, "{what}");
    }
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_imports_anything_is_refused_by_name() {
    // A world like a policy's, but for one import.
    let [http, policy] = ["http", "policy"].map(|name| layout().interface(name));
    let nosy = format!("package test:nosy; world nosy {{ import {http}; export {policy}; }}");
    let (mut resolve, _) = handmade::world("policy-module");
    let package = resolve.push_str("nosy.wit", &nosy).unwrap();
    let world = resolve.select_world(&[package], Some("nosy")).unwrap();
    let component = handmade::trapping(&resolve, world);

    let home = RealHome::start().await;
    match home.swap_policy(component).await {
        Err(Refusal::Activation(ActivationError::ForbiddenImport(name))) => {
            assert!(name.starts_with("vehicle:connector/"), "{name}")
        }
        other => panic!("{other:?}"),
    }
}
