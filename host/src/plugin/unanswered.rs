//! Substitutes for an answer that a policy did not give: nothing is known, and nothing is repeated.

use crate::bindings::policy::{CircuitSettings, Decision, FailureKind, RefreshDecision, Verdict};

/// Rule by which records show that a verdict was not given. For readers only: a policy may have a rule of
/// that name.
const RULE: &str = "host.policy-fault";

/// Decision about what to do next: nothing is sent again.
pub const DECISION: Decision = Decision::GiveUp;

/// Decision about the refresh of a session: it is refreshed. The host's own rules (one refresh for each
/// generation, back-off, latch) hold either way, and a broken policy must not keep a home out of its car.
pub const REFRESH: RefreshDecision = RefreshDecision::Refresh;

/// Settings of a circuit: it opens after five failures in a row, for a minute.
pub const CIRCUIT: CircuitSettings = CircuitSettings {
    consecutive_failures: 5,
    failure_ratio: 0.0,
    minimum_calls: 0,
    window: 60_000,
    open_for: 60_000,
    probes: 1,
    probe_lease: 30_000,
};

/// Verdict on a failure, as records and reports show it.
#[must_use]
pub fn verdict() -> Verdict {
    Verdict { kind: FailureKind::Unknown, rule: RULE.to_owned(), counts_against: None }
}
