//! The rules that hold whatever a policy says.
//!
//! Pure: no clock, no network, no store. Times are arguments, as durations since any moment that stays the
//! same; so are settings. The host uses this crate as it is. Programs in other languages embed the component
//! that the feature `component` makes of it (`wit/rules.wit`), beside the policy, so that no rule is written
//! twice.
//!
//! # Layout
//!
//! * [`action`]: what of a decision is done. An actuation that may have happened is never sent again.
//! * [`latch`]: what stops an account until a person acts, and [`evidence`]: what an answer has to say for
//!   that.
//! * [`history`]: when a session may be refreshed again, and how often. [`fight`]: that something else keeps
//!   ending it.
//! * [`judged`]: what a failure says of a token, and of the health of what was called.
//! * [`circuit`]: that what is unwell is left alone. [`stock`]: that an outage is not hammered with repeats.
//! * [`account`]: all of these for one account, as a keeper of sessions asks for them.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod account;
pub mod action;
pub mod circuit;
#[cfg(all(target_arch = "wasm32", feature = "component"))]
mod component;
pub mod evidence;
pub mod fight;
pub mod history;
pub mod judged;
pub mod latch;
pub mod milliseconds;
pub mod refresh;
pub mod stock;
