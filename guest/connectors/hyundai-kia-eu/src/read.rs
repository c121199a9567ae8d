//! Reading a vehicle.

use vehicle_connector_sdk::connector::{ChargeLimits, Milliseconds};
use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::state::Document;
use vehicle_connector_sdk::{clock, log};

use crate::action::{Continuation, Wake};
use crate::cloud::{self, Cloud, SPA};
use crate::device;
use crate::garage::Car;
use crate::region::Answers;
use crate::state::{ccs2, legacy};
use crate::time::Clock;

/// How long a vehicle may take to wake up and answer while the request is open, in milliseconds.
const BLOCKING: Milliseconds = 120_000;

/// When a vehicle that was woken has told the cloud its state, in milliseconds.
const WAKING: Milliseconds = 25_000;

/// When to look again, in milliseconds.
const LOOK_AGAIN: Milliseconds = 10_000;

/// After so many looks the vehicle is taken to be out of reach.
const LOOKS: u64 = 5;

/// How far the vehicle's clock may be behind this one, in seconds.
const CLOCK_SLACK: i64 = 60;

/// Where positions are in the answers.
const PARK: &[&str] =
    &["/resMsg/coord/lat", "/resMsg/coord/lon", "/resMsg/gpsDetail/coord/lat", "/resMsg/gpsDetail/coord/lon"];
const LEGACY: &[&str] = &[
    "/resMsg/vehicleStatusInfo/vehicleLocation/coord/lat",
    "/resMsg/vehicleStatusInfo/vehicleLocation/coord/lon",
    "/resMsg/vehicleLocation/coord/lat",
    "/resMsg/vehicleLocation/coord/lon",
];
const CCS2: &[&str] = &[
    "/resMsg/state/Vehicle/Location/GeoCoord/Latitude",
    "/resMsg/state/Vehicle/Location/GeoCoord/Longitude",
];

/// Reads what the cloud last heard: one request, and a second one when the first answer has no position.
///
/// # Errors
///
/// The registration or the first request fails; without the second one only the position is missing.
pub(crate) fn cached(cloud: &Cloud<'_>, car: &Car) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    let mut document = heard(cloud, car)?;
    parked(cloud, car, &mut document);
    Ok(Outcome::read(document))
}

/// Asks the vehicle. An older one answers while the request waits; a newer one is woken, and its answer is
/// looked for later.
///
/// # Errors
///
/// As for [`cached`].
pub(crate) fn forced(cloud: &Cloud<'_>, car: &Car) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    if car.is_ccs2() {
        return wake(cloud, car);
    }
    let region = cloud.region;
    let answer = send(car, about(cloud, car, "status").hide(LEGACY).timeout(BLOCKING))?;
    let state = object(&answer, "/resMsg")?;
    if region.answers == Answers::Whole {
        let mut document = legacy::whole(state, region, region.clock_just_now, clock::seconds());
        parked(cloud, car, &mut document);
        return Ok(Outcome::read(document));
    }
    let mut document = Document::default();
    legacy::status(&mut document, state, region, region.clock_just_now, clock::seconds());
    // An answer without a word is none; there is nothing to add to.
    if document.has_values() {
        position(cloud, car, &mut document, "location", Clock::Utc);
    }
    Ok(Outcome::read(document))
}

/// Wakes a newer vehicle. What it says is looked for later, unless the region's cloud answers with it at once.
fn wake(cloud: &Cloud<'_>, car: &Car) -> Result<Outcome, Failure> {
    let wake = Wake { at: clock::now().seconds, polls: 0 };
    if cloud.region.answers == Answers::Parts {
        send(car, about(cloud, car, "ccs2/carstatus"))?;
        return Ok(waking(wake, WAKING));
    }
    let answer = send(car, about(cloud, car, "ccs2/carstatus").hide(CCS2).timeout(BLOCKING))?;
    let mut document = newer(cloud, &answer)?;
    if !is_since(&document, wake) {
        return Ok(waking(wake, WAKING));
    }
    parked(cloud, car, &mut document);
    Ok(Outcome::read(document))
}

/// Looks for the answer of a vehicle that was woken. Old values are not passed off as new ones: when the
/// vehicle stays silent the outcome is `unanswered`.
///
/// # Errors
///
/// As for [`cached`].
pub(crate) fn after_wake(cloud: &Cloud<'_>, car: &Car, wake: Wake) -> Result<Outcome, Failure> {
    device::ensure(cloud)?;
    let mut document = latest(cloud, car)?;
    if is_since(&document, wake) {
        parked(cloud, car, &mut document);
        return Ok(Outcome::read(document));
    }
    let wake = Wake { polls: wake.polls.saturating_add(1), ..wake };
    if wake.polls >= LOOKS {
        return Ok(Outcome::Unanswered("the vehicle did not report after it was asked".to_owned()));
    }
    Ok(waking(wake, LOOK_AGAIN))
}

