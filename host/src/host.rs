//! The host: accounts and vehicles, and what happens to a command from the moment it arrives.
//!
//! A host knows nothing of MQTT connections: commands come in as topic and payload, and messages go out to a
//! [`Publish`](crate::wire::publish::Publish). What is retained can be published again at any time, as after
//! a reconnect.
//!
//! # Layout
//!
//! `assemble`: the start; `slots`: the components that it begins with. `intake`: the way in for messages. `command_desk`: a command from its arrival to
//! its result, with `run`, which does it, and `ledger`, which remembers it. `vehicle_desk`: finding and
//! reading vehicles. `config_desk`: reloads of the configuration, which exchange the `fleet`. `discovery_desk`: what
//! Home Assistant is told. `requests`: what operators ask for, of `plugin_desk`, `circuit_desk`, `config_desk`,
//! `discovery_desk` and accounts. `announcer`: what is published. `vitals`: how the host is. `shutdown`: the end.

mod announcer;
mod assemble;
pub(crate) mod attended;
mod circuit_desk;
mod command_desk;
mod config_desk;
mod discovery_desk;
mod environment;
mod fleet;
mod handle;
mod intake;
pub mod ledger;
mod leftovers;
mod messages;
mod plugin_desk;
mod requests;
mod run;
mod shutdown;
mod slots;
mod start_error;
mod vehicle_desk;
mod vitals;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::announcer::Announcer;
use self::assemble::{Begin, Span, assemble};
use self::circuit_desk::CircuitDesk;
use self::command_desk::CommandDesk;
use self::config_desk::ConfigDesk;
use self::discovery_desk::DiscoveryDesk;
use self::fleet::Fleet;
use self::leftovers::Leftovers;
use self::plugin_desk::PluginDesk;
use self::requests::{Caller, RequestDesk};
use self::shutdown::Shutdown;
use self::vehicle_desk::{VehicleDesk, settle};
use crate::account::{Prospect, Rehearsed};
use crate::command::Command;
use crate::config::Config;
use crate::deployment::Deployments;
use crate::events::{AboutState, Event};
use crate::folder::{Folder, FolderError};
use crate::plugin::{Plugins, PolicySlot};
use crate::protect::circuit::Circuits;
use crate::sandbox::Sandbox;
use crate::services::Services;
use crate::wire::report::PolicyUsed;
use crate::wire::topics::Topics;

pub use self::command_desk::deliveries::Delivery;
pub use self::config_desk::{Configured, NotReloaded, Reloaded};
pub use self::environment::Environment;
pub use self::handle::{Handle, Unfinished};
pub use self::messages::{Refused, Request};
pub use self::start_error::StartError;
pub use self::vitals::Readiness;

/// A running host.
#[derive(Debug)]
pub struct Host {
    services: Arc<Services>,
    fleet: Arc<Fleet>,
    deployments: Arc<Deployments>,
    announcer: Arc<Announcer>,
    commands: Arc<CommandDesk>,
    vehicles: Arc<VehicleDesk>,
    plugins: Arc<PluginDesk>,
    circuits: Arc<CircuitDesk>,
    reloads: Arc<ConfigDesk>,
    discovery: Arc<DiscoveryDesk>,
    requests: Arc<RequestDesk>,
    leftovers: Arc<Leftovers>,
    shutdown: Arc<Shutdown>,
    started_at: Timestamp,
    /// Time of its start on the monotonic clock.
    started: Duration,
    /// Version of the protocol that the broker speaks, as it was told last.
    protocol: Mutex<String>,
}

