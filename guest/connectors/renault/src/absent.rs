//! What a vehicle turned out not to tell.
//!
//! The table of models is made of what people have tried, and is not whole. What is found out when a vehicle
//! is read saves a request of every later read: the service counts them and says that it is overloaded.
//! Traits come from the list alone, so this lies in a cell.

use vehicle_connector_sdk::prelude::*;
use vehicle_connector_sdk::{clock, log};

use crate::garage::Car;
use crate::models::{PARTS, Part};

/// The cell.
pub(crate) const CELL: &str = "absent";

/// For how long it is believed, in seconds: a new car has no data at first, and services are booked.
const BELIEVED: i64 = 7 * 86_400;

/// Codes by which the service says that a vehicle does not have something.
const CODES: &[&str] = &[
    "err.func.wired.notFound",
    "err.func.wired.not-found",
    "err.func.wired.forbidden",
    "err.func.wired.methodNotAllowed",
    "err.tech.501",
    "err.func.403",
];

/// Whether a read failed because the vehicle does not have that.
pub(crate) fn says(failure: &Failure) -> bool {
    failure.code.as_deref().is_some_and(|code| CODES.contains(&code))
}

/// What the vehicle is known not to tell, by its model and by itself.
pub(crate) fn of(car: &Car) -> Vec<Part> {
    let remembered = cell::read(CELL).map(|cell| parse(&cell.value)).unwrap_or_default();
    let parts = remembered.get(&car.id).filter(is_recent).map(parts).unwrap_or_default();
    car.model.lacks.iter().copied().chain(parts).collect()
}

/// Remembers what the vehicle does not tell. What cannot be remembered is found out again.
pub(crate) fn remember(car: &Car, found: &[Part]) {
    if found.is_empty() {
        return;
    }
    let kept = cell::hold(CELL, Phase::Status).and_then(|held| {
        let mut all = held.cell().map(|cell| parse(&cell.value)).unwrap_or_default();
        let before = all.get(&car.id).filter(is_recent);
        let since = before.and_then(since).unwrap_or_else(clock::seconds);
        let mut names: Vec<&str> = before.map(parts).unwrap_or_default().into_iter().map(name).collect();
        names.extend(found.iter().copied().map(name));
        all.insert(car.id.clone(), json!({ "since": since, "parts": names }));
        held.commit(&format!("{}", Value::Object(all)))
    });
    if let Err(failure) = kept {
        log::debug(&format!("what a vehicle does not tell is not remembered: {}", failure.message));
    }
}

fn parse(value: &str) -> serde_json::Map<String, Value> {
    match serde_json::from_str(value) {
        Ok(Value::Object(all)) => all,
        _ => serde_json::Map::new(),
    }
}

fn since(entry: &Value) -> Option<i64> {
    entry.get("since")?.as_i64()
}

fn is_recent(entry: &&Value) -> bool {
    since(entry).is_some_and(|since| (since..since.saturating_add(BELIEVED)).contains(&clock::seconds()))
}

fn parts(entry: &Value) -> Vec<Part> {
    let names = entry.get("parts").and_then(Value::as_array);
    let known = |text: &Value| PARTS.into_iter().find(|part| text.as_str() == Some(name(*part)));
    names.into_iter().flatten().filter_map(known).collect()
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Battery => "battery",
        Part::Cockpit => "cockpit",
        Part::Location => "location",
        Part::Climate => "climate",
        Part::Locks => "locks",
        Part::Limits => "limits",
    }
}
