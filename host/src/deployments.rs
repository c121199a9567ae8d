//! Changes of a host's plugins while it runs: swaps, rollbacks, and policies that are tried out first.
//!
//! [`Host::deployments`](crate::Host::deployments) leads here. Every attempt is on record, whether it went
//! well or not; a component that had to be rolled back is remembered as bad and not taken again.

pub use crate::deployment::{
    Action, Bad, Deployed, Deployments, Disagreement, Earlier, Identity, Offer, Offered, Outcome,
    PROMOTE_AFTER, Record, Refusal, RolloutView, Rollouts, SlotState, SlotView, Source, Try, Verified,
};
pub use crate::plugin::PluginKind;
