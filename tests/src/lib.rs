//! What the integration tests stand on: a home with two cars, a simulated cloud, and a host without a broker.
//!
//! The host's publisher is a list, so a test sees everything that was published, and in which order. Nothing here
//! sleeps: tests wait for what they want to see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

pub mod network;
pub mod paused;
pub mod storm;
pub mod trace;
pub mod virtual_home;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use simulator::{Control, Simulator};
use tokio::sync::watch;
use vehicle_connector::config::Config;
use vehicle_connector::deployment::{Deployed, Offer, Refusal};
use vehicle_connector::host::{Environment, Host, Request, StartError};
use vehicle_connector::plugin::{PluginKind, Plugins, embedded};
use vehicle_connector::store::{MemoryStore, Store};
use vehicle_connector::time::{Clock, SystemClock};
use vehicle_connector::wire::message::{Notice, Outgoing};
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::report::Report;

/// Longer than anything in a test takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(150);

/// The slug and the simulated cloud's identifier of the car of the older generation.
pub const LEGACY: (&str, &str) = ("niro", "11111111-1111-4111-8111-111111111111");

/// The slug and the simulated cloud's identifier of the car of the newer generation.
pub const CCS2: (&str, &str) = ("ev6", "22222222-2222-4222-8222-222222222222");

/// An publisher that keeps everything.
#[derive(Debug, Default)]
pub struct Recording {
    messages: Mutex<Vec<Outgoing>>,
    changed: watch::Sender<()>,
}

impl Publish for Recording {
    fn publish(&self, message: Outgoing) {
        // In this home the broker takes everything at once. Whoever waits for the message finds it delivered.
        message.notice.iter().for_each(Notice::delivered);
        self.messages.lock().push(Outgoing { notice: None, ..message });
        self.changed.send_replace(());
    }
}

impl Recording {
    /// Everything that was published so far.
    pub fn messages(&self) -> Vec<Outgoing> {
        self.messages.lock().clone()
    }

    /// The reports on one topic, in order.
    pub fn reports(&self, topic: &str) -> Vec<Report> {
        let on_topic = |message: &Outgoing| message.topic == topic;
        let parse = |message: &Outgoing| serde_json::from_slice(&message.payload).unwrap();
        self.messages.lock().iter().filter(|m| on_topic(m)).map(parse).collect()
    }

    /// Waits until something is found in what was published.
    pub async fn find<T>(&self, mut wanted: impl FnMut(&[Outgoing]) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let search = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = wanted(&self.messages.lock()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("not published within {PATIENCE:?}; there is: {:#?}", self.messages()),
        }
    }
}

/// The machine's clocks, ahead by as much as a test wants.
#[derive(Debug)]
pub struct Shifted {
    real: SystemClock,
    ahead: AtomicU64,
    /// By how much the calendar, and not the monotonic clock, was set back.
    back: AtomicU64,
    /// What both said when they were stopped.
    stopped: OnceLock<(Timestamp, Duration)>,
}

impl Shifted {
    /// The machine's clocks as they are.
    #[must_use]
    pub fn start() -> Self {
        Self {
            real: SystemClock::start(),
            ahead: AtomicU64::new(0),
            back: AtomicU64::new(0),
            stopped: OnceLock::new(),
        }
    }

    fn ahead(&self) -> Duration {
        Duration::from_secs(self.ahead.load(Ordering::Relaxed))
    }

