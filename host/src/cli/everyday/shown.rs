//! Vehicles and the ends of commands, for people.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::words::{ago, corners, number, yes};
use crate::cli::answers::{AccountOf, Known, Listed, Outcome, Place, Status};
use crate::cli::complain;
use crate::cli::table::{Table, plain};
use crate::cli::way::Way;
use crate::output::print;

/// The vehicles, one a line.
pub(super) fn listed(vehicles: &[Listed]) -> String {
    if vehicles.is_empty() {
        return "the configuration has no vehicle\n".to_owned();
    }
    let mut table =
        Table::new(["VEHICLE", "ACCOUNT", "THERE", "BATTERY", "RANGE", "DOORS", "CHARGING", "DATA"]);
    let unknown = || "-".to_owned();
    for vehicle in vehicles {
        let stale = if vehicle.stale == Some(true) { ", stale" } else { "" };
        table.row([
            vehicle.vehicle.clone(),
            vehicle.account.as_ref().map_or_else(unknown, account),
            there(vehicle.availability.as_deref()),
            vehicle.soc_percent.map_or_else(unknown, |soc| format!("{} %", number(soc))),
            vehicle.range_km.map_or_else(unknown, |range| format!("{} km", number(range))),
            vehicle.locked.map_or_else(unknown, |locked| doors(locked).to_owned()),
            vehicle.charging.map_or_else(unknown, |charging| yes(charging).to_owned()),
            vehicle.age_s.map_or_else(unknown, |age| format!("{}{stale}", ago(age))),
        ]);
    }
    let mut text = table.to_string();
    for Listed { vehicle, problem, .. } in vehicles {
        if let Some(problem) = problem {
            let _infallible = writeln!(text, "\n{}: {}", plain(vehicle), plain(&problem.message));
        }
    }
    text
}

/// Everything that is known of a vehicle.
pub(super) fn status(status: &Status) -> String {
    let mut text = format!("{}\n", plain(&status.vehicle));
    let mut line = |name: &str, words: Option<String>| {
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            let _infallible = writeln!(text, "  {name:12} {}", plain(&words));
        }
    };
    line("account", status.account.as_ref().map(account_in_full));
    line("there", Some(there(status.availability.as_deref())));
    line("problem", status.problem.as_ref().map(|problem| problem.message.clone()));
    match &status.state {
        Some(known) => known_lines(known, status.age_s, &mut line),
        None => line("data", Some("nothing was read yet; `refresh` reads it".to_owned())),
    }
    line("location", status.location.as_ref().map(place));
    line("last action", status.last_action.as_ref().map(last));
    line("can", status.capabilities.as_ref().map(|all| operations(all, |can| *can == json!(true))));
    line("cannot", status.capabilities.as_ref().map(|all| operations(all, |can| can.is_string())));
    text
}

fn known_lines(known: &Known, age: Option<u64>, line: &mut impl FnMut(&str, Option<String>)) {
    let Known { values, meta } = known;
    let percent = |value: f64| format!("{} %", number(value));
    let km = |value: f64| format!("{} km", number(value));
    let joined = |parts: [Option<String>; 4]| {
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
    };
    line("battery", joined([values.soc_percent.map(percent), values.range_km.map(km), None, None]));
    line(
        "charging",
        joined([
            values.charging.map(|charging| yes(charging).to_owned()),
            values.plugged_in.map(|plugged| if plugged { "plugged in" } else { "not plugged in" }.to_owned()),
            values.charge_port_open.map(|open| format!("port {}", open_or_closed(open))),
            limits(known),
        ]),
    );
    line(
        "doors",
        joined([
            values.locked.map(|locked| doors(locked).to_owned()),
            values.doors.as_ref().and_then(corners),
            None,
            None,
        ]),
    );
    line("windows", values.windows.as_ref().and_then(corners));
    line("trunk", values.trunk_open.map(|open| open_or_closed(open).to_owned()));
    line("hood", values.hood_open.map(|open| open_or_closed(open).to_owned()));
    line(
        "climate",
        joined([
            values.climate_on.map(|on| if on { "on" } else { "off" }.to_owned()),
            values.target_temperature_c.map(|degrees| format!("set to {} °C", number(degrees))),
            None,
            None,
        ]),
    );
    line("12 V battery", values.aux_battery_percent.map(percent));
    line("odometer", values.odometer_km.map(km));
    let source = match meta.source.as_str() {
        "cached" => "from the cloud".to_owned(),
        "vehicle" => "from the vehicle".to_owned(),
        other => other.to_owned(),
    };
    let stale = meta.stale.then(|| "stale: `refresh` reads it anew".to_owned());
    line("data", joined([age.map(ago), Some(source), stale, None]));
    let kept: Vec<&str> = meta.kept.keys().map(String::as_str).collect();
    line("from before", Some(kept.join(", ")));
}

fn limits(known: &Known) -> Option<String> {
    let values = &known.values;
    let limit = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {} %", number(value)));
    let all = [
        limit("AC to", values.charge_limit_ac_percent),
        limit("DC to", values.charge_limit_dc_percent),
        limit("current", values.charging_current_percent),
    ];
    Some(all.into_iter().flatten().collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
}

fn operations(all: &std::collections::BTreeMap<String, Value>, wanted: impl Fn(&Value) -> bool) -> String {
    let names =
        all.iter().filter(|(name, can)| *name != "other" && wanted(can)).map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn there(availability: Option<&str>) -> String {
    match availability {
        Some("online") => "yes".to_owned(),
        Some("offline") => "no".to_owned(),
        Some(other) => other.to_owned(),
        None => "not looked yet".to_owned(),
    }
}

const fn doors(locked: bool) -> &'static str {
    if locked { "locked" } else { "unlocked" }
}

const fn open_or_closed(open: bool) -> &'static str {
    if open { "open" } else { "closed" }
}

