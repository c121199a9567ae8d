//! The accounts and vehicles of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::account::Account;
use crate::config;
use crate::vehicle::Vehicle;

/// The accounts and vehicles that the host serves now. A reload of the configuration exchanges all of them at
/// once; whoever has begun with one of them ends with it.
#[derive(Debug)]
pub(super) struct Fleet {
    now: ArcSwap<Members>,
    exchanged: watch::Sender<()>,
}

/// Accounts and vehicles, by their slugs.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    pub(super) accounts: BTreeMap<String, Arc<Account>>,
    pub(super) vehicles: BTreeMap<String, Arc<Vehicle>>,
    /// Accounts that are not served, because their connector could not begin, and why.
    pub(super) accounts_out: BTreeMap<String, String>,
    /// Vehicles of those accounts.
    pub(super) vehicles_out: BTreeMap<String, Out>,
}

/// A vehicle that is not served.
#[derive(Debug, Clone)]
pub(super) struct Out {
    /// Why the connector of its account could not begin.
    pub(super) why: String,
    /// Whether its owner lets its position leave this host. That holds whether or not the vehicle is served.
    pub(super) shows_location: bool,
    /// Whether there are geofences that it could be in.
    pub(super) has_geofences: bool,
}

impl Fleet {
    pub(super) fn new(members: Members) -> Self {
        Self { now: ArcSwap::from_pointee(members), exchanged: watch::Sender::new(()) }
    }

    /// The members as they are now. They do not change in the caller's hand: who looks twice takes them once.
    pub(super) fn now(&self) -> Arc<Members> {
        self.now.load_full()
    }

    /// The account of this slug.
    pub(super) fn account(&self, slug: &str) -> Option<Arc<Account>> {
        self.now.load().accounts.get(slug).cloned()
    }

    /// The vehicle of this slug.
    pub(super) fn vehicle(&self, slug: &str) -> Option<Arc<Vehicle>> {
        self.now.load().vehicles.get(slug).cloned()
    }

    /// Exchanges all members, and tells who waits for [`Self::exchanges`].
    pub(super) fn exchange(&self, members: Members) {
        self.now.store(Arc::new(members));
        self.exchanged.send_replace(());
    }

    /// A receiver that is told of exchanges from now on.
    pub(super) fn exchanges(&self) -> watch::Receiver<()> {
        self.exchanged.subscribe()
    }
}

/// Slugs of vehicles and of accounts, served or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) vehicles: Vec<String>,
    pub(super) accounts: Vec<String>,
}

impl Members {
    /// The slugs. What is not served belongs to the configuration too.
    pub(super) fn names(&self) -> Names {
        Names {
            vehicles: self.vehicles.keys().chain(self.vehicles_out.keys()).cloned().collect(),
            accounts: self.accounts.keys().chain(self.accounts_out.keys()).cloned().collect(),
        }
    }

    /// Says that there is no vehicle of this name, and which there are.
    pub(super) fn no_vehicle(&self, slug: &str) -> String {
        let mut known: Vec<&str> =
            self.vehicles.keys().chain(self.vehicles_out.keys()).map(String::as_str).collect();
        known.sort_unstable();
        config::no_vehicle(slug, &known)
    }

    /// The vehicles of an account; none of one that a reload has retired.
    pub(super) fn vehicles_of<'f>(&'f self, account: &'f Account) -> impl Iterator<Item = &'f Arc<Vehicle>> {
        self.vehicles.values().filter(|vehicle| std::ptr::eq(vehicle.account.as_ref(), account))
    }
}
