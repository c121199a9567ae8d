//! A host that bridges vehicle clouds to MQTT, and keeps doing so when a token expires.
//!
//! The parts that change when a vendor changes its mind live in WebAssembly components that are swapped while
//! the host runs: a *connector* speaks one vendor's cloud, a *policy* says what a failure means and what
//! should follow. The host owns what must never depend on a plugin: sockets, clock, broker, locks, secrets,
//! and the rules that hold whatever a plugin says.
//!
//! # Embedding a host
//!
//! A host needs a configuration and an [`Environment`]. [`Host::command`] commands a car and returns at once;
//! its [`Handle`] waits for the one final [`Report`].
//!
//! ```
//! use std::sync::Arc;
//! use vehicle_connector::environment::{Discard, Environment, MemoryStore, SystemClock};
//! use vehicle_connector::{Action, Config, Host, State};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let simulated = simulator::Config::default();
//! # let cloud = simulator::Simulator::start(simulated.clone()).await?;
//! # let url = cloud.base_url();
//! # let text = format!(r#"
//! #     [mqtt]
//! #     url = "mqtt://127.0.0.1"
//! #     [account.main]
//! #     connector = "hyundai-kia-eu"
//! #     brand = "kia"
//! #     region = "eu"
//! #     refresh_token = "${{TOKEN}}"
//! #     pin = "${{PIN}}"
//! #     endpoints = {{ ccapi = "{url}", idp = "{url}", cci = "{url}" }}
//! #     [vehicle.ev6]
//! #     account = "main"
//! #     id = "{}"
//! #     allow = ["lock"]
//! # "#, simulated.vehicles[1].id);
//! # let secret = |name: &str| {
//! #     Some(if name == "PIN" { simulated.pin.clone() } else { simulated.refresh_token.clone() })
//! # };
//! let config = Config::parse(&text, "car.toml".as_ref(), &secret)?;
//! let store = Arc::new(MemoryStore::default());
//! let environment = Environment::new(store, Arc::new(SystemClock::start()), Arc::new(Discard));
//! let host = Host::start(&config, environment).await?;
//!
//! let report = host.command("ev6", Action::Lock).await.report().await?;
//! assert_eq!(report.state, State::Succeeded, "{:?}", report.message);
//!
//! // The token ends. It is refreshed, the command is repeated, and its caller does not notice.
//! # cloud.control().expire_access_token();
//! let report = host.command("ev6", Action::Lock).await.report().await?;
//! assert_eq!(report.state, State::Succeeded, "{:?}", report.message);
//! host.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Three modules go further. [`environment`] has the traits for a store, a clock, a broker and a cloud of
//! one's own; [`deployments`] changes plugins while a host runs; [`policies`] is the policy slot without a
//! host. The items that `cargo doc` shows are meant to be used; other modules are public for the tests of
//! this project only, and are hidden.
//!
//! # Layout
//!
//! A module uses what stands below it in this list, never what stands above; a test of the integration tests,
//! `architecture`, holds that. From the outside in:
//!
//! * The program: `cli`, its command line; `demo`, the whole product on loopback; `output`, what it shows; `authoring`,
//!   what authors of plugins begin with.
//! * The ways in: [`bridge`] serves a host to a broker, [`control`] to programs of this machine, [`watching`]
//!   to whoever asks how it is. [`scoring`]
//!   says how well a policy judges.
//! * [`host`]: accounts and vehicles, and what happens to a command from its arrival to its result.
//! * [`homeassistant`]: what Home Assistant is told of the bridge, its accounts and vehicles.
//! * [`vehicle`]: queue, memory and state of one vehicle; [`command`]: what callers send; [`folder`]: the
//!   directory from which components are taken; [`operation`]: attempts and their limits, from the first one
//!   to the final result; [`deployment`]: how a component becomes the active one.
//! * [`account`]: what one account consists of; in it `session`, which refreshes its token once for all
//!   callers.
//! * `judge`: what a failure is, and what should follow from it, on record; [`services`]: what is made once
//!   and handed to everybody.
//! * [`audit`]: every decision; [`events`]: what is said once; [`config`]: the owner's file.
//! * [`plugin`]: trials, generations and calls of components; [`primitives`]: what a connector can do.
//! * [`mqtt`]: the connection to the broker; `component_file`: a file that may be anything.
//! * [`metrics`]: what is counted, and its names.
//! * [`wire`]: what is on the broker, as types; [`protect`]: circuits, latches, quotas and budgets.
//! * [`bindings`]: the WIT interfaces as Rust types; [`cell`]: values under a lock, by generation.
//! * [`sandbox`]: the engine, the budget of a call, and a WASI that grants nothing; [`store`]: state;
//!   [`descriptor`]: what the owner says of a vendor's clouds.
//! * [`digest`], [`redact`], [`time`], [`entropy`], [`program_log`]: what a component is, what must not be said,
//!   clocks, randomness, the log.

pub mod bindings;
pub mod deployments;
pub mod environment;
pub mod policies;

pub use crate::command::{Action, Command};
pub use crate::config::{Config, ConfigError, Problem};
pub use crate::environment::Environment;
pub use crate::host::{Handle, Host, StartError, Unfinished};
pub use crate::wire::operation::OperationName;
pub use crate::wire::outcome::{Reason, State};
pub use crate::wire::report::{PolicyUsed, Report};

#[doc(hidden)]
pub mod account;
#[doc(hidden)]
pub mod audit;
mod authoring;
#[doc(hidden)]
pub mod bridge;
#[doc(hidden)]
pub mod cell;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod command;
mod component_file;
#[doc(hidden)]
pub mod config;
#[cfg(unix)]
#[doc(hidden)]
pub mod control;
#[cfg(feature = "demo")]
#[doc(hidden)]
pub mod demo;
#[doc(hidden)]
pub mod deployment;
#[doc(hidden)]
pub mod descriptor;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod entropy;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod folder;
#[doc(hidden)]
pub mod homeassistant;
#[doc(hidden)]
pub mod host;
mod judge;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod mqtt;
#[doc(hidden)]
pub mod operation;
mod output;
#[doc(hidden)]
pub mod plugin;
#[doc(hidden)]
pub mod primitives;
#[doc(hidden)]
pub mod program_log;
#[doc(hidden)]
pub mod protect;
#[doc(hidden)]
pub mod redact;
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod scoring;
#[doc(hidden)]
pub mod services;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod vehicle;
#[doc(hidden)]
pub mod watching;
#[doc(hidden)]
pub mod wire;
