//! Seeded schedules of everything that can go wrong at once, in virtual time, against what must hold whatever happens.
//!
//! A seed gives a schedule. It runs against a host and a simulated cloud that share a thread and a paused clock, so the
//! same seed gives the same events in the same order. What happened is then held against invariants. There are two
//! kinds of schedules:
//!
//! * commands for two cars, ending tokens, kicks, outages, lost answers, swaps of the policy, restarts (`schedule`,
//!   `home`, `check`)
//! * days of an account that signs in with a password, of which the first is an ordinary one (`days`)
//!
//! `SIMULATION_SCHEDULES` says how many there are of each (2,000 unless given). Of the days, which take far longer, one
//! of twenty is run, and all of them with `--ignored`. `SIMULATION_SEED` runs one and prints what happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail"
)]

mod check;
mod days;
mod driver;
mod home;
mod policies;
mod schedule;
mod surroundings;

use std::sync::LazyLock;

use testkit::trace::Entry;

use crate::check::coverage::{Coverage, WANTED};
use crate::days::Days;
use crate::driver::{Simulation, hold_all, repeat};
use crate::home::{Run, run};
use crate::policies::Policies;
use crate::schedule::Schedule;

/// Compiled once for all schedules of both kinds.
static POLICIES: LazyLock<Policies> = LazyLock::new(Policies::compile);

/// Commands for two cars, and everything that can befall them.
struct Commands;

impl Simulation for Commands {
    type Schedule = Schedule;
    type Run = Run;
    const NAME: &'static str = "whatever";
    const WANTED: &'static [&'static str] = WANTED;

    fn schedule(&self, seed: u64) -> Schedule {
        Schedule::from_seed(seed)
    }

    fn run(&self, schedule: &Schedule) -> Run {
        run(schedule, &POLICIES)
    }

    fn trace(run: &Run) -> &[Entry] {
        &run.trace
    }

    fn violations(run: &Run) -> Vec<String> {
        check::violations(run)
    }

    fn count(coverage: &mut Coverage, run: &Run) {
        coverage.add(run);
    }
}

#[test]
fn whatever_happens_the_rules_hold() {
    hold_all(&Commands, 1);
}

#[test]
fn days_with_a_password_cost_no_operation_and_no_account() {
    hold_all(&Days, 20);
}

#[test]
#[ignore = "takes minutes"]
fn two_thousand_days_with_a_password_cost_no_operation_and_no_account() {
    hold_all(&Days, 1);
}

#[test]
fn a_seed_gives_the_same_events_every_time() {
    repeat(&Commands, 20);
    repeat(&Days, 5);
}
