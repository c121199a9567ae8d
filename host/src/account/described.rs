//! Description of an account to its connector.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use url::Url;

use crate::bindings::connector;
use crate::config;
use crate::plugin::TrialAccount;
use crate::primitives::Endpoint;

/// The setting by which connectors are told on which side a driver sits.
const RIGHT_HAND_DRIVE: &str = "right-hand-drive";

/// An account as its connector is told of it.
#[derive(Debug)]
pub(crate) struct Described {
    account: Arc<connector::Account>,
    /// Whether the connector is granted the setting of the side on which a driver sits.
    is_told_the_side: bool,
    /// Descriptions for questions about a vehicle that has settings of its own.
    by_vehicle: Mutex<BTreeMap<String, Arc<connector::Account>>>,
}

impl Described {
    pub(super) fn new(slug: &str, config: &config::Account) -> Self {
        Self {
            account: Arc::new(described(slug, config)),
            is_told_the_side: config.grant.settings.contains_key(RIGHT_HAND_DRIVE),
            by_vehicle: Mutex::default(),
        }
    }

    /// Describes a vehicle to the connector: whether its driver sits on the right, if the owner says so. The connector learns that
    /// as a setting of the account, because that is where the interface has settings, but only with questions
    /// about this vehicle; and only one that has been granted that setting.
    pub(crate) fn describe_vehicle(&self, vehicle: &str, right_hand_drive: Option<bool>) {
        let Some(right_hand_drive) = right_hand_drive.filter(|_| self.is_told_the_side) else {
            self.by_vehicle.lock().remove(vehicle);
            return;
        };
        let mut described = connector::Account::clone(&self.account);
        described.settings.retain(|(name, _)| name != RIGHT_HAND_DRIVE);
        described.settings.push((RIGHT_HAND_DRIVE.to_owned(), right_hand_drive.to_string()));
        let mut by_vehicle = self.by_vehicle.lock();
        by_vehicle.insert(vehicle.to_owned(), Arc::new(described));
    }

    /// Returns the account as the connector is told of it with a question about no vehicle.
    pub(crate) fn account(&self) -> &connector::Account {
        &self.account
    }

    /// Returns the account as the connector is told of it with a question about this vehicle, or about none.
    pub(crate) fn of_vehicle(&self, vehicle: Option<&str>) -> Arc<connector::Account> {
        let by_vehicle = self.by_vehicle.lock();
        let special = vehicle.and_then(|vehicle| by_vehicle.get(vehicle));
        Arc::clone(special.unwrap_or(&self.account))
    }
}

/// Returns the account with which a component is tried that is to serve it.
pub(crate) fn for_trial(slug: &str, config: &config::Account) -> TrialAccount {
    TrialAccount {
        described: described(slug, config),
        endpoints: endpoints(config),
        rules: config.rules.clone(),
        command_answers: Arc::clone(&config.command_answers),
    }
}

/// The services that an account's connector may reach.
pub(super) fn endpoints(config: &config::Account) -> Vec<Endpoint> {
    let endpoint = |of: &config::Endpoint| Endpoint { name: of.name.clone(), url: of.url.clone() };
    config.endpoints.iter().map(endpoint).collect()
}

/// Describes an account to its connector.
fn described(slug: &str, config: &config::Account) -> connector::Account {
    let endpoint = |of: &config::Endpoint| connector::Endpoint { name: of.name.clone(), url: base(&of.url) };
    connector::Account {
        id: slug.to_owned(),
        brand: config.brand.clone(),
        region: config.region.clone(),
        language: config.language.clone(),
        endpoints: config.endpoints.iter().map(endpoint).collect(),
        // Those that there are when it is asked.
        secrets: Vec::new(),
        settings: config.settings.clone().into_iter().collect(),
    }
}

/// Returns a URL as connectors append paths to it.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
