//! The host: accounts and vehicles, and what happens to a command from the moment it arrives.
//!
//! Nothing here knows of MQTT connections: commands come in as topic and payload, and what there is to say goes
//! to an [`Publish`]. What is retained can be said again at any time, as after a reconnect.

mod announce;
pub(crate) mod attended;
mod choice;
mod commands;
mod course;
pub(crate) mod deliveries;
pub mod ledger;
mod leftovers;
mod messages;
mod plugins;
mod requests;
mod resume;
mod run;
mod settle;
mod vehicle_state;
mod vehicles;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Account, Shared, for_trial};
use crate::audit::Audit;
use crate::config::Config;
use crate::deployment::{self, Deployments, Refusal, restore_connector, restore_policy, restore_rollout};
use crate::events::{AboutState, Event, Events};
use crate::host::attended::Attended;
use crate::host::deliveries::Deliveries;
use crate::host::ledger::CommandLedger;
use crate::plugin::POLICY_SLOT;
use crate::plugin::slot::{Generation, Provenance};
use crate::plugin::{ActivationError, ConnectorPlugin, ConnectorSlot, PluginKind, Plugins, PolicySlot};
use crate::primitives::{HttpClient, Tap, Transport};
use crate::protect::circuit::Circuits;
use crate::sandbox::{Compiler, Sandbox};
use crate::store::{Store, StoreError};
use crate::time::Clock;
use crate::vehicle::Vehicle;
use crate::wire::publish::{Masking, Publish};
use crate::wire::topics::Topics;

pub use self::deliveries::Delivery;
pub use self::messages::{Refused, Request};

/// What a host stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The way to the broker.
    pub publisher: Arc<dyn Publish>,
    /// The way to the clouds; none means the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// Who is told what guests are given; usually nobody.
    pub tap: Option<Arc<dyn Tap>>,
    /// Where components are compiled that this program does not carry.
    pub compiler: Compiler,
}

impl Ground {
    /// Ground on which clouds are reached over the network and components are compiled in this process.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, publisher: Arc<dyn Publish>) -> Self {
        Self { store, clock, publisher, transport: None, tap: None, compiler: Compiler::in_process() }
    }

    /// The same with another way to the clouds.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// The same with components compiled there.
    #[must_use]
    pub fn with_compiler(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// The same with somebody who is told what guests are given.
    #[must_use]
    pub fn with_tap(self, tap: Arc<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }
}

