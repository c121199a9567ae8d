//! Commands that the host before this one has left without a result.

use std::sync::Arc;

use tokio::time::Instant;

use super::Host;
use super::run::CommandRun;
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::command::{self, Action};
use crate::host::ledger::{Interrupted, Pending};
use crate::operation::Operation;
use crate::vehicle::{Turn, Vehicle};
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

impl Host {
    /// Gives every interrupted command its one result. What the cloud had taken is asked about; nothing is sent again.
    pub(super) async fn resume(self: &Arc<Self>, interrupted: Vec<Interrupted>) {
        for Interrupted { vehicle: slug, report, pending } in interrupted {
            let resumable = self.vehicles.get(&slug).zip(pending.and_then(understood));
            match resumable {
                Some((vehicle, (pending, action))) => self.resume_one(vehicle, report, pending, action),
                None => self.give_up(&slug, report).await,
            }
        }
    }

    /// Nobody can be asked about it.
    async fn give_up(&self, slug: &str, mut report: Report) {
        let (state, message) = match report.state {
            State::Accepted => (State::Failed, "the host ended before the command was sent"),
            _ => (State::Unknown, "the host ended before the command did; it may have been done"),
        };
        report.end(state, Reason::HostStopping, message.to_owned());
        report.retryable = state == State::Failed;
        report.finished_at = Some(self.ground.clock.now());
        let (_nobody_waits, stored) = self.ledger.finish(slug, &report).await;
        if let Err(error) = stored {
            tracing::error!(operation = report.id, "the result is not remembered: {error}");
        }
        self.announce_result(slug, &report);
    }

    /// Says the results again of which nobody knows whether the broker has them.
    pub(super) fn say_again(&self, unpublished: &[(String, Report)]) {
        for (vehicle, report) in unpublished {
            self.announce_result_again(vehicle, report);
        }
    }

    fn resume_one(
        self: &Arc<Self>,
        vehicle: &Arc<Vehicle>,
        report: Report,
        pending: Pending,
        action: Action,
    ) {
        let name = action.name();
        let (command, forced) = match action.to_command() {
            Some(command) => (command, false),
            // Of the reads only one that wakes the vehicle is written down as pending.
            None => (Command::Read(ReadMode::Forced), true),
        };
        tracing::info!(
            operation = report.id,
            op = report.op,
            vehicle = vehicle.slug,
            "asking what became of it"
        );
        // It was first, so it comes before what arrives now.
        let turn = vehicle.enqueue(name);
        let open = self.under_way.token();
        let commanded =
            CommandRun::new(self, vehicle, &report, pending.request.clone()).resumed(&pending, name);
        let deadline = Instant::now() + pending.left(name, self.ground.clock.now());
        let host = Arc::clone(self);
        tokio::spawn(async move {
            let _open = open;
            let work = async |report: &mut Report, place: &mut Option<Turn>| {
                *place = match turn {
                    Some(turn) => turn.await,
                    None => None,
                };
                let operation = host.resumed(&commanded, name, report).until(deadline);
                commanded.done_by(&operation, report);
                let reference = VehicleRef { id: pending.vehicle_id, traits: pending.traits };
                let end = operation.resume(reference, command, pending.continuation, &commanded).await;
                if forced {
                    host.note_unanswered(&commanded, &end);
                }
                host.conclude(&commanded, name, forced, end, report);
            };
            host.see_through(&commanded, name, report, work).await;
        });
    }

    fn resumed(&self, commanded: &CommandRun, name: OperationName, report: &Report) -> Operation {
        let vehicle = &commanded.vehicle;
        Operation::new(report.id.clone(), name, Arc::clone(&vehicle.account), Some(vehicle.slug.clone()))
            .reporting(Arc::clone(&commanded.progress))
    }
}

/// The command again, from what was written down of it. None if this version understands it no more.
fn understood(pending: Pending) -> Option<(Pending, Action)> {
    let (operation, payload) = &pending.request;
    let action = command::parse(operation, payload.as_bytes()).ok()?.action;
    Some((pending, action))
}
