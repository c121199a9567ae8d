//! Plugins: how a component becomes a generation, and how it is called.

mod activation;
mod connector;
mod policy;

pub use self::activation::{ActivationError, Compiled};
pub use self::connector::{Answer, Ask, Called, Connected, ConnectorSlot};
pub use self::policy::{POLICY_FAULT, Policy, PolicySlot};

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
