//! A circuit breaker. Pure: the time is an argument, and so are the settings.
//!
//! Closed, it counts: failures in a row, and the share of failures in a rolling window. Open, it refuses.
//! After a while it is half open and lets probes through, reads only: a command must not be the call that
//! finds out whether a cloud is well. A probe's place is a lease, so a probe that never comes back does not
//! keep the circuit half open for ever. An operator can hold it open for any time.
//!
//! Every result brings the settings that hold now, because a policy may have been swapped since the last one.
//! The circuit keeps its state and its counts, and goes on under the new settings.

mod probes;
mod report;
mod settings;
mod window;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use core::time::Duration;

use probes::Probes;
pub use report::{Cause, Snapshot, StateName, Transition};
use serde::{Deserialize, Serialize};
pub use settings::Settings;
pub use window::Counts;
use window::Window;

use crate::milliseconds;

/// Time until the next question while another call may be finding out whether all is well.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Time that a circuit has been open before a [`Purpose::FirstRead`] may probe.
const EARLY_PROBE: Duration = Duration::from_secs(4);

/// Purpose of a call that asks to be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changes nothing; may serve as a probe.
    Read,
    /// Changes nothing, on behalf of a host that has just started and knows nothing yet: it may probe after a
    /// moment, however long the circuit is open. A caller that uses it has to grow patient itself.
    FirstRead,
    /// Anything else.
    Act,
}

/// A call was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Time after which to ask again; none when only an operator can change the answer.
    pub retry_in: Option<Duration>,
    /// Whether a read would be admitted now: the circuit waits for a probe to find out whether all is well
    /// again.
    pub probe_wanted: bool,
}

/// The right to make one call. A result that comes with the permit of an earlier state counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "its result must be recorded"]
pub struct Permit {
    epoch: u64,
    probe: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Closed {
        in_a_row: u32,
        window: Window,
    },
    Open {
        #[serde(with = "milliseconds")]
        until: Duration,
        /// Time at which a [`Purpose::FirstRead`] may probe.
        #[serde(with = "milliseconds")]
        early: Duration,
        counts: Counts,
        ratio: Option<f64>,
    },
    HalfOpen(Probes),
    Isolated,
}

impl State {
    fn closed() -> Self {
        Self::Closed { in_a_row: 0, window: Window::default() }
    }
}

