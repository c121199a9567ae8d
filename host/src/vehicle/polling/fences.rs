//! Geofences that a vehicle comes into and leaves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::distance::metres;
use crate::config::Geofence;
use crate::digest::Digest;
use crate::events::VehicleEvent;
use crate::vehicle::state::Location;

/// Distance beyond the circle from which on a vehicle has left it, in metres, and as a share of its radius:
/// whichever is more. A receiver that errs beside the line would tell of coming and going all night.
const MARGIN: f64 = 50.0;
const MARGIN_SHARE: f64 = 0.2;

/// Speed above which a position is not believed before another one agrees, in metres a second, and the
/// distance below which nobody minds.
const TOO_FAST: f64 = 100.0;
const NEAR: f64 = 5_000.0;

/// Geofences as a vehicle was last seen to be in them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fences {
    /// What was seen of each, by name; absent as long as no position was known.
    seen: BTreeMap<String, Seen>,
    /// The last position that was believed.
    last: Option<Location>,
    /// A position too far from that one, until another one agrees.
    doubted: Option<Location>,
}

/// What was seen of a geofence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// Digest of where it was and how large. One that is elsewhere now is another one.
    circle: Digest,
    /// Whether the vehicle was in it.
    inside: bool,
}

impl Seen {
    /// Looks whether a place is in a geofence. `before` is what was seen of that so far.
    fn at(place: &Location, geofence: &Geofence, before: Option<&Self>) -> Self {
        let radius = f64::from(geofence.radius_m);
        let was_inside = before.is_some_and(|before| before.inside);
        let margin = if was_inside { MARGIN.max(radius * MARGIN_SHARE) } else { 0.0 };
        let inside = metres(place, geofence.latitude, geofence.longitude) <= radius + margin;
        Self { circle: circle(geofence), inside }
    }
}

fn circle(Geofence { latitude, longitude, radius_m, .. }: &Geofence) -> Digest {
    Digest::of(format!("{latitude} {longitude} {radius_m}").as_bytes())
}

impl Fences {
    /// Forgets the geofences that are not among these, and looks in which of those that are new the vehicle was last
    /// seen. That tells nothing: it has neither come nor left.
    pub(super) fn fit(&mut self, geofences: &[Geofence]) {
        let mut before = std::mem::take(&mut self.seen);
        for geofence in geofences {
            let known = before.remove(&geofence.name).filter(|seen| seen.circle == circle(geofence));
            let seen = known.or_else(|| Some(Seen::at(self.last.as_ref()?, geofence, None)));
            self.seen.extend(seen.map(|seen| (geofence.name.clone(), seen)));
        }
    }

    /// Takes in a position. Returns what is to be told. The first one tells nothing: a vehicle that stands at
    /// home has not come.
    pub(super) fn saw(&mut self, place: &Location, geofences: &[Geofence]) -> Vec<VehicleEvent> {
        self.fit(geofences);
        // Also without any: there may be some later.
        if !self.believes(place) {
            return Vec::new();
        }
        let mut events = Vec::new();
        for geofence in geofences {
            let before = self.seen.remove(&geofence.name);
            let seen = Seen::at(place, geofence, before.as_ref());
            let (was_inside, is_inside) = (before.map(|before| before.inside), seen.inside);
            self.seen.insert(geofence.name.clone(), seen);
            let geofence = geofence.name.clone();
            match (was_inside, is_inside) {
                (Some(false), true) => events.push(VehicleEvent::GeofenceEnter { geofence }),
                (Some(true), false) => events.push(VehicleEvent::GeofenceLeave { geofence }),
                _ => {}
            }
        }
        events
    }

    /// Whether a position is another one than the last, and can be.
    fn believes(&mut self, place: &Location) -> bool {
        let Some(last) = &self.last else {
            self.last = Some(place.clone());
            return true;
        };
        let distance = metres(last, place.latitude, place.longitude);
        let elapsed = place.vehicle_time.zip(last.vehicle_time).map(|(now, then)| now.duration_since(then));
        let is_new = elapsed.map_or(distance > 0.0, |elapsed| elapsed.is_positive());
        if !is_new {
            return false;
        }
        let too_fast = elapsed.is_some_and(|elapsed| distance / elapsed.as_secs_f64() > TOO_FAST);
        let agrees = |doubted: &Location| metres(doubted, place.latitude, place.longitude) <= NEAR;
        if too_fast && distance > NEAR && !self.doubted.as_ref().is_some_and(agrees) {
            self.doubted = Some(place.clone());
            return false;
        }
        (self.last, self.doubted) = (Some(place.clone()), None);
        true
    }

