//! Standard outputs of a guest, as lines of the host's log.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::lines::{KEPT, Lines, line};

/// Number of bytes that a guest may write at once.
const PERMIT: usize = 64 << 10;

/// A standard output of a call. All handles to it write to the same lines.
#[derive(Debug, Clone)]
pub(super) struct Output(Arc<Mutex<Unfinished>>);

/// The line that is being written. Text left in it when the call is over is a line too.
#[derive(Debug)]
struct Unfinished {
    lines: Arc<Lines>,
    name: Name,
    words: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Stdout,
    Stderr,
}

impl Output {
    pub(super) fn stdout(lines: &Arc<Lines>) -> Self {
        Self::named(lines, Name::Stdout)
    }

    pub(super) fn stderr(lines: &Arc<Lines>) -> Self {
        Self::named(lines, Name::Stderr)
    }

    fn named(lines: &Arc<Lines>, name: Name) -> Self {
        Self(Arc::new(Mutex::new(Unfinished { lines: Arc::clone(lines), name, words: Vec::new() })))
    }
}

impl Unfinished {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (words, ended) = match piece.strip_suffix(b"\n") {
                Some(words) => (words, true),
                None => (piece, false),
            };
            let room = KEPT.saturating_sub(self.words.len());
            self.words.extend(words.iter().take(room));
            if ended {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let words = std::mem::take(&mut self.words);
        if !self.lines.admit() {
            return;
        }
        let message = line(String::from_utf8_lossy(&words).into_owned());
        let (account, operation) = (self.lines.account.as_deref(), self.lines.operation.as_deref());
        match self.name {
            Name::Stdout => tracing::info!(target: "plugin", account, operation, "stdout: {message}"),
            Name::Stderr => tracing::warn!(target: "plugin", account, operation, "stderr: {message}"),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.words.is_empty() {
            self.end_line();
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    /// Unused: for versions of WASI that are not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// Written here instead of using wasmtime-wasi's own streams: they write from a task of their own, into whose
/// log every byte goes unmasked.
#[wasmtime_wasi::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > PERMIT {
            return Err(StreamError::trap("more was written than `check-write` allows"));
        }
        self.0.lock().take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}
