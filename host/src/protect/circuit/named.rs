//! Circuits by name, and the subscribers to their changes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::broadcast;

use super::{
    Cause, Circuit, LOOK_AGAIN, Permit, Purpose, Refused, Settings, Snapshot, StateName, Transition,
};
use crate::time::Clock;

/// Number of changes kept for a subscriber that is busy.
const CHANGES_KEPT: usize = 64;

/// A circuit has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the circuit.
    pub circuit: String,
    /// Change of its state.
    pub transition: Transition,
}

/// A circuit that did not admit a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Shut {
    /// Name of the circuit.
    pub circuit: String,
    /// Time after which to ask again, and what helps.
    pub refused: Refused,
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { circuit, refused } = self;
        match refused.retry_in {
            Some(retry_in) => {
                let seconds = retry_in.max(LOOK_AGAIN).as_secs();
                write!(f, "the circuit of {circuit} is open; the next try is in {seconds} s")
            }
            None => {
                let lift = serde_json::json!({ "circuit": circuit });
                write!(
                    f,
                    "an operator isolated the circuit of {circuit}; \
                     publish {lift} to bridge/request/circuit/close to lift that"
                )
            }
        }
    }
}

/// No circuit has this name: nothing has asked for it yet, or it is misspelt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no circuit {0:?}")]
pub struct UnknownCircuit(pub String);

/// A circuit among several, for displays.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Name of the circuit.
    pub circuit: String,
    /// State and counts of the circuit.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Time at which an open circuit lets probes through.
    pub until: Option<Timestamp>,
}

/// Circuits by name, made when they are first asked for. Every change of one is logged and sent to all
/// subscribers, once and in order.
#[derive(Debug)]
pub struct Circuits {
    circuits: Mutex<BTreeMap<String, Circuit>>,
    changes: broadcast::Sender<Change>,
}

impl Default for Circuits {
    fn default() -> Self {
        Self { circuits: Mutex::default(), changes: broadcast::Sender::new(CHANGES_KEPT) }
    }
}

