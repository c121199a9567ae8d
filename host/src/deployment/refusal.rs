//! Reasons why nothing has changed.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::plugin::trust::TrustError;
use crate::plugin::{ActivationError, PluginKind};
use crate::store::StoreError;

/// Longest reason of a refusal that is reported and recorded, in bytes: it may contain names that the
/// component has chosen.
pub(super) const LONGEST: usize = 2_048;

/// Reason why nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The slot does not exist.
    #[error("{}", unknown_slot(*kind, slot, known))]
    UnknownSlot {
        /// Kind of the plugin.
        kind: PluginKind,
        /// Requested slot; empty if none was named.
        slot: String,
        /// Slots that exist.
        known: Vec<String>,
    },
    /// Not the component that the configuration or the keys allow.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Active before, and rolled back since.
    #[error(
        "this component ({digest}) was rolled back at {at}: {reason}; offer another one, or forgive it first"
    )]
    KnownBad {
        /// Digest of the component.
        digest: Digest,
        /// Time of discovery.
        at: Timestamp,
        /// Fault that cost the component its place.
        reason: String,
    },
    /// Not accepted.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// No earlier generation to go back to.
    #[error("there is no generation before {name} {version} to go back to")]
    NothingBefore {
        /// Name of the active plugin.
        name: String,
        /// Version of the active plugin.
        version: String,
    },
    /// No rollout is under way.
    #[error("no policy is being tried out; begin with policy/shadow or policy/canary")]
    NoRollout,
    /// The request makes no sense.
    #[error("{0}")]
    InvalidRequest(String),
    /// The record could not be stored, so the change was not made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// Returns the reason in words that a record can hold.
    pub(super) fn reason(&self) -> String {
        crate::redact::cut(self.to_string(), LONGEST)
    }
}

fn unknown_slot(kind: PluginKind, slot: &str, known: &[String]) -> String {
    let known = known.join(", ");
    match slot {
        "" => format!("several {kind}s run here, so say which one is meant (`--slot NAME`): {known}"),
        slot => format!("there is no {kind} slot {slot:?}; there are: {known}"),
    }
}
