//! Reloads of the configuration: what is written in the file takes effect while the host runs, as far as it can.
//!
//! # Guarantees
//!
//! * A file that is wrong changes nothing, and the answer says what `check-config` says.
//! * What takes effect does so at once: whoever asks the host sees all of it or nothing of it. A command, a read
//!   or a sign-in that has begun ends with the configuration that it began with.
//! * An account that is configured anew begins as after a start: other credentials lift what the earlier ones
//!   had latched, and its session is not theirs. While a session is being asked for, that is waited for, and if
//!   it takes too long the reload is refused and has changed nothing.
//! * What does not take effect is named, and stays as it was altogether.

mod plan;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::plan::{Plan, Served, Step};
use super::announcer::Announcer;
use super::assemble::served;
use super::circuit_desk::CircuitDesk;
use super::discovery_desk::DiscoveryDesk;
use super::fleet::{Fleet, Members};
use super::leftovers::Leftovers;
use super::requests::{BY_MESSAGE, parsed};
use crate::account::{Account, Accounts, Opened};
use crate::cell::CellGuard;
use crate::config::{Config, ConfigError, Geofence, Keys, Problem};
use crate::deployment::Deployments;
use crate::events::{AboutReload, Event};
use crate::primitives::SESSION;
use crate::program_log::ProgramLog;
use crate::services::Services;
use crate::store::{StoreError, Write};
use crate::vehicle::Vehicle;

/// Time for sessions that are being asked for to be there, before a reload that concerns them is refused.
const SIGNING_IN: Duration = Duration::from_secs(20);

/// Where the configuration is read again.
pub trait Configured: fmt::Debug + Send + Sync {
    /// Returns the name of the file, for messages about its lines; none if there is no file.
    fn name(&self) -> Option<String> {
        None
    }

    /// Reads the configuration. May wait for the disk.
    ///
    /// # Errors
    ///
    /// See [`ConfigError`].
    fn read(&self) -> Result<Config, ConfigError>;

    /// Writes a backup of the state and the configuration to a file that does not exist. Returns what is in it.
    ///
    /// # Errors
    ///
    /// Why there is none; then the file does not exist.
    fn back_up(&self, file: &std::path::Path) -> Result<Value, String>;
}

/// What a reload has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Keys that say something else than before and have taken effect, with the tables around them.
    pub changed: Vec<String>,
    /// Keys that say something else than before and take effect at the next start.
    pub restart_needed: Vec<String>,
    /// What is possible and hardly meant.
    pub warnings: Vec<String>,
}

/// Reason why a reload has changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReloaded {
    /// The file is wrong.
    #[error("{0}")]
    Wrong(#[from] ConfigError),
    /// The embedding program has no file.
    #[error("this host was not started from a file, so there is none to read again; restart it")]
    NoFile,
    /// A session is being asked for with the credentials that there are.
    #[error("the account {0:?} is signing in at this moment; reload again when that has ended")]
    SigningIn(String),
    /// The store failed.
    #[error("the state cannot be read or written: {0}")]
    Store(#[from] StoreError),
    /// The host ends.
    #[error("the host is stopping")]
    Stopping,
}

/// Reloads the configuration.
#[derive(Debug)]
pub(super) struct ConfigDesk {
    pub(super) services: Arc<Services>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) opening: Accounts,
    pub(super) deployments: Arc<Deployments>,
    pub(super) announcer: Arc<Announcer>,
    pub(super) circuits: Arc<CircuitDesk>,
    pub(super) discovery: Arc<DiscoveryDesk>,
    pub(super) leftovers: Arc<Leftovers>,
    pub(super) configured: Option<Arc<dyn Configured>>,
    pub(super) program_log: Option<Arc<dyn ProgramLog>>,
    /// Circles on earth that are in effect. Others need a restart.
    pub(super) geofences: Arc<[Geofence]>,
    /// What every key says that has taken effect, or did at the start. One reload at a time.
    pub(super) effective: tokio::sync::Mutex<Keys>,
}

