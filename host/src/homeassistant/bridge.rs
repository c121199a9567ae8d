//! The device that stands for the host itself.

use serde_json::{Value, json};

use super::component::Component;
use super::device::{Device, Rank, available};
use crate::wire::topics::Topics;

/// Slot of the policy, as topics name it.
const POLICY: &str = "policy";

/// What is known of the host.
#[derive(Clone, Debug)]
pub struct BridgeFacts<'f> {
    /// Beginning of its identifiers.
    pub node: &'f str,
    /// Names of the connectors that have a slot.
    pub connectors: &'f [String],
}

impl BridgeFacts<'_> {
    /// Identifier of the device.
    pub(super) fn id(node: &str) -> String {
        format!("{node}_bridge")
    }

    /// Describes the device.
    #[must_use]
    pub fn device(&self, topics: &Topics) -> Device {
        let device = Device::new(Rank::Bridge, Self::id(self.node), self.node, "Vehicle connector");
        let mut device = device
            .about("manufacturer", Some(env!("CARGO_PKG_NAME").to_owned()))
            .about("model", Some("MQTT bridge".to_owned()))
            .about("sw_version", Some(env!("CARGO_PKG_VERSION").to_owned()));
        let (state, info) = (topics.bridge_state(), topics.bridge_info());
        // It says itself whether the host is there, so it is available always.
        let connected = Component::new("binary_sensor", "Connection").with("state_topic", state.as_str());
        let connected = connected.with("payload_on", "online").with("payload_off", "offline");
        device.add("connected", connected.with("device_class", "connectivity").diagnostic());
        let mut add = |key: &str, component: Component| {
            device.add(key, component.with("availability", available(std::slice::from_ref(&state))));
        };
        let version = Component::sensor("Version", &info, "{{ value_json.version }}");
        add("version", version.with("icon", "mdi:tag-outline").diagnostic());
        let started = Component::time("Started", &info, "{{ value_json.started_at }}");
        add("started", started.diagnostic().disabled());
        let swap = topics.bridge_request("policy/swap");
        add("update_policy", slot("Policy", &topics.bridge_policy(POLICY), &swap, &json!({"latest": true})));
        let swap = topics.bridge_request("connector/swap");
        for name in self.connectors {
            let (shown, topic) = (format!("Connector {name}"), topics.bridge_connector(name));
            let update = slot(&shown, &topic, &swap, &json!({"slot": name, "latest": true}));
            add(&format!("update_connector_{name}"), update);
        }
        device
    }
}

/// The component in a slot, and the one that could take its place. The button asks for that.
fn slot(name: &str, topic: &str, swap: &str, latest: &Value) -> Component {
    let template = "{{ {'installed_version': value_json.installed_version, 'latest_version': \
                    value_json.latest_version, 'in_progress': value_json.in_progress} | tojson }}";
    let update = Component::new("update", name).reads(topic, template).commands(swap);
    update.with("payload_install", latest.to_string()).configuration()
}
