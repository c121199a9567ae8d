//! Guards that protect accounts, vehicles and clouds from too many attempts. Time and settings are arguments;
//! state that has to outlive a restart is in the store.

pub mod circuit;
pub mod day_budget;
pub mod doubt;
pub mod latch;
pub mod quota;
pub mod retry_budget;
pub(crate) mod throttle;
pub(crate) mod waking;
