//! The cloud without a network, for clients that run in the same process and on the same clock.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Request;

use crate::config::Config;
use crate::control::Control;
use crate::exchange::{self, Incoming};
use crate::kit::{Clock, End};
use crate::route::Call;
use crate::world::Shared;

/// A simulated cloud that requests are handed to. It behaves like a [`crate::Simulator`] in everything but time
/// and sockets: with tokio's time paused and a clock that follows it, what happens depends on the order of
/// requests alone.
#[derive(Debug, Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
}

impl Cloud {
    /// A cloud that lives by this clock. [`Config::listen`] does not matter.
    pub fn new(config: Config, clock: Clock) -> Self {
        Self { shared: Arc::new(Shared::new(config, clock)) }
    }

    /// Takes a request that has arrived whole. Only the path of its URI matters, not the host.
    ///
    /// Dropping the future is what a client does that goes away: what was not done yet is not done any more.
    pub async fn exchange(&self, request: Request<Vec<u8>>) -> End {
        let (head, body) = request.into_parts();
        exchange::answer(&self.shared, &Incoming::new(head, Bytes::from(body), Call::parse)).await
    }

    /// A handle that watches and steers this cloud.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}
