//! The same in the words of the replaced service, for vehicles that have topics there: one topic for each
//! value, four for each command. Pure functions of what is published anyway, so nothing here is remembered.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Announcer;
use crate::vehicle::state::{Location, Published, Source, VehicleState};
use crate::wire::legacy::{Legacy, RETAINED};
use crate::wire::message::Outgoing;
use crate::wire::outcome::State;
use crate::wire::report::Report;

/// Topics of a vehicle's position, which are not retained.
const LATITUDE: &str = "status/location/latitude";
const LONGITUDE: &str = "status/location/longitude";

/// Why the last command did not succeed; null if it did.
const ERROR: &str = "status/error";

impl Announcer {
    /// Publishes a state. What is not known is said as null, which that service did not do: there a value that
    /// was gone stayed for ever.
    pub(super) fn announce_state_in_legacy(&self, vehicle: &str, published: &Published) {
        let at = published.meta.fetched_at;
        for (what, unit, value) in values(published) {
            self.say(vehicle, what, document(&value, unit, at), true);
        }
    }

    pub(super) fn announce_location_in_legacy(&self, vehicle: &str, location: &Location) {
        let Location { latitude, longitude, vehicle_time } = location;
        let at = vehicle_time.unwrap_or_else(|| self.services.clock.now());
        for (what, degrees) in [(LATITUDE, latitude), (LONGITUDE, longitude)] {
            self.say(vehicle, what, document(&json!(degrees), None, at), false);
        }
    }

    /// Publishes how a command goes: that it is under way, and how it ended. Reads had no such topics.
    pub(super) fn announce_report_in_legacy(&self, vehicle: &str, report: &Report) {
        for (what, payload) in steps(report) {
            self.say(vehicle, &format!("action/{}/{what}", report.id), payload, false);
        }
    }

    /// Publishes why the last command or read did not succeed, or that it did.
    pub(super) fn announce_error_in_legacy(&self, vehicle: &str, report: &Report) {
        if let Some(error) = error(report) {
            self.say(vehicle, ERROR, error.to_string(), true);
        }
    }

    /// Clears what is retained.
    pub(super) fn forget_in_legacy(&self, vehicle: &str) {
        let topics = RETAINED.iter().filter_map(|what| self.legacy()?.topic(vehicle, what));
        topics.for_each(|topic| self.clear_retained(&topic));
    }

    fn legacy(&self) -> Option<&Legacy> {
        self.services.topics.legacy()
    }

    fn say(&self, vehicle: &str, what: &str, payload: String, retain: bool) {
        if let Some(topic) = self.legacy().and_then(|legacy| legacy.topic(vehicle, what)) {
            self.services.publisher.publish(Outgoing { retain, ..Outgoing::new(topic, payload) });
        }
    }
}

fn document(value: &Value, unit: Option<&str>, at: Timestamp) -> String {
    match unit {
        Some(unit) => json!({"value": value, "timestamp": at, "unit": unit}).to_string(),
        None => json!({"value": value, "timestamp": at}).to_string(),
    }
}

/// The values of a state, with their topics and units.
fn values(published: &Published) -> Vec<(&'static str, Option<&'static str>, Value)> {
    let Published { state, meta } = published;
    let VehicleState { soc_percent, charging, plugged_in, range_km, charge_limit_ac_percent, .. } = state;
    let charging = charging.map(|charging| if charging { "charging" } else { "not_charging" });
    let plugged_in = plugged_in.map(|plugged_in| if plugged_in { "connected" } else { "disconnected" });
    let (doors, windows) =
        (state.doors.clone().unwrap_or_default(), state.windows.clone().unwrap_or_default());
    // Which of the two an open window is, is not known; the replaced service said OPEN as well.
    let window = |open: Option<bool>| match open {
        Some(false) => json!({"value": 0, "state": "CLOSED"}),
        Some(true) => json!({"value": 1, "state": "OPEN"}),
        None => Value::Null,
    };
    let (source, method) = match meta.source {
        Source::Cached => ("cached", "cached"),
        Source::Vehicle => ("fresh", "force"),
    };
    vec![
        ("battery/level", Some("%"), json!(soc_percent)),
        ("battery/charging_status", None, json!(charging)),
        ("battery/plug_status", None, json!(plugged_in)),
        ("ev/range", Some("km"), json!(range_km)),
        ("ev/charge_limit", Some("%"), json!(charge_limit_ac_percent)),
        ("status/doors/locked", None, json!(state.locked)),
        ("status/doors/front_left_open", None, json!(doors.front_left)),
        ("status/doors/front_right_open", None, json!(doors.front_right)),
        ("status/doors/back_left_open", None, json!(doors.rear_left)),
        ("status/doors/back_right_open", None, json!(doors.rear_right)),
        ("status/doors/trunk_open", None, json!(state.trunk_open)),
        ("status/doors/hood_open", None, json!(state.hood_open)),
        ("status/windows/front_left", None, window(windows.front_left)),
        ("status/windows/front_right", None, window(windows.front_right)),
        ("status/windows/back_left", None, window(windows.rear_left)),
        ("status/windows/back_right", None, window(windows.rear_right)),
        ("status/climate/is_on", None, json!(state.climate_on)),
        ("status/climate/set_temperature", Some("°C"), json!(state.target_temperature_c)),
        ("status/last_updated", None, json!(meta.fetched_at)),
        ("status/data_source", None, json!(source)),
        ("status/update_method", None, json!(method)),
    ]
}