    /// Times that were noted.
    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let places = [&mut self.last, &mut self.doubted].into_iter().flatten();
        places.filter_map(|place| place.vehicle_time.as_mut())
    }

    /// Returns the names of those that the vehicle is in; none before a position was known.
    pub(crate) fn inside(&self) -> Option<Vec<&str>> {
        let inside = self.seen.iter().filter(|(_, seen)| seen.inside).map(|(name, _)| name.as_str());
        (!self.seen.is_empty()).then(|| inside.collect())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    /// Metres of one degree north.
    const DEGREE: f64 = 111_194.9;

    fn home() -> Vec<Geofence> {
        vec![Geofence { name: "home".to_owned(), latitude: 50.0, longitude: 8.0, radius_m: 150 }]
    }

    /// A place so many metres north of home, so many minutes after the beginning.
    fn north(metres: f64, minutes: i64) -> Location {
        let vehicle_time =
            Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_mins(minutes);
        Location { latitude: 50.0 + metres / DEGREE, longitude: 8.0, vehicle_time: Some(vehicle_time) }
    }

    fn told(fences: &mut Fences, places: &[Location]) -> Vec<String> {
        let events = places.iter().flat_map(|place| fences.saw(place, &home()));
        let word = |event| match event {
            VehicleEvent::GeofenceEnter { geofence } => format!("enter {geofence}"),
            VehicleEvent::GeofenceLeave { geofence } => format!("leave {geofence}"),
            other => format!("{other:?}"),
        };
        events.map(word).collect()
    }

    #[test]
    fn coming_and_leaving_are_told_and_beside_the_line_nothing_is() {
        let mut fences = Fences::default();
        assert_eq!(fences.inside(), None);
        let distances = [0.0, 160.0, 140.0, 199.0, 201.0, 160.0, 199.0, 149.0, 151.0];
        let places: Vec<_> = (0..).zip(distances).map(|(minute, metres)| north(metres, minute)).collect();
        assert_eq!(told(&mut fences, &places), ["leave home", "enter home"]);
        assert_eq!(fences.inside(), Some(vec!["home"]));
        let stored = serde_json::to_vec(&fences).unwrap();
        let mut restarted: Fences = serde_json::from_slice(&stored).unwrap();
        assert_eq!(told(&mut restarted, &places[8..]), Vec::<String>::new(), "a restart tells nothing twice");
    }

    #[test]
    fn a_position_that_is_old_or_cannot_be_tells_nothing() {
        let mut fences = Fences::default();
        assert_eq!(told(&mut fences, &[north(0.0, 10), north(9_000.0, 10), north(9_000.0, 9)]), [""; 0]);
        // 100 km within a minute, and then nothing of the kind.
        assert_eq!(told(&mut fences, &[north(100_000.0, 11), north(0.0, 12)]), [""; 0]);
        // It was on a train, whatever the clock says.
        let train = [north(100_000.0, 13), north(101_000.0, 14)];
        assert_eq!(told(&mut fences, &train), ["leave home"]);
    }

    #[test]
    fn a_geofence_that_is_not_configured_any_more_is_forgotten() {
        let mut fences = Fences::default();
        told(&mut fences, &[north(0.0, 0)]);
        assert_eq!(fences.saw(&north(1.0, 1), &[]), []);
        assert_eq!(fences.inside(), None);
    }

    #[test]
    fn a_geofence_that_is_new_or_elsewhere_is_looked_at_with_the_last_position_and_tells_nothing() {
        let mut fences = Fences::default();
        // Nothing was configured when it came.
        assert_eq!(fences.saw(&north(0.0, 0), &[]), []);
        fences.fit(&home());
        assert_eq!(fences.inside(), Some(vec!["home"]));
        assert_eq!(told(&mut fences, &[north(0.0, 0)]), [""; 0], "the car has said nothing since");
        let stored = serde_json::to_vec(&fences).unwrap();
        let mut fences: Fences = serde_json::from_slice(&stored).unwrap();
        let moved = [Geofence { latitude: 51.0, ..home().remove(0) }];
        fences.fit(&moved);
        assert_eq!(fences.inside(), Some(vec![]), "it is elsewhere");
        assert_eq!(fences.saw(&north(DEGREE, 1_000), &moved).len(), 1, "and the car has gone there");
    }

    #[test]
    fn what_is_configured_as_before_keeps_its_margin() {
        let mut fences = Fences::default();
        told(&mut fences, &[north(0.0, 0), north(190.0, 1)]);
        fences.fit(&home());
        assert_eq!(fences.inside(), Some(vec!["home"]));
    }

    proptest! {
        #[test]
        fn coming_and_leaving_take_turns(distances in prop::collection::vec(0.0..600.0_f64, 2..60)) {
            let places: Vec<_> = (0..).zip(&distances).map(|(minute, metres)| north(*metres, minute)).collect();
            let told = told(&mut Fences::default(), &places);
            prop_assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
        }
    }
}
