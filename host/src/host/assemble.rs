//! The start of a host: its parts, in the order in which they need each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use super::announcer::Announcer;
use super::attended::Attended;
use super::circuit_desk::CircuitDesk;
use super::command_desk::CommandDesk;
use super::command_desk::deliveries::Deliveries;
use super::config_desk::{ConfigDesk, Configured};
use super::discovery_desk::DiscoveryDesk;
use super::environment::Environment;
use super::fleet::{Fleet, Members, Out};
use super::ledger::CommandLedger;
use super::leftovers::Leftovers;
use super::plugin_desk::PluginDesk;
use super::requests::{Queue, RequestDesk};
use super::shutdown::Shutdown;
use super::slots::{FromFile, Slots};
use super::start_error::StartError;
use super::vehicle_desk::VehicleDesk;
use super::{Host, command_desk};
use crate::account::{Account, Accounts, Clients};
use crate::audit::Audit;
use crate::config::Config;
use crate::deployment::{Deployments, Served};
use crate::events::Events;
use crate::metrics::Metrics;
use crate::plugin::Plugins;
use crate::primitives::HttpClient;
use crate::program_log::ProgramLog;
use crate::protect::circuit::Circuits;
use crate::services::Services;
use crate::store::StoreError;
use crate::vehicle::Vehicle;
use crate::wire::publish::Masking;
use crate::wire::topics::Topics;

/// Number of steps of commands that a slow follower may be behind.
const STEPS_WAITING: usize = 256;

/// Span of a host's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// It serves until it is stopped, and sees to everything that is due.
    Lasting,
    /// It is there for what one caller asks. What an earlier host has left is left to the next one.
    Brief,
}

/// Components that a host starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Components that were active when the last host ended.
    Restored,
    /// Components that the host is given, whatever the state says.
    Given,
}

/// Builds a host and lets it resume what an earlier one has left. Returns with it the components of files that
/// are yet to take the place of what the program carries.
pub(super) async fn assemble(
    config: &Config,
    environment: Environment,
    plugins: &Plugins,
    (begin, span): (Begin, Span),
) -> Result<(Arc<Host>, BTreeMap<String, FromFile>), StartError> {
    let (configured, program_log) = (environment.configured.clone(), environment.program_log.clone());
    let services = Arc::new(services(config, environment).await?);
    let slots = Slots::open(config, &services, plugins, begin).await?;
    let clouds = Arc::new(Circuits::default());
    let opening = Accounts {
        services: Arc::clone(&services),
        policy: Arc::clone(&slots.policy),
        clouds: Arc::clone(&clouds),
        clients: Clients::default(),
        requests_per_operation: config.limits.requests_per_operation,
    };
    let members = members(config, &opening, &slots).await?;
    let accounts = members.accounts.values().map(|account| served(account)).collect();
    let trust = config.plugins.trust.clone();
    let deployments =
        Deployments::open(&slots.policy, &slots.connectors, accounts, Arc::clone(&services), trust).await?;
    let (ledger, interrupted) =
        CommandLedger::open(Arc::clone(&services.store), services.clock.now()).await?;
    let leftovers = Leftovers::open(&services.topics, &members.names(), &services.store).await?;
    let unpublished = ledger.unpublished().await?;
    let (queue, waiting) = Queue::new();
    let fleet = Arc::new(Fleet::new(members));
    let discovery = Arc::new(DiscoveryDesk::open(config, &services, &fleet).await?);
    let parts = Parts {
        services,
        fleet,
        opening,
        deployments,
        clouds,
        ledger,
        leftovers: Arc::new(leftovers),
        discovery,
        queue,
        configured,
        program_log,
    };
    let host = Arc::new(parts.into_host(config));
    for (name, error) in &slots.out {
        host.plugins.connector_is_out(name, &error.to_string()).await;
    }
    if let Some(decisions) = host.services.audit.listen() {
        host.deployments.watch(decisions);
    }
    host.deployments.resume(slots.later);
    host.requests.work_off(waiting);
    host.plugins.watch();
    host.circuits.watch();
    host.circuits.isolate_again(&host.fleet.now(), &host.circuits.isolated().await?);
    match span {
        Span::Lasting => {
            host.discovery.watch();
            host.fleet.now().accounts.values().for_each(Account::keep);
            for (vehicle, report) in &unpublished {
                host.announcer.announce_result_again(vehicle, report);
            }
            command_desk::resume(&host.commands, interrupted).await;
        }
        Span::Brief => host.commands.put_aside(interrupted),
    }
    Ok((host, slots.news))
}

/// An account as deployments know it.
pub(super) fn served(account: &Account) -> Served {
    Served { connector: account.connector_name.clone(), context: Arc::clone(&account.context) }
}

/// Makes the services of what the embedding program gives and the configuration says.
async fn services(config: &Config, environment: Environment) -> Result<Services, StartError> {
    let Environment { store, clock, entropy, publisher, transport, tap, .. } = environment;
    let publisher = Arc::new(Masking(publisher));
    let topics = Topics::below(&config.mqtt.base_topic).with_legacy(config.legacy());
    let metrics = Arc::new(Metrics::default());
    let events = Events::on(
        topics.bridge_event(),
        Arc::clone(&publisher) as _,
        Arc::clone(&clock),
        Arc::clone(&metrics),
    );
    let store = Arc::new(Attended::new(store, events.clone()));
    let transport = match transport {
        Some(transport) => transport,
        None => Arc::new(HttpClient::new(&config.network)?),
    };
    let audit = Arc::new(Audit::open(Arc::clone(&store) as _, Arc::clone(&clock)).await?);
    let background = TaskTracker::new();
    Ok(Services {
        store,
        clock,
        entropy,
        publisher,
        transport,
        tap,
        topics,
        events,
        audit,
        metrics,
        background,
    })
}

