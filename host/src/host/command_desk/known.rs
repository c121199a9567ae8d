//! Commands that are known: how far each is, and the way to wait for its result.

use std::sync::Arc;

use super::{CommandDesk, resume};
use crate::host::handle::Handle;
use crate::host::ledger::{Interrupted, Joined};
use crate::store::StoreError;
use crate::wire::report::Report;

/// Answer to a caller that wants to wait for a command.
#[derive(Debug)]
pub(in crate::host) enum Awaited {
    /// No command of this identifier is remembered.
    Unknown,
    /// It is over.
    Over(Box<Report>),
    /// It has come this far, and the handle has its result.
    UnderWay(Box<Report>, Handle),
}

impl CommandDesk {
    /// Leaves commands of an earlier host to the next one, until somebody asks for them.
    pub(in crate::host) fn put_aside(&self, interrupted: Vec<Interrupted>) {
        *self.aside.lock() = interrupted;
    }

    /// Goes on with a command of an earlier host that was put aside, if this is one.
    pub(in crate::host) async fn go_on(self: &Arc<Self>, vehicle: &str, id: &str) {
        let of_it = |one: &Interrupted| one.vehicle == vehicle && one.report.id == id;
        let taken = {
            let mut aside = self.aside.lock();
            aside.iter().position(of_it).map(|at| aside.remove(at))
        };
        if let Some(interrupted) = taken {
            resume(self, vec![interrupted]).await;
        }
    }

    /// Returns how far a command is, or its result; none if it is not remembered.
    pub(in crate::host) async fn progress(
        &self,
        vehicle: &str,
        id: &str,
    ) -> Result<Option<Report>, StoreError> {
        self.ledger.progress(vehicle, id).await
    }

    /// Returns the latest step of a vehicle's latest command, be it one that was rejected, or of a time before this
    /// start.
    pub(in crate::host) async fn last(&self, vehicle: &str) -> Option<Report> {
        let told = self.fleet.vehicle(vehicle).and_then(|vehicle| vehicle.memory().last_report.clone());
        let written = match self.ledger.latest(vehicle) {
            Some(id) => self.ledger.progress(vehicle, &id).await.ok().flatten(),
            None => None,
        };
        // Of the same one the ledger may be a step behind.
        told.into_iter().chain(written).rev().max_by_key(|report| report.requested_at)
    }

    /// Waits for a command with those that wait already.
    pub(in crate::host) async fn wait(
        self: &Arc<Self>,
        vehicle: &str,
        id: &str,
    ) -> Result<Awaited, StoreError> {
        self.go_on(vehicle, id).await;
        let (handle, asker) = Handle::new();
        Ok(match self.ledger.join(vehicle, id, asker).await? {
            None => Awaited::Unknown,
            Some(Joined::Over(report)) => Awaited::Over(report),
            Some(Joined::UnderWay(report)) => Awaited::UnderWay(report, handle),
        })
    }
}
