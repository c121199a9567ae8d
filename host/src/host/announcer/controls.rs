//! Publication of what the controls of a vehicle show, in the course of its commands.

use super::Announcer;
use crate::vehicle::controls::Effect;
use crate::vehicle::{Memory, Vehicle};
use crate::wire::operation::OperationName;
use crate::wire::outcome::State;

impl Announcer {
    /// Publishes what the controls of a vehicle show, if that has changed. Called under the lock of its
    /// memory, like [`Self::announce_state`].
    pub(in crate::host) fn announce_controls(&self, vehicle: &Vehicle, memory: &mut Memory) {
        let is_served = self.is_served(vehicle);
        for shown in
            memory.controls.news(&memory.known, &vehicle.account.takes).into_iter().filter(|_| is_served)
        {
            self.publish_retained(self.services.topics.vehicle(&vehicle.slug, "controls"), &shown);
        }
    }

    /// Shows that a command was accepted.
    pub(in crate::host) fn control_accepted(
        &self,
        vehicle: &Vehicle,
        id: &str,
        name: OperationName,
        effects: Vec<Effect>,
    ) {
        vehicle.learn(|memory| {
            memory.controls.accepted(id, name, effects);
            self.announce_controls(vehicle, memory);
        });
    }

    /// Records that a command has reached this final state. Written down before its result is, so that it is
    /// not taken for known after a crash.
    pub(in crate::host) fn control_ended(&self, vehicle: &Vehicle, id: &str, state: State) {
        vehicle.learn(|memory| {
            memory.controls.ended(id, state, &memory.known);
            // What has succeeded shows in the read that follows: until then it moves.
            if state != State::Succeeded {
                memory.controls.over(id);
            }
            self.announce_controls(vehicle, memory);
        });
    }

    /// Shows that a command is over, also as far as the read is concerned that follows it.
    pub(in crate::host) fn control_over(&self, vehicle: &Vehicle, id: &str) {
        vehicle.learn(|memory| {
            memory.controls.over(id);
            self.announce_controls(vehicle, memory);
        });
    }
}
