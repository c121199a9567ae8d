//! The limits of one call: a guest that goes beyond one is ended with a fault that names it.

use std::time::Duration;

use testkit::{Home, LEGACY, RealHome, configuration};
use vehicle_connector::host::{Host, StartError};
use vehicle_connector::plugin::{ActivationError, Compiled, Plugins, embedded};
use vehicle_connector::sandbox::{self, Budget, CallFault, Sandbox};
use vehicle_connector::wire::outcome::State;
use wasmtime::component::{Component, Linker};

mod connector;

/// Runs a component with the only import `take`, which takes text, and waits for ever if there is none.
async fn run(budget: Budget, component: &str) -> Result<(), CallFault> {
    let sandbox = Sandbox::new().unwrap();
    let component = Component::new(sandbox.engine(), wat::parse_str(component).unwrap()).unwrap();
    let mut linker = Linker::new(sandbox.engine());
    let mut root = linker.root();
    root.func_wrap_async("take", |_, (words,): (String,)| {
        Box::new(async move {
            if words.is_empty() {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    })
    .unwrap();
    let mut store = sandbox.store(budget, ());
    sandbox::answer(budget, async {
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let run = instance.get_typed_func::<(), (String,)>(&mut store, "run")?;
        run.call_async(&mut store, ()).await.map(|_| ())
    })
    .await
}

/// A component of one module that does something in its function `run`, whose answer is text at a place.
fn component(more: &str, run: &str) -> String {
    format!(
        r#"(component
            (import "take" (func $take (param "words" string)))
            (type $thing (resource (rep i32)))
            (core func $new (canon resource.new $thing))
            (core module $memory (memory (export "memory") 1))
            (core instance $memory (instantiate $memory))
            (core func $take (canon lower (func $take) (memory (core memory $memory "memory"))))
            (core module $module
              (import "host" "take" (func $take (param i32 i32)))
              (import "host" "new" (func $new (param i32) (result i32)))
              (import "host" "memory" (memory 1))
              {more}
              (func (export "run") (result i32) {run} (i32.const 0)))
            (core instance $instance (instantiate $module
              (with "host" (instance
                (export "take" (func $take)) (export "new" (func $new))
                (export "memory" (memory $memory "memory"))))))
            (func (export "run") (result string)
              (canon lift (core func $instance "run") (memory (core memory $memory "memory")))))"#
    )
}

/// Several instances of a module beside a `run`.
fn instances(module: &str, count: usize, run: &str) -> String {
    let instances = "(core instance (instantiate $part))".repeat(count);
    let beginning = format!("(component (core module $part {module}) {instances}");
    component("", run).replacen("(component", &beginning, 1)
}

/// Does something for ever.
fn endless(it_does: &str) -> String {
    format!("(loop $again {it_does} (br $again))")
}

/// So much time that whatever reaches another limit reaches that first, on a machine as busy as may be.
const BUDGET: Budget = Budget {
    cpu: Duration::from_secs(60),
    wall: Duration::from_secs(600),
    memory: 1 << 20,
    ..Budget::POLICY
};

/// One with little time to compute, and much to do it in.
const HURRIED: Budget = Budget { cpu: Duration::from_millis(20), ..ROOMY };

/// One with room for what is handed over.
const ROOMY: Budget = Budget { memory: 64 << 20, transfer: 64 << 10, ..BUDGET };

/// Which limit a component reaches.
async fn reached(what: &str, budget: Budget, component: &str) -> CallFault {
    match run(budget, component).await {
        Err(fault) => fault,
        Ok(()) => panic!("{what}: nothing has stopped it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_within_its_budget_runs() {
    // Without this the others might fail for the wrong reason.
    run(BUDGET, &component("", "(call $take (i32.const 0) (i32.const 8))")).await.unwrap();
    run(BUDGET, &instances("(memory 7) (table 4000 funcref)", 2, "")).await.unwrap();
    // The last of 16 pages, in three memories.
    let grows = "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))";
    run(BUDGET, &instances("(memory 7)", 2, grows)).await.unwrap();
    let takes = "(drop (memory.grow (i32.const 1))) (call $take (i32.const 0) (i32.const 65536))";
    run(ROOMY, &component("", takes)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_tables_are_counted_together() {
    let grow = |pages: u32| format!("(drop (memory.grow (i32.const {pages})))");
    let hoards = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))";
    for (what, component) in [
        ("begins with too much", instances("(memory 17)", 1, "")),
        ("has too much in two memories", instances("(memory 8)", 2, "")),
        ("grows at once", component("", &grow(20_000))),
        ("grows bit by bit", component("", hoards)),
    ] {
        let fault = reached(what, BUDGET, &component).await;
        assert_eq!((fault.kind(), fault), ("memory", CallFault::OutOfMemory(1 << 20)), "{what}");
    }
    let grows = "(drop (table.grow (ref.null func) (i32.const 10000)))";
    for (what, component) in [
        ("begins with too much", instances("(table 10001 funcref)", 1, "")),
        ("has too much in two tables", instances("(table 5001 funcref)", 2, "")),
        ("grows", component("(table 1 funcref)", grows)),
    ] {
        let fault = reached(what, BUDGET, &component).await;
        assert_eq!(
            (fault.kind(), fault),
            ("table-elements", CallFault::TooManyTableElements(10_000)),
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_consists_of_is_counted() {
    let fault = reached("instances", BUDGET, &instances("", 63, "")).await;
    assert_eq!((fault.kind(), fault), ("instances", CallFault::TooManyInstances(64)));
    let fault = reached("memories", BUDGET, &instances("(memory 0)", 5, "")).await;
    assert_eq!((fault.kind(), fault), ("memories", CallFault::TooManyMemories(4)));
    let fault = reached("tables", BUDGET, &instances(&"(table 0 funcref)".repeat(11), 3, "")).await;
    assert_eq!((fault.kind(), fault), ("tables", CallFault::TooManyTables(32)));
}

#[tokio::test(flavor = "multi_thread")]
async fn processor_time_is_counted_wherever_it_passes() {
    let starts = format!("(func $start {}) (start $start)", endless(""));
    let fills = endless("(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))");
    let takes = format!(
        "(drop (memory.grow (i32.const 1))) {}",
        endless("(call $take (i32.const 0) (i32.const 65000))")
    );
    for (what, component) in [
        ("never ends", component("", &endless(""))),
        ("never begins", component(&starts, "")),
        ("fills its memory", component("", &fills)),
        ("asks the host", component("", &endless("(call $take (i32.const 0) (i32.const 1))"))),
        // Most of the time passes in the host, which copies and checks.
        ("makes the host work", component("", &takes)),
    ] {
        let fault = reached(what, HURRIED, &component).await;
        assert_eq!((fault.kind(), fault), ("cpu", CallFault::OutOfTime(HURRIED.cpu)), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_in_the_host_ends_with_the_wall_clock() {
    let hurried = Budget { wall: Duration::from_millis(50), ..BUDGET };
    let waits = component("", "(call $take (i32.const 0) (i32.const 0))");
    let fault = reached("waits", hurried, &waits).await;
    assert_eq!((fault.kind(), fault), ("timeout", CallFault::TimedOut(hurried.wall)));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_and_handles_are_counted() {
    let takes = "(drop (memory.grow (i32.const 1))) (call $take (i32.const 0) (i32.const 65537))";
    let answers = "(drop (memory.grow (i32.const 1))) (i32.store offset=4 (i32.const 0) (i32.const 65537))";
    for (what, run) in [("in an argument", takes), ("in the answer", answers)] {
        let fault = reached(what, ROOMY, &component("", run)).await;
        assert_eq!((fault.kind(), fault), ("transfer", CallFault::TooMuchData(64 << 10)), "{what}");
    }
    let hoards = component("", &endless("(drop (call $new (i32.const 0)))"));
    let fault = reached("handles", BUDGET, &hoards).await;
    assert_eq!((fault.kind(), fault), ("handles", CallFault::TooManyHandles(64)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_that_must_not_grow_says_so_as_ever() {
    // What the guest itself forbids is an answer to the guest, however much the budget would allow or not.
    let asks = "(if (i32.ne (memory.grow 1 (i32.const 20000)) (i32.const -1)) (then unreachable))";
    run(BUDGET, &component("(memory $own 1 2)", asks)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_tried_under_the_limits_that_are_configured() {
    let home = RealHome::start().await;
    let sandbox = Sandbox::new().unwrap();
    let plugins = Plugins::embedded(sandbox.clone()).await.unwrap();
    let policy = Compiled::of(&sandbox, embedded::POLICY).await.unwrap();
    let plugins = Plugins { policy: Some(policy), ..plugins };
    let mut config = configuration(&home.cloud.base_url(), "x", "1");
    config.limits.policy.memory = 32 << 10;
    let error = Host::start_with(&config, home.environment.clone(), &plugins).await.err().unwrap();
    assert!(error.to_string().contains("32 KiB of memory"), "{error}");
    match error {
        StartError::Policy(ActivationError::TrialFault(fault)) => {
            assert_eq!(fault, CallFault::OutOfMemory(32 << 10));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shipped_runs_under_the_least_that_may_be_configured() {
    let least = |budget: Budget| Budget {
        memory: 1 << 20,
        table_elements: 100,
        transfer: 64 << 10,
        handles: 16,
        log_lines: 0,
        ..budget
    };
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.limits.policy = least(config.limits.policy);
        config.limits.connector = least(config.limits.connector);
    })
    .await;
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_sends_as_much_as_is_configured() {
    let home = RealHome::configured(simulator::Config::default(), |config| {
        config.limits.requests_per_operation = 1;
    })
    .await;
    home.settle().await;
    home.control().expire_access_token();
    // The refused read has taken the one request that there was; the refresh is the session's, not the operation's.
    let report = home.command(LEGACY.0, "refresh_cached", "").await;
    assert_eq!(report.state, State::Failed, "{report:?}");
    assert_eq!(report.upstream_calls, 1, "{report:?}");
    assert!(report.detail.unwrap().contains("used up its requests"));
}
