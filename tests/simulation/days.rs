//! Days of an account that signs in with a password.
//!
//! The first day is an ordinary one: a sign-in, a refresh of the set of tokens every hour, an exchange, and what befalls
//! any home now and then, such as an answer that is lost on the way. Then the session is over. All of that costs the
//! owner no operation. What follows is no ordinary weather: a cloud that answers whatever it can answer, a firewall, keys
//! and clocks that are wrong, outages, restarts, and a person who signs in again and again. That costs at most four
//! passwords a day, and in the end the account works, or says what a person has to do.

mod check;
mod coverage;
mod home;
mod schedule;
mod weather;

use testkit::trace::Entry;

use self::home::Run;
use self::schedule::Schedule;
use crate::check::coverage::Coverage;
use crate::driver::Simulation;

/// Days with a password.
pub struct Days;

impl Simulation for Days {
    type Schedule = Schedule;
    type Run = Run;
    const NAME: &'static str = "days";
    const WANTED: &'static [&'static str] = coverage::WANTED;

    fn schedule(&self, seed: u64) -> Schedule {
        Schedule::from_seed(seed)
    }

    fn run(&self, schedule: &Schedule) -> Run {
        home::run(schedule, &crate::POLICIES)
    }

    fn trace(run: &Run) -> &[Entry] {
        &run.trace
    }

    fn violations(run: &Run) -> Vec<String> {
        check::violations(run)
    }

    fn count(coverage: &mut Coverage, run: &Run) {
        coverage::add(coverage, run);
    }
}
