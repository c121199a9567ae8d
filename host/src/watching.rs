//! The way in for whoever watches the host: health and metrics over HTTP, on a listener that the owner has
//! asked for.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 as long as the process serves at all |
//! | `/readyz` | 200 or 503, and `{"ready":…,"reasons":[…]}` ([`Host::readiness`]) |
//! | `/metrics` | the text of [`Host::metrics`] |
//!
//! # Guarantees
//!
//! * It only reads: `GET` and `HEAD`, no request has a body.
//! * Nothing in it names a position, a VIN or a secret.
//! * A page of somebody else's, in a browser on this machine, reads nothing: a request that names another host than
//!   this one is refused, because a name that its owner lets resolve to this machine is one.
//! * At most [`CONNECTIONS`] are served at once, each for one request of at most 8 KiB, and for as long as its
//!   [`Patience`]. More connections are closed.
//!
//! [`Host::readiness`]: crate::host::Host::readiness
//! [`Host::metrics`]: crate::host::Host::metrics

mod answers;
mod server;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use self::server::{Listener, Watching};

/// Number of connections that are served at once.
pub const CONNECTIONS: usize = 32;

/// Time that a client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Time for the head of a request to come.
    pub head: Duration,
    /// Time for a request and its answer.
    pub lifetime: Duration,
}

impl Default for Patience {
    /// Five seconds for the head, ten for everything.
    fn default() -> Self {
        Self { head: Duration::from_secs(5), lifetime: Duration::from_secs(10) }
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "http.listen: {address} cannot be listened on: {error}; name another address in [http], or end the program that has it"
)]
pub struct NoListener {
    /// The address.
    pub address: SocketAddr,
    /// Error of the system.
    pub error: io::Error,
}
