//! Swaps in a storm.

use std::collections::BTreeMap;
use std::sync::Arc;

use simulator::ActionKind;
use testkit::LEGACY;
use testkit::storm::Storm;
use vehicle_connector::plugin::slot::KEPT;
use vehicle_connector::store::MemoryStore;
use vehicle_connector::wire::outcome::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_swaps_lose_and_double_nothing() {
    let storm = Storm::gather(Arc::new(MemoryStore::default())).await;
    let after = storm.rage(1_000, false).await;
    assert_eq!((after.swaps, after.lost.len(), after.doubled.len()), (1_000, 0, 0));
    let met_a_swap = after.commands.iter().filter(|ended| ended.met_a_swap).count();
    assert!(met_a_swap > 100, "{met_a_swap} of {} commands met a swap", after.commands.len());

    let mut ends: BTreeMap<_, usize> = BTreeMap::new();
    for ended in &after.commands {
        let end = format!("{:?} {:?}", ended.state, ended.reason);
        *ends.entry(end).or_default() += 1;
    }
    // One grant for each session that was ended, and none besides.
    assert_eq!(after.cloud.grants_asked, after.sessions + 1, "the first one was the sign-in");
    let refreshed = after.commands.iter().filter(|ended| ended.token_refreshed).count();
    assert!(
        after.sessions >= 10 && refreshed >= 10,
        "{} sessions, {refreshed} commands, {ends:?}",
        after.sessions
    );
    assert!(after.commands.iter().all(|ended| ended.attempts <= 4));

    let locked = after.commands.iter().filter(|ended| ended.moves && ended.state == State::Succeeded);
    assert_eq!(locked.count() as u64, after.cloud.actuations_of(LEGACY.1, ActionKind::Lock));
    let with = |state| after.commands.iter().filter(|ended| ended.state == state).count();
    assert!(with(State::Succeeded) * 2 > after.commands.len(), "{ends:?}");
    assert_eq!(with(State::Unknown), 0, "{ends:?}");

    // What the host counts goes on, whoever decides.
    assert_eq!(after.requests_today, after.cloud.requests);
    assert!(storm.circuits_survive().await);
    assert!(after.components <= 2 * (KEPT + 1), "{} components are still stored", after.components);
    let (policies, connectors) = after.alive;
    assert!(policies <= KEPT + 1 && connectors <= KEPT + 1, "{policies} and {connectors} are still there");
}

/// Swaps of components that were never there before leave nothing behind (FC-81).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_goes_again_from_memory_and_from_the_store() {
    let storm = Storm::gather(Arc::new(MemoryStore::default())).await;
    let after = storm.rage(40, true).await;
    assert_eq!((after.lost.len(), after.doubled.len()), (0, 0));
    assert!(after.components <= 2 * (KEPT + 1), "{} components are still stored", after.components);
    let (policies, connectors) = after.alive;
    assert!(policies <= KEPT + 1 && connectors <= KEPT + 1, "{policies} and {connectors} are still there");
}
