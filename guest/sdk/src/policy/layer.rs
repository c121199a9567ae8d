//! A policy over another one.

use core::marker::PhantomData;

use super::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure, Manifest, Policy, RefreshDecision,
    SessionView, Verdict, base,
};

/// A layer: a policy that answers what it knows and asks the policy below it, [`base`], the rest. Exported with
/// [`layer!`](crate::layer!).
///
/// What is not written is asked below.
pub trait Layer {
    /// Name and version. The same every time.
    fn describe() -> Manifest;

    /// Kind of a failure. Total.
    fn classify(failure: &Failure) -> Verdict {
        base::classify(failure)
    }

    /// What follows for the operation.
    fn decide(attempt: &Attempt) -> Decision {
        base::decide(attempt)
    }

    /// Whether the session may be refreshed now.
    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        base::admit_refresh(session)
    }

    /// Settings of a circuit.
    fn circuit(scope: &CircuitScope) -> CircuitSettings {
        base::circuit(scope)
    }
}

/// A layer as the policy that it is.
#[derive(Debug)]
pub struct Over<L>(PhantomData<L>);

impl<L: Layer> Policy for Over<L> {
    fn describe() -> Manifest {
        L::describe()
    }

    fn classify(failure: &Failure) -> Verdict {
        L::classify(failure)
    }

    fn decide(attempt: &Attempt) -> Decision {
        L::decide(attempt)
    }

    fn admit_refresh(session: &SessionView) -> RefreshDecision {
        L::admit_refresh(session)
    }

    fn circuit(scope: &CircuitScope) -> CircuitSettings {
        L::circuit(scope)
    }
}

/// Makes a component of the crate: a layer that is the type, which implements [`Layer`]. Needs the feature `layer` of
/// the kit, and `imports = ["policy"]` in `[package.metadata.component]`.
#[macro_export]
macro_rules! layer {
    ($layer:ty) => {
        $crate::policy!($crate::policy::Over<$layer>);
    };
}
