//! A linter of discovery: what a Home Assistant accepts, by tables that were made of its own schemas
//! (`tests/peers/home-assistant/schemas.py`), and a few rules that it has in code.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keys that Home Assistant has come to know since one of the tables was made. What it does not know in an entity it
/// leaves out, and only there.
const LATER: [&str; 1] = ["default_entity_id"];

/// The same of sensors: without its options one of the class `enum` takes any state.
const LATER_OF_SENSORS: [&str; 2] = ["default_entity_id", "options"];

/// Most bytes of a message.
const LARGEST: usize = 64 * 1024;

/// A Home Assistant, by what it accepts.
pub struct Accepted(Value);

/// What is wrong with a message.
pub type Problems = Vec<String>;

impl Accepted {
    /// A version from before devices could be discovered as a whole.
    pub fn by_2024_3() -> Self {
        Self(serde_json::from_str(include_str!("../../fixtures/home-assistant/2024.3.json")).unwrap())
    }

    /// A version that knows both forms.
    pub fn by_2025_4() -> Self {
        Self(serde_json::from_str(include_str!("../../fixtures/home-assistant/2025.4.json")).unwrap())
    }

    /// Looks at everything that is retained below a prefix.
    pub fn lint<'m>(
        &self,
        prefix: &str,
        messages: impl IntoIterator<Item = (&'m String, &'m Vec<u8>)>,
    ) -> Problems {
        let (mut problems, mut ids) = (Problems::new(), BTreeSet::new());
        for (topic, payload) in messages {
            let found = self.message(prefix, topic, payload, &mut ids);
            problems.extend(found.into_iter().map(|problem| format!("{topic}: {problem}")));
        }
        problems
    }

    fn message(&self, prefix: &str, topic: &str, payload: &[u8], ids: &mut BTreeSet<String>) -> Problems {
        let mut problems = Problems::new();
        let below = topic.strip_prefix(prefix).and_then(|below| below.strip_prefix('/')).unwrap_or_default();
        let levels: Vec<&str> = below.split('/').collect();
        let (kind, names) = match levels.as_slice() {
            [kind, names @ .., "config"] if (1..=2).contains(&names.len()) => (*kind, names),
            _ => return vec!["this is no topic of discovery".to_owned()],
        };
        if !names.iter().all(|name| is_identifier(name)) {
            problems.push("the topic has a level that is not of a-z, A-Z, 0-9, _ and -".to_owned());
        }
        if payload.len() >= LARGEST {
            problems.push(format!("it has {} bytes", payload.len()));
        }
        let Ok(Value::Object(document)) = serde_json::from_slice::<Value>(payload) else {
            problems.push("it is no JSON object".to_owned());
            return problems;
        };
        if kind == "device" {
            self.whole(&document, ids, &mut problems);
        } else {
            self.entity(kind, &document, ids, &mut problems);
        }
        problems
    }

    /// A message about a whole device. One mistake, and Home Assistant drops all of it.
    fn whole(&self, document: &Map<String, Value>, ids: &mut BTreeSet<String>, problems: &mut Problems) {
        if self.0["whole"].is_null() {
            problems.push("this version does not know messages about devices".to_owned());
            return;
        }
        keys(&self.0["whole"], document, &[], "", problems);
        self.shared(document, problems);
        let Some(components) = document.get("components").and_then(Value::as_object) else { return };
        for (key, component) in components {
            let found = match component.as_object() {
                Some(component) => self.component(key, component, document, ids),
                None => vec!["it is no object".to_owned()],
            };
            problems.extend(found.into_iter().map(|problem| format!("{key}: {problem}")));
        }
    }

    fn component(
        &self,
        key: &str,
        component: &Map<String, Value>,
        device: &Map<String, Value>,
        ids: &mut BTreeSet<String>,
    ) -> Problems {
        let mut problems = Problems::new();
        if !is_identifier(key) {
            problems.push("its key is not of a-z, A-Z, 0-9, _ and -".to_owned());
        }
        let mut entity = component.clone();
        let platform = entity.remove("platform");
        let platform = platform.as_ref().and_then(Value::as_str).unwrap_or_default();
        if !self.0["supported"].as_array().unwrap().iter().any(|known| known == platform) {
            problems.push(format!("the platform {platform:?} is unknown"));
        }
        // The platform alone says that it is gone.
        if !entity.is_empty() {
            for shared in ["availability", "availability_mode"] {
                if let Some(value) = device.get(shared).filter(|_| !entity.contains_key(shared)) {
                    entity.insert(shared.to_owned(), value.clone());
                }
            }
            for own in ["device", "origin"] {
                entity.extend(device.get(own).map(|value| (own.to_owned(), value.clone())));
            }
            self.entity(platform, &entity, ids, &mut problems);
        }
        problems
    }

    /// An entity, with what its device says for all.
    fn entity(
        &self,
        platform: &str,
        entity: &Map<String, Value>,
        ids: &mut BTreeSet<String>,
        problems: &mut Problems,
    ) {
        let table = &self.0["platforms"][platform];
        if table.is_null() {
            problems.push(format!("there is no table of the platform {platform:?}"));
            return;
        }
        let later = if platform == "sensor" { &LATER_OF_SENSORS[..] } else { &LATER[..] };
        keys(table, entity, later, "", problems);
        self.shared(entity, problems);
        let text = |key: &str| entity.get(key).and_then(Value::as_str);
        match text("unique_id") {
            Some(id) if !is_identifier(id) => problems.push(format!("unique_id {id:?}")),
            Some(id) if !ids.insert(id.to_owned()) => {
                problems.push(format!("unique_id {id:?} is there twice"))
            }
            Some(_) => {}
            None => problems.push("it has no unique_id".to_owned()),
        }
        if !entity.contains_key("origin") || !entity.contains_key("device") {
            problems.push("it has no origin, or no device".to_owned());
        }
        let object = text("object_id").unwrap_or_default();
        let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if object.is_empty() || !object.chars().all(is_slug) {
            problems.push(format!("object_id {object:?}"));
        }
        if text("default_entity_id") != Some(&format!("{platform}.{object}")) {
            problems.push(format!("default_entity_id {:?}", text("default_entity_id")));
        }
        if let Some(category) = text("entity_category") {
            let known = self.0["entity_categories"].as_array().unwrap().iter().any(|known| known == category);
            // What cannot be set configures nothing.
            if !known || (category == "config" && ["sensor", "binary_sensor"].contains(&platform)) {
                problems.push(format!("entity_category {category:?}"));
            }
        }
        for (key, value) in entity {
            match value.as_str() {
                Some(template) if key.ends_with("template") => balanced(key, template, problems),
                Some(topic)
                    if key.ends_with("_topic") && (topic.is_empty() || topic.contains(['+', '#'])) =>
                {
                    problems.push(format!("{key} {topic:?}"));
                }
                _ => {}
            }
        }
        if entity.keys().any(|key| key.ends_with("command_topic")) && entity.get("qos") != Some(&1.into()) {
            problems.push("it commands with QoS 0".to_owned());
        }
        if entity.contains_key("expire_after") {
            problems.push("a parked car is silent for days".to_owned());
        }
        self.class(platform, entity, problems);
        ranges(platform, entity, problems);
    }

    /// What is said of a device, where it comes from, and when it is available.
    fn shared(&self, document: &Map<String, Value>, problems: &mut Problems) {
        for part in ["device", "origin"] {
            if let Some(Value::Object(said)) = document.get(part) {
                keys(&self.0[part], said, &[], part, problems);
            }
        }
        let identifiers = document.get("device").map(|device| &device["identifiers"]);
        if identifiers.is_some_and(|all| all.as_array().is_none_or(Vec::is_empty)) {
            problems.push("the device has no identifiers".to_owned());
        }
        for entry in document.get("availability").and_then(Value::as_array).into_iter().flatten() {
            match entry.as_object() {
                Some(entry) => keys(&self.0["availability"], entry, &[], "availability", problems),
                None => problems.push("availability".to_owned()),
            }
        }
        if let Some(mode) = document.get("availability_mode")
            && !self.0["availability_modes"].as_array().unwrap().contains(mode)
        {
            problems.push(format!("availability_mode {mode}"));
        }
    }

    fn class(&self, platform: &str, entity: &Map<String, Value>, problems: &mut Problems) {
        let table = &self.0["platforms"][platform];
        let text = |key: &str| entity.get(key).and_then(Value::as_str);
        let (class, unit, state) = (text("device_class"), text("unit_of_measurement"), text("state_class"));
        let lists =
            |list: &Value, word: &str| list.as_array().is_some_and(|list| list.iter().any(|it| it == word));
        if let Some(class) = class {
            if !lists(&table["device_classes"], class) {
                problems.push(format!("device_class {class:?}"));
            }
            let units = &table["units"][class];
            if !units.is_null() && !lists(units, unit.unwrap_or_default()) {
                problems.push(format!("device_class {class:?} with the unit {unit:?}"));
            }
        }
        if platform != "sensor" {
            return;
        }
        let is_enum = class == Some("enum");
        let options = entity.get("options").and_then(Value::as_array);
        if is_enum != options.is_some_and(|options| !options.is_empty()) {
            problems.push("options belong to device_class enum, and it needs some".to_owned());
        }
        let not_numeric = class.is_some_and(|class| lists(&table["not_numeric"], class));
        if not_numeric && (unit.is_some() || state.is_some()) {
            problems.push(format!("device_class {class:?} is no number"));
        }
        if let Some(state) = state {
            let of_class = class.map_or(&Value::Null, |class| &table["state_classes_of"][class]);
            if !lists(&table["state_classes"], state) || !of_class.is_null() && !lists(of_class, state) {
                problems.push(format!("device_class {class:?} with state_class {state:?}"));
            }
        }
    }
}

