//! What policies can do wrong with texts; `hostile_policies` has the rest.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade;
use testkit::handmade::policy::{ANSWER, CLASSIFY, Policy, always, case, policy_deciding};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::{Deployed, Refusal};
use vehicle_connector::plugin::ActivationError;
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::{Reason, State};

/// Makes so many pages, and a text of so many bytes in them; NUL is a character like any other. Its address and length
/// are put at this place of the answer.
fn text(place: &str, pages: u32, length: u32) -> String {
    format!(
        "(drop (memory.grow (i32.const {pages})))
         (call $put (call $at (i32.const <offset {place}>)) (i32.const 65536) (i32.const {length}))"
    )
}

/// A decision with such a text.
fn deciding(decision: &str, pages: u32, length: u32) -> String {
    case(decision) + &text(&format!("policy.decision.{decision}"), pages, length) + ANSWER
}

/// A latch without a name, as a decision.
fn nameless_latch() -> String {
    let latch = "(<store policy.decision.latch> (i32.const 1024) (i32.const <case policy.latch.other>))";
    case("latch") + latch
}

/// Such a latch with such a text in the place of a name.
fn latching(pages: u32, length: u32) -> String {
    nameless_latch() + &text("policy.decision.latch.other", pages, length) + ANSWER
}

/// A policy that classifies and decides in this way once its trial is over.
fn policy(classify: &str, decide: &str) -> Vec<u8> {
    Policy { classify, decide, ..Policy::default() }.component()
}

/// Why it was not accepted.
fn activation(swapped: Result<Deployed, Refusal>) -> ActivationError {
    match swapped {
        Err(Refusal::Activation(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Lets this policy decide about one failure.
async fn decided(policy: &[u8]) -> (RealHome, vehicle_connector::wire::report::Report) {
    let home = RealHome::start().await;
    home.settle().await;
    home.swap_policy(policy).await.unwrap();
    let failure = Effect::envelope("4002", "Invalid request body.");
    home.control().inject(Fault::new(RouteKind::Status, failure).vehicle(LEGACY.1));
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    (home, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_16_mib_is_no_answer() {
    let (pages, length) = (256, 16 << 20);
    // A cell, a latch, and a decision without a name.
    for decide in [
        deciding("discard-and-retry", pages, length),
        latching(pages, length),
        deciding("other", pages, length),
    ] {
        let (home, report) = decided(&policy_deciding(&decide)).await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
        let next = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(next.state, State::Succeeded, "{next:?}");
    }
    // No verdict at all.
    let classify = text("policy.verdict.rule", pages, length) + CLASSIFY;
    let (_, report) = decided(&policy(&classify, &always("refresh-and-retry"))).await;
    assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::PolicyFault)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_texts_of_a_policy_are_cut() {
    let (pages, length) = (48, 3 << 20);
    let classified = || CLASSIFY.to_owned();
    for (what, classify, decide) in [
        ("rule", text("policy.verdict.rule", pages, length) + CLASSIFY, always("give-up")),
        ("cell", classified(), deciding("discard-and-retry", pages, length)),
        ("latch", classified(), latching(pages, length)),
        ("decision", classified(), deciding("other", pages, length)),
    ] {
        let (home, report) = decided(&policy(&classify, &decide)).await;
        assert_eq!(report.state, State::Failed, "{what}: {report:?}");
        let large = |size: usize| size > 64 << 10;
        assert!(home.published.messages().iter().all(|message| !large(message.payload.len())), "{what}");
        for kind in [Kind::Audit, Kind::Latch, Kind::Result] {
            let records = home.environment.store.list(kind).await.unwrap();
            assert!(records.iter().all(|(_, record)| !large(record.len())), "{what}: {kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latch_without_a_name_is_one_for_a_person_and_wants_evidence_like_any() {
    let (home, report) = decided(&policy_deciding(&(nameless_latch() + ANSWER))).await;
    assert_eq!(report.state, State::Failed, "{report:?}");
    // Nothing has said that the credentials are refused.
    let next = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(next.state, State::Succeeded, "{next:?}");

    home.control().refuse_grants(true);
    home.clock.advance(3_600);
    let next = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((next.state, next.reason), (State::Rejected, Some(Reason::AuthRequired)), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_export_all_of_it_or_imports_anything_is_no_policy() {
    let home = RealHome::start().await;
    let circuit = "circuit: func(scope: circuit-scope) -> circuit-settings;";
    let (resolve, world) = handmade::altered_world("policy-module", "policy.wit", circuit, "");
    let refused = activation(home.swap_policy(handmade::trapping(&resolve, world)).await);
    assert!(matches!(refused, ActivationError::WrongInterface { .. }), "{refused:?}");

    let (from, to) = ("world policy-module {", "world policy-module { import escape: func();");
    let (resolve, world) = handmade::altered_world("policy-module", "worlds.wit", from, to);
    let refused = activation(home.swap_policy(handmade::trapping(&resolve, world)).await);
    assert!(matches!(&refused, ActivationError::ForbiddenImport(name) if name == "escape"), "{refused:?}");
    assert_eq!(home.command(LEGACY.0, "refresh_cached", "").await.state, State::Succeeded);
}
