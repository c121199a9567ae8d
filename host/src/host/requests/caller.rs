//! Callers of requests, and the way by which they came: what a caller is told depends on it.

use serde_json::Value;
use tokio::sync::mpsc;

use crate::wire::report::Report;

/// Requester, on record, of what a message asks for.
pub(in crate::host) const BY_MESSAGE: &str = "mqtt";

/// A caller of a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::host) enum Caller<'c> {
    /// A message: of anybody whom the broker lets publish, and its answer is everybody's who may subscribe.
    Message,
    /// A program of this host's own user, or the one that embeds the host.
    Program {
        /// Name of it, for the record.
        by: &'c str,
        /// Where it wants to be told how far its request is, if it does.
        steps: Option<&'c mpsc::Sender<Value>>,
    },
}

impl Caller<'_> {
    /// The caller's name, for the record.
    pub(super) const fn name(&self) -> &str {
        match self {
            Self::Message => BY_MESSAGE,
            Self::Program { by, .. } => by,
        }
    }

    /// Whether it is a message.
    pub(super) const fn is_message(&self) -> bool {
        matches!(self, Self::Message)
    }

    /// Tells how far a command is. A caller that has no room for that is told of the next step.
    pub(super) fn tell(&self, step: &Report) {
        if let Self::Program { steps: Some(steps), .. } = self
            && let Ok(step) = serde_json::to_value(step)
        {
            drop(steps.try_send(step));
        }
    }
}
