//! Components that import WASI: they find all of it, and nothing behind it.

use std::sync::Arc;
use std::time::Duration;

use testkit::handmade;
use testkit::handmade::layout::layout;
use testkit::handmade::policy::{ANSWER, CLASSIFY, DESCRIBE, Policy};
use testkit::log::Log;
use testkit::{Home, LEGACY, RealHome, provenance};
use vehicle_connector::plugin::{ActivationError, Compiled, ConnectorSlot, PolicySlot};
use vehicle_connector::sandbox::{Budget, CallFault, Sandbox};
use vehicle_connector::wire::outcome::State;
use wit_parser::{Resolve, WorldId};

/// As much of WASI as the components here use, in a version that is not the one that the host links. `OURS`
/// is the version of our own interfaces.
const WASI: &str = "
    package test:wasi;
    world a-policy { include wasi; export vehicle:connector/policy@OURS; }
    world a-connector {
        include wasi; import vehicle:connector/http@OURS; import vehicle:connector/lock@OURS;
        export vehicle:connector/connector@OURS; export vehicle:connector/policy@OURS;
    }
    world wasi {
        import wasi:cli/environment@0.2.3; import wasi:cli/exit@0.2.3; import wasi:cli/stdin@0.2.3;
        import wasi:cli/stdout@0.2.3; import wasi:cli/stderr@0.2.3; import wasi:clocks/wall-clock@0.2.3;
        import wasi:clocks/monotonic-clock@0.2.3; import wasi:filesystem/preopens@0.2.3;
        import wasi:io/poll@0.2.3; import wasi:io/streams@0.2.3; import wasi:random/random@0.2.3;
        import wasi:random/insecure-seed@0.2.3; import wasi:sockets/tcp-create-socket@0.2.3;
        import wasi:sockets/instance-network@0.2.3; import wasi:sockets/ip-name-lookup@0.2.3;
    }
    world beyond { import wasi:http/made-up@0.2.3; export vehicle:connector/policy@OURS; }
    package wasi:http@0.2.3 { interface made-up { send: func(); } }
    package wasi:io@0.2.3 {
        interface error { resource error; }
        interface poll { resource pollable { block: func(); ready: func() -> bool; } }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource input-stream { blocking-read: func(len: u64) -> result<list<u8>, stream-error>; }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                write: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.3 {
        interface environment {
            get-environment: func() -> list<tuple<string, string>>;
            get-arguments: func() -> list<string>;
            initial-cwd: func() -> option<string>;
        }
        interface exit { exit: func(status: result); }
        interface stdin { use wasi:io/streams@0.2.3.{input-stream}; get-stdin: func() -> input-stream; }
        interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
        interface stderr { use wasi:io/streams@0.2.3.{output-stream}; get-stderr: func() -> output-stream; }
    }
    package wasi:clocks@0.2.3 {
        interface wall-clock {
            record datetime { seconds: u64, nanoseconds: u32 }
            now: func() -> datetime;
        }
        interface monotonic-clock {
            use wasi:io/poll@0.2.3.{pollable};
            now: func() -> u64;
            subscribe-duration: func(when: u64) -> pollable;
        }
    }
    package wasi:random@0.2.3 {
        interface random { get-random-u64: func() -> u64; }
        interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }
    }
    package wasi:filesystem@0.2.3 {
        interface types { resource descriptor; }
        interface preopens {
            use types.{descriptor};
            get-directories: func() -> list<tuple<descriptor, string>>;
        }
    }
    package wasi:sockets@0.2.3 {
        interface network {
            resource network;
            enum error-code {
                unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout, concurrency-conflict,
                not-in-progress, would-block, invalid-state, new-socket-limit, address-not-bindable, address-in-use,
                remote-unreachable, connection-refused, connection-reset, connection-aborted, datagram-too-large,
                name-unresolvable, temporary-resolver-failure, permanent-resolver-failure
            }
            enum ip-address-family { ipv4, ipv6 }
        }
        interface instance-network { use network.{network}; instance-network: func() -> network; }
        interface tcp { resource tcp-socket; }
        interface tcp-create-socket {
            use network.{error-code, ip-address-family};
            use tcp.{tcp-socket};
            create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
        }
        interface ip-name-lookup {
            use network.{error-code, network};
            resource resolve-address-stream;
            resolve-addresses: func(network: borrow<network>, name: string)
                -> result<resolve-address-stream, error-code>;
        }
    }";

