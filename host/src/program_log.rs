//! The log of the program, as a host may ask for it: its level, which an operator changes while the host runs, and
//! its latest lines.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Importance of a line, the most important first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Requires action.
    Error,
    /// May deserve a look.
    Warn,
    /// Normal operation.
    #[default]
    Info,
    /// Details.
    Debug,
    /// Every detail.
    Trace,
}

impl LogLevel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The word for it, as in the configuration, in requests and in filters of `tracing-subscriber`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A line of the log: in one line, and without secrets and vehicle identification numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Number of the line, from 1, since the program started.
    pub seq: u64,
    /// Time, RFC 3339.
    pub at: String,
    /// Importance.
    pub level: LogLevel,
    /// Part of the program that says it.
    pub target: String,
    /// What it says, with its fields.
    pub text: String,
}

/// Lines that are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Only those after this number.
    pub after: u64,
    /// Only those that are as important as this.
    pub level: LogLevel,
    /// Only the latest so many.
    pub most: usize,
}

/// Latest lines, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recent {
    /// The lines.
    pub lines: Vec<Line>,
    /// Number of the latest line that there is, wanted or not.
    pub latest: u64,
}

/// A log whose level can be changed, and that remembers its latest lines. The program that embeds a host has it.
pub trait ProgramLog: fmt::Debug + Send + Sync {
    /// Logs this level and what is more important from now on.
    ///
    /// # Errors
    ///
    /// Why that has no effect.
    fn set_level(&self, level: LogLevel) -> Result<(), String>;

    /// The latest lines.
    fn recent(&self, wanted: Wanted) -> Recent;

    /// Waits until the latest line has another number.
    fn after(&self, seq: u64) -> BoxFuture<'_, ()>;
}
