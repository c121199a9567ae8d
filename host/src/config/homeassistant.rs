//! The `[homeassistant]` table.

use super::reader::{Section, Text};

/// Prefix of discovery topics, and the topic of the birth message, as Home Assistant has them unless it is told
/// otherwise. They do not depend on each other there either.
const PREFIX: &str = "homeassistant";
const STATUS_TOPIC: &str = "homeassistant/status";

/// Longest of these topics, in bytes.
const LONGEST: usize = 200;

/// Form in which Home Assistant is told of devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// One message for each device: Home Assistant 2024.11 and later.
    #[default]
    Device,
    /// One message for each entity: any Home Assistant.
    Component,
    /// Not at all.
    Off,
}

impl Discovery {
    /// Words for the forms, as the file has them.
    pub const WORDS: [(&'static str, Self); 3] =
        [("device", Self::Device), ("component", Self::Component), ("off", Self::Off)];

    /// Name of the form, as in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Component => "component",
            Self::Off => "off",
        }
    }
}

/// Settings of Home Assistant's discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeAssistant {
    /// Form of the messages.
    pub discovery: Discovery,
    /// Prefix of their topics; without a slash at either end, and without wildcards.
    pub prefix: String,
    /// Topic on which Home Assistant says that it has started.
    pub status_topic: String,
}

impl Default for HomeAssistant {
    fn default() -> Self {
        let (prefix, status_topic) = (PREFIX.to_owned(), STATUS_TOPIC.to_owned());
        Self { discovery: Discovery::default(), prefix, status_topic }
    }
}

/// Reads the table. `base_topic` is that of the broker's table, unless that is wrong.
pub(super) fn read(mut section: Section<'_, '_>, base_topic: Option<&str>) -> HomeAssistant {
    let discovery = section.choice("discovery", &Discovery::WORDS).unwrap_or_default();
    let mut topic = |key: &str, default: &str| {
        let given = section.text(key);
        given.and_then(|text| topic(&section, &text, base_topic)).unwrap_or_else(|| default.to_owned())
    };
    let prefix = topic("prefix", PREFIX);
    let status_topic = topic("status_topic", STATUS_TOPIC);
    if base_topic == Some(prefix.as_str()) {
        let message = "mqtt.base_topic is the prefix of Home Assistant's discovery too, where every topic is taken for \
                       an entity; choose another base_topic, or another prefix here and in Home Assistant";
        section.complain(&section.span, message);
    }
    section.finish();
    HomeAssistant { discovery, prefix, status_topic }
}

fn topic(section: &Section<'_, '_>, given: &Text<'_>, base_topic: Option<&str>) -> Option<String> {
    let topic = given.value;
    let is_ours = |base: &str| topic.strip_prefix(base).is_some_and(|below| below.starts_with('/'));
    let wrong = if topic.is_empty() || topic.len() > LONGEST {
        format!("it must have 1 to {LONGEST} bytes")
    } else if topic.contains(['+', '#']) || topic.contains(char::is_control) {
        "remove wildcards and control characters".to_owned()
    } else if topic.starts_with('/') || topic.ends_with('/') || topic.contains("//") {
        "remove empty levels: no \"/\" at its ends, and no \"//\"".to_owned()
    } else if topic.starts_with('$') {
        "topics with \"$\" belong to the broker; begin with another character".to_owned()
    } else if base_topic.is_some_and(is_ours) {
        "it is below mqtt.base_topic, where this host's own topics are; write that of Home Assistant"
            .to_owned()
    } else {
        return Some(topic.to_owned());
    };
    section.complain(&given.span, format!("{}: {topic:?}: {wrong}", given.name));
    None
}
