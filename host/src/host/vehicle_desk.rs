//! Finding the configured vehicles in the cloud, finding them again, and reading them.

mod choice;
mod poll;
mod reading;
pub(super) mod settle;
mod waking;

use std::sync::Arc;
use std::time::Duration;

use self::choice::{choose, identity};
use super::announcer::Announcer;
use super::fleet::Fleet;
use crate::account::Account;
use crate::bindings::connector::{Vehicle as Listed, VehicleRef};
use crate::events::{AboutVehicle, Event};
use crate::operation::step::{Failed, Step, StepError};
use crate::operation::{Ended, Operation};
use crate::plugin::question::ListVehicles;
use crate::redact::cut;
use crate::services::Services;
use crate::vehicle::{Found, Missing, Vehicle};
use crate::wire::operation::OperationName;
use crate::wire::outcome::{Reason, State};
use crate::wire::report::LONGEST_MESSAGE;
use crate::wire::words::Words;

/// Number of answers in a row that say "no" for good after which the list is read again, if none of them was
/// about the question itself.
const REFUSALS: u32 = 3;

/// Time in which the list is not read again because of refusals: a car that the vendor refuses something for
/// good costs one request more in that time.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);

/// Finds and reads the vehicles, and takes in what is found.
#[derive(Debug)]
pub(super) struct VehicleDesk {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) announcer: Arc<Announcer>,
}

impl VehicleDesk {
    /// Looks once for every vehicle that was not found yet, for a caller that has to wait for that;
    /// [`settle_in`](settle::settle_in) looks until they are found. Returns whether all are.
    pub(super) async fn find_vehicles(&self) -> bool {
        let mut all = true;
        for vehicle in self.fleet.now().vehicles.values() {
            let operation = self.listing(&vehicle.account);
            if let Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) =
                self.find(vehicle, &operation).await
            {
                tracing::warn!(vehicle = vehicle.slug, "the vehicle was not found: {}", failed.words);
                all = false;
            }
        }
        all
    }

    /// Makes the operation that reads an account's list unasked.
    pub(super) fn listing(&self, account: &Arc<Account>) -> Operation {
        let id = format!("host-{}", uuid::Uuid::now_v7().simple());
        Operation::new(id, OperationName::ListVehicles, Arc::clone(account), None)
    }

    /// Returns a vehicle's place in the cloud. Asked for once; a caller that comes meanwhile waits for that
    /// answer.
    pub(super) async fn find(&self, vehicle: &Vehicle, operation: &Operation) -> Result<Found, StepError> {
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let turn = tokio::time::timeout_at(operation.deadline, vehicle.account.listing.turn()).await;
        let Ok(_one_at_a_time) = turn else {
            let seconds = operation.name.deadline().as_secs();
            let message = format!("the vehicles were not listed within the {seconds} s that it may take");
            return Err(failed(Reason::UpstreamUnavailable, message));
        };
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        self.list(&vehicle.account, operation).await?;
        let memory = vehicle.memory();
        memory.found.clone().ok_or_else(|| {
            let message = memory.missing.as_ref().map(|missing| missing.message.clone());
            failed(Reason::UnknownVehicle, message.unwrap_or_default())
        })
    }

    /// Reads an account's list. One list answers for all vehicles of the account, those too that were found
    /// before: their identifier may be another one by now, or they may be gone. Callers hold the turn of
    /// the account's `listing`.
    pub(super) async fn list(&self, account: &Arc<Account>, operation: &Operation) -> Result<(), StepError> {
        let listed = Step::new(operation).take(&ListVehicles, || {}).await;
        account.announce();
        let listed = listed?;
        account.listing.learn(&listed);
        for vehicle in self.fleet.now().vehicles_of(account) {
            let known = vehicle.identity.known();
            match choose(&vehicle.configured.selector, known.as_deref(), &listed) {
                Ok(listed) => self.take_place(vehicle, listed).await,
                Err(none) => {
                    let message = none.in_words(&vehicle.slug, &account.slug, &vehicle.configured.selector);
                    self.lose(vehicle, cut(message, LONGEST_MESSAGE));
                }
            }
        }
        account.settle();
        Ok(())
    }

    /// Gives a vehicle the place where it was found, for the first time or again.
    async fn take_place(&self, vehicle: &Vehicle, listed: &Listed) {
        let found = Found {
            vehicle: VehicleRef { id: listed.id.clone(), traits: listed.traits.clone() },
            car: identity(listed),
            operations: listed.operations.clone(),
        };
        if let Some(car) = &found.car {
            let (another, stored) = vehicle.identity.is(car).await;
            if let Err(error) = stored {
                tracing::error!(vehicle = vehicle.slug, "which car it is is not remembered: {error}");
            }
            if another {
                tracing::warn!(
                    vehicle = vehicle.slug,
                    "another car has this place now; what was known is forgotten"
                );
                self.announcer.forget(vehicle);
            }
        }
        let (before, is_told) = vehicle.learn(|memory| {
            memory.known.operations = Some(found.operations.clone());
            let offered = memory.known.offered.clone();
            let now = self.services.clock.now();
            memory.known.offered.listed(&found.operations, &listed.name, &listed.model, now);
            if memory.known.offered != offered {
                self.announcer.discovery.changed(&vehicle.slug);
            }
            let refused_otherwise = memory.known.offered.is_refused_otherwise(&offered);
            (memory.found.replace(found.clone()), memory.missing.take().is_none() && !refused_otherwise)
        });
        match before {
            None => tracing::info!(vehicle = vehicle.slug, model = listed.model, "vehicle found"),
            Some(before) if before.vehicle.id != found.vehicle.id => {
                // Refusals of the old identifier say nothing about the car.
                vehicle.learn(|memory| memory.known.offered.may_have_everything());
                tracing::warn!(vehicle = vehicle.slug, "the vendor has given the vehicle another identifier");
            }
            Some(before) if before.operations == found.operations && is_told => return,
            Some(_) => {}
        }
        self.announcer.announce_presence(vehicle);
    }

    /// Records that the account does not have the vehicle.
    fn lose(&self, vehicle: &Vehicle, message: String) {
        let is_told = vehicle.learn(|memory| {
            memory.found = None;
            memory.was_read = false;
            // The next host must not say that it is there.
            memory.known.operations = None;
            if memory.missing.as_ref().is_some_and(|missing| missing.message == message) {
                return true;
            }
            let since = memory.missing.as_ref().map(|missing| missing.since);
            let since = since.unwrap_or_else(|| self.services.clock.now());
            memory.missing = Some(Missing { message: message.clone(), since });
            false
        });
        if is_told {
            return;
        }
        tracing::error!(vehicle = vehicle.slug, "the vehicle is not to be found: {message}");
        self.services
            .events
            .say(&Event::VehicleMissing(AboutVehicle { vehicle: vehicle.slug.clone(), reason: message }));
        self.announcer.announce_presence(vehicle);
    }

    /// Returns where the vehicle is, after something about it has ended this way, if it is elsewhere than
    /// where it was looked for. Reads the list again if what was answered makes that doubtful, now and then.
    pub(super) async fn moved(
        &self,
        vehicle: &Vehicle,
        looked_for: &VehicleRef,
        operation: &Operation,
        end: &Ended,
    ) -> Option<Found> {
        let deadline = operation.deadline;
        if !is_doubtful(vehicle, operation, end) {
            return None;
        }
        let account = &vehicle.account;
        let _one_at_a_time = tokio::time::timeout_at(deadline, account.listing.turn()).await.ok()?;
        // Another caller may have found out meanwhile.
        let elsewhere = |found: &Found| found.vehicle.id != looked_for.id;
        let now = self.services.clock.monotonic();
        {
            let mut memory = vehicle.memory();
            if let Some(found) = memory.found.clone().filter(elsewhere) {
                return Some(found);
            }
            if memory.looked_at.is_some_and(|at| now.saturating_sub(at) < LOOK_AGAIN) {
                return None;
            }
            memory.looked_at = Some(now);
            memory.refusals = 0;
        }
        let listing = self.listing(account).until(deadline);
        if let Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) =
            self.list(account, &listing).await
        {
            tracing::warn!(
                vehicle = vehicle.slug,
                "it is not known whether the vehicle has moved: {}",
                failed.words
            );
        }
        vehicle.memory().found.clone().filter(elsewhere)
    }
}

