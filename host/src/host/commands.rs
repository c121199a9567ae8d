//! A command, from its arrival to its one final result.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Host;
use super::work::Commanded;
use crate::command::{self, Action, Asked, Malformed};
use crate::operation::{OperationName, Reason, Report, State};
use crate::results::Known;
use crate::topics::Incoming;
use crate::vehicle::{Supersession, Turn, Vehicle};

/// A message on a topic that the host listens to.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the sender wanted the broker to keep it.
    pub retained: bool,
    /// Where the sender wants the answer.
    pub respond_to: Option<RespondTo>,
}

/// Where an answer goes besides its own topic (MQTT 5 §4.10).
#[derive(Debug, Clone)]
pub struct RespondTo {
    /// The response topic.
    pub topic: String,
    /// The correlation data.
    pub correlation: Option<Vec<u8>>,
}

/// A command that was understood and may be done.
struct Accepted {
    vehicle: Arc<Vehicle>,
    action: Action,
    /// The last level of the topic, and the payload.
    request: (String, String),
    report: Report,
    /// Keeps the host from having stopped before this command has its result.
    open: TaskTrackerToken,
}

/// A command that is not done.
enum NotDone {
    /// For this reason.
    Rejected(Box<Report>),
    /// Because it was done before, like this.
    Repeated(Box<Report>),
}

impl Host {
    /// Takes a message. Returns as soon as it has its place in the queue, or its result if it is not done; the
    /// order of calls is the order of commands.
    pub async fn handle(self: &Arc<Self>, request: Request) {
        // Never a command: it is how retained messages are cleared, by this host too, and MQTT 3.1.1 brokers send
        // that back without saying so.
        if request.payload.trim_ascii().is_empty() {
            return;
        }
        let (vehicle, operation) = match self.topics.parse(&request.topic) {
            Some(Incoming::Command { vehicle, operation }) => (vehicle, operation),
            Some(Incoming::Request { verb }) => {
                let verb = verb.to_owned();
                return self.answer(&verb, request).await;
            }
            None => return,
        };
        match self.accept(vehicle, operation, &request).await {
            Ok(None) => {}
            Ok(Some(accepted)) => self.begin(accepted),
            Err(NotDone::Rejected(report)) => {
                self.announce_report(vehicle, &report);
                self.respond(&report, request.respond_to.as_slice());
            }
            Err(NotDone::Repeated(report)) => {
                self.repeat_report(vehicle, &report, request.respond_to.as_slice())
            }
        }
    }

    /// Everything that is checked before a command gets its place. None if it is under way already.
    async fn accept(
        self: &Arc<Self>,
        slug: &str,
        operation: &str,
        request: &Request,
    ) -> Result<Option<Accepted>, NotDone> {
        let open = self.under_way.token();
        let now = self.ground.clock.now();
        let parsed = command::parse(operation, &request.payload);
        let id = match &parsed {
            Ok(parsed) => parsed.id.clone(),
            Err(malformed) => malformed.id.clone(),
        };
        // What is rejected must not be taken for the result of another command with the same identifier.
        let taken = match &id {
            Some(id) => self.results.is_known(slug, id).await.unwrap_or(true),
            None => true,
        };
        let new_id = || uuid::Uuid::now_v7().to_string();
        let rejected = |op: &str, reason, message: String| {
            tracing::warn!(vehicle = slug, op, ?reason, "command rejected: {message}");
            let id = id.clone().filter(|_| !taken).unwrap_or_else(new_id);
            NotDone::Rejected(Box::new(Report::rejected(slug, id, op.to_owned(), reason, message, now)))
        };
        if request.retained {
            // It would be done again at every start. Take it away from the broker.
            self.clear_retained(&request.topic);
            let message = "commands must not be retained; this one was cleared and not done".to_owned();
            return Err(rejected(operation, Reason::RetainedCommand, message));
        }
        let action = match parsed {
            Ok(parsed) => parsed.action,
            Err(Malformed { op, reason, message, .. }) => return Err(rejected(&op, reason, message)),
        };
        let name = action.name();
        let rejected = |reason, message: String| rejected(name.as_str(), reason, message);
        let Some(vehicle) = self.vehicles.get(slug) else {
            let known: Vec<&str> = self.vehicles.keys().map(String::as_str).collect();
            let message = format!("there is no vehicle {slug:?}; there are: {}", known.join(", "));
            return Err(rejected(Reason::UnknownVehicle, message));
        };
        if !vehicle.allows(name) {
            let message = format!("{name} is not in the vehicle's `allow` list");
            return Err(rejected(Reason::NotAllowed, message));
        }
        let report = Report::accepted(slug, id.clone().unwrap_or_else(new_id), name, now);
        if vehicle.lacks(name) {
            return Err(rejected(Reason::Unsupported, format!("this vehicle does not have {name}")));
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(rejected(Reason::HostStopping, "the host is stopping".to_owned()));
        }
        // It was understood, so it is text.
        let payload = String::from_utf8_lossy(&request.payload).into_owned();
        let asked = Asked::new(operation, &payload);
        match self.results.begin(slug, &report, &asked, request.respond_to.clone()).await {
            Ok(Known::New) => {
                let request = (operation.to_owned(), payload);
                Ok(Some(Accepted { vehicle: Arc::clone(vehicle), action, request, report, open }))
            }
            Ok(Known::UnderWay) => Ok(None),
            Ok(Known::Over(report)) => Err(NotDone::Repeated(report)),
            // A constant identifier in a template would make every other command a silent success.
            Ok(Known::Another(earlier)) => {
                let Report { id, op, requested_at, .. } = *earlier;
                let message = format!(
                    "the id {id:?} was used for {op} at {requested_at:.0}; give each command an id of its own, or none"
                );
                Err(NotDone::Rejected(Box::new(Report::rejected(
                    slug,
                    new_id(),
                    name.as_str().to_owned(),
                    Reason::BadPayload,
                    message,
                    now,
                ))))
            }
            Err(error) => Err(rejected(Reason::HostFault, error.to_string())),
        }
    }

