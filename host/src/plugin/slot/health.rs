//! How a generation answers, and when that is too badly.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Counts the calls of a generation and those without an answer.
///
/// A generation is on probation for its first [`Health::PROBATION`] calls. It loses its place with its third fault among
/// these, and later with the third one among any as many: a plugin that fails once a month is none that has to go.
#[derive(Debug, Default)]
pub struct Health {
    calls: AtomicU32,
    faults: AtomicU32,
    proven: AtomicBool,
}

impl Health {
    /// So many calls are a probation, and so many faults among them too many.
    pub const PROBATION: u32 = 100;

    /// So many faults end a generation.
    pub const FAULTS: u32 = 3;

    /// Of a generation that has yet to answer.
    #[must_use]
    pub fn on_probation() -> Self {
        Self::default()
    }

    /// Of a generation that has passed its probation, or that needs none.
    #[must_use]
    pub fn proven() -> Self {
        Self { proven: AtomicBool::new(true), ..Self::default() }
    }

    /// Of a generation that has answered like this before a restart.
    #[must_use]
    pub fn resumed(proven: bool, calls: u32, faults: u32) -> Self {
        Self { calls: calls.into(), faults: faults.into(), proven: proven.into() }
    }

    /// Calls since the count began, answered or not.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Those of them without an answer.
    #[must_use]
    pub fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Whether it has passed its probation.
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

    /// Counts a call without an answer; how many there are now.
    pub(super) fn fault(&self) -> u32 {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.faults.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Has yet to prove itself.
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
