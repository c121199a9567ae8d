//! Publication of accounts, vehicles and commands.

mod controls;
mod legacy;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast;

use super::discovery_desk::DiscoveryDesk;
use super::fleet::Fleet;
use super::ledger::{Asker, CommandLedger, ResultPublished};
use crate::descriptor::OwnOperation;
use crate::events::VehicleEvent;
use crate::mqtt::Receipt;
use crate::services::Services;
use crate::vehicle::polling::{Fences, Plan};
use crate::vehicle::state::{Location, Published};
use crate::vehicle::{Capability, Memory, Missing, Vehicle};
use crate::wire::message::{Notice, Outgoing, RespondTo};
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;
use crate::wire::report::Report;

/// Publishes how accounts and vehicles are and how commands go. What is retained can be published again at
/// any time.
#[derive(Debug)]
pub(super) struct Announcer {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) ledger: Arc<CommandLedger>,
    /// Steps of all commands, for callers that follow theirs. One that is slow misses some: what must not be
    /// missed is the result, which comes by [`Self::respond`].
    pub(super) steps: broadcast::Sender<Report>,
    /// Desk that is told when a vehicle turns out to have more or less than was known.
    pub(super) discovery: Arc<DiscoveryDesk>,
}

impl Announcer {
    /// Publishes that the host runs, or that it does not run any more.
    pub(super) fn announce_bridge(&self, state: &str) {
        self.services.publisher.publish(Outgoing::new(self.services.topics.bridge_state(), state).retained());
    }

    /// Publishes everything about accounts and vehicles that a broker should have retained.
    pub(super) fn announce_fleet(&self) {
        let members = self.fleet.now();
        for account in members.accounts.values() {
            account.announce_budget();
            account.announce();
            account.announce_question();
        }
        self.announce_out();
        for vehicle in members.vehicles.values() {
            self.announce_presence(vehicle);
            // After a start, what an earlier host knew: the cloud may be away. Under the lock, so that what
            // is learned meanwhile is published after it.
            let mut memory = vehicle.memory();
            memory.controls.again();
            self.announce_controls(vehicle, &mut memory);
            if let Some(published) = memory.published() {
                self.announce_state(vehicle, &published);
            }
            if !vehicle.shows_location() {
                // An earlier host, or an earlier configuration, may have left one with the broker.
                self.clear_location(&vehicle.slug);
            } else if let Some(location) = memory.known.location() {
                self.announce_location(vehicle, location);
            }
            if let Some(report) = &memory.last_report {
                self.announce_last(vehicle, report);
            }
            let plan =
                if vehicle.configured.poll.is_some() { memory.plan.as_ref() } else { Some(&Plan::OFF) };
            if let Some(plan) = plan {
                self.announce_plan(vehicle, plan);
            }
            self.announce_fences(vehicle, memory.rhythm.fences());
        }
    }

    /// Publishes which accounts and vehicles are not served, because their connector could not begin.
    fn announce_out(&self) {
        let topics = &self.services.topics;
        let members = self.fleet.now();
        for (account, why) in &members.accounts_out {
            let document = json!({"state": Reason::ConnectorFault, "reason": why});
            self.publish_retained(topics.account_state(account), &document);
        }
        for (vehicle, out) in &members.vehicles_out {
            let problem = json!({"reason": Reason::ConnectorFault, "message": out.why});
            self.announce_available(vehicle, "offline", &problem);
            if !out.shows_location {
                self.clear_location(vehicle);
            }
            if !out.shows_location || !out.has_geofences {
                self.clear_fences(vehicle);
            }
        }
    }

    /// Publishes whether the account has a vehicle: if it does, what can be done with it, and if not, why.
    /// Publishes nothing of a vehicle of which neither is known. Called under the lock of its memory, like
    /// [`Self::announce_state`].
    pub(super) fn announce_presence(&self, vehicle: &Vehicle) {
        self.discovery.changed(&vehicle.slug);
        let memory = vehicle.memory();
        if let Some(missing) = &memory.missing {
            return self.announce_availability(vehicle, "offline", &problem_of(missing));
        }
        let Some(capabilities) = self.capabilities(vehicle, &memory) else { return };
        let topic = self.services.topics.vehicle(&vehicle.slug, "capabilities");
        if self.is_served(vehicle) {
            self.publish_retained(topic, &capabilities);
        }
        self.announce_availability(vehicle, "online", &serde_json::Value::Null);
    }

