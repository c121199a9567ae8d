//! Guarantees for programs that embed a host: typed commands, their reports, and a paved path that stays
//! small.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use simulator::{ActionKind, Effect, Fault, RouteKind};
use testkit::{Home, LEGACY, RealHome, root};
use tokio::sync::watch;
use vehicle_connector::bindings::connector::ChargingCurrent;
use vehicle_connector::environment::{Kind, MemoryStore, Record, Store, StoreError, Write};
use vehicle_connector::{Action, Command, Reason, State, Unfinished};

/// Longer than a command takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_command_is_one_of_the_broker_s_with_a_report_for_its_caller() {
    let home = RealHome::start().await;
    home.settle().await;
    let handle = home.host().command(LEGACY.0, Command::new(Action::Lock).with_id("mine")).await;
    let report = handle.report().await.unwrap();
    assert_eq!((report.state, report.id.as_str(), report.attempts), (State::Succeeded, "mine", 1));
    assert_eq!(home.ended(LEGACY.0, "mine").await, report, "subscribers are told the same");

    // The same again, whoever asks, repeats the result and not the command.
    let again = home.host().command(LEGACY.0, Command::new(Action::Lock).with_id("mine")).await;
    assert_eq!(again.report().await.unwrap(), report);
    home.send(LEGACY.0, "lock", r#"{"id":"mine"}"#).await;
    let other = home.host().command(LEGACY.0, Command::new(Action::Unlock).with_id("mine")).await;
    let other = other.report().await.unwrap();
    assert_eq!((other.state, other.reason), (State::Rejected, Some(Reason::BadPayload)), "{other:?}");
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Unlock), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_done_is_reported_at_once() {
    let home = RealHome::start().await;
    home.settle().await;
    for (vehicle, command, reason) in [
        ("nope", Command::new(Action::Lock), Reason::UnknownVehicle),
        (
            LEGACY.0,
            Command::new(Action::SetChargingCurrent(ChargingCurrent::Percent(101))),
            Reason::BadPayload,
        ),
        (LEGACY.0, Command::new(Action::Lock).with_id("a/b"), Reason::BadPayload),
    ] {
        let report = home.host().command(vehicle, command.clone()).await.report().await.unwrap();
        assert_eq!((report.state, report.reason), (State::Rejected, Some(reason)), "{command:?}: {report:?}");
    }
    assert_eq!(home.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_callers_of_the_same_command_get_the_same_report() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold));
    let lock = || home.host().command(LEGACY.0, Command::new(Action::Lock).with_id("both"));
    let (first, second) = (lock().await, lock().await);
    home.control().wait_until(|counters| counters.held == 1).await;
    home.control().release();
    let (first, second) = tokio::join!(first.report(), second.report());
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
}

/// A store that answers while it is open.
#[derive(Debug)]
struct Gated {
    inner: MemoryStore,
    open: watch::Sender<bool>,
}

impl Gated {
    async fn opened(mut open: watch::Receiver<bool>) {
        open.wait_for(|open| *open).await.unwrap();
    }
}

impl Store for Gated {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            Self::opened(self.open.subscribe()).await;
            self.inner.load(kind, key).await
        })
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.inner.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let (opened, committed) = (Self::opened(self.open.subscribe()), self.inner.commit(writes));
        Box::pin(async move {
            opened.await;
            committed.await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_caller_gives_up_is_done_all_the_same() {
    let mut home = RealHome::start().await;
    let store = Arc::new(Gated { inner: MemoryStore::default(), open: watch::Sender::new(true) });
    home.environment.store = Arc::clone(&store) as _;
    home.restart_configured(|_| {}).await.unwrap();
    home.settle().await;
    let lock = || home.host().command(LEGACY.0, Command::new(Action::Lock).with_id("mine"));
    store.open.send_replace(false);
    assert!(lock().now_or_never().is_none(), "it has to be written down first");
    store.open.send_replace(true);
    let report =
        tokio::time::timeout(PATIENCE, async { lock().await.report().await }).await.unwrap().unwrap();
    assert_eq!((report.state, report.id.as_str()), (State::Succeeded, "mine"), "{report:?}");
    assert_eq!(home.control().counters().actuations_of(LEGACY.1, ActionKind::Lock), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_tells_a_caller_what_it_knows() {
    let home = RealHome::start().await;
    home.settle().await;
    home.control().inject(Fault::new(RouteKind::Command, Effect::Hold).forever());
    let sent = home.host().command(LEGACY.0, Action::Lock).await;
    home.control().wait_until(|counters| counters.held == 1).await;
    let waits = home.host().command(LEGACY.0, Action::Unlock).await;
    home.host().stop().await;
    let late = home.host().command(LEGACY.0, Action::Lock).await.report().await.unwrap();
    assert_eq!((late.state, late.reason), (State::Rejected, Some(Reason::HostStopping)), "{late:?}");
    let waits = waits.report().await.unwrap();
    assert_eq!((waits.state, waits.reason), (State::Failed, Some(Reason::HostStopping)), "{waits:?}");
    // What became of the one that was sent is for the next host to find out.
    assert_eq!(sent.report().await, Err(Unfinished));
}

/// Every name that `lib.rs` and the modules of the paved path export.
#[test]
fn the_paved_path_has_at_most_120_items() {
    let exported = |file: &str| {
        let text = fs::read_to_string(root().join("host/src").join(file)).unwrap();
        let exports = text.split("\npub use ").skip(1).map(|rest| rest.split_once(';').unwrap().0);
        let names = |export: &str| match export.split_once('{') {
            Some((_, names)) => {
                names.trim_end_matches('}').split(',').filter(|name| !name.trim().is_empty()).count()
            }
            None => 1,
        };
        exports.map(names).sum::<usize>()
    };
    let public = ["lib.rs", "deployments.rs", "environment.rs", "policies.rs"];
    let items: usize = public.into_iter().map(exported).sum();
    assert!((60..=120).contains(&items), "{items}: what else do programs need?");
}
