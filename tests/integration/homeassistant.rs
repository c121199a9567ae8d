//! Home Assistant: what it is told, when, and what is left when it is told no more.

mod lint;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Effect, Fault, RouteKind};
use testkit::mqtt::{self, Peer};
use testkit::two_makers::{FIVE, TwoMakers, ZOE};
use testkit::virtual_home::{VirtualHome, compiled, plugins};
use testkit::{CCS2, Home, LEGACY, RealHome, Recording};
use vehicle_connector::bridge::Bridge;
use vehicle_connector::config::{Config, Discovery, Selector};
use vehicle_connector::descriptor::{LimitsForm, Span, Takes};
use vehicle_connector::homeassistant::{AccountFacts, BridgeFacts, Device, Form, VehicleFacts, node};
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::plugin::embedded;
use vehicle_connector::store::MemoryStore;
use vehicle_connector::time::SystemClock;
use vehicle_connector::wire::message::Outgoing;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::topics::Topics;

use self::lint::Accepted;

const PREFIX: &str = "homeassistant";

/// Time in which changes are published, and repeated if they came too soon one after the other.
const SETTLED: Duration = Duration::from_secs(60);

/// What a broker has by now below the prefix.
fn retained(messages: &[Outgoing]) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for message in messages.iter().filter(|message| message.topic.starts_with("homeassistant/")) {
        assert!(message.retain, "{}", message.topic);
        if message.payload.is_empty() {
            all.remove(&message.topic);
        } else {
            all.insert(message.topic.clone(), message.payload.clone());
        }
    }
    all
}

/// The entities of a device by their keys, without those that are gone.
fn entities(home: &impl Home, device: &str) -> BTreeMap<String, Value> {
    let all = retained(&home.messages());
    let topic = format!("{PREFIX}/device/vehicle-connector_{device}/config");
    let document: Value = serde_json::from_slice(all.get(&topic).map_or(b"{}", Vec::as_slice)).unwrap();
    let components = document["components"].as_object().cloned().unwrap_or_default();
    components.into_iter().filter(|(_, component)| component.get("unique_id").is_some()).collect()
}

fn platforms(home: &impl Home, device: &str) -> BTreeSet<String> {
    let named = |(key, it): (String, Value)| format!("{} {key}", it["platform"].as_str().unwrap());
    entities(home, device).into_iter().map(named).collect()
}

fn topics_of(form: Discovery, home: &impl Home) -> BTreeSet<String> {
    let is_of = |topic: &str| (form == Discovery::Device) == topic.contains("/device/");
    retained(&home.messages()).into_keys().filter(|topic| is_of(topic)).collect()
}

/// A home of two makers, whose cars were read, with a broker.
async fn home(change: impl FnOnce(&mut Config)) -> TwoMakers {
    let home = TwoMakers::with(renault_simulator::Config::default(), change).await;
    home.host().announce("5");
    for car in [LEGACY.0, CCS2.0, FIVE.0, ZOE.0] {
        home.command(car, "refresh_cached", "").await;
    }
    tokio::time::sleep(SETTLED).await;
    home
}

fn in_form(form: Discovery) -> impl FnOnce(&mut Config) {
    move |config| config.home_assistant.discovery = form
}

async fn restart(home: &mut TwoMakers, change: impl FnOnce(&mut Config)) {
    change(&mut home.home.config);
    home.restart().await;
    home.host().announce("5");
    tokio::time::sleep(SETTLED).await;
}

