//! The default policy: what a failure means, and what to do about it.
//!
//! A pure library over the types of `wit/policy.wit`, and the export of the world `policy-module` around it. It
//! asks nothing of its surroundings: what is not in the arguments cannot matter. Connectors link it to ship
//! with it; the host's slot can hold any other component in its place.
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
extern crate guest_runtime as _;

use alloc::borrow::ToOwned;

mod bindings;
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

pub use bindings::exports::vehicle::connector::policy as types;
pub use circuit::circuit;
pub use classify::classify;
pub use decide::decide;
pub use refresh::admit_refresh;

use types::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, Guest, Manifest, RefreshDecision, SessionView,
    Verdict,
};

/// The component's exports.
#[derive(Debug)]
pub struct DefaultPolicy;

impl Guest for DefaultPolicy {
    fn describe() -> Manifest {
        Manifest { name: "default".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn classify(failure: Failure) -> Verdict {
        classify(&failure)
    }

    fn decide(attempt: Attempt) -> Decision {
        decide(&attempt)
    }

    fn admit_refresh(session: SessionView) -> RefreshDecision {
        admit_refresh(&session)
    }

    fn circuit(scope: CircuitScope) -> CircuitSettings {
        circuit(&scope)
    }
}