impl Host {
    /// Starts a host: loads the plugins and opens the accounts. What was active when the last host ended is
    /// active again, and what the configuration names takes its place if it is new. A connector that cannot begin
    /// keeps its own accounts from being served; it is an error only if no account is left. Commands that an earlier
    /// host has left without a result get one: what the cloud had taken is asked about, the others have
    /// ended. Makes no other request yet.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: &Config, environment: Environment) -> Result<Arc<Self>, StartError> {
        Self::start_for(Span::Lasting, config, environment).await
    }

    /// Starts a host for what one caller asks, and no longer. Commands that an earlier host has left are left to
    /// the next one, but for those that the caller asks for by their identifiers; neither do questions end nor
    /// tokens get kept alive that nothing is asked with.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    #[doc(hidden)]
    pub async fn start_briefly(config: &Config, environment: Environment) -> Result<Arc<Self>, StartError> {
        Self::start_for(Span::Brief, config, environment).await
    }

    async fn start_for(
        span: Span,
        config: &Config,
        environment: Environment,
    ) -> Result<Arc<Self>, StartError> {
        let sandbox = Sandbox::new()?.with_compiler(environment.compiler.clone());
        let configured = |name: &str| config.accounts.values().any(|account| account.connector == name);
        let plugins = Plugins::embedded_for(sandbox, configured).await.map_err(StartError::Carried)?;
        let (host, news) = assemble(config, environment, &plugins, (Begin::Restored, span)).await?;
        host.plugins.offer_configured(config, news).await?;
        Ok(host)
    }

    /// Starts a host with plugins that are loaded already, whatever the configuration and the state say of
    /// plugins. Makes no request yet.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    #[doc(hidden)]
    pub async fn start_with(
        config: &Config,
        environment: Environment,
        plugins: &Plugins,
    ) -> Result<Arc<Self>, StartError> {
        Ok(assemble(config, environment, plugins, (Begin::Given, Span::Lasting)).await?.0)
    }

    /// The topic tree.
    #[doc(hidden)]
    #[must_use]
    pub fn topics(&self) -> &Topics {
        &self.services.topics
    }

    /// Whether the configuration has a vehicle of this name.
    #[must_use]
    pub fn has_vehicle(&self, slug: &str) -> bool {
        self.fleet.vehicle(slug).is_some()
    }

    /// Returns the slot of the policy.
    #[must_use]
    pub fn policy(&self) -> &Arc<PolicySlot> {
        self.deployments.policy()
    }

    /// The policy that an operation beginning now would use.
    #[must_use]
    pub fn policy_used(&self) -> PolicyUsed {
        (&self.policy().active()).into()
    }

    /// Returns the deployments, which make every change of a plugin.
    #[must_use]
    pub fn deployments(&self) -> &Arc<Deployments> {
        &self.deployments
    }

    /// The circuits: those of the clouds, then those of each account. No name is used twice. A subscriber to
    /// the changes of the first is told of the changes of all.
    #[doc(hidden)]
    pub fn circuits(&self) -> impl Iterator<Item = Arc<Circuits>> + use<> {
        self.circuits.circuits()
    }

    /// Takes what is moved into the watched folder, until the returned folder is dropped; none if the
    /// configuration has no such folder. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the folder cannot be watched.
    #[doc(hidden)]
    pub fn watch_folder(&self) -> Result<Option<Folder>, FolderError> {
        self.plugins.watch_folder()
    }

    /// Finds and reads every vehicle, as soon as it can be, checks every day whether they are still there, and
    /// reads them again as the configuration says. Does not return.
    pub async fn settle_in(&self) {
        settle::settle_in(&self.vehicles).await;
    }

    /// Rehearses the sign-in of an account: see [`rehearse_sign_in`](crate::account::Account::rehearse_sign_in). For a host on a store that forgets.
    ///
    /// # Errors
    ///
    /// When there is no such account, or it is not served.
    #[doc(hidden)]
    pub async fn rehearse_sign_in(&self, account: &str, told: Option<Prospect>) -> Result<Rehearsed, String> {
        let members = self.fleet.now();
        if let Some(why) = members.accounts_out.get(account) {
            return Err(format!("the account {account:?} is not served: {why}"));
        }
        let account = requests::known(&members, account)?;
        Ok(account.rehearse_sign_in(told).await)
    }

    /// Looks once for every vehicle that was not found yet, for a caller that has to wait for that;
    /// [`Host::settle_in`] looks until they are found. Returns whether all are.
    pub async fn find_vehicles(&self) -> bool {
        self.vehicles.find_vehicles().await
    }

    /// Commands a vehicle. Returns as soon as the command is written down and has its place in the vehicle's
    /// queue, or its result if it is not done. A call that begins after another one has returned is the later
    /// command. Dropping the future does not take the command back. Its reports are published too, as those
    /// of any command.
    pub async fn command(&self, vehicle: &str, command: impl Into<Command>) -> Handle {
        self.commands.command(vehicle, command.into()).await
    }

    /// Reads the configuration again from where the environment has it, and lets take effect what can while the
    /// host runs. `by` names the requester, for the record.
    ///
    /// # Errors
    ///
    /// See [`NotReloaded`]. Nothing has changed then.
    pub async fn reload(&self, by: &str) -> Result<Reloaded, NotReloaded> {
        self.reloads.reload(by).await
    }

    /// Lets a configuration take effect, as [`Host::reload`] does.
    ///
    /// # Errors
    ///
    /// See [`NotReloaded`]. Nothing has changed then.
    pub async fn reconfigure(&self, config: &Config, by: &str) -> Result<Reloaded, NotReloaded> {
        self.reloads.take(config, by).await
    }

    /// Does what an operator asks for, by whichever way the request came in, and returns the answer:
    /// `{"status":"ok"|"error","data":…,"error":…,"transaction":…}`. `by` names the requester, for the
    /// record.
    pub async fn request(&self, verb: &str, payload: &[u8], by: &str) -> Value {
        self.requests.request(verb, payload, Caller::Program { by, steps: None }).await
    }

    /// Does the same, and tells meanwhile how far it is: reports of commands, before the last one, which is the
    /// answer. What there is no room for is not told.
    #[doc(hidden)]
    pub async fn request_in_steps(
        &self,
        verb: &str,
        payload: &[u8],
        by: &str,
        steps: &mpsc::Sender<Value>,
    ) -> Value {
        self.requests.request(verb, payload, Caller::Program { by, steps: Some(steps) }).await
    }

    /// Publishes again everything that a broker should have retained. Call [`Host::online`] after it.
    pub fn announce(&self, protocol: &str) {
        *self.protocol.lock() = protocol.to_owned();
        self.announce_again();
    }

    /// Publishes everything that is retained, Home Assistant's documents first: what is retained of a vehicle that is
    /// gone is not cleared before the entities that show it.
    fn announce_again(&self) {
        self.discovery.announce();
        self.leftovers.clear(self.services.publisher.as_ref());
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.started_at,
            "mqtt": {"protocol": *self.protocol.lock()},
            "plugins": self.plugins.connectors_in_short(),
        });
        self.announcer.publish_retained(self.topics().bridge_info(), &info);
        self.plugins.announce_policy();
        self.plugins.announce_connectors();
        self.announcer.announce_fleet();
        self.announce_health();
    }

    /// Topic on which Home Assistant says that it has started; none if it is told nothing.
    #[doc(hidden)]
    #[must_use]
    pub fn birth_topic(&self) -> Option<&str> {
        self.discovery.birth_topic()
    }

    /// Takes what Home Assistant says of itself. Some time after it has started, everything is published again: it has
    /// forgotten what was not retained, and has subscribed to nothing before. Must be called within a tokio runtime.
    #[doc(hidden)]
    pub fn take_birth(self: &Arc<Self>, payload: &[u8]) {
        let Some(after) = self.discovery.take_birth(payload) else { return };
        let host = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some(host) = host.upgrade() else { return };
            host.discovery.begin_again();
            host.announce_again();
        });
    }

    /// Publishes that the host runs.
    pub fn online(&self) {
        self.announcer.announce_bridge("online");
    }

    /// Publishes that the host does not run any more. How it was is retained no longer.
    pub fn offline(&self) {
        self.announcer.clear_retained(&self.topics().bridge_health());
        self.announcer.announce_bridge("offline");
    }

    /// Publishes that nothing was left of the state.
    pub fn state_began_anew(&self) {
        let reason = "the database was empty: sessions, latches, counts and results are lost".to_owned();
        self.services.events.say(&Event::StateDamaged(AboutState { reason }));
    }

    /// Publishes that the state was taken away under the host, and takes no more commands: after a restart no
    /// host could tell that they were done.
    pub fn state_lost(&self, what: &str) {
        self.shutdown.close();
        self.services.events.say(&Event::StateLost(AboutState { reason: what.to_owned() }));
    }

    /// Stops the host: takes no more commands and lets those under way end for a moment. Of the others, those
    /// that were not sent get the result `host_stopping`; what the cloud was sent stays written down and has
    /// its result from the next host on the same state, as after a crash.
    pub async fn stop(&self) {
        self.shutdown.complete(&self.services.background).await;
    }

    /// Waits until what arrived while the host stopped is answered too, which takes a moment.
    pub async fn last_words(&self) {
        self.shutdown.last_words().await;
    }
}
