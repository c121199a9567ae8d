//! The integration tests: one binary, a module for each behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail"
)]

mod answers;
mod architecture;
mod audit_trail;
#[cfg(unix)]
mod auth;
mod authors;
mod cci;
mod components;
mod conformance;
mod control;
mod controls;
mod crash;
mod demo;
mod deployment;
mod derivation_vectors;
mod differential;
mod documents;
mod embedding;
mod expiry;
mod field;
mod folder;
mod full_disk;
mod grants;
mod health;
mod homeassistant;
mod hostile_connectors;
mod hostile_policies;
#[cfg(unix)]
mod importing;
mod input;
mod keepers;
#[cfg(unix)]
mod large_policies;
mod layers;
mod legacy_topics;
mod limits;
mod location;
mod mqtt_client;
mod offers;
mod operations;
#[cfg(unix)]
mod operators;
mod plugin_requests;
mod policy_test;
mod polling;
mod preferences;
mod program;
mod queue;
mod refusals;
mod regions;
mod registration;
#[cfg(unix)]
mod rehearsal;
mod released;
#[cfg(unix)]
mod reload;
mod renault;
mod rollout;
mod secrecy;
mod service_manager;
mod state_schema;
mod tokens_and_permissions;
mod two_makers;
mod uncertainty;
mod under_load;
mod verbs;
mod wasi;
mod wrong_input;
