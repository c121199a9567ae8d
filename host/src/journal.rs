//! The log of the program, as a host may ask for it: its level, which an operator changes while the host runs.

use std::fmt;

/// A log whose level can be changed. The program that embeds a host has it.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Logs this level and what is more important from now on: `error`, `warn`, `info`, `debug` or `trace`.
    ///
    /// # Errors
    ///
    /// Why that has no effect.
    fn set_level(&self, level: &str) -> Result<(), String>;
}