/// Complains about keys that are unknown, and about those that are missing.
fn keys(table: &Value, object: &Map<String, Value>, later: &[&str], whose: &str, problems: &mut Problems) {
    let list = |kind: &str| table[kind].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
    let known: BTreeSet<&str> =
        list("required").chain(list("optional")).chain(later.iter().copied()).collect();
    for key in object.keys().filter(|key| !known.contains(key.as_str())) {
        problems.push(format!("{whose} the key {key:?} is unknown"));
    }
    for key in list("required").filter(|key| !object.contains_key(*key)) {
        problems.push(format!("{whose} the key {key:?} is missing"));
    }
}

fn balanced(key: &str, template: &str, problems: &mut Problems) {
    for (opens, closes) in [("{{", "}}"), ("{%", "%}")] {
        if template.matches(opens).count() != template.matches(closes).count() {
            problems.push(format!("{key} {template:?}"));
        }
    }
}

fn ranges(platform: &str, entity: &Map<String, Value>, problems: &mut Problems) {
    let number = |key: &str| entity.get(key).and_then(Value::as_f64);
    let list = |key: &str| entity.get(key).and_then(Value::as_array);
    let ordered =
        |least: &str, most: &str| number(least).zip(number(most)).is_none_or(|(least, most)| least < most);
    let is_good = match platform {
        "number" => ordered("min", "max") && number("step").is_none_or(|step| step >= 0.001),
        "climate" => {
            let modes = ["auto", "off", "cool", "heat", "dry", "fan_only"];
            ordered("min_temp", "max_temp")
                && number("precision").is_none_or(|precision| [0.1, 0.5, 1.0].contains(&precision))
                && list("modes").is_some_and(|list| list.iter().all(|mode| modes.iter().any(|it| mode == it)))
        }
        "select" => list("options").is_some_and(|options| !options.is_empty()),
        "event" => list("event_types").is_some_and(|types| !types.is_empty()),
        // Its empty state has no characters.
        "text" => number("min") == Some(0.0) && number("max").is_none_or(|most| most <= 255.0),
        _ => true,
    };
    if !is_good {
        problems.push("its range, or its list, is impossible".to_owned());
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Each of these is refused by a real Home Assistant, or has something missing in it.
#[test]
fn it_finds_what_home_assistant_would_not_take() {
    let good = r#"{"device":{"identifiers":["d"]},"origin":{"name":"x"},"components":{"soc":{"platform":"sensor",
        "unique_id":"d_soc","object_id":"car_soc","default_entity_id":"sensor.car_soc","state_topic":"s",
        "device_class":"battery","unit_of_measurement":"%","state_class":"measurement"}}}"#;
    let lint = |document: &str, topic: &str| {
        let messages = [(topic.to_owned(), document.as_bytes().to_vec())];
        let problems =
            Accepted::by_2025_4().lint("ha", messages.iter().map(|(topic, payload)| (topic, payload)));
        problems.join("; ")
    };
    let topic = "ha/device/d/config";
    assert_eq!(lint(good, topic), "");
    for (from, to, complaint) in [
        (r#""origin":{"name":"x"},"#, "", r#"the key "origin" is missing"#),
        (r#""origin":"#, r#""qos":1,"retain":true,"origin":"#, r#"the key "retain" is unknown"#),
        (r#""unique_id":"d_soc","#, "", "it has no unique_id"),
        (r#""unique_id":"d_soc""#, r#""unique_id":"d soc""#, r#"unique_id "d soc""#),
        (r#""platform":"sensor""#, r#""platform":"sensors""#, r#"the platform "sensors" is unknown"#),
        (r#""state_topic":"s","#, "", r#"the key "state_topic" is missing"#),
        (r#""state_topic":"s""#, r#""state_topic":"s/+""#, r#"state_topic "s/+""#),
        (r#""state_topic":"s""#, r#""state_topic":"s","stat":"s""#, r#"the key "stat" is unknown"#),
        (r#""unit_of_measurement":"%""#, r#""unit_of_measurement":"km""#, r#"with the unit Some("km")"#),
        (r#""battery""#, r#""batery""#, r#"device_class "batery""#),
        (r#""measurement"}"#, r#""total"}"#, r#"state_class "total""#),
        (r#""device_class":"battery""#, r#""device_class":"enum""#, "it needs some"),
        (r#""identifiers":["d"]"#, r#""name":"d""#, "the device has no identifiers"),
        (r#""state_topic":"s""#, r#""state_topic":"s","value_template":"{{ value }""#, "value_template"),
        (r#""state_topic":"s""#, r#""state_topic":"s","expire_after":60"#, "silent for days"),
        (r#""state_topic":"s""#, r#""state_topic":"s","entity_category":"config""#, "entity_category"),
    ] {
        assert!(good.contains(from), "{from}");
        let problems = lint(&good.replace(from, to), topic);
        assert!(problems.contains(complaint), "{to}: {problems}");
    }
    assert!(lint(good, "ha/device/d d/config").contains("the topic has a level"));
    assert!(lint(good, "ha/config").contains("no topic of discovery"));
    let large = good.replace("\"x\"", &format!("\"{}\"", "x".repeat(LARGEST)));
    assert!(lint(&large, topic).contains("bytes"));
}
