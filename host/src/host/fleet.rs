//! The accounts and vehicles of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::Account;
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
    /// The vehicles of an account.
    pub(super) fn vehicles_of<'f>(&'f self, account: &'f Account) -> impl Iterator<Item = &'f Arc<Vehicle>> {
        self.vehicles.values().filter(|vehicle| vehicle.account.slug == account.slug)
    }
}