    /// Says what the vehicle has and the configuration allows; none before it is known what it has.
    pub(super) fn capabilities(&self, vehicle: &Vehicle, memory: &Memory) -> Option<serde_json::Value> {
        let operations = memory.operations()?;
        let capability = |name: OperationName| match vehicle.capability(memory, &operations, name) {
            Capability::Has => serde_json::Value::from(true),
            Capability::Lacks => false.into(),
            Capability::LearnedUnsupported => "learned_unsupported".into(),
        };
        let granted = &vehicle.account.granted.operations;
        let mut capabilities: serde_json::Map<_, _> =
            vehicle.commandable().map(|name| (name.as_str().to_owned(), capability(name))).collect();
        if !granted.is_empty() {
            let described = granted.iter().map(|(name, operation)| (name.clone(), own_operation(operation)));
            capabilities.insert("other".to_owned(), serde_json::Value::Object(described.collect()));
        }
        Some(serde_json::Value::Object(capabilities))
    }

    fn announce_availability(&self, vehicle: &Vehicle, availability: &str, problem: &serde_json::Value) {
        if self.is_served(vehicle) {
            self.announce_available(&vehicle.slug, availability, problem);
        }
    }

    fn announce_available(&self, vehicle: &str, availability: &str, problem: &serde_json::Value) {
        let topic = self.services.topics.vehicle(vehicle, "availability");
        self.services.publisher.publish(Outgoing::new(topic, availability).retained());
        self.publish_retained(self.services.topics.vehicle(vehicle, "problem"), problem);
    }

    /// The vehicle that is served in the place of one that a caller has begun with, under the configuration of
    /// now; none if the configuration does not have it any more, or may mean another car. What ends for one that
    /// has left must not come back to the broker, where nobody would clear it.
    fn served(&self, vehicle: &Vehicle) -> Option<Arc<Vehicle>> {
        self.fleet.vehicle(&vehicle.slug).filter(|now| now.is_same(vehicle))
    }

    fn is_served(&self, vehicle: &Vehicle) -> bool {
        self.served(vehicle).is_some()
    }

    /// Whether the position of a vehicle may be told now, whatever the configuration said that a caller has begun
    /// with.
    pub(super) fn shows_location(&self, vehicle: &Vehicle) -> bool {
        self.served(vehicle).is_some_and(|now| now.shows_location())
    }

    fn clear_location(&self, vehicle: &str) {
        self.clear_retained(&self.services.topics.vehicle(vehicle, "location"));
    }

    fn clear_fences(&self, vehicle: &str) {
        self.clear_retained(&self.services.topics.vehicle(vehicle, "geofence"));
    }

    /// Clears what the broker has of a vehicle whose place another one has taken, which may be another car.
    /// Subscribers are told first that it is offline.
    pub(super) fn succeed(&self, before: &Vehicle, vehicle: &Vehicle) {
        // Subscribers compare sequence numbers, so these go on.
        vehicle.memory().seq += before.end();
        let topics = &self.services.topics;
        let availability = topics.vehicle(&vehicle.slug, "availability");
        self.services.publisher.publish(Outgoing::new(availability, "offline").retained());
        for topic in topics.retained_of_vehicle(&vehicle.slug) {
            self.clear_retained(&topic);
        }
    }

    /// Forgets everything that was known: another car has this vehicle's place.
    pub(super) fn forget(&self, vehicle: &Vehicle) {
        vehicle.learn(|memory| {
            // Subscribers compare sequence numbers, so these go on.
            let controls = memory.controls.of_another_car();
            let (seq, is_over) = (memory.seq, memory.is_over);
            // By what is stored it is known that the rhythm of the other car is to be overwritten.
            let rhythm_stored = std::mem::take(&mut memory.rhythm_stored);
            *memory = Memory { seq, is_over, controls, rhythm_stored, ..Memory::default() };
            for what in ["state", "location", "action/last", "geofence"] {
                self.clear_retained(&self.services.topics.vehicle(&vehicle.slug, what));
            }
            self.announce_controls(vehicle, memory);
            self.forget_in_legacy(&vehicle.slug);
        });
    }

