//! The simulated cloud as a client sees it, over real connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests fail by panicking"
)]

mod cars;
mod client;
mod cloud;
mod commands;
mod factor;
mod faults;
mod orders;
mod session;
mod strictness;
