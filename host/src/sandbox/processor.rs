//! Processor time that a call has used.
//!
//! Elapsed time is not counted: on a machine that is busy with something else a guest is stopped for moments
//! between its instructions, and a plugin must not lose its place for that.

use std::thread::{self, ThreadId};
use std::time::Duration;

use cpu_time::ThreadTime;

/// The processor time that one call has left.
#[derive(Debug)]
pub(super) struct Meter {
    left: Duration,
    tick: Duration,
    mark: Option<Mark>,
}

/// A moment in the life of a thread.
#[derive(Debug, Clone, Copy)]
struct Mark {
    thread: ThreadId,
    used: Duration,
}

impl Meter {
    /// Starts the meter of a call that begins now on this thread, and is interrupted every tick that it
    /// computes.
    pub(super) fn start(budget: Duration, tick: Duration) -> Self {
        Self { left: budget, tick, mark: Mark::now() }
    }

    /// Charges the time computed since the last charge: the time used by this thread, but no more than a
    /// tick, since it may have served others between two interruptions. Charges a whole tick where the system
    /// does not tell, or the call has moved to another thread. Returns whether anything is left.
    pub(super) fn charge(&mut self) -> bool {
        let now = Mark::now();
        let used = now.zip(self.mark).and_then(|(now, then)| now.since(then));
        self.mark = now;
        let used = used.unwrap_or(self.tick).min(self.tick);
        self.left = self.left.saturating_sub(used);
        !self.left.is_zero()
    }
}

impl Mark {
    fn now() -> Option<Self> {
        Some(Self { thread: thread::current().id(), used: used_by_this_thread()? })
    }

    /// Returns the time used since `then`; none if that was on another thread.
    fn since(self, then: Self) -> Option<Duration> {
        (self.thread == then.thread).then(|| self.used.saturating_sub(then.used))
    }
}

fn used_by_this_thread() -> Option<Duration> {
    ThreadTime::try_now().ok().map(|used| used.as_duration())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(5);

    fn compute(least: Duration) {
        let began = used_by_this_thread().unwrap();
        while used_by_this_thread().unwrap() - began < least {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn what_the_thread_computes_is_charged_and_at_most_a_tick_at_once() {
        let mut meter = Meter::start(2 * TICK, TICK);
        compute(4 * TICK);
        assert!(meter.charge());
        assert_eq!(meter.left, TICK);
        compute(TICK);
        assert!(!meter.charge());
    }

    #[test]
    fn what_passes_while_others_have_the_processor_is_not() {
        let mut meter = Meter::start(TICK, TICK);
        let (go_on, wait) = std::sync::mpsc::channel();
        // Another thread computes for many ticks while this one waits for it.
        thread::spawn(move || {
            compute(20 * TICK);
            go_on.send(()).unwrap();
        });
        wait.recv().unwrap();
        assert!(meter.charge());
    }

    #[test]
    fn a_call_that_moves_to_another_thread_is_charged_a_tick() {
        let mut meter = Meter::start(2 * TICK, TICK);
        let meter = thread::spawn(move || {
            assert!(meter.charge());
            meter
        });
        assert_eq!(meter.join().unwrap().left, TICK);
    }
}
