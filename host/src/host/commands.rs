//! A command, from its arrival to its one final result.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Host;
use crate::bindings::connector::{Command, ReadMode};
use crate::command::{self, Action, Malformed};
use crate::operation::step::Stopped;
use crate::operation::{End, Ended, Operation, OperationName, Reason, Report, State};
use crate::results::Known;
use crate::state::{Meta, Published, Source, StateDocument};
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
    respond_to: Option<RespondTo>,
}

impl Host {
    /// Takes a message. Returns as soon as it has its place in the queue, or its result if it is not done; the
    /// order of calls is the order of commands.
    pub async fn handle(self: &Arc<Self>, request: Request) {
        let Some(Incoming::Command { vehicle, operation }) = self.topics.parse(&request.topic) else {
            return;
        };
        match self.accept(vehicle, operation, &request).await {
            Ok(None) => {}
            Ok(Some(accepted)) => self.begin(accepted),
            Err(report) => self.announce_report(vehicle, &report, request.respond_to.as_ref()),
        }
    }

    /// Everything that is checked before a command gets its place. None if there is nothing left to do.
    async fn accept(
        self: &Arc<Self>,
        slug: &str,
        operation: &str,
        request: &Request,
    ) -> Result<Option<Accepted>, Box<Report>> {
        let now = self.ground.clock.now();
        let new_id = || uuid::Uuid::now_v7().to_string();
        let rejected = |id: Option<String>, op: &str, reason, message: String| {
            tracing::warn!(vehicle = slug, op, ?reason, "command rejected: {message}");
            Box::new(Report::rejected(id.unwrap_or_else(new_id), op.to_owned(), reason, message, now))
        };
        if request.retained && request.payload.is_empty() {
            // Somebody, most likely this host, has cleared a retained command.
            return Ok(None);
        }
        let parsed = command::parse(operation, &request.payload);
        if request.retained {
            // It would be done again at every start. Take it away from the broker.
            self.clear_retained(&request.topic);
            let id = parsed.map_or_else(|malformed| malformed.id, |parsed| parsed.id);
            let message = "commands must not be retained; this one was cleared and not done".to_owned();
            return Err(rejected(id, operation, Reason::RetainedCommand, message));
        }
        let parsed =
            parsed.map_err(|Malformed { id, op, reason, message }| rejected(id, &op, reason, message))?;
        let name = parsed.action.name();
        let Some(vehicle) = self.vehicles.get(slug) else {
            let known: Vec<&str> = self.vehicles.keys().map(String::as_str).collect();
            let message = format!("there is no vehicle {slug:?}; there are: {}", known.join(", "));
            return Err(rejected(parsed.id, name.as_str(), Reason::UnknownVehicle, message));
        };
        if !vehicle.allows(name) {
            let message = format!("{name} is not in the vehicle's `allow` list");
            return Err(rejected(parsed.id, name.as_str(), Reason::NotAllowed, message));
        }
        if self.closed.load(Ordering::Relaxed) {
            let message = "the host is stopping".to_owned();
            return Err(rejected(parsed.id, name.as_str(), Reason::HostStopping, message));
        }
        let id = parsed.id.unwrap_or_else(new_id);
        match self.results.begin(slug, &id).await {
            Ok(Known::New) => {}
            // Its result will come, once.
            Ok(Known::UnderWay) => return Ok(None),
            Ok(Known::Over(report)) => return Err(report),
            Err(error) => {
                return Err(rejected(Some(id), name.as_str(), Reason::HostFault, error.to_string()));
            }
        }
        let report = Report::accepted(id, name, now);
        let (vehicle, respond_to) = (Arc::clone(vehicle), request.respond_to.clone());
        Ok(Some(Accepted { vehicle, action: parsed.action, report, respond_to }))
    }

    /// Gives a command its place in the queue and lets it run.
    fn begin(self: &Arc<Self>, accepted: Accepted) {
        let Accepted { vehicle, action, mut report, respond_to } = accepted;
        let name = action.name();
        let superseded = vehicle.newest(name);
        let turn = vehicle.enqueue(name);
        self.announce_report(&vehicle.slug, &report, None);
        let host = Arc::clone(self);
        self.under_way.spawn(async move {
            let mut stopping = host.stopping.subscribe();
            // The report is the task's own and is given out once, at its end, whichever way that comes.
            let work = host.work(&vehicle, action, superseded, turn, &mut report);
            let stopped = tokio::select! {
                () = work => false,
                _ = stopping.wait_for(|stopping| *stopping) => true,
            };
            if stopped {
                let sent = report.sent_at.is_some() && name.reaches_vehicle();
                report.state = if sent { State::Unknown } else { State::Failed };
                report.reason = Some(Reason::HostStopping);
                report.message = Some("the host stopped before the command had ended".to_owned());
            }
            report.finished_at = Some(host.ground.clock.now());
            report.retryable = report.state != State::Unknown && report.reason.is_some_and(Reason::may_pass);
            if let Err(error) = host.results.finish(&vehicle.slug, &report).await {
                tracing::error!(operation = report.id, "the result is not remembered: {error}");
            }
            host.announce_report(&vehicle.slug, &report, respond_to.as_ref());
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
            if report.state == State::Succeeded && name.reaches_vehicle() && !stopped {
                host.read(&vehicle).await;
            }
        });
    }

