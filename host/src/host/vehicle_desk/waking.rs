//! Waking a vehicle up by itself, for owners who have configured that (`force.every`).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::VehicleDesk;
use crate::bindings::connector::ReadMode;
use crate::operation::Operation;
use crate::vehicle::{Memory, Vehicle};
use crate::wire::operation::OperationName;

impl VehicleDesk {
    /// Wakes a vehicle up and reads it, if its owner wants that and nothing newer is known of it than he wants,
    /// and unless its bounds forbid it. Called after a read: the cloud may have had something newer.
    pub(super) async fn wake_if_due(&self, vehicle: &Arc<Vehicle>) {
        if vehicle.lacks(OperationName::RefreshForce) {
            return;
        }
        let id = format!("host-{}", uuid::Uuid::now_v7().simple());
        let (account, slug) = (Arc::clone(&vehicle.account), Some(vehicle.slug.clone()));
        let operation = Operation::new(id, OperationName::RefreshForce, account, slug);
        let Some(turn) = vehicle.queue.enqueue(operation.name) else { return };
        let _turn = turn.await;
        let now = self.services.clock.now();
        if !is_due(vehicle, &vehicle.memory(), now) {
            // What was before it in the queue has woken the vehicle up.
            return;
        }
        let waking = match vehicle.wake(now).await {
            Ok(waking) => waking,
            Err((_, message)) => {
                let vehicle = &vehicle.slug;
                return tracing::info!(vehicle, "not woken up, although force.every wants it: {message}");
            }
        };
        tracing::info!(vehicle = vehicle.slug, operation = operation.id, "woken up, as force.every wants it");
        let read = self.read_in(vehicle, &operation, ReadMode::Forced).await;
        if !operation.allowance.arrived() {
            vehicle.was_not_woken(&waking, self.services.clock.now()).await;
        }
        if let Err((_, message)) = read {
            tracing::warn!(vehicle = vehicle.slug, "the vehicle could not be woken up: {message}");
        }
    }
}

/// Whether what is known of a vehicle, and the last time that it was woken up, are as old as its owner wants
/// at most. Of what has no age nothing is due. A vehicle that does not answer was woken up all the same.
pub(super) fn is_due(vehicle: &Vehicle, memory: &Memory, now: Timestamp) -> bool {
    let Some(every) = vehicle.configured.force.every else { return false };
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let is_old = |at: Timestamp| now.duration_since(at) >= every;
    memory.known.vehicle_time().is_some_and(is_old) && memory.rhythm.woken_at().is_none_or(is_old)
}
