//! What a policy is written against.

use alloc::borrow::ToOwned;

#[cfg(feature = "layer")]
pub mod base;
#[cfg(feature = "layer")]
mod layer;
mod plain;

#[cfg(feature = "layer")]
pub use layer::{Layer, Over};
pub use plain::Plain;

pub use crate::bindings::policy::exports::vehicle::connector::policy::{
    Attempt, BodyKind, Certainty, CircuitScope, CircuitSettings, Confirmation, Decision, Effect, Failure,
    FailureKind, Latch, Manifest, Milliseconds, Phase, RefreshDecision, RefreshReason, SessionView,
    Transport, Verdict,
};

/// A policy: five pure functions (`wit/policy.wit`). Exported with [`policy!`](crate::policy!), or beside a
/// connector with [`connector!`](crate::connector!).
///
/// What is not written is cautious: nothing is refreshed for, repeated or latched.
pub trait Policy {
    /// Name and version. The same every time.
    fn describe() -> Manifest;

    /// Kind of a failure. Total.
    fn classify(failure: &Failure) -> Verdict {
        let _nothing_is_known = failure;
        Verdict { kind: FailureKind::Unknown, rule: "none".to_owned(), counts_against: None }
    }

    /// What follows for the operation.
    fn decide(attempt: &Attempt) -> Decision {
        let _nothing_helps = attempt;
        Decision::GiveUp
    }

    /// Whether the session may be refreshed now.
    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        let _at_once = session;
        RefreshDecision::Refresh
    }

    /// Settings of a circuit: five failures in a row open it for a minute.
    fn circuit(scope: &CircuitScope) -> CircuitSettings {
        let _all_alike = scope;
        CircuitSettings::after_five_failures()
    }
}

impl Manifest {
    /// A manifest with this name and version.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

impl Verdict {
    /// A verdict by the rule of this identifier that counts against no circuit.
    #[must_use]
    pub fn new(kind: FailureKind, rule: &str) -> Self {
        Self { kind, rule: rule.to_owned(), counts_against: None }
    }

    /// The same, counted against the circuit of this scope.
    #[must_use]
    pub fn against(mut self, scope: CircuitScope) -> Self {
        self.counts_against = Some(scope);
        self
    }
}

impl CircuitSettings {
    /// A circuit that opens for a minute after five failures in a row, and not because of a share.
    #[must_use]
    pub fn after_five_failures() -> Self {
        Self {
            consecutive_failures: 5,
            failure_ratio: 0.0,
            minimum_calls: 20,
            window: 60_000,
            open_for: 60_000,
            probes: 1,
            // Longer than the time-out of a request, so that a lease ends only when its holder is gone.
            probe_lease: 60_000,
        }
    }
}
