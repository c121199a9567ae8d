//! Plugins: how a component becomes a generation, and how it is called.

mod activation;
mod connector;
mod interfaces;
mod policy;

pub(crate) use self::activation::LARGEST_COMPONENT;
pub use self::activation::{ActivationError, Compiled};
pub use self::connector::{Answer, Ask, Called, Connected, ConnectorSlot};
pub use self::policy::{POLICY_FAULT, Policy, PolicySlot};
use crate::sandbox::Sandbox;

/// What a host runs, compiled. Compiling is what takes long, so several hosts of one process can share it; each has
/// its own slots.
#[derive(Debug, Clone)]
pub struct Plugins {
    /// Where they run.
    pub sandbox: Sandbox,
    /// The connector.
    pub connector: Compiled,
    /// The policy; none means the one that the connector ships with.
    pub policy: Option<Compiled>,
}

impl Plugins {
    /// The connector that the host carries, with its own policy.
    ///
    /// # Errors
    ///
    /// When it cannot be compiled.
    pub async fn embedded(sandbox: Sandbox) -> Result<Self, ActivationError> {
        let connector = Compiled::of(&sandbox, embedded::HYUNDAI_KIA).await?;
        Ok(Self { sandbox, connector, policy: None })
    }
}

/// The components that the host carries, so that it runs where there is no WebAssembly toolchain.
pub mod embedded {
    /// The connector for Hyundai and Kia in Europe, with the default policy.
    pub const HYUNDAI_KIA: &[u8] = include_bytes!("../../guest/dist/hyundai-kia.wasm");

    /// The default policy alone.
    pub const POLICY: &[u8] = include_bytes!("../../guest/dist/policy.wasm");

    /// What the service that this project replaces did: four phrases and a 30 s window. A baseline to measure
    /// against, not something to run.
    pub const FOUR_PHRASES: &[u8] = include_bytes!("../../guest/dist/four-phrases.wasm");
}
