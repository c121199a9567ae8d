//! The resource `lock.guard` of the WIT.

use std::collections::BTreeMap;

use crate::cell::CellGuard;

/// A lock that a guest holds. Kept in the store's resource table, so it ends with the call at the latest.
#[derive(Debug)]
pub struct Guard {
    pub(crate) name: String,
    pub(crate) guard: CellGuard,
    /// How often each secret had been captured before the lock was taken. What was captured then belongs to
    /// something else.
    pub(crate) captured_before: BTreeMap<String, u32>,
    /// How often each secret had been asked for in vain before the lock was taken.
    pub(crate) misses_before: BTreeMap<String, u32>,
}