/// The health of one thing: a token endpoint, a cloud, an account, a vehicle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Circuit {
    state: State,
    /// Settings as the last counted result brought them.
    settings: Settings,
    /// Number of state changes, so that late results are recognised as late.
    epoch: u64,
    /// Calls refused in this state.
    refused: u64,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Circuit {
    /// Makes a closed circuit. The settings hold until a result brings others.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { state: State::closed(), settings, epoch: 0, refused: 0 }
    }

    /// Whether every call is admitted at the moment.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Whether an operator holds it open.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        matches!(self.state, State::Isolated)
    }

    /// Asks to make a call at this time. The first probe after an open time makes the circuit half open.
    ///
    /// # Errors
    ///
    /// When the circuit is open or isolated, or half open and the call is not a probe or all places are
    /// taken.
    pub fn admit(
        &mut self,
        now: Duration,
        purpose: Purpose,
    ) -> Result<(Permit, Option<Transition>), Refused> {
        let mut transition = None;
        if self.is_due(now, purpose) {
            self.enter(State::HalfOpen(Probes::default()));
            transition = Some(Transition::HalfOpened);
        }
        let admitted = match &mut self.state {
            State::Closed { .. } => Ok(None),
            State::Open { until, .. } if now < *until => {
                Err(Refused { retry_in: Some(*until - now), probe_wanted: false })
            }
            // No probe has yet found out whether it is well again, and this call is not one.
            State::Open { .. } => Err(Refused { retry_in: Some(LOOK_AGAIN), probe_wanted: true }),
            State::HalfOpen(probes) => probes.admit(now, purpose, &self.settings).map(Some),
            State::Isolated => Err(Refused { retry_in: None, probe_wanted: false }),
        };
        match admitted {
            Ok(probe) => Ok((Permit { epoch: self.epoch, probe }, transition)),
            Err(refused) => {
                self.refused = self.refused.saturating_add(1);
                Err(refused)
            }
        }
    }

    /// Records that a call went well. Even that may open the circuit: it may be the call that completes the
    /// rolling window's minimum.
    pub fn succeeded(&mut self, permit: Permit, now: Duration, settings: Settings) -> Option<Transition> {
        self.record(permit, now, settings, false)
    }

    /// Records that a call failed in a way that says something about the health of what it called.
    pub fn failed(&mut self, permit: Permit, now: Duration, settings: Settings) -> Option<Transition> {
        self.record(permit, now, settings, true)
    }

    /// Records a refusal that shows all the same that the called service is well. A probe has then found out
    /// what it was for; the counts of a closed circuit do not change.
    pub fn answered(&mut self, permit: Permit, now: Duration, settings: Settings) -> Option<Transition> {
        match self.state {
            State::HalfOpen(_) => self.record(permit, now, settings, false),
            _ => None,
        }
    }

    /// Gives back the place of a call that says nothing about health, such as one without an answer because
    /// the caller left.
    pub fn abandoned(&mut self, permit: Permit) {
        if let (State::HalfOpen(probes), true) = (&mut self.state, permit.epoch == self.epoch) {
            probes.abandon(permit.probe);
        }
    }

    /// Holds the circuit open until [`Self::close`], whatever happens.
    pub fn isolate(&mut self) -> Option<Transition> {
        if self.is_isolated() {
            return None;
        }
        self.enter(State::Isolated);
        Some(Transition::Isolated)
    }

    /// Opens the circuit for this time, to be probed after that, for a service known to be unwell or to want
    /// to be left alone. A circuit that is already open gets a new end; an isolated one stays isolated.
    pub fn trip(&mut self, now: Duration, open_for: Duration) -> Option<Transition> {
        self.open_until(now.saturating_add(open_for), open_for, Cause::Operator)
    }

    /// Opens the circuit for at least this time, because the vendor asks for that. Like [`Self::trip`], but a
    /// later end already set stays.
    pub fn leave_alone(&mut self, now: Duration, open_for: Duration) -> Option<Transition> {
        let until = now.saturating_add(open_for);
        let held = match self.state {
            State::Open { until, .. } => until,
            _ => Duration::ZERO,
        };
        self.open_until(until.max(held), open_for, Cause::Vendor)
    }

    fn open_until(&mut self, until: Duration, open_for: Duration, cause: Cause) -> Option<Transition> {
        if self.is_isolated() {
            return None;
        }
        if let State::Open { until: end, early, .. } = &mut self.state {
            (*end, *early) = (until, until);
            return None;
        }
        self.enter(State::Open { until, early: until, counts: Counts::default(), ratio: None });
        Some(Transition::Opened { open_for, cause })
    }

    /// Closes the circuit, whatever its state, and forgets its counts. Calls under way count for nothing.
    pub fn close(&mut self) -> Option<Transition> {
        let was_closed = self.is_closed();
        self.enter(State::closed());
        (!was_closed).then_some(Transition::Closed)
    }

    /// Returns the state at this time.
    #[must_use]
    pub fn snapshot(&self, now: Duration) -> Snapshot {
        let (state, counts, ratio, until) = match &self.state {
            State::Closed { window, .. } => {
                let counts = window.counts(now, self.settings.window);
                (StateName::Closed, counts, self.settings.ratio(counts), None)
            }
            State::Open { until, counts, ratio, .. } if now < *until => {
                (StateName::Open, *counts, *ratio, Some(*until))
            }
            State::Open { .. } => (StateName::HalfOpen, Counts::default(), None, None),
            State::HalfOpen(probes) => (StateName::HalfOpen, probes.results(), None, None),
            State::Isolated => (StateName::Isolated, Counts::default(), None, None),
        };
        Snapshot { state, counts, ratio, refused: self.refused, until }
    }

    fn record(
        &mut self,
        permit: Permit,
        now: Duration,
        settings: Settings,
        failed: bool,
    ) -> Option<Transition> {
        if permit.epoch != self.epoch {
            return None;
        }
        match &mut self.state {
            State::Closed { in_a_row, window } => {
                self.settings = settings;
                *in_a_row = if failed { in_a_row.saturating_add(1) } else { 0 };
                let counts = window.record(now, settings.window, failed);
                let cause = settings.opens(*in_a_row, counts)?;
                Some(self.open(now, counts, settings.ratio(counts), cause))
            }
            State::HalfOpen(probes) => {
                let results = probes.finish(permit.probe, now, failed)?;
                self.settings = settings;
                if results.calls < settings.probes {
                    return None;
                }
                if settings.opens_again(results) {
                    return Some(self.open(now, results, results.ratio(), Cause::Probes(results)));
                }
                self.close()
            }
            State::Open { .. } | State::Isolated => None,
        }
    }

    fn open(&mut self, now: Duration, counts: Counts, ratio: Option<f64>, cause: Cause) -> Transition {
        let open_for = self.settings.open_for;
        let (until, early) = (now.saturating_add(open_for), now.saturating_add(open_for.min(EARLY_PROBE)));
        self.enter(State::Open { until, early, counts, ratio });
        Transition::Opened { open_for, cause }
    }

    /// Whether the circuit is open, and a call for this purpose may find out whether all is well again.
    fn is_due(&self, now: Duration, purpose: Purpose) -> bool {
        match (&self.state, purpose) {
            (State::Open { until, .. }, Purpose::Read) => now >= *until,
            (State::Open { early, .. }, Purpose::FirstRead) => now >= *early,
            _ => false,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch = self.epoch.wrapping_add(1);
        self.refused = 0;
    }
}