    /// Publishes the state of a vehicle. Called under the lock of the vehicle's memory, as are the
    /// publications of its location and of its last action: what is retained in the end must not be older
    /// than what is known.
    pub(super) fn announce_state(&self, vehicle: &Vehicle, published: &Published) {
        if self.is_served(vehicle) {
            self.publish_retained(self.services.topics.vehicle(&vehicle.slug, "state"), published);
            self.announce_state_in_legacy(&vehicle.slug, published);
        }
    }

    /// Publishes where a vehicle is, unless its owner has switched that off.
    pub(super) fn announce_location(&self, vehicle: &Vehicle, location: &Location) {
        if self.shows_location(vehicle) {
            self.publish_retained(self.services.topics.vehicle(&vehicle.slug, "location"), location);
            self.announce_location_in_legacy(&vehicle.slug, location);
        }
    }

    /// Publishes when a vehicle is read next by itself. Called under the lock of the vehicle's memory.
    pub(super) fn announce_plan(&self, vehicle: &Vehicle, plan: &Plan) {
        if self.is_served(vehicle) {
            self.publish_retained(self.services.topics.vehicle(&vehicle.slug, "polling"), plan);
        }
    }

    /// Publishes the geofences that a vehicle is in. If there are none to be in, or its owner has switched its position
    /// off, clears what the broker may have of an earlier configuration. Called under the lock of the vehicle's memory.
    pub(super) fn announce_fences(&self, vehicle: &Vehicle, fences: &Fences) {
        if !self.is_served(vehicle) {
            return;
        }
        match fences.inside().filter(|_| self.shows_location(vehicle)) {
            Some(inside) => {
                let topic = self.services.topics.vehicle(&vehicle.slug, "geofence");
                self.publish_retained(topic, &json!({"inside": inside}));
            }
            None => self.clear_fences(&vehicle.slug),
        }
    }

    /// Publishes an event of a vehicle. Called under the lock of the vehicle's memory.
    pub(super) fn announce_event(&self, vehicle: &Vehicle, event: &VehicleEvent) {
        if self.is_served(vehicle) {
            let topic = self.services.topics.vehicle(&vehicle.slug, "event");
            self.services.events.say_of_vehicle(topic, event);
        }
    }

    /// Publishes one step of a command: on its own topic, and as the vehicle's last action.
    pub(super) fn announce_report(&self, vehicle: &Vehicle, report: &Report) {
        self.announce_own(vehicle, report, None);
    }

    /// Publishes the report of a command that is not done. `hold` is released once the broker has the report.
    pub(super) fn announce_rejected(&self, vehicle: &str, report: &Report, hold: Option<Receipt>) {
        self.services.metrics.command_ended(&report.op, report.state, None);
        self.announce_noticed(vehicle, report, hold.map(Notice::from));
    }

    /// Publishes a final result. Until the broker has it, the next start publishes it again.
    pub(super) fn announce_result(&self, vehicle: &Vehicle, report: &Report) {
        self.count(report);
        let notice = ResultPublished::new(&self.ledger, &vehicle.slug, &report.id);
        self.announce_own(vehicle, report, Some(Notice::to(Arc::new(notice))));
    }

    /// Publishes the final result of a command that an earlier host has left, and that is not gone on with.
    pub(super) fn announce_result_left(&self, vehicle: &str, report: &Report) {
        self.count(report);
        let notice = ResultPublished::new(&self.ledger, vehicle, &report.id);
        self.announce_noticed(vehicle, report, Some(Notice::to(Arc::new(notice))));
    }

    /// Publishes the result of a command that an earlier host has left. It is not the last action if a later
    /// command is known: what the broker has kept of that is newer.
    pub(super) fn announce_result_again(&self, vehicle: &str, report: &Report) {
        let notice = ResultPublished::new(&self.ledger, vehicle, &report.id);
        self.publish_report(vehicle, report, Some(Notice::to(Arc::new(notice))));
        self.announce_report_in_legacy(vehicle, report);
        if self.ledger.is_latest(vehicle, report) {
            self.become_last(vehicle, report);
        }
    }

