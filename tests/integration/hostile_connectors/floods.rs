//! Answers that are in order but for their size.

use simulator::{Effect, Fault, RouteKind};
use testkit::handmade::connector::{Connector, DONE, NAMED, times};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::store::Kind;
use vehicle_connector::wire::outcome::{Reason, State};

use super::{home, is_a_fault, serves_on};

/// Three megabytes, which the sandbox lets through.
const LARGE: &str = "(call $long (i32.const 3145728))";

/// More than anything has that is published or kept, in bytes.
const ENOUGH: usize = 64 << 10;

/// Makes sure that nothing large was published or stored.
async fn is_small(home: &RealHome, what: &str) {
    for message in home.published.messages() {
        let sizes = (message.topic.len(), message.payload.len());
        assert!(sizes.0 < 1_024 && sizes.1 < ENOUGH, "{what}: {sizes:?} bytes");
    }
    for kind in [Kind::Cell, Kind::Latch, Kind::Result, Kind::Pending, Kind::Audit] {
        for (key, record) in home.environment.store.list(kind).await.unwrap() {
            assert!(record.len() < ENOUGH, "{what}: {kind:?} {key}: {} bytes", record.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_connector_are_cut() {
    for (case, state) in [
        ("refused", State::Failed),
        ("unanswered", State::Timeout),
        ("invalid", State::Rejected),
        ("other", State::Unknown),
    ] {
        let lock = format!("(call $ended (i32.const <case connector.outcome.{case}>) {LARGE})");
        let home = home(&Connector::that_locks(&lock)).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.state, state, "{case}");
        // An option that is not possible is named in our sentence; all else is detail.
        let words = if case == "invalid" { report.message.clone() } else { report.detail.clone() }.unwrap();
        assert!(words.contains("aaa") && words.ends_with('…'), "{case}");
        is_small(&home, case).await;
        serves_on(&home, &report, case).await;
    }
    let home = home(&Connector::that_locks(&format!("(call $failed {LARGE})"))).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::UpstreamRefused)));
    is_small(&home, "failure").await;
    serves_on(&home, &report, "failure").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_mean_something_else_when_cut_is_no_answer() {
    let action = format!("(call $done_as {LARGE})");
    let continuation = format!("(call $pending {LARGE} (i32.const 500))");
    let pending_action = format!(
        "(local.set $at (call $pending `later` (i32.const 500)))
         (<store connector#execute.ok.pending.action-id> (local.get $at) (i32.const 1))
         (call $put
           (i32.add (local.get $at) (i32.const <offset connector#execute.ok.pending.action-id.some>)) {LARGE})
         (local.get $at)"
    );
    let expected_at = format!("(call $accepted_once {LARGE} `true` (i32.const 500))");
    let expected = format!("(call $accepted_once `/locked` {LARGE} (i32.const 500))");
    for (what, lock) in [
        ("action", &action),
        ("continuation", &continuation),
        ("action of a pending one", &pending_action),
        ("place of what is expected", &expected_at),
        ("value that is expected", &expected),
    ] {
        let home = home(&Connector::that_locks(lock)).await;
        let report = home.command(LEGACY.0, "lock", "").await;
        is_a_fault(&report, what);
        is_small(&home, what).await;
        serves_on(&home, &report, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_no_account_has_is_no_answer() {
    let vehicles = |count: u32| {
        format!(
            "(local.set $n (i32.mul (i32.const <size connector.vehicle>) (i32.const {count})))
             (call $vehicles (call $allocate (local.get $n)) (i32.const {count}))"
        )
    };
    let named = format!("(call $named {LARGE})");
    for (what, list) in [
        ("a hundred thousand cars", &vehicles(100_000)),
        ("three hundred cars", &vehicles(300)),
        ("a name of 3 MiB", &named),
    ] {
        let home = home(&Connector { list, more: NAMED, ..Connector::default() }).await;
        let report = home.command(LEGACY.0, "unlock", "").await;
        assert_eq!((report.state, report.reason), (State::Failed, Some(Reason::ConnectorFault)), "{what}");
        is_small(&home, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_a_connector_has_named_is_not_told() {
    // The names of its functions are in the trace of a call that was wrong.
    let name = "a".repeat(70_000);
    let lock = format!("(call ${name}) {DONE}");
    let more = format!("(func ${name} (call $log `\\ff`))");
    let home = home(&Connector { more: &more, ..Connector::that_locks(&lock) }).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    is_a_fault(&report, "a long name");
    let detail = report.detail.clone().unwrap();
    assert!(detail.contains("utf-8") && !detail.contains("aaa") && !detail.contains('\n'), "{detail}");
    is_small(&home, "a long name").await;
    serves_on(&home, &report, "a long name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_cloud_is_as_large_as_it_may_be_and_no_larger() {
    let read = "(call $ok (call $get (call $cloud `/large`))) (call $done)";
    let home = home(&Connector { read, ..Connector::default() }).await;
    for (size, state) in [(1 << 20, State::Succeeded), ((1 << 20) + 1, State::Failed)] {
        home.control().inject(Fault::new(RouteKind::Other, Effect::answer(200, "x".repeat(size))));
        let report = home.command(LEGACY.0, "refresh_cached", "").await;
        assert_eq!((report.state, report.upstream_calls), (state, 1), "{size}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_cloud_fill_the_guest_and_nothing_else() {
    let lock = times(60, "(call $ok (call $get (call $cloud `/large`)))") + DONE;
    let home = home(&Connector::that_locks(&lock)).await;
    home.control().inject(Fault::new(RouteKind::Other, Effect::answer(200, "x".repeat(1 << 20))).forever());
    let report = home.command(LEGACY.0, "lock", "").await;
    is_a_fault(&report, "keeps every answer");
    assert!(report.upstream_calls < 60, "{report:?}");
    serves_on(&home, &report, "keeps every answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_only_so_large() {
    let large = "(call $long (i32.const 131072))";
    let lock = format!(
        "(call $assert (call $denied (call $get (call $concat (call $cloud `/`) {large}))))
         (call $assert (call $denied (call $get_with (call $cloud `/`) `x-large` {large})))
         {DONE}"
    );
    let home = home(&Connector::that_locks(&lock)).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!((report.state, report.upstream_calls), (State::Succeeded, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cell_keeps_secret_is_only_so_large() {
    let kept = |pointer: &str, name: &str, expected: &str| {
        format!(
            "(local.set $n (call $allocate (i32.const <size http.capture>)))
             (local.set $at (call $acquire `device` (i32.const 0)))
             (call $capture (local.get $n) {pointer} {name})
             (local.set $n
               (call $request (i32.const <case http.method.get>) (call $cloud `/large`)
                 (i32.const 0) (i32.const 0) (i32.const <case http.body.empty>) (i32.const 0) (i32.const 0)
                 (local.get $n) (i32.const 1) (i32.const 0)))
             {expected}
             (call $assert (i32.eqz (call $commit (local.get $at) `value`)))
             (call $guard.drop (local.get $at))
             {DONE}"
        )
    };
    // As an answer that is too large is.
    let interrupted = "
        (call $assert (i32.eqz (call $answered (local.get $n))))
        (call $assert (i32.eq
          (<load http#send.err> (local.get $n)) (i32.const <case http.transport-error.interrupted>)))";
    let denied = "(call $assert (call $denied (local.get $n)))";
    for (what, lock, is_kept) in [
        ("a token", kept("`/small`", "`control-token`", "(call $ok (local.get $n))"), true),
        ("a value of 1 MB", kept("`/large`", "`control-token`", interrupted), false),
        ("a name of 3 MiB", kept("`/small`", LARGE, denied), false),
        ("a name that no secret has", kept("`/small`", "`small`", denied), false),
    ] {
        let home = home(&Connector::that_locks(&lock)).await;
        let answer = format!(r#"{{"small":"a-control-token","large":"{}"}}"#, "x".repeat(1_000_000));
        home.control().inject(Fault::new(RouteKind::Other, Effect::answer(200, answer)));
        let report = home.command(LEGACY.0, "lock", "").await;
        assert_eq!(report.state, State::Succeeded, "{what}: {report:?}");
        is_small(&home, what).await;
        let cell = home.environment.store.load(Kind::Cell, "home/device").await.unwrap().unwrap();
        let cell: serde_json::Value = serde_json::from_slice(&cell).unwrap();
        let names: Vec<&String> =
            cell["secrets"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let expected: &[&str] = if is_kept { &["control-token"] } else { &[] };
        assert_eq!(names, expected, "{what}");
    }
}
