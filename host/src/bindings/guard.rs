//! The resource `lock.guard` of the WIT.

use std::collections::BTreeSet;

use crate::cell::CellGuard;

/// A lock that a guest holds. Its place is the store's resource table, so it ends with the call at the latest.
#[derive(Debug)]
pub struct Guard {
    pub(crate) name: String,
    pub(crate) guard: CellGuard,
    /// The secrets that were captured before, which belong to something else.
    pub(crate) captured_before: BTreeSet<String>,
    /// The secrets that were missing before.
    pub(crate) missing_before: BTreeSet<String>,
}
