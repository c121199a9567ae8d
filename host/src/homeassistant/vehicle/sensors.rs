//! What is shown of a vehicle.

use serde_json::json;

use super::super::component::Component;
use super::super::device::{Device, available};
use super::VehicleFacts;
use crate::wire::operation::OperationName as Op;
use crate::wire::topics::Topics;

/// Steps and results of a command.
const STEPS: [&str; 8] =
    ["accepted", "sent", "pending", "succeeded", "failed", "timeout", "rejected", "unknown"];

/// What happens to a vehicle, as its events name it. Home Assistant complains of one that is not here.
const EVENTS: [&str; 6] =
    ["charge_started", "charge_ended", "geofence_enter", "geofence_leave", "data_stale", "data_fresh"];

/// A number of the state document.
struct Quantity {
    value: &'static str,
    name: &'static str,
    look: Look,
    unit: &'static str,
    state_class: &'static str,
    kind: Kind,
}

/// What Home Assistant takes the icon of an entity from.
#[derive(Clone, Copy)]
enum Look {
    Class(&'static str),
    Icon(&'static str),
}

/// Place of an entity among the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Main,
    Diagnostic,
    Hidden,
}

const fn quantity(
    value: &'static str,
    name: &'static str,
    look: Look,
    unit: &'static str,
    kind: Kind,
) -> Quantity {
    Quantity { value, name, look, unit, state_class: "measurement", kind }
}

const LIMIT: Look = Look::Icon("mdi:battery-charging-high");

const QUANTITIES: [Quantity; 8] = [
    quantity("soc_percent", "Battery", Look::Class("battery"), "%", Kind::Main),
    quantity("range_km", "Range", Look::Class("distance"), "km", Kind::Main),
    Quantity {
        state_class: "total_increasing",
        ..quantity("odometer_km", "Odometer", Look::Class("distance"), "km", Kind::Main)
    },
    // Not of the class `battery`: Home Assistant takes the first one of that for the battery of the device.
    quantity("aux_battery_percent", "12 V battery", Look::Icon("mdi:car-battery"), "%", Kind::Diagnostic),
    quantity("charge_limit_ac_percent", "AC charge limit", LIMIT, "%", Kind::Diagnostic),
    quantity("charge_limit_dc_percent", "DC charge limit", LIMIT, "%", Kind::Diagnostic),
    quantity(
        "charging_current_percent",
        "Charging current",
        Look::Icon("mdi:current-ac"),
        "%",
        Kind::Diagnostic,
    ),
    quantity("target_temperature_c", "Set temperature", Look::Class("temperature"), "°C", Kind::Hidden),
];

/// A yes or no of the state document: its path, its name, and its class.
const TRUTHS: [(&str, &str, &str); 14] = [
    ("plugged_in", "Plug", "plug"),
    ("charging", "Charging", "battery_charging"),
    ("climate_on", "Climate", "running"),
    ("charge_port_open", "Charge port", "opening"),
    ("trunk_open", "Trunk", "opening"),
    ("hood_open", "Hood", "opening"),
    ("doors/front_left", "Front left door", "door"),
    ("doors/front_right", "Front right door", "door"),
    ("doors/rear_left", "Rear left door", "door"),
    ("doors/rear_right", "Rear right door", "door"),
    ("windows/front_left", "Front left window", "window"),
    ("windows/front_right", "Front right window", "window"),
    ("windows/rear_left", "Rear left window", "window"),
    ("windows/rear_right", "Rear right window", "window"),
];

/// Icon of a lid: a square is all that Home Assistant has for the class `opening`.
fn lid(path: &str) -> Option<&'static str> {
    match path {
        "charge_port_open" => Some("mdi:ev-plug-type2"),
        "trunk_open" => Some("mdi:car-back"),
        "hood_open" => Some("mdi:car"),
        _ => None,
    }
}

/// Template of a value, `None` where the document has none.
fn template(path: &str) -> String {
    match path.split_once('/') {
        Some((field, corner)) => format!("{{{{ (value_json.{field} or {{}}).get('{corner}') }}}}"),
        None => format!("{{{{ value_json.{path} }}}}"),
    }
}

