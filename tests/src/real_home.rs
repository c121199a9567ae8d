//! A home in real time: the simulated cloud is reached over TCP.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use simulator::{Control, Simulator};
use vehicle_connector::config::Config;
use vehicle_connector::deployment::{Deployed, Offer, Refusal};
use vehicle_connector::host::{Environment, Host, StartError};
use vehicle_connector::plugin::{Plugins, embedded};
use vehicle_connector::store::{MemoryStore, Store};
use vehicle_connector::time::{Clock, SystemClock};
use vehicle_connector::wire::operation::OperationName;
use vehicle_connector::wire::publish::Publish;

use crate::{Home, Recording, configuration};

/// Clocks of the machine, ahead by as much as a test wants.
#[derive(Debug)]
pub struct Shifted {
    real: SystemClock,
    ahead: AtomicU64,
    /// Time by which the calendar, and not the monotonic clock, was set back.
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

    pub(crate) fn ahead(&self) -> Duration {
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
pub struct RealHome {
    /// The cloud. Ends with the home.
    pub cloud: Simulator,
    /// Environment of the host, to start another one on the same.
    pub environment: Environment,
    /// Clock of the host.
    pub clock: Arc<Shifted>,
    /// Recording of what was published.
    pub published: Arc<Recording>,
    /// The host.
    pub host: Arc<Host>,
}

impl RealHome {
    /// Starts a home as most tests want it.
    pub async fn start() -> Self {
        Self::with(simulator::Config::default()).await
    }

    /// Starts a home with another cloud.
    pub async fn with(config: simulator::Config) -> Self {
        Self::configured(config, |_| {}).await
    }

    /// Starts a home with another cloud, where both cars may be commanded to do everything.
    pub async fn permissive(config: simulator::Config) -> Self {
        Self::configured(config, |config| {
            for vehicle in config.vehicles.values_mut() {
                vehicle.allow.extend(OperationName::COMMANDABLE);
            }
        })
        .await
    }

    /// Starts a home whose host runs these plugins.
    pub async fn with_plugins(plugins: &Plugins) -> Self {
        Self::begin(simulator::Config::default(), |_| {}, Some(plugins)).await
    }

    /// Starts a home with another cloud, and with changes to its configuration.
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

    /// Starts another host on the same state, as after a restart, perhaps with other credentials.
    pub async fn restart(&mut self, refresh_token: &str, pin: &str) {
        let config = configuration(&self.cloud.base_url(), refresh_token, pin);
        self.try_restart(config).await.unwrap();
    }

    /// Starts the host again, with changes to its configuration.
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

    /// Offers a policy as a program does that embeds the host.
    pub async fn swap_policy(&self, component: impl Into<Vec<u8>>) -> Result<Deployed, Refusal> {
        self.offer_policy(&Offer::new(component, "test")).await
    }

    /// Lets in the policy that decides as the service did which this project replaces; it fails its trial.
    pub async fn swap_in_four_phrases(&self) -> Deployed {
        self.offer_policy(&Offer::new(embedded::FOUR_PHRASES, "test").without_trial()).await.unwrap()
    }
}

impl Home for RealHome {
    fn host(&self) -> &Arc<Host> {
        &self.host
    }

    fn control(&self) -> Control {
        self.cloud.control()
    }

    fn published(&self) -> &Recording {
        &self.published
    }
}
