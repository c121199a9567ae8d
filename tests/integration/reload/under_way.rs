//! Reloads while something is under way that has begun with the configuration before.

use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use simulator::{Effect, Fault, RouteKind};
use vehicle_connector::config::ConfigError;
use vehicle_connector::host::Configured;
use vehicle_connector::store::Kind;

use super::*;

/// Section of the older car in the configuration.
fn of_niro() -> String {
    let text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    text[text.find("[vehicle.niro]").unwrap()..text.find("[vehicle.ev6]").unwrap()].to_owned()
}

/// The configuration in which the older car's name is that of the newer one.
fn of_another_car() -> Config {
    let text = configuration_text("http://127.0.0.1:1", "mqtt://127.0.0.1:1");
    let of_ev6 = &text[text.find("[vehicle.ev6]").unwrap()..];
    configured(&good(), &[(of_ev6, ""), (LEGACY.1, CCS2.1)])
}

/// Begins an operation of the older car that is held when the cloud has done it.
async fn held(home: &VirtualHome, route: RouteKind, operation: &str) -> String {
    home.control().inject(Fault::new(route, Effect::Hold).vehicle(LEGACY.1).after_acting());
    let begun = home.begin(LEGACY.0, operation, "").await;
    home.control().wait_until(|counters| counters.held == 1).await;
    begun
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_does_not_bring_a_position_back() {
    let fence = "[[geofence]]\nname = \"home\"\nlat = 52.52\nlon = 13.405\nradius_m = 150\n[vehicle.niro]";
    let fence = ("[vehicle.niro]", fence);
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        let limits = config.limits;
        *config = Config { limits, ..configured(&good(), &[fence]) };
    })
    .await;
    assert_eq!(home.read().await.state, State::Succeeded);
    let told = ["location", "geofence"].map(|what| format!("vehicle/niro/{what}"));
    assert!(told.iter().all(|topic| kept(&home, topic).is_some()), "it is told unless switched off");
    home.advance(Duration::from_secs(3_600)).await;
    home.control().change_vehicle(LEGACY.1, |car| car.longitude += 0.05);

    let begun = held(&home, RouteKind::ForcedStatus, "refresh_force").await;
    let hidden = format!("{NIRO}\nlocation = false");
    reload(&home, &configured(&good(), &[fence, (NIRO, hidden.as_str())])).await;
    let before = home.messages().len();
    home.control().release();
    assert_eq!(home.ended(LEGACY.0, &begun).await.state, State::Succeeded);
    assert_eq!(told.map(|topic| kept(&home, &topic)), [None, None]);
    let topics: Vec<_> = home.messages().into_iter().skip(before).map(|message| message.topic).collect();
    let topic = |what: &str| format!("vehicle-connector/vehicle/niro/{what}");
    assert!(topics.contains(&topic("state")), "the rest of it is told: {topics:?}");
    assert!(!topics.contains(&topic("event")), "leaving a circle tells of it too: {topics:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_car_is_told_or_kept_as_that_of_the_one_that_has_its_name_now() {
    let mut home = VirtualHome::start().await;
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
    assert_eq!(home.read().await.state, State::Succeeded);
    let topic = |what: &str| format!("vehicle/niro/{what}");
    let before = home.retained(&topic("state"));
    let begun = held(&home, RouteKind::Status, "refresh_cached").await;

    reload(&home, &of_another_car()).await;
    for what in ["state", "location", "availability", "capabilities", "problem", "action/last"] {
        assert_eq!(kept(&home, &topic(what)), None, "{what}");
    }
    let of_other = home.read().await;
    assert_eq!(of_other.state, State::Succeeded, "{of_other:?}");
    let state = home.retained(&topic("state"));
    assert_ne!(state["soc_percent"], before["soc_percent"], "{state}");
    assert!(state["meta"]["seq"].as_u64() > before["meta"]["seq"].as_u64(), "{state} follows {before}");
    home.control().release();
    assert!(home.ended(LEGACY.0, &begun).await.state.is_final());
    assert_eq!(home.retained(&topic("state")), state);
    assert_eq!(home.retained(&topic("action/last"))["id"], json!(of_other.id));

    // Nor is it what the next host knows.
    home.config = of_another_car();
    home.restart().await;
    let told = home.published_on(&topic("state"));
    home.host.announce("5");
    assert!(home.published_on(&topic("state")) > told, "what was known is told");
    assert_eq!(home.retained(&topic("state"))["soc_percent"], state["soc_percent"]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_cannot_be_stored_has_changed_nothing() {
    let mut home = VirtualHome::start().await;
    let asked = home.token_calls().len();
    let other = configured(&"C".repeat(48), &[]);
    home.store.refuse(Kind::Credentials, 0);
    let refused = home.host.reconfigure(&other, "test").await.unwrap_err();
    assert!(refused.to_string().contains("no space left"), "{refused}");
    home.store.mend();
    assert_eq!(home.read().await.state, State::Succeeded);
    home.restart().await;
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.token_calls().len(), asked, "the session is still there, and still known to be theirs");
    assert_eq!(home.events("config_reloaded"), Vec::<Value>::new());
}

/// A file that takes its time to be read.
#[derive(Debug)]
struct SlowFile {
    configs: Mutex<Vec<Config>>,
    reading: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Configured for SlowFile {
    fn read(&self) -> Result<Config, ConfigError> {
        let config = self.configs.lock().remove(0);
        self.reading.send(()).unwrap();
        self.go_on.lock().recv().unwrap();
        Ok(config)
    }

    fn back_up(&self, _file: &Path) -> Result<Value, String> {
        Err("there is nothing to back up here".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_reloads_the_later_one_has_the_later_file() {
    let ((reading, is_reading), (let_go, go_on)) = (channel(), channel());
    let older = configured(&good(), &[(NIRO, "allow = [\"refresh\"]")]);
    let configs = Mutex::new(vec![older, configured(&good(), &[])]);
    let file = Arc::new(SlowFile { configs, reading, go_on: Mutex::new(go_on) });
    let home = VirtualHome::on(
        simulator::Config::default(),
        |config| {
            let limits = config.limits;
            *config = Config { limits, ..configured(&good(), &[]) };
        },
        |environment| environment.with_configuration(file),
    )
    .await;
    let mut first = std::pin::pin!(home.host.reload("first"));
    let mut second = std::pin::pin!(home.host.reload("second"));
    assert!(first.as_mut().now_or_never().is_none());
    is_reading.recv().unwrap();
    assert!(second.as_mut().now_or_never().is_none());
    // Time for what must not happen.
    let read = is_reading.recv_timeout(Duration::from_millis(200));
    assert!(read.is_err(), "the file is read before it is this reload's turn");
    let_go.send(()).unwrap();
    let_go.send(()).unwrap();
    assert_eq!(first.await.unwrap().changed, ["vehicle.niro.allow"]);
    assert_eq!(second.await.unwrap().changed, ["vehicle.niro.allow"]);
    assert_eq!(home.command(LEGACY.0, "lock", "").await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_isolated_is_open_at_no_moment() {
    let home = VirtualHome::start().await;
    let isolated = home.request("circuit/isolate", json!({"circuit": "account home"})).await;
    assert_eq!(isolated["status"], "ok", "{isolated}");
    home.store.hold(Kind::Isolated);
    let other = configured(&good(), &[("time_zone = \"UTC\"", "time_zone = \"Europe/Berlin\"")]);
    let reloading = reload(&home, &other);
    let mut reloading = std::pin::pin!(reloading);
    assert!(reloading.as_mut().now_or_never().is_none(), "what is isolated is being looked up");
    let read = home.read().await;
    assert_eq!(read.reason, Some(Reason::Isolated), "{read:?}");
    home.store.release();
    assert!(!reloading.await.changed.is_empty());
    let read = home.read().await;
    assert_eq!(read.reason, Some(Reason::Isolated), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_cloud_asked_of_the_account_before_holds_for_the_one_after() {
    let home = VirtualHome::start().await;
    home.control().inject(Fault::new(RouteKind::Status, Effect::Hold));
    let begun = home.begin(LEGACY.0, "refresh_cached", "").await;
    home.control().wait_until(|counters| counters.held == 1).await;
    let other = configured(&good(), &[("time_zone = \"UTC\"", "time_zone = \"Europe/Berlin\"")]);
    assert!(!reload(&home, &other).await.changed.is_empty());
    let patience = Effect::Answer {
        status: 429,
        body: String::new(),
        headers: vec![("retry-after".to_owned(), "7200".to_owned())],
    };
    home.control().inject(Fault::new(RouteKind::Status, patience).once_admitted());
    home.control().release();
    let report = home.ended(LEGACY.0, &begun).await;
    assert!(report.state.is_final(), "{report:?}");
    let left_alone = home.departures();
    let report = home.command(CCS2.0, "refresh_cached", "").await;
    assert_eq!((report.state, home.departures()), (State::Rejected, left_alone), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_gone_does_not_come_back_to_home_assistant() {
    let home = VirtualHome::start().await;
    home.host.announce("5");
    home.advance(Duration::from_secs(60)).await;
    let config = "homeassistant/device/vehicle-connector_vehicle_niro/config";
    assert!(is_kept(&home, config));
    // More becomes known of it, which is being written down while it leaves.
    home.store.hold(Kind::Discovery);
    assert_eq!(home.read().await.state, State::Succeeded);
    home.advance(Duration::from_secs(5)).await;
    let host = Arc::clone(&home.host);
    let without = configured(&good(), &[(of_niro().as_str(), "")]);
    let reloading = tokio::spawn(async move { host.reconfigure(&without, "test").await.unwrap() });
    home.advance(Duration::from_secs(60)).await;
    home.store.release();
    assert!(!reloading.await.unwrap().changed.is_empty());
    home.advance(Duration::from_secs(60)).await;
    assert!(!is_kept(&home, config));
}

#[tokio::test(start_paused = true)]
async fn a_vehicle_that_comes_has_the_geofences_of_the_others() {
    let fence = |name: &str| {
        format!("[[geofence]]\nname = \"{name}\"\nlat = 52.52\nlon = 13.405\nradius_m = 150\n[vehicle.ev6]")
    };
    let (niro, ev6, old, new) = (of_niro(), "[vehicle.ev6]", fence("old"), fence("new"));
    let home = VirtualHome::with(simulator::Config::default(), |config| {
        let limits = config.limits;
        *config = Config { limits, ..configured(&good(), &[(niro.as_str(), ""), (ev6, old.as_str())]) };
    })
    .await;
    let reloaded = reload(&home, &configured(&good(), &[(ev6, new.as_str())])).await;
    assert_eq!(reloaded.restart_needed, ["geofence"]);
    assert_eq!(home.read().await.state, State::Succeeded);
    assert_eq!(home.retained("vehicle/niro/geofence")["inside"], json!(["old"]));
}
