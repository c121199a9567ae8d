//! What is known of the bridge, the accounts and the vehicles, as documents of discovery need it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::config::{self, Config};
use crate::descriptor::{SecretClass, Takes};
use crate::homeassistant::{AccountFacts, BridgeFacts, Device, VehicleFacts, node};
use crate::host::fleet::Fleet;
use crate::redact::mask_known_vins;
use crate::services::Services;
use crate::vehicle::{Capability, Vehicle};

/// An account, as the configuration has it. It is told of also while it is not served: its state says why.
#[derive(Debug)]
struct Configured {
    connector: String,
    brand: String,
    asks: bool,
    has_quota: bool,
    takes: Arc<Takes>,
}

impl Configured {
    fn of(account: &config::Account) -> Self {
        let mut classes = account.grant.secrets.values().map(|rule| rule.class);
        Self {
            connector: account.connector.clone(),
            brand: account.brand.clone(),
            asks: classes.any(|class| class == SecretClass::OneTimeCode),
            has_quota: account.quota_per_day.is_some(),
            takes: Arc::clone(&account.takes),
        }
    }
}

/// Sources of what is known.
#[derive(Debug)]
pub(super) struct Facts {
    services: Arc<Services>,
    fleet: Arc<Fleet>,
    /// Beginning of all identifiers.
    node: String,
    accounts: RwLock<BTreeMap<String, Configured>>,
    /// Connectors of the accounts. Those that could not begin are among them: their slots come back.
    connectors: Vec<String>,
}

impl Facts {
    pub(super) fn new(config: &Config, services: &Arc<Services>, fleet: &Arc<Fleet>) -> Self {
        let connectors: BTreeSet<String> =
            config.accounts.values().map(|account| account.connector.clone()).collect();
        let accounts = config.accounts.iter();
        Self {
            services: Arc::clone(services),
            fleet: Arc::clone(fleet),
            node: node(&config.mqtt.base_topic),
            accounts: RwLock::new(
                accounts.map(|(slug, account)| (slug.to_string(), Configured::of(account))).collect(),
            ),
            connectors: connectors.into_iter().collect(),
        }
    }

    /// Takes what another configuration says of these accounts.
    pub(super) fn take<'a>(&self, config: &Config, slugs: impl Iterator<Item = &'a String>) {
        let mut accounts = self.accounts.write();
        for slug in slugs {
            match config.accounts.get(slug.as_str()) {
                Some(account) => drop(accounts.insert(slug.clone(), Configured::of(account))),
                None => drop(accounts.remove(slug)),
            }
        }
    }

    /// Identifiers of the vehicles that are configured, also of those of which nothing is known at the moment, because
    /// they are not served or not found yet.
    pub(super) fn configured(&self) -> Vec<String> {
        let names = self.fleet.now().names();
        names.vehicles.iter().map(|slug| VehicleFacts::id(&self.node, slug)).collect()
    }

    /// Describes everything that there is.
    pub(super) fn devices(&self) -> Vec<Device> {
        let (node, connectors, topics) = (&self.node, &self.connectors, &self.services.topics);
        let mut devices = vec![BridgeFacts { node, connectors }.device(topics)];
        for (slug, account) in self.accounts.read().iter() {
            let Configured { connector, brand, asks, has_quota, .. } = account;
            let (asks, has_quota) = (*asks, *has_quota);
            devices.push(AccountFacts { node, slug, connector, brand, asks, has_quota }.device(topics));
        }
        devices.extend(self.fleet.now().vehicles.keys().filter_map(|slug| self.vehicle(slug)));
        devices
    }

    /// Describes a vehicle; none of which nothing is known yet.
    pub(super) fn vehicle(&self, slug: &str) -> Option<Device> {
        let vehicle = self.fleet.vehicle(slug)?;
        let accounts = self.accounts.read();
        let account = accounts.get(&vehicle.account.slug)?;
        let memory = vehicle.memory();
        let offered = &memory.known.offered;
        let listed = offered.operations();
        let values: BTreeSet<String> = memory.known.paths().map(str::to_owned).collect();
        if listed.is_empty() && values.is_empty() && memory.missing.is_none() {
            return None;
        }
        if is_number(&vehicle) {
            return None;
        }
        let has = |name: &_| vehicle.capability(&memory, &listed, *name) == Capability::Has;
        let facts = VehicleFacts {
            node: &self.node,
            slug,
            name: Some(offered.name.as_str()),
            model: Some(offered.model.as_str()),
            brand: &account.brand,
            operations: vehicle.commandable().filter(has).collect(),
            values,
            has_location: vehicle.shows_location() && memory.known.location().is_some(),
            takes: &account.takes,
        };
        Some(facts.device(&self.services.topics))
    }
}

/// Whether a vehicle is named by what turned out to be its identification number. That is masked in everything that is
/// published, so a document about it would name topics that do not exist.
fn is_number(vehicle: &Vehicle) -> bool {
    let is_number = mask_known_vins(&vehicle.slug) != vehicle.slug;
    if is_number {
        tracing::error!(
            "[vehicle.{}] is named by its VIN, so Home Assistant is not told of it; name it otherwise",
            mask_known_vins(&vehicle.slug)
        );
    }
    is_number
}
