//! Errors of a host's start.

use crate::config::Problem;
use crate::deployment::Refusal;
use crate::plugin::{ActivationError, PluginKind};
use crate::primitives::NoClient;
use crate::sandbox::NoSandbox;
use crate::store::StoreError;

/// Reason why a host did not start. Nothing runs when one of these is returned.
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
        /// Name of the connector in the configuration.
        name: String,
        /// Error of the activation.
        error: ActivationError,
    },
    /// The file that the configuration names for a connector cannot be used.
    #[error("the connector {name}: {} (line {} of the configuration)", .problem.message, .problem.line)]
    Unusable {
        /// Name of the connector in the configuration.
        name: String,
        /// The problem, and what to do about it.
        problem: Problem,
    },
    /// There is no component for a connector.
    #[error(
        "there is no component for the connector {name}; name one with file = \"FILE.wasm\" in [connector.{name}]"
    )]
    NoConnector {
        /// Name of the connector in the configuration.
        name: String,
    },
    /// A component that the program carries is damaged.
    #[error("what this program carries cannot be compiled: {0}; install it again")]
    Carried(ActivationError),
    /// There is no policy.
    #[error("there is no policy: none was given, and no connector ships with one")]
    NoPolicy,
    /// The policy was not accepted.
    #[error("the policy: {0}")]
    Policy(ActivationError),
    /// A slot does not have what the configuration allows there.
    #[error(transparent)]
    Pin(Refusal),
    /// A component that the configuration names was not accepted.
    #[error("the {kind} {file}: {error}")]
    Component {
        /// Kind of plugin that it is for.
        kind: PluginKind,
        /// Name of the file.
        file: String,
        /// Refusal of the component.
        error: Refusal,
    },
    /// The file of a component could not be read.
    #[error("the {kind} {file} cannot be read: {error}")]
    ComponentFile {
        /// Kind of plugin that it is for.
        kind: PluginKind,
        /// Name of the file.
        file: String,
        /// Error of the file system.
        error: std::io::Error,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
