//! Doing a command, and the reads that the host does of its own accord.

use crate::vehicle::Found;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Host;
use super::vehicles::tell_moved;
use crate::bindings::connector::{Command, ReadMode, VehicleRef};
use crate::command::Action;
use crate::host::ledger::{CommandLedger, Pending};
use crate::operation::step::Stopped;
use crate::operation::supersession::Supersession;
use crate::operation::{End, Observer, Operation, Progress, Stage, Unobserved};
use crate::primitives::Journal;
use crate::protect::quota::QuotaError;
use crate::store::StoreError;
use crate::time::Clock;
use crate::vehicle::Vehicle;
use crate::vehicle::state::{Source, Taken, Unreadable};
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::{PolicyUsed, Report};

/// A command on its way: whose it is, how far it is, and where that is written down.
pub(super) struct CommandRun {
    pub(super) vehicle: Arc<Vehicle>,
    pub(super) progress: Arc<Progress>,
    host: Arc<Host>,
    /// As it was accepted. Steps are published as changes of it.
    accepted: Report,
    request: (String, String),
    deadline: Timestamp,
    sent_at: OnceLock<Timestamp>,
    /// The policy that it is done with, whichever is active meanwhile.
    policy: OnceLock<PolicyUsed>,
    /// The time of the state that was known when it began.
    before: OnceLock<Timestamp>,
    /// Which car it is sent to, if that is known.
    car: Mutex<Option<String>>,
}

impl CommandRun {
    pub(super) fn new(
        host: &Arc<Host>,
        vehicle: &Arc<Vehicle>,
        accepted: &Report,
        request: (String, String),
    ) -> Self {
        let journal = LedgerJournal {
            ledger: Arc::clone(&host.ledger),
            clock: Arc::clone(&host.ground.clock),
            vehicle: vehicle.slug.clone(),
            id: accepted.id.clone(),
        };
        let name = OperationName::named(&accepted.op);
        let life = name.map_or(Duration::ZERO, OperationName::deadline);
        Self {
            progress: Arc::new(Progress::of_command(&vehicle.account, name, Arc::new(journal))),
            vehicle: Arc::clone(vehicle),
            host: Arc::clone(host),
            deadline: accepted.requested_at.checked_add(life).unwrap_or(Timestamp::MAX),
            accepted: accepted.clone(),
            request,
            sent_at: OnceLock::new(),
            policy: OnceLock::new(),
            before: OnceLock::new(),
            car: Mutex::default(),
        }
    }

    /// It is done with the policy of this operation.
    pub(super) fn done_by(&self, operation: &Operation, report: &mut Report) {
        report.policy = Some(self.policy.get_or_init(|| (&operation.policy).into()).clone());
    }

    /// How far it is.
    fn step(&self, state: State) -> Report {
        let (policy, sent_at) = (self.policy.get().cloned(), self.sent_at.get().copied());
        let mut step = Report { state, policy, sent_at, ..self.accepted.clone() };
        self.progress.write_into(&mut step);
        step
    }

    /// Tells its report how far it is.
    pub(super) fn write_into(&self, report: &mut Report) {
        report.sent_at = report.sent_at.or(self.sent_at.get().copied());
        self.progress.write_into(report);
    }

    /// When the vehicle said what was known of it when this began.
    pub(super) fn before(&self) -> Option<Timestamp> {
        self.before.get().copied()
    }

    /// It is sent to this car.
    fn is_about(&self, found: &Found) {
        *self.car.lock() = found.car.clone();
    }

    /// Which car it was sent to.
    fn car(&self) -> Option<String> {
        self.car.lock().clone()
    }

    /// The same command, of which an earlier host has done the first part.
    pub(super) fn resumed(self, pending: &Pending, name: OperationName) -> Self {
        self.progress.resume_from(&self.accepted, name);
        let sent_at = self.accepted.sent_at.map(OnceLock::from).unwrap_or_default();
        let before = pending.before.map(OnceLock::from).unwrap_or_default();
        let car = Mutex::new(pending.car.clone());
        Self { deadline: pending.deadline, sent_at, before, car, ..self }
    }
}

