//! Policies that pass the host's trial and misbehave afterwards.
//!
//! They are core modules in text form, so that each can do exactly one thing wrong. A policy that answers
//! `describe` differently from call to call is missing here: each call gets a fresh instance, so none can.

use std::time::{Duration, Instant};

use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::handmade::{self, ALLOCATOR, CLASSIFY, DECIDE};
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::deployment::Refusal;
use vehicle_connector::plugin::ActivationError;
use vehicle_connector::sandbox::{Budget, CallFault};
use vehicle_connector::wire::outcome::{Reason, State};

/// What a policy does when it is asked, in instructions that leave a pointer to the answer behind. The unchanged
/// rest is a policy that behaves: it recognises an expired token, refreshes once, and opens no circuit.
struct Policy<'a> {
    /// Whether it misbehaves in its trial already.
    from_the_start: bool,
    describe: &'a str,
    /// The failure is at `$failure`.
    classify: &'a str,
    decide: &'a str,
    admit_refresh: &'a str,
    /// Anything else that a module may consist of.
    more: &'a str,
    /// How much memory it begins with, in pages.
    pages: usize,
}

/// The unit of a module's memory, in bytes.
const PAGE: usize = 64 << 10;

/// The place of answers, where memory is zero: of the variants the first case without a payload, of the records one
/// full of zeros. A fresh instance finds it zero again.
const ZERO: &str = "(i32.const 1024)";

const ENDLESS: &str = "(loop $again (br $again)) unreachable";

impl Default for Policy<'_> {
    fn default() -> Self {
        Self {
            from_the_start: false,
            describe: "(i32.const 16)",
            classify: CLASSIFY,
            decide: DECIDE,
            admit_refresh: ZERO,
            more: "",
            pages: 2,
        }
    }
}

impl Policy<'_> {
    fn component(&self) -> Vec<u8> {
        let Self { from_the_start, describe, classify, decide, admit_refresh, more, pages } = self;
        let in_trial = |question: &str, asked_about: &str| match (from_the_start, question) {
            (true, _) => "(i32.const 0)".to_owned(),
            // In the trial of `admit-refresh` the session is of the first generation, as no other test's is.
            (false, "admit-refresh") => "(i64.eq (local.get 3) (i64.const 1))".to_owned(),
            (false, _) => handmade::asked_in_trial(asked_about),
        };
        let (classifying, deciding) =
            (in_trial("classify", "(local.get $failure)"), in_trial("decide", "(local.get $attempt)"));
        let admitting = in_trial("admit-refresh", "");
        let module = format!(
            r#"(module
                (memory (export "memory") {pages})
                (data (i32.const 16) "\40\00\00\00" "\07\00\00\00" "\47\00\00\00" "\05\00\00\00")
                (data (i32.const 64) "hostile" "0.1.0")
                {ALLOCATOR}
                (func (export "vehicle:connector/policy@0.1.0#describe") (result i32) {describe})
                (func (export "vehicle:connector/policy@0.1.0#classify") (param $failure i32) (result i32)
                  (if (result i32) {classifying} (then {CLASSIFY}) (else {classify})))
                (func $decide (export "vehicle:connector/policy@0.1.0#decide") (param $attempt i32) (result i32)
                  (if (result i32) {deciding} (then {DECIDE}) (else {decide})))
                (func (export "vehicle:connector/policy@0.1.0#admit-refresh")
                  (param i32 i32 i32 i64 i32 i64 i32 i64 i32 i32 i64 i32 i64 i32 i64) (result i32)
                  (if (result i32) {admitting} (then {ZERO}) (else {admit_refresh})))
                (func (export "vehicle:connector/policy@0.1.0#circuit") (param i32 i32 i32) (result i32) {ZERO})
                {more})"#
        );
        let (resolve, world) = handmade::world("policy-module");
        handmade::component(wat::parse_str(module).unwrap(), &resolve, world)
    }
}

/// An answer of `decide`: a case of `decision`, with zero or nothing as its payload.
fn always(case: u8) -> String {
    format!("(i32.store8 (i32.const 1024) (i32.const {case})) (i32.const 1024)")
}

