//! Finding the configured vehicles in the cloud.

use std::sync::Arc;
use std::time::Duration;

use super::Host;
use crate::bindings::connector::VehicleRef;
use crate::config::Selector;
use crate::failure::LONGEST_MESSAGE;
use crate::operation::step::{Failed, Step, Stopped};
use crate::operation::{Operation, OperationName, Reason};
use crate::plugin::{Answer, Ask};
use crate::redact::{cut, mask_vins};
use crate::vehicle::Vehicle;

/// The first and the longest pause before vehicles are looked for again.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// What the cloud says of a vehicle.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) vehicle: VehicleRef,
    pub(crate) operations: Vec<String>,
}

impl Host {
    /// Asks every account's cloud for its vehicles, so that a wrong credential shows at the start and not with
    /// the first command. Returns whether all were found.
    pub async fn find_vehicles(self: &Arc<Self>) -> bool {
        let mut all = true;
        for vehicle in self.vehicles.values() {
            let id = format!("host-{}", uuid::Uuid::now_v7().simple());
            let account = Arc::clone(&vehicle.account);
            let operation = Operation::new(id, OperationName::ListVehicles, account, None);
            if let Err(Stopped::Failed(failed)) = self.find(vehicle, &operation).await {
                tracing::warn!(vehicle = vehicle.slug, "the vehicle was not found: {}", failed.message);
                all = false;
            }
        }
        all
    }

    /// Finds the vehicles and reads them once, and tries again with growing pauses until all are found: a host may
    /// well start before its network.
    pub async fn settle_in(self: &Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        while !self.find_vehicles().await {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.read_all().await;
    }

    /// A vehicle's place in the cloud. Asked for once; whoever comes meanwhile waits for that answer.
    pub(super) async fn find(&self, vehicle: &Vehicle, operation: &Operation) -> Result<Found, Stopped> {
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let turn = tokio::time::timeout_at(operation.deadline, vehicle.account.listing.lock()).await;
        let Ok(_one_at_a_time) = turn else {
            let seconds = operation.name.deadline().as_secs();
            let message = format!("the vehicles were not listed within the {seconds} s that it may take");
            return Err(failed(Reason::UpstreamUnavailable, message));
        };
        let known = vehicle.memory().found.clone();
        if let Some(found) = known {
            return Ok(found);
        }
        let answer = Step::new(operation).take(&Ask::ListVehicles, || {}).await;
        vehicle.account.announce();
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
            let names: Vec<String> =
                listed.iter().map(|listed| format!("{:?}", mask_vins(&listed.name))).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!(
                "the account {} has no vehicle with the {} that the configuration gives; it has, by name: {names}",
                vehicle.account.slug,
                vehicle.selector.kind()
            );
            failed(Reason::UnknownVehicle, cut(message, LONGEST_MESSAGE))
        })
    }
}

fn failed(reason: Reason, message: impl Into<String>) -> Stopped {
    Stopped::Failed(Failed { reason, message: message.into(), ambiguous: false, rejected: true })
}
