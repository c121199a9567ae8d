//! What can be commanded of a vehicle.
//!
//! A control shows what the host knows (`vehicle/<veh>/controls`), never what was asked for last. Home Assistant shows
//! a control that the owner does not allow as if it worked, so one that would need two operations and has one becomes a
//! button.

use serde_json::{Value, json};

use super::super::component::Component;
use super::super::device::{Device, EXPENDABLE};
use super::VehicleFacts;
use crate::descriptor::{LimitsForm, Span};
use crate::wire::operation::{OTHER, OperationName as Op};
use crate::wire::topics::Topics;

/// The topics of a vehicle that controls work with.
struct Ways<'w> {
    topics: &'w Topics,
    slug: &'w str,
    /// Topic of the document that says how the controls stand.
    state: String,
}

impl Ways<'_> {
    fn command(&self, name: &str) -> String {
        self.topics.vehicle(self.slug, &format!("cmd/{name}"))
    }

    /// A control that shows a field of the document about the controls, and commands by a topic.
    fn control(&self, platform: &'static str, name: &str, field: &str, command: &str) -> Component {
        let control = Component::new(platform, name).reads(&self.state, &template(field));
        control.commands(&self.command(command))
    }

    fn button(&self, name: &str, command: &str, payload: &str) -> Component {
        Component::button(name, &self.command(command), payload)
    }
}

fn template(field: &str) -> String {
    format!("{{{{ value_json.{field} }}}}")
}

