//! Handles of commands that the program which embeds the host has given, and waits for.

use tokio::sync::mpsc;

use super::ledger::Asker;
use crate::wire::report::Report;

/// A command under way. Dropping it changes nothing: the command is done, and its result is published.
#[derive(Debug)]
pub struct Handle {
    result: mpsc::Receiver<Report>,
}

/// A command has no result yet, and this host will not have it: the host stopped before, and the next one on
/// the same store goes on from there; or sixteen callers wait for the same command already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this host will not tell the result here: it has stopped, or too many wait for it; it is published when it is there"
)]
pub struct Unfinished;

impl Handle {
    pub(super) fn new() -> (Self, Asker) {
        let (asker, result) = mpsc::channel(1);
        (Self { result }, Asker::Program(asker))
    }

    /// Returns the command's final report, if there is one already.
    pub(super) fn at_once(mut self) -> Option<Report> {
        self.result.try_recv().ok()
    }

    /// Waits for the command's one final report.
    ///
    /// # Errors
    ///
    /// See [`Unfinished`]. The command's outcome is not known then.
    pub async fn report(mut self) -> Result<Report, Unfinished> {
        self.result.recv().await.ok_or(Unfinished)
    }
}
