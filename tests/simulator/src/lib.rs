//! A simulated Hyundai/Kia EU vehicle cloud: it counts what it is asked, checks it strictly, and fails on command.
//!
//! One loopback listener answers for the three services of the real cloud, whose paths do not collide: account
//! and vehicles (`/api/...`), sign-in (`/auth/...`), and the simulator's own `/control/...`. A client needs
//! nothing but other base URLs. Everything that a test wants to happen is an event that it triggers or waits
//! for through [`Control`]; nothing depends on sleeping long enough.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use simulator::{Config, Fault, Effect, RouteKind, Simulator};
//! let cloud = Simulator::start(Config::default()).await?;
//! let control = cloud.control();
//! control.inject(Fault::new(RouteKind::Command, Effect::Drop).after_acting());
//! // ... point a client at cloud.base_url() ...
//! control.wait_until(|counters| counters.commands == 1).await;
//! # Ok(()) }
//! ```
//!
//! # What a request goes through
//!
//! arrival (counted, logged) → barrier → faults at [`Moment::Arrival`] → header and token checks → faults at
//! [`Moment::Admitted`] → body checks and the act itself → faults at [`Moment::Acted`] → answer.
//!
//! # Control over HTTP
//!
//! Every [`Order`] has an endpoint `POST /control/<name>` with a JSON body (an empty body means `{}`); answers
//! are the counters after the order. `GET` endpoints: `/control/counters`, `/control/log`, `/control/vehicles`.
//! Control requests are neither counted nor logged. See [`Order`] for the names and bodies.
//!
//! # Layout
//!
//! * `config`: what a simulated account looks like and how strict the server is
//! * `brand`: constants per brand and the `Stamp` header
//! * `vehicle`: the car, its state and the documents it is reported in
//! * `action`: what commands do, how they end, and the records that tell
//! * `session`: access tokens, control tokens, device ids
//! * `route`: from method and path to what is meant
//! * `strict`: the checks before anything is done
//! * `routes`: what each route does and answers; `envelope`: the shapes of answers
//! * `faults`, `barrier`: what goes wrong, and exactly when
//! * `counters`, `log`: what was asked
//! * `exchange`: one request from arrival to answer; `cloud`: without a network
//! * [`kit`]: what has nothing to do with this vendor; simulators of other clouds are made of it too
//! * `world`: all state behind one lock; `control`: the handle that tests use; `order`: the same as JSON

mod action;
mod barrier;
mod brand;
mod cloud;
mod config;
mod control;
mod counters;
mod envelope;
mod exchange;
mod faults;
pub mod kit;
mod log;
mod order;
mod route;
mod routes;
mod session;
mod strict;
mod vehicle;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;

pub use action::{ActionKind, Ending, Outcome};
pub use axum::http::Request;
pub use brand::{Brand, Constants, StampError};
pub use cloud::Cloud;
pub use config::{Config, Strictness};
pub use control::Control;
pub use counters::Counters;
pub use faults::{Fault, Refusal};
pub use kit::{Answer, Clock, Effect, End, Moment};
pub use log::LogEntry;
pub use order::{Order, OrderError, Wording};
pub use route::RouteKind;
pub use vehicle::{VehicleConfig, VehicleState, Window, Windows};

use crate::kit::Server;
use crate::world::Shared;

/// A running simulated cloud.
///
/// Dropping it stops listening, releases everything that is held and cuts the connections that are left, so a
/// client sees the cloud go away; the port is free again once the accept loop has noticed.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Binds and serves on the current tokio runtime until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `config.listen` is not a loopback address: the simulator hands out tokens to anybody
    /// who asks nicely. Otherwise what binding reports, such as `AddrInUse`.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listen = config.listen;
        let shared = Arc::new(Shared::new(config, Clock::system()));
        let router = Router::new()
            .nest("/control", routes::control::router())
            .fallback(exchange::serve)
            .with_state(Arc::clone(&shared));
        let server = Server::start(listen, router, shared.gone()).await?;
        Ok(Self { server, shared })
    }

    /// The address that is listened on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The base URL of all three services, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// A handle that watches and steers this cloud. Cheap to clone; it outlives the simulator harmlessly.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // What waits at the barrier is not harmed by its end, but its connection is cut already.
        self.shared.close(|world| world.barrier = None);
    }
}
