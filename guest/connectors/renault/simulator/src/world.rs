//! All state of the cloud behind one lock.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use simulator::kit::{self, Clock, FaultTable, Ids, Log};

use crate::car::{Aspect, Car, Lag};
use crate::config::{AccountConfig, Config};
use crate::counters::Counters;
use crate::exchange::Incoming;
use crate::factor::Factor;
use crate::identity::Identity;
use crate::log::{LogEntry, Violation};
use crate::route::RouteKind;
use crate::secrets::{SecretKind, Secrets};

/// The world, the counters that can be waited on, and the signals that requests wait for.
pub(crate) type Shared = kit::Shared<World, Counters>;

pub(crate) fn shared(config: Config, clock: Clock) -> Shared {
    Shared::around(World::new(config, clock), Counters::default())
}

/// One of the person's accounts. The cars of `config` are what they were at first.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) config: AccountConfig,
    pub(crate) cars: Vec<Car>,
}

/// What a request can see and change. Every request does so in one go under the lock, so requests have an
/// order.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    /// Keys that Gigya accepted once.
    pub(crate) retired_keys: Vec<String>,
    pub(crate) identity: Identity,
    pub(crate) factor: Factor,
    pub(crate) secrets: Secrets,
    pub(crate) accounts: Vec<Account>,
    pub(crate) ids: Ids,
    pub(crate) log: Log<LogEntry>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) faults: FaultTable<RouteKind>,
    /// How long commands take that are accepted from now on.
    pub(crate) lags: BTreeMap<Aspect, Lag>,
    /// How far the server's clock is ahead.
    pub(crate) ahead: SignedDuration,
    clock: Clock,
}

impl World {
    fn new(config: Config, clock: Clock) -> Self {
        let mut secrets = Secrets::default();
        for (kind, value) in [
            (SecretKind::Username, &config.username),
            (SecretKind::Password, &config.password),
            (SecretKind::GigyaKey, &config.gigya_key),
            (SecretKind::KamereonKey, &config.kamereon_key),
        ] {
            secrets.add(kind, value);
        }
        let account = |config: &AccountConfig| Account {
            cars: config.cars.iter().cloned().map(Car::new).collect(),
            config: config.clone(),
        };
        Self {
            accounts: config.accounts.iter().map(account).collect(),
            retired_keys: Vec::new(),
            identity: Identity::default(),
            factor: Factor::default(),
            secrets,
            ids: Ids::new(config.seed),
            log: Log::new(config.log_capacity),
            violations: Vec::new(),
            faults: FaultTable::default(),
            lags: BTreeMap::new(),
            ahead: SignedDuration::ZERO,
            clock,
            config,
        }
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.checked_add(self.ahead).unwrap_or(now)
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.config.id == id)
    }

    /// A car of this account.
    pub(crate) fn car_of(&mut self, account: &str, vin: &str) -> Option<&mut Car> {
        let account = self.accounts.iter_mut().find(|known| known.config.id == account)?;
        account.cars.iter_mut().find(|car| car.config.vin == vin)
    }

    /// A car, in whichever account it is.
    pub(crate) fn car(&mut self, vin: &str) -> Option<&mut Car> {
        self.accounts.iter_mut().flat_map(|account| &mut account.cars).find(|car| car.config.vin == vin)
    }

    /// Notes what a client must not do.
    pub(crate) fn violate(&mut self, seq: u64, incoming: &Incoming, wrong: impl Into<String>) {
        let request = format!("{} {}", incoming.method, self.secrets.mask(&incoming.path));
        let wrong = self.secrets.mask(&wrong.into());
        self.violations.push(Violation { seq, service: incoming.call.service, request, wrong });
    }

    /// Everything that was made to go wrong goes right again. Tokens that were ended stay ended, and keys
    /// rotated.
    pub(crate) fn restore(&mut self) {
        self.faults.clear();
        self.lags.clear();
        self.ahead = SignedDuration::ZERO;
    }
}
