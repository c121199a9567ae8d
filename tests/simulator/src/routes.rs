//! What each route does and answers, once a request was admitted.

pub(crate) mod account;
pub(crate) mod cci;
pub(crate) mod commands;
pub(crate) mod control;
pub(crate) mod direct;
pub(crate) mod idp;
pub(crate) mod records;
pub(crate) mod sign_in;
pub(crate) mod status;
pub(crate) mod vehicles;

use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::route::{Call, VehicleCall};
use crate::strict::Admitted;
use crate::world::{Shared, World};

/// Carries the request out, in one go under the lock.
pub(crate) fn act(shared: &Shared, incoming: &Incoming, admitted: &Admitted) -> Result<Answer, Refused> {
    let mut guard = shared.world();
    let world = &mut *guard;
    match &incoming.call {
        Call::Token => idp::grant(shared, world, incoming),
        Call::Idp(call) => sign_in::act(shared, world, incoming, *call),
        Call::Cci(call) => cci::act(shared, world, incoming, *call),
        Call::Direct(call) => direct::act(shared, world, incoming, *call),
        Call::Authorize => account::authorize(world, incoming),
        Call::Language => account::language(world, incoming),
        Call::Register => account::register(world, incoming),
        Call::Pin => account::pin(world, incoming),
        Call::Vehicles => Ok(vehicles::list(world)),
        Call::Vehicle { id, wants } => match wants {
            VehicleCall::LegacyStatus { forced } => status::legacy(world, id, *forced),
            VehicleCall::Ccs2Status { forced } => status::ccs2(world, id, *forced),
            VehicleCall::Park => status::park(world, id),
            VehicleCall::Location => status::location(world, id),
            VehicleCall::History => vehicles::history(world, incoming),
            VehicleCall::Records => records::list(world, id, admitted),
            VehicleCall::Command(path) => commands::accept(shared, world, incoming, id, *path, admitted),
        },
        Call::Unknown => Err(no_route()),
    }
}

/// A place that this cloud does not have.
pub(crate) fn no_route() -> Refused {
    Refused::by_check("no such route", Answer::raw(404, r#"{"error":"Not Found"}"#.to_owned(), Vec::new()))
}

/// A body that a strict server does not take.
fn bad_body(world: &mut World, reason: impl Into<String>) -> Refused {
    let message_id = world.ids.uuid();
    let answer = envelope::spa_failure("4002", "Invalid request body - Invalid parameter.", &message_id);
    Refused::by_check(reason, answer)
}

/// The checks found the vehicle, and vehicles do not go away; this is for the compiler.
fn no_vehicle(world: &mut World) -> Refused {
    bad_body(world, "no such vehicle")
}
