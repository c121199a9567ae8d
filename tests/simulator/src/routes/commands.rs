//! Commands: from a path and a body to an accepted action.

mod bodies;

use crate::action::{Ending, Outcome, Record};
use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::route::CommandPath;
use crate::routes::{bad_body, no_vehicle};
use crate::strict::Admitted;
use crate::world::{Shared, World};

/// Checks the body, counts the actuation, and lets it end as planned. The answer's `msgId` is the record's id.
pub(crate) fn accept(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    id: &str,
    path: CommandPath,
    admitted: &Admitted,
) -> Result<Answer, Refused> {
    let action = bodies::parse(path, &incoming.body, &admitted.device, world.config.region)
        .map_err(|reason| bad_body(world, reason))?;
    let now = world.now();
    let message_id = world.ids.uuid();
    let refuse_while_pending = world.config.strict.refuse_while_pending;
    let Some(vehicle) = world.vehicle(id) else {
        return Err(no_vehicle(world));
    };
    if refuse_while_pending && vehicle.records.iter().any(Record::is_pending) {
        let answer = envelope::spa_failure("4004", "Duplicate request - Duplicate request.", &message_id);
        return Err(Refused::by_check("an action is pending", answer));
    }
    let outcome = if vehicle.reachable {
        world.next_outcomes.pop_front().unwrap_or_else(|| world.outcome.clone())
    } else {
        Outcome::new(Ending::NonResponse)
    };
    shared.count(|counters| counters.actuate(id, action.kind()));
    if let Some(vehicle) = world.vehicle_mut(id) {
        vehicle.records.push(Record::new(message_id.clone(), admitted.device.clone(), action, outcome));
        vehicle.settle(now);
    }
    Ok(envelope::spa_success(None, &message_id))
}