    /// Counts the one final state of a command that was accepted.
    fn count(&self, report: &Report) {
        let took = report.finished_at.map(|at| at.duration_since(report.requested_at));
        let took = took.and_then(|took| took.try_into().ok());
        self.services.metrics.command_ended(&report.op, report.state, took);
    }

    /// Publishes the report of a command that has begun. It is not the last action of another car that has the
    /// vehicle's place by now.
    fn announce_own(&self, vehicle: &Vehicle, report: &Report, notice: Option<Notice>) {
        if self.is_served(vehicle) {
            return self.announce_noticed(&vehicle.slug, report, notice);
        }
        self.publish_report(&vehicle.slug, report, notice);
        self.announce_report_in_legacy(&vehicle.slug, report);
    }

    fn announce_noticed(&self, vehicle: &str, report: &Report, notice: Option<Notice>) {
        self.publish_report(vehicle, report, notice);
        self.announce_report_in_legacy(vehicle, report);
        self.become_last(vehicle, report);
    }

    /// Publishes a report on the command's own topic.
    fn publish_report(&self, vehicle: &str, report: &Report, notice: Option<Notice>) {
        if self.steps.receiver_count() > 0 {
            // Without receivers by now it is nobody's loss.
            drop(self.steps.send(report.clone()));
        }
        let own = self.services.topics.vehicle(vehicle, &format!("action/{}", report.id));
        let expendable = !report.state.is_final();
        self.services.publisher.publish(Outgoing {
            expendable,
            notice,
            ..Outgoing::new(own, encode(report))
        });
    }

    fn become_last(&self, vehicle: &str, report: &Report) {
        // If a command's record was damaged, whether it was the last one, and what it asked for, is unknown.
        if let Some(vehicle) = self.fleet.vehicle(vehicle).filter(|_| !report.is_lost()) {
            let mut memory = vehicle.memory();
            memory.last_report = Some(report.clone());
            self.announce_last(&vehicle, report);
        }
    }

    fn announce_last(&self, vehicle: &Vehicle, report: &Report) {
        self.publish_retained(self.services.topics.vehicle(&vehicle.slug, "action/last"), report);
        self.announce_error_in_legacy(&vehicle.slug, report);
    }

    /// Publishes the result of an earlier command again, for a caller that has asked for it. It is not the
    /// last action. `hold` is released once the broker has it.
    pub(super) fn repeat_report(
        &self,
        vehicle: &str,
        report: &Report,
        askers: &[Asker],
        hold: Option<Receipt>,
    ) {
        self.publish_report(vehicle, report, hold.map(Notice::from));
        self.respond(report, askers);
    }

    /// Sends the final report to the callers that asked for an answer: a request has one response.
    pub(super) fn respond(&self, report: &Report, askers: &[Asker]) {
        for asker in askers {
            match asker {
                Asker::Topic(RespondTo { topic, correlation }) => {
                    let answer = Outgoing::new(topic.clone(), encode(report)).foreign();
                    self.services.publisher.publish(Outgoing { correlation: correlation.clone(), ..answer });
                }
                // The channel has room for the one report that there is. A caller that does not wait any more
                // is no loss.
                Asker::Program(program) => drop(program.try_send(report.clone())),
            }
        }
    }

    pub(super) fn clear_retained(&self, topic: &str) {
        self.services.publisher.publish(Outgoing::new(topic, Vec::new()).retained());
    }

    pub(super) fn publish_retained(&self, topic: String, document: &impl serde::Serialize) {
        self.services.publisher.publish(Outgoing::new(topic, encode(document)).retained());
    }
}

/// Says why a vehicle is offline that its account does not have.
pub(super) fn problem_of(Missing { message, since }: &Missing) -> serde_json::Value {
    json!({"reason": Reason::UnknownVehicle, "message": message, "since": since})
}

/// Describes a connector's own operation to whoever wants to command it.
fn own_operation(operation: &OwnOperation) -> serde_json::Value {
    let OwnOperation { description, effect, arguments } = operation;
    json!({"description": description, "effect": effect.as_str(), "arguments": arguments.schema()})
}

/// Encodes a document. Documents are made of strings, numbers and maps with string keys, for which this
/// cannot fail.
fn encode(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