/// Whether the identifier may have been refused, and not what was asked. Counts.
fn is_doubtful(vehicle: &Vehicle, operation: &Operation, end: &Ended) -> bool {
    let mut memory = vehicle.memory();
    match end {
        Ended::Failed { .. } if operation.vehicle_in_doubt() => true,
        Ended::Failed {
            reason: Reason::Unsupported | Reason::VehicleRefused | Reason::VehicleUnreachable,
            state: State::Failed | State::Timeout | State::Unknown,
            ..
        } => {
            memory.refusals = memory.refusals.saturating_add(1);
            memory.refusals >= REFUSALS
        }
        Ended::Failed { .. } => false,
        Ended::Succeeded { .. } | Ended::Seen { .. } => {
            memory.refusals = 0;
            false
        }
    }
}

/// Explains a command that was refused because the vehicle has another identifier by now.
pub(super) fn tell_moved(end: &mut Ended) {
    let Ended::Failed { state, words, .. } = end else { return };
    let then = match state {
        State::Failed | State::Rejected => "send the command again",
        _ => "look at the vehicle before you send it again",
    };
    words.ours = Some(format!(
        "the vendor has given this vehicle another identifier, which is used from now on; {then}"
    ));
}

fn failed(reason: Reason, words: impl Into<Words>) -> StepError {
    StepError::Failed(Failed { reason, words: words.into(), ambiguous: false, rejected: true })
}