/// The last level of a command's topics, and what is said there at this step. Of the steps before its end only
/// the first says something: that it is pending.
fn steps(report: &Report) -> Vec<(&'static str, String)> {
    if is_read(report) || is_question(report) {
        return Vec::new();
    }
    let status = match report.state {
        State::Accepted => "PENDING",
        State::Sent | State::Pending => return Vec::new(),
        State::Succeeded => "SUCCESS",
        State::Failed | State::Rejected => "FAILED",
        State::Timeout => "TIMEOUT",
        State::Unknown => "UNKNOWN",
    };
    let mut said = vec![("status", status.to_owned()), ("started_at", report.requested_at.to_string())];
    if report.state.is_final() {
        said.extend(report.finished_at.map(|at| ("completed_at", at.to_string())));
        said.extend(why(report).map(|why| ("error", why)));
    }
    said
}

/// What went wrong, once a command is over; none while it goes on, and of questions, which change nothing.
fn error(report: &Report) -> Option<Value> {
    if !report.state.is_final() || is_question(report) {
        return None;
    }
    let at = report.finished_at.unwrap_or(report.requested_at);
    let error = why(report).map(|why| {
        json!({"error": why, "error_type": report.reason, "command_type": command_type(report), "timestamp": at})
    });
    Some(json!({"value": error, "timestamp": at}))
}

/// Why a command did not succeed; none if it did.
fn why(report: &Report) -> Option<String> {
    let failed = report.state.is_final() && report.state != State::Succeeded;
    failed.then(|| report.message.clone().unwrap_or_else(|| "the reason is not known".to_owned()))
}

fn is_read(report: &Report) -> bool {
    report.op.starts_with("refresh")
}

fn is_question(report: &Report) -> bool {
    report.op.ends_with("action_status")
}

/// What that service called a command: the last level of its topic, and of a read the way of reading.
fn command_type(report: &Report) -> &str {
    match report.op.as_str() {
        "lock" | "unlock" => "lock",
        "start_climate" | "stop_climate" => "climate",
        "set_windows" => "windows",
        "open_charge_port" | "close_charge_port" => "charge_port",
        "set_charging_current" => "charging_current",
        op => op.strip_prefix("refresh_").unwrap_or(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vehicle::state::{Corners, Meta};
    use crate::wire::operation::OperationName;
    use crate::wire::outcome::Reason;

    fn published(state: VehicleState) -> Published {
        let meta = Meta {
            vehicle_time: None,
            fetched_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            source: Source::Vehicle,
            stale: false,
            seq: 1,
            kept: Default::default(),
        };
        Published { state, meta }
    }

    #[test]
    fn every_topic_that_is_retained_is_said_whatever_is_known() {
        let corners = Corners { rear_left: Some(true), ..Corners::default() };
        let known = VehicleState { windows: Some(corners), charging: Some(true), ..VehicleState::default() };
        for state in [VehicleState::default(), known] {
            let said = values(&published(state));
            let topics: Vec<&str> = said.iter().map(|(what, ..)| *what).chain([ERROR]).collect();
            assert_eq!(topics, RETAINED);
        }
    }

    #[test]
    fn exactly_one_final_word_for_each_command() {
        let now = Timestamp::UNIX_EPOCH;
        let mut report = Report::accepted("ev6", "a".into(), OperationName::Lock, now);
        let status = |report: &Report| steps(report).first().map(|(_, said)| said.clone());
        assert_eq!((status(&report).as_deref(), error(&report)), (Some("PENDING"), None));
        for state in [State::Sent, State::Pending] {
            report.state = state;
            assert_eq!((status(&report), error(&report)), (None, None));
        }
        report.finished_at = Some(now);
        for (state, word) in [
            (State::Succeeded, "SUCCESS"),
            (State::Failed, "FAILED"),
            (State::Rejected, "FAILED"),
            (State::Timeout, "TIMEOUT"),
            (State::Unknown, "UNKNOWN"),
        ] {
            report.state = state;
            report.reason = (state != State::Succeeded).then_some(Reason::Busy);
            report.message = (state != State::Succeeded).then(|| "it is busy".to_owned());
            let said = steps(&report);
            let levels: Vec<&str> = said.iter().map(|(level, _)| *level).collect();
            assert_eq!(status(&report).as_deref(), Some(word));
            let error = error(&report).unwrap();
            if state == State::Succeeded {
                assert_eq!(levels, ["status", "started_at", "completed_at"]);
                assert_eq!(error["value"], Value::Null);
            } else {
                assert_eq!(levels, ["status", "started_at", "completed_at", "error"]);
                assert_eq!(error["value"]["error"], "it is busy");
                assert_eq!(error["value"]["error_type"], "busy");
                assert_eq!(error["value"]["command_type"], "lock");
            }
        }
    }

    #[test]
    fn a_read_has_no_topics_of_its_own_but_its_error() {
        let mut report =
            Report::accepted("ev6", "a".into(), OperationName::RefreshForce, Timestamp::UNIX_EPOCH);
        assert!(steps(&report).is_empty());
        report.end(State::Failed, Reason::UpstreamUnavailable, "the cloud is away".to_owned());
        assert!(steps(&report).is_empty());
        assert_eq!(error(&report).unwrap()["value"]["command_type"], "force");
        report.op = "check_action_status".into();
        assert_eq!((steps(&report).len(), error(&report)), (0, None));
    }
}
