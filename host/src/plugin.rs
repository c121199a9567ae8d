//! Plugins: how a component becomes a generation, and how it is called.

mod activation;
mod connector;
mod interfaces;
mod layer;
pub mod native;
mod policy;
pub mod question;
pub mod rollout;
pub mod slot;
mod surface;
mod terms;
mod texts;
mod trial;
pub mod trust;
pub mod unanswered;
mod walk;
mod wants;

pub use self::activation::{ActivationError, Compiled, Trial};
pub use self::connector::{Called, Connected, ConnectorPlugin, ConnectorSlot};
pub use self::native::{NativeConnector, NativePolicy};
pub use self::policy::{Policy, PolicyPlugin, PolicySlot};
pub use self::question::Question;
pub use self::surface::Surface;
pub use self::terms::{Asking, Terms};
pub(crate) use self::trial::TrialAccount;
pub use self::trial::{Demands, KnownFailure, known_failures};
pub use self::walk::{Measure, Tally, TooMuch};
use std::collections::BTreeMap;

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

/// The compiled components that a host begins with. Compiling takes long, so several hosts of one process can
/// share them; each has its own slots.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// Sandbox in which they run.
    pub sandbox: Sandbox,
    /// Connectors, by the name of their slot.
    pub connectors: BTreeMap<String, Compiled>,
    /// The policy; none means one that a connector ships with.
    pub policy: Option<Compiled>,
}

impl Plugins {
    /// Compiles all connectors that the host carries, with their own policy.
    ///
    /// # Errors
    ///
    /// When one cannot be compiled.
    pub async fn embedded(sandbox: Sandbox) -> Result<Self, ActivationError> {
        Self::embedded_for(sandbox, |_| true).await
    }

    /// Compiles those of the connectors that the host carries that are wanted, and a policy. The others would cost a
    /// start its time.
    ///
    /// # Errors
    ///
    /// When one cannot be compiled.
    pub async fn embedded_for(
        sandbox: Sandbox,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, ActivationError> {
        let mut connectors = BTreeMap::new();
        for (name, component) in embedded::CONNECTORS.into_iter().filter(|(name, _)| is_wanted(name)) {
            connectors.insert(name.to_owned(), Compiled::carried(&sandbox, component).await?);
        }
        let policy = if connectors.is_empty() {
            // A connector of the owner's need not have one.
            Some(Compiled::carried(&sandbox, embedded::POLICY).await?)
        } else {
            None
        };
        Ok(Self { sandbox, connectors, policy })
    }

    /// Returns the policy that a host begins with; none if there is none.
    #[must_use]
    pub fn policy(&self) -> Option<&Compiled> {
        let ships_with_one = |connector: &&Compiled| connector.exports_policy();
        self.policy.as_ref().or_else(|| self.connectors.values().find(ships_with_one))
    }
}

/// The components that the host carries, so that it runs where there is no WebAssembly toolchain.
pub mod embedded {
    /// The connectors, by name.
    pub const CONNECTORS: [(&str, &[u8]); 2] = [("hyundai-kia-eu", HYUNDAI_KIA), ("renault", RENAULT)];

    /// The connector for Hyundai and Kia in Europe, with the default policy.
    pub const HYUNDAI_KIA: &[u8] = include_bytes!("../../guest/dist/hyundai-kia-eu.wasm");

    /// The connector for Renault and Dacia in Europe, with the default policy.
    pub const RENAULT: &[u8] = include_bytes!("../../guest/dist/renault.wasm");

    /// The default policy alone.
    pub const POLICY: &[u8] = include_bytes!("../../guest/dist/policy.wasm");

    /// The behaviour of the service that this project replaces: four phrases and a 30 s window. A baseline to
    /// measure against, not something to run.
    pub const FOUR_PHRASES: &[u8] = include_bytes!("../../guest/dist/four-phrases.wasm");
}
