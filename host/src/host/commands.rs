//! A command, from its arrival to its one final result.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Host;
use crate::bindings::connector::{Command, ReadMode};
use crate::command::{self, Action, Malformed};
use crate::operation::step::Stopped;
use crate::operation::{End, Operation, OperationName, Progress, Reason, Report, Stage, State};
use crate::results::Known;
use crate::state::Source;
use crate::topics::Incoming;
use crate::vehicle::{Turn, Vehicle};

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
        let Some(Incoming::Command { vehicle, operation }) = self.topics.parse(&request.topic) else {
            return;
        };
        // Never a command: it is how retained messages are cleared, by this host too, and MQTT 3.1.1 brokers send
        // that back without saying so.
        if request.payload.trim_ascii().is_empty() {
            return;
        }
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
            NotDone::Rejected(Box::new(Report::rejected(id, op.to_owned(), reason, message, now)))
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
        let report = Report::accepted(id.clone().unwrap_or_else(new_id), name, now);
        if vehicle.lacks(name) {
            return Err(rejected(Reason::Unsupported, format!("this vehicle does not have {name}")));
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(rejected(Reason::HostStopping, "the host is stopping".to_owned()));
        }
        match self.results.begin(slug, &report, request.respond_to.clone()).await {
            Ok(Known::New) => Ok(Some(Accepted { vehicle: Arc::clone(vehicle), action, report, open })),
            Ok(Known::UnderWay) => Ok(None),
            Ok(Known::Over(report)) => Err(NotDone::Repeated(report)),
            Err(error) => Err(rejected(Reason::HostFault, error.to_string())),
        }
    }

    /// Gives a command its place in the queue and lets it run.
    fn begin(self: &Arc<Self>, accepted: Accepted) {
        let Accepted { vehicle, action, mut report, open } = accepted;
        let (name, since) = (action.name(), Instant::now());
        let turn = vehicle.enqueue(name);
        // Only what has a place can take that of an older one.
        let newer = turn.is_some().then(|| vehicle.newest(name));
        self.announce_report(&vehicle.slug, &report);
        let host = Arc::clone(self);
        tokio::spawn(async move {
            let _open = open;
            let mut stopping = host.stopping.subscribe();
            let progress = Arc::new(Progress::default());
            let mut place = None;
            {
                // The report is the task's own and is given out once, at its end, whichever way that comes.
                let work = async {
                    let Some(turn) = turn else {
                        let message = "too many commands wait for this vehicle".to_owned();
                        return report.end(State::Rejected, Reason::Busy, message);
                    };
                    // Held until the result is out, so that the results of a vehicle come in order.
                    place = turn.await;
                    let superseded = move || newer.as_ref().is_some_and(|newer| newer());
                    host.work(&vehicle, action, superseded, since, &progress, &mut report).await;
                };
                let stopped = tokio::select! {
                    () = work => false,
                    _ = stopping.wait_for(|stopping| *stopping) => true,
                };
                if stopped {
                    let acted = progress.allowance.acted();
                    let state = if acted { State::Unknown } else { State::Failed };
                    let message = "the host stopped before the command had ended".to_owned();
                    report.end(state, Reason::HostStopping, message);
                }
            }
            progress.write_into(&mut report);
            host.finish(&vehicle, name, report, place).await;
        });
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
        report.retryable = report.state != State::Unknown && report.reason.is_some_and(Reason::may_pass);
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
        if report.state == State::Succeeded && name.reaches_vehicle() && !name.is_read() {
            let mut stopping = self.stopping.subscribe();
            tokio::select! {
                () = self.read(vehicle) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }

    /// Does the command, and writes down how it ended.
    async fn work(
        &self,
        vehicle: &Arc<Vehicle>,
        action: Action,
        superseded: impl Fn() -> bool + Send + Sync + 'static,
        since: Instant,
        progress: &Arc<Progress>,
        report: &mut Report,
    ) {
        let command = match self.command(vehicle, &action).await {
            Ok(command) => command,
            Err(message) => return report.end(State::Rejected, Reason::BadPayload, message),
        };
        let source = match &command {
            Command::Read(ReadMode::Forced) => Source::Vehicle,
            _ => Source::Cached,
        };
        let name = action.name();
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        let operation = Operation::new(report.id.clone(), name, account, slug)
            .since(since)
            .superseded_by(superseded)
            .reporting(Arc::clone(progress));
        report.policy = Some((&operation.policy).into());
        let found = match self.find(vehicle, &operation).await {
            Ok(found) => found,
            Err(Stopped::Failed(failed) | Stopped::AskLater(_, failed)) => {
                let state = if failed.rejected { State::Rejected } else { State::Failed };
                return report.end(state, failed.reason, failed.message);
            }
        };
        // The host learned only now what the vehicle has.
        if vehicle.lacks(name) {
            let message = format!("this vehicle does not have {name}");
            return report.end(State::Rejected, Reason::Unsupported, message);
        }
        let sent_at = std::sync::OnceLock::new();
        let stage = |stage: Stage| {
            let state = match stage {
                Stage::Sent => State::Sent,
                Stage::Pending => State::Pending,
            };
            sent_at.get_or_init(|| self.ground.clock.now());
            let mut step = Report { state, sent_at: sent_at.get().copied(), ..report.clone() };
            progress.write_into(&mut step);
            self.announce_report(&vehicle.slug, &step);
        };
        let before = Self::vehicle_time(vehicle);
        let end = operation.run(found.vehicle, command, stage).await;
        report.sent_at = sent_at.into_inner();
        self.announce_account(&vehicle.account);
        match end {
            End::Done { state } => {
                report.state = State::Succeeded;
                if let Some(state) = state {
                    self.publish_state(vehicle, state, source, before);
                }
            }
            End::Otherwise { state, reason, message } => {
                if source == Source::Vehicle {
                    // It was asked and did not answer: what is known is older than somebody wanted it to be.
                    self.publish_stale(vehicle);
                }
                // What the connector refuses by itself may be about an option; the vendor's no is about the vehicle.
                if reason == Reason::Unsupported && state == State::Failed {
                    self.learn_unsupported(vehicle, name);
                }
                report.end(state, reason, crate::redact::mask_vins(&message));
            }
        }
        if let Some(action_id) = progress.action_id().filter(|_| name.reaches_vehicle()) {
            vehicle.memory().last_action = Some(action_id);
        }
    }

    /// The command as the connector is told it.
    async fn command(&self, vehicle: &Vehicle, action: &Action) -> Result<Command, String> {
        Ok(match action {
            Action::RefreshCached => Command::Read(ReadMode::Cached),
            Action::RefreshSmart(max_age) => Command::Read(self.smart(vehicle, *max_age)),
            Action::RefreshForce => Command::Read(ReadMode::Forced),
            Action::Lock => Command::Lock,
            Action::Unlock => Command::Unlock,
            Action::StartClimate(climate) => Command::StartClimate(climate.clone()),
            Action::StopClimate => Command::StopClimate,
            Action::SetWindows(windows) => Command::SetWindows(*windows),
            Action::OpenChargePort => Command::OpenChargePort,
            Action::CloseChargePort => Command::CloseChargePort,
            Action::SetChargingCurrent(percent) => Command::SetChargingCurrent(*percent),
            Action::CheckActionStatus(None) => {
                let last = vehicle.memory().last_action.clone();
                Command::CheckActionStatus(
                    last.ok_or("no command has reached this vehicle since the host started")?,
                )
            }
            // An identifier of ours stands for the action that it became; anything else is the vendor's.
            Action::CheckActionStatus(Some(id)) => {
                let ours = self.results.result(&vehicle.slug, id).await.ok().flatten();
                Command::CheckActionStatus(
                    ours.and_then(|report| report.upstream_action_id).unwrap_or(id.clone()),
                )
            }
        })
    }

    /// Reads every vehicle that was found, so that there is something to see before the first command.
    pub async fn read_all(&self) {
        for vehicle in self.vehicles.values() {
            self.read(vehicle).await;
        }
    }

    /// Reads a vehicle without anybody having asked: at the start, and after a command, whose effect shows only
    /// then. A cached read: it wakes nobody up.
    async fn read(&self, vehicle: &Arc<Vehicle>) {
        let known = vehicle.memory().found.clone();
        let Some(found) = known else { return };
        let id = format!("host-{}", uuid::Uuid::now_v7().simple());
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        let operation = Operation::new(id, OperationName::RefreshCached, account, slug);
        match operation.run(found.vehicle, Command::Read(ReadMode::Cached), |_| {}).await {
            End::Done { state: Some(state) } => self.publish_state(vehicle, state, Source::Cached, None),
            End::Done { state: None } => {}
            End::Otherwise { message, .. } => {
                tracing::warn!(vehicle = vehicle.slug, "the vehicle could not be read: {message}");
            }
        }
    }

    fn clear_retained(&self, topic: &str) {
        self.ground.outbox.publish(crate::outbox::Outgoing::new(topic, Vec::new()).retained());
    }
}