/// Whether a vehicle has said this since it was woken, or does not say when.
fn is_since(document: &Document, wake: Wake) -> bool {
    let asked = i64::try_from(wake.at).unwrap_or(i64::MAX);
    document.seconds().is_none_or(|seconds| seconds >= asked.saturating_sub(CLOCK_SLACK))
}

/// The charge limits with what the cloud last heard of the one that is absent.
///
/// # Errors
///
/// As for [`cached`].
pub(crate) fn completed(cloud: &Cloud<'_>, car: &Car, limits: ChargeLimits) -> Result<ChargeLimits, Failure> {
    if !car.plugs_in() || limits.ac.is_some() == limits.dc.is_some() {
        return Ok(limits);
    }
    device::ensure(cloud)?;
    let document = heard(cloud, car)?;
    let known = |name: &str| {
        let percent = document.get(name)?.as_f64()?;
        (0..=100_u8).find(|whole| f64::from(*whole) == percent)
    };
    Ok(ChargeLimits {
        ac: limits.ac.or_else(|| known("charge_limit_ac_percent")),
        dc: limits.dc.or_else(|| known("charge_limit_dc_percent")),
    })
}

/// What the cloud last heard, as far as one request tells it.
fn heard(cloud: &Cloud<'_>, car: &Car) -> Result<Document, Failure> {
    if car.is_ccs2() {
        return latest(cloud, car);
    }
    let answer = send(car, about(cloud, car, "status/latest").hide(LEGACY))?;
    if cloud.region.answers == Answers::Whole {
        let state = object(&answer, "/resMsg")?;
        return Ok(legacy::whole(state, cloud.region, cloud.region.clock, clock::seconds()));
    }
    let info = object(&answer, "/resMsg/vehicleStatusInfo")?;
    object(&answer, "/resMsg/vehicleStatusInfo/vehicleStatus")?;
    Ok(legacy::document(info, clock::seconds()))
}

fn latest(cloud: &Cloud<'_>, car: &Car) -> Result<Document, Failure> {
    newer(cloud, &send(car, about(cloud, car, "ccs2/carstatus/latest").hide(CCS2))?)
}

fn newer(cloud: &Cloud<'_>, answer: &Answer) -> Result<Document, Failure> {
    let vehicle = object(answer, "/resMsg/state/Vehicle")?;
    Ok(ccs2::document(vehicle, cloud.right_hand, clock::seconds()))
}

/// Adds where the vehicle was parked, unless the document has a position.
fn parked(cloud: &Cloud<'_>, car: &Car, document: &mut Document) {
    if document.has_values() && !document.has_location() {
        let car = Car { protocol: 0, ..car.clone() };
        position(cloud, &car, document, "location/park", cloud.region.clock);
    }
}

/// Adds a position that nothing else depends on; without it the rest is as good.
fn position(cloud: &Cloud<'_>, car: &Car, document: &mut Document, path: &str, its_clock: Clock) {
    match send(car, about(cloud, car, path).hide(PARK)) {
        Ok(answer) => {
            let flat = answer.at("/resMsg/gpsDetail").or_else(|| answer.at("/resMsg"));
            legacy::location(document, flat, its_clock, clock::seconds());
        }
        Err(_) => log::debug("the vehicle's position could not be read"),
    }
}

fn about(cloud: &Cloud<'_>, car: &Car, path: &str) -> Request {
    cloud.get(&format!("{SPA}/vehicles/{}/{path}", car.id), car.proof())
}

fn send(car: &Car, request: Request) -> Result<Answer, Failure> {
    cloud::send(request, Phase::Status, car.proof())
}

/// A part without which an answer is not one.
fn object<'a>(answer: &'a Answer, pointer: &str) -> Result<&'a Value, Failure> {
    let part = answer.at(pointer).filter(|part| part.is_object());
    part.ok_or_else(|| answer.lacks(&format!("object at {pointer}")))
}

fn waking(wake: Wake, poll_after: Milliseconds) -> Outcome {
    Outcome::Pending(Pending { continuation: Continuation::Wake(wake).render(), poll_after, action_id: None })
}
