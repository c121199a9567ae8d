//! The way of a command from its arrival to its place in the queue, or to the answer that it is not done.

mod course;
pub(crate) mod deliveries;
mod known;
mod own;
mod preferred;
mod resume;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio_util::task::task_tracker::TaskTrackerToken;

use self::deliveries::{Delivered, Deliveries, Delivery};
pub(super) use self::known::Awaited;
pub(super) use self::resume::resume;
use super::announcer::Announcer;
use super::fleet::Fleet;
use super::handle::Handle;
use super::ledger::{Asker, CommandLedger, Interrupted, Known};
use super::shutdown::Shutdown;
use super::vehicle_desk::VehicleDesk;
use super::{Refused, Request};
use crate::command::{self, Action, Asked, Command, Malformed};
use crate::config::word_of;
use crate::mqtt::Receipt;
use crate::redact;
use crate::services::Services;
use crate::store::StoreError;
use crate::vehicle::{Turn, Vehicle};
use crate::wire::operation::OperationName;
use crate::wire::outcome::Reason;
use crate::wire::report::Report;
use crate::wire::topics::Incoming;

/// Takes commands, sees each through to its one final result, and resumes those that an earlier host has
/// left.
#[derive(Debug)]
pub(super) struct CommandDesk {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) announcer: Arc<Announcer>,
    pub(super) vehicles: Arc<VehicleDesk>,
    pub(super) ledger: Arc<CommandLedger>,
    pub(super) deliveries: Deliveries,
    pub(super) shutdown: Arc<Shutdown>,
    /// Commands that an earlier host has left, of a host that does not go on with them unasked.
    pub(super) aside: Mutex<Vec<Interrupted>>,
}

/// A command as it has arrived.
struct Arrived {
    vehicle: String,
    /// Words of the caller: the operation of a topic, and a payload.
    words: (String, String),
    command: Result<Command, Malformed>,
    /// Caller that wants the result, besides the subscribers of its topic.
    asker: Option<Asker>,
    /// Reason why its response topic cannot be used, if there is one.
    unusable: Option<String>,
    /// Topic of the command, if the broker was to retain it there.
    retained: Option<String>,
    delivery: Option<Delivery>,
    /// Receipt, released once the command is written down, or the broker has the answer of what is not done.
    hold: Option<Receipt>,
}

/// The vehicle of a message, the words in which its command is written down, and the command.
type Understood = (String, (String, String), Result<Command, Malformed>);

/// A command that has its place in its vehicle's queue, and is not written down yet.
struct Admitted {
    vehicle: Arc<Vehicle>,
    name: OperationName,
    action: Action,
    turn: BoxFuture<'static, Option<Turn>>,
}

/// A command that was understood and may be done.
pub(super) struct Accepted {
    pub(super) vehicle: Arc<Vehicle>,
    pub(super) name: OperationName,
    pub(super) action: Action,
    /// The operation of the topic, and the payload.
    pub(super) request: (String, String),
    pub(super) report: Report,
    /// Place of the command in the vehicle's queue.
    pub(super) turn: BoxFuture<'static, Option<Turn>>,
    /// Token that keeps the host from having stopped before this command has its result.
    pub(super) open: TaskTrackerToken,
}

/// A command that is not done.
enum NotDone {
    /// Rejected, for the reason in this report.
    Rejected(Box<Report>),
    /// Done before, with this result.
    Repeated(Box<Report>),
}

/// Reason why a command is not done.
#[derive(Clone)]
struct Rejection {
    op: String,
    reason: Reason,
    message: String,
}

impl Rejection {
    fn of(op: impl Into<String>, reason: Reason, message: impl Into<String>) -> Self {
        Self { op: op.into(), reason, message: message.into() }
    }
}

impl CommandDesk {
    /// Takes messages in their order. They are written down together: they wait for the disk once.
    pub(super) async fn handle(self: &Arc<Self>, requests: Vec<Request>) {
        self.take(requests.into_iter().filter_map(|request| self.arrived(request)).collect()).await;
    }

