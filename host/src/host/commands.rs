//! A command from its arrival to its place in the queue, or the answer that it is not done.

use crate::wire::message::RespondTo;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::{BoxFuture, join_all};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Host, Refused, Request};
use crate::command::{self, Action, Asked, Malformed};
use crate::host::deliveries::{Delivered, Delivery};
use crate::host::ledger::Known;
use crate::store::StoreError;
use crate::vehicle::{Turn, Vehicle};
use crate::wire::outcome::Reason;
use crate::wire::report::Report;
use crate::wire::topics::Incoming;

/// A command that was understood and may be done.
pub(super) struct Accepted {
    pub(super) vehicle: Arc<Vehicle>,
    pub(super) action: Action,
    /// The last level of the topic, and the payload.
    pub(super) request: (String, String),
    pub(super) report: Report,
    /// Its place in the vehicle's queue.
    pub(super) turn: BoxFuture<'static, Option<Turn>>,
    /// Keeps the host from having stopped before this command has its result.
    pub(super) open: TaskTrackerToken,
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
        self.handle_all(vec![request]).await;
    }

    /// Takes messages in their order, as [`Host::handle`] does. Commands that follow each other are written down together:
    /// they wait for the disk once.
    pub async fn handle_all(self: &Arc<Self>, requests: Vec<Request>) {
        self.take_in(requests, Vec::new()).await;
    }

    /// The same, and then says of the refused messages that they are not done because there was no room for them.
    ///
    /// Once begun that goes on to its end, also if the future is dropped, and [`Host::stop`] waits for it: of what the host
    /// has in hand the broker would be told that it has arrived, and nobody would ever be told what became of it.
    pub async fn take_in(self: &Arc<Self>, requests: Vec<Request>, refused: Vec<Refused>) {
        let (host, open) = (Arc::clone(self), self.under_way.token());
        let taking = async move {
            let _open = open;
            host.take_all(requests).await;
            host.refuse_all(refused).await;
        };
        if let Err(error) = tokio::spawn(taking).await {
            tracing::error!("messages that have arrived were not dealt with: {error}");
        }
    }

    async fn take_all(self: &Arc<Self>, requests: Vec<Request>) {
        let mut commands: Vec<Request> = Vec::new();
        for request in requests {
            // Never a command: it is how retained messages are cleared, by this host too, and MQTT 3.1.1 brokers send
            // that back without saying so.
            if request.payload.trim_ascii().is_empty() {
                continue;
            }
            match self.topics.parse(&request.topic) {
                Some(Incoming::Command { .. }) => {
                    let repeats = |before: &Request| {
                        request
                            .delivery
                            .zip(before.delivery)
                            .is_some_and(|(this, before)| this.repeats(&before))
                    };
                    // What has come of the first has to be known before the second is looked at.
                    if commands.iter().any(repeats) {
                        self.handle_commands(std::mem::take(&mut commands)).await;
                    }
                    commands.push(request);
                }
                Some(Incoming::Request { verb }) => {
                    let verb = verb.to_owned();
                    self.handle_commands(std::mem::take(&mut commands)).await;
                    self.answer(&verb, request).await;
                }
                None => {}
            }
        }
        self.handle_commands(commands).await;
    }

    async fn handle_commands(self: &Arc<Self>, requests: Vec<Request>) {
        let mut taken = Vec::with_capacity(requests.len());
        for mut request in requests {
            let Some(Incoming::Command { vehicle, operation }) = self.topics.parse(&request.topic) else {
                continue;
            };
            let (vehicle, operation) = (vehicle.to_owned(), operation.to_owned());
            let unusable = self.unusable(&mut request.respond_to);
            taken.push((vehicle, operation, unusable, request));
        }
        // Before any of them is looked at: what comes the second time comes first.
        let before = join_all(taken.iter().map(|(_, _, _, request)| self.before(request.delivery))).await;
        let accepting = taken.iter().zip(before).map(|((vehicle, operation, unusable, request), before)| {
            self.accept(vehicle, operation, unusable.as_deref(), request, before)
        });
        // Asked in their order, so they have their places in the queues and on the disk in that order too.
        let accepted = join_all(accepting).await;
        for ((vehicle, _, _, request), accepted) in taken.into_iter().zip(accepted) {
            match accepted {
                Ok(None) => {}
                Ok(Some(accepted)) => self.begin(accepted),
                Err(NotDone::Rejected(report)) => {
                    self.announce_rejected(&vehicle, &report, request.hold);
                    self.respond(&report, request.respond_to.as_slice());
                }
                Err(NotDone::Repeated(report)) => {
                    self.repeat_report(&vehicle, &report, request.respond_to.as_slice(), request.hold)
                }
            }
        }
    }

    async fn refuse_all(self: &Arc<Self>, all: Vec<Refused>) {
        let refusing = all.into_iter().map(|refused| self.refuse(refused));
        join_all(refusing).await;
    }

    async fn refuse(&self, refused: Refused) {
        let Refused { topic, id, retained, mut respond_to, delivery, hold } = refused;
        // An answer to the wrong place would be worse than none.
        let _unusable = self.unusable(&mut respond_to);
        if retained {
            self.clear_retained(&topic);
        }
        let message = "messages arrive faster than they can be done; send it again later".to_owned();
        match self.topics.parse(&topic) {
            Some(Incoming::Command { vehicle, operation }) => {
                let operation = command::shown(operation);
                let report = self.rejection(vehicle, id, &operation, Reason::Busy, message, delivery).await;
                self.announce_rejected(vehicle, &report, hold);
                self.respond(&report, respond_to.as_slice());
            }
            Some(Incoming::Request { verb }) => {
                let request = Request { topic: topic.clone(), respond_to, hold, ..Request::default() };
                self.answer_busy(verb, &request, message);
            }
            None => {}
        }
    }

    /// Takes away a response topic that cannot be used, and says why it cannot.
    pub(super) fn unusable(&self, respond_to: &mut Option<RespondTo>) -> Option<String> {
        let why = self.topics.not_for_answers(&respond_to.as_ref()?.topic)?;
        *respond_to = None;
        Some(format!("the response topic cannot be used: {why}"))
    }

    /// Whether the configuration has a vehicle of this name.
    #[must_use]
    pub fn has_vehicle(&self, slug: &str) -> bool {
        self.vehicles.contains_key(slug)
    }

    /// What became of a delivery before.
    async fn before(&self, delivery: Option<Delivery>) -> Result<Option<Delivered>, StoreError> {
        match delivery {
            Some(delivery) => self.deliveries.before(&delivery, self.ground.clock.now()).await,
            None => Ok(None),
        }
    }

    /// The report about a command that is not done.
    async fn rejection(
        &self,
        vehicle: &str,
        id: Option<String>,
        op: &str,
        reason: Reason,
        message: String,
        delivery: Option<Delivery>,
    ) -> Report {
        let now = self.ground.clock.now();
        // What is rejected must not be taken for the result of another command with the same identifier.
        let known = match &id {
            Some(id) => self.ledger.is_known(vehicle, id).await.unwrap_or(true),
            None => true,
        };
        let id = id.filter(|_| !known).unwrap_or_else(new_id);
        let report = Report::rejected(vehicle, id.clone(), op.to_owned(), reason, message, now);
        // If the broker delivers it again it would be done then, and have two results.
        if let Some(delivery) = delivery.filter(|_| report.retryable)
            && let Err(error) = self.deliveries.remember(&delivery, id, Some(report.clone()), now).await
        {
            tracing::error!(vehicle, "it is not remembered that a command was rejected: {error}");
        }
        report
    }

    /// Everything that is checked before a command gets its place. None if it is under way already.
    async fn accept(
        self: &Arc<Self>,
        slug: &str,
        operation: &str,
        unusable: Option<&str>,
        request: &Request,
        before: Result<Option<Delivered>, StoreError>,
    ) -> Result<Option<Accepted>, NotDone> {
        let open = self.under_way.token();
        let now = self.ground.clock.now();
        let parsed = command::parse(operation, &request.payload);
        let id = match &parsed {
            Ok(parsed) => parsed.id.clone(),
            Err(malformed) => malformed.id.clone(),
        };
        let rejected = async |op: &str, reason, message: String| {
            match reason {
                // A flood of commands must not be one of lines.
                Reason::Busy => tracing::debug!(vehicle = slug, op, "command rejected: {message}"),
                _ => tracing::warn!(vehicle = slug, op, ?reason, "command rejected: {message}"),
            }
            let report = self.rejection(slug, id.clone(), op, reason, message, request.delivery).await;
            NotDone::Rejected(Box::new(report))
        };
        let before = match before {
            Ok(Some(Delivered { rejected: Some(report), .. })) => {
                return Err(NotDone::Repeated(Box::new(report)));
            }
            Ok(before) => Ok(before),
            Err(error) => Err(error),
        };
        if request.retained {
            // It would be done again at every start. Take it away from the broker.
            self.clear_retained(&request.topic);
            let message = "commands must not be retained; this one was cleared and not done".to_owned();
            return Err(rejected(operation, Reason::RetainedCommand, message).await);
        }
        let action = match parsed {
            Ok(parsed) => parsed.action,
            Err(Malformed { op, reason, message, .. }) => return Err(rejected(&op, reason, message).await),
        };
        let name = action.name();
        let rejected = async |reason, message: String| rejected(name.as_str(), reason, message).await;
        if let Some(unusable) = unusable {
            return Err(rejected(Reason::BadPayload, unusable.to_owned()).await);
        }
        let Some(vehicle) = self.vehicles.get(slug) else {
            let known: Vec<&str> = self.vehicles.keys().map(String::as_str).collect();
            let message = format!("there is no vehicle {slug:?}; there are: {}", known.join(", "));
            return Err(rejected(Reason::UnknownVehicle, message).await);
        };
        if !vehicle.allows(name) {
            let message = format!("{name} is not in the vehicle's `allow` list");
            return Err(rejected(Reason::NotAllowed, message).await);
        }
        if vehicle.lacks(name) {
            return Err(rejected(Reason::Unsupported, format!("this vehicle does not have {name}")).await);
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(rejected(Reason::HostStopping, "the host is stopping".to_owned()).await);
        }
        // Before it is written down: a flood costs no disk, and what is rejected now may be sent again.
        let Some(turn) = vehicle.enqueue(name) else {
            return Err(rejected(Reason::Busy, "too many commands wait for this vehicle".to_owned()).await);
        };
        let chosen = match (&id, request.delivery, before) {
            (_, _, Err(error)) => Err(error),
            (Some(id), ..) => Ok(id.clone()),
            (None, _, Ok(Some(before))) => Ok(before.id),
            (None, None, Ok(None)) => Ok(new_id()),
            (None, Some(delivery), Ok(None)) => {
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
        };
        let report = match chosen {
            Ok(id) => Report::accepted(slug, id, name, now),
            Err(error) => return Err(rejected(Reason::HostFault, error.to_string()).await),
        };
        // It was understood, so it is text.
        let payload = String::from_utf8_lossy(&request.payload).into_owned();
        let asked = Asked::new(operation, &payload);
        match self.ledger.begin(slug, &report, &asked, request.respond_to.clone()).await {
            Ok(Known::New) => {
                let request = (operation.to_owned(), payload);
                let vehicle = Arc::clone(vehicle);
                Ok(Some(Accepted { vehicle, action, request, report, turn: Box::pin(turn), open }))
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
            Err(error) => Err(rejected(Reason::HostFault, error.to_string()).await),
        }
    }
}

/// An identifier for a command that came without one.
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
