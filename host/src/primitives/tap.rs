//! Taps, which listen to what guests are given.

use std::fmt;

/// A tap that is told everything that a connector is given: the arguments of its calls and the results of the
/// functions that it imports. For tests that compare what two guests have seen; a host in operation has none,
/// because answers of a cloud may hold private data even after the secrets are out.
pub trait Tap: fmt::Debug + Send + Sync {
    /// Tells that a guest is given this value, before it can look at it.
    fn given(&self, what: &'static str, value: &dyn fmt::Debug);
}
