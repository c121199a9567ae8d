//! What became of commands.

use serde_json::Value;

use crate::envelope::{self, Answer, Refused};
use crate::routes::no_vehicle;
use crate::strict::Admitted;
use crate::world::World;

/// The records of this car that belong to the asking device id, newest first. Each call is one step for each.
pub(crate) fn list(world: &mut World, id: &str, admitted: &Admitted) -> Result<Answer, Refused> {
    let now = world.now();
    let message_id = world.ids.uuid();
    let Some(vehicle) = world.vehicle_mut(id) else {
        return Err(no_vehicle(world));
    };
    // First what ends with this poll, so that who reads "success" finds it done.
    vehicle.settle(now);
    let own = vehicle.records.iter_mut().rev().filter(|record| record.belongs_to(&admitted.device));
    let rows: Vec<Value> = own.filter_map(|record| record.poll()).collect();
    Ok(envelope::spa_success(Some(Value::Array(rows)), &message_id))
}
