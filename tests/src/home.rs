//! The common part of all homes.

use std::sync::Arc;

use serde_json::Value;
use simulator::Control;
use vehicle_connector::deployment::{Deployed, Offer, Refusal};
use vehicle_connector::host::{Host, Request};
use vehicle_connector::plugin::PluginKind;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::report::Report;

use crate::Recording;

/// A host, its cloud, and what was published. Topics are those below the base topic.
#[allow(async_fn_in_trait, reason = "a test knows which home it has")]
pub trait Home {
    /// The host.
    fn host(&self) -> &Arc<Host>;

    /// The cloud's controls.
    fn control(&self) -> Control;

    /// Returns what was published.
    fn published(&self) -> &Recording;

    /// Makes the host find its cars, so that a test counts only its own requests from then on.
    async fn settle(&self) {
        self.host().find_vehicles().await;
        self.control().reset_counters();
    }

    /// Hands the host a message as it comes from a broker.
    async fn deliver(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let topic = format!("vehicle-connector/{topic}");
        self.host().handle(Request { topic, payload: payload.into(), ..Request::default() }).await;
    }

    /// Hands the host a command, by the topic that it has below the vehicle's.
    async fn send(&self, vehicle: &str, operation: &str, payload: impl Into<Vec<u8>>) {
        self.deliver(&format!("vehicle/{vehicle}/cmd/{operation}"), payload).await;
    }

    /// Sends a command with these further fields, such as `"level":2`, and returns its identifier.
    async fn begin(&self, vehicle: &str, operation: &str, fields: &str) -> String {
        let id = format!("c{}", self.published().number());
        let comma = if fields.is_empty() { "" } else { "," };
        self.send(vehicle, operation, format!(r#"{{"id":"{id}"{comma}{fields}}}"#)).await;
        id
    }

    /// Sends a command with these further fields and waits for its final report.
    async fn command(&self, vehicle: &str, operation: &str, fields: &str) -> Report {
        let id = self.begin(vehicle, operation, fields).await;
        self.ended(vehicle, &id).await
    }

    /// Waits for the final report of a command.
    async fn ended(&self, vehicle: &str, id: &str) -> Report {
        self.published().until(|| self.finals(vehicle, id).into_iter().next()).await
    }

    /// Waits for any final report of a vehicle, for commands whose identifier the sender does not know.
    async fn any_ended(&self, vehicle: &str) -> Report {
        let prefix = format!("vehicle-connector/vehicle/{vehicle}/action/");
        let report = |message: &Outgoing| {
            let report: Report = serde_json::from_slice(&message.payload).ok()?;
            (message.topic.starts_with(&prefix) && report.state.is_final()).then_some(report)
        };
        self.published().find(|messages| messages.iter().find_map(report)).await
    }

    /// The final reports of a command so far: one, unless it was repeated.
    fn finals(&self, vehicle: &str, id: &str) -> Vec<Report> {
        self.published().finals(&format!("vehicle-connector/vehicle/{vehicle}/action/{id}"))
    }

    /// Asks the host for something, as a message does, and waits for the answer.
    async fn request(&self, verb: &str, mut payload: Value) -> Value {
        let transaction = self.published().number();
        payload["transaction"] = transaction.into();
        self.deliver(&format!("bridge/request/{verb}"), payload.to_string()).await;
        let topic = format!("bridge/response/{verb}");
        let answer =
            || self.documents(&topic).into_iter().find(|answer| answer["transaction"] == transaction);
        self.published().until(answer).await
    }

    /// Offers a policy.
    async fn offer_policy(&self, offer: &Offer) -> Result<Deployed, Refusal> {
        self.host().deployments().swap(PluginKind::Policy, None, offer).await
    }

    /// Everything that was published so far.
    fn messages(&self) -> Vec<Outgoing> {
        self.published().messages()
    }

    /// Counts what was published on a topic.
    fn published_on(&self, topic: &str) -> usize {
        let topic = format!("vehicle-connector/{topic}");
        self.messages().iter().filter(|message| message.topic == topic).count()
    }

    /// The documents that were published on a topic, in order.
    fn documents(&self, topic: &str) -> Vec<Value> {
        self.published().documents(&format!("vehicle-connector/{topic}"))
    }

    /// The events of one kind, in order.
    fn events(&self, kind: &str) -> Vec<Value> {
        self.documents("bridge/event").into_iter().filter(|event| event["event_type"] == kind).collect()
    }

    /// Returns what was retained last on a topic; null if nothing was.
    fn retained(&self, topic: &str) -> Value {
        self.published().retained(&format!("vehicle-connector/{topic}"))
    }

    /// Returns what the account says of itself now.
    fn account(&self) -> Value {
        self.retained("account/home/state")
    }

    /// Waits until the account says that it is in this state.
    async fn account_is(&self, wanted: &str) -> Value {
        self.published().until(|| Some(self.account()).filter(|account| account["state"] == wanted)).await
    }
}
