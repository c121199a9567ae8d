//! Reading a vehicle: one request for each part that it tells.

use vehicle_connector_sdk::log;
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::state::Document;

use crate::garage::Car;
use crate::kamereon::{self, Adapter, Kamereon};
use crate::models::{PARTS, Part};
use crate::{absent, state};

/// Where positions are in the answers.
const POSITION: &[&str] = &["/data/attributes/gpsLatitude", "/data/attributes/gpsLongitude"];

/// Reads what the cloud last heard. A part that the vehicle does not have is remembered and not asked for
/// again; one that cannot be read now is left out.
///
/// # Errors
///
/// Nothing could be read, or the cloud takes no more requests.
pub(crate) fn cached(cloud: &Kamereon<'_>, car: &Car) -> Result<Outcome, Failure> {
    let known = absent::of(car);
    let mut document = Document::default();
    let (mut found, mut last) = (Vec::new(), None);
    for part in PARTS.into_iter().filter(|part| !known.contains(part)) {
        match kamereon::send(request(cloud, car, part), Phase::Status) {
            Ok(answer) => state::put(&mut document, part, &answer, &cloud.country),
            Err(failure) if absent::says(&failure) => {
                found.push(part);
                last = Some(failure);
            }
            Err(failure) if ends_it(&failure) || !document.has_values() => return Err(failure),
            Err(failure) => {
                log::debug(&format!("{part:?} cannot be read now: {}", failure.message));
            }
        }
    }
    match last {
        // Refused all alike: not what it lacks, but whose it is.
        Some(failure) if !document.has_values() && !document.has_location() => Err(failure),
        _ => {
            absent::remember(car, &found);
            Ok(Outcome::read(document))
        }
    }
}

/// The charge levels that are set.
///
/// # Errors
///
/// They cannot be read.
pub(crate) fn levels(cloud: &Kamereon<'_>, car: &Car) -> Result<Answer, Failure> {
    kamereon::send(request(cloud, car, Part::Limits), Phase::Status)
}

fn request(cloud: &Kamereon<'_>, car: &Car, part: Part) -> Request {
    match part {
        Part::Battery => cloud.get(car, Adapter::Kca(2), "battery-status"),
        Part::Cockpit => cloud.get(car, Adapter::Kca(1), "cockpit"),
        Part::Location => cloud.get(car, Adapter::Kca(1), "location").hide(POSITION),
        Part::Climate => cloud.get(car, Adapter::Kca(1), "hvac-status"),
        Part::Locks => cloud.get(car, Adapter::Kca(1), "lock-status"),
        Part::Limits => cloud.get(car, Adapter::Kcm, "ev/soc-levels"),
    }
}

/// Whether every other part would be refused as well: session, key, quota, or nothing that left this machine.
/// Another 403 may be about one part alone, such as the position while the owner wants privacy.
fn ends_it(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(401 | 429))
        || failure.code.as_deref() == Some(kamereon::ACCESS_DENIED)
        || matches!(failure.transport, Some(Transport::NotSent | Transport::Denied))
}
