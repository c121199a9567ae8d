//! What only a connector has limits of: pauses, locks, messages, and lines of the log.

use std::sync::Arc;
use std::time::Duration;

use testkit::Recording;
use testkit::handmade::{self, ALLOCATOR};
use testkit::log::Log;
use tokio::time::Instant;
use vehicle_connector::bindings::connector::Account;
use vehicle_connector::cell::{Cells, Secrets, Snapshot};
use vehicle_connector::descriptor::{Network, SecretRules};
use vehicle_connector::digest::Digest;
use vehicle_connector::plugin::question::ListVehicles;
use vehicle_connector::plugin::{Compiled, ConnectorSlot};
use vehicle_connector::primitives::{AccountContext, Allowance, Call, HttpClient, PinGuard, Skew};
use vehicle_connector::protect::quota::DailyQuota;
use vehicle_connector::sandbox::{Budget, CallFault, Sandbox};
use vehicle_connector::store::{MemoryStore, Store};
use vehicle_connector::time::{Clock, SystemClock};

/// A connector that does this when it is asked for its vehicles, and then has none.
///
/// At 96 stands the name of a cell, `device`; at 128 a word, `hello`; answers of the host are written to 1024.
fn component(it_does: &str) -> Vec<u8> {
    let world = "package test:limits; world limits {
        import vehicle:connector/clock@0.1.0; import vehicle:connector/lock@0.1.0;
        import vehicle:connector/log@0.1.0; import vehicle:connector/mqtt@0.1.0;
        export vehicle:connector/connector@0.1.0; }";
    let (mut resolve, _) = handmade::world("vehicle-connector");
    let package = resolve.push_str("limits.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("limits")).unwrap();
    let account = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)";
    let interface = "vehicle:connector/connector@0.1.0";
    let module = format!(
        r#"(module
            (import "vehicle:connector/clock@0.1.0" "sleep" (func $sleep (param i64) (result i64)))
            (import "vehicle:connector/lock@0.1.0" "acquire" (func $acquire (param i32 i32 i64 i32)))
            (import "vehicle:connector/log@0.1.0" "write" (func $write (param i32 i32 i32)))
            (import "vehicle:connector/mqtt@0.1.0" "publish" (func $publish (param i32 i32 i32 i32 i32 i32)))
            (memory (export "memory") 2)
            (data (i32.const 16) "\40\00\00\00\07\00\00\00" "\48\00\00\00\05\00\00\00" "\40\00\00\00\07\00\00\00")
            (data (i32.const 64) "limited 0.1.0")
            (data (i32.const 96) "device")
            (data (i32.const 128) "hello")
            {ALLOCATOR}
            (func (export "{interface}#describe") (result i32) (i32.const 16))
            (func (export "{interface}#sign-in") {account} unreachable)
            (func (export "{interface}#refresh") {account} unreachable)
            (func (export "{interface}#list-vehicles") {account} (local $n i32) {it_does} (i32.const 2048))
            (func (export "{interface}#execute") (param i32) (result i32) unreachable)
            (func (export "{interface}#resume") (param i32) (result i32) unreachable))"#
    );
    handmade::component(wat::parse_str(module).unwrap(), &resolve, world)
}

/// The instructions, so many times.
fn times(count: u32, it_does: &str) -> String {
    format!(
        "(loop $again {it_does} (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $again (i32.ne (local.get $n) (i32.const {count}))))"
    )
}

struct Asked {
    answer: Result<(), CallFault>,
    published: Arc<Recording>,
}

/// Asks a connector for its vehicles. The cell `device` is locked by somebody else if that is wanted.
async fn ask(budget: Budget, it_does: &str, locked: bool) -> Asked {
    let sandbox = Sandbox::new().unwrap().with_budgets(Budget::POLICY, budget);
    let compiled = Compiled::of(&sandbox, &component(it_does)).await.unwrap();
    let provenance = testkit::provenance();
    let slot = Arc::new(ConnectorSlot::open(&sandbox, &compiled, provenance).await.unwrap());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let published = Arc::new(Recording::default());
    let cells = Cells::open("home", ["device".to_owned()], &store, &clock).await.unwrap();
    let held = match cells.slot("device") {
        Some(slot) if locked => Some(slot.acquire().await),
        _ => None,
    };
    let now = clock.now();
    let context = AccountContext {
        account: "home".to_owned(),
        endpoints: Vec::new(),
        secrets: Secrets::new(),
        rules: SecretRules::new(),
        sign_ins: Arc::new(DailyQuota::open("sign-ins", "home", None, &store).await.unwrap()),
        cells,
        transport: Arc::new(HttpClient::new(&Network::default()).unwrap()),
        clock,
        entropy: Arc::new(SystemEntropy),
        publisher: Arc::clone(&published) as Arc<dyn vehicle_connector::wire::publish::Publish>,
        topic_prefix: "b/".to_owned(),
        pin: PinGuard::open("home", Digest::of(b""), &store, now).await.unwrap(),
        skew: Skew::default(),
        command_answers: Arc::default(),
        tap: None,
    };
    let call =
        Call::new(Arc::new(context), Arc::new(Allowance::new(1)), "op-1".to_owned(), Snapshot::default());
    let nobody = Account {
        id: String::new(),
        brand: String::new(),
        region: String::new(),
        language: String::new(),
        endpoints: Vec::new(),
        options: Vec::new(),
    };
    let called = slot.active().ask(&nobody, &ListVehicles, call).await;
    drop(held);
    Asked { answer: called.answer.map(|listed| assert!(listed.is_ok())), published }
}

