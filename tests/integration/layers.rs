//! Layers: policies over the one that the host supplies.

use std::sync::Arc;

use testkit::handmade::policy::{Policy, layer};
use testkit::{Home, LEGACY, RealHome, provenance, root};
use vehicle_connector::bindings::policy::{Effect, Failure, Phase};
use vehicle_connector::plugin::{ActivationError, Compiled, PolicySlot, Trial, embedded};
use vehicle_connector::sandbox::{CallFault, Sandbox};
use vehicle_connector::wire::outcome::State;

/// The layer of `guest/examples/c-layer`: the wording of an access card is an expired token, all else is asked below.
fn one_wording_more() -> Vec<u8> {
    std::fs::read(root().join("guest/examples/dist/c-layer.wasm")).unwrap()
}

fn of_the_card() -> simulator::Refusal {
    simulator::Refusal { status: 400, ..simulator::Refusal::gateway("Access card no longer honoured") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_knows_one_wording_and_the_policy_below_it_all_others() {
    let mut home = RealHome::start().await;
    home.settle().await;
    home.control().expire_access_token_with(of_the_card());
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");

    home.swap_policy(one_wording_more()).await.unwrap();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(report.policy.unwrap().generation, 2);
    let reworded = simulator::Refusal::gateway("Key not authorized: token has expired");
    home.control().expire_access_token_with(reworded);
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");

    // It is there again after a restart, over the same policy.
    home.restart_configured(|_| ()).await.unwrap();
    home.settle().await;
    home.control().expire_access_token_with(of_the_card());
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_layer_passes_on_is_answered_as_without_it() {
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, &layer()).await.unwrap();
    assert!(compiled.is_layer());
    let over = Arc::new(PolicySlot::alone(&sandbox, &compiled, provenance()).await.unwrap()).active();
    assert_eq!(over.generation().name, "layer");
    let below = testkit::both_forms::component().await;
    for message in ["Token is expired", "Duplicate request", "no such words"] {
        for status in [None, Some(400), Some(401), Some(503)] {
            let failure = Failure {
                message: message.to_owned(),
                http_status: status,
                ..Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation)
            };
            let verdict = below.classify(&failure).await.unwrap();
            assert_eq!(over.classify(&failure).await.unwrap(), verdict, "{message} {status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_has_the_faults_of_what_it_asks_and_needs_something_below_it() {
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, &layer()).await.unwrap();
    let alone = PolicySlot::open(&sandbox, &compiled, provenance()).await;
    assert!(matches!(alone.unwrap_err(), ActivationError::NothingBelow));

    // The policy below behaves in its own trial, in which all tokens are an hour old, and traps afterwards.
    let trap = Policy { classify: "unreachable", ..Policy::default() }.component();
    let below = Compiled::of(&sandbox, &trap).await.unwrap();
    let slot = Arc::new(PolicySlot::open(&sandbox, &below, provenance()).await.unwrap());
    let candidate = slot.verify(&compiled, Trial::Full).await.unwrap();
    slot.activate(candidate, provenance());
    let failure = Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation);
    let fault = slot.active().classify(&failure).await.unwrap_err();
    assert!(matches!(fault, CallFault::Trapped(_)), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_lies_over_what_the_slot_began_with_and_not_over_what_was_active_last() {
    let home = RealHome::start().await;
    home.settle().await;
    home.swap_in_four_phrases().await;
    assert_eq!(home.swap_policy(layer()).await.unwrap().active.name, "layer");
    // Four phrases do not know this one.
    let reworded = simulator::Refusal::gateway("Key not authorized: token has expired");
    home.control().expire_access_token_with(reworded);
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_wants_more_than_the_policy_is_refused_before_it_is_compiled() {
    let escape = Policy { imports: "(import \"escape\" \"out\" (func))", ..Policy::default() };
    let (from, to) = (
        "world policy-module {",
        "world policy-module { import policy; import escape: interface { out: func(); }",
    );
    let (resolve, world) = testkit::handmade::altered_world("policy-module", "worlds.wit", from, to);
    let component = testkit::handmade::component(escape.module(), &resolve, world);
    let refused = Compiled::of(&Sandbox::new().unwrap(), &component).await.unwrap_err();
    assert!(matches!(&refused, ActivationError::ForbiddenImport(name) if name == "escape"), "{refused:?}");
}

#[test]
fn both_kinds_of_policies_are_told_apart_from_their_bytes() {
    assert!(Compiled::surface(&layer()).unwrap().layer().is_some());
    assert!(Compiled::surface(embedded::POLICY).unwrap().layer().is_none());
}
