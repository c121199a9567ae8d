//! A host that bridges vehicle clouds to MQTT, and keeps doing so when a token expires.
//!
//! What changes when a vendor changes its mind lives in WebAssembly components that are swapped while the host
//! runs: a *connector* speaks one vendor's cloud, a *policy* says what a failure means and what should follow.
//! The host owns what must never depend on a plugin: sockets, clock, broker, locks, secrets, and the rules that
//! hold whatever a plugin says.
//!
//! # Layout
//!
//! A module uses what stands below it in this list, never what stands above; a test of the integration tests,
//! `architecture`, holds that. From the outside in:
//!
//! * The program: `cli`, its command line; `demo`, the whole product on loopback; `output`, what it shows.
//! * The ways in: [`bridge`] serves a host to a broker, [`control`] to programs of this machine; [`folder`] takes components
//!   that are dropped into a directory. [`scoring`] says how well a policy judges.
//! * [`host`]: accounts and vehicles, and what happens to a command from its arrival to its result.
//! * [`vehicle`]: queue, memory and state of one vehicle; [`command`]: what callers send; [`operation`]: attempts and their
//!   limits, from the first one to the final result; [`deployment`]: how a component becomes the active one.
//! * [`account`]: what one account consists of; in it `session`, which refreshes its token once for everybody.
//! * `judge`: what a failure is, and what should follow from it, on record.
//! * [`audit`]: every decision; [`events`]: what is said once; [`config`]: the owner's file.
//! * [`plugin`]: trials, generations and calls of components; [`primitives`]: what a connector can do.
//! * [`protect`]: circuits, latches, quotas and budgets; [`wire`]: what is on the broker, as types; [`mqtt`]: the connection.
//! * [`bindings`]: the WIT interfaces as Rust types; [`cell`]: values under a lock, by generation.
//! * [`sandbox`]: the engine, the budget of a call, and a WASI that grants nothing; [`store`]: state; [`descriptor`]: what the
//!   owner says of a vendor's clouds.
//! * [`digest`], [`redact`], [`time`]: what a component is, what must not be said, clocks.

pub mod account;
pub mod audit;
pub mod bindings;
pub mod bridge;
pub mod cell;
pub mod cli;
pub mod command;
mod component_file;
pub mod config;
#[cfg(unix)]
pub mod control;
#[cfg(feature = "demo")]
pub mod demo;
pub mod deployment;
pub mod descriptor;
pub mod digest;
pub mod events;
pub mod folder;
pub mod host;
mod judge;
pub mod mqtt;
pub mod operation;
mod output;
pub mod plugin;
pub mod primitives;
pub mod protect;
pub mod redact;
pub mod sandbox;
pub mod scoring;
pub mod services;
pub mod store;
pub mod time;
pub mod vehicle;
pub mod wire;
