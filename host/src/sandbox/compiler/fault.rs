//! Faults of a compilation.

use std::io;
use std::time::Duration;

/// Reason why there is no compiled component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompilerFault {
    /// Not a component, or one that this host cannot run.
    #[error("{0}")]
    Refused(String),
    /// More memory than a compilation may take.
    #[error("compiling it takes more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
    /// More processor time than a compilation may take.
    #[error("compiling it takes more than {} s of processor time", .0.as_secs())]
    Processor(Duration),
    /// More time than a compilation may take.
    #[error("compiling it takes longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// More bytes of code than are taken over.
    #[error("compiled it has more than {} MiB", .0 >> 20)]
    TooMuchCode(u64),
    /// The compiler ended without an answer.
    #[error("the compiler ended without an answer: {0}")]
    Died(String),
    /// The compiler could not be started.
    #[error("the compiler does not start: {0}")]
    NotStarted(io::Error),
    /// The compiler and this program are not of one version.
    #[error("what the compiler answered does not fit this program: {0}")]
    Unfit(String),
}
