//! One account at a vendor: its connector and policy, its cells, its latch and its circuits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret as _;
use url::Url;

use crate::bindings::connector;
use crate::cell::Cells;
use crate::circuit::{Circuit, Permit, Purpose, Refused, Settings};
use crate::config;
use crate::latch::Latch;
use crate::outbox::Outbox;
use crate::plugin::{ConnectorSlot, PolicySlot};
use crate::primitives::{Endpoint, PinGuard, SESSION, Surroundings, Transport};
use crate::session::RefreshState;
use crate::sign_ins::SignIns;
use crate::slot::Digest;
use crate::store::{Kind, Store, StoreError, Write};
use crate::time::Clock;

/// What all accounts of a host share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The policy's slot.
    pub policy: Arc<PolicySlot>,
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The way to the broker.
    pub outbox: Arc<dyn Outbox>,
    /// The way to the clouds.
    pub transport: Arc<dyn Transport>,
    /// The clouds' circuits, by the cloud's name: one cloud is well or unwell for all accounts at once.
    pub clouds: Arc<Circuits>,
}

/// One account.
#[derive(Debug)]
pub struct Account {
    /// Its slug.
    pub slug: String,
    /// What all accounts share.
    pub shared: Shared,
    /// Its connector's slot.
    pub connector: Arc<ConnectorSlot>,
    /// Set when a person must act.
    pub latch: Latch,
    /// The circuits of its token endpoint, of itself and of its vehicles.
    pub circuits: Circuits,
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) described: connector::Account,
    pub(crate) refreshes: Mutex<RefreshState>,
    /// Held by whoever asks for the vehicle list.
    pub(crate) listing: tokio::sync::Mutex<()>,
    pub(crate) sign_ins: SignIns,
}

impl Account {
    /// Opens an account with what the store knows of it.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        slug: &str,
        config: &config::Account,
        topic_prefix: String,
        connector: Arc<ConnectorSlot>,
        shared: Shared,
    ) -> Result<Arc<Self>, StoreError> {
        let latch = Latch::open(slug, credentials(config), &shared.store).await?;
        let manifest_cells = connector.active().manifest().cells.clone();
        let names = manifest_cells.into_iter().chain([SESSION.to_owned()]);
        let cells = Cells::open(slug, names, &shared.store, &shared.clock).await?;
        forget_strangers(slug, credentials(config), &cells, &shared.store).await?;
        let endpoints: Vec<Endpoint> = config
            .endpoints
            .iter()
            .map(|endpoint| Endpoint { name: endpoint.name.clone(), url: endpoint.url.clone() })
            .collect();
        let described = connector::Account {
            id: slug.to_owned(),
            brand: config.brand.clone(),
            region: config.region.clone(),
            language: config.language.clone(),
            endpoints: endpoints
                .iter()
                .map(|endpoint| connector::Endpoint { name: endpoint.name.clone(), url: base(&endpoint.url) })
                .collect(),
            options: config.options.clone().into_iter().collect(),
        };
        let surroundings = Surroundings {
            account: slug.to_owned(),
            endpoints,
            secrets: config.secrets.clone(),
            bindings: config.bindings.clone(),
            cells,
            transport: Arc::clone(&shared.transport),
            clock: Arc::clone(&shared.clock),
            outbox: Arc::clone(&shared.outbox),
            topic_prefix,
            pin: PinGuard::open(slug, credentials(config), &shared.store).await?,
        };
        Ok(Arc::new(Self {
            slug: slug.to_owned(),
            connector,
            latch,
            circuits: Circuits::default(),
            surroundings: Arc::new(surroundings),
            described,
            refreshes: Mutex::default(),
            listing: tokio::sync::Mutex::default(),
            sign_ins: SignIns::open(slug, config.max_logins_per_day, &shared.store).await?,
            shared,
        }))
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.shared.clock.as_ref()
    }
}

/// Empties the cells if they belong to other credentials. A session has a refresh token of its own, which would be
/// sent in place of the new one that the owner has given.
async fn forget_strangers(
    account: &str,
    credentials: Digest,
    cells: &Cells,
    store: &Arc<dyn Store>,
) -> Result<(), StoreError> {
    let credentials = credentials.to_string().into_bytes();
    let known = store.load(Kind::Credentials, account).await?;
    if known.as_ref() == Some(&credentials) {
        return Ok(());
    }
    if known.is_some() {
        cells.clear().await?;
    }
    let write = Write { kind: Kind::Credentials, key: account.to_owned(), value: Some(credentials) };
    store.commit(vec![write]).await
}

/// A URL as connectors put paths behind it.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What identifies a set of credentials without telling them.
fn credentials(config: &config::Account) -> Digest {
    let mut all = Vec::new();
    for (name, secret) in &config.secrets {
        for part in [name.as_str(), secret.expose_secret()] {
            all.extend_from_slice(&part.len().to_le_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    Digest::of(&all)
}

/// Circuits by name, made when they are first asked for.
#[derive(Debug, Default)]
pub struct Circuits(Mutex<BTreeMap<String, Circuit>>);

impl Circuits {
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(circuits.entry(name.to_owned()).or_default())
    }

    /// See [`Circuit::admit`].
    ///
    /// # Errors
    ///
    /// When the circuit does not admit the call.
    pub fn admit(&self, name: &str, now: std::time::Duration, purpose: Purpose) -> Result<Permit, Refused> {
        self.with(name, |circuit| circuit.admit(now, purpose))
    }

    /// See [`Circuit::succeeded`].
    pub fn succeeded(&self, name: &str, permit: Permit) {
        self.with(name, |circuit| circuit.succeeded(permit));
    }

    /// See [`Circuit::failed`].
    pub fn failed(&self, name: &str, permit: Permit, now: std::time::Duration, settings: Settings) -> bool {
        self.with(name, |circuit| circuit.failed(permit, now, settings))
    }

    /// See [`Circuit::abandoned`].
    pub fn abandoned(&self, name: &str, permit: Permit) {
        self.with(name, |circuit| circuit.abandoned(permit));
    }
}