const SLEEP: &str = "(drop (call $sleep (i64.const 1000)))";
const LOG: &str = "(call $write (i32.const 2) (i32.const 128) (i32.const 5))";
const ACQUIRE: &str = "(call $acquire (i32.const 96) (i32.const 6) (i64.const 25000) (i32.const 1024))";
const PUBLISH: &str = "(call $publish (i32.const 128) (i32.const 5) (i32.const 128) (i32.const 5) (i32.const 0) (i32.const 1024))";

#[tokio::test(start_paused = true)]
async fn a_guest_that_sleeps_again_and_again_is_ended() {
    let began = Instant::now();
    let budget = Budget { pause: Duration::from_secs(3), ..Budget::CONNECTOR };
    ask(budget, &times(3, SLEEP), false).await.answer.unwrap();
    assert_eq!(began.elapsed().as_secs(), 3);
    let began = Instant::now();
    let fault = ask(budget, &times(1_000, SLEEP), false).await.answer.unwrap_err();
    assert_eq!((fault.kind(), fault), ("pause", CallFault::PausedTooLong(budget.pause)));
    assert_eq!(began.elapsed().as_secs(), 3, "not a moment longer than it may");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_waits_for_a_lock_again_and_again_is_ended() {
    let began = Instant::now();
    let budget = Budget::CONNECTOR;
    // The third wait would be the one that is too long.
    ask(budget, &times(2, ACQUIRE), true).await.answer.unwrap();
    let fault = ask(budget, &times(1_000, ACQUIRE), true).await.answer.unwrap_err();
    assert_eq!((fault.kind(), fault), ("lock-wait", CallFault::WaitedForLocksTooLong(budget.lock_wait)));
    assert_eq!(began.elapsed().as_secs(), 50 + 60);
    // Whoever does not wait is only told that the lock is somebody else's.
    let impatient = ACQUIRE.replace("25000", "0");
    let none = Budget { lock_wait: Duration::ZERO, ..budget };
    ask(none, &times(100, &impatient), true).await.answer.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_beyond_the_limit_are_not_taken() {
    let budget = Budget { messages: 3, ..Budget::CONNECTOR };
    // The last answer is "other" (4): with words that the guest may read, and go on.
    let goes_on = "(if (i32.ne (i32.load8_u (i32.const 1032)) (i32.const 4)) (then unreachable))";
    let asked = ask(budget, &format!("{} {goes_on}", times(10, PUBLISH)), false).await;
    asked.answer.unwrap();
    let topics: Vec<_> = asked.published.messages().into_iter().map(|message| message.topic).collect();
    assert_eq!(topics, ["b/hello"; 3]);
}

#[tokio::test]
async fn lines_beyond_the_limit_are_counted_and_dropped() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    ask(Budget::CONNECTOR, &times(1_000, LOG), false).await.answer.unwrap();
    assert_eq!(log.with("hello").len(), 64);
    let closing = log.with("dropped=936");
    assert_eq!(closing.len(), 1, "{}", log.text());
    assert!(closing[0].contains("account=\"home\"") && closing[0].contains("op-1"), "{closing:?}");
}

#[tokio::test]
async fn a_million_lines_cost_no_more_than_the_processor_time_of_the_call() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    // The time that the host spends on lines is the call's own: one that logs for ever is out of it.
    let budget = Budget { cpu: Duration::from_millis(50), ..Budget::CONNECTOR };
    let fault = ask(budget, &format!("(loop $again {LOG} (br $again))"), false).await.answer.unwrap_err();
    assert_eq!(fault, CallFault::OutOfTime(budget.cpu));
    assert_eq!(log.with("hello").len(), 64);
    assert_eq!(log.with("dropped=").len(), 1, "{}", log.text());
}
