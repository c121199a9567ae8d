//! A host that bridges vehicle clouds to MQTT, and keeps doing so when a token expires.
//!
//! What changes when a vendor changes its mind lives in WebAssembly components that are swapped while the host
//! runs: a *connector* speaks one vendor's cloud, a *policy* says what a failure means and what should follow.
//! The host owns what must never depend on a plugin: sockets, clock, broker, locks, secrets, and the rules that
//! hold whatever a plugin says.
//!
//! # Layout
//!
//! From the outside in:
//!
//! * [`cli`]: the program; [`config`]: its file; [`demo`]: the whole product on loopback.
//! * [`bridge`]: serves a host to a broker; [`mqtt`]: the connection; [`wire::topics`]: the tree; [`wire::publish`]: what the
//!   host has to say.
//! * [`host`]: accounts and vehicles, and what happens to a command; [`command`]: what callers send;
//!   [`host::ledger`]: what they get again when they repeat themselves; [`vehicle`]: queue and memory of one vehicle;
//!   [`vehicle::state`]: what is published of it.
//! * [`operation`]: attempts, repeats and their limits, from the first attempt to the final result.
//! * [`account`]: what one account consists of. `session`: renewing its token once for everybody; [`cell`]: values
//!   under a lock, by generation; [`protect::quota`]: ceilings by the day; [`protect::latch`]: what only a person can
//!   end; [`protect::circuit`]: breakers; [`protect::retry_budget`]: how much may be repeated; [`audit`]: every decision.
//! * [`deployment`]: how a component becomes the active one, whoever wants it; [`plugin`]: trials and calls;
//!   [`plugin::slot`]: generations; [`primitives`]: what a connector can do; [`sandbox`]: the engine, the budget of a call, and
//!   a WASI that grants nothing; [`bindings`]: the WIT interfaces as Rust types.
//! * [`control`], [`folder`]: how plugins come in but for MQTT: a socket for programs of this machine, and a watched folder.
//!   `component_file`: reading a file that may be anything. `output`: what the program shows.
//! * [`store`], [`time`], [`redact`]: state, clocks, and what must not be said. [`events`]: what is said once. [`scoring`]: how well
//!   a policy judges.

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
pub mod store;
pub mod time;
pub mod vehicle;
pub mod wire;
