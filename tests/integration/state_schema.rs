//! Published documents are what the schemas in `docs/` say, whatever the cloud answers, and they say no more
//! than that.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::Value;
use simulator::{Effect, Fault, RouteKind, VehicleState as Car};
use testkit::{CCS2, Home, LEGACY, RealHome};
use vehicle_connector::vehicle::state::{Corners, Location, Meta, Published, Source, VehicleState};
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::{Reason, State};
use vehicle_connector::wire::report::{PolicyUsed, Report};

use crate::operations::{self, OPERATIONS, run};

const STATE: &str = include_str!("../../docs/state.schema.json");
const LOCATION: &str = include_str!("../../docs/location.schema.json");
const REPORT: &str = include_str!("../../docs/report.schema.json");

/// Answers to cached reads in which everything is known that the connector reads.
const ANSWERS: [(&str, &str); 2] =
    [(LEGACY.0, include_str!("state_schema/legacy.json")), (CCS2.0, include_str!("state_schema/ccs2.json"))];

/// What clouds have been seen to put where something else belongs, and worse.
const ODD: [&str; 11] = [
    "null",
    "-1",
    "101",
    "255",
    "1e300",
    "true",
    r#""""#,
    r#""OFF""#,
    r#""20991231235959""#,
    "[]",
    r#"{"value":-40,"unit":9}"#,
];

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validator(text: &str) -> Validator {
    let schema = schema(text);
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "a schema that is none");
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, document: &Value, about: &str) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{about}: {errors:#?}\n{document:#}");
}

/// Checks everything that a home has published; returns its states of one vehicle.
pub(crate) fn check(home: &impl Home, slug: &str) -> Vec<Value> {
    let schemas =
        [("/state", validator(STATE)), ("/location", validator(LOCATION)), ("/action/", validator(REPORT))];
    let mut states = Vec::new();
    for message in home.messages() {
        let Some(topic) = message.topic.strip_prefix(&format!("vehicle-connector/vehicle/{slug}")) else {
            continue;
        };
        for (wanted, schema) in &schemas {
            if topic.starts_with(wanted) {
                let document = serde_json::from_slice(&message.payload).unwrap();
                assert_valid(schema, &document, topic);
                states.extend((*wanted == "/state").then_some(document));
            }
        }
    }
    states
}

/// Asks for a cached read whose answer is this.
async fn read(home: &RealHome, slug: &str, answer: &Value) -> Report {
    home.control().clear_faults();
    home.control().inject(Fault::new(RouteKind::Status, Effect::answer(200, answer.to_string())));
    run(home, slug, OPERATIONS[0]).await
}

/// Where everything below `value` is.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => return,
    };
    for (name, part) in parts {
        let at = format!("{at}/{name}");
        places(part, &at, found);
        found.push(at);
    }
}

fn without(answer: &Value, place: &str) -> Value {
    let mut answer = answer.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match answer.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!(),
    }
    answer
}

/// Without the leaves that make it an answer of the vehicle service at all.
fn data(answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    places(&answer["resMsg"], "/resMsg", &mut found);
    found
}