    /// Takes a command of the program that embeds the host. Once begun that goes on to its end, also if the
    /// future is dropped: a command that has its place in the ledger has to get its result.
    pub(super) async fn command(self: &Arc<Self>, vehicle: &str, command: Command) -> Handle {
        let (operation, payload) = command.action.to_message();
        let words = (operation.into_owned(), payload);
        self.command_in_words(vehicle, words, command::check(command)).await
    }

    /// Takes a command of a program in the words that a message would have: the operation of a topic, and a
    /// payload. See [`Self::command`].
    pub(super) async fn command_in_words(
        self: &Arc<Self>,
        vehicle: &str,
        words: (String, String),
        command: Result<Command, Malformed>,
    ) -> Handle {
        let (handle, asker) = Handle::new();
        let arrived = Arrived {
            vehicle: vehicle.to_owned(),
            words,
            command,
            asker: Some(asker),
            unusable: None,
            retained: None,
            delivery: None,
            hold: None,
        };
        let (desk, open) = (Arc::clone(self), self.shutdown.hold());
        let taking = async move {
            let _open = open;
            desk.take(vec![arrived]).await;
        };
        if let Err(error) = tokio::spawn(taking).await {
            tracing::error!(vehicle, "a command was not dealt with: {error}");
        }
        handle
    }

    fn arrived(&self, request: Request) -> Option<Arrived> {
        let Request { topic, payload, retained, mut respond_to, delivery, hold } = request;
        let topics = &self.services.topics;
        let (vehicle, words, command) = match topics.parse(&topic)? {
            Incoming::Command { vehicle, operation } => {
                let command = command::parse(operation, &payload);
                // What was understood is text, and of the rest the words are not needed.
                let words = (operation.to_owned(), String::from_utf8(payload).unwrap_or_default());
                (vehicle.to_owned(), words, command)
            }
            Incoming::Legacy { id, command } => self.legacy(id, command, &payload)?,
            Incoming::Answer { .. } | Incoming::Request { .. } => return None,
        };
        let unusable = topics.take_unusable(&mut respond_to);
        Some(Arrived {
            vehicle,
            words,
            command,
            asker: respond_to.map(Asker::Topic),
            unusable,
            retained: retained.then_some(topic),
            delivery,
            hold,
        })
    }

    /// Reads a command on a topic of the replaced service, and puts it into words of this host's own: in those
    /// it is written down, so that the next host understands it whatever is configured then. None if it is for
    /// no vehicle of this host; another program may serve that one below the same base.
    fn legacy(&self, id: &str, command: &str, payload: &[u8]) -> Option<Understood> {
        let legacy = self.services.topics.legacy()?;
        let Some(vehicle) = legacy.slug_of(id) else {
            let id = redact::cut(redact::mask_vins(id), 64);
            tracing::warn!(
                "a legacy command is for {id:?}, which no vehicle here has as its legacy_id; it is left alone"
            );
            return None;
        };
        let command = command::legacy::understand(command, payload);
        let words = match &command {
            Ok(command) => command.action.to_message(),
            Err(malformed) => (malformed.op.clone().into(), String::new()),
        };
        Some((vehicle, (words.0.into_owned(), words.1), command))
    }

    async fn take(self: &Arc<Self>, all: Vec<Arrived>) {
        // Before any of them is looked at: what comes the second time comes first.
        let before = join_all(all.iter().map(|arrived| self.before(arrived.delivery))).await;
        let accepting = all.iter().zip(before).map(|(arrived, before)| self.accept(arrived, before));
        // Polled in their order, so they have their places in the queues and on the disk in that order too.
        let accepted = join_all(accepting).await;
        for (Arrived { vehicle, asker, hold, .. }, accepted) in all.into_iter().zip(accepted) {
            match accepted {
                Ok(None) => {}
                Ok(Some(accepted)) => self.begin(accepted),
                Err(NotDone::Rejected(report)) => {
                    self.announcer.announce_rejected(&vehicle, &report, hold);
                    self.announcer.respond(&report, asker.as_slice());
                }
                Err(NotDone::Repeated(report)) => {
                    self.announcer.repeat_report(&vehicle, &report, asker.as_slice(), hold)
                }
            }
        }
    }

