//! The default policy: what a failure means, and what to do about it.
//!
//! A pure library over the types of `wit/policy.wit`; the feature `component` makes a component of it. It
//! asks nothing of its surroundings: what is not in the arguments cannot matter. Connectors name it to ship
//! with it (`connector!(…, policy = default_policy::DefaultPolicy)`); the host's slot can hold any other
//! component in its place.
//!
//! # Layout
//!
//! * `rules`: the tables, vendor codes and wording families, each with what it stands for. Knowledge about
//!   clouds lives there and nowhere else; `docs/policy.md` tells how it is measured.
//! * `text`: messages as plain words, however they were printed.
//! * [`classify`]: the order in which the tables and the standards are asked.
//! * [`decide`]: what next for the operation, by certainty and effect.
//! * [`admit_refresh`]: how refreshes that fail are spaced.
//! * [`circuit`]: when circuits open.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod circuit;
mod classify;
mod decide;
#[cfg(test)]
mod properties;
mod refresh;
mod rules;
#[cfg(test)]
mod testing;
mod text;

pub use circuit::circuit;
pub use classify::classify;
pub use decide::decide;
pub use refresh::admit_refresh;
pub use vehicle_connector_sdk::policy as types;

use types::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, Manifest, Policy, RefreshDecision,
    SessionView, Verdict,
};

/// The policy.
#[derive(Debug)]
pub struct DefaultPolicy;

#[cfg(feature = "component")]
vehicle_connector_sdk::policy!(DefaultPolicy);

impl Policy for DefaultPolicy {
    fn describe() -> Manifest {
        Manifest::new("default", env!("CARGO_PKG_VERSION"))
    }

    fn classify(failure: &Failure) -> Verdict {
        classify(failure)
    }

    fn decide(attempt: &Attempt) -> Decision {
        decide(attempt)
    }

    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        admit_refresh(session)
    }

    fn circuit(scope: &CircuitScope) -> CircuitSettings {
        circuit(scope)
    }
}
