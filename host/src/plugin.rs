//! Plugins: how a component becomes a generation, and how it is called.

mod activation;
mod connector;
mod interfaces;
pub mod native;
mod policy;
pub mod question;
pub mod rollout;
pub mod slot;
mod texts;
mod trial;
pub mod trust;
pub(crate) mod unanswered;
mod walk;

pub use self::activation::{ActivationError, Compiled, Trial};
pub use self::connector::{Called, Connected, ConnectorPlugin, ConnectorSlot};
pub use self::native::{NativeConnector, NativePolicy};
pub use self::policy::{Policy, PolicyPlugin, PolicySlot};
pub use self::question::Question;
pub(crate) use self::trial::TrialAccount;
pub use self::walk::{Measure, Tally, TooMuch};
use crate::plugin::slot::{Candidate, Slot};
use crate::sandbox::Sandbox;

/// The name of the policy's slot.
pub const POLICY_SLOT: &str = "policy";

/// The kind of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// Says what failures mean.
    Policy,
    /// Speaks one vendor's protocol.
    Connector,
}

impl std::fmt::Display for PluginKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Connector => "connector",
        })
    }
}

/// A slot that components can be put into: the part that a swap needs, for every kind of plugin.
pub(crate) trait Pluggable: Send + Sync + 'static {
    /// A prepared component.
    type Plugin: Send + Sync + 'static;

    /// Kind of its components.
    const KIND: PluginKind;

    /// Returns the slot with its generations.
    fn slot(&self) -> &Slot<Self::Plugin>;

    /// Returns the sandbox in which its components run.
    fn sandbox(&self) -> &Sandbox;

    /// Returns the names of the cells that a component uses.
    fn cells(_plugin: &Self::Plugin) -> &[String] {
        &[]
    }

    /// Checks and prepares a compiled component: everything before the pointer store.
    fn prepare(
        &self,
        compiled: &Compiled,
        trial: Trial,
    ) -> impl Future<Output = Result<Candidate<Self::Plugin>, ActivationError>> + Send;
}

/// The compiled components that a host runs. Compiling takes long, so several hosts of one process can share
/// them; each has its own slots.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// Sandbox in which they run.
    pub sandbox: Sandbox,
    /// The connector.
    pub connector: Compiled,
    /// The policy; none means the one that the connector ships with.
    pub policy: Option<Compiled>,
}

impl Plugins {
    /// Compiles the connector that the host carries, with its own policy.
    ///
    /// # Errors
    ///
    /// When it cannot be compiled.
    pub async fn embedded(sandbox: Sandbox) -> Result<Self, ActivationError> {
        let connector = Compiled::carried(&sandbox, embedded::HYUNDAI_KIA).await?;
        Ok(Self { sandbox, connector, policy: None })
    }
}

/// The components that the host carries, so that it runs where there is no WebAssembly toolchain.
pub mod embedded {
    /// The connector for Hyundai and Kia in Europe, with the default policy.
    pub const HYUNDAI_KIA: &[u8] = include_bytes!("../../guest/dist/hyundai-kia-eu.wasm");

    /// The default policy alone.
    pub const POLICY: &[u8] = include_bytes!("../../guest/dist/policy.wasm");

    /// The behaviour of the service that this project replaces: four phrases and a 30 s window. A baseline to
    /// measure against, not something to run.
    pub const FOUR_PHRASES: &[u8] = include_bytes!("../../guest/dist/four-phrases.wasm");
}