    /// Publishes that there was no room for a command.
    pub(super) async fn refuse(&self, vehicle: &str, operation: &str, refused: Refused, message: String) {
        let Refused { id, respond_to, delivery, hold, .. } = refused;
        let rejection = Rejection::of(command::shown(operation), Reason::Busy, message);
        let report = self.rejected(vehicle, id, rejection, delivery).await;
        self.announcer.announce_rejected(vehicle, &report, hold);
        self.announcer.respond(&report, respond_to.map(Asker::Topic).as_slice());
    }

    /// Returns what became of a delivery before.
    async fn before(&self, delivery: Option<Delivery>) -> Result<Option<Delivered>, StoreError> {
        match delivery {
            Some(delivery) => self.deliveries.before(&delivery, self.services.clock.now()).await,
            None => Ok(None),
        }
    }

    /// Reports a command that is not done.
    async fn rejected(
        &self,
        vehicle: &str,
        id: Option<String>,
        rejection: Rejection,
        delivery: Option<Delivery>,
    ) -> Report {
        let now = self.services.clock.now();
        // A rejection must not be taken for the result of another command with the same identifier.
        let known = match &id {
            Some(id) => self.ledger.is_known(vehicle, id).await.unwrap_or(true),
            None => true,
        };
        let id = id.filter(|_| !known).unwrap_or_else(new_id);
        let Rejection { op, reason, message } = rejection;
        let report = Report::rejected(vehicle, id.clone(), op, reason, message, now);
        // If the broker delivers it again it would be done then, and have two results.
        if let Some(delivery) = delivery.filter(|_| report.retryable)
            && let Err(error) = self.deliveries.remember(&delivery, id, Some(report.clone()), now).await
        {
            tracing::error!(
                operation = report.id,
                vehicle,
                "it is not remembered that a command was rejected: {error}"
            );
        }
        report
    }

    /// Accepts a command: checks everything before it gets its place, and writes it down. None if it is under
    /// way already.
    async fn accept(
        &self,
        arrived: &Arrived,
        before: Result<Option<Delivered>, StoreError>,
    ) -> Result<Option<Accepted>, NotDone> {
        let open = self.shutdown.hold();
        let Arrived { vehicle: slug, words, command, asker, delivery, .. } = arrived;
        let before = match before {
            Ok(Some(Delivered { rejected: Some(report), .. })) => {
                return Err(NotDone::Repeated(Box::new(report)));
            }
            before => before,
        };
        let id = match command {
            Ok(command) => command.id.clone(),
            Err(malformed) => malformed.id.clone(),
        };
        let rejected = async |rejection: Rejection| {
            let Rejection { op, reason, message } = rejection.clone();
            let report = self.rejected(slug, id.clone(), rejection, *delivery).await;
            let operation = &report.id;
            match reason {
                // A flood of commands must not be one of lines.
                Reason::Busy => tracing::debug!(operation, vehicle = slug, op, "command rejected: {message}"),
                _ => tracing::warn!(operation, vehicle = slug, op, ?reason, "command rejected: {message}"),
            }
            NotDone::Rejected(Box::new(report))
        };
        let Admitted { vehicle, name, action, turn } = match self.admit(arrived) {
            Ok(admitted) => admitted,
            Err(rejection) => return Err(rejected(rejection).await),
        };
        let now = self.services.clock.now();
        let fault = |error: StoreError| Rejection::of(name.as_str(), Reason::HostFault, error.to_string());
        let report = match self.identified(id.clone(), *delivery, before, name, now).await {
            Ok(id) => Report::accepted(slug, id, name, now),
            Err(error) => return Err(rejected(fault(error)).await),
        };
        let asked = Asked::new(&words.0, &words.1);
        match self.ledger.begin(slug, &report, &asked, asker.clone()).await {
            Ok(Known::New) => {
                let request = words.clone();
                Ok(Some(Accepted { vehicle, name, action, request, report, turn, open }))
            }
            Ok(Known::UnderWay) => Ok(None),
            Ok(Known::Over(report)) => Err(NotDone::Repeated(report)),
            Ok(Known::Another(earlier)) => {
                Err(NotDone::Rejected(Box::new(another(*earlier, slug, name, now))))
            }
            Err(error) => Err(rejected(fault(error)).await),
        }
    }

