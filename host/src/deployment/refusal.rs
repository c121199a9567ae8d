//! Why nothing has changed.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::plugin::trust::TrustError;
use crate::plugin::{ActivationError, PluginKind};
use crate::store::StoreError;

/// The longest reason of a refusal that is said and written down, in bytes: it may have names in it that the component
/// has chosen.
pub(super) const LONGEST: usize = 2_048;

/// Why nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such slot.
    #[error("there is no {kind} slot {slot:?}; there are: {}", .known.join(", "))]
    UnknownSlot {
        /// The kind of plugin.
        kind: PluginKind,
        /// What was asked for.
        slot: String,
        /// The slots that there are.
        known: Vec<String>,
    },
    /// It is not the component that the configuration or the keys allow.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It was active before and had to be rolled back.
    #[error(
        "this component ({digest}) was rolled back at {at}: {reason}; offer another one, or forgive it first"
    )]
    KnownBad {
        /// Which one.
        digest: Digest,
        /// When it was found out.
        at: Timestamp,
        /// What it did.
        reason: String,
    },
    /// It was not accepted.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// There is nothing to go back to.
    #[error("there is no generation before {name} {version} to go back to")]
    NothingBefore {
        /// The active plugin.
        name: String,
        /// Its version.
        version: String,
    },
    /// Nothing is being tried out.
    #[error("no policy is being tried out; begin with policy/shadow or policy/canary")]
    NoRollout,
    /// What was asked for makes no sense.
    #[error("{0}")]
    InvalidRequest(String),
    /// What happened could not be written down, and was not done therefore.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// The same in words that a record can hold.
    pub(super) fn reason(&self) -> String {
        crate::redact::cut(self.to_string(), LONGEST)
    }
}
