//! Policies without a host: load one, ask it, and put another in its place.
//!
//! A [`PolicySlot`] needs no configuration, no broker and no store. Operations take the
//! [`active`](PolicySlot::active) policy once and keep it to their end; a swap is one pointer store and
//! disturbs none of them. A policy that does not answer three times loses its place to the one before it.
//!
//! A *layer*, which asks the policy below it what it does not answer itself, lies over the one that its slot was opened
//! with; [`PolicySlot::alone`] opens a slot for any policy, to look at it, and puts the default one below a layer.
//! [`Compiled::surface`] tells the two apart without compiling anything.
//!
//! ```
//! use std::sync::Arc;
//! use jiff::Timestamp;
//! use vehicle_connector::bindings::policy::{Effect, Failure, FailureKind, Phase};
//! use vehicle_connector::policies::{Compiled, PolicySlot, Provenance, Sandbox, Trial, embedded};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::new()?;
//! let old = Compiled::of(&sandbox, embedded::FOUR_PHRASES).await?;
//! let by_me = || Provenance::new(Timestamp::now(), "me");
//! let slot = Arc::new(PolicySlot::open(&sandbox, &old, by_me()).await?);
//!
//! let failure = Failure {
//!     http_status: Some(401),
//!     message: "Key not authorized: token has expired".to_owned(),
//!     ..Failure::refused("hyundai-kia-eu", "lock", Phase::Command, Effect::Actuation)
//! };
//! let policy = slot.active();
//! assert_eq!(policy.classify(&failure).await?.kind, FailureKind::Unknown);
//!
//! // The vendor has changed its wording. The new policy is tried before it may decide.
//! let new = Compiled::of(&sandbox, embedded::POLICY).await?;
//! let candidate = slot.verify(&new, Trial::Full).await?;
//! slot.activate(candidate, by_me());
//! assert_eq!(slot.active().classify(&failure).await?.kind, FailureKind::TokenExpired);
//! # Ok(())
//! # }
//! ```

pub use crate::digest::Digest;
pub use crate::plugin::slot::{Candidate, Generation, Health, Provenance};
pub use crate::plugin::{
    ActivationError, Compiled, Policy, PolicyPlugin, PolicySlot, Surface, Trial, embedded,
};
pub use crate::sandbox::{Budget, CallFault, Compiler, NoSandbox, Sandbox};
