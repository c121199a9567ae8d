//! Trials: a few questions whose answers are beyond dispute, asked under the limits that hold in production.
//!
//! Instantiation alone does not compare the signatures of all exports, and says nothing of a component's
//! behaviour. So a candidate is asked before anything depends on it, and refused with the case that it got
//! wrong.

mod connector;
mod policy;

pub(crate) use self::connector::TrialAccount;
pub(super) use self::connector::of_connector;
pub(super) use self::policy::of_policy;
pub use self::policy::{Demands, KnownFailure, known_failures};
use super::ActivationError;

fn wrong(why: impl Into<String>) -> ActivationError {
    ActivationError::TrialAnswer(why.into())
}