impl VehicleFacts<'_> {
    pub(super) fn add_controls(&self, topics: &Topics, device: &mut Device) {
        let ways = Ways { topics, slug: self.slug, state: topics.vehicle(self.slug, "controls") };
        self.add_doors(&ways, device);
        self.add_climate(&ways, device);
        self.add_charge_port(&ways, device);
        self.add_charging(&ways, device);
        self.add_reads(&ways, device);
        if self.can(Op::SetWindows) {
            let windows = ways.control("select", "All windows", "windows", "windows");
            let options = windows.with("options", json!(["closed", "vent", "open"]));
            device.add("windows", options.with("icon", "mdi:car-door"));
        }
        if self.can(Op::Signal) {
            for signal in &self.takes.signals {
                let (name, icon) = match signal.as_str() {
                    "LIGHTS" => ("Flash the lights", "mdi:car-light-high"),
                    "HORN" => ("Sound the horn", "mdi:bugle"),
                    _ => ("Horn and lights", "mdi:bugle"),
                };
                let key = format!("signal_{}", signal.to_ascii_lowercase());
                device.add(&key, ways.button(name, "signal", signal).with("icon", icon));
            }
        }
        for own in self.operations.iter().filter(|operation| matches!(operation, Op::Other(_))) {
            let name = own.as_str().trim_start_matches(OTHER);
            let button = ways.button(&name.replace(['-', '_'], " "), own.as_str(), "PRESS");
            device.add(&format!("{EXPENDABLE}{name}"), button);
        }
    }

    fn add_doors(&self, ways: &Ways<'_>, device: &mut Device) {
        match (self.can(Op::Lock), self.can(Op::Unlock)) {
            (true, true) => device.add("lock", ways.control("lock", "Doors", "lock", "lock")),
            (true, false) => {
                device.add("lock_doors", ways.button("Lock", "lock", "LOCK").with("icon", "mdi:lock"))
            }
            (false, true) => {
                device.add(
                    "unlock_doors",
                    ways.button("Unlock", "lock", "UNLOCK").with("icon", "mdi:lock-open"),
                );
            }
            (false, false) => {}
        }
    }

    fn add_climate(&self, ways: &Ways<'_>, device: &mut Device) {
        let (starts, stops) = (self.can(Op::StartClimate), self.can(Op::StopClimate));
        if !starts || !stops {
            if starts {
                device.add("start_climate", ways.button("Start the climate", "climate", "auto"));
            }
            if stops {
                device.add("stop_climate", ways.button("Stop the climate", "climate", "off"));
            }
        } else {
            let mut climate = Component::new("climate", "Climate")
                .with("modes", json!(["auto", "off"]))
                .with("mode_state_topic", ways.state.as_str())
                .with("mode_state_template", template("climate"))
                .with("mode_command_topic", ways.command("climate"))
                .with("qos", 1);
            if let Some(Span { least, most, step }) = self.takes.climate_temp {
                climate = climate
                    .with("temperature_state_topic", ways.state.as_str())
                    .with("temperature_state_template", template("climate_temp"))
                    .with("temperature_command_topic", ways.command("climate_temp"))
                    .with("temperature_unit", "C")
                    .with("min_temp", number(least))
                    .with("max_temp", number(most))
                    .with("temp_step", number(step))
                    .with("precision", 0.1);
            }
            device.add("climate", climate);
        }
        if !starts {
            return;
        }
        if let Some(minutes) = self.takes.climate_minutes {
            let duration = ways.control("number", "Climate duration", "climate_minutes", "climate_minutes");
            let duration = within(duration, minutes).with("unit_of_measurement", "min");
            let duration = duration.with("device_class", "duration").with("icon", "mdi:timer-outline");
            // Nothing is known before somebody has set it, and a slider shows half of the most then.
            device.add("climate_minutes", duration.with("mode", "box").configuration());
        }
        if self.takes.climate_defrost {
            let defrost = ways.control("switch", "Climate defrost", "climate_defrost", "climate_defrost");
            device.add("climate_defrost", defrost.with("icon", "mdi:car-defrost-front").configuration());
        }
    }

    fn add_charge_port(&self, ways: &Ways<'_>, device: &mut Device) {
        let (opens, closes) = (self.can(Op::OpenChargePort), self.can(Op::CloseChargePort));
        if !opens && !closes {
            return;
        }
        // A null takes the button away.
        let word = |can: bool, word: &str| if can { Value::from(word) } else { Value::Null };
        let port = ways.control("cover", "Charge port", "charge_port", "charge_port");
        let port = port
            .with("payload_open", word(opens, "OPEN"))
            .with("payload_close", word(closes, "CLOSE"))
            .with("payload_stop", Value::Null)
            .with("icon", "mdi:ev-plug-type2");
        device.add("charge_port", port);
    }

    fn add_charging(&self, ways: &Ways<'_>, device: &mut Device) {
        match (self.can(Op::StartCharging), self.can(Op::StopCharging)) {
            (true, true) => {
                let charging = ways.control("switch", "Charging", "charging", "charging");
                let charging = charging.with("payload_on", "START").with("payload_off", "STOP");
                let charging = charging.with("state_on", "ON").with("state_off", "OFF");
                device.add("charging", charging.with("icon", "mdi:ev-station"));
            }
            (true, false) => {
                device.add("start_charging", ways.button("Start charging", "charging", "START"));
            }
            (false, true) => device.add("stop_charging", ways.button("Stop charging", "charging", "STOP")),
            (false, false) => {}
        }
        if self.can(Op::SetChargingCurrent) {
            let current = ways.control("select", "Charging current", "charging_current", "charging_current");
            let current = current.with("options", json!(self.takes.charging_current));
            device.add("charging_current", current.with("icon", "mdi:current-ac").configuration());
        }
        if self.can(Op::SetChargeLimits) {
            self.add_limits(ways, device);
        }
    }

    fn add_limits(&self, ways: &Ways<'_>, device: &mut Device) {
        let limit = |name: &str, field: &str, payload: &str| {
            let limit =
                ways.control("number", name, field, "charge_limits").with("command_template", payload);
            let limit = within(limit, self.takes.charge_limit).with("unit_of_measurement", "%");
            limit.with("icon", "mdi:battery-charging-high").configuration()
        };
        if self.takes.charge_limits == LimitsForm::One {
            let both = limit("Charge limit", "charge_limit_ac", "{{ value | int }} %");
            return device.add("charge_limit", both);
        }
        for (way, other, name) in [("ac", "dc", "AC charge limit"), ("dc", "ac", "DC charge limit")] {
            let field = format!("charge_limit_{way}");
            let component = match self.takes.charge_limits {
                LimitsForm::Together => {
                    // The limit that is not moved goes along. It is an attribute, because that is all that a command's
                    // template can see besides the number.
                    let seen = format!("{{{{ {{'{other}': value_json.charge_limit_{other}}} | tojson }}}}");
                    let payload = format!(
                        r#"{{"{way}": {{{{ value | int }}}}{{% if this.attributes.get('{other}') is number %}}, "{other}": {{{{ this.attributes.get('{other}') | int }}}}{{% endif %}} }}"#
                    );
                    limit(name, &field, &payload).attributes(&ways.state, &seen)
                }
                _ => limit(name, &field, &format!(r#"{{"{way}": {{{{ value | int }}}}}}"#)),
            };
            device.add(&field, component);
        }
    }

    fn add_reads(&self, ways: &Ways<'_>, device: &mut Device) {
        // Home Assistant shows the first 22 letters or so, and that the car is woken up has to be among them.
        for (operation, name, icon) in [
            (Op::RefreshCached, "Read", "mdi:refresh"),
            (Op::RefreshSmart, "Read if old (may wake)", "mdi:refresh-auto"),
            (Op::RefreshForce, "Read (wakes the car)", "mdi:car-wireless"),
        ] {
            if self.can(operation) {
                let button = ways.button(name, operation.as_str(), "PRESS").with("icon", icon);
                device.add(operation.as_str(), button);
            }
        }
        if self.can(Op::CheckActionStatus) {
            let button = ways.button("Check last command", "action_status", "LAST");
            device.add("action_status", button.with("icon", "mdi:help-network-outline").diagnostic());
        }
    }
}

fn within(control: Component, Span { least, most, step }: Span) -> Component {
    control
        .with("min", number(least))
        .with("max", number(most))
        .with("step", number(step))
        .with("mode", "auto")
}

/// Writes whole numbers without a decimal.
fn number(number: f64) -> Value {
    let whole = format!("{number}").parse::<i64>();
    whole.map_or_else(|_| json!(number), Value::from)
}
