//! A home whose time is virtual: the real host and its plugins, the simulated cloud in the same process, and
//! a clock that follows tokio's paused one. Hours pass in moments, and two runs are the same run.
//!
//! For tests with `#[tokio::test(start_paused = true)]`, on one thread.

mod context;
mod worn_store;

use parking_lot::Mutex;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::Value;
use simulator::{Cloud, Control, Counters};
use tokio::time::Instant;
use vehicle_connector::config::Config;
use vehicle_connector::deployment::Offer;
use vehicle_connector::host::{Environment, Host};
use vehicle_connector::plugin::{Compiled, Plugins};
use vehicle_connector::primitives::Transport;
use vehicle_connector::sandbox::Sandbox;
use vehicle_connector::store::Store;
use vehicle_connector::time::Clock;
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::outcome::State;
use vehicle_connector::wire::publish::Publish;
use vehicle_connector::wire::report::Report;

pub use self::context::{Calendar, Meddling};
pub use self::worn_store::WornStore;
use crate::network::Network;
use crate::paused::PausedClock;
use crate::seeded::SeededEntropy;
use crate::trace::{Event, Trace};
use crate::{CCS2, Home, LEGACY, Recording};

/// Plugins that the host carries, compiled once for all homes of a process.
static PLUGINS: LazyLock<Plugins> =
    LazyLock::new(|| elsewhere(async || Plugins::embedded(Sandbox::uninterrupted().unwrap()).await.unwrap()));

/// Runs a task on a thread and a runtime of its own: compiling takes real time, and here time is paused.
fn elsewhere<T: Send>(task: impl AsyncFnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(task());
        scope.spawn(run).join().unwrap()
    })
}

/// Compiles a component for the slots of these homes.
pub fn compiled(component: &[u8]) -> Compiled {
    let sandbox = &PLUGINS.sandbox;
    elsewhere(async || Compiled::of(sandbox, component).await.unwrap())
}

/// These connectors, and the policy that the host carries.
pub fn plugins(connectors: &[(&str, Compiled)]) -> Plugins {
    let policy = Some(own_policy().clone());
    let connectors = connectors.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
    Plugins { sandbox: PLUGINS.sandbox.clone(), connectors, policy }
}

/// The policy that the host carries, for the slots of these homes.
pub fn own_policy() -> &'static Compiled {
    PLUGINS.policy().unwrap()
}

/// A home in virtual time.
#[derive(Debug)]
pub struct VirtualHome {
    /// Controls of the cloud.
    pub control: Control,
    /// Network to the cloud.
    pub network: Arc<Network>,
    /// Network to the cloud, with what it changes.
    pub meddling: Arc<Meddling>,
    /// Clock of the host.
    pub calendar: Arc<Calendar>,
    /// Recording of what was published.
    pub published: Arc<Recording>,
    /// Environment of the hosts, to start another one on the same.
    pub environment: Environment,
    /// Store of the state.
    pub store: Arc<WornStore>,
    /// Configuration of the hosts.
    pub config: Config,
    /// The host.
    pub host: Arc<Host>,
    trace: Arc<Trace>,
}

impl VirtualHome {
    /// Starts a home with two cars that have been found, where everything may be commanded.
    pub async fn start() -> Self {
        Self::with(simulator::Config::default(), |_| {}).await
    }

    /// Starts a home in another cloud, with changes to its configuration.
    pub async fn with(cloud: simulator::Config, change: impl FnOnce(&mut Config)) -> Self {
        Self::on(cloud, change, |environment| environment).await
    }

