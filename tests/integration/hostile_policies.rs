//! Policies that pass the host's trial and misbehave afterwards.
//!
//! They are core modules in text form, so that each can do exactly one thing wrong. A policy that answers
//! `describe` differently from call to call is missing here: each call gets a fresh instance, so none can.

use std::time::{Duration, Instant};

use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::handmade::layout::layout;
use testkit::handmade::policy::{ANSWER, CLASSIFY, Policy, always};
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::deployment::Refusal;
use vehicle_connector::plugin::ActivationError;
use vehicle_connector::sandbox::{Budget, CallFault};
use vehicle_connector::wire::outcome::{Reason, State};

/// The unit of a module's memory, in bytes.
const PAGE: usize = 64 << 10;

const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// A policy that behaves.
fn hostile() -> Policy<'static> {
    Policy { name: "hostile", ..Policy::default() }
}

/// Knows messages by their length: 36 is that of "Key not authorized: Token is expired".
const MISSES_THE_SECOND: &str = "
    (<store policy.verdict.kind> (i32.const 1024)
      (select
        (i32.const <case policy.failure-kind.token-expired>)
        (i32.const <case policy.failure-kind.unknown>)
        (i32.eq
          (i32.load offset=4 (i32.add (local.get $failure) (i32.const <offset policy.failure.message>)))
          (i32.const 36))))
    (i32.const 1024)";

/// Refreshes what is expired, and sends all else again.
const SENDS_AGAIN: &str = "
    (<store policy.decision> (i32.const 1024)
      (select
        (i32.const <case policy.decision.refresh-and-retry>)
        (i32.const <case policy.decision.retry>)
        (i32.eq
          (<load policy.attempt.verdict.kind> (local.get $attempt))
          (i32.const <case policy.failure-kind.token-expired>))))
    (i32.const 1024)";

/// A verdict of this kind.
fn verdict(kind: &str) -> String {
    format!("(<store policy.verdict.kind> {ANSWER} (i32.const <case policy.failure-kind.{kind}>)) {ANSWER}")
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
    swap(&home, hostile()).await;
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
         {ANSWER}",
        Budget::POLICY.memory / PAGE
    );
    let nonsense =
        "(<store policy.decision> (i32.const 1024) (i32.const <cases policy.decision>)) (i32.const 1024)";
    let cases = [
        ("traps", "unreachable"),
        ("never ends", ENDLESS),
        ("never ends, one tail call after the other", "(return_call $decide (local.get $attempt))"),
        ("recurses without end", "(call $decide (local.get $attempt))"),
        ("hoards memory", &hoards),
        ("answers a case that does not exist", nonsense),
        ("answers from beyond its memory", "(i32.const -16)"),
        ("answers from between two words", "(i32.const 1025)"),
        (
            "names a cell that is no text",
            "(<store policy.decision> (i32.const 1024) (i32.const <case policy.decision.discard-and-retry>))
             (call $put (call $at (i32.const <offset policy.decision.discard-and-retry>)) `\\ff`)
             (i32.const 1024)",
        ),
        (
            "names a cell that is longer than its memory",
            "(<store policy.decision> (i32.const 1024) (i32.const <case policy.decision.discard-and-retry>))
             (call $put (call $at (i32.const <offset policy.decision.discard-and-retry>))
               (i32.const 0) (i32.const -1))
             (i32.const 1024)",
        ),
    ];
    let home = RealHome::start().await;
    let before = home.host.policy_used();
    for (what, decide) in cases {
        home.settle().await;
        swap(&home, Policy { decide, ..hostile() }).await;
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
    let give_up = always("give-up");
    swap(&home, Policy { classify: "unreachable", decide: &give_up, ..hostile() }).await;
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
    let rule = "(call $put (call $at (i32.const <offset policy.verdict.rule>)) `host.policy-fault`)";
    let classify = format!("{rule} {CLASSIFY}");
    swap(&home, Policy { classify: &classify, ..hostile() }).await;
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
        swap(&home, Policy { admit_refresh, ..hostile() }).await;
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
    swap(&home, Policy { decide: ENDLESS, ..hostile() }).await;
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
    for case in layout().cases("policy.decision") {
        home.settle().await;
        swap(&home, Policy { decide: &always(case), ..hostile() }).await;
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
    for (decision, most_attempts, most_refreshes) in [
        ("refresh-and-retry", 2, 1),
        // There is no password to sign in with.
        ("sign-in-again", 1, 0),
        ("discard-and-retry", 2, 0),
        ("retry", 4, 0),
    ] {
        for operation in ["refresh_cached", "unlock"] {
            let home = RealHome::start().await;
            home.settle().await;
            home.control().refuse_tokens(true);
            swap(&home, Policy { decide: &always(decision), ..hostile() }).await;
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
    let confirm_at_once = always("confirm");
    swap(&home, Policy { decide: &confirm_at_once, ..hostile() }).await;
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
    swap(&home, hostile()).await;
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
        swap(&home, Policy { decide: "unreachable", pages, ..hostile() }).await;
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
    let good = || Policy { from_the_start: true, ..hostile() };
    let too_many_pages = Budget::POLICY.memory / PAGE + 1;
    let (always_expired, never_expired) = (verdict("token-expired"), verdict("unknown"));
    let always_refresh = always("refresh-and-retry");
    let give_up = always("give-up");
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
        (Policy { describe: ANSWER, ..good() }, "name"),
        (Policy { classify: &always_expired, ..good() }, "invalid_grant"),
        (Policy { classify: &never_expired, ..good() }, "Token is expired"),
        (Policy { classify: MISSES_THE_SECOND, ..good() }, "token has expired"),
        (Policy { decide: &always_refresh, ..good() }, "invalid_grant"),
        (Policy { decide: &give_up, ..good() }, "would not refresh"),
        (Policy { decide: SENDS_AGAIN, ..good() }, "an unlock that was sent"),
    ] {
        let refused = refusal(policy).await;
        assert!(matches!(&refused, TrialAnswer(why) if why.contains(about)), "{refused:?}");
    }
}
