//! The integration tests: one binary, a module for each behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail"
)]

mod architecture;
mod audit_trail;
mod circuit_tables;
mod classification;
mod components;
mod conformance;
mod conformance_cls;
mod control;
mod crash;
mod demo;
mod deployment;
mod differential;
mod expiry;
mod field;
mod floors;
mod folder;
mod full_disk;
mod guests;
mod hostile;
mod hostile_connectors;
mod input;
mod limits;
mod mqtt_client;
mod native;
mod operations;
mod policy_test;
mod queue;
mod refusals;
mod registration;
mod rollout;
mod secrecy;
mod situations;
mod state_schema;
mod uncertainty;
mod wasi;
mod ways_in;