impl Observer for CommandRun {
    fn reached(&self, stage: Stage) {
        let state = match stage {
            Stage::Sent => State::Sent,
            Stage::Pending => State::Pending,
        };
        self.sent_at.get_or_init(|| self.host.ground.clock.now());
        self.host.announce_report(&self.vehicle.slug, &self.step(state));
    }

    fn taken<'a>(&'a self, vehicle: &'a VehicleRef, continuation: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // What became of an action can be asked again by whoever wants to know.
            if OperationName::named(&self.accepted.op).is_some_and(|name| !name.reaches_vehicle()) {
                return;
            }
            let pending = Pending {
                request: self.request.clone(),
                vehicle_id: vehicle.id.clone(),
                traits: vehicle.traits.clone(),
                continuation: continuation.to_owned(),
                deadline: self.deadline,
                before: self.before(),
                car: self.car(),
            };
            let step = self.step(State::Pending);
            let stored = self.host.ledger.pending(&self.vehicle.slug, &step, &pending).await;
            if let Err(error) = stored {
                tracing::error!(operation = step.id, "it is not asked about after a restart: {error}");
            }
        })
    }
}

/// Writes down that a command is being sent.
#[derive(Debug)]
struct LedgerJournal {
    ledger: Arc<CommandLedger>,
    clock: Arc<dyn Clock>,
    vehicle: String,
    id: String,
}

impl Journal for LedgerJournal {
    fn sending(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ledger.sending(&self.vehicle, &self.id, self.clock.now()))
    }
}

impl Host {
    /// Does the command, and writes down how it ended.
    pub(super) async fn work(
        &self,
        commanded: &CommandRun,
        action: Action,
        superseded: Supersession,
        since: Instant,
        report: &mut Report,
    ) {
        let vehicle = &commanded.vehicle;
        let mut command = match self.command(vehicle, &action).await {
            Ok(command) => command,
            Err(message) => return report.end(State::Rejected, Reason::BadPayload, message),
        };
        if let (Action::CheckActionStatus(asked), Command::CheckActionStatus(action_id)) = (&action, &command)
        {
            report.about = Some(asked.clone().unwrap_or_else(|| action_id.clone()));
        }
        let name = action.name();
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        let operation = Operation::new(report.id.clone(), name, account, slug)
            .since(since)
            .superseded_by(superseded)
            .reporting(Arc::clone(&commanded.progress));
        commanded.done_by(&operation, report);
        let found = match self.find(vehicle, &operation).await {
            Ok(found) => found,
            Err(Stopped::Failed(failed) | Stopped::AskLater(_, failed)) => {
                let state = if failed.rejected { State::Rejected } else { State::Failed };
                return report.end(state, failed.reason, failed.words);
            }
        };
        // The host learned only now what the vehicle has.
        if vehicle.lacks(name) {
            let message = format!("this vehicle does not have {name}");
            return report.end(State::Rejected, Reason::Unsupported, message);
        }
        if matches!(command, Command::Read(ReadMode::Forced))
            && let Err(why) = vehicle.forced_reads.count(self.ground.clock.now()).await
        {
            let (reason, message) = match why {
                QuotaError::Used { .. } => (Reason::Cooldown, format!("{why} (max_forced_reads_per_day)")),
                QuotaError::NotStored(error) => (Reason::HostFault, error.to_string()),
            };
            if name != OperationName::RefreshSmart {
                return report.end(State::Rejected, reason, message);
            }
            tracing::warn!(vehicle = vehicle.slug, "read from the cloud instead: {message}");
            command = Command::Read(ReadMode::Cached);
        }
        let forced = matches!(command, Command::Read(ReadMode::Forced));
        if let Some(known) = Self::vehicle_time(vehicle) {
            let _first = commanded.before.set(known);
        }
        let allowance = &commanded.progress.allowance;
        let (sent_before, arrived_before) = (allowance.sent(), allowance.perhaps_arrived());
        commanded.is_about(&found);
        let mut end = operation.run(found.vehicle.clone(), command.clone(), commanded).await;
        if let Some(moved) = self.moved(vehicle, &found.vehicle, &operation, &end).await {
            match name.is_read() {
                true => {
                    commanded.is_about(&moved);
                    end = operation.run(moved.vehicle, command, commanded).await;
                }
                // What moves something is not sent twice by the host.
                false => tell_moved(&mut end),
            }
        }
        if forced && allowance.sent() == sent_before {
            // It did not get as far as the vehicle.
            if let Err(error) = vehicle.forced_reads.take_back(self.ground.clock.now()).await {
                tracing::warn!(vehicle = vehicle.slug, "a forced read counts that was none: {error}");
            }
        }
        if forced && commanded.sent_at.get().is_some() && allowance.perhaps_arrived() > arrived_before {
            self.note_unanswered(commanded, &end);
        }
        self.conclude(commanded, name, forced, end, report);
    }