impl VehicleFacts<'_> {
    pub(super) fn add_sensors(&self, topics: &Topics, device: &mut Device) {
        let state = topics.vehicle(self.slug, "state");
        for quantity in QUANTITIES.iter().filter(|it| self.knows(it.value) && !self.controls(it.value)) {
            let sensor = Component::sensor(quantity.name, &state, &template(quantity.value));
            let sensor = sensor.measures(quantity.unit, quantity.state_class);
            let sensor = sensor.with("suggested_display_precision", 0);
            let sensor = match quantity.look {
                Look::Class(class) => sensor.with("device_class", class),
                Look::Icon(icon) => sensor.with("icon", icon),
            };
            device.add(
                quantity.value,
                match quantity.kind {
                    Kind::Main => sensor,
                    Kind::Diagnostic => sensor.diagnostic(),
                    Kind::Hidden => sensor.diagnostic().disabled(),
                },
            );
        }
        for (path, name, class) in &TRUTHS {
            if self.knows(path) && !self.controls(path) {
                let sensor = Component::truth(name, &state, &template(path)).with("device_class", *class);
                let sensor = match lid(path) {
                    Some(icon) => sensor.with("icon", icon),
                    None => sensor,
                };
                device.add(&format!("is_{}", path.replace('/', "_")), sensor);
            }
        }
        if self.knows("locked") && !self.controls("locked") {
            // On means unlocked.
            let doors = Component::truth("Doors", &state, &template("locked")).with("device_class", "lock");
            device.add("is_unlocked", doors.with("payload_on", "False").with("payload_off", "True"));
        }
        Self::add_age(&state, device);
        self.add_last_action(topics, device);
        let event = Component::new("event", "Event").with("event_types", json!(EVENTS));
        let event = event.with("icon", "mdi:car-info");
        device.add("event", event.with("state_topic", topics.vehicle(self.slug, "event")));
        if self.has_location {
            let place = Component::new("device_tracker", "Location").with("source_type", "gps");
            let place = place.with("json_attributes_topic", topics.vehicle(self.slug, "location"));
            device.add("location", place.with("icon", "mdi:car"));
        }
    }

    /// Whether a control shows this value already.
    fn controls(&self, value: &str) -> bool {
        match value {
            "charge_limit_ac_percent" | "charge_limit_dc_percent" => self.can(Op::SetChargeLimits),
            "charging_current_percent" => self.can(Op::SetChargingCurrent),
            "locked" => self.can(Op::Lock) && self.can(Op::Unlock),
            "climate_on" => self.can(Op::StartClimate) && self.can(Op::StopClimate),
            "charge_port_open" => self.can(Op::OpenChargePort) || self.can(Op::CloseChargePort),
            _ => false,
        }
    }

    /// How old the data is, and where it comes from.
    fn add_age(state: &str, device: &mut Device) {
        let said = Component::time("Data of", state, &template("meta.vehicle_time"));
        device.add("vehicle_time", said.diagnostic());
        let read = Component::time("Data read", state, &template("meta.fetched_at"));
        device.add("fetched_at", read.diagnostic().disabled());
        let source = Component::sensor("Data source", state, &template("meta.source"));
        let source = source.with("device_class", "enum").with("options", json!(["cached", "vehicle"]));
        device.add("source", source.with("icon", "mdi:cloud-download-outline").diagnostic());
        let stale = Component::problem("Data stale", state, &template("meta.stale"));
        device.add("stale", stale);
        let count = Component::sensor("Data number", state, &template("meta.seq"));
        device.add("seq", count.with("icon", "mdi:counter").diagnostic().disabled());
    }

    fn add_last_action(&self, topics: &Topics, device: &mut Device) {
        let last = topics.vehicle(self.slug, "action/last");
        let action = Component::sensor("Last command", &last, "{{ value_json.state }}");
        let action = action.with("device_class", "enum").with("options", json!(STEPS));
        let action = action.with("icon", "mdi:car-cog");
        device.add("last_action", action.with("json_attributes_topic", last).diagnostic());
        let problem = topics.vehicle(self.slug, "problem");
        let sensor = Component::problem("Problem", &problem, "{{ value_json is not none }}");
        let sensor = sensor.attributes(&problem, "{{ (value_json or {}) | tojson }}");
        // The vehicle is not available while it has one.
        device.add("problem", sensor.with("availability", available(&[topics.bridge_state()])));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::events::VehicleEvent;

    #[test]
    fn every_event_of_a_vehicle_is_known_to_home_assistant() {
        let geofence = String::new;
        let events = [
            VehicleEvent::ChargeStarted { soc_percent: None },
            VehicleEvent::ChargeEnded { soc_percent: None },
            VehicleEvent::GeofenceEnter { geofence: geofence() },
            VehicleEvent::GeofenceLeave { geofence: geofence() },
            VehicleEvent::DataStale { since: Timestamp::UNIX_EPOCH, reason: String::new() },
            VehicleEvent::DataFresh,
        ];
        let named = events.map(|event| serde_json::to_value(event).unwrap()["event_type"].clone());
        assert_eq!(json!(named), json!(EVENTS));
    }
}
