//! A home with cars of two makers: one host, a cloud of each maker, and an account with each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use renault_simulator::{Cloud, Control, Counters, Service};
use serde_json::Value;
use vehicle_connector::bindings::http::TransportError;
use vehicle_connector::config::Config;
use vehicle_connector::deployment::{Offer, SlotView};
use vehicle_connector::host::Host;
use vehicle_connector::plugin::PluginKind;
use vehicle_connector::primitives::transport::Response;
use vehicle_connector::primitives::{HttpRequest, Transport};

use crate::network::{for_cloud, of_cloud};
use crate::virtual_home::{VirtualHome, compiled};
use crate::{Home, Recording};

/// Slug and identification number of a car that shows every command which is not about horn or lights.
pub const FIVE: (&str, &str) = ("five", "VF1S1MULATEDR5EVC");

/// Slug and identification number of a car whose charging is started and stopped by actions.
pub const ZOE: (&str, &str) = ("zoe", "VF1S1MULATEDZ0E1A");

/// Slug and identification number of a car whose charging is paused.
pub const ZOE_2: (&str, &str) = ("zoe-2", "VF1S1MULATEDZ0E2B");

/// The slot of the connector of this maker.
pub const SLOT: &str = "renault";

/// Where the services of the second maker are, by port; the first maker's are elsewhere.
const PORTS: [(u16, Service); 2] = [(2, Service::Gigya), (3, Service::Kamereon)];

/// Time that a request and an answer are on their way.
const LATENCY: Duration = Duration::from_millis(20);

/// A home with cars of two makers.
#[derive(Debug)]
pub struct TwoMakers {
    /// The home, with all that belongs to the first maker.
    pub home: VirtualHome,
    /// Controls of the second maker's cloud.
    pub renault: Control,
    /// Ways to both clouds.
    pub ways: Arc<Ways>,
}

impl TwoMakers {
    /// Starts a home whose cars have been found, where everything may be commanded.
    pub async fn start() -> Self {
        Self::with(renault_simulator::Config::default(), |_| {}).await
    }

    /// Starts such a home with another cloud of the second maker, and with changes to its configuration.
    pub async fn with(cloud: renault_simulator::Config, change: impl FnOnce(&mut Config)) -> Self {
        let second = configuration(&cloud);
        let both = |config: &mut Config| {
            config.accounts.extend(second.accounts);
            config.vehicles.extend(second.vehicles);
            change(config);
        };
        let mut ways = None;
        let home = VirtualHome::on(simulator::Config::default(), both, |environment| {
            let clock = Arc::clone(&environment.clock);
            let cloud = Cloud::new(cloud, simulator::Clock::new(move || clock.now()));
            let first = environment.transport.clone().unwrap();
            let both = ways.insert(Arc::new(Ways { first, cloud, severed: AtomicBool::new(false) }));
            let transport = Arc::clone(both) as Arc<dyn Transport>;
            environment.with_transport(transport)
        })
        .await;
        let ways = ways.unwrap();
        let renault = ways.cloud.control();
        renault.reset_counters();
        Self { home, renault, ways }
    }

    /// What the second maker's cloud was asked so far.
    pub fn counters(&self) -> Counters {
        self.renault.counters()
    }

    /// What the account with the second maker says of itself.
    pub fn account(&self) -> Value {
        self.retained("account/garage/state")
    }

    /// Waits until that account says that it is in this state.
    pub async fn account_is(&self, wanted: &str) -> Value {
        self.published().until(|| Some(self.account()).filter(|account| account["state"] == wanted)).await
    }

    /// What that account asks a person; null if it asks nothing.
    pub fn question(&self) -> Value {
        let topic = "vehicle-connector/account/garage/question";
        let last = self.messages().into_iter().rfind(|message| message.topic == topic);
        let payload = last.map(|message| message.payload).unwrap_or_default();
        serde_json::from_slice(&payload).unwrap_or_default()
    }

    /// Reads a car.
    pub async fn read(&self, car: &str) -> vehicle_connector::wire::report::Report {
        self.command(car, "refresh_cached", "").await
    }

    /// Stops the host and starts another one on the same state.
    pub async fn restart(&mut self) {
        self.home.restart().await;
    }

    /// Puts another connector into the slot of that name.
    pub async fn swap_connector(&self, slot: &str, component: &[u8]) {
        let offer = Offer::compiled(compiled(component), "test").without_trial();
        self.host().deployments().swap(PluginKind::Connector, Some(slot), &offer).await.unwrap();
    }

    /// What is active in the slot of that name.
    pub async fn slot(&self, slot: &str) -> SlotView {
        let all = self.host().deployments().list(PluginKind::Connector).await.unwrap();
        all.into_iter().find(|view| view.slot == slot).unwrap()
    }
}

impl Home for TwoMakers {
    fn host(&self) -> &Arc<Host> {
        self.home.host()
    }

    fn control(&self) -> simulator::Control {
        self.home.control()
    }

    fn published(&self) -> &Recording {
        self.home.published()
    }
}

/// Ways to the clouds of both makers.
#[derive(Debug)]
pub struct Ways {
    first: Arc<dyn Transport>,
    cloud: Cloud,
    severed: AtomicBool,
}

impl Ways {
    /// Severs the way to the second maker's cloud, or mends it.
    pub fn sever(&self, severed: bool) {
        self.severed.store(severed, Ordering::Relaxed);
    }

    async fn exchange(&self, service: Service, request: HttpRequest) -> Result<Response, TransportError> {
        if self.severed.load(Ordering::Relaxed) {
            return Err(TransportError::NotSent("connection refused".to_owned()));
        }
        let patience = request.timeout;
        let cloud = self.cloud.clone();
        // A task of its own: a server does not know that its client has lost patience.
        let answered = tokio::spawn(async move {
            tokio::time::sleep(LATENCY).await;
            let end = cloud.exchange(service, for_cloud(request)).await;
            tokio::time::sleep(LATENCY).await;
            of_cloud(end)
        });
        match tokio::time::timeout(patience, answered).await {
            Ok(answered) => answered.unwrap(),
            Err(_) => Err(TransportError::Interrupted("no answer in time".to_owned())),
        }
    }
}

impl Transport for Ways {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<Response, TransportError>> {
        let second = PORTS.iter().find(|(port, _)| request.url.port() == Some(*port));
        match second {
            Some((_, service)) => Box::pin(self.exchange(*service, request)),
            None => self.first.send(request),
        }
    }
}

/// The account with the second maker, and its cars.
fn configuration(cloud: &renault_simulator::Config) -> Config {
    let text = r#"
        [mqtt]
        url = "mqtt://127.0.0.1:1"

        [account.garage]
        connector = "renault"
        brand = "renault"
        region = "eu"
        username = "${NAME}"
        password = "${PASSWORD}"
        gigya_key = "${GIGYA}"
        kamereon_key = "${KAMEREON}"
        settings = { locale = "fr_FR" }
        endpoints = { gigya = "http://127.0.0.1:2", kamereon = "http://127.0.0.1:3" }

        [vehicle.five]
        account = "garage"
        id = "r5e1ve"

        [vehicle.zoe]
        account = "garage"
        id = "x101ve"

        [vehicle.zoe-2]
        account = "garage"
        id = "x102ve"
        "#;
    let secret = |variable: &str| {
        Some(match variable {
            "NAME" => cloud.username.clone(),
            "PASSWORD" => cloud.password.clone(),
            "GIGYA" => cloud.gigya_key.clone(),
            _ => cloud.kamereon_key.clone(),
        })
    };
    Config::parse(text, Path::new("test.toml"), &secret).unwrap()
}
