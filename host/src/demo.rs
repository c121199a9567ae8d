//! `vehicle-connector demo`: the whole product on loopback, telling what it does.
//!
//! A broker, the simulated clouds of two makers and a host, each on a free port. A story plays over real MQTT: what it shows
//! is what any client of the broker sees, and every claim is checked against the cloud's own counters.

mod broker;
mod driver;
mod narrator;
mod story;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use simulator::Simulator;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::broker::{Broker, BrokerError};
use self::driver::Driver;
use self::narrator::Narrator;
use self::story::{Clouds, Story};
use crate::bridge::{Bridge, Connection};
use crate::config::Config;
use crate::host::{Environment, Host};
use crate::mqtt::Version;
use crate::store::MemoryStore;
use crate::time::SystemClock;

/// Options of the demo.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Time to run, counted from the start, but not ending before the story is told; without it until
    /// interrupted.
    pub seconds: Option<u64>,
    /// Whether to print a JSON object as the last line.
    pub json: bool,
}

/// Outcome of the story.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Commands that were sent.
    pub commands: u64,
    /// Number of commands that succeeded.
    pub succeeded: u64,
    /// Number of commands that did not; the story wants a few to fail.
    pub failed: u64,
    /// Refresh grants after the first sign-ins.
    pub token_refreshes: u64,
    /// Requests that the clouds received.
    pub upstream_calls: u64,
    /// Number of swaps of the policy.
    pub policy_swaps: u64,
    /// Duration of the story, in milliseconds.
    pub duration_ms: u64,
}

/// The clouds, the broker and the host of the demo, started.
#[derive(Debug)]
pub struct Stage {
    cloud: Simulator,
    /// Cloud of the other maker.
    other: renault_simulator::Simulator,
    config: Config,
    host: Arc<Host>,
    driver: Driver,
    /// Port for clients of MQTT 3.1.1.
    plain_port: u16,
    serving: JoinHandle<()>,
    summary: Summary,
    started: Instant,
}

impl Stage {
    /// Starts the clouds, the broker and the host, and returns when the host is online.
    ///
    /// # Errors
    ///
    /// When one of them does not start.
    pub async fn set() -> anyhow::Result<Self> {
        let started = Instant::now();
        let cloud = Simulator::start(simulator::Config::default()).await?;
        let other = renault_simulator::Simulator::start(renault_simulator::Config::default()).await?;
        let broker = Broker::start()?;
        broker.ready().await?;
        let plain_port = broker.port_for(Version::V4).unwrap_or_else(|| broker.port());
        let config = story::config(&cloud, &other, broker.port())?;
        let mut bridge = Bridge::connect(&config.mqtt)?;
        let store = Arc::new(MemoryStore::default());
        let environment = Environment::new(store, Arc::new(SystemClock::start()), bridge.publisher());
        let host = Host::start(&config, environment).await?;
        let driver = Driver::connect(&config.mqtt).await?;
        let (connected, online) = tokio::sync::oneshot::channel();
        let mut connected = Some(connected);
        let serving = tokio::spawn({
            let host = Arc::clone(&host);
            async move {
                let connection = |now| {
                    // The receiver may be gone: its wait may have been interrupted.
                    if matches!(now, Connection::Serving(_)) {
                        let _gone = connected.take().map(|connected| connected.send(()));
                    }
                };
                bridge.serve(&host, connection).await;
            }
        });
        online.await?;
        Ok(Self {
            cloud,
            other,
            config,
            host,
            driver,
            plain_port,
            serving,
            summary: Summary::default(),
            started,
        })
    }

    /// Plays the story and gives its outcome, however far it went.
    ///
    /// # Errors
    ///
    /// When it did not go as told; the error says where.
    pub async fn tell(&mut self) -> anyhow::Result<()> {
        self.tell_with(&Narrator::for_stdout()).await
    }

    async fn tell_with(&mut self, narrator: &Narrator) -> anyhow::Result<()> {
        let clouds = Clouds { first: self.cloud.control(), other: self.other.control() };
        Story::new(narrator, self.driver.clone(), Arc::clone(&self.host), clouds, &mut self.summary)
            .tell()
            .await
    }

    /// Outcome of the story so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (counters, other) = (self.cloud.control().counters(), self.other.control().counters());
        Summary {
            // The first of each maker is the sign-in.
            token_refreshes: counters.grants.saturating_sub(1) + other.jwt_issued.saturating_sub(1),
            upstream_calls: counters.requests + other.requests,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..self.summary.clone()
        }
    }

    /// Ends the host. The broker lives as long as the process.
    pub async fn strike(self) {
        self.serving.abort();
        self.host.stop().await;
    }
}

/// Plays the demo. Returns whether the story went as told.
///
/// # Errors
///
/// When something that the demo needs does not start, or what it tells cannot be shown.
pub async fn play(options: Options) -> anyhow::Result<bool> {
    let deadline = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let narrator = Narrator::for_stdout();
    let mut stage = Stage::set().await?;
    narrator.opening(
        stage.started.elapsed(),
        stage.config.mqtt.port,
        stage.plain_port,
        [&stage.cloud.base_url(), &stage.other.kamereon_url()],
    );

    // A user who wants it to end early still wants to know how it ends; it takes a few seconds.
    let told = tokio::select! {
        told = stage.tell_with(&narrator) => Some(told),
        _ = tokio::signal::ctrl_c() => None,
    };
    let summary = stage.summary();
    let went_as_told = match told {
        Some(Ok(())) => {
            narrator.closing(&summary);
            if deadline.is_none_or(|deadline| deadline > Instant::now()) {
                narrator.invitation(&stage.config.mqtt, stage.plain_port, options.seconds);
            }
            tokio::select! {
                () = at(deadline) => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            true
        }
        Some(Err(error)) => {
            narrator.failure(&format!("the story did not go as told: {error:#}"));
            false
        }
        None => {
            narrator.failure("interrupted before the story had ended");
            false
        }
    };
    stage.strike().await;
    if options.json {
        narrator.line(&serde_json::to_string(&summary)?);
    }
    narrator.was_heard()?;
    Ok(went_as_told)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
