//! A circuit breaker. Pure: the time is an argument.
//!
//! Closed, it counts failures in a row. Open, it refuses. After a while it lets probes through, reads only: a
//! command must not be what finds out whether a cloud is well. A probe's place is a lease, so a probe that never
//! comes back does not keep the circuit half open for ever.

use std::time::Duration;

/// When a circuit opens, and how it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Opens after so many failures in a row; 0 means never.
    pub consecutive_failures: u32,
    /// Refuses so long before it lets probes through.
    pub open_for: Duration,
    /// So many probes at once.
    pub probes: u32,
    /// After so long a probe's place is free again.
    pub probe_lease: Duration,
}

/// What a call to be admitted would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changes nothing; may serve as a probe.
    Read,
    /// Anything else.
    Act,
}

/// A call was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When to ask again.
    pub retry_in: Duration,
    /// Whether a read would be admitted now: the circuit waits for somebody to find out whether all is well again.
    pub probe_wanted: bool,
}

/// The right to make one call. A result that comes with an old permit counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "its result must be recorded"]
pub struct Permit {
    epoch: u64,
    probe: Option<u64>,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration, settings: Settings },
    HalfOpen { settings: Settings, probes: Vec<(u64, Duration)>, next: u64 },
}

/// The health of one thing: a token endpoint, a cloud, an account, a vehicle.
#[derive(Debug)]
pub struct Circuit {
    state: State,
    /// Counts changes of state, so that late results are known as late.
    epoch: u64,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 }, epoch: 0 }
    }
}

impl Circuit {
    /// Whether calls are refused or probed at the moment.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Asks to make a call at this time.
    ///
    /// # Errors
    ///
    /// When the circuit is open, or half open and the call is no probe or all places are taken.
    pub fn admit(&mut self, now: Duration, purpose: Purpose) -> Result<Permit, Refused> {
        if let State::Open { until, settings } = self.state {
            if now < until {
                return Err(Refused { retry_in: until - now, probe_wanted: false });
            }
            if purpose == Purpose::Act {
                // Nobody has looked yet whether it is well again, and this is not the call to find out.
                return Err(Refused { retry_in: Duration::from_secs(1), probe_wanted: true });
            }
            self.enter(State::HalfOpen { settings, probes: Vec::new(), next: 0 });
        }
        let epoch = self.epoch;
        match &mut self.state {
            State::Closed { .. } => Ok(Permit { epoch, probe: None }),
            State::HalfOpen { settings, probes, next } => {
                probes.retain(|(_, lease_ends)| now < *lease_ends);
                let full = probes.len() >= usize::try_from(settings.probes.max(1)).unwrap_or(usize::MAX);
                if purpose == Purpose::Act || full {
                    let first_end = probes.iter().map(|(_, ends)| *ends).min().unwrap_or(now);
                    let retry_in = first_end.saturating_sub(now).max(Duration::from_secs(1));
                    return Err(Refused { retry_in, probe_wanted: !full });
                }
                *next += 1;
                probes.push((*next, now + settings.probe_lease));
                Ok(Permit { epoch, probe: Some(*next) })
            }
            State::Open { until, .. } => {
                Err(Refused { retry_in: until.saturating_sub(now), probe_wanted: false })
            }
        }
    }

    /// Records that a call went well.
    pub fn succeeded(&mut self, permit: Permit) {
        if permit.epoch != self.epoch {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => *failures = 0,
            State::HalfOpen { probes, .. } if holds(probes, permit) => {
                self.enter(State::Closed { failures: 0 });
            }
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// Records that a call failed in a way that tells about the health of what it called. Returns whether the
    /// circuit opened because of that.
    pub fn failed(&mut self, permit: Permit, now: Duration, settings: Settings) -> bool {
        if permit.epoch != self.epoch {
            return false;
        }
        let opens = match &mut self.state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                settings.consecutive_failures > 0 && *failures >= settings.consecutive_failures
            }
            State::HalfOpen { probes, .. } => holds(probes, permit),
            State::Open { .. } => false,
        };
        if opens {
            self.enter(State::Open { until: now + settings.open_for, settings });
        }
        opens
    }

