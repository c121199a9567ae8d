//! What clouds answer to reads, and what becomes of it on the topics.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulator::{Effect, Fault, RouteKind};
use testkit::{Home, LEGACY, RealHome};
use vehicle_connector::wire::report::Report;

/// Answers to cached reads in which everything is known.
const OLDER: &str = include_str!("../../state_schema/legacy.json");
const NEWER: &str = include_str!("../../state_schema/ccs2.json");

/// Where things are in them.
pub(super) const STATUS: &str = "/resMsg/vehicleStatusInfo/vehicleStatus";
pub(super) const VEHICLE: &str = "/resMsg/state/Vehicle";

/// So many minutes before now, or after it.
pub(super) fn minutes(home: &RealHome, minutes: i64) -> Timestamp {
    home.environment.clock.now() + SignedDuration::from_mins(minutes)
}

pub(super) fn compact(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%Y%m%d%H%M%S").to_string()
}

pub(super) fn utc(at: Timestamp) -> String {
    compact(at, TimeZone::UTC)
}

pub(super) fn berlin(at: Timestamp) -> String {
    compact(at, TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
}

/// An older car's answer of this time, with these values in its status.
pub(super) fn older(at: &str, values: Value) -> Value {
    let mut answer: Value = serde_json::from_str(OLDER).unwrap();
    let status = answer.pointer_mut(STATUS).unwrap();
    status["time"] = at.into();
    merge(status, values);
    answer
}

/// The same of a newer car.
pub(super) fn newer(at: &str, values: Value) -> Value {
    let mut answer: Value = serde_json::from_str(NEWER).unwrap();
    let vehicle = answer.pointer_mut(VEHICLE).unwrap();
    vehicle["Date"] = at.into();
    merge(vehicle, values);
    answer
}

/// Puts values in place of others (RFC 7396, but `null` stays `null`).
pub(super) fn merge(into: &mut Value, values: Value) {
    match values {
        Value::Object(fields) if into.is_object() => {
            for (name, value) in fields {
                merge(&mut into[name], value);
            }
        }
        other => *into = other,
    }
}

/// Asks for a cached read that is answered like this.
pub(super) async fn read(home: &RealHome, slug: &str, answer: &Value) -> Report {
    answered(home, slug, RouteKind::Status, "refresh_cached", answer).await
}

/// Asks for a forced read of the older car that is answered like this.
pub(super) async fn force(home: &RealHome, status: &Value) -> Report {
    let answer = json!({"retCode": "S", "resCode": "0000", "msgId": "m", "resMsg": status});
    answered(home, LEGACY.0, RouteKind::ForcedStatus, "refresh_force", &answer).await
}

pub(super) async fn answered(
    home: &RealHome,
    slug: &str,
    route: RouteKind,
    operation: &str,
    answer: &Value,
) -> Report {
    home.control().inject(Fault::new(route, Effect::answer(200, answer.to_string())));
    home.command(slug, operation, "").await
}

/// The document that was published last on a topic of a vehicle.
pub(super) fn latest(home: &RealHome, slug: &str, topic: &str) -> Option<Value> {
    let topic = format!("vehicle-connector/vehicle/{slug}/{topic}");
    let messages = home.published.messages();
    let last = messages.iter().rfind(|message| message.topic == topic)?;
    // `availability` is a bare word.
    Some(
        serde_json::from_slice(&last.payload)
            .unwrap_or_else(|_| String::from_utf8_lossy(&last.payload).into()),
    )
}

pub(super) fn state(home: &RealHome, slug: &str) -> Value {
    latest(home, slug, "state").expect("a state is published")
}
