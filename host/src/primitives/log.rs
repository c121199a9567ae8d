//! The log for guests.

use super::ConnectorCx;
use crate::bindings::log::{Host, Level};
use crate::sandbox::line;

impl Host for ConnectorCx {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        if !self.lines.admit() {
            return Ok(());
        }
        let message = line(message);
        let (account, operation) = (&self.call.context.account, &self.call.operation);
        match level {
            Level::Trace => tracing::trace!(target: "connector", account, operation, "{message}"),
            Level::Debug => tracing::debug!(target: "connector", account, operation, "{message}"),
            Level::Info => tracing::info!(target: "connector", account, operation, "{message}"),
            Level::Warn => tracing::warn!(target: "connector", account, operation, "{message}"),
            Level::Error => tracing::error!(target: "connector", account, operation, "{message}"),
        }
        Ok(())
    }
}
