//! The vehicle list and the driving history.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::routes::bad_body;
use crate::world::World;

pub(crate) fn list(world: &mut World) -> Answer {
    let vehicles: Vec<Value> = world.vehicles.iter().map(|vehicle| vehicle.config.listing()).collect();
    envelope::spa_success(Some(json!({ "vehicles": vehicles })), &world.ids.uuid())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Period {
    period_target: u8,
}

/// Made-up consumption, the same for every car: totals for period 1, totals and one day for period 0.
pub(crate) fn history(world: &mut World, incoming: &Incoming) -> Result<Answer, Refused> {
    let details = match serde_json::from_slice(&incoming.body) {
        Ok(Period { period_target: 0 }) => json!([{
            "drivingDate": "20261120",
            "totalPwrCsp": 9000,
            "motorPwrCsp": 7600,
            "climatePwrCsp": 900,
            "eDPwrCsp": 400,
            "batteryMgPwrCsp": 100,
            "regenPwr": 2100,
            "calculativeOdo": 52,
        }]),
        Ok(Period { period_target: 1 }) => json!([]),
        Ok(_) => return Err(bad_body(world, "periodTarget is neither 0 nor 1")),
        Err(error) => return Err(bad_body(world, error.to_string())),
    };
    let message = json!({
        "drivingInfo": [{
            "drivingPeriod": 0,
            "totalPwrCsp": 180_000,
            "motorPwrCsp": 150_000,
            "climatePwrCsp": 20_000,
            "eDPwrCsp": 9000,
            "batteryMgPwrCsp": 1000,
            "regenPwr": 40_000,
            "calculativeOdo": 1000,
        }],
        "drivingInfoDetail": details,
    });
    Ok(envelope::spa_success(Some(message), &world.ids.uuid()))
}
