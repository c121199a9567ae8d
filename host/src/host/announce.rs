//! What the host says without being asked: what it is, how accounts and vehicles are.

use crate::vehicle::Missing;
use crate::wire::message::RespondTo;
use std::sync::Arc;

use serde_json::json;

use super::Host;
use crate::deployment;
use crate::digest::Digest;
use crate::host::ledger::ResultPublished;
use crate::mqtt::Receipt;
use crate::plugin::POLICY_SLOT;
use crate::plugin::{Pluggable, PluginKind};
use crate::vehicle::state::{Location, Published};
use crate::vehicle::{self, Memory, Vehicle};
use crate::wire::message::Notice;
use crate::wire::message::Outgoing;
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;
use crate::wire::report::{PolicyUsed, Report};

impl Host {
    /// Says everything again that a broker should have retained. After it, say [`Host::online`].
    pub fn announce(&self, protocol: &str) {
        self.leftovers.clear(self.ground.publisher.as_ref());
        self.announce_info(protocol);
        self.announce_policy();
        self.announce_connectors();
        for account in self.accounts.values() {
            account.announce();
        }
        for vehicle in self.vehicles.values() {
            self.announce_presence(vehicle);
            // After a start, what an earlier host knew: the cloud may be away. Under the lock, so that what is learned
            // meanwhile is said after it.
            let memory = vehicle.memory();
            if let Some(published) = memory.published() {
                self.announce_state(vehicle, &published);
            }
            if let Some(location) = memory.known.location() {
                self.announce_location(vehicle, location);
            }
            if let Some(report) = &memory.last_report {
                self.announce_last(vehicle, report);
            }
        }
    }

    /// Says that the host runs.
    pub fn online(&self) {
        self.ground.publisher.publish(Outgoing::new(self.topics.bridge_state(), "online").retained());
    }

    /// Says that the host does not run any more.
    pub fn offline(&self) {
        self.ground.publisher.publish(Outgoing::new(self.topics.bridge_state(), "offline").retained());
    }

