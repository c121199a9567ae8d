//! Why a host does not start.

use crate::deployment::Refusal;
use crate::plugin::{ActivationError, PluginKind};
use crate::primitives::NoClient;
use crate::sandbox::NoSandbox;
use crate::store::StoreError;

/// Why a host did not start. Nothing runs when one of these is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This machine cannot run WebAssembly.
    #[error(transparent)]
    Engine(#[from] NoSandbox),
    /// This system cannot verify servers.
    #[error("the HTTP client does not start: {0}")]
    Http(#[from] NoClient),
    /// The connector was not accepted.
    #[error("the connector {name}: {error}")]
    Connector {
        /// Its name in the configuration.
        name: String,
        /// Why.
        error: ActivationError,
    },
    /// The policy was not accepted.
    #[error("the policy: {0}")]
    Policy(ActivationError),
    /// A slot has not what the configuration allows there.
    #[error(transparent)]
    Pin(Refusal),
    /// A component that the configuration names was not accepted.
    #[error("the {kind} {file}: {error}")]
    Component {
        /// What it is for.
        kind: PluginKind,
        /// The file.
        file: String,
        /// Why.
        error: Refusal,
    },
    /// It could not be read.
    #[error("the {kind} {file} cannot be read: {error}")]
    ComponentFile {
        /// What it is for.
        kind: PluginKind,
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// What was stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
