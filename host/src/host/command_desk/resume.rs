//! Commands that the host before this one has left without a result.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::CommandDesk;
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::command::{self, Action};
use crate::host::ledger::{Interrupted, Pending};
use crate::host::run::CommandRun;
use crate::vehicle::controls::{effects, touched};
use crate::vehicle::{Turn, Vehicle};
use crate::wire::operation::{self, OperationName};
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

/// Gives every interrupted command its one result. What the cloud had taken is asked about; nothing is sent
/// again.
pub(in crate::host) async fn resume(desk: &Arc<CommandDesk>, interrupted: Vec<Interrupted>) {
    for Interrupted { vehicle: slug, report, pending } in interrupted {
        let resumable = desk.fleet.vehicle(&slug).zip(pending.and_then(understood));
        let named = resumable.and_then(|(vehicle, (pending, action))| {
            let name = action.name(|own| vehicle.own_operation(own))?;
            Some((vehicle, pending, name, action))
        });
        match named {
            Some((vehicle, pending, name, action)) => {
                resume_one(desk, &vehicle, report, pending, (name, action));
            }
            None => give_up(desk, &slug, report).await,
        }
    }
}

/// Ends a command that cannot be asked about.
async fn give_up(desk: &CommandDesk, slug: &str, mut report: Report) {
    let (state, message) = match report.state {
        State::Accepted => (State::Failed, "the host ended before the command was sent"),
        _ => (State::Unknown, "the host ended before the command did; it may have been done"),
    };
    report.end(state, Reason::HostStopping, message.to_owned());
    report.retryable = state == State::Failed;
    if let Some(vehicle) = desk.fleet.vehicle(slug)
        && let Some(name) = OperationName::named(&report.op)
    {
        desk.announcer.control_accepted(&vehicle, &report.id, name, touched(name));
        desk.announcer.control_ended(&vehicle, &report.id, state);
    }
    report.finished_at = Some(desk.services.clock.now());
    let (_nobody_waits, stored) = desk.ledger.finish(slug, &report).await;
    if let Err(error) = stored {
        tracing::error!(operation = report.id, "the result is not remembered: {error}");
    }
    desk.announcer.announce_result_left(slug, &report);
}

fn resume_one(
    desk: &Arc<CommandDesk>,
    vehicle: &Arc<Vehicle>,
    report: Report,
    pending: Pending,
    (name, action): (OperationName, Action),
) {
    let (command, forced) = match action.to_command() {
        Some(command) => (command, false),
        // Of the reads only one that wakes the vehicle is written down as pending.
        None => (Command::Read(ReadMode::Forced), true),
    };
    tracing::info!(operation = report.id, op = report.op, vehicle = vehicle.slug, "asking what became of it");
    // It was first, so it comes before what arrives now.
    let turn = vehicle.queue.enqueue(name);
    let open = desk.shutdown.hold();
    desk.announcer.control_accepted(vehicle, &report.id, name, effects(&command));
    let run = CommandRun::new(desk, vehicle, &report, name, pending.request.clone()).resumed(&pending);
    let deadline = Instant::now() + pending.left(name, desk.services.clock.now());
    let (desk, vehicle) = (Arc::clone(desk), Arc::clone(vehicle));
    let span = operation::span(&report.id);
    let course = async move {
        let _open = open;
        let work = async |report: &mut Report, place: &mut Option<Turn>| {
            *place = match turn {
                Some(turn) => turn.await,
                None => None,
            };
            let operation = run.operation().until(deadline);
            run.done_by(&operation, report);
            run.is_sent();
            // Clouds that want its identification number in requests do not get it from what was written down.
            if !vehicle.account.listing.was_read() {
                let _found_or_not = desk.vehicles.find(&vehicle, &operation).await;
            }
            let reference = VehicleRef { id: pending.vehicle_id, traits: pending.traits };
            let end = operation.resume(reference, command, pending.continuation, &run).await;
            if forced {
                run.note_unanswered(&end);
            }
            run.conclude(name, forced, end, report);
        };
        desk.see_through(&run, name, report, work).await;
    };
    tokio::spawn(course.instrument(span));
}

/// Parses the command again, from what was written down of it. None if this version does not understand it
/// any more.
fn understood(pending: Pending) -> Option<(Pending, Action)> {
    let (operation, payload) = &pending.request;
    let action = command::parse(operation, payload.as_bytes()).ok()?.action;
    Some((pending, action))
}
