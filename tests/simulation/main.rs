//! Seeded schedules of everything that can go wrong at once, in virtual time, against what must hold whatever happens.
//!
//! A seed gives a schedule: commands for two cars, ending tokens, kicks, outages, lost answers, swaps of the policy,
//! restarts. The schedule runs against a host and a simulated cloud that share a thread and a paused clock, so the
//! same seed gives the same events in the same order. What happened is then held against the invariants in
//! `check`.
//!
//! `SIMULATION_SCHEDULES` says how many (2,000 unless given); `SIMULATION_SEED` runs one and prints what happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail"
)]

mod check;
mod home;
mod policies;
mod schedule;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::check::Coverage;
use crate::home::run;
use crate::policies::Policies;
use crate::schedule::Schedule;

/// How many schedules are run unless the environment says otherwise.
const SCHEDULES: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// A failure, in words that are enough to see it again.
fn told(seed: u64, violations: &[String]) -> String {
    format!(
        "seed {seed}: {}\n\n{}\nTo see everything that happened:\n\
         SIMULATION_SEED={seed} cargo test --workspace --test simulation whatever -- --nocapture\n",
        violations.join("\n  and: "),
        Schedule::from_seed(seed)
    )
}

#[test]
fn whatever_happens_the_rules_hold() {
    let policies = Policies::compile();
    if let Some(seed) = number("SIMULATION_SEED") {
        let run = run(&Schedule::from_seed(seed), &policies);
        for entry in &run.trace {
            println!("{entry}");
        }
        let violations = check::violations(&run);
        assert!(violations.is_empty(), "{}", told(seed, &violations));
        return;
    }
    let schedules = number("SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let (found, coverage) = (Mutex::new(BTreeMap::new()), Mutex::new(Coverage::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= schedules {
                return;
            }
            // A panic is a violation too, and its seed is worth knowing.
            let checked = || {
                let run = run(&Schedule::from_seed(seed), &policies);
                coverage.lock().add(&run);
                check::violations(&run)
            };
            let violations = catch_unwind(AssertUnwindSafe(checked))
                .unwrap_or_else(|_| vec!["something panicked".to_owned()]);
            if !violations.is_empty() {
                found.lock().insert(seed, violations);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| with_default(NoSubscriber::default(), work));
        }
    });
    let coverage = coverage.into_inner();
    println!("{schedules} schedules in {:.1} s:\n{coverage}", began.elapsed().as_secs_f64());
    let found = found.into_inner();
    if let Some((seed, violations)) = found.first_key_value() {
        let first = |(seed, violations): (&u64, &Vec<String>)| {
            format!("  {seed}: {}\n", violations.first().map_or("", |v| v.get(..120).unwrap_or(v)))
        };
        let all: String = found.iter().map(first).collect();
        panic!("{} of {schedules} schedules failed:\n{all}\n{}", found.len(), told(*seed, violations));
    }
    assert!(schedules < SCHEDULES || coverage.missing().is_empty(), "never seen: {:?}", coverage.missing());
}

#[test]
fn a_seed_gives_the_same_events_every_time() {
    let policies = Policies::compile();
    let events = |seed| {
        let run = with_default(NoSubscriber::default(), || run(&Schedule::from_seed(seed), &policies));
        run.trace.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for seed in 0..20 {
        let (first, second) = (events(seed), events(seed));
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(first, second, "seed {seed}");
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
