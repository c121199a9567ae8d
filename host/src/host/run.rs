//! A command on its way: its owner, its progress, and the ledger in which that is written down.

mod execution;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::command_desk::CommandDesk;
use super::ledger::{CommandLedger, Pending};
use crate::bindings::connector::VehicleRef;
use crate::operation::{Observer, Operation, Progress, Stage};
use crate::primitives::Journal;
use crate::store::StoreError;
use crate::time::Clock;
use crate::vehicle::{Found, Memory, Vehicle};
use crate::wire::operation::OperationName;
use crate::wire::outcome::State;
use crate::wire::report::{PolicyUsed, Report};

/// A command on its way: its owner, its progress, and the ledger in which that is written down.
pub(super) struct CommandRun {
    pub(super) vehicle: Arc<Vehicle>,
    pub(super) progress: Arc<Progress>,
    desk: Arc<CommandDesk>,
    /// Report of its acceptance. Steps are published as changes of it.
    accepted: Report,
    pub(super) name: OperationName,
    request: (String, String),
    deadline: Timestamp,
    sent_at: OnceLock<Timestamp>,
    /// The policy that it is done with, whichever is active meanwhile.
    policy: OnceLock<PolicyUsed>,
    /// Vehicle time of the state that was known when it began.
    before: OnceLock<Timestamp>,
    /// Car that it is sent to, if that is known.
    car: Mutex<Option<String>>,
    /// Whether the state that it has led to was read, and is published.
    shown: AtomicBool,
}

impl CommandRun {
    pub(super) fn new(
        desk: &Arc<CommandDesk>,
        vehicle: &Arc<Vehicle>,
        accepted: &Report,
        name: OperationName,
        request: (String, String),
    ) -> Self {
        let journal = LedgerJournal {
            ledger: Arc::clone(&desk.ledger),
            clock: Arc::clone(&desk.services.clock),
            vehicle: vehicle.slug.clone(),
            id: accepted.id.clone(),
        };
        Self {
            progress: Arc::new(Progress::of_command(&vehicle.account, name, Arc::new(journal))),
            vehicle: Arc::clone(vehicle),
            desk: Arc::clone(desk),
            deadline: accepted.requested_at.checked_add(name.deadline()).unwrap_or(Timestamp::MAX),
            accepted: accepted.clone(),
            name,
            request,
            sent_at: OnceLock::new(),
            policy: OnceLock::new(),
            before: OnceLock::new(),
            car: Mutex::default(),
            shown: AtomicBool::new(false),
        }
    }

    /// Whether the state that it has led to was read, and is published.
    pub(super) fn is_shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }

    /// Records that the command is done with the policy of this operation.
    pub(super) fn done_by(&self, operation: &Operation, report: &mut Report) {
        report.policy = Some(self.policy.get_or_init(|| (&operation.policy).into()).clone());
    }

    /// Makes the operation that does it.
    pub(super) fn operation(&self) -> Operation {
        let (account, slug) = (Arc::clone(&self.vehicle.account), Some(self.vehicle.slug.clone()));
        Operation::new(self.accepted.id.clone(), self.name, account, slug)
            .reporting(Arc::clone(&self.progress))
    }

    /// Reports that it has reached this state.
    fn step(&self, state: State) -> Report {
        let (policy, sent_at) = (self.policy.get().cloned(), self.sent_at.get().copied());
        let mut step = Report { state, policy, sent_at, ..self.accepted.clone() };
        self.progress.write_into(&mut step);
        step
    }

    /// Writes its progress into a report.
    pub(super) fn write_into(&self, report: &mut Report) {
        report.sent_at = report.sent_at.or(self.sent_at.get().copied());
        self.progress.write_into(report);
    }

    /// Records that it is being sent, so that what is known now was said before.
    pub(super) fn is_sent(&self) {
        let mut memory = self.vehicle.memory();
        let Memory { controls, known, .. } = &mut *memory;
        controls.sent(&self.accepted.id, known);
    }

    /// Returns the vehicle time of what was known of the vehicle when this began.
    pub(super) fn before(&self) -> Option<Timestamp> {
        self.before.get().copied()
    }

    /// Records the car that it is sent to.
    fn is_about(&self, found: &Found) {
        *self.car.lock() = found.car.clone();
    }

    /// Returns the car that it was sent to.
    fn car(&self) -> Option<String> {
        self.car.lock().clone()
    }

    /// Continues a command of which an earlier host has done the first part.
    pub(super) fn resumed(self, pending: &Pending) -> Self {
        self.progress.resume_from(&self.accepted, self.name);
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
        self.sent_at.get_or_init(|| self.desk.services.clock.now());
        self.is_sent();
        self.desk.announcer.announce_report(&self.vehicle, &self.step(state));
    }

    fn taken<'a>(&'a self, vehicle: &'a VehicleRef, continuation: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // A caller that still wants to know can ask again.
            if !self.name.reaches_vehicle() {
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
            let stored = self.desk.ledger.pending(&self.vehicle.slug, &step, &pending).await;
            if let Err(error) = stored {
                tracing::error!(operation = step.id, "it is not asked about after a restart: {error}");
            }
        })
    }
}

/// Journal that writes into the ledger that a command is being sent.
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
