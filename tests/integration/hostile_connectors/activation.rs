//! Connectors that are not let in.

use vehicle_connector::plugin::{ActivationError, ConnectorSlot, Plugins, embedded};
use vehicle_connector::sandbox::CallFault;

use super::plugins;
use testkit::handmade;
use testkit::handmade::connector::{Connector, ENDLESS};
use testkit::handmade::layout::layout;

async fn refused(component: &[u8]) -> ActivationError {
    match plugins(component).await {
        Ok(Plugins { sandbox, connectors, .. }) => {
            let provenance = testkit::provenance();
            let connector = connectors.values().next().unwrap();
            ConnectorSlot::open(&sandbox, connector, provenance).await.unwrap_err()
        }
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_does_not_export_all_of_it_is_no_connector() {
    let resume =
        "resume: func(account: account, vehicle: vehicle-ref, command: command, continuation: string)
        -> result<outcome, failure>;";
    let (resolve, world) = handmade::altered_world("vehicle-connector", "connector.wit", resume, "");
    let without = refused(&handmade::trapping(&resolve, world)).await;
    assert!(matches!(without, ActivationError::WrongInterface { .. }), "{without:?}");

    // The signatures are compared when it is instantiated.
    let other = "resume: func(continuation: string) -> result<outcome, failure>;";
    let (resolve, world) = handmade::altered_world("vehicle-connector", "connector.wit", resume, other);
    let with_another = refused(&handmade::trapping(&resolve, world)).await;
    assert!(with_another.to_string().contains("type mismatch"), "{with_another:?}");

    let refused = refused(embedded::POLICY).await;
    assert!(matches!(refused, ActivationError::WrongInterface { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_imports_more_than_the_primitives_is_refused_by_name() {
    for (import, name) in [
        ("import escape: interface { out: func(); }", "escape"),
        ("import escape: func();", "escape"),
        ("import policy;", &layout().interface("policy")),
    ] {
        let log = "import log;";
        let more = format!("{log} {import}");
        let (resolve, world) = handmade::altered_world("vehicle-connector", "worlds.wit", log, &more);
        match refused(&handmade::trapping(&resolve, world)).await {
            ActivationError::ForbiddenImport(refused) => assert_eq!(refused, name),
            other => panic!("{import}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_say_who_it_is_is_not_let_in() {
    use ActivationError::{TrialAnswer, TrialFault};
    let describes = |describe| Connector { describe, ..Connector::default() };
    let starts = |more| Connector { more, ..Connector::default() };
    let asks_for_the_time = "(call $now) (call $manifest `hyundai-kia-eu`)";
    let asks_the_cloud = "(drop (call $get `http://127.0.0.1/`)) (call $manifest `hyundai-kia-eu`)";
    for (what, connector) in [
        ("traps", describes("unreachable")),
        // What a name may depend on would not be the same the next time.
        ("asks for the time", describes(asks_for_the_time)),
        ("asks the cloud", describes(asks_the_cloud)),
        ("has a name of 16 MiB", describes("(call $manifest (call $long (i32.const 16777216)))")),
        ("has a name that is no text", describes("(call $manifest `\\ff`)")),
        ("answers from beyond its memory", describes("(i32.const -16)")),
        ("traps at its start", starts("(func $fall unreachable) (start $fall)")),
        ("wants a large table", starts("(table 20000 funcref)")),
    ] {
        let refused = refused(&connector.component()).await;
        assert!(matches!(refused, TrialFault(_)), "{what}: {refused:?}");
    }
    for (what, connector) in [
        ("computes", describes(ENDLESS)),
        ("computes at its start", starts("(func $spin (loop $again (br $again))) (start $spin)")),
    ] {
        let refused = refused(&connector.component()).await;
        assert!(matches!(refused, TrialFault(CallFault::OutOfTime(_))), "{what}: {refused:?}");
    }
    let refused = refused(&describes("(call $manifest ``)").component()).await;
    assert!(matches!(refused, TrialAnswer(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_only_so_large() {
    let cells = |cells: Vec<String>| Connector { cells, ..Connector::default() };
    for (what, connector) in [
        (
            "a name of 3 MiB",
            Connector {
                describe: "(call $manifest (call $long (i32.const 3145728)))",
                ..Connector::default()
            },
        ),
        (
            "a name that is none",
            Connector { describe: "(call $manifest `{secret:pin} ../x`)", ..Connector::default() },
        ),
        ("a thousand cells", cells((0..1_000).map(|n| format!("cell-{n}")).collect())),
        ("a cell of another account", cells(vec!["../other/session".to_owned()])),
    ] {
        let refused = refused(&connector.component()).await;
        assert!(matches!(refused, ActivationError::TrialAnswer(_)), "{what}: {refused:?}");
    }
}