    /// Gives a command its place in its vehicle's queue, if everything about it is as it must be.
    fn admit(&self, arrived: &Arrived) -> Result<Admitted, Rejection> {
        let Arrived { vehicle: slug, words, command, unusable, retained, .. } = arrived;
        if let Some(topic) = retained {
            // A retained command would be done again at every start. Take it away from the broker.
            self.announcer.clear_retained(topic);
            let message = "commands must not be retained; this one was cleared and not done";
            return Err(Rejection::of(&words.0, Reason::RetainedCommand, message));
        }
        let action = match command {
            Ok(command) => command.action.clone(),
            Err(Malformed { op, reason, message, .. }) => {
                return Err(Rejection::of(op, *reason, message));
            }
        };
        let op = action.op();
        let rejection = |reason, message: String| Err(Rejection::of(&op, reason, message));
        if let Some(unusable) = unusable {
            return rejection(Reason::BadPayload, unusable.clone());
        }
        let members = self.fleet.now();
        if let Some(out) = members.vehicles_out.get(slug) {
            return rejection(Reason::ConnectorFault, out.why.clone());
        }
        let Some(vehicle) = members.vehicles.get(slug) else {
            return rejection(Reason::UnknownVehicle, members.no_vehicle(slug));
        };
        let Some(name) = action.name(|own| vehicle.own_operation(own)) else {
            return rejection(Reason::UnknownOperation, own::no_such(vehicle, &op));
        };
        if !vehicle.allows(name) {
            let word = word_of(name.permission());
            let message = format!("{name} is not allowed; add \"{word}\" to `allow` in [vehicle.{slug}]");
            return rejection(Reason::NotAllowed, message);
        }
        if vehicle.lacks(name) {
            return rejection(Reason::Unsupported, format!("this vehicle does not have {name}"));
        }
        if let Err(wrong) = own::check(vehicle, &action) {
            return rejection(Reason::BadPayload, format!("{op}: {wrong}"));
        }
        let action = match preferred::fitted(vehicle, action) {
            Ok(action) => action,
            Err((reason, message)) => return rejection(reason, message),
        };
        if self.shutdown.is_closed() {
            return rejection(Reason::HostStopping, "the host is stopping".to_owned());
        }
        // Before it is written down: a flood costs no disk, and what is rejected now may be sent again.
        let Some(turn) = vehicle.queue.enqueue(name) else {
            return rejection(Reason::Busy, "too many commands wait for this vehicle".to_owned());
        };
        Ok(Admitted { vehicle: Arc::clone(vehicle), name, action, turn: Box::pin(turn) })
    }

    /// The identifier of a command: its own, that of the same delivery before, or a new one.
    async fn identified(
        &self,
        id: Option<String>,
        delivery: Option<Delivery>,
        before: Result<Option<Delivered>, StoreError>,
        name: OperationName,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        match (id, delivery, before?) {
            (Some(id), ..) => Ok(id),
            (None, _, Some(before)) => Ok(before.id),
            (None, None, None) => Ok(new_id()),
            (None, Some(delivery), None) => {
                let id = new_id();
                match self.deliveries.remember(&delivery, id.clone(), None, now).await {
                    // A read moves nothing: one that comes a second time is read a second time.
                    Err(error) if name.is_read() && !matches!(error, StoreError::Gone(_)) => {
                        tracing::warn!(operation = id, "how this read came is not remembered: {error}");
                        Ok(id)
                    }
                    remembered => remembered.map(|()| id),
                }
            }
        }
    }
}

/// Rejects a command under the identifier of an earlier one that asked for something else. A constant
/// identifier in a template would make every other command a silent success.
fn another(earlier: Report, vehicle: &str, name: OperationName, now: Timestamp) -> Report {
    let Report { id, op, requested_at, .. } = earlier;
    let message = format!(
        "the id {id:?} was used for {op} at {requested_at:.0}; give each command an id of its own, or none"
    );
    Report::rejected(vehicle, new_id(), name.as_str().to_owned(), Reason::BadPayload, message, now)
}

/// Makes an identifier for a command that came without one.
pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