    /// Starts such a home in another environment.
    pub async fn on(
        cloud: simulator::Config,
        change: impl FnOnce(&mut Config),
        other: impl FnOnce(Environment) -> Environment,
    ) -> Self {
        // The seed of jitter and identifiers.
        fastrand::seed(1);
        let clock = PausedClock::start();
        let trace = Trace::new(clock);
        let mut config = crate::configuration("http://127.0.0.1:1", &cloud.refresh_token, &cloud.pin);
        change(&mut config);
        for vehicle in config.vehicles.values_mut() {
            vehicle.allow.extend(OperationName::COMMANDABLE);
        }
        let cloud = Cloud::new(cloud, clock.of_cloud());
        let control = cloud.control();
        let network = Arc::new(Network::new(cloud, Arc::clone(&trace), 1));
        network.calm_down();
        let meddling = Arc::new(Meddling { network: Arc::clone(&network), expires_in: Mutex::default() });
        let calendar = Arc::new(Calendar { clock, ahead: AtomicI64::new(0) });
        let published = Arc::new(Recording::traced(&trace));
        let store = Arc::new(WornStore::default());
        let environment = Environment::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&calendar) as Arc<dyn Clock>,
            Arc::clone(&published) as Arc<dyn Publish>,
        )
        .with_transport(Arc::clone(&meddling) as Arc<dyn Transport>)
        .with_entropy(Arc::new(SeededEntropy::new(1)));
        let environment = other(environment);
        let host = Host::start_with(&config, environment.clone(), &PLUGINS).await.unwrap();
        let home =
            Self { control, network, meddling, calendar, published, environment, store, config, host, trace };
        home.settle().await;
        home
    }

    /// Starts another host on the same state and the same configuration, while the first one may go on.
    pub async fn another_host(&self) -> Arc<Host> {
        Host::start_with(&self.config, self.environment.clone(), &PLUGINS).await.unwrap()
    }

    /// Stops the host and starts another one, as configured now.
    pub async fn restart(&mut self) {
        self.host.stop().await;
        self.host = self.another_host().await;
    }

    /// Stops the host and starts another one on the same state, with other connectors and the policy that this
    /// host carries.
    pub async fn restart_with(&mut self, connectors: &[(&str, Compiled)]) {
        self.host.stop().await;
        let plugins = plugins(connectors);
        self.host = Host::start_with(&self.config, self.environment.clone(), &plugins).await.unwrap();
    }

    /// Lets another policy decide.
    pub async fn decide_with(&self, policy: &Compiled) {
        self.offer_policy(&Offer::compiled(policy.clone(), "test").without_trial()).await.unwrap();
    }

    /// Lets this time pass.
    pub async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Reads the car of the older generation.
    pub async fn read(&self) -> Report {
        self.command(LEGACY.0, "refresh_cached", "").await
    }

    /// Reads the two cars in turn, one after each interval, for `time`, and waits for the ends.
    pub async fn reads(&self, every: Duration, time: Duration) -> Load {
        let start = Instant::now();
        let mut sent = Vec::new();
        for (number, (car, _)) in (0..).zip([LEGACY, CCS2].into_iter().cycle()) {
            if every * number >= time {
                break;
            }
            tokio::time::sleep_until(start + every * number).await;
            sent.push((car, self.begin(car, "refresh_cached", "").await));
        }
        let mut reports = Vec::new();
        for (car, id) in sent {
            reports.push(self.ended(car, &id).await);
        }
        Load { reports }
    }

    /// Returns what the cloud was asked so far.
    pub fn counters(&self) -> Counters {
        self.control.counters()
    }

    /// Returns the times since the home's beginning at which tokens were asked for, whether or not that
    /// arrived.
    pub fn token_calls(&self) -> Vec<Duration> {
        let entries = self.trace.entries();
        let grant = |event: &Event| matches!(event, Event::Departed(request) if request.is_grant());
        entries.iter().filter(|entry| grant(&entry.event)).map(|entry| entry.at).collect()
    }

    /// Returns the number of requests that the host has tried to send, whether or not they arrived.
    pub fn departures(&self) -> usize {
        let entries = self.trace.entries();
        entries.iter().filter(|entry| matches!(entry.event, Event::Departed(_))).count()
    }

    /// Returns the age of this home.
    pub fn now(&self) -> Duration {
        self.calendar.monotonic()
    }

    /// Returns the state of a circuit; null if nothing has passed it yet.
    pub fn circuit(&self, name: &str) -> Value {
        let all = self.host.circuits().flat_map(|circuits| circuits.statuses(self.calendar.as_ref()));
        let found = all.into_iter().find(|status| status.circuit == name);
        found.map_or(Value::Null, |status| serde_json::to_value(status).unwrap())
    }
}

impl Home for VirtualHome {
    fn host(&self) -> &Arc<Host> {
        &self.host
    }

    fn control(&self) -> Control {
        self.control.clone()
    }

    fn published(&self) -> &Recording {
        &self.published
    }
}

/// Result of many reads.
#[derive(Debug)]
pub struct Load {
    /// Final reports, in the order in which the reads were sent.
    pub reports: Vec<Report>,
}

impl Load {
    /// Returns the reports that did not succeed.
    pub fn failed(&self) -> Vec<&Report> {
        self.reports.iter().filter(|report| report.state != State::Succeeded).collect()
    }

    /// Returns the longest time that a caller waited for a result, good or bad.
    pub fn longest(&self) -> Duration {
        let took = |report: &Report| report.finished_at.unwrap().duration_since(report.requested_at);
        let longest = self.reports.iter().map(took).max().unwrap_or_default();
        longest.try_into().unwrap_or_default()
    }
}
