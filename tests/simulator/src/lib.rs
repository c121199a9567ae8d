//! A simulated Hyundai/Kia EU vehicle cloud: it counts what it is asked, checks it strictly, and fails on command.
//!
//! One loopback listener answers for the three services of the real cloud, whose paths do not collide: account
//! and vehicles (`/api/...`), identity provider (`/auth/api/...`, `/auth/account/signin`, `/web/...`, `/error`), token
//! service (`/auth/v1/...`, `/auth/v2/...`, `/domain/api/...`), and the simulator's own `/control/...`. A client needs
//! nothing but other base URLs: the same one for `ccapi`, `idp` and `cci`. Everything that a test wants to happen is an event that it triggers or waits
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
//! # A sign-in with a password
//!
//! 1. `GET /auth/api/v2/user/oauth2/authorize` leads (302) to a page of the app and sets two cookies, `account` and
//!    `JSESSIONID`. With these cookies, as the app would come back to it by the page's `next_uri`, it is a page itself.
//!    Where the [`Firewall`] is set, it speaks of an abusing request instead.
//! 2. `GET /auth/api/v1/accounts/certs` gives an RSA key, `POST /auth/account/signin` wants the password encrypted with
//!    it, both cookies, and all fields of the form in their order. It ends as [`SignInOutcome`] says; with a wrong
//!    password, at the page of step 1. A request that is not as the app makes it is answered 400.
//! 3. `POST /auth/v1/token?code=…` gives seven tokens for a code that is good once,
//!    `POST /auth/v1/token-exchange?serviceType=CCS` a CCS token for three of them, which is an access token for the
//!    vehicles. `POST /auth/v2/token-refresh` gives the next seven; the old ones are dead at once. A set is of the
//!    device that asked for it (`client-device-id`), and of no other one.
//!
//! The gate before step 3 wants the headers of the Android app and their signature ([`fingerprint()`]) by the server's
//! clock: 9035 without, 9036 with another, 9037 at another time. `/domain/api/v1/auth/token`, `…/v1/auth/token-exchange`
//! and `…/v2/auth/token-refresh` do the same for the iOS app, which does not sign. Refreshes of version 1 are answered
//! HTTP 500 with 9009. Requests that are not as the app makes them are answered 9030, tokens that are dead 9013, and
//! sessions that are over ([`Control::end_sessions`]) 4111. The numbers 9030 and 9013 are a guess, and so are the HTTP
//! statuses but those of 9001 and 9009: no source tells more.
//!
//! # A sign-in outside Europe
//!
//! In the regions of [`Region`] but Europe there is neither identity provider nor token service. The account service
//! does it all: `GET /api/v1/user/oauth2/authorize` sets the two cookies, `POST /api/v1/user/signin` takes
//! `{"email","password"}` with them and gives `{"redirectUrl": "…?code=…"}`, and `POST /api/v1/user/oauth2/token`, a form
//! with Basic authentication and a stamp, gives access and refresh token for the code, and again for the refresh token.
//! The answers to what is wrong are those of the account service (`errCode`): 4003 for a password, 4002 for a token
//! that is dead. The former is a guess.
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
//! * `brand`: constants per brand and the `Stamp` header; `region`: those of other regions
//! * `vehicle`: the car, its state and the documents it is reported in
//! * `action`: what commands do, how they end, and the records that tell
//! * `idp`: the identity provider's key, cookies and codes; `cci`: the token service's gate and sets of tokens
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
mod cci;
mod cloud;
mod config;
mod control;
mod counters;
mod envelope;
mod exchange;
mod faults;
mod idp;
pub mod kit;
mod log;
mod order;
mod region;
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
pub use brand::{App, Brand, Client, Constants, StampError};
pub use cci::{Release, fingerprint};
pub use cloud::Cloud;
pub use config::{Config, Strictness};
pub use control::Control;
pub use counters::Counters;
pub use faults::{Fault, Refusal};
pub use idp::{Firewall, SignInOutcome};
pub use kit::{Answer, Clock, Effect, End, Moment};
pub use log::LogEntry;
pub use order::{Order, OrderError, Wording};
pub use region::Region;
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