    /// Gives the place of a call back that tells nothing: a business answer, or no answer because the caller left.
    pub fn abandoned(&mut self, permit: Permit) {
        if let (State::HalfOpen { probes, .. }, true) = (&mut self.state, permit.epoch == self.epoch) {
            probes.retain(|(probe, _)| Some(*probe) != permit.probe);
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

fn holds(probes: &[(u64, Duration)], permit: Permit) -> bool {
    probes.iter().any(|(probe, _)| Some(*probe) == permit.probe)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    const SETTINGS: Settings = Settings {
        consecutive_failures: 5,
        open_for: Duration::from_secs(60),
        probes: 1,
        probe_lease: Duration::from_secs(30),
    };

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened_at_zero() -> Circuit {
        let mut circuit = Circuit::default();
        for n in 1..=5 {
            let permit = circuit.admit(at(0), Purpose::Act).unwrap();
            assert_eq!(circuit.failed(permit, at(0), SETTINGS), n == 5);
        }
        circuit
    }

    #[test]
    fn opens_after_five_failures_in_a_row_and_not_before() {
        let mut circuit = Circuit::default();
        for _ in 0..100 {
            for _ in 0..4 {
                let permit = circuit.admit(at(0), Purpose::Act).unwrap();
                assert!(!circuit.failed(permit, at(0), SETTINGS));
            }
            let permit = circuit.admit(at(0), Purpose::Act).unwrap();
            circuit.succeeded(permit);
        }
        assert!(circuit.is_closed());
        assert_eq!(
            opened_at_zero().admit(at(59), Purpose::Read),
            Err(Refused { retry_in: at(1), probe_wanted: false })
        );
    }

    #[test]
    fn probes_with_reads_only() {
        let mut circuit = opened_at_zero();
        assert!(circuit.admit(at(60), Purpose::Act).is_err());
        let probe = circuit.admit(at(60), Purpose::Read).unwrap();
        assert!(circuit.admit(at(60), Purpose::Read).is_err(), "one probe at a time");
        assert!(circuit.admit(at(60), Purpose::Act).is_err());
        circuit.succeeded(probe);
        assert!(circuit.admit(at(60), Purpose::Act).is_ok());
    }

    #[test]
    fn a_failed_probe_opens_it_again() {
        let mut circuit = opened_at_zero();
        let probe = circuit.admit(at(60), Purpose::Read).unwrap();
        assert!(circuit.failed(probe, at(61), SETTINGS));
        assert_eq!(
            circuit.admit(at(62), Purpose::Read),
            Err(Refused { retry_in: at(59), probe_wanted: false })
        );
    }

    #[test]
    fn an_abandoned_probe_frees_its_place() {
        let mut circuit = opened_at_zero();
        for _ in 0..10 {
            let probe = circuit.admit(at(60), Purpose::Read).unwrap();
            circuit.abandoned(probe);
        }
        // One that is neither recorded nor abandoned frees it when its lease ends.
        let _lost = circuit.admit(at(60), Purpose::Read).unwrap();
        assert_eq!(
            circuit.admit(at(80), Purpose::Read),
            Err(Refused { retry_in: at(10), probe_wanted: false })
        );
        let probe = circuit.admit(at(90), Purpose::Read).unwrap();
        circuit.succeeded(probe);
        assert!(circuit.is_closed());
    }

    #[test]
    fn late_results_count_for_nothing() {
        let mut circuit = Circuit::default();
        let late: Vec<Permit> = (0..20).map(|_| circuit.admit(at(0), Purpose::Act).unwrap()).collect();
        for permit in &late {
            circuit.failed(*permit, at(30), SETTINGS);
        }
        assert_eq!(
            circuit.admit(at(31), Purpose::Read),
            Err(Refused { retry_in: at(59), probe_wanted: false }),
            "opened at 30, once"
        );
        for permit in late {
            circuit.succeeded(permit);
        }
        assert!(circuit.admit(at(31), Purpose::Read).is_err(), "a late success does not close it");
    }
}
