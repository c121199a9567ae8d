//! The policy below a layer: in a host what that supplies, in tests [`Plain`](super::Plain).

use super::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, Manifest, RefreshDecision, SessionView,
    Verdict,
};
#[cfg(target_arch = "wasm32")]
use crate::bindings::policy::vehicle::connector::policy as below;

/// What [`Plain`](super::Plain) answers, as functions.
#[cfg(not(target_arch = "wasm32"))]
mod below {
    use super::*;
    use crate::policy::{Plain, Policy as _};

    pub fn describe() -> Manifest {
        Plain::describe()
    }

    pub fn classify(failure: &Failure) -> Verdict {
        Plain::classify(failure)
    }

    pub fn decide(attempt: &Attempt) -> Decision {
        Plain::decide(attempt)
    }

    pub fn admit_refresh(session: &SessionView) -> RefreshDecision {
        Plain::admit_refresh(session)
    }

    pub fn circuit(scope: &CircuitScope) -> CircuitSettings {
        Plain::circuit(scope)
    }
}

/// Name and version of the policy below.
#[must_use]
pub fn describe() -> Manifest {
    below::describe()
}

/// Kind of a failure, as the policy below sees it.
#[must_use]
pub fn classify(failure: &Failure) -> Verdict {
    below::classify(failure)
}

/// What follows, as the policy below decides.
#[must_use]
pub fn decide(attempt: &Attempt) -> Decision {
    below::decide(attempt)
}

/// Whether the policy below would have the session refreshed.
#[must_use]
pub fn admit_refresh(session: &SessionView) -> RefreshDecision {
    below::admit_refresh(session)
}

/// Settings of a circuit, as the policy below has them.
#[must_use]
pub fn circuit(scope: &CircuitScope) -> CircuitSettings {
    below::circuit(scope)
}