impl Circuits {
    /// Makes a separate set of circuits whose changes are sent to the subscribers of this one.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { circuits: Mutex::default(), changes: self.changes.clone() }
    }

    /// Makes the circuit of this name, closed, if nothing has asked for it yet.
    pub fn ensure(&self, name: &str) {
        self.with(name, |_circuit| ((), None));
    }

    /// Subscribes to every change from now on. A subscriber that lags behind is told how many it missed.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// See [`Circuit::admit`].
    ///
    /// # Errors
    ///
    /// When the circuit does not admit the call.
    pub fn admit(&self, name: &str, now: Duration, purpose: Purpose) -> Result<Permit, Shut> {
        self.with(name, |circuit| match circuit.admit(now, purpose) {
            Ok((permit, transition)) => (Ok(permit), transition),
            Err(refused) => (Err(Shut { circuit: name.to_owned(), refused }), None),
        })
    }

    /// Returns why a read would not be admitted now, as far as that is known without asking for a place: of one that is
    /// half open the next call finds out.
    #[must_use]
    pub fn shut(&self, name: &str, now: Duration) -> Option<Shut> {
        let snapshot = self.circuits.lock().get(name)?.snapshot(now);
        let retry_in = match snapshot.state {
            StateName::Closed | StateName::HalfOpen => return None,
            StateName::Open => snapshot.until.map(|until| until.saturating_sub(now)),
            StateName::Isolated => None,
        };
        Some(Shut { circuit: name.to_owned(), refused: Refused { retry_in, probe_wanted: false } })
    }

    /// See [`Circuit::succeeded`].
    pub fn succeeded(&self, name: &str, permit: Permit, now: Duration, settings: Settings) {
        self.with(name, |circuit| ((), circuit.succeeded(permit, now, settings)));
    }

    /// See [`Circuit::failed`].
    pub fn failed(&self, name: &str, permit: Permit, now: Duration, settings: Settings) {
        self.with(name, |circuit| ((), circuit.failed(permit, now, settings)));
    }

    /// See [`Circuit::answered`].
    pub fn answered(&self, name: &str, permit: Permit, now: Duration, settings: Settings) {
        self.with(name, |circuit| ((), circuit.answered(permit, now, settings)));
    }

    /// See [`Circuit::abandoned`].
    pub fn abandoned(&self, name: &str, permit: Permit) {
        self.with(name, |circuit| (circuit.abandoned(permit), None));
    }

    /// See [`Circuit::isolate`].
    ///
    /// # Errors
    ///
    /// When there is no such circuit.
    pub fn isolate(&self, name: &str) -> Result<(), UnknownCircuit> {
        self.with_known(name, Circuit::isolate)
    }

    /// See [`Circuit::trip`].
    ///
    /// # Errors
    ///
    /// When there is no such circuit.
    pub fn trip(&self, name: &str, now: Duration, open_for: Duration) -> Result<(), UnknownCircuit> {
        self.with_known(name, |circuit| circuit.trip(now, open_for))
    }

    /// See [`Circuit::leave_alone`].
    pub fn leave_alone(&self, name: &str, now: Duration, open_for: Duration) {
        self.with(name, |circuit| ((), circuit.leave_alone(now, open_for)));
    }

    /// See [`Circuit::close`].
    ///
    /// # Errors
    ///
    /// When there is no such circuit.
    pub fn close(&self, name: &str) -> Result<(), UnknownCircuit> {
        self.with_known(name, Circuit::close)
    }

    /// Returns the state of all circuits, by name.
    #[must_use]
    pub fn statuses(&self, clock: &dyn Clock) -> Vec<Status> {
        let (now, monotonic) = (clock.now(), clock.monotonic());
        let civil = |until: Duration| {
            let left = SignedDuration::try_from(until.saturating_sub(monotonic)).ok()?;
            now.checked_add(left).ok()
        };
        let circuits = self.circuits.lock();
        let status = |(name, circuit): (&String, &Circuit)| {
            let snapshot = circuit.snapshot(monotonic);
            Status { circuit: name.clone(), snapshot, until: snapshot.until.and_then(civil) }
        };
        circuits.iter().map(status).collect()
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Circuit) -> (T, Option<Transition>)) -> T {
        let mut circuits = self.circuits.lock();
        let (result, transition) = work(circuits.entry(name.to_owned()).or_default());
        self.tell(name, transition);
        result
    }

    /// An operator can misspell a name. That must not make a circuit that no call passes.
    fn with_known(
        &self,
        name: &str,
        work: impl FnOnce(&mut Circuit) -> Option<Transition>,
    ) -> Result<(), UnknownCircuit> {
        let mut circuits = self.circuits.lock();
        let circuit = circuits.get_mut(name).ok_or_else(|| UnknownCircuit(name.to_owned()))?;
        let transition = work(circuit);
        self.tell(name, transition);
        Ok(())
    }

    /// Called under the lock, so that subscribers see the changes in the order in which they happened.
    fn tell(&self, name: &str, transition: Option<Transition>) {
        let Some(transition) = transition else { return };
        match transition {
            Transition::Opened { cause: cause @ Cause::Probes(_), .. } => {
                tracing::info!("the circuit of {name} stays open: {cause}");
            }
            Transition::Opened { open_for, cause } => {
                tracing::error!("the circuit of {name} has opened for {} s: {cause}", open_for.as_secs());
            }
            Transition::HalfOpened => tracing::info!("the circuit of {name} lets probes through"),
            Transition::Closed => tracing::info!("the circuit of {name} has closed"),
            Transition::Isolated => tracing::warn!("an operator has isolated the circuit of {name}"),
        }
        // Without subscribers the change goes nowhere, which is fine.
        let _ = self.changes.send(Change { circuit: name.to_owned(), transition });
    }
}

#[cfg(test)]
mod tests;
