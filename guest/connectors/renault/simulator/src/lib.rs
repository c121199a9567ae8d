//! A simulated cloud of Renault and Dacia: it counts what it is asked, checks it strictly, and fails on
//! command.
//!
//! Two listeners, because the real cloud is two services of two companies: *Gigya* signs people in and gives
//! out tokens, *Kamereon* has the cars. A secret that is sent to the wrong one is noticed. A third listener
//! takes orders over HTTP and is part of no cloud. All keys are invented.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use renault_simulator::{Aspect, Config, Lag, Simulator};
//! let cloud = Simulator::start(Config::default()).await?;
//! let control = cloud.control();
//! control.require_second_factor(true);
//! control.set_lag(Aspect::Hvac, Lag::Reads(2));
//! // ... point a client at cloud.gigya_url() and cloud.kamereon_url() ...
//! assert_eq!(control.violations(), []);
//! # Ok(()) }
//! ```
//!
//! # What a request goes through
//!
//! arrival (counted, logged, searched for secrets) → faults at [`Moment::Arrival`] → key, parameter, header
//! and token checks → faults at [`Moment::Admitted`] → the act itself → faults at [`Moment::Acted`] → answer.
//!
//! # What is known, and what is not
//!
//! Shapes and codes are those of the public client `renault-api` and of answers that its users published.
//! Where nothing was published, the documentation of the item says so and the answer is the likeliest one.
//!
//! # Control over HTTP
//!
//! Every [`Order`] has an endpoint `POST <control>/<name>` with a JSON body (an empty body means `{}`);
//! answers are the counters after the order. `GET` endpoints: `counters`, `log`, `violations`, `mails`,
//! `vehicles`, `account`.
//!
//! # Layout
//!
//! * `config`: what a simulated person, the accounts and the cars look like
//! * `model`: what a car of which model has and has not
//! * `car`: a car, its state and what it is about to do; `documents`: how it is reported
//! * `identity`: login tokens, id tokens, devices; `factor`: the second factor by mail
//! * `route`: from method and path to what is meant
//! * `strict`: the checks before anything is done; `secrets`: which secret arrived where
//! * `gigya`, `kamereon`, `commands`: what each route does; `envelope`: the shapes of answers
//! * `counters`, `log`: what was asked; `exchange`: one request from arrival to answer; `cloud`: without a network
//! * `world`: all state behind one lock; `control`: the handle that tests use; `order`, `orders`: the same
//!   over HTTP

mod car;
mod cloud;
mod commands;
mod config;
mod control;
mod counters;
mod documents;
mod envelope;
mod exchange;
mod factor;
mod gigya;
mod identity;
mod kamereon;
mod log;
mod model;
mod order;
mod orders;
mod route;
mod secrets;
mod strict;
mod world;

use std::io;
use std::sync::Arc;

use axum::Router;
use simulator::kit::Server;

pub use car::{Aspect, CarState, Lag};
pub use cloud::Cloud;
pub use config::{AccountConfig, CarConfig, Config, Energy, Mailbox};
pub use control::Control;
pub use counters::{CommandKind, Counters};
pub use factor::Mail;
pub use identity::Ended;
pub use log::{Arrival, LogEntry, Violation};
pub use model::Absence;
pub use order::{Order, OrderError};
pub use route::{RouteKind, Service};
pub use secrets::SecretKind;
pub use simulator::kit::{Answer, Clock, Effect, End, Moment};

use crate::exchange::Door;
use crate::world::Shared;

/// One thing that goes wrong for the requests that it matches. An [`Effect::Envelope`] is worded by the
/// service that is asked: at Gigya the code is a number, at Kamereon an `err.…`.
pub type Fault = simulator::kit::Fault<RouteKind>;

/// A running simulated cloud.
///
/// Dropping it stops listening, releases everything that is held and cuts the connections that are left; the
/// ports are free again once the accept loops have noticed.
#[derive(Debug)]
pub struct Simulator {
    gigya: Server,
    kamereon: Server,
    orders: Server,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Binds three free ports of loopback and serves on the current tokio runtime until the value is dropped.
    ///
    /// # Errors
    ///
    /// What binding reports.
    pub async fn start(config: Config) -> io::Result<Self> {
        let ([gigya, kamereon, orders], shared) =
            (config.listen, Arc::new(world::shared(config, Clock::system())));
        let door = |service| {
            Router::new().fallback(exchange::serve).with_state(Door { service, shared: Arc::clone(&shared) })
        };
        Ok(Self {
            gigya: Server::start(gigya, door(Service::Gigya), shared.gone()).await?,
            kamereon: Server::start(kamereon, door(Service::Kamereon), shared.gone()).await?,
            orders: Server::start(orders, orders::router(Arc::clone(&shared)), shared.gone()).await?,
            shared,
        })
    }

    /// The base URL of one of the two services, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn base_url(&self, service: Service) -> String {
        match service {
            Service::Gigya => self.gigya.base_url(),
            Service::Kamereon => self.kamereon.base_url(),
        }
    }

    /// The base URL of the identity service.
    pub fn gigya_url(&self) -> String {
        self.base_url(Service::Gigya)
    }

    /// The base URL of the vehicle service.
    pub fn kamereon_url(&self) -> String {
        self.base_url(Service::Kamereon)
    }

    /// The base URL of the orders over HTTP.
    pub fn control_url(&self) -> String {
        self.orders.base_url()
    }

    /// A handle that watches and steers this cloud. Cheap to clone; it outlives the simulator harmlessly.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.close(|_| ());
    }
}