    /// Gives a command its place in the queue and lets it run.
    fn begin(self: &Arc<Self>, accepted: Accepted) {
        let Accepted { vehicle, action, request, report, open } = accepted;
        let (name, since) = (action.name(), Instant::now());
        let turn = vehicle.enqueue(name);
        // Only what has a place can take that of an older one.
        let superseded = match turn {
            Some(_) => vehicle.newest(name),
            None => Supersession::never(),
        };
        self.announce_report(&vehicle.slug, &report);
        let commanded = Commanded::new(self, &vehicle, &report, request);
        let host = Arc::clone(self);
        tokio::spawn(async move {
            let _open = open;
            let work = async |report: &mut Report, place: &mut Option<Turn>| {
                let Some(turn) = turn else {
                    let message = "too many commands wait for this vehicle".to_owned();
                    return report.end(State::Rejected, Reason::Busy, message);
                };
                // Held until the result is out, so that the results of a vehicle come in order.
                let Ok(turn) = tokio::time::timeout_at(since + name.deadline(), turn).await else {
                    let seconds = name.deadline().as_secs();
                    let message = format!("its turn did not come within the {seconds} s that it may take");
                    return report.end(State::Rejected, Reason::Busy, message);
                };
                *place = turn;
                if host.stopping.is_cancelled() {
                    // The one before it has just ended because of that. Nothing new is sent any more.
                    return host_stopped(report);
                }
                host.work(&commanded, action, superseded, since, report).await;
            };
            host.see_through(&commanded, name, report, work).await;
        });
    }

    /// Lets a command be done, unless the host stops, and gives out its result.
    pub(super) async fn see_through(
        self: &Arc<Self>,
        commanded: &Commanded,
        name: OperationName,
        mut report: Report,
        work: impl AsyncFnOnce(&mut Report, &mut Option<Turn>),
    ) {
        let mut place = None;
        // The report is this task's own and is given out once, at its end, whichever way that comes.
        let stopped = tokio::select! {
            biased;
            () = work(&mut report, &mut place) => false,
            () = self.stopping.cancelled() => true,
        };
        commanded.write_into(&mut report);
        if stopped {
            if self.results.is_begun(&commanded.vehicle.slug, &report.id) {
                // What it has come to is written down, and the next host goes on from there, as after a crash: it can
                // still ask what became of it, and this one has no time left to.
                tracing::info!(
                    operation = report.id,
                    op = report.op,
                    vehicle = commanded.vehicle.slug,
                    "left to the next start"
                );
                return;
            }
            host_stopped(&mut report);
        }
        self.finish(&commanded.vehicle, name, report, place).await;
    }

    /// Gives out the final result, and reads what the command has changed.
    async fn finish(
        self: &Arc<Self>,
        vehicle: &Arc<Vehicle>,
        name: OperationName,
        mut report: Report,
        place: Option<Turn>,
    ) {
        report.finished_at = Some(self.ground.clock.now());
        // Whoever sends again what may have happened does it twice.
        let over = report.state != State::Unknown && (report.state != State::Timeout || name.is_read());
        report.retryable = over && report.reason.is_some_and(Reason::may_pass);
        let (waiting, stored) = self.results.finish(&vehicle.slug, &report).await;
        if let Err(error) = stored {
            tracing::error!(operation = report.id, "the result is not remembered: {error}");
        }
        self.announce_report(&vehicle.slug, &report);
        self.respond(&report, &waiting);
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
        // What has happened shows in the next read, and so does what may have happened: a vehicle that did not confirm a
        // command may have acted and told the cloud so.
        let may_show = matches!(report.state, State::Succeeded | State::Unknown | State::Timeout);
        if may_show && name.reaches_vehicle() && !name.is_read() {
            self.stopping.run_until_cancelled(self.read(vehicle)).await;
        }
    }

    pub(super) fn clear_retained(&self, topic: &str) {
        self.ground.outbox.publish(crate::outbox::Outgoing::new(topic, Vec::new()).retained());
    }
}

/// The end of a command that was not sent.
fn host_stopped(report: &mut Report) {
    report.end(
        State::Failed,
        Reason::HostStopping,
        "the host stopped before the command was sent".to_owned(),
    );
}