    /// If a vehicle that was asked has not answered, what is known is older than somebody wanted it to be.
    pub(super) fn note_unanswered(&self, commanded: &CommandRun, end: &End) {
        if matches!(end, End::Otherwise { .. }) {
            self.publish_stale(&commanded.vehicle, commanded.car().as_deref());
        }
    }

    /// Writes down how a command ended, and takes in what it has found out.
    pub(super) fn conclude(
        &self,
        commanded: &CommandRun,
        name: OperationName,
        forced: bool,
        end: End,
        report: &mut Report,
    ) {
        let vehicle = &commanded.vehicle;
        let source = if forced { Source::Vehicle } else { Source::Cached };
        vehicle.account.announce();
        match end {
            End::Done { state } => {
                report.state = State::Succeeded;
                match state {
                    Some(state) => self.conclude_read(commanded, &state, source, report),
                    None if name.reads_state() => {
                        vehicle.learn_of(commanded.car().as_deref(), |memory| memory.was_read = true);
                        let message = "the connector has answered no state, so nothing is published";
                        report.end(State::Succeeded, Reason::NothingNew, message.to_owned());
                    }
                    None => {}
                }
            }
            End::Otherwise { state, reason, words } => {
                // What the connector refuses by itself may be about an option; the vendor's no is about the vehicle,
                // if the question was.
                if reason == Reason::Unsupported && state == State::Failed && name.reaches_vehicle() {
                    self.learn_unsupported(vehicle, commanded.car().as_deref(), name);
                }
                report.end(state, reason, words);
            }
        }
        if let Some(action_id) = commanded.progress.action_id().filter(|_| name.reaches_vehicle()) {
            // Of another car's action nobody can be asked.
            vehicle.learn_of(commanded.car().as_deref(), |memory| memory.last_action = Some(action_id));
        }
    }

