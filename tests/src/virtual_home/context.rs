//! What a host in virtual time stands on: its clock, its way to the cloud, and its way to the broker.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::primitives::Transport;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::time::Clock;
use vehicle_connector::wire::message::{Notice, Outgoing};
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::report::Report;

use crate::network::Network;
use crate::paused::PausedClock;
use crate::trace::Trace;

/// The paused clock, whose calendar can be set.
#[derive(Debug)]
pub struct Calendar {
    pub(super) clock: PausedClock,
    pub(super) ahead: AtomicI64,
}

impl Calendar {
    /// Sets the calendar so many seconds forward; back if negative. The stopwatch goes on as before.
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

/// Keeps what is published, and the final report of every command by its topic.
#[derive(Debug)]
pub struct Published {
    pub(super) trace: Arc<Trace>,
    pub(super) finals: Mutex<HashMap<String, Vec<Report>>>,
    pub(super) retained: Mutex<HashMap<String, Vec<u8>>>,
    pub(super) changed: watch::Sender<()>,
}

impl Publish for Published {
    fn publish(&self, message: Outgoing) {
        if message.topic.contains("/action/") && !message.topic.ends_with("/last") {
            let report: Report = serde_json::from_slice(&message.payload).unwrap();
            if report.state.is_final() {
                self.finals.lock().entry(message.topic.clone()).or_default().push(report);
                self.changed.send_replace(());
            }
        } else if message.retain {
            self.retained.lock().insert(message.topic.clone(), message.payload.clone());
        }
        self.trace.publish(message.clone());
        // Here the broker takes everything at once.
        message.notice.iter().for_each(Notice::delivered);
    }
}

/// The network, which may change what the cloud says about a token's life.
#[derive(Debug)]
pub struct Meddling {
    pub(super) network: Arc<Network>,
    /// In place of `expires_in`; null removes it.
    pub expires_in: Mutex<Option<Value>>,
}

impl Transport for Meddling {
    fn send(
        &self,
        request: reqwest::Request,
        acts_on_vehicle: bool,
    ) -> BoxFuture<'_, Result<Response, TransportError>> {
        let grant = request.url().path().ends_with("/oauth2/token");
        Box::pin(async move {
            let mut response = self.network.send(request, acts_on_vehicle).await?;
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