    /// Waits for the command's turn, does it, and writes down how it ended.
    async fn work(
        &self,
        vehicle: &Arc<Vehicle>,
        action: Action,
        superseded: impl Fn() -> bool + Send + Sync + 'static,
        turn: Option<impl Future<Output = Option<Turn>>>,
        report: &mut Report,
    ) {
        let end = |report: &mut Report, state, reason, message: String| {
            report.state = state;
            report.reason = Some(reason);
            report.message = Some(message);
        };
        let Some(turn) = turn else {
            let message = "too many commands wait for this vehicle".to_owned();
            return end(report, State::Rejected, Reason::Busy, message);
        };
        let Some(_turn) = turn.await else {
            return end(report, State::Rejected, Reason::HostStopping, "the host is stopping".to_owned());
        };
        let command = match self.command(vehicle, &action).await {
            Ok(command) => command,
            Err(message) => return end(report, State::Rejected, Reason::BadPayload, message),
        };
        let name = action.name();
        let slug = Some(vehicle.slug.clone());
        let operation =
            Operation::new(report.id.clone(), name, Arc::clone(&vehicle.account), slug, superseded);
        report.policy = Some((&operation.policy).into());
        report.state = State::Sent;
        report.sent_at = Some(self.ground.clock.now());
        self.announce_report(&vehicle.slug, report, None);

        let found = match self.find(vehicle, &operation).await {
            Ok(found) => found,
            Err(stopped) => {
                report.upstream_calls = operation.allowance.sent();
                let Stopped::Failed(failed) = stopped else {
                    let message = "the vehicle list is not to be had".to_owned();
                    return end(report, State::Failed, Reason::UpstreamUnavailable, message);
                };
                let state = if failed.rejected { State::Rejected } else { State::Failed };
                return end(report, state, failed.reason, failed.message);
            }
        };
        let pending = |action_id: Option<&str>| {
            let step = Report {
                state: State::Pending,
                attempts: 1,
                upstream_calls: operation.allowance.sent(),
                upstream_action_id: action_id.map(str::to_owned),
                ..report.clone()
            };
            self.announce_report(&vehicle.slug, &step, None);
        };
        let Ended { end: ended, attempts, refreshed, action_id } =
            operation.run(found.vehicle, command, pending).await;
        self.announce_account(&vehicle.account);
        report.attempts = attempts;
        report.token_refreshed = refreshed;
        report.upstream_calls = operation.allowance.sent();
        report.upstream_action_id = action_id;
        match ended {
            End::Done { state, action_id } => {
                report.state = State::Succeeded;
                report.upstream_action_id = action_id.or(report.upstream_action_id.take());
                if let Some(state) = state {
                    self.publish_state(vehicle, state, Source::Cached);
                }
            }
            End::Otherwise { state, reason, message } => {
                let message = crate::redact::mask_vins(&message);
                end(report, state, reason, message);
            }
        }
        if name.reaches_vehicle() && report.upstream_action_id.is_some() {
            vehicle.memory().last_action = report.upstream_action_id.clone();
        }
    }

    /// The command as the connector is told it.
    async fn command(&self, vehicle: &Vehicle, action: &Action) -> Result<Command, String> {
        Ok(match action {
            Action::RefreshCached => Command::Read(ReadMode::Cached),
            Action::Lock => Command::Lock,
            Action::Unlock => Command::Unlock,
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
        let (name, slug) = (OperationName::RefreshCached, Some(vehicle.slug.clone()));
        let operation = Operation::new(id, name, Arc::clone(&vehicle.account), slug, || false);
        let ended = operation.run(found.vehicle, Command::Read(ReadMode::Cached), |_| {}).await;
        match ended.end {
            End::Done { state: Some(state), .. } => self.publish_state(vehicle, state, Source::Cached),
            End::Done { state: None, .. } => {}
            End::Otherwise { message, .. } => {
                tracing::warn!(vehicle = vehicle.slug, "the vehicle could not be read: {message}");
            }
        }
    }

    /// Publishes what a read has found, unless something newer is already there.
    fn publish_state(&self, vehicle: &Vehicle, state: serde_json::Value, source: Source) {
        let StateDocument { state, vehicle_time, location } = match serde_json::from_value(state) {
            Ok(document) => document,
            Err(error) => {
                tracing::warn!(vehicle = vehicle.slug, "the connector's state is not understood: {error}");
                return;
            }
        };
        let published = {
            let mut memory = vehicle.memory();
            let last = memory.published.as_ref().and_then(|last| last.meta.vehicle_time);
            if vehicle_time.is_some_and(|now| last.is_some_and(|last| now < last)) {
                tracing::debug!(vehicle = vehicle.slug, "an older state is not published");
                return;
            }
            memory.seq += 1;
            let fetched_at = self.ground.clock.now();
            let meta = Meta { vehicle_time, fetched_at, source, stale: false, seq: memory.seq };
            let published = Published { state, meta };
            memory.published = Some(published.clone());
            published
        };
        self.announce_state(vehicle, &published);
        if let Some(location) = location {
            self.announce_location(vehicle, &location);
        }
    }

    fn clear_retained(&self, topic: &str) {
        self.ground.outbox.publish(crate::outbox::Outgoing::new(topic, Vec::new()).retained());
    }
}