fn place(Place { latitude, longitude }: &Place) -> String {
    format!("{latitude}, {longitude}")
}

fn account(AccountOf { name, state, .. }: &AccountOf) -> String {
    match state.as_deref() {
        None | Some("ok") => name.clone(),
        Some(state) => format!("{name} ({state})"),
    }
}

fn account_in_full(of: &AccountOf) -> String {
    match &of.reason {
        Some(reason) => format!("{}: {reason}", account(of)),
        None => account(of),
    }
}

fn last(outcome: &Outcome) -> String {
    let Outcome { op, state, reason, id, .. } = outcome;
    let reason = reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{op}: {state}{reason}, id {id}")
}

/// A command that succeeded.
pub(super) fn succeeded(outcome: &Outcome) -> String {
    let Outcome { op, vehicle, message, requested_at, finished_at, .. } = outcome;
    let taken = requested_at.zip(*finished_at).map(|(from, to)| to.duration_since(from).as_secs().max(0));
    let taken = taken.map(|seconds| format!(", {seconds} s")).unwrap_or_default();
    let message = message.as_deref().map(|message| format!("; {}", plain(message))).unwrap_or_default();
    format!("{} {}: succeeded{taken}{message}\n", plain(op), plain(vehicle))
}

/// A command that did not succeed, or not yet.
pub(super) fn not_succeeded(outcome: &Outcome, file: Option<&Path>) -> String {
    let Outcome { op, vehicle, state, reason, message, detail, .. } = outcome;
    let mut words = format!("{} {}: {}", plain(op), plain(vehicle), plain(state));
    if let Some(reason) = reason {
        let _infallible = write!(words, ", {}", plain(reason));
    }
    if let Some(message) = message {
        let _infallible = write!(words, ": {}", plain(message));
    }
    if let Some(file) = file.filter(|_| reason.as_deref() == Some("not_allowed")) {
        let _infallible =
            write!(words, " of {}, and then `vehicle-connector reload` if a host runs", file.display());
    }
    if let Some(detail) = detail {
        let _infallible = write!(words, " ({})", plain(detail));
    }
    words
}

/// Shows what is known of a vehicle after it was read. The exit code is that of the read.
pub(super) async fn status_of(way: &Way, vehicle: &str, code: ExitCode) -> ExitCode {
    match way.ask_at_once("vehicle/status", &json!({"vehicle": vehicle})).await {
        Ok(all) => match serde_json::from_value::<Vec<Status>>(all) {
            Ok(all) => {
                let _shown = print(&all.iter().map(status).collect::<String>());
                code
            }
            Err(error) => complain(
                1,
                format_args!("the host's answer is not known here: {}", plain(&error.to_string())),
            ),
        },
        Err(why) => {
            let why = plain(&why.to_string());
            complain(1, format_args!("the vehicle was read, but what was found is not to be had: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_not_known_has_no_line_and_what_is_has_its_unit() {
        let known = json!({
            "vehicle": "ev6", "account": {"name": "home", "state": "auth_required", "reason": "sign in"},
            "availability": "online", "age_s": 190,
            "state": {"soc_percent": 71.5, "range_km": 1312, "plugged_in": true, "locked": false, "doors": {"rear_left": true},
                      "meta": {"source": "cached", "stale": true, "kept": {"range_km": "2026-01-01T00:00:00Z"}}},
            "capabilities": {"lock": true, "unlock": false, "signal": "learned_unsupported", "other": {}},
        });
        let expected = "ev6\n\
            \x20 account      home (auth_required): sign in\n\
            \x20 there        yes\n\
            \x20 battery      71.5 %, 1 312 km\n\
            \x20 charging     plugged in\n\
            \x20 doors        unlocked, open: rear left\n\
            \x20 data         3 min ago, from the cloud, stale: `refresh` reads it anew\n\
            \x20 from before  range_km\n\
            \x20 can          lock\n\
            \x20 cannot       signal\n";
        assert_eq!(status(&parsed(known)), expected);
        let unknown = json!({"vehicle": "a\u{1b}[2J", "account": null, "availability": null, "state": null});
        let text = status(&parsed(unknown));
        assert!(text.starts_with("a\\u{1b}[2J\n") && text.contains("nothing was read yet"), "{text}");
    }

    #[test]
    fn an_operation_that_is_not_allowed_names_the_word_and_the_file() {
        let rejected = json!({
            "op": "unlock", "vehicle": "ev6", "state": "rejected", "reason": "not_allowed",
            "message": "unlock is not allowed; add \"unlock\" to `allow` in [vehicle.ev6]",
        });
        let words = not_succeeded(&parsed(rejected.clone()), Some(Path::new("car.toml")));
        assert_eq!(
            words,
            "unlock ev6: rejected, not_allowed: unlock is not allowed; add \"unlock\" to `allow` in [vehicle.ev6] of \
             car.toml, and then `vehicle-connector reload` if a host runs"
        );
        assert!(!not_succeeded(&parsed(rejected), None).contains(" of "));
    }
}