    fn announce_info(&self, protocol: &str) {
        let plugins: Vec<_> = self
            .connectors
            .values()
            .map(|connector| {
                let connected = connector.active();
                let generation = connected.generation();
                json!({"kind": "connector", "name": generation.name, "version": generation.version,
                       "digest": generation.digest})
            })
            .collect();
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.started_at,
            "mqtt": {"protocol": protocol},
            "plugins": plugins,
        });
        self.publish_retained(self.topics.bridge_info(), &info);
    }

    /// Says which policy runs, and how it does.
    pub(super) fn announce_policy(&self) {
        let document = self.plugin_document(self.policy.as_ref());
        self.publish_retained(self.topics.bridge_policy(POLICY_SLOT), &document);
    }

    /// The same of every connector.
    pub(super) fn announce_connectors(&self) {
        for (name, connector) in &self.connectors {
            let document = self.plugin_document(connector.as_ref());
            self.publish_retained(self.topics.bridge_connector(name), &document);
        }
    }

    /// As Home Assistant's update entities want it, and more.
    fn plugin_document<S: Pluggable>(&self, slot: &S) -> serde_json::Value {
        let slot = slot.slot();
        let (active, is_first) = (slot.active(), slot.previous().is_empty());
        let trying = match S::KIND {
            PluginKind::Policy => self.deployments.rollout(),
            PluginKind::Connector => None,
        };
        let installed = told_apart(&active.version, active.digest);
        let latest = trying.as_ref().map_or_else(
            || installed.clone(),
            |rollout| told_apart(&rollout.candidate.version, rollout.candidate.digest),
        );
        json!({
            "installed_version": installed,
            "latest_version": latest,
            "in_progress": false,
            "name": active.name,
            "digest": active.digest,
            "generation": active.number,
            "since": active.loaded_at,
            "by": active.by,
            "state": deployment::state(active.as_ref(), is_first, slot.was_rolled_back()),
            "faults": active.health.faults(),
            "rollout": trying,
        })
    }

    /// Says whether the account has a vehicle: if it does, what can be done with it, and if not, why. Nothing of one of which
    /// neither is known. Under the lock of its memory, as what is known of it.
    pub(super) fn announce_presence(&self, vehicle: &Vehicle) {
        let memory = vehicle.memory();
        if let Some(Missing { message, since }) = &memory.missing {
            let problem = json!({"reason": Reason::UnknownVehicle, "message": message, "since": since});
            return self.announce_availability(vehicle, "offline", &problem);
        }
        let Some(operations) = memory.operations() else { return };
        let capability = |name: OperationName| {
            let secrets = &vehicle.account.context.secrets;
            let listed = vehicle::listed(&operations, name)
                .is_some_and(|needs| needs.is_none_or(|secret| secrets.contains_key(secret)));
            match memory.unsupported.contains(&name) {
                true => "learned_unsupported".into(),
                false => (listed && vehicle.allows(name)).into(),
            }
        };
        let capabilities: serde_json::Map<_, _> = OperationName::COMMANDABLE
            .into_iter()
            .map(|name| (name.as_str().to_owned(), capability(name)))
            .collect();
        let topic = self.topics.vehicle(&vehicle.slug, "capabilities");
        self.publish_retained(topic, &serde_json::Value::Object(capabilities));
        self.announce_availability(vehicle, "online", &serde_json::Value::Null);
    }

    fn announce_availability(&self, vehicle: &Vehicle, availability: &str, problem: &serde_json::Value) {
        let topic = self.topics.vehicle(&vehicle.slug, "availability");
        self.ground.publisher.publish(Outgoing::new(topic, availability).retained());
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "problem"), problem);
    }

    /// Another car has this vehicle's place: nothing of what was known is about it.
    pub(super) fn forget(&self, vehicle: &Vehicle) {
        vehicle.learn(|memory| {
            // Subscribers compare numbers, so these go on.
            *memory = Memory { seq: memory.seq, ..Memory::default() };
            for what in ["state", "location", "action/last"] {
                self.clear_retained(&self.topics.vehicle(&vehicle.slug, what));
            }
        });
    }

    /// This and the two that say where it is and what was done last are called under the lock of the vehicle's memory: what
    /// is retained in the end must not be older than what is known.
    pub(super) fn announce_state(&self, vehicle: &Vehicle, published: &Published) {
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "state"), published);
    }

    pub(super) fn announce_location(&self, vehicle: &Vehicle, location: &Location) {
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "location"), location);
    }

    /// Publishes one step of a command: on its own topic, and as the vehicle's last action.
    pub(super) fn announce_report(&self, vehicle: &str, report: &Report) {
        self.announce_noticed(vehicle, report, None);
    }

    /// The same of a command that is not done. `hold` is let go of once the broker has the report.
    pub(super) fn announce_rejected(&self, vehicle: &str, report: &Report, hold: Option<Receipt>) {
        self.announce_noticed(vehicle, report, hold.map(Notice::from));
    }

    /// The same of a final result. Until the broker has it, it is said again by the next start.
    pub(super) fn announce_result(&self, vehicle: &str, report: &Report) {
        let notice = ResultPublished::new(&self.ledger, vehicle, &report.id);
        self.announce_noticed(vehicle, report, Some(Notice::to(Arc::new(notice))));
    }

    /// The same of one that an earlier host has left. It is not the last action if a later command is known: what the broker
    /// has kept of that is newer.
    pub(super) fn announce_result_again(&self, vehicle: &str, report: &Report) {
        let notice = ResultPublished::new(&self.ledger, vehicle, &report.id);
        self.publish_report(vehicle, report, Some(Notice::to(Arc::new(notice))));
        if self.ledger.is_latest(vehicle, report) {
            self.become_last(vehicle, report);
        }
    }

    fn announce_noticed(&self, vehicle: &str, report: &Report, notice: Option<Notice>) {
        self.publish_report(vehicle, report, notice);
        self.become_last(vehicle, report);
    }

    /// On the command's own topic.
    fn publish_report(&self, vehicle: &str, report: &Report, notice: Option<Notice>) {
        let own = self.topics.vehicle(vehicle, &format!("action/{}", report.id));
        let expendable = !report.state.is_final();
        self.ground.publisher.publish(Outgoing { expendable, notice, ..Outgoing::new(own, encode(report)) });
    }

    fn become_last(&self, vehicle: &str, report: &Report) {
        // Of a command whose record was damaged nobody knows whether it was the last one, or what it was.
        if let Some(vehicle) = self.vehicles.get(vehicle).filter(|_| !report.is_lost()) {
            let mut memory = vehicle.memory();
            memory.last_report = Some(report.clone());
            self.announce_last(vehicle, report);
        }
    }

    fn announce_last(&self, vehicle: &Vehicle, report: &Report) {
        self.publish_retained(self.topics.vehicle(&vehicle.slug, "action/last"), report);
    }

    /// Publishes the result of an earlier command again, for whoever has asked for it. It is not the last action.
    /// `hold` is let go of once the broker has it.
    pub(super) fn repeat_report(
        &self,
        vehicle: &str,
        report: &Report,
        respond_to: &[RespondTo],
        hold: Option<Receipt>,
    ) {
        self.publish_report(vehicle, report, hold.map(Notice::from));
        self.respond(report, respond_to);
    }

    /// Answers those who asked for an answer, with the final report: a request has one response.
    pub(super) fn respond(&self, report: &Report, respond_to: &[RespondTo]) {
        for RespondTo { topic, correlation } in respond_to {
            let answer = Outgoing::new(topic.clone(), encode(report)).foreign();
            self.ground.publisher.publish(Outgoing { correlation: correlation.clone(), ..answer });
        }
    }

    pub(super) fn clear_retained(&self, topic: &str) {
        self.ground.publisher.publish(Outgoing::new(topic, Vec::new()).retained());
    }

    fn publish_retained(&self, topic: String, document: &impl serde::Serialize) {
        self.ground.publisher.publish(Outgoing::new(topic, encode(document)).retained());
    }

    /// The policy that an operation beginning now would use.
    #[must_use]
    pub fn policy_used(&self) -> PolicyUsed {
        (&self.policy.active()).into()
    }
}

/// A version that tells two builds of it apart. Not as a version number with a suffix: Home Assistant compares those without
/// it, and would show no candidate that differs by digest only.
fn told_apart(version: &str, digest: Digest) -> String {
    let digest = digest.to_string();
    format!("{version} ({})", digest.get(..TELLING).unwrap_or(&digest))
}

/// So many digits of a digest tell two components apart.
const TELLING: usize = 12;

/// Documents are made of strings, numbers and maps with string keys, for which this cannot fail.
fn encode(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