async fn swap(home: &RealHome, policy: Policy<'_>) {
    home.swap_policy(policy.component()).await.unwrap();
    assert_eq!(home.host.policy_used().name, "hostile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_behaves_is_obeyed_whoever_wrote_it() {
    // Without this the others might fail for the wrong reason.
    let home = RealHome::start().await;
    home.settle().await;
    swap(&home, Policy::default()).await;
    home.control().expire_access_token();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(report.policy.unwrap().name, "hostile");
    assert_eq!(home.control().counters().grants_asked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_an_answer_costs_that_operation_and_soon_its_place() {
    // Takes all memory there is. Only one that got more than the budget has an answer.
    let hoards = format!(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
         (if (i32.le_u (memory.size) (i32.const {})) (then unreachable))
         {ZERO}",
        Budget::POLICY.memory / PAGE
    );
    let nonsense = always(7);
    let cases = [
        ("traps", "unreachable"),
        ("never ends", ENDLESS),
        ("never ends, one tail call after the other", "(return_call $decide (local.get $attempt))"),
        ("recurses without end", "(call $decide (local.get $attempt))"),
        ("hoards memory", &hoards),
        ("answers a case that does not exist", &nonsense),
        ("answers from beyond its memory", "(i32.const -16)"),
        ("answers from between two words", "(i32.const 1025)"),
        (
            "names a cell that is no text",
            "(i32.store8 (i32.const 1024) (i32.const 1))
             (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 1))
             (i32.store8 (i32.const 2048) (i32.const 0xff)) (i32.const 1024)",
        ),
        (
            "names a cell that is longer than its memory",
            "(i32.store8 (i32.const 1024) (i32.const 1))
             (i32.store (i32.const 1036) (i32.const -1)) (i32.const 1024)",
        ),
    ];
    let home = RealHome::start().await;
    let before = home.host.policy_used();
    for (what, decide) in cases {
        home.settle().await;
        swap(&home, Policy { decide, ..Policy::default() }).await;
        home.control().expire_access_token();
        let mut ids = Vec::new();
        for _ in 0..3 {
            assert_eq!(home.host.policy_used().name, "hostile", "{what}: replaced too early");
            let report = home.command(LEGACY.0, "refresh_cached", "").await;
            assert_eq!((report.state, report.attempts), (State::Failed, 1), "{what}: {report:?}");
            ids.push(report.id);
        }
        assert_eq!(home.control().counters().grants_asked, 0, "{what}");
        assert_eq!(home.host.policy_used(), before, "{what}: still in its place");

        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{what}: {report:?}");
        assert!(ids.iter().all(|id| home.finals(LEGACY.0, id).len() == 1), "{what}: each has one end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_knows_its_trial_is_found_out_afterwards() {
    let home = RealHome::start().await;
    home.settle().await;
    let before = home.host.policy_used();
    let give_up = always(4);
    swap(&home, Policy { classify: "unreachable", decide: &give_up, ..Policy::default() }).await;
    home.control().expire_access_token();
    for _ in 0..3 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
    }
    assert_eq!(home.host.policy_used(), before);
    assert_eq!(home.control().counters().grants_asked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_names_its_rule_as_the_host_names_no_answer_has_answered() {
    let home = RealHome::start().await;
    home.settle().await;
    let rule = "(i32.store (i32.const 1036) (i32.const 2048)) (i32.store (i32.const 1040) (i32.const 17))";
    let classify = format!("{rule} {CLASSIFY}");
    let more = r#"(data (i32.const 2048) "host.policy-fault")"#;
    swap(&home, Policy { classify: &classify, more, ..Policy::default() }).await;
    home.control().expire_access_token();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert!(report.token_refreshed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_an_answer_about_a_refresh_keeps_nobody_out_of_the_car() {
    for admit_refresh in ["unreachable", ENDLESS] {
        let home = RealHome::start().await;
        home.settle().await;
        swap(&home, Policy { admit_refresh, ..Policy::default() }).await;
        home.control().expire_access_token();
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
        assert_eq!(home.control().counters().grants_asked, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_never_ends_does_not_hold_up_the_other_car() {
    // As many reads as one car may have under way at once: all of them begin under this policy.
    const SPINNING: u64 = 8;
    // So much time that the neighbour needs a small part of it, on a machine that is busy with something else too.
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.limits.policy.cpu = Duration::from_secs(1);
        config.limits.policy.wall = Duration::from_secs(60);
    });
    let home = home.await;
    home.settle().await;
    swap(&home, Policy { decide: ENDLESS, ..Policy::default() }).await;
    let unwell = Fault::new(RouteKind::Status, Effect::unavailable()).vehicle(LEGACY.1);
    home.control().inject(unwell.forever());
    home.control().inject(Fault::new(RouteKind::Status, Effect::Hold).vehicle(CCS2.1));

    // The neighbour waits for its cloud until more operations burn processor time than there are processors.
    home.send(CCS2.0, "refresh_cached", r#"{"id":"neighbour"}"#).await;
    for n in 0..SPINNING {
        home.send(LEGACY.0, "refresh_cached", format!(r#"{{"id":"spinning-{n}"}}"#)).await;
    }
    home.control().wait_until(|counters| counters.faults >= SPINNING && counters.held == 1).await;
    home.control().release();

    let report = home.ended(CCS2.0, "neighbour").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 1), "{report:?}");
    // They take turns with it every few milliseconds; else it would have waited for some of them to be over.
    let over = (0..SPINNING).filter(|n| !home.finals(LEGACY.0, &format!("spinning-{n}")).is_empty()).count();
    assert_eq!(over, 0, "the neighbour had to wait");
    for n in 0..SPINNING {
        let report = home.ended(LEGACY.0, &format!("spinning-{n}")).await;
        assert_eq!((report.state, report.attempts), (State::Failed, 1), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_sends_a_command_again_that_may_have_moved_the_car() {
    let home = RealHome::start().await;
    let lost = Fault::new(RouteKind::Command, Effect::Drop).after_acting();
    home.control().inject(lost.forever());
    for case in 0..=6 {
        home.settle().await;
        swap(&home, Policy { decide: &always(case), ..Policy::default() }).await;
        let report = home.command(LEGACY.0, "unlock", "").await;
        assert_eq!((report.state, report.attempts), (State::Unknown, 1), "decision {case}: {report:?}");
        let counters = home.control().counters();
        assert_eq!(counters.commands, 1, "decision {case}");
        assert_eq!(counters.actuations_of(LEGACY.1, ActionKind::Unlock), 1, "decision {case}");
        assert_eq!(counters.grants_asked, 0, "decision {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_repeats_without_end() {
    // In a cloud that refuses every token: the decision, the most attempts, and the most refreshes.
    for (decision, most_attempts, most_refreshes) in [(0, 2, 1), (1, 2, 0), (2, 4, 0)] {
        for operation in ["refresh_cached", "unlock"] {
            let home = RealHome::start().await;
            home.settle().await;
            home.control().refuse_tokens(true);
            swap(&home, Policy { decide: &always(decision), ..Policy::default() }).await;
            let report = home.command(LEGACY.0, operation, "").await;
            let counters = home.control().counters();
            assert_eq!(report.state, State::Failed, "decision {decision}: {report:?}");
            assert!(report.attempts <= most_attempts, "decision {decision}: {report:?}");
            assert!(counters.refused_tokens <= u64::from(most_attempts), "decision {decision}: {counters:?}");
            assert!(counters.grants_asked <= most_refreshes, "decision {decision}: {counters:?}");
            assert_eq!(counters.total_actuations(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_asks_without_pause_what_became_of_a_command() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Records, Effect::unavailable()).forever());
    let confirm_at_once = always(3);
    swap(&home, Policy { decide: &confirm_at_once, ..Policy::default() }).await;
    let started = Instant::now();
    home.send(LEGACY.0, "lock", r#"{"id":"lock"}"#).await;
    home.control().wait_until(|counters| counters.polls >= 4).await;
    assert!(started.elapsed() >= 3 * Duration::from_millis(500), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_asks_again_for_a_grant_that_was_refused() {
    let home = RealHome::start().await;
    home.settle().await;
    // To this one a refused grant is a failure like any other.
    swap(&home, Policy::default()).await;
    home.control().refuse_grants(true);
    home.control().expire_access_token();
    for _ in 0..3 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.reason, Some(Reason::AuthRequired), "{report:?}");
    }
    assert_eq!(home.control().counters().grants_asked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bad_policies_in_a_row_do_not_keep_the_place_between_them() {
    let home = RealHome::start().await;
    home.settle().await;
    let before = home.host.policy_used();
    home.control().expire_access_token();
    // The second one comes before the first one was found out.
    for pages in [2, 3] {
        swap(&home, Policy { decide: "unreachable", pages, ..Policy::default() }).await;
    }
    for _ in 0..6 {
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!(report.state, State::Failed, "{report:?}");
    }
    assert_eq!(home.host.policy_used(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trial_finds_what_a_policy_always_does_wrong() {
    use ActivationError::{TrialAnswer, TrialFault};
    use CallFault::{OutOfMemory, OutOfTime, TooManyTableElements, Trapped};
    let good = || Policy { from_the_start: true, ..Policy::default() };
    let too_many_pages = Budget::POLICY.memory / PAGE + 1;
    let always_expired = ZERO;
    let never_expired = "(i32.store8 (i32.const 1024) (i32.const 12)) (i32.const 1024)";
    // Knows messages by their length: 36 is that of "Key not authorized: Token is expired".
    let misses_the_second = "(i32.store8 (i32.const 1024)
        (select (i32.const 0) (i32.const 12) (i32.eq (i32.load offset=84 (local.get $failure)) (i32.const 36))))
        (i32.const 1024)";
    let give_up = always(4);
    // Refreshes what is expired, and sends all else again.
    let sends_again = "(i32.store8 (i32.const 1024)
        (select (i32.const 2) (i32.const 0) (i32.load8_u offset=112 (local.get $attempt)))) (i32.const 1024)";
    let spins_at_start = "(func $spin (loop $again (br $again))) (start $spin)";
    let home = RealHome::start().await;
    let before = home.host.policy_used();
    let refusal = async |policy: Policy<'_>| {
        let refused = home.swap_policy(policy.component()).await.unwrap_err();
        assert_eq!(home.host.policy_used(), before, "{refused}");
        match refused {
            Refusal::Activation(error) => error,
            other => panic!("{other:?}"),
        }
    };

    let refused = refusal(Policy { pages: too_many_pages, ..good() }).await;
    assert!(matches!(refused, TrialFault(OutOfMemory(_))), "{refused:?}");
    let refused = refusal(Policy { more: "(table 20000 funcref)", ..good() }).await;
    assert!(matches!(refused, TrialFault(TooManyTableElements(_))), "{refused:?}");
    for policy in
        [Policy { describe: "unreachable", ..good() }, Policy { describe: "(i32.const -16)", ..good() }]
    {
        let refused = refusal(policy).await;
        assert!(matches!(refused, TrialFault(Trapped(_))), "{refused:?}");
    }
    for policy in [
        Policy { describe: ENDLESS, ..good() },
        Policy { classify: ENDLESS, ..good() },
        Policy { decide: ENDLESS, ..good() },
        Policy { admit_refresh: ENDLESS, ..good() },
        Policy { more: spins_at_start, ..good() },
    ] {
        let refused = refusal(policy).await;
        assert!(matches!(refused, TrialFault(OutOfTime(_))), "{refused:?}");
    }
    for (policy, about) in [
        (Policy { describe: ZERO, ..good() }, "name"),
        (Policy { classify: always_expired, ..good() }, "invalid_grant"),
        (Policy { classify: never_expired, ..good() }, "Token is expired"),
        (Policy { classify: misses_the_second, ..good() }, "token has expired"),
        (Policy { decide: ZERO, ..good() }, "invalid_grant"),
        (Policy { decide: &give_up, ..good() }, "would not refresh"),
        (Policy { decide: sends_again, ..good() }, "an unlock that was sent"),
    ] {
        let refused = refusal(policy).await;
        assert!(matches!(&refused, TrialAnswer(why) if why.contains(about)), "{refused:?}");
    }
}
