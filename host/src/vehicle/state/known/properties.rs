//! Properties that hold whatever is said, in any order.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// An answer, and when the vehicle says that it gave it: in seconds from the time at which it is read.
#[derive(Debug, Clone)]
struct Answer {
    source: Source,
    said: Option<i64>,
    values: BTreeMap<&'static str, Option<Value>>,
    /// Time after the reading of the one before, in seconds.
    after: i64,
}

fn value(class: Class) -> BoxedStrategy<Value> {
    match class {
        Class::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Class::Counter => prop_oneof![Just(0.0), 1.0..200_000.0].prop_map(|km: f64| json!(km)).boxed(),
        Class::Temperature => (0.0..50.0).prop_map(|degrees: f64| json!(degrees)).boxed(),
        _ => prop_oneof![Just(0.0), 0.0..=100.0].prop_map(|share: f64| json!(share)).boxed(),
    }
}

fn answer(sources: &'static [Source]) -> impl Strategy<Value = Answer> {
    let values: Vec<_> = RULES
        .iter()
        .map(|rule| {
            let said = prop_oneof![3 => value(rule.class).prop_map(Some), 1 => Just(None)];
            prop::option::of(said).prop_map(|said| (rule.path, said))
        })
        .collect();
    let said = prop_oneof![1 => Just(None), 6 => (-200_000_i64..20_000).prop_map(Some), 3 => Just(Some(0))];
    (prop::sample::select(sources), said, values, 0_i64..20_000).prop_map(|(source, said, values, after)| {
        let values = values.into_iter().filter_map(|(path, said)| Some((path, said?))).collect();
        Answer { source, said, values, after }
    })
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    prop::collection::vec(answer(&[Source::Cached, Source::Vehicle]), 1..12)
}

/// Reads the answers one after the other, and shows what is known after each: before, after, what came of it,
/// and when.
fn read(answers: &[Answer], mut look: impl FnMut(&Known, &mut Known, Taken, &Answer, Timestamp)) {
    let mut known = Known::default();
    let mut now = Timestamp::from_second(1_800_000_000).unwrap();
    for answer in answers {
        now += SignedDuration::from_secs(answer.after);
        let earlier = known.clone();
        let taken = known.take_in(&reading(answer, now), answer.source, earlier.vehicle_time(), now);
        look(&earlier, &mut known, taken, answer, now);
    }
}

fn reading(answer: &Answer, now: Timestamp) -> Reading {
    let said_at = answer.said.map(|said| now + SignedDuration::from_secs(said));
    Reading { values: answer.values.clone(), said_at, location: None }
}

/// The values that are published, by their paths.
fn values(known: &Known) -> BTreeMap<String, Value> {
    let held = known.values.iter().filter(|(_, held)| !held.is_gone);
    held.map(|(path, held)| (path.clone(), held.value.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cloud_takes_nothing_back_in_time_within_a_day(answers in answers()) {
        let (mut newest, mut begun) = (None, None);
        read(&answers, |earlier, known, taken, answer, now| {
            let since = *begun.get_or_insert(now);
            if now.duration_since(since) < SignedDuration::from_hours(24) {
                assert!(known.newest >= newest, "{newest:?} {:?}", known.newest);
            }
            newest = known.newest;
            if matches!(taken, Taken::Older(_)) {
                assert_eq!((values(known), answer.source), (values(earlier), Source::Cached));
            }
            assert!(known.newest.is_none_or(|newest| newest <= now), "a time that has not come");
        });
    }

    #[test]
    fn what_a_vehicle_says_that_was_asked_is_always_taken(answers in answers()) {
        read(&answers, |_, known, taken, answer, _| {
            if answer.source == Source::Vehicle {
                assert!(!matches!(taken, Taken::Older(_)));
                for (path, said) in &answer.values {
                    let rule = RULES.iter().find(|rule| rule.path == *path).unwrap();
                    if let (Some(said), Class::Flag) = (said, rule.class)
                        && *path != "charging"
                    {
                        assert_eq!(values(known).get(*path), Some(said), "{path}");
                    }
                }
            }
        });
    }

    #[test]
    fn counters_do_not_go_back_within_a_day(answers in answers()) {
        let (mut highest, mut begun) = (0.0_f64, None);
        read(&answers, |_, known, _, _, now| {
            let since = *begun.get_or_insert(now);
            let odometer = known.values.get(ODOMETER).and_then(|held| number(&held.value)).unwrap_or(0.0);
            if now.duration_since(since) < SignedDuration::from_hours(24) {
                assert!(odometer >= highest, "{odometer} < {highest}");
            }
            assert!(odometer > 0.0 || highest == 0.0, "a counter that was above 0 never says 0");
            highest = odometer;
        });
    }

    #[test]
    fn what_is_not_mentioned_stays(answers in answers()) {
        read(&answers, |earlier, known, _, answer, _| {
            for (path, value) in values(earlier) {
                // These two contradict each other, and one of them gives way.
                if !answer.values.contains_key(path.as_str()) && path != "charging" && path != "plugged_in" {
                    assert_eq!(values(known).get(&path), Some(&value), "{path}");
                }
            }
        });
    }

    #[test]
    fn nothing_charges_through_a_cable_that_is_not_there(answers in answers()) {
        read(&answers, |_, known, _, _, _| {
            let values = values(known);
            let is = |path: &str, flag: bool| values.get(path) == Some(&Value::from(flag));
            assert!(!(is("charging", true) && is("plugged_in", false)));
        });
    }

    #[test]
    fn reading_the_same_again_changes_nothing(answers in answers(), last in answer(&[Source::Cached])) {
        let all: Vec<Answer> = answers.into_iter().chain([last]).collect();
        let mut end = Known::default();
        let mut at = Timestamp::UNIX_EPOCH;
        read(&all, |_, known, _, _, now| (end, at) = (known.clone(), now));
        let once = end.clone();
        let again = reading(all.last().unwrap(), at);
        end.take_in(&again, Source::Cached, once.vehicle_time(), at);
        let (once, twice) = (once.published(true, 1), end.published(true, 1));
        assert_eq!(once, twice);
    }

    #[test]
    fn a_restart_anywhere_makes_no_difference(answers in answers()) {
        let mut through = Known::default();
        read(&answers, |_, known, _, answer, now| {
            through = serde_json::from_slice(&serde_json::to_vec(&through).unwrap()).unwrap();
            let before = through.vehicle_time();
            through.take_in(&reading(answer, now), answer.source, before, now);
            assert_eq!(&through, known);
        });
    }
}
