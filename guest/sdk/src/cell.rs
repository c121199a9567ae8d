//! Cells: what several calls of an account share (`wit/lock.wit`).

use alloc::string::String;

use crate::connector::{Failure, Milliseconds, Phase};
use crate::failure;
use crate::host::{self, Guard};

pub use crate::lock::Cell;

/// How long a cell is waited for that somebody else replaces, in milliseconds: a request's time.
pub const WAIT: Milliseconds = 30_000;

/// The cell of this name as this call sees it. None if there is no value.
#[must_use]
pub fn read(name: &str) -> Option<Cell> {
    host::read(name)
}

/// The right to replace a cell, until it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    guard: Guard,
    name: &'a str,
    phase: Phase,
}

impl Held<'_> {
    /// The latest value. None if there is none.
    #[must_use]
    pub fn cell(&self) -> Option<Cell> {
        self.guard.cell()
    }

    /// Stores the next value, with the secrets that were captured since the cell is held, and returns its
    /// generation.
    ///
    /// # Errors
    ///
    /// It could not be stored, as the facts of a failure.
    pub fn commit(&self, value: &str) -> Result<u64, Failure> {
        self.guard.commit(value).map_err(|error| failure::of_lock(self.phase, self.name, &error))
    }
}

/// Waits, at most [`WAIT`], until this call alone may replace the cell of this name.
///
/// # Errors
///
/// It did not come, as the facts of a failure in `phase`.
pub fn hold(name: &str, phase: Phase) -> Result<Held<'_>, Failure> {
    let guard = host::acquire(name, WAIT).map_err(|error| failure::of_lock(phase, name, &error))?;
    Ok(Held { guard, name, phase })
}

/// Sees to it that the cell has a value, and returns its generation: the value that is there, else what
/// `make` gives. Two calls that come at once make one.
///
/// # Errors
///
/// `make` fails, or the cell cannot be held or stored, as the facts of a failure in `phase`.
pub fn ensure(
    name: &str,
    phase: Phase,
    make: impl FnOnce() -> Result<String, Failure>,
) -> Result<u64, Failure> {
    if let Some(cell) = read(name) {
        return Ok(cell.generation);
    }
    let held = hold(name, phase)?;
    match held.cell() {
        Some(cell) => Ok(cell.generation),
        None => held.commit(&make()?),
    }
}
