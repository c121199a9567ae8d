//! One entity, as Home Assistant calls it a component of a device.

use serde_json::{Map, Value};

/// An entity of a device: its platform and its settings, by the full names that Home Assistant has for them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) platform: &'static str,
    pub(super) settings: Map<String, Value>,
}

impl Component {
    /// An entity of a platform, with its name within the device.
    pub(super) fn new(platform: &'static str, name: &str) -> Self {
        Self { platform, settings: Map::new() }.with("name", name)
    }

    /// A sensor of a value of a document.
    pub(super) fn sensor(name: &str, topic: &str, template: &str) -> Self {
        Self::new("sensor", name).reads(topic, template)
    }

    /// A sensor of a time.
    pub(super) fn time(name: &str, topic: &str, template: &str) -> Self {
        Self::sensor(name, topic, template).with("device_class", "timestamp")
    }

    /// A sensor of a yes or no, which templates write as `True` and `False`.
    pub(super) fn truth(name: &str, topic: &str, template: &str) -> Self {
        let sensor = Self::new("binary_sensor", name).reads(topic, template);
        sensor.with("payload_on", "True").with("payload_off", "False")
    }

    /// A sensor of something wrong.
    pub(super) fn problem(name: &str, topic: &str, template: &str) -> Self {
        Self::truth(name, topic, template).with("device_class", "problem").diagnostic()
    }

    /// A button, with what it sends.
    pub(super) fn button(name: &str, topic: &str, payload: &str) -> Self {
        Self::new("button", name).commands(topic).with("payload_press", payload)
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// Shows what a template makes of the messages of a topic.
    pub(super) fn reads(self, topic: &str, template: &str) -> Self {
        self.with("state_topic", topic).with("value_template", template)
    }

    /// Shows what a template makes of them beside its state.
    pub(super) fn attributes(self, topic: &str, template: &str) -> Self {
        self.with("json_attributes_topic", topic).with("json_attributes_template", template)
    }

    /// Commands by a topic. Home Assistant sends with QoS 0 unless each entity says otherwise: what a device says for
    /// all of them is accepted there, and ignored.
    pub(super) fn commands(self, topic: &str) -> Self {
        self.with("command_topic", topic).with("qos", 1)
    }

    /// Measures in a unit, for statistics.
    pub(super) fn measures(self, unit: &str, state_class: &str) -> Self {
        self.with("unit_of_measurement", unit).with("state_class", state_class)
    }

    pub(super) fn diagnostic(self) -> Self {
        self.with("entity_category", "diagnostic")
    }

    pub(super) fn configuration(self) -> Self {
        self.with("entity_category", "config")
    }

    /// Is there, and hidden until somebody wants it.
    pub(super) fn disabled(self) -> Self {
        self.with("enabled_by_default", false)
    }
}