    /// Publishes what a read has found, and says in its report if there was nothing to publish.
    fn conclude_read(
        &self,
        commanded: &CommandRun,
        state: &serde_json::Value,
        source: Source,
        report: &mut Report,
    ) {
        let vehicle = &commanded.vehicle;
        let car = commanded.car();
        match self.publish_state(vehicle, car.as_deref(), state, source, commanded.before()) {
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
                    self.publish_stale(vehicle, car.as_deref());
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
    async fn command(&self, vehicle: &Vehicle, action: &Action) -> Result<Command, String> {
        Ok(match action {
            Action::RefreshCached => Command::Read(ReadMode::Cached),
            Action::RefreshSmart(max_age) => Command::Read(self.smart(vehicle, *max_age)),
            Action::RefreshForce => Command::Read(ReadMode::Forced),
            Action::CheckActionStatus(None) => {
                let last = vehicle.memory().last_action.clone();
                let last = match last {
                    Some(last) => Some(last),
                    // Before the host was started.
                    None => self.ledger.last_action(&vehicle.slug).await.ok().flatten(),
                };
                Command::CheckActionStatus(
                    last.ok_or("no command that is remembered has reached this vehicle")?,
                )
            }
            // An identifier of ours stands for the action that it became; anything else is the vendor's.
            Action::CheckActionStatus(Some(id)) => {
                let ours = self.ledger.result(&vehicle.slug, id).await.ok().flatten();
                Command::CheckActionStatus(match ours {
                    Some(report) => report.upstream_action_id.ok_or_else(|| {
                        format!(
                            "the cloud never said which action {id} became, so it cannot be asked about it"
                        )
                    })?,
                    None => id.clone(),
                })
            }
            moving => moving.to_command().ok_or("there is no such command")?,
        })
    }

    /// Reads a vehicle without anybody having asked: at the start, and after a command, whose effect shows only
    /// then. A cached read: it wakes nobody up.
    pub(super) async fn read(&self, vehicle: &Arc<Vehicle>) {
        if let Err((_, message)) = self.read_by(vehicle, &self.reading(vehicle)).await {
            tracing::warn!(vehicle = vehicle.slug, "the vehicle could not be read: {message}");
        }
    }

    /// The operation of such a read.
    pub(super) fn reading(&self, vehicle: &Vehicle) -> Operation {
        let id = format!("host-{}", uuid::Uuid::now_v7().simple());
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        Operation::new(id, OperationName::RefreshCached, account, slug)
    }

    /// Reads a vehicle that was found; does nothing with another one.
    ///
    /// # Errors
    ///
    /// Why it could not be read, for programs and for people.
    pub(super) async fn read_by(
        &self,
        vehicle: &Arc<Vehicle>,
        operation: &Operation,
    ) -> Result<(), (Reason, String)> {
        let known = vehicle.memory().found.clone();
        let Some(mut found) = known else { return Ok(()) };
        let cached = Command::Read(ReadMode::Cached);
        let mut end = operation.run(found.vehicle.clone(), cached.clone(), &Unobserved).await;
        if let Some(moved) = self.moved(vehicle, &found.vehicle, operation, &end).await {
            found = moved;
            end = operation.run(found.vehicle.clone(), cached, &Unobserved).await;
        }
        // It has cost requests too, and has perhaps found out how the account is.
        vehicle.account.announce();
        match end {
            End::Done { state } => {
                let car = found.car.as_deref();
                let Some(state) = state else {
                    vehicle.learn_of(car, |memory| memory.was_read = true);
                    return Ok(());
                };
                let taken = self.publish_state(vehicle, car, &state, Source::Cached, None);
                taken.map(|_| ()).map_err(|why| (why.reason(), why.to_string()))
            }
            End::Otherwise { reason, words, .. } => Err((reason, words.to_string())),
        }
    }
}

impl Unreadable {
    /// Nothing is what clouds answer that are unwell. What is no document is the connector's.
    const fn reason(self) -> Reason {
        match self {
            Self::NoDocument => Reason::ConnectorFault,
            Self::NoValues => Reason::UpstreamUnavailable,
            // Whoever asks again is told of the car that is there now.
            Self::AnotherCar => Reason::UnknownVehicle,
        }
    }
}

/// How long a command that was taken before a restart is still asked about, at least.
const LAST_QUESTION: Duration = Duration::from_secs(10);

impl Pending {
    /// How long is left of the time of a command of this kind, whatever the clock was when it began.
    pub(super) fn left(&self, name: OperationName, now: Timestamp) -> Duration {
        let left: SignedDuration = self.deadline.duration_since(now);
        Duration::try_from(left).unwrap_or_default().min(name.deadline()).max(LAST_QUESTION)
    }
}