/// Payload of a request that needs no more than its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// File for a backup.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackUp {
    file: std::path::PathBuf,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

/// What takes the place of what is served now.
struct Next {
    members: Members,
    /// Accounts that another one takes the place of, or none, and the right to ask for their sessions.
    retiring: Vec<(Arc<Account>, Option<CellGuard>)>,
    begun: Vec<Arc<Account>>,
    /// What the store is told before.
    writes: Vec<Write>,
    /// Circuits that an operator isolated.
    isolated: Vec<String>,
}

impl ConfigDesk {
    /// Does what a request asks for; none if there is no such request.
    pub(super) async fn about(&self, what: &str, payload: &[u8], by: &str) -> Option<Result<Value, String>> {
        if what != "reload" {
            return None;
        }
        if let Err(error) = parsed::<Nothing>(payload, "config/reload takes {}") {
            return Some(Err(error));
        }
        Some(self.reload(by).await.map(|done| json!(done)).map_err(|error| error.to_string()))
    }

    /// Has a backup written for a program of this machine. A message is refused: it would fill a disk, or put
    /// the tokens of every account into a place of its own choice.
    pub(super) async fn back_up(&self, payload: &[u8], by: &str) -> Result<Value, String> {
        if by == BY_MESSAGE {
            return Err("a backup is written for the control socket only (`vehicle-connector backup FILE`)"
                .to_owned());
        }
        let BackUp { file, .. } = parsed(payload, "state/backup takes {\"file\":\"/path/to/file\"}")?;
        let none =
            || "this host was not started from a file, so it does not know what belongs to it".to_owned();
        let configured = self.configured.clone().ok_or_else(none)?;
        let writing = tokio::task::spawn_blocking(move || configured.back_up(&file)).await;
        writing.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Reads the configuration again and lets it take effect.
    pub(super) async fn reload(&self, by: &str) -> Result<Reloaded, NotReloaded> {
        let configured = self.configured.clone().ok_or(NotReloaded::NoFile)?;
        // Before the file is read: of two reloads the later one has the later file.
        let mut effective = self.effective.lock().await;
        let reading = tokio::task::spawn_blocking(move || configured.read()).await;
        let reloaded = match reading {
            Ok(Ok(config)) => self.take_in(&mut effective, &config, by).await,
            Ok(Err(wrong)) => Err(wrong.into()),
            // Only a runtime that shuts down ends it.
            Err(_ended) => Err(NotReloaded::Stopping),
        };
        match &reloaded {
            Ok(Reloaded { changed, restart_needed, .. }) => {
                tracing::info!(by, ?changed, ?restart_needed, "configuration reloaded");
            }
            Err(error) => tracing::error!(by, "the configuration stays as it was: {error}"),
        }
        reloaded
    }

    /// Lets a configuration take effect.
    pub(super) async fn take(&self, config: &Config, by: &str) -> Result<Reloaded, NotReloaded> {
        let mut effective = self.effective.lock().await;
        self.take_in(&mut effective, config, by).await
    }

    async fn take_in(
        &self,
        effective: &mut Keys,
        config: &Config,
        by: &str,
    ) -> Result<Reloaded, NotReloaded> {
        if self.services.background.is_closed() {
            return Err(NotReloaded::Stopping);
        }
        let now = self.fleet.now();
        let plan = Plan::of(&self.served(effective, &now), config);
        let mut warnings: Vec<String> =
            config.warnings.iter().map(|warning| self.with_its_file(warning)).collect();
        let mut next = self.next(&plan, config, &now).await?;
        let writes = std::mem::take(&mut next.writes);
        if !writes.is_empty() {
            // All of them or none: a reload that is refused has changed nothing.
            self.services.store.commit(writes).await?;
        }
        // Nothing below can fail.
        // Whether it says the same as before or not: a request may have changed it meanwhile.
        if let Some(program_log) = &self.program_log
            && let Err(error) = program_log.set_level(config.log.level)
            && plan.level
        {
            warnings.push(format!("log.level: {error}"));
        }
        if plan.signatures {
            self.deployments.require(&config.plugins.trust);
        }
        if !plan.accounts.is_empty() || !plan.vehicles.is_empty() {
            self.exchange(&plan, config, next).await;
        }
        plan.changed.iter().for_each(|key| effective.take(key, &config.keys));
        let named = |keys: &BTreeSet<_>| keys.iter().map(ToString::to_string).collect();
        let (changed, restart_needed) = (named(&plan.changed), named(&plan.restart_needed));
        let reloaded = Reloaded { changed, restart_needed, warnings };
        self.services.events.say(&Event::ConfigReloaded(AboutReload {
            by: by.to_owned(),
            changed: reloaded.changed.clone(),
            restart_needed: reloaded.restart_needed.clone(),
        }));
        Ok(reloaded)
    }

    fn with_its_file(&self, problem: &Problem) -> String {
        match self.configured.as_ref().and_then(|configured| configured.name()) {
            Some(file) => format!("{file}:{problem}"),
            None => problem.to_string(),
        }
    }

    fn served<'s>(&self, keys: &'s Keys, now: &Members) -> Served<'s> {
        let accounts = now.accounts.iter();
        let vehicles = now.vehicles.iter();
        Served {
            keys,
            connectors: self.deployments.connectors().keys().cloned().collect(),
            accounts: accounts
                .map(|(slug, account)| (slug.clone(), account.connector_name.clone()))
                .collect(),
            vehicles: vehicles.map(|(slug, vehicle)| (slug.clone(), vehicle.account.slug.clone())).collect(),
            out: now.accounts_out.keys().chain(now.vehicles_out.keys()).cloned().collect(),
        }
    }

    /// Opens what takes the place of what there is.
    async fn next(&self, plan: &Plan, config: &Config, now: &Members) -> Result<Next, NotReloaded> {
        let mut next = Next {
            members: now.clone(),
            retiring: Vec::new(),
            begun: Vec::new(),
            writes: Vec::new(),
            isolated: Vec::new(),
        };
        for slug in plan.accounts.keys() {
            if let Some(account) = now.accounts.get(slug) {
                next.retiring.push((Arc::clone(account), session_of(account).await?));
            }
        }
        for (slug, step) in &plan.accounts {
            let wanted = config.accounts.get(slug.as_str()).filter(|_| *step != Step::Remove);
            let Some(wanted) = wanted else {
                next.members.accounts.remove(slug);
                continue;
            };
            // The plan has made sure that its slot is there.
            let Some(slot) = self.deployments.connectors().get(&wanted.connector).cloned() else { continue };
            let before = now.accounts.get(slug).map(AsRef::as_ref);
            let Opened { account, writes } = self.opening.open_after(slug, wanted, slot, before).await?;
            next.writes.extend(writes);
            next.members.accounts.insert(slug.clone(), Arc::clone(&account));
            next.begun.push(account);
        }
        self.next_vehicles(plan, config, now, &mut next.members).await?;
        next.isolated = self.circuits.isolated().await?;
        Ok(next)
    }

    async fn next_vehicles(
        &self,
        plan: &Plan,
        config: &Config,
        now: &Members,
        next: &mut Members,
    ) -> Result<(), StoreError> {
        for (slug, before) in &now.vehicles {
            // As it was, of the account that takes the place of its own.
            let account = next.accounts.get(&before.account.slug);
            let account = account.filter(|account| !Arc::ptr_eq(account, &before.account));
            if let Some(vehicle) =
                account.and_then(|account| before.configured_anew(&before.configured, account))
            {
                next.vehicles.insert(slug.clone(), Arc::new(vehicle));
            }
        }
        for (slug, step) in &plan.vehicles {
            let wanted = config.vehicles.get(slug.as_str()).filter(|_| *step != Step::Remove);
            let Some(wanted) = wanted else {
                next.vehicles.remove(slug);
                continue;
            };
            // The plan has made sure that it is there.
            let Some(account) = next.accounts.get(wanted.account.as_str()) else { continue };
            let before = now.vehicles.get(slug);
            let vehicle = match before.and_then(|before| before.configured_anew(wanted, account)) {
                Some(vehicle) => vehicle,
                None => {
                    let (geofences, cars) =
                        (Arc::clone(&self.geofences), config.read_by_themselves(&wanted.account));
                    Vehicle::open(slug, wanted, geofences, Arc::clone(account), cars).await?
                }
            };
            next.vehicles.insert(slug.clone(), Arc::new(vehicle));
        }
        Ok(())
    }

    /// Puts what was opened in the place of what there is, and tells everybody.
    async fn exchange(&self, plan: &Plan, config: &Config, next: Next) {
        let Next { members, retiring, begun, isolated, .. } = next;
        for (account, _) in &retiring {
            account.retire();
        }
        let before = self.fleet.now();
        // Before anything passes the circuits of accounts that are new.
        self.circuits.isolate_again(&members, &isolated);
        self.fleet.exchange(members);
        // Whoever waits for a session of an account that is no more may find out now.
        drop(retiring);
        let now = self.fleet.now();
        self.end_vehicles(&before, &now);
        take_effect(config, &before, &now);
        begun.iter().for_each(Account::keep);
        self.deployments.serve(now.accounts.values().map(|account| served(account)).collect());
        if let (Some(legacy), Some(wanted)) = (self.services.topics.legacy(), config.legacy()) {
            legacy.take_of(&wanted, plan.vehicles.keys());
        }
        let compared =
            self.leftovers.compare(&self.services.topics, &now.names(), &self.services.store).await;
        if let Err(error) = compared {
            tracing::error!("what the broker has kept of what is gone is cleared at the next start: {error}");
        }
        // The entities of a vehicle go before what they show.
        self.discovery.take(config, plan.accounts.keys()).await;
        self.leftovers.clear(self.services.publisher.as_ref());
        self.announcer.announce_fleet();
        let (accounts, vehicles) = (plan.accounts.len(), plan.vehicles.len());
        tracing::info!(accounts, vehicles, "accounts and vehicles are configured anew");
    }

    /// Ends the vehicles that are no more, and clears what the broker has of those whose place another car may have.
    fn end_vehicles(&self, before: &Members, now: &Members) {
        for (slug, earlier) in &before.vehicles {
            match now.vehicles.get(slug) {
                Some(vehicle) if vehicle.is_same(earlier) => {}
                Some(vehicle) => self.announcer.succeed(earlier, vehicle),
                None => drop(earlier.end()),
            }
        }
    }
}

