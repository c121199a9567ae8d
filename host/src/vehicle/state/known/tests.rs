#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use serde_json::json;

use super::*;

/// Returns the time `second` seconds after everything began.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Knowledge of a vehicle, and a host's clock.
#[derive(Default)]
struct Garage {
    known: Known,
}

impl Garage {
    /// Reads an answer that the vehicle has given at `said`, at `now`.
    fn read(&mut self, source: Source, said: Option<i64>, now: i64, mut answer: Value) -> Taken {
        if let Some(said) = said {
            answer["vehicle_time"] = at(said).to_string().into();
        }
        let before = self.known.vehicle_time();
        self.known.take_in(&Reading::of(&answer).unwrap(), source, before, at(now))
    }

    fn cached(&mut self, said: i64, now: i64, answer: Value) -> Taken {
        self.read(Source::Cached, Some(said), now, answer)
    }

    fn published(&self) -> Value {
        serde_json::to_value(self.known.published(true, 1).unwrap()).unwrap()
    }

    fn restart(&mut self) {
        self.known = serde_json::from_slice(&serde_json::to_vec(&self.known).unwrap()).unwrap();
    }
}

#[test]
fn what_an_answer_does_not_have_stays_and_says_how_old_it_is() {
    let mut garage = Garage::default();
    garage.cached(0, 1, json!({"locked": true, "odometer_km": 15_234.5, "doors": {"front_left": true}}));
    garage.cached(60, 61, json!({"locked": false, "doors": {"front_right": false}}));
    let published = garage.published();
    assert_eq!((&published["locked"], &published["odometer_km"]), (&json!(false), &json!(15_234.5)));
    assert_eq!(published["doors"]["front_left"], true);
    assert_eq!(published["meta"]["kept"], json!({"doors": at(0), "odometer_km": at(0)}));
    garage.cached(
        90,
        91,
        json!({"locked": false, "odometer_km": null, "doors": {"front_left": false, "front_right": false}}),
    );
    let published = garage.published();
    assert_eq!((&published["odometer_km"], &published["meta"]["kept"]), (&json!(null), &json!({})));
}

#[test]
fn a_clock_that_is_ahead_decides_nothing() {
    let mut garage = Garage::default();
    garage.cached(0, 10, json!({"soc_percent": 40}));
    garage.cached(7_200, 20, json!({"soc_percent": 50}));
    assert_eq!(garage.published()["meta"]["vehicle_time"], json!(null));
    assert!(
        matches!(garage.cached(-60, 30, json!({"soc_percent": 30})), Taken::Older(_)),
        "it opens no door either"
    );
    assert_eq!(garage.cached(15, 40, json!({"soc_percent": 60})), Taken::Anew);
    assert_eq!(garage.published()["soc_percent"], 60.0);
    // Minutes are a clock that is off. It is moved to now.
    garage.cached(220, 50, json!({"soc_percent": 61}));
    assert_eq!(garage.published()["meta"]["vehicle_time"], json!(at(50)));
    garage.cached(220, 55, json!({"soc_percent": 61}));
    assert_eq!(
        garage.published()["meta"]["vehicle_time"],
        json!(at(50)),
        "the same report is as old as it was"
    );
}

#[test]
fn a_vehicle_that_was_just_asked_has_the_newest_to_say() {
    for said in [None, Some(-3_600), Some(7_200), Some(500)] {
        let mut garage = Garage::default();
        garage.cached(0, 10, json!({"locked": false}));
        assert_eq!(garage.read(Source::Vehicle, said, 500, json!({"locked": true})), Taken::Anew, "{said:?}");
        let published = garage.published();
        assert_eq!((&published["locked"], &published["meta"]["stale"]), (&json!(true), &json!(false)));
        assert_eq!(published["meta"]["vehicle_time"], json!(at(500)), "{said:?}");
        assert!(matches!(garage.cached(0, 510, json!({"locked": false})), Taken::Older(_)));
    }
}

#[test]
fn only_what_is_newer_makes_up_for_an_answer_that_did_not_come() {
    let mut garage = Garage::default();
    garage.cached(0, 10, json!({"locked": true}));
    assert_eq!(garage.read(Source::Vehicle, Some(0), 100, json!({"locked": true})), Taken::Unanswered);
    garage.cached(0, 110, json!({"locked": true}));
    assert_eq!(garage.published()["meta"]["stale"], true);
    garage.read(Source::Cached, None, 120, json!({"locked": true}));
    assert_eq!(garage.published()["meta"]["stale"], true);
    garage.restart();
    garage.cached(50, 130, json!({"locked": true}));
    assert_eq!(garage.published()["meta"]["stale"], false);
}

