//! Connectors that misbehave: each costs its own operation, which ends once and says why, and nothing else.
//!
//! `testkit::handmade::connector` makes them; how a host gets one is decided here, in [`home`] and
//! [`in_virtual_time`].

mod activation;
mod answers;
mod derivations;
mod floods;
mod limits;
mod pins;
mod policies;
mod questions;
mod secrets;
mod sessions;
mod waiting;
mod wanting;

use std::time::Duration;

use testkit::handmade::connector::Connector;
use testkit::virtual_home::{self, VirtualHome};
use testkit::{CCS2, Home, LEGACY, RealHome};
use tokio::sync::OnceCell;
use vehicle_connector::plugin::{ActivationError, Compiled, Plugins, embedded};
use vehicle_connector::sandbox::{Budget, Sandbox};
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::Report;

/// Longer than anything here computes.
const PATIENCE: Duration = Duration::from_secs(600);

/// A plugin set with this connector and the policy that the host carries, in one sandbox for all.
async fn plugins(component: &[u8]) -> Result<Plugins, ActivationError> {
    static SHARED: OnceCell<(Sandbox, Compiled)> = OnceCell::const_new();
    let shared = SHARED.get_or_init(async || {
        // What computes is ended by its processor time, however long that takes on a busy machine.
        let patient = |budget| Budget { wall: PATIENCE, ..budget };
        let sandbox = Sandbox::new().unwrap();
        let sandbox = sandbox.with_budgets(patient(Budget::POLICY), Budget::CONNECTOR);
        let policy = Compiled::of(&sandbox, embedded::POLICY).await.unwrap();
        (sandbox, policy)
    });
    let (sandbox, policy) = shared.await.clone();
    let connector = Compiled::of(&sandbox, component).await?;
    let connectors = [(embedded::CONNECTORS[0].0.to_owned(), connector)].into();
    Ok(Plugins { sandbox, connectors, policy: Some(policy) })
}

/// A home whose host has found its cars with this connector, if it can.
async fn home(connector: &Connector<'_>) -> RealHome {
    let home = RealHome::with_plugins(&plugins(&connector.component()).await.unwrap()).await;
    home.settle().await;
    home
}

/// The same where hours pass in moments. A guest that computes without end hangs there.
async fn in_virtual_time(connector: &Connector<'_>) -> VirtualHome {
    let mut home = VirtualHome::start().await;
    home.restart_with(&[(embedded::CONNECTORS[0].0, virtual_home::compiled(&connector.component()))]).await;
    home.settle().await;
    home
}

/// Makes sure that a command has ended once, and that the next one finds the lock free and is done, as is a read of
/// either car.
async fn serves_on(home: &RealHome, after: &Report, what: &str) {
    let next = home.command(LEGACY.0, "unlock", "").await;
    assert_eq!(next.state, State::Succeeded, "after: {what}: {next:?}");
    for (car, _) in [LEGACY, CCS2] {
        let read = home.command(car, "refresh_cached", "").await;
        assert_eq!(read.state, State::Succeeded, "after: {what}: {read:?}");
    }
    assert_eq!(home.finals(LEGACY.0, &after.id).len(), 1, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_behaves_is_obeyed_whoever_wrote_it() {
    // Without this the others might fail for the wrong reason.
    let state = r#"(call $done_with `{"locked":true,"soc_percent":40}`)"#;
    let lock = "
        (call $log `locking`)
        (call $assert (i32.eqz (call $publish `status` `fine`)))
        (local.set $at (call $acquire `device` (i32.const 0)))
        (call $assert (i32.eqz (call $commit (local.get $at) `a value`)))
        (call $assert (call $answered (call $act (call $cloud `/lock`))))
        (call $done_as `the action`)";
    let home = home(&Connector { lock, read: state, ..Connector::default() }).await;
    assert_eq!(home.control().counters().grants_asked, 0, "signed in once, to find the cars");
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(report.upstream_action_id.as_deref(), Some("the action"));
    assert_eq!(report.upstream_calls, 1);
    serves_on(&home, &report, "a good command").await;
    let said = |topic: &str| home.published.messages().iter().rev().find(|m| m.topic == topic).cloned();
    let own = said("vehicle-connector/account/home/connector/status").unwrap();
    assert_eq!((own.payload.as_slice(), own.retain), (&b"fine"[..], false));
    let state = said("vehicle-connector/vehicle/niro/state").unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state.payload).unwrap();
    assert_eq!((&state["locked"], &state["soc_percent"]), (&true.into(), &40.0.into()));
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_behaves_is_obeyed_in_virtual_time() {
    let resume = "(call $done_as `later`)";
    let lock = "(call $pending `later` (i32.const 1000))";
    let home = in_virtual_time(&Connector { lock, resume, ..Connector::default() }).await;
    let report = home.command(LEGACY.0, "lock", "").await;
    assert_eq!(report.state, State::Succeeded, "{report:?}");
    assert_eq!(report.upstream_action_id.as_deref(), Some("later"));
}

/// Makes sure that a command has failed because of the connector, and that nobody waits for a car that was never asked.
fn is_a_fault(report: &Report, what: &str) {
    let how = (report.state, report.reason, report.attempts);
    assert_eq!(how, (State::Failed, Some(Reason::ConnectorFault), 1), "{what}: {report:?}");
    assert!(!report.retryable && report.message.is_some(), "{what}: {report:?}");
}