/// Opens the accounts and vehicles of the configuration.
async fn members(config: &Config, opening: &Accounts, slots: &Slots) -> Result<Members, StoreError> {
    let (mut accounts, mut accounts_out) = (BTreeMap::new(), BTreeMap::new());
    for (slug, account) in &config.accounts {
        let name = account.connector.as_str();
        let Some(connector) = slots.connectors.get(name) else {
            let why = slots.out.get(name).map_or_else(String::new, ToString::to_string);
            accounts_out.insert(slug.to_string(), why);
            continue;
        };
        let account = opening.open(slug.as_str(), account, Arc::clone(connector)).await?;
        accounts.insert(slug.to_string(), account);
    }
    let (mut vehicles, mut vehicles_out) = (BTreeMap::new(), BTreeMap::new());
    let geofences: Arc<[_]> = config.geofences.as_slice().into();
    for (slug, vehicle) in &config.vehicles {
        // The configuration has made sure that the account exists; it is there, or it is out.
        let Some(account) = accounts.get(vehicle.account.as_str()) else {
            let why = accounts_out.get(vehicle.account.as_str()).cloned().unwrap_or_default();
            let (shows_location, has_geofences) = (vehicle.location, !geofences.is_empty());
            vehicles_out.insert(slug.to_string(), Out { why, shows_location, has_geofences });
            continue;
        };
        let (geofences, cars) = (Arc::clone(&geofences), config.read_by_themselves(&vehicle.account));
        let vehicle = Vehicle::open(slug.as_str(), vehicle, geofences, Arc::clone(account), cars).await?;
        vehicle.take_effect();
        vehicles.insert(slug.to_string(), Arc::new(vehicle));
    }
    Ok(Members { accounts, vehicles, accounts_out, vehicles_out })
}

/// Parts of which the desks of a host are made.
struct Parts {
    services: Arc<Services>,
    fleet: Arc<Fleet>,
    opening: Accounts,
    deployments: Arc<Deployments>,
    clouds: Arc<Circuits>,
    ledger: CommandLedger,
    leftovers: Arc<Leftovers>,
    discovery: Arc<DiscoveryDesk>,
    queue: Queue,
    configured: Option<Arc<dyn Configured>>,
    program_log: Option<Arc<dyn ProgramLog>>,
}

impl Parts {
    fn into_host(self, config: &Config) -> Host {
        let Self { services, fleet, deployments, clouds, ledger, leftovers, discovery, queue, .. } = self;
        let (ledger, shutdown) = (Arc::new(ledger), Arc::new(Shutdown::default()));
        let announcer = Arc::new(Announcer {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            ledger: Arc::clone(&ledger),
            steps: broadcast::Sender::new(STEPS_WAITING),
            discovery: Arc::clone(&discovery),
        });
        let vehicles = Arc::new(VehicleDesk {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            announcer: Arc::clone(&announcer),
        });
        let commands = CommandDesk {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            announcer: Arc::clone(&announcer),
            vehicles: Arc::clone(&vehicles),
            ledger,
            deliveries: Deliveries::new(Arc::clone(&services.store)),
            shutdown: Arc::clone(&shutdown),
            aside: Mutex::default(),
        };
        let commands = Arc::new(commands);
        let plugins = Arc::new(PluginDesk {
            announcer: Arc::clone(&announcer),
            deployments: Arc::clone(&deployments),
            folder: config.plugins.folder.clone(),
            install: config.plugins.install,
        });
        let circuits = Arc::new(CircuitDesk {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            deployments: Arc::clone(&deployments),
            clouds,
        });
        let reloads = Arc::new(ConfigDesk {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            opening: self.opening,
            deployments: Arc::clone(&deployments),
            announcer: Arc::clone(&announcer),
            circuits: Arc::clone(&circuits),
            discovery: Arc::clone(&discovery),
            leftovers: Arc::clone(&leftovers),
            configured: self.configured,
            program_log: self.program_log.clone(),
            geofences: config.geofences.as_slice().into(),
            effective: tokio::sync::Mutex::new(config.keys.clone()),
        });
        let requests = RequestDesk {
            services: Arc::clone(&services),
            fleet: Arc::clone(&fleet),
            announcer: Arc::clone(&announcer),
            plugins: Arc::clone(&plugins),
            circuits: Arc::clone(&circuits),
            commands: Arc::clone(&commands),
            discovery: Arc::clone(&discovery),
            reloads: Arc::clone(&reloads),
            program_log: self.program_log,
            queue,
            shutdown: Arc::clone(&shutdown),
        };
        Host {
            started_at: services.clock.now(),
            started: services.clock.monotonic(),
            services,
            fleet,
            deployments,
            announcer,
            commands,
            vehicles,
            plugins,
            circuits,
            discovery,
            reloads,
            requests: Arc::new(requests),
            leftovers,
            shutdown,
            protocol: parking_lot::Mutex::default(),
        }
    }
}
