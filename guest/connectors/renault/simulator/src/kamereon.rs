//! What the routes of the vehicle service answer.

use serde_json::{Value, json};
use simulator::kit::Answer;

use crate::car::Aspect;
use crate::commands;
use crate::counters;
use crate::documents;
use crate::envelope::{self, Refused};
use crate::exchange::Case;
use crate::route::RouteKind as Kind;

type Acted = Result<Answer, Refused>;

pub(crate) fn act(case: &mut Case<'_>) -> Acted {
    match case.incoming.call.kind {
        Kind::Person => Ok(person(case)),
        Kind::Vehicles => vehicles(case),
        Kind::VehicleDetails => with_car(case, |car| documents::details(car)),
        Kind::Contracts => Ok(contracts()),
        Kind::Unsimulated => Err(Refused::new("not simulated", envelope::not_found())),
        kind if kind.is_command() => commands::act(case),
        kind => read(case, kind),
    }
}

fn person(case: &Case<'_>) -> Answer {
    let person = &case.world.config.person_id;
    let accounts = case.world.accounts.iter().map(|account| {
        let config = &account.config;
        json!({
            "accountId": config.id,
            "accountType": config.kind,
            "accountStatus": config.status,
            "country": config.country,
            "personId": person,
            "relationType": "OWNER",
        })
    });
    Answer::json(
        200,
        &json!({
            "personId": person,
            "type": "I",
            "country": "FR",
            "firstName": "Simulated",
            "lastName": "Owner",
            "idp": { "idpId": person, "idpType": "GIGYA", "idpStatus": "ACTIVE" },
            "accounts": accounts.collect::<Vec<_>>(),
            "locale": "fr-FR",
        }),
    )
}

fn vehicles(case: &Case<'_>) -> Acted {
    let id = case.incoming.call.account.as_deref().unwrap_or_default();
    let account = case.world.account(id).ok_or_else(gone)?;
    let links = account.cars.iter().map(documents::link).collect::<Vec<_>>();
    let body = json!({ "accountId": id, "country": account.config.country, "vehicleLinks": links });
    Ok(Answer::json(200, &body))
}

/// One of these answers that are a list and not an object.
fn contracts() -> Answer {
    let contract = json!({
        "type": "CONNECTED_SERVICES", "contractId": "contract-1", "code": "40", "group": "REMOTE",
        "durationMonths": 36, "startDate": "2025-01-01", "endDate": "2027-12-31", "status": "ACTIVE",
        "statusLabel": "Active", "description": "Remote services",
    });
    Answer::json(200, &json!([contract]))
}

fn read(case: &mut Case<'_>, kind: Kind) -> Acted {
    let now = case.world.now();
    let aspect = match kind {
        Kind::HvacStatus => Some(Aspect::Hvac),
        Kind::BatteryStatus => Some(Aspect::Charging),
        Kind::SocLevels => Some(Aspect::Limits),
        _ => None,
    };
    let shared = case.shared;
    with_car(case, |car| {
        let done = aspect.map(|aspect| car.read(aspect)).unwrap_or_default();
        shared.count(|all| {
            done.iter().for_each(|kind| counters::add(&mut all.executed, &car.config.vin, *kind));
        });
        documents::document(car, kind, now)
    })
}

fn with_car(case: &mut Case<'_>, show: impl FnOnce(&mut crate::car::Car) -> Value) -> Acted {
    let call = &case.incoming.call;
    let (account, vin) = (call.account.as_deref(), call.vin.as_deref());
    let car = case.world.car_of(account.unwrap_or_default(), vin.unwrap_or_default()).ok_or_else(gone)?;
    Ok(Answer::json(200, &show(car)))
}

/// The checks found the account and the car, and neither goes away meanwhile; this is for the compiler.
fn gone() -> Refused {
    Refused::new("no car of this account", envelope::forbidden())
}
