//! Runs of all schedules, on every processor, and what is said of one that fails.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use testkit::trace::Entry;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::check::coverage::Coverage;

/// How many schedules there are unless the environment says otherwise.
const SCHEDULES: u64 = 2_000;

/// One kind of schedules.
pub trait Simulation: Sync {
    /// What a seed gives.
    type Schedule: Display;

    /// What comes of it.
    type Run;

    /// Words by which the command line finds its test.
    const NAME: &'static str;

    /// What must happen now and then.
    const WANTED: &'static [&'static str];

    /// The schedule of a seed.
    fn schedule(&self, seed: u64) -> Self::Schedule;

    /// Runs a schedule to its end.
    fn run(&self, schedule: &Self::Schedule) -> Self::Run;

    /// Everything that happened in it.
    fn trace(run: &Self::Run) -> &[Entry];

    /// Everything in it that must not be.
    fn violations(run: &Self::Run) -> Vec<String>;

    /// Adds what happened.
    fn count(coverage: &mut Coverage, run: &Self::Run);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// A failure, in words that are enough to see it again.
fn told<S: Simulation>(simulation: &S, seed: u64, violations: &[String]) -> String {
    format!(
        "seed {seed}: {}\n\n{}\nTo see everything that happened:\n\
         SIMULATION_SEED={seed} cargo test --workspace --test simulation {} -- --nocapture\n",
        violations.join("\n  and: "),
        simulation.schedule(seed),
        S::NAME,
    )
}

/// Runs the schedules, or the first of them where only one of `of` is wanted; or the one that the environment wants.
/// Panics with the first that fails.
pub fn hold_all<S: Simulation>(simulation: &S, of: u64) {
    if let Some(seed) = number("SIMULATION_SEED") {
        let run = simulation.run(&simulation.schedule(seed));
        for entry in S::trace(&run) {
            println!("{entry}");
        }
        let violations = S::violations(&run);
        assert!(violations.is_empty(), "{}", told(simulation, seed, &violations));
        return;
    }
    let wanted = number("SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    let schedules = wanted.div_ceil(of);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let (found, coverage) = (Mutex::new(BTreeMap::new()), Mutex::new(Coverage::of(S::WANTED)));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= schedules {
                return;
            }
            // A panic is a violation too, and its seed is worth knowing.
            let checked = || {
                let run = simulation.run(&simulation.schedule(seed));
                S::count(&mut coverage.lock(), &run);
                S::violations(&run)
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
        panic!(
            "{} of {schedules} schedules failed:\n{all}\n{}",
            found.len(),
            told(simulation, *seed, violations)
        );
    }
    // What is rare is rare in a part of them.
    assert!(schedules < SCHEDULES || coverage.missing().is_empty(), "never seen: {:?}", coverage.missing());
}

/// Runs some schedules twice, which must be the same both times.
pub fn repeat<S: Simulation>(simulation: &S, seeds: u64) {
    let events = |seed| {
        let run = with_default(NoSubscriber::default(), || simulation.run(&simulation.schedule(seed)));
        S::trace(&run).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for seed in 0..seeds {
        let (first, second) = (events(seed), events(seed));
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(first, second, "seed {seed}");
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