#[test]
fn a_counter_that_goes_back_is_held_until_it_is_plain_that_it_did() {
    let day = 86_400;
    let mut garage = Garage::default();
    garage.cached(0, 1, json!({"odometer_km": 15_234.5}));
    for (second, odometer) in [(60, 0.0), (120, 15_000.0), (180, 0.0)] {
        garage.cached(second, second, json!({"odometer_km": odometer}));
        garage.restart();
        let published = garage.published();
        assert_eq!(published["odometer_km"], 15_234.5);
        assert_eq!(published["meta"]["kept"]["odometer_km"], json!(at(0)));
    }
    garage.cached(day, day, json!({"odometer_km": 15_001.0}));
    garage.cached(2 * day, 2 * day, json!({"odometer_km": 15_002.0}));
    assert_eq!(garage.published()["odometer_km"], 15_002.0, "three reports over a day agree");
    garage.cached(3 * day, 3 * day, json!({"odometer_km": -1}));
    garage.cached(4 * day, 4 * day, json!({"odometer_km": 0}));
    assert_eq!(
        garage.published()["odometer_km"],
        15_002.0,
        "what was not available meanwhile is not forgotten"
    );
}

#[test]
fn an_empty_battery_is_doubted_over_a_restart() {
    let mut garage = Garage::default();
    garage.cached(0, 1, json!({"soc_percent": 63}));
    for now in [60, 61] {
        garage.cached(50, now, json!({"soc_percent": 0}));
        garage.restart();
        assert_eq!(garage.published()["soc_percent"], 63.0);
    }
    garage.cached(120, 121, json!({"soc_percent": 0}));
    assert_eq!(garage.published()["soc_percent"], 0.0, "it says so in another report");
}

#[test]
fn nothing_charges_that_is_not_plugged_in() {
    let mut garage = Garage::default();
    garage.cached(0, 1, json!({"charging": true, "plugged_in": false}));
    let published = garage.published();
    assert_eq!((&published["charging"], &published["plugged_in"]), (&json!(false), &json!(false)));
    garage.cached(60, 61, json!({"charging": true}));
    let published = garage.published();
    assert_eq!(
        (&published["charging"], &published["plugged_in"]),
        (&json!(true), &json!(null)),
        "what is newer is right"
    );
    garage.cached(120, 121, json!({"plugged_in": false}));
    assert_eq!(garage.published()["charging"], false);
}

#[test]
fn a_clock_that_was_set_back_is_believed_after_a_day() {
    let day = 86_400;
    let mut garage = Garage::default();
    garage.cached(10 * day, 10 * day, json!({"soc_percent": 40}));
    for (said, now) in [(0, 10 * day), (0, 11 * day), (day, 11 * day + 1)] {
        assert!(
            matches!(garage.cached(said, now, json!({"soc_percent": 50})), Taken::Older(_)),
            "{said} {now}"
        );
    }
    assert_eq!(garage.cached(day + 60, 11 * day + 60, json!({"soc_percent": 50})), Taken::Anew);
    assert_eq!(garage.cached(day + 90, 11 * day + 90, json!({"soc_percent": 51})), Taken::Anew);
}

#[test]
fn what_a_wrong_clock_of_the_host_wrote_into_the_future_is_of_now() {
    let year = 365 * 86_400;
    let mut garage = Garage::default();
    garage.cached(year, year, json!({"soc_percent": 40}));
    garage.known.not_after(at(100));
    assert_eq!(garage.published()["meta"]["vehicle_time"], json!(at(100)));
    assert_eq!(garage.cached(160, 160, json!({"soc_percent": 50})), Taken::Anew);
}

#[test]
fn an_older_place_does_not_take_the_place_of_a_newer_one() {
    let place =
        |latitude: f64, said: Option<i64>| Location { latitude, longitude: 13.4, vehicle_time: said.map(at) };
    let mut known = Known::default();
    assert!(known.take_location(&place(50.0, Some(100)), Source::Cached, at(110)));
    assert!(!known.take_location(&place(51.0, Some(50)), Source::Cached, at(120)));
    assert!(known.take_location(&place(52.0, Some(50)), Source::Vehicle, at(130)));
    assert_eq!(known.location(), Some(&place(52.0, Some(100))));
    assert!(known.take_location(&place(53.0, Some(7_200)), Source::Cached, at(140)));
    assert_eq!(known.location(), Some(&place(53.0, None)));
}
