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
//! * [`bridge`]: serves a host to a broker; [`mqtt`]: the connection; [`topics`]: the tree; [`outbox`]: what the
//!   host has to say.
//! * [`host`]: accounts and vehicles, and what happens to a command; [`command`]: what callers send;
//!   [`results`]: what they get again when they repeat themselves; [`vehicle`]: queue and memory of one vehicle;
//!   [`state`]: what is published of it.
//! * [`operation`]: attempts, repeats and their limits, from the first attempt to the final result.
//! * [`account`]: what one account consists of. `session`: renewing its token once for everybody; [`cell`]: values
//!   under a lock, by generation; [`daily`]: ceilings by the day; [`latch`]: what only a person can
//!   end; [`circuit`]: breakers; [`retry_budget`]: how much may be repeated; [`audit`]: every decision.
//! * [`deployment`]: how a component becomes the active one, whoever wants it; [`plugin`]: trials and calls;
//!   [`slot`]: generations; [`primitives`]: what a connector can do; [`sandbox`]: the engine, the budget of a call, and
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
pub mod circuit;
pub mod cli;
pub mod command;
mod component_file;
pub mod config;
#[cfg(unix)]
pub mod control;
pub mod daily;
pub(crate) mod deliveries;
#[cfg(feature = "demo")]
pub mod demo;
pub mod deployment;
pub mod doubt;
pub mod events;
mod evidence;
mod failure;
pub mod folder;
pub mod host;
pub mod latch;
pub mod mqtt;
pub mod operation;
pub mod outbox;
mod output;
pub mod plugin;
pub mod primitives;
pub mod redact;
pub mod results;
pub mod retry_budget;
pub mod sandbox;
pub mod scoring;
mod session;
pub mod slot;
pub mod state;
pub mod store;
mod throttle;
pub mod time;
pub mod topics;
pub mod vehicle;