async fn odd_answers((slug, answer): (&str, &str)) {
    let home = operations::home().await;
    home.settle().await;
    let answer: Value = serde_json::from_str(answer).unwrap();

    // As it is, everything is known: what follows takes things away, and does not start from nothing.
    assert_eq!(read(&home, slug, &answer).await.state, State::Succeeded);
    let whole = check(&home, slug).pop().unwrap();
    let unknown: Vec<&String> = whole
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(unknown, if slug == LEGACY.0 { &["charging_current_percent"][..] } else { &[] }, "{whole}");

    let places = data(&answer);
    let mut odd: Vec<Value> = places.iter().map(|place| without(&answer, place)).collect();
    for (place, value) in places.iter().zip(ODD.iter().cycle()) {
        let mut one = answer.clone();
        *one.pointer_mut(place).unwrap() = schema(value);
        odd.push(one);
    }
    for value in ODD {
        let mut all = answer.clone();
        for place in &places {
            let leaf = all.pointer_mut(place).unwrap();
            if !leaf.is_object() && !leaf.is_array() {
                *leaf = schema(value);
            }
        }
        odd.push(all);
    }
    let mut understood = 1;
    for answer in &odd {
        // Some are no answer any more; that must be a failure of the read and nothing worse.
        let report = read(&home, slug, answer).await;
        let connector = report.reason == Some(Reason::ConnectorFault);
        assert!(
            matches!(report.state, State::Succeeded | State::Failed) && !connector,
            "{report:?}: {answer}"
        );
        understood += usize::from(report.state == State::Succeeded);
    }
    assert_eq!(check(&home, slug).len(), understood, "what was read was published");
    assert!(understood > places.len(), "{understood} of {}", odd.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_of_the_cloud_still_make_a_state() {
    tokio::join!(odd_answers(ANSWERS[0]), odd_answers(ANSWERS[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_has_not_come_yet_is_not_known_and_holds_nothing_back() {
    let times = ["/resMsg/vehicleStatusInfo/vehicleStatus/time", "/resMsg/state/Vehicle/Date"];
    for ((slug, answer), time) in ANSWERS.into_iter().zip(times) {
        let home = operations::home().await;
        home.settle().await;
        let answer: Value = serde_json::from_str(answer).unwrap();
        let mut early = answer.clone();
        *early.pointer_mut(time).unwrap() = "20991231235959".into();
        read(&home, slug, &early).await;
        read(&home, slug, &answer).await;
        let states = check(&home, slug);
        let told: Vec<&Value> = states.iter().map(|state| &state["meta"]["vehicle_time"]).collect();
        // Berlin in summer, and UTC.
        assert_eq!(told, [&Value::Null, &Value::from("2026-07-01T11:00:00Z")], "{slug}");
    }
}

async fn every_read((slug, id): (&str, &str)) {
    let home = operations::home().await;
    home.settle().await;
    let odd = |car: &mut Car| {
        car.aux_battery_percent = 255;
        car.range_km = u32::MAX;
        car.odometer_km = -1.0;
        car.battery_percent = 0;
    };
    run(&home, slug, OPERATIONS[0]).await;
    run(&home, slug, OPERATIONS[1]).await;
    assert!(home.control().change_vehicle(id, odd));
    run(&home, slug, OPERATIONS[2]).await;
    run(&home, slug, OPERATIONS[0]).await;

    let states = check(&home, slug);
    let [first, .., forced, last] = &states[..] else { panic!("{states:#?}") };
    for gone in ["aux_battery_percent", "range_km"] {
        assert!(first[gone].is_number() && forced[gone].is_null(), "{gone}: {forced:#}");
    }
    // The answer of an older vehicle that was asked has none, and so the last one stays.
    let kept = if slug == LEGACY.0 { &first["odometer_km"] } else { &Value::Null };
    assert_eq!((&forced["odometer_km"], &last["odometer_km"]), (kept, &Value::Null), "{forced:#}");
    assert_eq!(forced["meta"]["source"], "vehicle");
    // A battery that falls to nothing is believed when it says so again.
    assert_eq!(first["soc_percent"], forced["soc_percent"]);
    assert_eq!(last["soc_percent"], 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_both_cars_is_what_the_schema_says() {
    tokio::join!(every_read(LEGACY), every_read(CCS2));
}

/// A state in which everything is known. Names every field, so that one more is not forgotten here.
fn known() -> Published {
    let corners = || {
        Some(Corners {
            front_left: Some(true),
            front_right: Some(false),
            rear_left: Some(false),
            rear_right: Some(false),
        })
    };
    let now = jiff::Timestamp::now();
    Published {
        state: VehicleState {
            locked: Some(true),
            doors: corners(),
            windows: corners(),
            trunk_open: Some(false),
            hood_open: Some(false),
            soc_percent: Some(63.0),
            range_km: Some(268.0),
            odometer_km: Some(15_234.5),
            aux_battery_percent: Some(84.0),
            plugged_in: Some(true),
            charging: Some(true),
            charge_port_open: Some(true),
            charge_limit_ac_percent: Some(90.0),
            charge_limit_dc_percent: Some(80.0),
            charging_current_percent: Some(60.0),
            climate_on: Some(false),
            target_temperature_c: Some(21.5),
        },
        meta: Meta {
            vehicle_time: Some(now),
            fetched_at: now,
            source: Source::Cached,
            stale: false,
            seq: 1,
            kept: BTreeMap::new(),
        },
    }
}

/// The paths of everything that a document holds.
fn fields_of_document(document: &Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    places(document, "", &mut found);
    found.into_iter().collect()
}

/// The paths of everything that a schema has a name for. Each has a description, and a number has a unit.
fn fields_of_schema(root: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        assert!(field["description"].as_str().is_some_and(|text| !text.is_empty()), "{at} is not described");
        let types = field["type"].to_string();
        if types.contains("number") || types.contains("integer") || field.get("format").is_some() {
            assert!(field["x-unit"].is_string(), "{at} has no unit");
        }
        let target = field["anyOf"][0]["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
        let deeper = target.map_or(field, |target| root.pointer(target).unwrap());
        if deeper.get("properties").is_some() {
            assert_eq!(deeper["additionalProperties"], false, "{at} takes anything");
            fields_of_schema(root, deeper, &at, found);
        }
        found.insert(at);
    }
}

#[track_caller]
fn assert_same_fields(text: &str, document: &impl serde::Serialize) -> Value {
    let document = serde_json::to_value(document).unwrap();
    let schema = schema(text);
    assert_eq!(schema["additionalProperties"], false);
    let mut fields = BTreeSet::new();
    fields_of_schema(&schema, &schema, "", &mut fields);
    assert_eq!(fields_of_document(&document), fields);
    assert_valid(&validator(text), &document, "with everything");
    document
}

#[test]
fn schemas_have_the_fields_that_are_published_and_no_others() {
    let state = assert_same_fields(STATE, &known());
    let nothing = Published { state: VehicleState::default(), ..known() };
    assert_valid(&validator(STATE), &serde_json::to_value(nothing).unwrap(), "with nothing");
    let place = Location { latitude: 52.52, longitude: 13.405, vehicle_time: Some(jiff::Timestamp::now()) };
    assert_same_fields(LOCATION, &place);
    let report = Report {
        reason: Some(Reason::VehicleRefused),
        message: Some("the vehicle did not do it".to_owned()),
        state: State::Failed,
        upstream_action_id: Some("m-1".to_owned()),
        policy: Some(PolicyUsed { name: "default".to_owned(), version: "0.1.0".to_owned(), generation: 1 }),
        sent_at: Some(jiff::Timestamp::now()),
        finished_at: Some(jiff::Timestamp::now()),
        ..Report::accepted("ev6", "a-1".to_owned(), OperationName::Lock, jiff::Timestamp::now())
    };
    assert_same_fields(REPORT, &report);

    // A schema that takes anything would pass all of the above.
    for (field, wrong) in [
        ("vin", "\"KNALEGACY00000001\""),
        ("soc_percent", "100.1"),
        ("aux_battery_percent", "255"),
        ("range_km", "-1"),
        ("target_temperature_c", "\"OFF\""),
        ("locked", "1"),
        ("doors", "{}"),
        ("meta", "{}"),
    ] {
        let mut state = state.clone();
        state[field] = schema(wrong);
        assert!(!validator(STATE).is_valid(&state), "{field}: {wrong}");
    }
    let mut undated = state;
    undated["meta"]["fetched_at"] = "yesterday".into();
    assert!(!validator(STATE).is_valid(&undated));
}

/// What serde would have taken for a value of `T`.
fn words_of<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_str::<T>("\"no such word\"") else { unreachable!() };
    let expected = error.to_string().split_once("expected").unwrap().1.to_owned();
    expected.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

#[test]
fn schemas_have_the_words_that_are_published_and_no_others() {
    let schema = schema(REPORT);
    let words = |field: &str| -> BTreeSet<String> {
        let words = schema["properties"][field]["enum"].as_array().unwrap();
        words.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
    };
    assert_eq!(words("state"), words_of::<State>());
    assert_eq!(words("reason"), words_of::<Reason>());
    let table = include_str!("../../docs/mqtt.md");
    for reason in words_of::<Reason>() {
        assert!(table.contains(&format!("| `{reason}` |")), "{reason} is not explained in docs/mqtt.md");
    }
}
