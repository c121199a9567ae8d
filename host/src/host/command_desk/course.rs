//! The course of a command from its turn to its one final result.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Accepted, CommandDesk, preferred};
use crate::host::run::CommandRun;
use crate::vehicle::Turn;
use crate::vehicle::controls::effects;
use crate::wire::operation::{self, OperationName};
use crate::wire::outcome::{Reason, State};
use crate::wire::report::Report;

impl CommandDesk {
    /// Runs a command when its turn comes.
    pub(super) fn begin(self: &Arc<Self>, accepted: Accepted) {
        let Accepted { vehicle, name, action, request, report, turn, open } = accepted;
        let since = Instant::now();
        // Only a command that has its place can take that of an older one.
        let superseded = vehicle.queue.newest(name);
        self.announcer.announce_report(&vehicle, &report);
        let effects = action.to_command().as_ref().map(effects).unwrap_or_default();
        self.announcer.control_accepted(&vehicle, &report.id, name, effects);
        let preferred = self.prefer(&vehicle, &action);
        let run = CommandRun::new(self, &vehicle, &report, name, request);
        let desk = Arc::clone(self);
        let span = operation::span(&report.id);
        let course = async move {
            let _open = open;
            let work = async |report: &mut Report, place: &mut Option<Turn>| {
                // Held until the result is out, so that the results of a vehicle come in order.
                let Ok(turn) = tokio::time::timeout_at(since + name.deadline(), turn).await else {
                    let seconds = name.deadline().as_secs();
                    let message = format!("its turn did not come within the {seconds} s that it may take");
                    return report.end(State::Rejected, Reason::Busy, message);
                };
                *place = turn;
                if desk.shutdown.stopping().is_cancelled() {
                    // The command before it has just ended because of that. Nothing new is sent any more.
                    return host_stopped(report);
                }
                match preferred {
                    Some(storing) => preferred::conclude(storing, report).await,
                    None => run.execute(action, superseded, since, report).await,
                }
            };
            desk.see_through(&run, name, report, work).await;
        };
        tokio::spawn(course.instrument(span));
    }

    /// Runs a command to its end, unless the host stops, and gives out its result.
    pub(super) async fn see_through(
        self: &Arc<Self>,
        run: &CommandRun,
        name: OperationName,
        mut report: Report,
        work: impl AsyncFnOnce(&mut Report, &mut Option<Turn>),
    ) {
        // Until the read that follows it has ended too.
        let _under_way = run.vehicle.queue.begin();
        let mut place = None;
        // The report is this task's own and is given out once, at its end, whichever way that comes.
        let stopped = tokio::select! {
            biased;
            () = work(&mut report, &mut place) => false,
            () = self.shutdown.stopping().cancelled() => true,
        };
        run.write_into(&mut report);
        if stopped {
            if self.ledger.leave(&run.vehicle.slug, &report.id) {
                // What it has come to is written down, and the next host goes on from there, as after a
                // crash: that host can still ask what became of it, and this one has no time left to.
                tracing::info!(
                    operation = report.id,
                    op = report.op,
                    vehicle = run.vehicle.slug,
                    "left to the next start"
                );
                return;
            }
            host_stopped(&mut report);
        }
        self.finish(run, name, report, place).await;
    }

    /// Gives out the final result, and reads what the command has changed.
    async fn finish(
        self: &Arc<Self>,
        run: &CommandRun,
        name: OperationName,
        mut report: Report,
        place: Option<Turn>,
    ) {
        let vehicle = &run.vehicle;
        report.finished_at = Some(self.services.clock.now());
        // A caller that sends again what may have happened does it twice.
        let over = report.state != State::Unknown && (report.state != State::Timeout || name.is_read());
        report.retryable = over && report.reason.is_some_and(Reason::may_pass);
        self.announcer.control_ended(vehicle, &report.id, report.state);
        let (waiting, stored) = self.ledger.finish(&vehicle.slug, &report).await;
        if let Err(error) = stored {
            tracing::error!(operation = report.id, "the result is not remembered: {error}");
        }
        self.announcer.announce_result(vehicle, &report);
        self.announcer.respond(&report, &waiting);
        drop(place);
        tracing::info!(
            operation = report.id,
            op = report.op,
            vehicle = vehicle.slug,
            state = ?report.state,
            reason = ?report.reason,
            attempts = report.attempts,
            upstream_calls = report.upstream_calls,
            "command ended"
        );
        // What has happened shows in the next read, and so does what may have happened: a vehicle that did
        // not confirm a command may have acted and told the cloud so. What was looked at has been read.
        let may_show = matches!(report.state, State::Succeeded | State::Unknown | State::Timeout);
        if may_show && name.reaches_vehicle() && !name.is_read() && !run.is_shown() {
            self.shutdown.stopping().run_until_cancelled(self.vehicles.read(vehicle)).await;
        }
        self.announcer.control_over(vehicle, &report.id);
        // After that read, so that it counts as the one that would be due by itself.
        if report.state != State::Rejected {
            vehicle.stir();
        }
    }
}

/// Ends a command that was not sent, or a read that was: of a read only the answer is missing then.
fn host_stopped(report: &mut Report) {
    let message = match report.sent_at {
        None => "the host stopped before the command was sent",
        Some(_) => "the host stopped before it was answered",
    };
    report.end(State::Failed, Reason::HostStopping, message.to_owned());
}
