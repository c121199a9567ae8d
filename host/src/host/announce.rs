//! What the host says without being asked: what it is, how accounts and vehicles are.

use serde_json::json;

use super::Host;
use crate::account::Account;
use crate::latch::LatchKind;
use crate::operation::{PolicyUsed, Report};
use crate::outbox::Outgoing;
use crate::primitives::SESSION;
use crate::state::{Location, Published};
use crate::vehicle::Vehicle;

/// The name of the policy's slot in topics.
const POLICY_SLOT: &str = "vehicle";

impl Host {
    /// Says everything again that a broker should have retained. After it, say [`Host::online`].
    pub fn announce(&self, protocol: &str) {
        self.announce_info(protocol);
        self.announce_policy();
        for account in self.accounts.values() {
            self.announce_account(account);
        }
        for vehicle in self.vehicles.values() {
            let (published, known) = {
                let memory = vehicle.memory();
                (memory.published.clone(), memory.found.clone())
            };
            if let Some(found) = known {
                self.announce_found(vehicle, &found.operations);
            }
            if let Some(published) = published {
                self.announce_state(vehicle, &published);
            }
        }
    }

    /// Says that the host runs.
    pub fn online(&self) {
        self.ground.outbox.publish(Outgoing::new(self.topics.bridge_state(), "online").retained());
    }

    /// Says that the host does not run any more.
    pub fn offline(&self) {
        self.ground.outbox.publish(Outgoing::new(self.topics.bridge_state(), "offline").retained());
    }

    fn announce_info(&self, protocol: &str) {
        let connectors: Vec<_> = self.accounts.values().map(|account| account.connector.active()).collect();
        let mut plugins: Vec<_> = connectors
            .iter()
            .map(|connector| {
                let generation = connector.generation();
                json!({"kind": "connector", "name": generation.name, "version": generation.version,
                       "digest": generation.digest.to_string()})
            })
            .collect();
        plugins.dedup();
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.started_at,
            "mqtt": {"protocol": protocol},
            "plugins": plugins,
        });
        self.publish_retained(self.topics.bridge_info(), &info);
    }

    /// Says which policy runs. To be called after every swap.
    pub fn announce_policy(&self) {
        let policy = self.policy.active();
        let generation = policy.generation();
        let document = json!({
            "installed_version": generation.version,
            "latest_version": generation.version,
            "in_progress": false,
            "name": generation.name,
            "digest": generation.digest.to_string(),
            "generation": generation.number,
            "since": generation.loaded_at,
            "state": "active",
        });
        self.publish_retained(self.topics.bridge_policy(POLICY_SLOT), &document);
    }

    /// Says how an account is.
    pub(super) fn announce_account(&self, account: &Account) {
        let latched = account.latch.current();
        let state = match latched.as_ref().map(|latched| latched.kind) {
            None => "ok",
            Some(LatchKind::AuthRequired) => "auth_required",
            Some(LatchKind::OtpRequired) => "otp_required",
            Some(LatchKind::LockedOut) => "locked_out",
        };
        let session = account.surroundings.cells.slot(SESSION).map(|slot| slot.current());
        let document = json!({
            "state": state,
            "reason": latched.as_ref().map(|latched| &latched.reason),
            "since": latched.as_ref().map(|latched| latched.since),
            "token_expires_at": session.and_then(|cell| cell.expires_at),
        });
        self.publish_retained(self.topics.account_state(&account.slug), &document);
    }

    /// Says that a vehicle is known to the cloud, and what it can do.
    pub(super) fn announce_found(&self, vehicle: &Vehicle, operations: &[String]) {
        let capabilities: serde_json::Map<_, _> = crate::operation::OperationName::COMMANDABLE
            .iter()
            .map(|name| {
                let has = operations.iter().any(|operation| operation == name.as_str());
                (name.as_str().to_owned(), (has && vehicle.allows(*name)).into())
            })
            .collect();
        let topic = self.topics.vehicle(&vehicle.slug, "capabilities");
        self.publish_retained(topic, &serde_json::Value::Object(capabilities));
        let topic = self.topics.vehicle(&vehicle.slug, "availability");
        self.ground.outbox.publish(Outgoing::new(topic, "online").retained());
    }

    pub(super) fn announce_state(&self, vehicle: &Vehicle, published: &Published) {
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "state"), published);
    }

    pub(super) fn announce_location(&self, vehicle: &Vehicle, location: &Location) {
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "location"), location);
    }

    /// Publishes one step of a command: on its own topic, as the vehicle's last action, and to whoever asked for
    /// an answer. Only the final one goes there: a request has one response.
    pub(super) fn announce_report(
        &self,
        vehicle: &str,
        report: &Report,
        respond_to: Option<&super::RespondTo>,
    ) {
        let payload = encode(report);
        let own = self.topics.vehicle(vehicle, &format!("action/{}", report.id));
        self.ground.outbox.publish(Outgoing::new(own, payload.clone()));
        if self.vehicles.contains_key(vehicle) {
            let last = self.topics.vehicle(vehicle, "action/last");
            self.ground.outbox.publish(Outgoing::new(last, payload.clone()).retained());
        }
        if let Some(respond_to) = respond_to.filter(|_| report.state.is_final()) {
            let answer = Outgoing::new(respond_to.topic.clone(), payload);
            self.ground.outbox.publish(Outgoing { correlation: respond_to.correlation.clone(), ..answer });
        }
    }

    fn publish_retained(&self, topic: String, document: &impl serde::Serialize) {
        self.ground.outbox.publish(Outgoing::new(topic, encode(document)).retained());
    }

    /// The policy that an operation beginning now would use.
    #[must_use]
    pub fn policy_used(&self) -> PolicyUsed {
        (&self.policy.active()).into()
    }
}

/// Documents are made of strings, numbers and maps with string keys, for which this cannot fail.
fn encode(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
