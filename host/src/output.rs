//! The program's standard output, in one place for every command.
//!
//! A program that prints to a full disk and ends with 0 has lied to its caller. A reader that has seen enough
//! and closes the pipe has asked for no more, and that is not an error.

use std::io::{self, StdoutLock, Write};
use std::process::ExitCode;

/// Exit code that a shell gives a program which a closed pipe has ended: 128 and the number of SIGPIPE.
const CLOSED_PIPE: u8 = 141;

/// The standard output while something is shown.
#[derive(Debug)]
pub(crate) struct Output {
    out: StdoutLock<'static>,
}

/// Reason why no more is shown.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The reader has closed the pipe.
    Closed,
    /// The output cannot be written, as on a full disk.
    Failed(io::Error),
}

impl Output {
    /// Locks the standard output, so that no other code writes there until this is dropped.
    pub(crate) fn lock() -> Self {
        Self { out: io::stdout().lock() }
    }

    /// Shows a text, all of it, now.
    ///
    /// # Errors
    ///
    /// See [`Stopped`].
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Stopped> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(Stopped::of)
    }

    /// Shows a line.
    ///
    /// # Errors
    ///
    /// See [`Stopped`].
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Stopped> {
        self.write(&format!("{text}\n"))
    }
}

impl Stopped {
    pub(crate) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(error),
        }
    }

    /// Returns the exit code of a program that had nothing to do but to show something: 0 for a reader who
    /// has seen enough, 1 for what could not be shown, having said why.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Closed => ExitCode::SUCCESS,
            Self::Failed(error) => failed(&error),
        }
    }

    /// Returns the exit code of a program whose exit code is a finding, which it does not have yet.
    #[must_use]
    pub(crate) fn code_without_finding(self) -> ExitCode {
        match self {
            Self::Closed => ExitCode::from(CLOSED_PIPE),
            Self::Failed(error) => failed(&error),
        }
    }
}

/// Waits until the reader of the standard output has closed it; for ever if it is no pipe.
#[cfg(target_os = "linux")]
pub(crate) async fn closed() {
    use rustix::io::Errno;
    use tokio::io::Interest;
    use tokio::net::unix::pipe;
    // Opened once more: what this does not block is not the standard output, which other programs have too.
    let is_closed = match pipe::OpenOptions::new().open_sender("/proc/self/fd/1") {
        Ok(pipe) => pipe.ready(Interest::ERROR).await.is_ok(),
        Err(error) => error.raw_os_error() == Some(Errno::NXIO.raw_os_error()),
    };
    if !is_closed {
        std::future::pending().await
    }
}

/// It is not known on this system before something is written.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn closed() {
    std::future::pending().await
}

fn failed(error: &io::Error) -> ExitCode {
    let _closed = writeln!(io::stderr(), "vehicle-connector: the output cannot be written: {error}");
    ExitCode::FAILURE
}

/// Shows a text and nothing else.
pub(crate) fn print(text: &str) -> ExitCode {
    match Output::lock().write(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stopped) => stopped.code(),
    }
}
