//! A device and the messages that Home Assistant is told of it with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::component::Component;
use super::name;
use crate::config::Discovery;

/// Largest message, in bytes. What brokers and Home Assistant bear is more; a document that grows beyond this has
/// something in it that does not belong there.
pub const LARGEST: usize = 64 * 1024 - 1;

/// Room that is kept for components that were there before, in bytes. Each takes 60.
const ROOM_FOR_REMOVED: usize = 4 * 1024;

/// Beginning of the keys of the components that are left out first if there are too many.
pub(super) const EXPENDABLE: &str = "other_";

/// Order in which devices are published: a vehicle says that it is reached by way of the bridge, which Home Assistant
/// must know by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The bridge itself.
    Bridge,
    /// An account.
    Account,
    /// A vehicle.
    Vehicle,
}

/// Form of the messages about devices, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// One message for each device or each entity, or none.
    pub discovery: Discovery,
    /// Prefix of the topics.
    pub prefix: String,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its place among others.
    pub rank: Rank,
    /// Identifier, of the characters that may stand in a topic of discovery.
    pub id: String,
    /// Beginning of the ids of its entities.
    object: String,
    about: Map<String, Value>,
    /// Topics that all have to say `online` for its entities to be available.
    availability: Vec<String>,
    components: BTreeMap<String, Component>,
}

impl Device {
    /// A device without entities. `object` begins the ids of its entities; `name` is shown.
    pub(super) fn new(rank: Rank, id: String, object: &str, name: &str) -> Self {
        let mut about = Map::new();
        about.insert("identifiers".to_owned(), json!([id]));
        about.insert("name".to_owned(), name.into());
        let object = name::in_entity_id(object);
        Self { rank, id, object, about, availability: Vec::new(), components: BTreeMap::new() }
    }

    /// Says more of the device.
    pub(super) fn about(mut self, key: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.about.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Makes its entities available while all these topics say `online`.
    pub(super) fn available(mut self, topics: impl IntoIterator<Item = String>) -> Self {
        self.availability.extend(topics);
        self
    }

    /// Adds an entity under a key that tells it apart within the device, and for good: Home Assistant remembers by it
    /// what its user has made of the entity.
    pub(super) fn add(&mut self, key: &str, component: Component) {
        let object_id = format!("{}_{}", self.object, name::in_entity_id(key));
        let key = name::identifier(key);
        let entity_id = format!("{}.{object_id}", component.platform);
        let component = component
            .with("unique_id", format!("{}_{key}", self.id))
            // The one is for Home Assistant up to 2026.3, the other from 2025.10 on.
            .with("object_id", object_id)
            .with("default_entity_id", entity_id);
        self.components.insert(key, component);
    }

    /// Returns the platforms of its entities, by their keys.
    #[must_use]
    pub fn platforms(&self) -> BTreeMap<String, String> {
        let platform = |(key, it): (&String, &Component)| (key.clone(), it.platform.to_owned());
        self.components.iter().map(platform).collect()
    }

    /// Returns the messages of this form by their topics. `before` are the platforms of entities that Home Assistant
    /// may have of it: a message about the whole device says of those that are gone that they are.
    #[must_use]
    pub fn messages(&self, form: &Form, before: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
        let Form { discovery, prefix } = form;
        match discovery {
            Discovery::Off => BTreeMap::new(),
            Discovery::Device => {
                let topic = format!("{prefix}/device/{}/config", self.id);
                [(topic, self.whole(before))].into()
            }
            Discovery::Component => {
                let message = |(key, component): (&String, &Component)| {
                    let topic = format!("{prefix}/{}/{}/{key}/config", component.platform, self.id);
                    (topic, encoded(self.alone(component)))
                };
                self.components.iter().map(message).collect()
            }
        }
    }

    fn whole(&self, before: &BTreeMap<String, String>) -> Vec<u8> {
        let mut left_out = BTreeSet::new();
        loop {
            let mut components = Map::new();
            for (key, platform) in before.iter().filter(|(key, _)| !self.has(key, &left_out)) {
                // The platform alone means that it is gone.
                components.insert(key.clone(), json!({"platform": platform}));
            }
            for (key, component) in self.components.iter().filter(|(key, _)| self.has(key, &left_out)) {
                let mut settings = component.settings.clone();
                settings.insert("platform".to_owned(), component.platform.into());
                components.insert(key.clone(), settings.into());
            }
            let mut document = self.shared();
            document.insert("components".to_owned(), components.into());
            let message = encoded(document);
            let expendable =
                self.components.keys().rfind(|key| key.starts_with(EXPENDABLE) && self.has(key, &left_out));
            match expendable {
                Some(expendable) if message.len() > LARGEST - ROOM_FOR_REMOVED => {
                    left_out.insert(expendable.clone());
                }
                _ => return message,
            }
        }
    }

    fn has(&self, key: &str, left_out: &BTreeSet<String>) -> bool {
        self.components.contains_key(key) && !left_out.contains(key)
    }

    fn alone(&self, component: &Component) -> Map<String, Value> {
        let mut document = self.shared();
        document.extend(component.settings.clone());
        document
    }

    /// The settings that all its entities share.
    fn shared(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("device".to_owned(), self.about.clone().into());
        let origin = json!({"name": env!("CARGO_PKG_NAME"), "sw_version": env!("CARGO_PKG_VERSION")});
        document.insert("origin".to_owned(), origin);
        if !self.availability.is_empty() {
            document.insert("availability".to_owned(), available(&self.availability));
            document.insert("availability_mode".to_owned(), "all".into());
        }
        document
    }
}

/// Topics that have to say `online`, as Home Assistant reads them.
pub(super) fn available(topics: &[String]) -> Value {
    topics.iter().map(|topic| json!({"topic": topic})).collect()
}

/// Encodes a document, which is made of strings, numbers and maps with string keys: that cannot fail.
fn encoded(document: Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(&Value::Object(document)).unwrap_or_default()
}
