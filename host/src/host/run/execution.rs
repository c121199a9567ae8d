//! Execution of a command, and the record of how it ended.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::CommandRun;
use crate::bindings::connector::{Command, ReadMode};
use crate::command::Action;
use crate::host::vehicle_desk::tell_moved;
use crate::operation::step::StepError;
use crate::operation::supersession::Supersession;
use crate::operation::{Ended, Operation};
use crate::protect::waking::Leave;
use crate::vehicle::state::{Source, Taken, Unreadable};
use crate::vehicle::{Found, Waking};
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

/// Message of a forced read of a vehicle that says nothing of its 12 V battery.
const UNGUARDED: &str = "the vehicle was woken up although nothing is known of its 12 V battery, which therefore was not looked at";

impl CommandRun {
    /// Does the command, and writes down how it ended.
    pub(in crate::host) async fn execute(
        &self,
        action: Action,
        superseded: Supersession,
        since: Instant,
        report: &mut Report,
    ) {
        let vehicle = &self.vehicle;
        let command = match self.command(&action).await {
            Ok(command) => command,
            Err(message) => return report.end(State::Rejected, Reason::BadPayload, message),
        };
        if let (Action::CheckActionStatus(asked), Command::CheckActionStatus(action_id)) = (&action, &command)
        {
            report.about = Some(asked.clone().unwrap_or_else(|| action_id.clone()));
        }
        let name = self.name;
        let operation = self.operation().since(since).superseded_by(superseded);
        self.done_by(&operation, report);
        let found = match self.desk.vehicles.find(vehicle, &operation).await {
            Ok(found) => found,
            Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) => {
                let state = if failed.rejected { State::Rejected } else { State::Failed };
                return report.end(state, failed.reason, failed.words);
            }
        };
        // The host learned only now what the vehicle has.
        if vehicle.lacks(name) {
            let message = format!("this vehicle does not have {name}");
            return report.end(State::Rejected, Reason::Unsupported, message);
        }
        let (command, waking) = match self.within_bounds(command, name).await {
            Ok(admitted) => admitted,
            Err((reason, message)) => return report.end(State::Rejected, reason, message),
        };
        if let Some(known) = vehicle.memory().known.vehicle_time() {
            let _first = self.before.set(known);
        }
        let forced = matches!(command, Command::Read(ReadMode::Forced));
        let allowance = &self.progress.allowance;
        let arrived_before = allowance.perhaps_arrived();
        let end = self.send(&operation, found, command).await;
        if let Some(waking) = &waking
            && allowance.perhaps_arrived() == arrived_before
        {
            // Nothing got as far as the cloud.
            vehicle.was_not_woken(waking, self.desk.services.clock.now()).await;
        }
        if forced && self.sent_at.get().is_some() && allowance.perhaps_arrived() > arrived_before {
            self.note_unanswered(&end);
        }
        self.conclude(name, forced, end, report);
        if waking.is_some_and(|waking| waking.leave == Leave::Unknown) && report.message.is_none() {
            report.message = Some(UNGUARDED.to_owned());
        }
    }

    /// Counts a forced read. One that may not be becomes a cached read if the caller left that open.
    async fn within_bounds(
        &self,
        command: Command,
        name: OperationName,
    ) -> Result<(Command, Option<Waking>), (Reason, String)> {
        if !matches!(command, Command::Read(ReadMode::Forced)) {
            return Ok((command, None));
        }
        match self.vehicle.wake(self.desk.services.clock.now()).await {
            Ok(waking) => Ok((command, Some(waking))),
            Err((_, message)) if name == OperationName::RefreshSmart => {
                tracing::warn!(vehicle = self.vehicle.slug, "read from the cloud instead: {message}");
                Ok((Command::Read(ReadMode::Cached), None))
            }
            Err(why) => Err(why),
        }
    }

    /// Sends the command to the vehicle where it was found; a read also to where it has moved meanwhile.
    async fn send(&self, operation: &Operation, found: Found, command: Command) -> Ended {
        let (vehicle, vehicles) = (&self.vehicle, &self.desk.vehicles);
        self.is_about(&found);
        let mut end = operation.run(found.vehicle.clone(), command.clone(), self).await;
        if let Some(moved) = vehicles.moved(vehicle, &found.vehicle, operation, &end).await {
            if operation.name.is_read() {
                self.is_about(&moved);
                end = operation.run(moved.vehicle, command, self).await;
            } else {
                // The host does not send twice what moves something.
                tell_moved(&mut end);
            }
        }
        end
    }

    /// Marks what is known as stale if a vehicle that was asked has not answered.
    pub(in crate::host) fn note_unanswered(&self, end: &Ended) {
        if matches!(end, Ended::Failed { .. }) {
            self.desk.vehicles.publish_stale(&self.vehicle, self.car().as_deref());
        }
    }

    /// Writes down how a command ended, and takes in what it has found out.
    pub(in crate::host) fn conclude(
        &self,
        name: OperationName,
        forced: bool,
        end: Ended,
        report: &mut Report,
    ) {
        let vehicle = &self.vehicle;
        let source = if forced { Source::Vehicle } else { Source::Cached };
        vehicle.account.announce();
        match end {
            Ended::Succeeded { state } => {
                report.state = State::Succeeded;
                match state {
                    Some(state) => self.conclude_read(&state, source, report),
                    None if name.reads_state() => {
                        vehicle.learn_of(self.car().as_deref(), |memory| memory.was_read = true);
                        let message = "the connector has answered no state, so nothing is published";
                        report.end(State::Succeeded, Reason::NothingNew, message.to_owned());
                    }
                    None => {}
                }
            }
            Ended::Seen { state } => {
                report.state = State::Succeeded;
                self.show(&state);
            }
            Ended::Failed { state, reason, words } => {
                // What the connector refuses by itself may be about an option; the vendor's no is about the
                // vehicle, if the question was.
                if reason == Reason::Unsupported && state == State::Failed && name.reaches_vehicle() {
                    self.desk.vehicles.learn_unsupported(vehicle, self.car().as_deref(), name);
                }
                report.end(state, reason, words);
            }
        }
        if let Some(action_id) = self.progress.action_id().filter(|_| name.reaches_vehicle()) {
            // Another car's action cannot be asked about.
            vehicle.learn_of(self.car().as_deref(), |memory| memory.last_action = Some(action_id));
        }
    }

    /// Publishes the state in which a command was seen to be done. What becomes of that says nothing of the command;
    /// unless it was taken in, the read that follows makes up for it.
    fn show(&self, state: &serde_json::Value) {
        let (vehicles, car) = (&self.desk.vehicles, self.car());
        match vehicles.publish_state(&self.vehicle, car.as_deref(), state, Source::Cached, self.before()) {
            Ok(Taken::Anew) => self.shown.store(true, Ordering::Relaxed),
            Ok(Taken::Unanswered | Taken::Older(_)) => {}
            Err(why) => tracing::warn!(vehicle = self.vehicle.slug, "what was seen is not published: {why}"),
        }
    }

    /// Publishes what a read has found, and says in its report if there was nothing to publish.
    fn conclude_read(&self, state: &serde_json::Value, source: Source, report: &mut Report) {
        let vehicle = &self.vehicle;
        let car = self.car();
        match self.desk.vehicles.publish_state(vehicle, car.as_deref(), state, source, self.before()) {
            Ok(Taken::Anew) => {}
            Ok(Taken::Unanswered) => {
                let message = "the vehicle was asked and has said nothing newer than what is known";
                report.end(State::Succeeded, Reason::NothingNew, message.to_owned());
            }
            Ok(Taken::Older(known)) => {
                let message =
                    format!("what the cloud has is older than what is known, which is of {known:.0}");
                report.end(State::Succeeded, Reason::NothingNew, message);
            }
            Err(why) => {
                if source == Source::Vehicle {
                    self.desk.vehicles.publish_stale(vehicle, car.as_deref());
                }
                let message = match why {
                    Unreadable::AnotherCar => why.to_string(),
                    _ => format!("{why}; what is known stays"),
                };
                report.end(State::Failed, why.reason(), message);
            }
        }
    }

    /// The command as the connector is told it.
    async fn command(&self, action: &Action) -> Result<Command, String> {
        let vehicle = &self.vehicle;
        Ok(match action {
            Action::RefreshCached => Command::Read(ReadMode::Cached),
            Action::RefreshSmart(max_age) => Command::Read(self.desk.vehicles.smart(vehicle, *max_age)),
            Action::RefreshForce => Command::Read(ReadMode::Forced),
            Action::CheckActionStatus(None) => {
                let last = vehicle.memory().last_action.clone();
                let last = match last {
                    Some(last) => Some(last),
                    // It may be of a time before the host was started.
                    None => self.desk.ledger.last_action(&vehicle.slug).await.ok().flatten(),
                };
                Command::CheckActionStatus(
                    last.ok_or("no command that is remembered has reached this vehicle")?,
                )
            }
            // An identifier of ours stands for the action that it became; anything else is the vendor's.
            Action::CheckActionStatus(Some(id)) => {
                let ours = self.desk.ledger.result(&vehicle.slug, id).await.ok().flatten();
                Command::CheckActionStatus(match ours {
                    Some(report) => report.upstream_action_id.ok_or_else(|| {
                        format!(
                            "the cloud never said which action {id} became, so it cannot be asked about it"
                        )
                    })?,
                    None => id.clone(),
                })
            }
            Action::StartClimate(climate) => {
                let preferred = vehicle.memory().controls.preferences;
                Command::StartClimate(preferred.complete(climate.clone(), &vehicle.account.takes))
            }
            moving => moving.to_command().ok_or("there is no such command")?,
        })
    }
}
