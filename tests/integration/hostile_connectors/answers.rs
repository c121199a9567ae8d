//! No answer, or one that is none.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::connector::{Connector, ENDLESS};
use testkit::handmade::layout::layout;
use testkit::{CCS2, Home, LEGACY};
use vehicle_connector::sandbox::Budget;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

use super::{home, is_a_fault, serves_on};

/// The unit of a module's memory, in bytes.
const PAGE: usize = 64 << 10;

/// Locks with connectors that do this; the report names this cause.
async fn each_is_a_fault(cases: &[(&str, &str, &str)]) {
    for (what, cause, lock) in cases {
        let home = home(&Connector::that_locks(lock)).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        is_a_fault(&report, what);
        assert!(report.detail.as_deref().unwrap().contains(cause), "{what}: {report:?}");
        serves_on(&home, &report, what).await;
        assert_eq!(home.control().counters().requests, 0, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_without_an_answer_costs_that_command_and_no_more() {
    // Takes all memory there is. Only one that got more than the budget has an answer.
    let hoards = format!(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
         (if (i32.le_u (memory.size) (i32.const {})) (then unreachable))
         (call $done)",
        Budget::CONNECTOR.memory / PAGE
    );
    each_is_a_fault(&[
        ("traps", "unreachable", "unreachable"),
        ("recurses without end", "stack", "(call $lock)"),
        ("hoards memory", "KiB of memory", &hoards),
        ("traps with the lock", "unreachable", "(drop (call $acquire `device` (i32.const 0))) unreachable"),
        (
            "gives back a guard that it does not have",
            "unknown handle",
            "(call $guard.drop (i32.const 77)) (call $done)",
        ),
        (
            "gives back a guard twice",
            "unknown handle",
            "(local.set $at (call $acquire `device` (i32.const 0)))
             (call $guard.drop (local.get $at)) (call $guard.drop (local.get $at)) (call $done)",
        ),
        (
            "commits with a guard that it gave back",
            "unknown handle",
            "(local.set $at (call $acquire `device` (i32.const 0)))
             (call $guard.drop (local.get $at)) (drop (call $commit (local.get $at) `x`)) (call $done)",
        ),
        (
            "calls with a text from beyond its memory",
            "out of bounds",
            "(call $log (i32.const -16) (i32.const 8)) (call $done)",
        ),
        ("calls with a text that is no text", "utf-8", "(call $log `\\ff\\fe`) (call $done)"),
        (
            "calls with a request method that does not exist",
            "discriminant: 77",
            "(drop (call $bare (i32.const 77) (call $cloud `/x`) (i32.const 0) (i32.const 0) (i32.const 0)))
             (call $done)",
        ),
        (
            "calls with headers from between two words",
            "not aligned",
            "(drop (call $bare (i32.const <case http.method.get>) (call $cloud `/x`)
               (i32.const 2049) (i32.const 1) (i32.const 0)))
             (call $done)",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_never_ends_is_ended() {
    let forbidden = "(loop $again (drop (call $get `https://elsewhere.example/`)) (br $again)) unreachable";
    let with_the_lock = format!("(drop (call $acquire `device` (i32.const 0))) {ENDLESS}");
    let cases = [
        ("computes", ENDLESS),
        ("computes, one tail call after the other", "(return_call $lock)"),
        ("computes with the lock", &with_the_lock),
        ("asks for the time", "(loop $again (call $now) (br $again)) unreachable"),
        (
            "reads its cell",
            "(loop $again (call $lock.read `device` (i32.const 1280)) (br $again)) unreachable",
        ),
        ("writes to the log", "(loop $again (call $log `again`) (br $again)) unreachable"),
        ("asks for what is forbidden", forbidden),
        ("publishes", "(loop $again (drop (call $publish `again` `x`)) (br $again)) unreachable"),
        (
            "acquires and gives back",
            "(loop $again (call $guard.drop (call $acquire `device` (i32.const 0))) (br $again)) unreachable",
        ),
    ];
    for (what, lock) in cases {
        let home = home(&Connector::that_locks(lock)).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        is_a_fault(&report, what);
        let detail = report.detail.as_deref().unwrap();
        // What the host hands to this guest is never freed there, so that its memory may end before its time.
        let has_an_end = ["processor time", "of memory"].iter().any(|limit| detail.contains(limit));
        assert!(has_an_end, "{what}: {report:?}");
        serves_on(&home, &report, what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connector_that_never_ends_does_not_hold_up_the_other_car() {
    let home = home(&Connector::that_locks(ENDLESS)).await;
    home.send(LEGACY.0, "lock", r#"{"id":"spinning"}"#).await;
    let sent = |message: &Outgoing| {
        let report: Report = serde_json::from_slice(&message.payload).ok()?;
        // Nothing of it is ever sent.
        (report.id == "spinning" && report.state == State::Accepted).then_some(())
    };
    home.published.find(|messages| messages.iter().find_map(sent)).await;
    let report = home.command(CCS2.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    // They take turns every few milliseconds; else it would have waited for the other to be over.
    assert_eq!(home.finals(LEGACY.0, "spinning").len(), 0, "the neighbour had to wait");
    let spun = home.ended(LEGACY.0, "spinning").await;
    is_a_fault(&spun, "spins");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_costs_that_command_and_no_more() {
    let none_of = |place: &str| format!("discriminant: {}", layout().cases(place).len());
    each_is_a_fault(&[
        (
            "neither a result nor a failure",
            "discriminant",
            "(<store connector#execute> (local.tee $at (call $done)) (i32.const 2)) (local.get $at)",
        ),
        (
            "an outcome that does not exist",
            &none_of("connector.outcome"),
            "(call $outcome (i32.const <cases connector.outcome>))",
        ),
        (
            "a failure in a phase that does not exist",
            &none_of("types.phase"),
            "(<store connector#execute.err.phase> (local.tee $at (call $failed `no`))
               (i32.const <cases types.phase>))
             (local.get $at)",
        ),
        (
            "a failure without a certainty that exists",
            &none_of("types.certainty"),
            "(<store connector#execute.err.certainty> (local.tee $at (call $failed `no`))
               (i32.const <cases types.certainty>))
             (local.get $at)",
        ),
        (
            "a state that is neither there nor not",
            "discriminant",
            "(<store connector#execute.ok.done.state> (local.tee $at (call $done)) (i32.const 2))
             (local.get $at)",
        ),
        ("from beyond its memory", "out of bounds", "(i32.const -16)"),
        ("from the last bytes of its memory", "out of bounds", "(i32.const 131064)"),
        ("from between two words", "not aligned", "(i32.add (call $done) (i32.const 1))"),
        ("words that are no text", "utf-8", "(call $refused `\\c3\\28`)"),
        ("half a character", "utf-8", "(call $refused `\\e2\\82`)"),
        ("an unpaired surrogate", "utf-8", "(call $refused `\\ed\\a0\\80`)"),
        ("words from beyond its memory", "out of bounds", "(call $refused (i32.const 131072) (i32.const 1))"),
        (
            "words that are longer than its memory",
            "out of bounds",
            "(call $refused (i32.const 0) (i32.const -1))",
        ),
        ("words of 16 MiB", "to the host at once", "(call $failed (call $long (i32.const 16777216)))"),
        ("a reason of 16 MiB", "to the host at once", "(call $refused (call $long (i32.const 16777216)))"),
        (
            "a continuation of 10 MiB",
            "to the host at once",
            "(call $pending (call $long (i32.const 10485760)) (i32.const 0))",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_none_costs_that_command_and_no_more() {
    for (what, list) in [
        ("longer than its memory", "(call $vehicles (i32.const 4096) (i32.const -1))"),
        ("more than fits into four gigabytes", "(call $vehicles (i32.const 4096) (i32.const 0x7fffffff))"),
        ("from between two words", "(call $vehicles (i32.const 4097) (i32.const 1))"),
        ("a trap", "unreachable"),
        ("never", ENDLESS),
    ] {
        // The list is asked for before anything else.
        let home = home(&Connector { list, ..Connector::default() }).await;
        let report = home.command(LEGACY.0, "unlock", "").await;
        assert_eq!(report.reason, Some(Reason::ConnectorFault), "{what}: {report:?}");
        assert_eq!((report.state, report.upstream_calls), (State::Failed, 0), "{what}: {report:?}");
        let again = home.command(LEGACY.0, "unlock", "").await;
        assert_eq!(again.reason, Some(Reason::ConnectorFault), "{what}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations_that_are_none_cost_that_command_and_no_more() {
    each_is_a_fault(&[
        (
            "expectations from between two words",
            "not aligned",
            "(call $accepted (i32.const 4097) (i32.const 1) (i32.const 0))",
        ),
        (
            "more expectations than its memory holds",
            "out of bounds",
            "(call $accepted (i32.const 4096) (i32.const -1) (i32.const 0))",
        ),
        (
            "a million expectations",
            "to the host at once",
            "(local.set $n (i32.mul (i32.const <size connector.accepted.expected.each>) (i32.const 1000000)))
             (call $accepted (call $allocate (local.get $n)) (i32.const 1000000) (i32.const 0))",
        ),
        (
            "an expectation of 16 MiB",
            "to the host at once",
            "(call $accepted_once `/locked` (call $long (i32.const 16777216)) (i32.const 0))",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_and_cannot_be_seen_is_unknown_at_once() {
    let nothing = "(call $accepted (i32.const 0) (i32.const 0) (i32.const 500))".to_owned();
    let no_json = "(call $accepted_once `/locked` `as you like` (i32.const 500))".to_owned();
    // Each is two texts of no bytes.
    let thousand =
        "(local.set $n (i32.mul (i32.const <size connector.accepted.expected.each>) (i32.const 1000)))
        (call $accepted (call $allocate (local.get $n)) (i32.const 1000) (i32.const 500))";
    for (what, lock) in [("nothing", nothing), ("no JSON", no_json), ("empty texts", thousand.to_owned())] {
        let home = home(&Connector::that_locks(&lock)).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        let how = (report.state, report.reason, report.attempts);
        assert_eq!(how, (State::Unknown, Some(Reason::Unconfirmed), 1), "{what}: {report:?}");
        serves_on(&home, &report, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connector_has_sent_before_it_fails_may_have_been_done() {
    let sent = "(drop (call $act (call $cloud `/lock`)))";
    for (what, end) in [
        ("traps", "unreachable"),
        ("never ends", ENDLESS),
        ("answers nonsense", "(i32.const -16)"),
        (
            "says that nothing was sent",
            "(<store connector#execute.err.certainty> (local.tee $at (call $failed `no`))
               (i32.const <case types.certainty.not-sent>))
             (local.get $at)",
        ),
    ] {
        let home = home(&Connector::that_locks(&format!("{sent} {end}"))).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{what}: {report:?}");
        assert!(!report.retryable, "{what}: {report:?}");
        serves_on(&home, &report, what).await;
        assert_eq!(home.control().counters().of(RouteKind::Other), 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_calls_an_answer_a_refusal_is_believed_only_if_it_is_one() {
    // Each says "rejected", with words for which the policy would repeat it.
    let failed = "
        (local.set $at (call $failed `connection timeout, temporarily unavailable`))
        (<store connector#execute.err.phase> (local.get $at) (i32.const <case types.phase.command>))
        (local.get $at)";
    let marked = format!("(drop (call $act (call $cloud `/lock`))) {failed}");
    // It did not say that the vehicle may act, only that the command was answered with 400.
    let unmarked = "
        (drop (call $get (call $cloud `/lock`)))
        (local.set $at (call $failed `connection timeout, temporarily unavailable`))
        (<store connector#execute.err.phase> (local.get $at) (i32.const <case types.phase.command>))
        (<store connector#execute.err.http-status> (local.get $at) (i32.const 1))
        (<store connector#execute.err.http-status.some> (local.get $at) (i32.const 400))
        (local.get $at)";
    // It says that nothing was sent because the vehicle does not have it, or that the vehicle said no.
    let ended = |end: &str| {
        format!(
            "(drop (call $act (call $cloud `/lock`)))
             (call $ended (i32.const <case connector.outcome.{end}>) `no`)"
        )
    };
    for (what, lock) in [
        ("marked", marked),
        ("unmarked", unmarked.to_owned()),
        ("refused", ended("refused")),
        ("invalid", ended("invalid")),
        ("unsupported", ended("unsupported")),
    ] {
        let home = home(&Connector::that_locks(&lock)).await;
        let answer = Effect::answer(400, r#"{"retCode":"F","resCode":"5999","resMsg":"timeout"}"#);
        home.control().inject(Fault::new(RouteKind::Other, answer).forever());
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!((report.state, report.attempts), (State::Unknown, 1), "{what}: {report:?}");
        assert!(!report.retryable, "{what}: {report:?}");
        assert_eq!(home.control().counters().of(RouteKind::Other), 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_after_an_answer_that_is_no_known_refusal() {
    let lock = "
        (call $assert (call $answered (call $act (call $cloud `/lock`))))
        (call $assert (call $denied (call $act (call $cloud `/lock`))))
        (call $ended (i32.const <case connector.outcome.other>) `what now?`)";
    let home = home(&Connector::that_locks(lock)).await;
    home.control().inject(Fault::new(RouteKind::Other, Effect::unavailable()).forever());
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::Unconfirmed)), "{report:?}");
    assert_eq!(home.control().counters().of(RouteKind::Other), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_after_a_request_that_may_have_moved_the_car() {
    // It does not even say that it failed.
    let lock = "
        (call $assert (i32.eqz (call $answered (call $act (call $cloud `/lock`)))))
        (call $assert (call $denied (call $act (call $cloud `/lock`))))
        (call $assert (call $denied (call $act (call $cloud `/lock`))))
        (call $ended (i32.const <case connector.outcome.other>) `what now?`)";
    let home = home(&Connector::that_locks(lock)).await;
    home.control().inject(Fault::new(RouteKind::Other, Effect::Drop).forever());
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.reason), (State::Unknown, Some(Reason::Unconfirmed)), "{report:?}");
    assert_eq!(home.control().counters().of(RouteKind::Other), 1);
    serves_on(&home, &report, "acts twice").await;
}