/// Waits until no session of an account is being asked for, and keeps that so.
async fn session_of(account: &Arc<Account>) -> Result<Option<CellGuard>, NotReloaded> {
    let Some(slot) = account.context.cells.slot(SESSION) else { return Ok(None) };
    let guard = tokio::time::timeout(SIGNING_IN, slot.acquire()).await;
    guard.map(Some).map_err(|_elapsed| NotReloaded::SigningIn(account.slug.clone()))
}

/// Lets limits and descriptions take effect that accounts and vehicles share with those before them.
fn take_effect(config: &Config, before: &Members, now: &Members) {
    for (slug, account) in &now.accounts {
        let same = before.accounts.get(slug).is_some_and(|before| Arc::ptr_eq(before, account));
        if let Some(wanted) = config.accounts.get(slug.as_str()).filter(|_| !same) {
            account.take_effect(wanted);
        }
    }
    for (slug, vehicle) in &now.vehicles {
        let earlier = before.vehicles.get(slug);
        let same = earlier.is_some_and(|before| Arc::ptr_eq(before, vehicle));
        if same {
            continue;
        }
        vehicle.take_effect();
        if earlier.is_some_and(|before| !Arc::ptr_eq(&before.account, &vehicle.account)) {
            vehicle.look_again();
        }
    }
}
