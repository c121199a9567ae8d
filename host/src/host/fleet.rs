//! The accounts and vehicles of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::Account;
use crate::config;
use crate::vehicle::Vehicle;

/// The configured accounts and vehicles, by their slugs. They stay the same for as long as the host runs.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) accounts: BTreeMap<String, Arc<Account>>,
    pub(super) vehicles: BTreeMap<String, Arc<Vehicle>>,
    /// Accounts that are not served, because their connector could not begin, and why.
    pub(super) accounts_out: BTreeMap<String, String>,
    /// Vehicles of those accounts, and why.
    pub(super) vehicles_out: BTreeMap<String, String>,
}

impl Fleet {
    /// Says that there is no vehicle of this name, and which there are.
    pub(super) fn no_vehicle(&self, slug: &str) -> String {
        let mut known: Vec<&str> =
            self.vehicles.keys().chain(self.vehicles_out.keys()).map(String::as_str).collect();
        known.sort_unstable();
        config::no_vehicle(slug, &known)
    }

    /// The vehicles of an account.
    pub(super) fn vehicles_of<'f>(&'f self, account: &'f Account) -> impl Iterator<Item = &'f Arc<Vehicle>> {
        self.vehicles.values().filter(|vehicle| vehicle.account.slug == account.slug)
    }
}
