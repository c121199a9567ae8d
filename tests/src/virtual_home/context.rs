//! Environment of a host in virtual time: its clock and its way to the cloud.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpRequest, Transport};
use vehicle_connector::time::Clock;

use crate::network::Network;
use crate::paused::PausedClock;

/// The paused clock, whose calendar can be set.
#[derive(Debug)]
pub struct Calendar {
    pub(super) clock: PausedClock,
    pub(super) ahead: AtomicI64,
}

impl Calendar {
    /// Sets the calendar by `seconds` forward; back if negative. The stopwatch goes on as before.
    pub fn step(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Calendar {
    fn now(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// The network, which may change what the cloud says about a token's life.
#[derive(Debug)]
pub struct Meddling {
    pub(super) network: Arc<Network>,
    /// Value in place of `expires_in`; null removes it.
    pub expires_in: Mutex<Option<Value>>,
}

impl Transport for Meddling {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let grant = request.url.path().ends_with("/oauth2/token");
        Box::pin(async move {
            let mut response = self.network.send(request).await?;
            if let (true, 200, Some(says)) = (grant, response.status, &*self.expires_in.lock()) {
                let mut body: Value = serde_json::from_slice(&response.body).unwrap();
                let fields = body.as_object_mut().unwrap();
                fields.remove("expires_in");
                if !says.is_null() {
                    fields.insert("expires_in".to_owned(), says.clone());
                }
                response.body = body.to_string().into_bytes();
            }
            Ok(response)
        })
    }
}
