//! Signals of the operating system to the program.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the program listens to. From the moment that this exists none of them ends the process by
/// itself.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    hangup: Signal,
}

impl Signals {
    /// Begins to listen. Must be called within a tokio runtime.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next request to end the program: SIGINT or SIGTERM. SIGHUP does not end it: a terminal
    /// that is closed, or a service manager that reloads, does not mean that.
    #[cfg(unix)]
    pub(super) async fn stop(&mut self) -> io::Result<()> {
        self.stop_or(|| tracing::warn!("SIGHUP does nothing while the host starts or stops")).await
    }

    /// Waits for the next request to end the program, and calls `reload` whenever SIGHUP comes before it.
    #[cfg(unix)]
    pub(super) async fn stop_or(&mut self, reload: impl Fn()) -> io::Result<()> {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Ok(()),
                _ = self.terminate.recv() => return Ok(()),
                _ = self.hangup.recv() => reload(),
            }
        }
    }

    /// Begins to listen. Must be called within a tokio runtime.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next request to end the program.
    #[cfg(not(unix))]
    pub(super) async fn stop(&mut self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }

    /// Waits for the next request to end the program. There is no signal that means a reload.
    #[cfg(not(unix))]
    pub(super) async fn stop_or(&mut self, _reload: impl Fn()) -> io::Result<()> {
        self.stop().await
    }
}

/// The wish of a person at a terminal not to wait any longer: SIGINT. From the moment that this exists it does not
/// end the process by itself.
#[derive(Debug)]
pub(super) struct Interrupt {
    #[cfg(unix)]
    interrupt: Signal,
}

impl Interrupt {
    /// Begins to listen. Must be called within a tokio runtime.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn arrived(&mut self) {
        self.interrupt.recv().await;
    }

    /// Begins to listen. Must be called within a tokio runtime.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(super) async fn arrived(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
