//! The simulated cloud as a client sees it, over real connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod app;
mod barrier;
mod client;
mod commands;
mod control;
mod examples;
mod faults;
mod regions;
mod session;
mod strictness;
mod traces;
