//! The topics of the service that this program replaces, `mqtt-hyundai-kia`: with them its users move first
//! and change their automations later. `docs/migrating.md` is their reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;

/// Topics that the replaced service retained of a vehicle and of which this host knows the values, below the
/// vehicle's own. Cleared when the vehicle, or this way of speaking, is not configured any more.
pub const RETAINED: [&str; 22] = [
    "battery/level",
    "battery/charging_status",
    "battery/plug_status",
    "ev/range",
    "ev/charge_limit",
    "status/doors/locked",
    "status/doors/front_left_open",
    "status/doors/front_right_open",
    "status/doors/back_left_open",
    "status/doors/back_right_open",
    "status/doors/trunk_open",
    "status/doors/hood_open",
    "status/windows/front_left",
    "status/windows/front_right",
    "status/windows/back_left",
    "status/windows/back_right",
    "status/climate/is_on",
    "status/climate/set_temperature",
    "status/last_updated",
    "status/data_source",
    "status/update_method",
    "status/error",
];

/// Topics of the replaced service, and the vehicles that have any. Clones have the same vehicles.
#[derive(Debug, Clone)]
pub struct Legacy {
    base: String,
    /// Identifiers of the vehicles in these topics, by their slugs. No two are the same.
    ids: Arc<RwLock<BTreeMap<String, String>>>,
}

impl Legacy {
    /// Makes the topics below this base for vehicles, each a slug and the identifier that it has there.
    #[must_use]
    pub fn below(base: impl Into<String>, vehicles: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { base: base.into(), ids: Arc::new(RwLock::new(vehicles.into_iter().collect())) }
    }

    /// Takes what another configuration says of these vehicles; the base and the other vehicles stay. A vehicle gets
    /// no identifier that one of the others has: those of that configuration differ, but it has not taken effect
    /// altogether.
    pub fn take_of<'v>(&self, other: &Self, vehicles: impl IntoIterator<Item = &'v String>) {
        let wanted = other.ids.read();
        let mut ids = self.ids.write();
        let vehicles: Vec<_> = vehicles.into_iter().collect();
        for slug in &vehicles {
            ids.remove(*slug);
        }
        for slug in vehicles {
            if let Some(id) = wanted.get(slug).filter(|id| !ids.values().any(|taken| taken == *id)) {
                ids.insert(slug.clone(), id.clone());
            }
        }
    }

    /// The filter to subscribe to.
    pub(super) fn filter(&self) -> String {
        format!("{}/+/commands/+", self.base)
    }

    /// Returns the vehicle's identifier and the command of a topic; none if it is no topic of a command.
    pub(super) fn parse<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let (id, below) = topic.strip_prefix(&self.base)?.strip_prefix('/')?.split_once('/')?;
        let command = below.strip_prefix("commands/")?;
        (!id.is_empty() && !command.is_empty() && !command.contains('/')).then_some((id, command))
    }

    /// Returns the slug of the vehicle that has this identifier; none if that is no vehicle of this host.
    #[must_use]
    pub fn slug_of(&self, id: &str) -> Option<String> {
        self.ids.read().iter().find_map(|(slug, own)| (own == id).then(|| slug.clone()))
    }

    /// Returns a topic of a vehicle; none if the vehicle has none here.
    #[must_use]
    pub fn topic(&self, slug: &str, what: &str) -> Option<String> {
        Some(format!("{}/{}/{what}", self.base, self.ids.read().get(slug)?))
    }

    /// Returns all topics of a vehicle that are retained.
    pub(super) fn retained(&self, slug: &str) -> BTreeSet<String> {
        RETAINED.iter().filter_map(|what| self.topic(slug, what)).collect()
    }

    /// Whether a topic is the base, or below it.
    pub(super) fn has(&self, topic: &str) -> bool {
        topic.strip_prefix(&self.base).is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_take_effect_keeps_its_name_and_no_two_have_the_same() {
        let pairs = |all: &[(&str, &str)]| {
            all.iter().map(|(slug, id)| ((*slug).to_owned(), (*id).to_owned())).collect::<Vec<_>>()
        };
        let legacy = Legacy::below("b", pairs(&[("ev6", "1"), ("niro", "2"), ("gone", "3"), ("stays", "4")]));
        let wanted = Legacy::below("b", pairs(&[("ev6", "2"), ("niro", "1"), ("stays", "3"), ("new", "4")]));
        let vehicles = ["ev6", "niro", "gone", "new"].map(str::to_owned);
        legacy.take_of(&wanted, &vehicles);
        let named = ["1", "2", "3", "4"].map(|id| legacy.slug_of(id));
        let named = named.iter().map(Option::as_deref).collect::<Vec<_>>();
        assert_eq!(named, [Some("niro"), Some("ev6"), None, Some("stays")]);
        assert_eq!(legacy.topic("new", "x"), None, "its name is not free yet");
    }

    #[test]
    fn a_command_is_known_by_its_four_levels() {
        let legacy = Legacy::below("old/cars", [("ev6".to_owned(), "8f1c".to_owned())]);
        assert_eq!(legacy.parse("old/cars/8f1c/commands/lock"), Some(("8f1c", "lock")));
        for other in [
            "old/cars/8f1c/commands/lock/now",
            "old/cars/8f1c/commands/",
            "old/cars/8f1c/commands",
            "old/cars//commands/lock",
            "old/cars/8f1c/status/error",
            "old/carsx/8f1c/commands/lock",
            "old/cars",
            "",
        ] {
            assert_eq!(legacy.parse(other), None, "{other}");
        }
        assert_eq!((legacy.slug_of("8f1c").as_deref(), legacy.slug_of("ev6")), (Some("ev6"), None));
        assert_eq!(legacy.topic("ev6", "status/error").as_deref(), Some("old/cars/8f1c/status/error"));
        assert_eq!(
            (legacy.topic("niro", "status/error"), legacy.retained("ev6").len()),
            (None, RETAINED.len())
        );
    }
}
