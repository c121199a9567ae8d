//! What a swap costs: `cargo bench --workspace --bench swaps`.
//!
//! Ratios within one run hold on any machine; milliseconds are those of this one. With `-- 200` so many swaps instead of
//! a thousand.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it has measured, and may fail"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::handmade::variant;
use testkit::storm::{Aftermath, Storm};
use testkit::{Recording, configuration};
use vehicle_connector::digest::Digest;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::plugin::embedded;
use vehicle_connector::store::SqliteStore;
use vehicle_connector::time::SystemClock;
use vehicle_connector::wire::outcome::State;

/// How many policies are moved into the folder.
const FILES: u32 = 50;

fn main() {
    let swaps = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        from_file_to_active().await;
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("state")).unwrap();
        let storm = Storm::gather(Arc::new(store)).await;
        report(&storm.rage(swaps, true).await);
        if let (Some(first), Some(last)) = storm.swap_in_silence(swaps).await {
            println!(
                "{swaps} more swaps and nothing else: {first} KiB after a tenth, {last} KiB after the last"
            );
        }
    });
}

/// A file is moved into the watched folder of a host whose state is on disk, and is active.
async fn from_file_to_active() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    let mut config = configuration("http://127.0.0.1:1", &"A".repeat(48), "1234");
    config.plugins.folder = Some(folder.clone());
    let store = Arc::new(SqliteStore::open(&dir.path().join("state")).unwrap());
    let environment = Environment::new(store, Arc::new(SystemClock::start()), Arc::new(Recording::default()));
    let host = Host::start(&config, environment).await.unwrap();
    let _watching = host.watch_folder().unwrap();
    let mut took = Vec::new();
    for number in 0..FILES {
        let component = variant(embedded::POLICY, number);
        let (digest, beside) = (Digest::of(&component), dir.path().join("new.wasm"));
        std::fs::write(&beside, component).unwrap();
        let mut changes = host.policy().changes();
        let moved = Instant::now();
        move_in(&beside, &folder);
        while host.policy().active().generation().digest != digest {
            changes.changed().await.unwrap();
        }
        took.push(moved.elapsed());
    }
    let size = embedded::POLICY.len() / 1024;
    println!("file of {size} KiB moved in -> active: {}", spread(&mut took));
}

fn move_in(file: &Path, folder: &Path) {
    std::fs::rename(file, folder.join("policy.wasm")).unwrap();
}

fn report(after: &Aftermath) {
    println!(
        "{} swaps, {} offers refused, under {} commands: {} lost, {} doubled, {} sessions ended, {} refreshes",
        after.swaps,
        after.refused,
        after.commands.len(),
        after.lost.len(),
        after.doubled.len(),
        after.sessions,
        after.cloud.grants_asked - 1,
    );
    println!("bytes of a component -> active, compiled and tried: {}", spread(&mut after.took.clone()));
    let reads = |met_a_swap: bool| -> Vec<Duration> {
        let wanted = after.commands.iter().filter(|ended| {
            let first_time = ended.state == State::Succeeded && ended.attempts == 1;
            ended.met_a_swap == met_a_swap && !ended.moves && first_time
        });
        wanted.map(|ended| ended.took).collect()
    };
    let (mut during, mut between) = (reads(true), reads(false));
    println!("a read that no swap met: {}", spread(&mut between));
    println!("a read that met a swap:  {}", spread(&mut during));
    println!("ratio of the medians: {:.2}", median(&during).as_secs_f64() / median(&between).as_secs_f64());
    let (policies, connectors) = after.alive;
    let stored = after.components;
    println!(
        "still there: {policies} generations of policies, {connectors} of connectors, {stored} stored components"
    );
    if let (Some(first), Some(last)) = after.resident {
        println!("resident memory after a tenth of the swaps {first} KiB, after the last {last} KiB");
    }
}

/// Of sorted times.
fn median(times: &[Duration]) -> Duration {
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at =
        |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("median {:.1} ms, p99 {:.1} ms ({} times)", at(50), at(99), times.len())
}