    /// Lets time pass at once.
    pub fn advance(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Stops the clocks: from now on time passes only with [`advance`](Self::advance), however slow the machine is.
    pub fn stop(&self) {
        self.stopped.get_or_init(|| (self.real.now(), self.real.monotonic()));
    }

    fn real(&self) -> (Timestamp, Duration) {
        let passing = || (self.real.now(), self.real.monotonic());
        self.stopped.get().copied().unwrap_or_else(passing)
    }

    /// Sets the calendar back, as when a wrong clock is corrected. The monotonic clock goes on.
    pub fn set_back(&self, seconds: u64) {
        self.back.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        self.real().0 + self.ahead() - Duration::from_secs(self.back.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.real().1 + self.ahead()
    }
}

/// A home: the simulated cloud, and a host that is configured for it.
#[derive(Debug)]
pub struct Home {
    /// The cloud. Ends with the home.
    pub cloud: Simulator,
    /// What the host stands on, to start another one on the same.
    pub environment: Environment,
    /// The host's time.
    pub clock: Arc<Shifted>,
    /// What was published.
    pub published: Arc<Recording>,
    /// The host.
    pub host: Arc<Host>,
}

impl Home {
    /// A home as most tests want it.
    pub async fn start() -> Self {
        Self::with(simulator::Config::default()).await
    }

    /// A home with another cloud.
    pub async fn with(config: simulator::Config) -> Self {
        Self::configured(config, |_| {}).await
    }

    /// A home with another cloud, where both cars may be commanded to do everything.
    pub async fn permissive(config: simulator::Config) -> Self {
        Self::configured(config, |config| {
            for vehicle in config.vehicles.values_mut() {
                vehicle.allow.extend(OperationName::COMMANDABLE);
            }
        })
        .await
    }

    /// A home whose host runs these plugins.
    pub async fn with_plugins(plugins: &Plugins) -> Self {
        Self::begin(simulator::Config::default(), |_| {}, Some(plugins)).await
    }

    /// A home with another cloud, and with changes to its configuration.
    pub async fn configured(config: simulator::Config, change: impl FnOnce(&mut Config)) -> Self {
        Self::begin(config, change, None).await
    }

    async fn begin(
        config: simulator::Config,
        change: impl FnOnce(&mut Config),
        plugins: Option<&Plugins>,
    ) -> Self {
        let (pin, refresh_token) = (config.pin.clone(), config.refresh_token.clone());
        let cloud = Simulator::start(config).await.unwrap();
        let published = Arc::new(Recording::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let publisher = Arc::clone(&published) as Arc<dyn Publish>;
        let clock = Arc::new(Shifted::start());
        let environment = Environment::new(store, Arc::clone(&clock) as Arc<dyn Clock>, publisher);
        let mut config = configuration(&cloud.base_url(), &refresh_token, &pin);
        change(&mut config);
        let host = match plugins {
            Some(plugins) => Host::start_with(&config, environment.clone(), plugins).await,
            None => Host::start(&config, environment.clone()).await,
        };
        let host = host.unwrap();
        Self { cloud, environment, clock, published, host }
    }

    /// Another host on the same state, as after a restart, perhaps with other credentials.
    pub async fn restart(&mut self, refresh_token: &str, pin: &str) {
        let config = configuration(&self.cloud.base_url(), refresh_token, pin);
        self.try_restart(config).await.unwrap();
    }

    /// The same host again, with changes to its configuration.
    pub async fn restart_configured(&mut self, change: impl FnOnce(&mut Config)) -> Result<(), StartError> {
        let simulator::Config { pin, refresh_token, .. } = simulator::Config::default();
        let mut config = configuration(&self.cloud.base_url(), &refresh_token, &pin);
        change(&mut config);
        self.try_restart(config).await
    }

    async fn try_restart(&mut self, config: Config) -> Result<(), StartError> {
        self.host.stop().await;
        self.host = Host::start(&config, self.environment.clone()).await?;
        Ok(())
    }

    /// The configuration of a host in this home's cloud with a broker at a port of this machine.
    pub fn configuration(&self, broker: u16) -> Config {
        let simulator::Config { pin, refresh_token, .. } = simulator::Config::default();
        let mut config = configuration(&self.cloud.base_url(), &refresh_token, &pin);
        (config.mqtt.host, config.mqtt.port) = ("127.0.0.1".to_owned(), broker);
        config
    }

    /// Asks the host for something, as a message does, and waits for the answer.
    pub async fn request(&self, verb: &str, mut payload: Value) -> Value {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let transaction = NEXT.fetch_add(1, Ordering::Relaxed);
        payload["transaction"] = transaction.into();
        let topic = format!("vehicle-connector/bridge/request/{verb}");
        let payload = payload.to_string().into_bytes();
        self.host.handle(Request { topic, payload, ..Request::default() }).await;
        let answer = |message: &Outgoing| {
            let answer: Value = serde_json::from_slice(&message.payload).ok()?;
            let about_it = message.topic.ends_with(&format!("/bridge/response/{verb}"));
            (about_it && answer["transaction"] == transaction).then_some(answer)
        };
        self.published.find(|messages| messages.iter().find_map(answer)).await
    }

    /// Offers a policy as a program does that embeds the host.
    pub async fn swap_policy(&self, component: impl Into<Vec<u8>>) -> Result<Deployed, Refusal> {
        let offer = Offer::new(component, "test");
        self.host.deployments().swap(PluginKind::Policy, None, &offer).await
    }

    /// Lets in what the service decided by that this project replaces, which fails its trial.
    pub async fn swap_in_four_phrases(&self) -> Deployed {
        let offer = Offer::new(embedded::FOUR_PHRASES, "test").without_trial();
        self.host.deployments().swap(PluginKind::Policy, None, &offer).await.unwrap()
    }

    /// The documents that were published on a topic below the base topic, in order.
    pub fn documents(&self, topic: &str) -> Vec<Value> {
        let topic = format!("vehicle-connector/{topic}");
        let document = |message: &Outgoing| {
            (message.topic == topic).then(|| serde_json::from_slice(&message.payload).unwrap())
        };
        self.published.messages().iter().filter_map(document).collect()
    }

    /// The events of one kind, in order.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.documents("bridge/event").into_iter().filter(|event| event["event_type"] == kind).collect()
    }

    /// What the account says of itself now.
    pub fn account(&self) -> Value {
        self.documents("account/home/state").pop().unwrap()
    }

    /// Waits until the account says that it is in this state.
    pub async fn account_is(&self, wanted: &str) -> Value {
        let state = |messages: &[Outgoing]| {
            let last = messages.iter().rfind(|message| message.topic.ends_with("/account/home/state"))?;
            let state: Value = serde_json::from_slice(&last.payload).ok()?;
            (state["state"] == wanted).then_some(state)
        };
        self.published.find(state).await
    }

    /// The cloud's controls.
    pub fn control(&self) -> Control {
        self.cloud.control()
    }

    /// Makes the host find its cars, so that a test counts only its own requests from then on.
    pub async fn settle(&self) {
        self.host.find_vehicles().await;
        self.cloud.control().reset_counters();
    }

    /// Sends a message as it came from a broker.
    pub async fn send(&self, vehicle: &str, operation: &str, payload: impl Into<Vec<u8>>) {
        let topic = format!("vehicle-connector/vehicle/{vehicle}/cmd/{operation}");
        self.host.handle(Request { topic, payload: payload.into(), ..Request::default() }).await;
    }

    /// Sends a command and waits for its final report.
    pub async fn command(&self, vehicle: &str, operation: &str, action: Option<&str>) -> Report {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let action = action.map(|action| format!(r#","action":"{action}""#)).unwrap_or_default();
        self.send(vehicle, operation, format!(r#"{{"id":"{id}"{action}}}"#)).await;
        self.ended(vehicle, &id).await
    }

    /// Waits for the final report of a command.
    pub async fn ended(&self, vehicle: &str, id: &str) -> Report {
        let topic = format!("vehicle-connector/vehicle/{vehicle}/action/{id}");
        let report = |message: &Outgoing| {
            let report: Report = serde_json::from_slice(&message.payload).ok()?;
            (message.topic == topic && report.state.is_final()).then_some(report)
        };
        self.published.find(|messages| messages.iter().find_map(report)).await
    }

    /// Waits for any final report of a vehicle, for commands whose identifier the sender does not know.
    pub async fn any_ended(&self, vehicle: &str) -> Report {
        let prefix = format!("vehicle-connector/vehicle/{vehicle}/action/");
        let report = |message: &Outgoing| {
            let report: Report = serde_json::from_slice(&message.payload).ok()?;
            (message.topic.starts_with(&prefix) && report.state.is_final()).then_some(report)
        };
        self.published.find(|messages| messages.iter().find_map(report)).await
    }
}

/// A cloud that does not mind how late it is at home: its clock goes on while a test lets a host's jump.
pub fn patient_cloud() -> simulator::Config {
    let mut config = simulator::Config::default();
    config.strict.stamp_tolerance = Duration::from_secs(10 * 365 * 86_400);
    config
}

/// The configuration of a home in a simulated cloud. Its secrets may look like none that this vendor gives out: what holds
/// for a host holds for every vendor's.
pub fn configuration(cloud: &str, refresh_token: &str, pin: &str) -> Config {
    let text = configuration_text(cloud, "mqtt://127.0.0.1:1");
    let simulated = simulator::Config::default();
    let environment = |name: &str| match name {
        "REFRESH_TOKEN" => Some(simulated.refresh_token.clone()),
        "PIN" => Some(simulated.pin.clone()),
        _ => None,
    };
    let mut config = Config::parse(&text, Path::new("test.toml"), &environment).unwrap();
    for account in config.accounts.values_mut() {
        for (name, secret) in [("refresh-token", refresh_token), ("pin", pin)] {
            account.secrets.insert(name.to_owned(), secret.to_owned().into());
        }
    }
    // A guest that waits for nothing is ended by the processor time that it uses, however long that takes here.
    config.limits.policy.wall = PATIENCE;
    config
}

/// The same as text, with the secrets in the environment variables `REFRESH_TOKEN` and `PIN`.
pub fn configuration_text(cloud: &str, broker: &str) -> String {
    format!(
        r#"
        [mqtt]
        url = "{broker}"

        [account.home]
        connector = "hyundai-kia-eu"
        brand = "kia"
        region = "eu"
        refresh_token = "${{REFRESH_TOKEN}}"
        pin = "${{PIN}}"
        endpoints = {{ ccapi = "{cloud}", idp = "{cloud}", cci = "{cloud}" }}

        [vehicle.niro]
        account = "home"
        id = "{}"
        allow = ["refresh", "lock", "unlock"]

        [vehicle.ev6]
        account = "home"
        id = "{}"
        allow = ["refresh", "lock"]
        "#,
        LEGACY.1, CCS2.1
    )
}
