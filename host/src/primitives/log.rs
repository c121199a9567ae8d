//! The log for guests.

use super::ConnectorCx;
use crate::bindings::log::{Host, Level};
use crate::redact;

/// The most lines of one call.
const MOST_LINES: u32 = 64;

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1_024;

impl Host for ConnectorCx {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let call = &mut self.call;
        call.log_lines = call.log_lines.saturating_add(1);
        if call.log_lines > MOST_LINES {
            return Ok(());
        }
        let message = redact::cut(redact::mask_vins(&message), LONGEST_LINE);
        let (account, operation) = (&call.surroundings.account, &call.operation);
        match level {
            Level::Trace => tracing::trace!(target: "connector", account, operation, "{message}"),
            Level::Debug => tracing::debug!(target: "connector", account, operation, "{message}"),
            Level::Info => tracing::info!(target: "connector", account, operation, "{message}"),
            Level::Warn => tracing::warn!(target: "connector", account, operation, "{message}"),
            Level::Error => tracing::error!(target: "connector", account, operation, "{message}"),
        }
        if call.log_lines == MOST_LINES {
            tracing::warn!(target: "connector", account, operation, "the rest of this call's lines is dropped");
        }
        Ok(())
    }
}