fn world(name: &str) -> (Resolve, WorldId) {
    let (mut resolve, _) = handmade::world("policy-module");
    let policy = layout().interface("policy");
    let (_, ours) = policy.split_once('@').unwrap();
    let package = resolve.push_str("wasi.wit", &WASI.replace("OURS", ours)).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// What a policy here uses of WASI.
const IMPORTS: &str = r#"
    (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.3" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/environment@0.2.3" "initial-cwd" (func $cwd (param i32)))
    (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))
    (import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read"
      (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
      (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.write"
      (func $write_at_once (param i32 i32 i32 i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.ready" (func $ready (param i32) (result i32)))
    (import "wasi:clocks/wall-clock@0.2.3" "now" (func $now (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $monotonic (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration"
      (func $after (param i64) (result i32)))
    (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/insecure-seed@0.2.3" "insecure-seed" (func $seed (param i32)))
    (import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $directories (param i32)))
    (import "wasi:sockets/instance-network@0.2.3" "instance-network" (func $network (result i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.3" "resolve-addresses"
      (func $resolve (param i32 i32 i32 i32)))
    (import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (param i32 i32)))"#;

/// Texts, and `$note`, which appends a number to the rule that a policy names.
const NOTES: &str = r#"
    (data (i32.const 96) "localhost")
    (data (i32.const 128) "a line\0athe car KNACCS2EV00000002\0aand the rest")
    (global $noted (mut i32) (i32.const 2048))
    (func $note (param $value i64)
      (local $digits i32) (local $digit i32)
      (loop $next
        (local.set $digit (i32.wrap_i64 (i64.shr_u (local.get $value) (i64.const 60))))
        (i32.store8 (global.get $noted)
          (i32.add (local.get $digit)
            (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 9)))))
        (global.set $noted (i32.add (global.get $noted) (i32.const 1)))
        (local.set $value (i64.shl (local.get $value) (i64.const 4)))
        (local.set $digits (i32.add (local.get $digits) (i32.const 1)))
        (br_if $next (i32.ne (local.get $digits) (i32.const 16)))))"#;

/// A policy that does one thing when it is asked who it is, and another when it classifies. The rule that it names then is
/// what it has noted with `$note`, in hexadecimal digits.
fn policy(describe: &str, classify: &str) -> Vec<u8> {
    let classify = format!(
        "{classify}
         (drop {CLASSIFY})
         (call $put (call $at (i32.const <offset policy.verdict.rule>))
           (i32.const 2048) (i32.sub (global.get $noted) (i32.const 2048)))
         {ANSWER}"
    );
    let policy = Policy {
        name: "wasi",
        from_the_start: true,
        imports: IMPORTS,
        describe: &format!("{describe} {DESCRIBE}"),
        classify: &classify,
        more: NOTES,
        pages: 4,
        ..Policy::default()
    };
    let (resolve, world) = world("a-policy");
    handmade::component(policy.module(), &resolve, world)
}

/// Opens a slot with a policy whose calls may use so much.
async fn open(budget: Budget, component: &[u8]) -> Result<Arc<PolicySlot>, ActivationError> {
    let sandbox = Sandbox::new().unwrap().with_budgets(budget, Budget::CONNECTOR);
    let compiled = Compiled::of(&sandbox, component).await?;
    Ok(Arc::new(PolicySlot::open(&sandbox, &compiled, provenance()).await?))
}

/// What a policy notes when it does this, two numbers in a line being two calls.
async fn noted(it_does: &str) -> Vec<u64> {
    let slot = open(Budget::POLICY, &policy("", it_does)).await.unwrap();
    let failure = testkit::failure();
    let first = slot.active().classify(&failure).await.unwrap().rule;
    let second = slot.active().classify(&failure).await.unwrap().rule;
    assert_eq!(first, second, "the same question has the same answer");
    let numbers = first.as_bytes().chunks(16).map(|digits| std::str::from_utf8(digits).unwrap());
    numbers.map(|digits| u64::from_str_radix(digits, 16).unwrap()).collect()
}

/// Notes a byte or a word that an import has written to memory.
fn after(call: &str, offsets: &[u32]) -> String {
    let note = |offset: &u32| {
        format!("(call $note (i64.extend_i32_u (i32.load8_u offset={offset} (i32.const 4096))))")
    };
    format!("{call} {}", offsets.iter().map(note).collect::<String>())
}

/// The fault with which a policy fails its trial when it does this.
async fn fault(budget: Budget, it_does: &str) -> CallFault {
    match open(budget, &policy(it_does, "")).await.unwrap_err() {
        ActivationError::TrialFault(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_stand_still() {
    let reads = "(call $now (i32.const 4096)) (call $note (i64.load (i32.const 4096)))
                 (call $note (i64.load32_u (i32.const 4104))) (call $note (call $monotonic))";
    let day = 86_400_000_000_000;
    assert_eq!(noted(&format!("{reads} {reads}")).await, [946_684_800, 0, day, 946_684_800, 0, day]);
}

#[tokio::test(flavor = "multi_thread")]
async fn randomness_begins_anew_with_every_call() {
    let draws = "(call $note (call $random)) (call $note (call $random)) (call $seed (i32.const 4096))
                 (call $note (i64.load (i32.const 4096)))";
    let drawn = noted(draws).await;
    assert_ne!(drawn[0], drawn[1], "it is no constant");
    assert_eq!(drawn, noted(draws).await, "of another host too");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_find() {
    // Each is a list, of which the length is noted, or an option.
    for list in ["environment", "arguments", "directories"] {
        assert_eq!(noted(&after(&format!("(call ${list} (i32.const 4096))"), &[4])).await, [0], "{list}");
    }
    assert_eq!(noted(&after("(call $cwd (i32.const 4096))", &[0])).await, [0]);
    // Errors (1): "closed" (1) of the input, "access-denied" (1) of sockets, "permanent-resolver-failure" (20)
    // of names.
    let reads = "(call $read (call $stdin) (i64.const 100) (i32.const 4096))";
    assert_eq!(noted(&after(reads, &[0, 4])).await, [1, 1]);
    let connects = "(call $socket (i32.const 0) (i32.const 4096))";
    assert_eq!(noted(&after(connects, &[0, 4])).await, [1, 1]);
    let looks_up = "(call $resolve (call $network) (i32.const 96) (i32.const 9) (i32.const 4096))";
    assert_eq!(noted(&after(looks_up, &[0, 4])).await, [1, 20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_ends_the_call_and_nothing_else() {
    let exited = fault(Budget::POLICY, "(call $exit (i32.const 1))").await;
    assert_eq!((exited.kind(), exited), ("exit", CallFault::Exited(1)));
    assert_eq!(fault(Budget::POLICY, "(call $exit (i32.const 0))").await, CallFault::Exited(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_is_bounded_by_the_budget() {
    let hurried =
        Budget { wall: Duration::from_millis(100), cpu: Duration::from_millis(20), ..Budget::POLICY };
    let an_hour = "(call $after (i64.const 3600000000000))";
    assert_eq!(fault(hurried, &format!("(call $block {an_hour})")).await, CallFault::TimedOut(hurried.wall));
    let patient = Budget { wall: Duration::from_secs(60), ..hurried };
    // On one handle and on ever new ones.
    let polls = format!(
        "(local $p i32) (local.set $p {an_hour}) (loop $on (drop (call $ready (local.get $p))) (br $on))"
    );
    assert_eq!(fault(patient, &polls).await, CallFault::OutOfTime(patient.cpu));
    let hoards = format!("(loop $on (drop {an_hour}) (br $on))");
    assert_eq!(fault(patient, &hoards).await, CallFault::TooManyHandles(patient.handles));
}

#[tokio::test]
async fn output_lands_in_the_log_masked_and_by_lines() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    // In two pieces, the first of which ends within a line.
    let writes = "(local $out i32) (local.set $out (call $stdout))
                  (call $write (local.get $out) (i32.const 128) (i32.const 3) (i32.const 4096))
                  (call $write (local.get $out) (i32.const 131) (i32.const 42) (i32.const 4096))
                  (call $write (call $stderr) (i32.const 128) (i32.const 6) (i32.const 4096))";
    open(Budget::POLICY, &policy(writes, "")).await.unwrap();
    // The trial asks twice who it is.
    for line in [
        "INFO plugin: stdout: a line",
        "the car *************0002",
        "stdout: and the rest",
        "WARN plugin: stderr: a line",
    ] {
        assert_eq!(log.with(line).len(), 2, "{line}: {}", log.text());
    }
    assert!(!log.text().contains("KNACCS2EV"), "{}", log.text());
}

#[tokio::test]
async fn output_does_not_flood_the_log() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    let floods = "(local $out i32) (local.set $out (call $stdout))
                  (loop $on (call $write (local.get $out) (i32.const 128) (i32.const 7) (i32.const 4096)) (br $on))";
    assert_eq!(fault(Budget::POLICY, floods).await, CallFault::OutOfTime(Budget::POLICY.cpu));
    assert_eq!(log.with("stdout: a line").len(), 64);
    assert_eq!(log.with("dropped=").len(), 1, "{}", log.text());
    // Without a line's end it is one line, however long, and more at once than is allowed ends the call.
    let much = "(call $write_at_once (call $stdout) (i32.const 100000) (i32.const 65536) (i32.const 4096))";
    open(Budget::POLICY, &policy(&format!("{much} {much}"), "")).await.unwrap();
    assert!(log.text().lines().all(|line| line.len() < 1_200));
    let too_much = much.replace("65536", "65537");
    assert!(matches!(fault(Budget::POLICY, &too_much).await, CallFault::Trapped(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_with_wasi_decides() {
    let home = RealHome::start().await;
    home.settle().await;
    home.swap_policy(policy("", "(drop (call $random))")).await.unwrap();
    home.control().expire_access_token();
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!((report.state, report.attempts), (State::Succeeded, 2), "{report:?}");
    assert_eq!(report.policy.unwrap().name, "wasi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_with_wasi_can_be_asked_and_ships_a_policy() {
    // It traps whatever it is asked, but it is asked.
    let (resolve, world) = world("a-connector");
    let component = handmade::trapping(&resolve, world);
    let trapped = |error| matches!(error, ActivationError::TrialFault(CallFault::Trapped(_)));
    assert!(trapped(open(Budget::POLICY, &component).await.unwrap_err()));
    let sandbox = Sandbox::new().unwrap();
    let compiled = Compiled::of(&sandbox, &component).await.unwrap();
    assert!(trapped(ConnectorSlot::open(&sandbox, &compiled, provenance()).await.unwrap_err()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wasi_has_beyond_that_is_refused_by_name() {
    let (resolve, world) = world("beyond");
    match open(Budget::POLICY, &handmade::trapping(&resolve, world)).await {
        Err(ActivationError::ForbiddenImport(name)) => assert_eq!(name, "wasi:http/made-up@0.2.3"),
        other => panic!("{other:?}"),
    }
}
