//! Finding the configured vehicles in the cloud.

use std::sync::Arc;

use super::Host;
use crate::account::Account;
use crate::bindings::connector::VehicleRef;
use crate::config::Selector;
use crate::operation::step::{Failed, Step, Stopped};
use crate::operation::{Operation, OperationName, Reason};
use crate::plugin::{Answer, Ask};
use crate::vehicle::Vehicle;

/// What the cloud says of a vehicle.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) vehicle: VehicleRef,
    pub(crate) operations: Vec<String>,
}

impl Host {
    /// Asks every account's cloud for its vehicles, so that a wrong credential shows at the start and not with
    /// the first command. What fails is tried again when a command needs it.
    pub async fn find_vehicles(self: &Arc<Self>) {
        for vehicle in self.vehicles.values() {
            let id = format!("start-{}", uuid::Uuid::now_v7().simple());
            let operation = self.operation(id, OperationName::ListVehicles, &vehicle.account);
            if let Err(Stopped::Failed(failed)) = self.find(vehicle, &operation).await {
                tracing::warn!(vehicle = vehicle.slug, "the vehicle was not found: {}", failed.message);
            }
        }
    }

    fn operation(&self, id: String, name: OperationName, account: &Arc<Account>) -> Operation {
        Operation::new(id, name, Arc::clone(account), None, || false)
    }

    /// A vehicle's place in the cloud. Asked for once; whoever comes meanwhile waits for that answer.
    pub(super) async fn find(&self, vehicle: &Vehicle, operation: &Operation) -> Result<Found, Stopped> {
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let _one_at_a_time = vehicle.account.listing.lock().await;
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let answer = Step::new(operation).take(&Ask::ListVehicles).await;
        self.announce_account(&vehicle.account);
        let Answer::Vehicles(listed) = answer? else {
            return Err(failed(
                Reason::ConnectorFault,
                "the connector answered something that it was not asked",
            ));
        };
        // One list answers for all vehicles of the account.
        for other in self.vehicles.values().filter(|other| other.account.slug == vehicle.account.slug) {
            let matching = listed.iter().find(|listed| match &other.selector {
                Selector::Vin(vin) => listed.vin.eq_ignore_ascii_case(vin),
                Selector::Id(id) => listed.id == *id,
                Selector::Name(name) => listed.name == *name,
            });
            if let Some(listed) = matching {
                let found = Found {
                    vehicle: VehicleRef { id: listed.id.clone(), traits: listed.traits.clone() },
                    operations: listed.operations.clone(),
                };
                other.memory().found = Some(found.clone());
                tracing::info!(vehicle = other.slug, model = listed.model, "vehicle found");
                self.announce_found(other, &found.operations);
            }
        }
        let found = vehicle.memory().found.clone();
        found.ok_or_else(|| {
            let message = format!(
                "the account {} has no vehicle with the {} that the configuration gives; it has {} vehicle(s)",
                vehicle.account.slug,
                vehicle.selector.kind(),
                listed.len()
            );
            failed(Reason::UnknownVehicle, message)
        })
    }
}

fn failed(reason: Reason, message: impl Into<String>) -> Stopped {
    Stopped::Failed(Failed { reason, message: message.into(), ambiguous: false, rejected: true })
}
