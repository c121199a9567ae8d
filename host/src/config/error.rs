//! Errors of a configuration file, and what to do about them.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Reason why there is no configuration. The text is for the author of the file: it names the file, the line
/// and the way out, and never contains a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {reason}; name the configuration file with -c FILE", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The file was read, and is not text as configurations are written.
    #[error("{}: {why}", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        why: String,
    },
    /// The file was read and does not describe a configuration.
    #[error("{}", listed(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All problems found, in the order of the lines; not empty. When the file is not TOML at all, only
        /// that.
        problems: Vec<Problem>,
    },
}

/// A problem in the file, or a warning about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line number, counted from 1.
    pub line: usize,
    /// Description, and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

fn listed(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
    lines.join("\n")
}
