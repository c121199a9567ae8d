//! Health of a generation: how it answers, and when its faults are too many.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Counts the calls of a generation and those without an answer.
///
/// A generation is on probation for its first [`Health::PROBATION`] calls. It loses its place with its third
/// fault among these, and later with the third one among any as many: a plugin with a fault a month does not
/// have to go.
#[derive(Debug, Default)]
pub struct Health {
    calls: AtomicU32,
    faults: AtomicU32,
    proven: AtomicBool,
}

impl Health {
    /// Number of calls in a probation, and in every later count of faults.
    pub const PROBATION: u32 = 100;

    /// Number of faults that end a generation.
    pub const FAULTS: u32 = 3;

    /// Health of a generation that has yet to answer.
    #[must_use]
    pub fn on_probation() -> Self {
        Self::default()
    }

    /// Health of a generation that has passed its probation, or that needs none.
    #[must_use]
    pub fn proven() -> Self {
        Self { proven: AtomicBool::new(true), ..Self::default() }
    }

    /// Health of a generation that answered like this before a restart.
    #[must_use]
    pub fn resumed(proven: bool, calls: u32, faults: u32) -> Self {
        Self { calls: calls.into(), faults: faults.into(), proven: proven.into() }
    }

    /// Calls since the count began, answered or not.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Faults among these calls.
    #[must_use]
    pub fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Whether the probation is passed.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Counts an answer. Returns whether the probation has just been passed.
    pub(super) fn answered(&self) -> bool {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 < Self::PROBATION {
            return false;
        }
        self.forgive();
        !self.proven.swap(true, Ordering::Relaxed)
    }

    /// Counts a fault. Returns the number of faults so far.
    pub(super) fn fault(&self) -> u32 {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.faults.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Begins a new probation.
    pub(crate) fn begin_probation(&self) {
        self.forgive();
        self.proven.store(false, Ordering::Relaxed);
    }

    /// Begins to count anew.
    pub(super) fn forgive(&self) {
        self.calls.store(0, Ordering::Relaxed);
        self.faults.store(0, Ordering::Relaxed);
    }
}

impl Clone for Health {
    fn clone(&self) -> Self {
        Self::resumed(self.is_proven(), self.calls(), self.faults())
    }
}
