//! Reading a vehicle.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json::Value;

use crate::action::{Continuation, Wake};
use crate::bindings::exports::vehicle::connector::connector::{Outcome, Pending, Report};
use crate::bindings::vehicle::connector::types::{Failure, Phase};
use crate::cloud::{Call, Cloud, SPA};
use crate::device;
use crate::envelope;
use crate::garage::Car;
use crate::port::{self, Level};
use crate::state::{Document, ccs2, legacy};
use crate::time::Clock;

/// How long a vehicle may take to wake up and answer while the request is open, in milliseconds.
const BLOCKING: u64 = 120_000;

/// When a vehicle that was woken has told the cloud its state, in milliseconds.
const WAKING: u64 = 25_000;

/// When to look again, in milliseconds.
const LOOK_AGAIN: u64 = 10_000;

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
    let mut document = if car.is_ccs2() {
        latest(cloud, car)?
    } else {
        let answer = cloud.make(about(car, "status/latest").hiding(LEGACY))?;
        let info = part(&answer, "/resMsg/vehicleStatusInfo")?;
        part(info, "/vehicleStatus")?;
        legacy::document(info, now())
    };
    parked(cloud, car, &mut document);
    Ok(done(document))
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
        let at = port::now().seconds;
        cloud.make(about(car, "ccs2/carstatus"))?;
        return Ok(waking(Wake { at, polls: 0 }, WAKING));
    }
    let answer = cloud.make(about(car, "status").hiding(LEGACY).waiting(BLOCKING))?;
    let mut document = Document::default();
    legacy::status(&mut document, part(&answer, "/resMsg")?, Clock::BerlinJustNow, now());
    // An answer without a word is none; there is nothing to add to.
    if document.has_values() {
        position(cloud, &mut document, about(car, "location"), Clock::Utc);
    }
    Ok(done(document))
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
    let asked = i64::try_from(wake.at).unwrap_or(i64::MAX);
    if document.seconds().is_none_or(|seconds| seconds >= asked.saturating_sub(CLOCK_SLACK)) {
        parked(cloud, car, &mut document);
        return Ok(done(document));
    }
    let wake = Wake { polls: wake.polls.saturating_add(1), ..wake };
    if wake.polls >= LOOKS {
        return Ok(Outcome::Unanswered("the vehicle did not report after it was asked".to_owned()));
    }
    Ok(waking(wake, LOOK_AGAIN))
}

fn latest(cloud: &Cloud<'_>, car: &Car) -> Result<Document, Failure> {
    let answer = cloud.make(about(car, "ccs2/carstatus/latest").hiding(CCS2))?;
    let right_hand = cloud.option("right_hand_drive") == Some("true");
    Ok(ccs2::document(part(&answer, "/resMsg/state/Vehicle")?, right_hand, now()))
}

/// Adds where the vehicle was parked, unless the document has a position.
fn parked(cloud: &Cloud<'_>, car: &Car, document: &mut Document) {
    if document.has_values() && !document.has_location() {
        let call = about(&Car { protocol: 0, ..car.clone() }, "location/park");
        position(cloud, document, call, Clock::Berlin);
    }
}

/// Adds a position that nothing else depends on; without it the rest is as good.
fn position(cloud: &Cloud<'_>, document: &mut Document, call: Call, clock: Clock) {
    match cloud.make(call.hiding(PARK)) {
        Ok(answer) => {
            let flat = answer.get("resMsg");
            legacy::location(document, flat.and_then(|flat| flat.get("gpsDetail")).or(flat), clock, now());
        }
        Err(_) => port::log(Level::Debug, "the vehicle's position could not be read"),
    }
}

fn now() -> i64 {
    i64::try_from(port::now().seconds).unwrap_or(i64::MAX)
}

fn about(car: &Car, path: &str) -> Call {
    Call::get(Phase::Status, format!("{SPA}/vehicles/{}/{path}", car.id), car.protocol)
}

/// A part without which an answer is not one.
fn part<'v>(answer: &'v Value, pointer: &str) -> Result<&'v Value, Failure> {
    let part = answer.pointer(pointer).filter(|part| part.is_object());
    part.ok_or_else(|| envelope::without(format!("no object at {pointer}")))
}

fn done(document: Document) -> Outcome {
    Outcome::Done(Report { state: Some(String::from(document)), action_id: None })
}

fn waking(wake: Wake, poll_after: u64) -> Outcome {
    Outcome::Pending(Pending { continuation: Continuation::Wake(wake).render(), poll_after, action_id: None })
}