#[tokio::test(start_paused = true)]
async fn home_assistant_accepts_every_document_of_every_maker() {
    let whole = home(in_form(Discovery::Device)).await;
    let messages = retained(&whole.messages());
    // The bridge, two accounts, and the five cars.
    assert_eq!(messages.len(), 8, "{:?}", messages.keys());
    assert_eq!(Accepted::by_2025_4().lint(PREFIX, &messages), [""; 0]);

    let single = home(in_form(Discovery::Component)).await;
    let messages = retained(&single.messages());
    assert!(messages.len() > 120, "{}", messages.len());
    for accepted in [Accepted::by_2024_3(), Accepted::by_2025_4()] {
        assert_eq!(accepted.lint(PREFIX, &messages), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_switched_off_has_no_tracker() {
    let home = home(|config| {
        for (slug, vehicle) in &mut config.vehicles {
            vehicle.location = slug.as_str() != CCS2.0;
        }
    })
    .await;
    let tracker = "device_tracker location";
    assert!(platforms(&home, "vehicle_niro").contains(tracker), "it is there unless it is switched off");
    let ev6 = platforms(&home, "vehicle_ev6");
    assert!(ev6.contains("lock lock") && !ev6.contains(tracker), "{ev6:?}");
}

#[tokio::test(start_paused = true)]
async fn a_car_has_what_it_can_do_and_what_is_known_of_it() {
    let home = home(|_| {}).await;
    let ev6 = platforms(&home, "vehicle_ev6");
    for entity in [
        "lock lock",
        "climate climate",
        "number climate_minutes",
        "switch climate_defrost",
        "cover charge_port",
        "select windows",
        "select charging_current",
        "number charge_limit_ac",
        "number charge_limit_dc",
        "switch charging",
        "button refresh_cached",
        "button refresh_smart",
        "button refresh_force",
        "button action_status",
        "sensor soc_percent",
        "sensor range_km",
        "sensor odometer_km",
        "sensor aux_battery_percent",
        "binary_sensor is_plugged_in",
        "binary_sensor is_charging",
        "binary_sensor is_doors_front_left",
        "sensor vehicle_time",
        "sensor source",
        "sensor last_action",
        "event event",
        "binary_sensor problem",
        "device_tracker location",
    ] {
        assert!(ev6.contains(entity), "{entity}: {ev6:#?}");
    }
    // The other maker's car has one limit for both, and nothing that this cloud cannot do.
    let five = platforms(&home, "vehicle_five");
    for entity in ["climate climate", "button start_charging", "number charge_limit", "sensor soc_percent"] {
        assert!(five.contains(entity), "{entity}: {five:#?}");
    }
    for absent in [
        "lock lock",
        "cover charge_port",
        "select windows",
        "number climate_minutes",
        "number charge_limit_ac",
    ] {
        assert!(!five.contains(absent), "{absent}: {five:#?}");
    }
    // The older car has no current to choose.
    assert!(!platforms(&home, "vehicle_niro").contains("select charging_current"));
    // The ends of a slider are those of its cloud.
    let range = |car: &str| {
        let climate = entities(&home, car)["climate"].clone();
        (climate["min_temp"].clone(), climate["max_temp"].clone(), climate["temp_step"].clone())
    };
    assert_eq!(range("vehicle_ev6"), (json!(14), json!(31.5), json!(0.5)));
    assert_eq!(range("vehicle_five"), (json!(10), json!(40), json!(0.5)));
    let bridge = platforms(&home, "bridge");
    for slot in ["update update_policy", "update update_connector_renault"] {
        assert!(bridge.contains(slot), "{bridge:?}");
    }
    // What the button of a slot sends is a request that the host knows.
    for update in ["update_policy", "update_connector_renault"] {
        let entity = entities(&home, "bridge")[update].clone();
        let verb =
            entity["command_topic"].as_str().unwrap().strip_prefix("vehicle-connector/bridge/request/");
        let payload = serde_json::from_str(entity["payload_install"].as_str().unwrap()).unwrap();
        let error = home.request(verb.unwrap(), payload).await["error"].to_string();
        assert!(error.contains("offer"), "there is nothing newer: {error}");
    }
    // A cloud that may ask for a code has a field for it.
    assert!(platforms(&home, "account_garage").contains("text code"));
    assert!(!platforms(&home, "account_home").contains("text code"));
}

/// Without an icon Home Assistant shows an eye for a word and a square for a lid. It cuts long names short, and takes
/// the first sensor of the class `battery` for the battery of the device.
#[tokio::test(start_paused = true)]
async fn what_is_shown_can_be_told_apart() {
    let home = home(|_| {}).await;
    let cars = [LEGACY.0, CCS2.0, FIVE.0, ZOE.0].map(|slug| format!("vehicle_{slug}"));
    let others = ["bridge", "account_home", "account_garage"].map(str::to_owned);
    for device in cars.iter().chain(&others) {
        let entities = entities(&home, device);
        assert!(!entities.is_empty(), "{device}");
        for (key, entity) in &entities {
            let tells = |class: &str| !["enum", "opening"].contains(&class);
            let has_icon = entity["icon"].is_string() || entity["device_class"].as_str().is_some_and(tells);
            let platform = entity["platform"].as_str().unwrap();
            assert!(has_icon || !["sensor", "binary_sensor", "event"].contains(&platform), "{device} {key}");
            let name = entity["name"].as_str().unwrap();
            let is_named_here = platform == "button" && !key.starts_with("other_");
            assert!(
                !is_named_here || name.chars().count() <= 22,
                "{device} {key} would be cut short: {name}"
            );
        }
        let of_class = |(key, it): (&String, &Value)| (it["device_class"] == "battery").then(|| key.clone());
        let batteries: Vec<String> = entities.iter().filter_map(of_class).collect();
        let expected: &[&str] = if device.starts_with("vehicle_") { &["soc_percent"] } else { &[] };
        assert_eq!(batteries, expected, "{device}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_does_not_allow_is_no_control() {
    let home = RealHome::start().await;
    home.host.announce("5");
    home.settle().await;
    let both = || {
        let (niro, ev6) = (platforms(&home, "vehicle_niro"), platforms(&home, "vehicle_ev6"));
        (!niro.is_empty() && !ev6.is_empty()).then_some((niro, ev6))
    };
    let (niro, ev6) = home.published.until(both).await;
    assert!(niro.contains("lock lock"), "{niro:?}");
    // It may be locked and not unlocked, and what no control shows a sensor does, once it was said.
    assert!(ev6.contains("button lock_doors") && !ev6.contains("lock lock"), "{ev6:?}");
    for absent in ["climate climate", "select windows", "cover charge_port", "switch charging"] {
        assert!(!niro.contains(absent) && !ev6.contains(absent), "{absent}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_bridge_comes_first_and_everything_before_states() {
    let home = home(|_| {}).await;
    let before = home.messages().len();
    home.host().announce("5");
    home.host().online();
    let topics: Vec<String> =
        home.messages().split_off(before).into_iter().map(|message| message.topic).collect();
    assert_eq!(topics[0], "homeassistant/device/vehicle-connector_bridge/config");
    let last_document = topics.iter().rposition(|topic| topic.starts_with(PREFIX)).unwrap();
    let first_state = topics.iter().position(|topic| topic.starts_with("vehicle-connector/")).unwrap();
    assert!(last_document < first_state, "{topics:?}");
    assert_eq!(topics.last().unwrap(), "vehicle-connector/bridge/state");
    let accounts = topics.iter().rposition(|topic| topic.contains("_account_")).unwrap();
    let vehicles = topics.iter().position(|topic| topic.contains("_vehicle_")).unwrap();
    assert!(accounts < vehicles, "{topics:?}");
}

#[tokio::test(start_paused = true)]
async fn another_form_takes_the_place_of_the_one_before() {
    let mut home = home(|_| {}).await;
    let whole = topics_of(Discovery::Device, &home);
    for (form, gone) in [(Discovery::Component, Discovery::Device), (Discovery::Device, Discovery::Component)]
    {
        let before = home.messages().len();
        restart(&mut home, in_form(form)).await;
        assert_eq!(topics_of(gone, &home), BTreeSet::new());
        assert!(!topics_of(form, &home).is_empty());
        // Home Assistant would have the same entity twice in between, and warn of it.
        let news = home.messages().split_off(before);
        let is_document = |message: &Outgoing| message.topic.starts_with(PREFIX);
        let last_clear = news.iter().rposition(|it| is_document(it) && it.payload.is_empty()).unwrap();
        let first = news.iter().position(|it| is_document(it) && !it.payload.is_empty()).unwrap();
        assert!(last_clear < first, "{form:?}");
    }
    assert_eq!(topics_of(Discovery::Device, &home), whole);
    restart(&mut home, in_form(Discovery::Off)).await;
    assert_eq!(retained(&home.messages()).len(), 0);
    // Once is enough.
    let before = home.messages().len();
    restart(&mut home, |_| {}).await;
    assert!(home.messages()[before..].iter().all(|message| !message.topic.starts_with(PREFIX)));
}

#[tokio::test(start_paused = true)]
async fn a_car_that_leaves_the_configuration_leaves_nothing_behind() {
    for form in [Discovery::Device, Discovery::Component] {
        let mut home = home(in_form(form)).await;
        let before = home.messages().len();
        restart(&mut home, |config| config.vehicles.retain(|slug, _| slug.as_str() != FIVE.0)).await;
        let left: Vec<String> = retained(&home.messages()).into_keys().collect();
        assert!(left.iter().all(|topic| !topic.contains("_vehicle_five")), "{left:?}");
        assert!(left.iter().any(|topic| topic.contains("_vehicle_zoe")), "{left:?}");
        // The entities go before what they show.
        let news = home.messages().split_off(before);
        let clears = |begins: &str| {
            let begins = begins.to_owned();
            move |it: &Outgoing| it.payload.is_empty() && it.topic.starts_with(&begins)
        };
        let entities = news.iter().rposition(clears(PREFIX)).unwrap();
        let states = news.iter().position(clears("vehicle-connector/vehicle/five")).unwrap();
        assert!(entities < states);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_takes_away_what_is_gone_and_what_is_not_allowed_any_more() {
    let home = VirtualHome::start().await;
    home.host.announce("5");
    tokio::time::sleep(SETTLED).await;
    assert!(platforms(&home, "vehicle_ev6").contains("lock lock"));
    assert!(platforms(&home, "vehicle_niro").contains("lock lock"));
    let text = testkit::configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    let (niro, _ev6) = text.split_once("[vehicle.ev6]").unwrap();
    let text = niro.replace(r#"allow = ["refresh", "lock", "unlock"]"#, r#"allow = ["refresh"]"#);
    let cloud = simulator::Config::default();
    let secret =
        |name: &str| Some(if name == "PIN" { cloud.pin.clone() } else { cloud.refresh_token.clone() });
    let config = Config::parse(&text, std::path::Path::new("car.toml"), &secret).unwrap();
    home.host.reconfigure(&config, "test").await.unwrap();
    tokio::time::sleep(SETTLED).await;
    assert_eq!(platforms(&home, "vehicle_ev6"), BTreeSet::new());
    let niro = platforms(&home, "vehicle_niro");
    assert!(niro.contains("button refresh_cached") && !niro.contains("lock lock"), "{niro:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_has_not_cleared_is_cleared_by_the_next_host() {
    let mute = Arc::new(Recording::default().undelivered());
    let home = VirtualHome::on(simulator::Config::default(), in_form(Discovery::Component), |environment| {
        Environment { publisher: Arc::clone(&mute) as Arc<dyn Publish>, ..environment }
    })
    .await;
    home.host.announce("5");
    tokio::time::sleep(SETTLED).await;
    home.host.stop().await;
    let mut config = home.config.clone();
    config.vehicles.retain(|slug, _| slug.as_str() != CCS2.0);
    let cleared = |published: &Recording| -> BTreeSet<String> {
        let messages = published.messages().into_iter();
        messages
            .filter(|it| it.payload.is_empty() && it.topic.contains("_vehicle_ev6"))
            .map(|it| it.topic)
            .collect()
    };
    let plugins = plugins(&[("hyundai-kia-eu", compiled(embedded::HYUNDAI_KIA))]);
    let mut counts = Vec::new();
    for delivers in [false, false, true, true] {
        let recording = if delivers { Recording::default() } else { Recording::default().undelivered() };
        let recording = Arc::new(recording);
        let environment =
            Environment { publisher: Arc::clone(&recording) as Arc<dyn Publish>, ..home.environment.clone() };
        let host = Host::start_with(&config, environment, &plugins).await.unwrap();
        host.announce("5");
        host.stop().await;
        counts.push(cleared(&recording).len());
    }
    assert!(counts[0] > 20, "{counts:?}");
    assert_eq!(counts[1..], [counts[0], counts[0], 0]);
}

#[tokio::test(start_paused = true)]
async fn a_control_that_the_vendor_does_not_have_is_taken_away_alone_and_stays_away() {
    let mut home = home(|_| {}).await;
    let topic = format!("{PREFIX}/device/vehicle-connector_vehicle_ev6/config");
    let published =
        |home: &TwoMakers| home.messages().iter().filter(|message| message.topic == topic).count();
    let count = published(&home);
    // Nothing new, no document.
    home.command(CCS2.0, "refresh_cached", "").await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(published(&home), count);

    home.control().inject(Fault::new(RouteKind::Command, Effect::unsupported()));
    home.command(CCS2.0, "windows", r#""all":"closed""#).await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(published(&home), count + 1);
    let component = |home: &TwoMakers| {
        let document: Value = serde_json::from_slice(&retained(&home.messages())[&topic]).unwrap();
        document["components"]["windows"].clone()
    };
    assert_eq!(component(&home), json!({"platform": "select"}));
    assert!(platforms(&home, "vehicle_ev6").contains("lock lock"));
    assert_eq!(Accepted::by_2025_4().lint(PREFIX, &retained(&home.messages())), [""; 0]);
    restart(&mut home, |_| {}).await;
    assert_eq!(component(&home), json!({"platform": "select"}));
    assert_eq!(home.retained("vehicle/ev6/capabilities")["set_windows"], "learned_unsupported");
    // For as long as the vendor's refusal counts, without anybody who restarts anything.
    let host = Arc::clone(home.host());
    let settling = tokio::spawn(async move { host.settle_in().await });
    let capability = |home: &TwoMakers| home.retained("vehicle/ev6/capabilities")["set_windows"].clone();
    for (days, refused) in [(28, true), (3, false)] {
        tokio::time::sleep(Duration::from_secs(days * 86_400)).await;
        assert_eq!(capability(&home), if refused { json!("learned_unsupported") } else { json!(true) });
        assert_eq!(component(&home).get("unique_id").is_none(), refused, "{days}");
    }
    settling.abort();
}

#[tokio::test(start_paused = true)]
async fn several_births_are_one_and_come_to_a_moment_later() {
    let home = home(|_| {}).await;
    let documents = || home.messages().iter().filter(|message| message.topic.starts_with(PREFIX)).count();
    let before = documents();
    let host = home.host();
    assert_eq!(host.birth_topic(), Some("homeassistant/status"));
    host.take_birth(b"offline");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(documents(), before);

    for _ in 0..3 {
        host.take_birth(b"online");
    }
    tokio::time::sleep(Duration::from_millis(999)).await;
    assert_eq!(documents(), before, "it does not listen yet");
    let states = home.published_on("vehicle/ev6/state");
    tokio::time::sleep(Duration::from_millis(4_002)).await;
    assert_eq!(documents(), before + 8);
    assert_eq!(home.published_on("vehicle/ev6/state"), states + 1);
    tokio::time::sleep(SETTLED).await;
    assert_eq!(documents(), before + 8);
    host.take_birth(b"online");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(documents(), before + 16, "another one is another one");

    let silent = self::home(in_form(Discovery::Off)).await;
    assert_eq!(silent.host().birth_topic(), None);
}

#[tokio::test(start_paused = true)]
async fn cars_whose_connector_does_not_begin_keep_their_entities() {
    let mut home = home(|_| {}).await;
    let before = topics_of(Discovery::Device, &home);
    let bridge = platforms(&home, "bridge");
    let alone = [("hyundai-kia-eu", compiled(embedded::HYUNDAI_KIA))];
    home.home.restart_with(&alone).await;
    home.host().announce("5");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(home.retained("account/garage/state")["state"], "connector_fault");
    assert_eq!(topics_of(Discovery::Device, &home), before);
    assert_eq!(platforms(&home, "bridge"), bridge);
    assert!(platforms(&home, "vehicle_five").contains("climate climate"));
}

#[tokio::test(start_paused = true)]
async fn a_car_that_is_not_found_yet_keeps_its_entities() {
    let mut home = home(|_| {}).await;
    let before = topics_of(Discovery::Device, &home);
    // It is chosen in another way, so what was known may be of another car.
    let by_name = |config: &mut Config| {
        config.vehicles.get_mut(FIVE.0).unwrap().selector = Selector::Name("Renault 5".to_owned());
    };
    restart(&mut home, by_name).await;
    assert_eq!(topics_of(Discovery::Device, &home), before);
}

#[tokio::test(start_paused = true)]
async fn operators_look_clear_and_publish() {
    let mut home = home(|_| {}).await;
    let shown = home.request("discovery/show", json!({})).await;
    assert_eq!((&shown["data"]["discovery"], &shown["data"]["prefix"]), (&json!("device"), &json!(PREFIX)));
    let all = shown["data"]["documents"].as_array().unwrap().len();
    assert_eq!(all, 8);
    let one = home.request("discovery/show", json!({"about": "vehicle_five"})).await;
    assert_eq!(one["data"]["documents"].as_array().unwrap().len(), 1);

    let cleared = home.request("discovery/clear", json!({})).await;
    assert_eq!(cleared["data"]["cleared"].as_array().unwrap().len(), 8);
    assert_eq!(retained(&home.messages()).len(), 0);
    // Nothing comes back by itself.
    home.host().announce("5");
    home.host().take_birth(b"online");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(retained(&home.messages()).len(), 0);
    assert_eq!(home.request("discovery/publish", json!({})).await["data"], json!({"published": 8}));
    assert_eq!(retained(&home.messages()).len(), 8);
    for wrong in [json!({"abut": "x"}), json!({"about": 7})] {
        let error = home.request("discovery/show", wrong).await["error"].to_string();
        assert!(error.contains("discovery/show takes {}"), "{error}");
    }
    // What was cleared and published again is known to be there.
    restart(&mut home, in_form(Discovery::Off)).await;
    assert_eq!(retained(&home.messages()).into_keys().collect::<Vec<_>>(), [""; 0]);
}

/// A broker that lets the host do everything but see what Home Assistant says of itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hides_the_birth_keeps_no_host_offline() {
    let (listener, port) = mqtt::listener().await;
    let home = RealHome::start().await;
    let config = home.configuration(port);
    let mut bridge = Bridge::connect(&config.mqtt).unwrap();
    let environment = Environment::new(
        Arc::new(MemoryStore::default()),
        Arc::new(SystemClock::start()),
        bridge.publisher(),
    );
    // Both at once: a client is not kept waiting while the host compiles its plugins.
    let (host, mut peer) = tokio::join!(Host::start(&config, environment), Peer::welcome(&listener));
    let host = host.unwrap();
    let (said, mut connected) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(async move { bridge.serve(&host, |_| said.send(()).unwrap()).await });
    let (first, subscription) = peer.packet().await;
    assert_eq!(first, mqtt::SUBSCRIBE);
    // One code for each filter: there are as many as topics with a level below the base.
    let filters = subscription.windows(18).filter(|part| part == b"vehicle-connector/").count();
    let length = u8::try_from(3 + filters).unwrap();
    let codes = vec![1; filters];
    peer.send(&[&[0x90, length, subscription[0], subscription[1], 0][..], &codes].concat()).await;
    let birth = parking_lot::Mutex::new(Vec::new());
    peer.answer_all_until(|first, body| {
        let is_birth =
            first == mqtt::SUBSCRIBE && body.windows(20).any(|part| part == b"homeassistant/status");
        if is_birth {
            *birth.lock() = body[..2].to_vec();
        }
        is_birth
    })
    .await;
    let birth = birth.into_inner();
    // Not authorized (§3.9.3).
    peer.send(&[0x90, 4, birth[0], birth[1], 0, 0x87]).await;
    let up = tokio::time::timeout(Duration::from_secs(20), connected.recv()).await;
    assert!(up.expect("it goes on without").is_some());
    peer.command(7, "vehicle-connector/vehicle/niro/cmd/lock", "nonsense").await;
    peer.answer_all_until(|first, body| first == 0x40 && body[..2] == [0, 7]).await;
    serving.abort();
}

/// The largest vehicle that there can be, with the longest names that there can be, called whatever.
#[test]
fn whatever_a_car_is_called_its_document_is_accepted_and_below_64_kib() {
    let base = format!("{}/ä {}", "b".repeat(90), "c".repeat(100));
    let (topics, node) = (Topics::below(base.as_str()), node(&base));
    let slug = "S".repeat(64);
    let values = [
        "soc_percent",
        "range_km",
        "odometer_km",
        "aux_battery_percent",
        "locked",
        "trunk_open",
        "hood_open",
        "plugged_in",
        "charging",
        "charge_port_open",
        "charge_limit_ac_percent",
        "charge_limit_dc_percent",
        "charging_current_percent",
        "climate_on",
        "target_temperature_c",
        "doors/front_left",
        "doors/front_right",
        "doors/rear_left",
        "doors/rear_right",
        "windows/front_left",
        "windows/front_right",
        "windows/rear_left",
        "windows/rear_right",
    ];
    let span = Some(Span { least: 1.0, most: 30.0, step: 1.0 });
    let takes = Takes {
        climate_minutes: span,
        climate_defrost: true,
        charge_limits: LimitsForm::Together,
        signals: ["LIGHTS", "HORN", "HORN_AND_LIGHTS"].map(str::to_owned).to_vec(),
        ..Takes::default()
    };
    let forms = [Discovery::Device, Discovery::Component]
        .map(|discovery| Form { discovery, prefix: PREFIX.to_owned() });
    let long = "x".repeat(10_000);
    let names = [
        "",
        "Otto\r\n\0\u{1b}[2K",
        "{{ states('lock.front_door') }}{% raw %}",
        "🚗🔋 Ünï \u{202e}rac",
        "~",
        "\"}]",
        &long,
    ];
    for name in names {
        for operations in [OperationName::COMMANDABLE.to_vec(), Vec::new()] {
            let facts = VehicleFacts {
                node: &node,
                slug: &slug,
                name: Some(name),
                model: Some(name),
                brand: "kia",
                operations: operations.into_iter().collect(),
                values: values.map(str::to_owned).into(),
                has_location: true,
                takes: &takes,
            };
            let devices: [Device; 3] = [
                facts.device(&topics),
                AccountFacts {
                    node: &node,
                    slug: &slug,
                    connector: name,
                    brand: "",
                    asks: true,
                    has_quota: true,
                }
                .device(&topics),
                BridgeFacts { node: &node, connectors: &["a".repeat(64)] }.device(&topics),
            ];
            for form in &forms {
                let messages: BTreeMap<_, _> =
                    devices.iter().flat_map(|device| device.messages(form, &BTreeMap::new())).collect();
                assert_eq!(Accepted::by_2025_4().lint(PREFIX, &messages), [""; 0], "{name:?}");
                let shown = serde_json::from_slice::<Value>(messages.values().last().unwrap()).unwrap();
                let shown = shown["device"]["name"].as_str().unwrap();
                assert!(!shown.is_empty() && !shown.contains(char::is_control), "{shown:?}");
            }
        }
    }
}
