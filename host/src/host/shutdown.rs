//! The end of a host: what is still taken, and what is waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Time that commands and token refreshes under way have to end when the host stops.
const GRACE: Duration = Duration::from_secs(3);

/// Time to answer what came meanwhile.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Progress of a host towards its end.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    /// Tracker of the commands under way, so that stopping can wait for them.
    under_way: TaskTracker,
    /// Whether no new command is taken.
    closed: AtomicBool,
    /// Cancelled when open commands have to end now.
    stopping: CancellationToken,
}

impl Shutdown {
    /// Returns a token that keeps the host from having stopped while it is held.
    pub(super) fn hold(&self) -> TaskTrackerToken {
        self.under_way.token()
    }

    /// Takes no new command from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether no new command is taken any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Returns the token that is cancelled when open commands have to end now.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Takes no new command, and no new work into `background`, and waits for what is under way: for a
    /// moment, and then until the commands that are told to end have done so.
    pub(super) async fn complete(&self, background: &TaskTracker) {
        self.close();
        self.under_way.close();
        // No refresh begins any more: the machine may be gone before its token is stored.
        background.close();
        let until = Instant::now() + GRACE;
        if tokio::time::timeout_at(until, self.under_way.wait()).await.is_err() {
            self.stopping.cancel();
            self.under_way.wait().await;
        }
        // A refresh goes on when no caller waits for it any more, and its token may be the only one that is
        // still good. It is stored when it arrives; one that takes longer than this does not keep a machine
        // from shutting down.
        if tokio::time::timeout_at(until, background.wait()).await.is_err() {
            tracing::warn!("a token refresh did not end in time; its result may be lost");
        }
    }

    /// Waits until what arrived while the host stopped is answered too, which takes a moment.
    pub(super) async fn last_words(&self) {
        if tokio::time::timeout(LAST_WORDS, self.under_way.wait()).await.is_err() {
            tracing::warn!("not every command that came while the host stopped is answered");
        }
    }
}
