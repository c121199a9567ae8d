//! What the cloud knows about a car, and asking the car itself.
//!
//! "Cached" answers show what the car last reported; "forced" ones make it report first. A car out of reach
//! reports nothing: the legacy route then fails with 4081, the CCS2 one answers success all the same, as the
//! real one does, and its cached status stays as old as it was.

use serde_json::json;

use crate::envelope::{self, Answer, Refused};
use crate::region::Region;
use crate::routes::no_vehicle;
use crate::world::World;

pub(crate) fn legacy(world: &mut World, id: &str, forced: bool) -> Result<Answer, Refused> {
    let (now, region) = (world.now(), world.config.region);
    let message_id = world.ids.uuid();
    let Some(vehicle) = world.vehicle_mut(id) else {
        return Err(no_vehicle(world));
    };
    if !forced {
        let message = match region {
            Region::Eu => json!({ "vehicleStatusInfo": vehicle.legacy_cached() }),
            Region::Au | Region::Nz => vehicle.legacy_status(region),
        };
        return Ok(envelope::spa_success(Some(message), &message_id));
    }
    if !vehicle.reachable {
        let answer = envelope::spa_failure("4081", "Request timeout - Request timeout.", &message_id);
        return Err(Refused::by_check("car out of reach", answer));
    }
    vehicle.report(now);
    Ok(envelope::spa_success(Some(vehicle.legacy_status(region)), &message_id))
}

pub(crate) fn ccs2(world: &mut World, id: &str, forced: bool) -> Result<Answer, Refused> {
    let (now, region) = (world.now(), world.config.region);
    let message_id = world.ids.uuid();
    let Some(vehicle) = world.vehicle_mut(id) else {
        return Err(no_vehicle(world));
    };
    if forced {
        vehicle.report(now);
        // Elsewhere the answer is what the car says, or what the cloud had when it says nothing.
        let message = (region != Region::Eu).then(|| vehicle.ccs2_status());
        return Ok(envelope::spa_success(message, &message_id));
    }
    Ok(envelope::spa_success(Some(vehicle.ccs2_status()), &message_id))
}

pub(crate) fn park(world: &mut World, id: &str) -> Result<Answer, Refused> {
    let (message_id, region) = (world.ids.uuid(), world.config.region);
    let Some(vehicle) = world.vehicle(id) else {
        return Err(no_vehicle(world));
    };
    Ok(envelope::spa_success(Some(vehicle.parked(region)), &message_id))
}

pub(crate) fn location(world: &mut World, id: &str) -> Result<Answer, Refused> {
    let message_id = world.ids.uuid();
    let Some(vehicle) = world.vehicle(id) else {
        return Err(no_vehicle(world));
    };
    Ok(envelope::spa_success(Some(vehicle.located()), &message_id))
}
