//! What the cells have in common.

use alloc::format;

use crate::bindings::vehicle::connector::types::{Failure, Phase, Transport};
use crate::cloud::not_sent;
use crate::port::LockError;

/// How long to wait for a cell that somebody else replaces, in milliseconds: a request's time.
pub(crate) const WAIT: u64 = 30_000;

/// The facts when the cell `name` cannot be acquired or committed.
pub(crate) fn failure(phase: Phase, name: &str, error: &LockError) -> Failure {
    let (transport, why) = match error {
        // Later may be better.
        LockError::TimedOut => (Transport::NotSent, "somebody else held it too long"),
        LockError::NotStored(_) | LockError::Other(_) => (Transport::NotSent, "it could not be stored"),
        LockError::UnknownName => (Transport::Denied, "the host does not know it"),
        LockError::TooLarge(_) => (Transport::Denied, "the value is too large"),
    };
    Failure { transport: Some(transport), ..not_sent(phase, format!("cell `{name}`: {why}")) }
}
