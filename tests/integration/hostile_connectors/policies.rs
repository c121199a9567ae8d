//! What policies can do wrong with texts; `hostile_policies` has the rest.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::{self, CLASSIFY};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::deployment::{Deployed, Refusal};
use vehicle_connector::plugin::ActivationError;
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::{Reason, State};

/// Makes so many pages, and a text of so many bytes in them; NUL is a character like any other. Its address and length
/// are put at this place.
fn text(at: u32, pages: u32, length: u32) -> String {
    format!(
        "(drop (memory.grow (i32.const {pages})))
         (i32.store (i32.const {at}) (i32.const 65536)) (i32.store (i32.const {}) (i32.const {length}))",
        at + 4
    )
}

/// The case of an answer, and that of a variant that is its payload.
fn case(number: u32) -> String {
    format!("(i32.store8 (i32.const 1024) (i32.const {number}))")
}

const ANSWER: &str = "(i32.const 1024)";

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
    let decide = |case_: u32, at| case(case_) + &text(at, pages, length) + ANSWER;
    // A cell, a latch, and a decision without a name.
    for decide in [
        decide(1, 1032),
        case(5) + "(i32.store8 (i32.const 1032) (i32.const 3))" + &decide(5, 1036),
        decide(6, 1032),
    ] {
        let (home, report) = decided(&handmade::policy_deciding(&decide)).await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
        let next = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(next.state, State::Succeeded, "{next:?}");
    }
    // No verdict at all.
    let classify = text(1036, pages, length) + CLASSIFY;
    let (_, report) = decided(&handmade::policy(&classify, ANSWER)).await;
    assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::PolicyFault)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_texts_of_a_policy_are_cut() {
    let (pages, length) = (48, 3 << 20);
    let give_up = case(4) + ANSWER;
    let decide = |number: u32, at| case(number) + &text(at, pages, length) + ANSWER;
    let latch = "(i32.store8 (i32.const 1032) (i32.const 3))".to_owned() + &decide(5, 1036);
    for (what, classify, decide) in [
        ("rule", text(1036, pages, length) + CLASSIFY, give_up.clone()),
        ("cell", CLASSIFY.to_owned(), decide(1, 1032)),
        ("latch", CLASSIFY.to_owned(), latch),
        ("decision", CLASSIFY.to_owned(), decide(6, 1032)),
    ] {
        let (home, report) = decided(&handmade::policy(&classify, &decide)).await;
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
    let latch = case(5) + "(i32.store8 (i32.const 1032) (i32.const 3))" + ANSWER;
    let (home, report) = decided(&handmade::policy_deciding(&latch)).await;
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