/// Why a host did not start. Nothing runs when one of these is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This machine cannot run WebAssembly.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// This system cannot verify servers.
    #[error("the HTTP client does not start: {0}")]
    Http(#[from] reqwest::Error),
    /// The connector was not accepted.
    #[error("the connector {name}: {error}")]
    Connector {
        /// Its name in the configuration.
        name: String,
        /// Why.
        error: ActivationError,
    },
    /// The policy was not accepted.
    #[error("the policy: {0}")]
    Policy(ActivationError),
    /// A slot has not what the configuration allows there.
    #[error(transparent)]
    Pin(Refusal),
    /// A component that the configuration names was not accepted.
    #[error("the {kind} {file}: {error}")]
    Component {
        /// What it is for.
        kind: PluginKind,
        /// The file.
        file: String,
        /// Why.
        error: Refusal,
    },
    /// It could not be read.
    #[error("the {kind} {file} cannot be read: {error}")]
    ComponentFile {
        /// What it is for.
        kind: PluginKind,
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// What was stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running host.
#[derive(Debug)]
pub struct Host {
    /// The topic tree.
    pub topics: Topics,
    policy: Arc<PolicySlot>,
    connectors: BTreeMap<String, Arc<ConnectorSlot>>,
    accounts: BTreeMap<String, Arc<Account>>,
    vehicles: BTreeMap<String, Arc<Vehicle>>,
    clouds: Arc<Circuits>,
    deployments: Arc<Deployments>,
    /// Where messages can name components.
    folder: Option<PathBuf>,
    events: Events,
    /// Where messages about plugins wait for their turn.
    requests: requests::Queue,
    ledger: Arc<CommandLedger>,
    leftovers: leftovers::Leftovers,
    deliveries: Deliveries,
    background: TaskTracker,
    ground: Ground,
    started_at: Timestamp,
    /// Commands under way, so that stopping can wait for them.
    under_way: TaskTracker,
    /// Set when no new command is taken.
    closed: AtomicBool,
    /// Cancelled when open commands have to end now.
    stopping: CancellationToken,
}

/// The configuration's name for the connector that the host carries.
const HYUNDAI_KIA: &str = "hyundai-kia-eu";

/// How long commands and token refreshes under way may take to end when the host stops.
const GRACE: Duration = Duration::from_secs(3);

/// How long what came meanwhile may take to be answered.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Host {
    /// Loads the plugins and opens the accounts. What was active when the last host ended is active again, and what the
    /// configuration names takes its place if it is new. Commands that an earlier host has left without a result get one:
    /// what the cloud had taken is asked about, the others have ended. Makes no other request yet.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: &Config, ground: Ground) -> Result<Arc<Self>, StartError> {
        let sandbox = Sandbox::new().map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let sandbox = sandbox.with_compiler(ground.compiler.clone());
        let plugins = Plugins::embedded(sandbox).await.map_err(connector_failed)?;
        let host = Self::assemble(config, ground, &plugins, true).await?;
        host.offer_configured(config).await?;
        Ok(host)
    }

    /// Opens the accounts with plugins that are loaded already, whatever the configuration and the state say of plugins.
    /// Makes no request yet.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start_with(
        config: &Config,
        ground: Ground,
        plugins: &Plugins,
    ) -> Result<Arc<Self>, StartError> {
        Self::assemble(config, ground, plugins, false).await
    }

    async fn assemble(
        config: &Config,
        ground: Ground,
        plugins: &Plugins,
        restore: bool,
    ) -> Result<Arc<Self>, StartError> {
        let ground = Ground { publisher: Arc::new(Masking(Arc::clone(&ground.publisher))), ..ground };
        let topics = Topics::below(&config.mqtt.base_topic);
        let events =
            Events::on(topics.bridge_event(), Arc::clone(&ground.publisher), Arc::clone(&ground.clock));
        let attended = Attended::new(Arc::clone(&ground.store), events.clone());
        let ground = Ground { store: Arc::new(attended), ..ground };
        let Plugins { sandbox, connector: compiled, policy } = plugins;
        let sandbox = &sandbox.with_budgets(config.limits.policy, config.limits.connector);
        let transport = match &ground.transport {
            Some(transport) => Arc::clone(transport),
            None => Arc::new(HttpClient::new(&config.network)?),
        };
        let (trust, files) = (&config.plugins.trust, &config.plugins.files);
        let carried = || Provenance::new(ground.clock.now(), "carried by the program");
        let policy = policy.as_ref().unwrap_or(compiled);
        let policy =
            Arc::new(PolicySlot::open(sandbox, policy, carried()).await.map_err(StartError::Policy)?);
        if restore {
            let is_configured = files.contains_key(POLICY_SLOT);
            restore_policy(&policy, &ground.store, ground.clock.as_ref(), trust, is_configured).await?;
            let accounts = config.accounts.keys().map(|slug| slug.as_str());
            restore_rollout(&policy, &ground.store, trust, accounts).await?;
        }
        let (store, clock) = (Arc::clone(&ground.store), Arc::clone(&ground.clock));
        let clouds = Arc::new(Circuits::default());
        let shared = Shared {
            policy: Arc::clone(&policy),
            store: Arc::clone(&ground.store),
            clock: Arc::clone(&ground.clock),
            publisher: Arc::clone(&ground.publisher),
            transport,
            tap: ground.tap.clone(),
            clouds: Arc::clone(&clouds),
            clients: Arc::default(),
            topics: topics.clone(),
            events,
            audit: Arc::new(Audit::open(store, clock).await?),
            requests_per_operation: config.limits.requests_per_operation,
            background: TaskTracker::new(),
        };

        // One slot for each connector, however many accounts use it: a swap is for all of them.
        let mut connectors: BTreeMap<String, Arc<ConnectorSlot>> = BTreeMap::new();
        let mut accounts = BTreeMap::new();
        for (slug, account) in &config.accounts {
            let name = account.connector.as_str();
            let connector = match connectors.get(name) {
                Some(connector) => Arc::clone(connector),
                None => {
                    let opened = ConnectorSlot::open(sandbox, compiled, carried()).await;
                    let connector = Arc::new(opened.map_err(connector_failed)?);
                    connector.try_with(for_trial(slug.as_str(), account));
                    if restore {
                        let (store, clock) = (&ground.store, ground.clock.as_ref());
                        let is_configured = files.contains_key(name);
                        restore_connector(name, &connector, store, clock, trust, is_configured).await?;
                    }
                    connectors.insert(name.to_owned(), Arc::clone(&connector));
                    connector
                }
            };
            let prefix = topics.connector_prefix(slug.as_str());
            let account = Account::open(slug.as_str(), account, prefix, connector, shared.clone()).await?;
            accounts.insert(slug.to_string(), account);
        }
        let mut vehicles = BTreeMap::new();
        for (slug, vehicle) in &config.vehicles {
            // The configuration has made sure that the account exists.
            let Some(account) = accounts.get(vehicle.account.as_str()) else { continue };
            let vehicle = Vehicle::open(slug.as_str(), vehicle, Arc::clone(account)).await?;
            vehicles.insert(slug.to_string(), Arc::new(vehicle));
        }
        let footing = deployment::Ground {
            trust: trust.clone(),
            clock: Arc::clone(&ground.clock),
            events: shared.events.clone(),
        };
        let all = accounts.values().cloned().collect();
        let store = Arc::clone(&ground.store);
        let deployments = Deployments::open(&policy, &connectors, all, store, footing).await?;
        let (ledger, interrupted) =
            CommandLedger::open(Arc::clone(&ground.store), ground.clock.now()).await?;
        let leftovers =
            leftovers::Leftovers::open(&topics, vehicles.keys(), accounts.keys(), &ground.store).await?;
        let unpublished = ledger.unpublished().await?;
        let (requests, waiting) = requests::Queue::new();
        let host = Arc::new(Self {
            vehicles,
            connectors,
            accounts,
            clouds,
            policy,
            deployments,
            folder: config.plugins.folder.clone(),
            topics,
            requests,
            ledger: Arc::new(ledger),
            leftovers,
            deliveries: Deliveries::new(Arc::clone(&ground.store)),
            background: shared.background.clone(),
            events: shared.events.clone(),
            started_at: ground.clock.now(),
            ground,
            under_way: TaskTracker::new(),
            closed: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        });
        if let Some(decisions) = shared.audit.listen() {
            host.deployments.watch(decisions);
        }
        host.work_off(waiting);
        host.watch_plugins();
        host.watch_circuits();
        host.isolate_again().await?;
        host.say_again(&unpublished);
        host.resume(interrupted).await;
        Ok(host)
    }

    /// The policy's slot.
    #[must_use]
    pub fn policy(&self) -> &Arc<PolicySlot> {
        &self.policy
    }

    /// The active generations of the connectors, without keeping them: to see when their last users are gone.
    pub fn connectors_in_use(&self) -> impl Iterator<Item = Weak<Generation<ConnectorPlugin>>> {
        self.connectors.values().map(|connector| connector.active().weak())
    }

    /// Everything that changes a plugin.
    #[must_use]
    pub fn deployments(&self) -> &Arc<Deployments> {
        &self.deployments
    }

    /// The circuits: those of the clouds, then those of each account. No name is used twice. Whoever subscribes to the
    /// changes of the first is told of the changes of all.
    pub fn circuits(&self) -> impl Iterator<Item = &Circuits> {
        let accounts = self.accounts.values().map(|account| &account.circuits);
        std::iter::once(self.clouds.as_ref()).chain(accounts)
    }

    /// Says that of the state nothing was left.
    pub fn state_began_anew(&self) {
        let reason = "the database was empty: sessions, latches, counts and results are lost".to_owned();
        self.events.say(&Event::StateDamaged(AboutState { reason }));
    }

    /// Says that the state was taken away under the host, and takes no more commands: nobody could tell after a restart
    /// that they were done.
    pub fn state_lost(&self, what: &str) {
        self.closed.store(true, Ordering::Relaxed);
        self.events.say(&Event::StateLost(AboutState { reason: what.to_owned() }));
    }

    /// Takes no more commands and lets those under way end for a moment. Of the others, those that were not sent get the
    /// result `host_stopping`; what the cloud was sent stays written down and has its result from the next host on the same
    /// state, as after a crash.
    pub async fn stop(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.under_way.close();
        // No refresh begins any more: the machine may be gone before its token is stored.
        self.background.close();
        let until = Instant::now() + GRACE;
        if tokio::time::timeout_at(until, self.under_way.wait()).await.is_err() {
            self.stopping.cancel();
            self.under_way.wait().await;
        }
        // A refresh goes on when nobody waits for it any more, and its token may be the only one that is still good. It is
        // stored when it arrives; one that takes longer than this keeps nobody's machine from shutting down.
        if tokio::time::timeout_at(until, self.background.wait()).await.is_err() {
            tracing::warn!("a token refresh did not end in time; its result may be lost");
        }
    }

    /// Waits until what arrived while the host stopped is answered too, which takes a moment.
    pub async fn last_words(&self) {
        if tokio::time::timeout(LAST_WORDS, self.under_way.wait()).await.is_err() {
            tracing::warn!("not every command that came while the host stopped is answered");
        }
    }
}

/// About the one connector that there is, whichever name the configuration has for it.
fn connector_failed(error: ActivationError) -> StartError {
    StartError::Connector { name: HYUNDAI_KIA.to_owned(), error }
}
