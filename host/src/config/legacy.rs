//! The topics of the replaced service: `legacy_topics` and `legacy_base` of `[mqtt]`, `legacy_id` of a
//! vehicle.

use std::collections::BTreeMap;
use std::ops::Range;

use super::broker::topic;
use super::reader::Section;
use super::slug::Slug;

/// Base of that service's topics, unless it was told another.
const BASE: &str = "hyundai";

/// Reads the keys of `[mqtt]`; none if those topics are not wanted. `base_topic` is that of this host's own.
pub(super) fn base(section: &mut Section<'_, '_>, base_topic: &str) -> Option<String> {
    let wanted = section.choice("legacy_topics", &[("mqtt-hyundai-kia", ())]);
    let is_wanted = section.entry("legacy_topics").is_some();
    let given = section.text("legacy_base");
    let base = match &given {
        Some(given) => topic(section, given)?,
        None => BASE.to_owned(),
    };
    let at = given.as_ref().map_or_else(|| section.span.clone(), |given| given.span.clone());
    if given.is_some() && !is_wanted {
        let message = "mqtt.legacy_base has no use without legacy_topics = \"mqtt-hyundai-kia\"; add that, or remove it";
        section.complain(&at, message);
    }
    if wanted.is_some() && (is_within(&base, base_topic) || is_within(base_topic, &base)) {
        let message = format!(
            "mqtt.legacy_base: {base:?} and base_topic, {base_topic:?}, are the same or one is in the other; change one"
        );
        section.complain(&at, message);
    }
    wanted.map(|()| base)
}

/// Whether a topic is another one or below it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// Reads the identifier of a vehicle in those topics: what its users have written into their automations.
pub(super) fn id(section: &mut Section<'_, '_>) -> Option<String> {
    let given = section.text("legacy_id")?;
    let id = Slug::parse(given.value);
    if id.is_none() {
        let message = format!(
            "{}: {:?} cannot be a level of these topics; use 1 to 64 of a-z, A-Z, 0-9, \"_\" and \"-\"",
            given.name, given.value
        );
        section.complain(&given.span, message);
    }
    id.map(|id| id.to_string())
}

/// Identifiers of the vehicles in those topics, which have to differ.
pub(super) struct Ids<'b> {
    base: Option<&'b str>,
    seen: BTreeMap<String, String>,
}

impl<'b> Ids<'b> {
    pub(super) fn below(base: Option<&'b str>) -> Self {
        Self { base, seen: BTreeMap::new() }
    }

    /// Takes that of one vehicle: its own, or else its name here. `name` is that of its table.
    pub(super) fn take(
        &mut self,
        tables: &Section<'_, '_>,
        at: &Range<usize>,
        name: &str,
        own: Option<&str>,
    ) {
        let Some(base) = self.base else {
            if own.is_some() {
                let message = format!(
                    "[{name}] has a legacy_id, which has no use without mqtt.legacy_topics; remove it"
                );
                tables.reader.warn(at, message);
            }
            return;
        };
        let id = own.or_else(|| name.rsplit('.').next()).unwrap_or(name);
        if let Some(other) = self.seen.insert(id.to_owned(), name.to_owned()) {
            let message = format!(
                "[{name}] and [{other}] have the same topics, {base}/{id}/…; give one another legacy_id"
            );
            tables.complain(at, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::{ACCOUNT, complaints, parse};

    fn car(name: &str, id: &str, more: &str) -> String {
        format!("[vehicle.{name}]\naccount = \"main\"\nid = {id:?}\n{more}")
    }

    fn with(mqtt: &str, cars: &str) -> String {
        format!("[mqtt]\nurl = \"mqtt://127.0.0.1\"\n{mqtt}\n{ACCOUNT}{cars}")
    }

    fn topic(config: &Config, slug: &str) -> Option<String> {
        config.legacy()?.topic(slug, "battery/level")
    }

    #[test]
    fn a_vehicle_has_its_name_here_unless_it_is_given_another() {
        let wanted = "legacy_topics = \"mqtt-hyundai-kia\"";
        let cars = car("ev6", "1", "") + &car("niro", "2", "legacy_id = \"8f1c-2\"\n");
        let config = parse(&with(wanted, &cars)).unwrap();
        assert_eq!(topic(&config, "ev6").as_deref(), Some("hyundai/ev6/battery/level"));
        assert_eq!(topic(&config, "niro").as_deref(), Some("hyundai/8f1c-2/battery/level"));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);

        let config = parse(&with(&format!("{wanted}\nlegacy_base = \"old/cars\""), &cars)).unwrap();
        assert_eq!(topic(&config, "ev6").as_deref(), Some("old/cars/ev6/battery/level"));

        let config = parse(&with("", &cars)).unwrap();
        assert_eq!(topic(&config, "niro"), None);
        let warned = config.warnings.iter().map(|warning| warning.message.as_str());
        let expected =
            "[vehicle.niro] has a legacy_id, which has no use without mqtt.legacy_topics; remove it";
        assert_eq!(warned.collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn what_cannot_be_meant() {
        let wanted = "legacy_topics = \"mqtt-hyundai-kia\"";
        for (mqtt, cars, expected) in [
            (
                "legacy_topics = \"bluelinky\"",
                "",
                "mqtt.legacy_topics: \"bluelinky\" is unknown; known: mqtt-hyundai-kia",
            ),
            (
                "legacy_base = \"x\"",
                "",
                "mqtt.legacy_base has no use without legacy_topics = \"mqtt-hyundai-kia\"",
            ),
            (&format!("{wanted}\nlegacy_base = \"a/+\""), "", "mqtt.legacy_base: \"a/+\": remove wildcards"),
            (
                &format!("{wanted}\nbase_topic = \"hyundai\""),
                "",
                "are the same or one is in the other; change one",
            ),
            (
                &format!("{wanted}\nbase_topic = \"hyundai/new\""),
                "",
                "are the same or one is in the other; change one",
            ),
            (
                &format!("{wanted}\nlegacy_base = \"vehicle-connector/bridge\""),
                "",
                "are the same or one is in the other; change one",
            ),
            (
                wanted,
                &car("a", "1", "legacy_id = \"a/b\"\n"),
                "vehicle.a.legacy_id: \"a/b\" cannot be a level",
            ),
            (
                wanted,
                &(car("a", "1", "") + &car("b", "2", "legacy_id = \"a\"\n")),
                "have the same topics, hyundai/a/…; give one another legacy_id",
            ),
        ] {
            let complained = complaints(&with(mqtt, cars));
            assert!(complained.contains(expected), "{expected}\n{complained}");
        }
    }
}
