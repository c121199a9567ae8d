//! One account at a vendor: its connector and policy, its cells, its latch and its circuits.

mod presence;
mod retry;
pub(crate) mod session;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use url::Url;

use crate::account::session::History;
use crate::bindings::connector;
use crate::cell::Cells;
use crate::config;
use crate::descriptor::Refusals;
use crate::digest::Digest;
use crate::events::{AboutAccount, AboutDoubt, Event};
use crate::plugin::{ConnectorSlot, PolicySlot, TrialAccount};
use crate::primitives::{AccountContext, Endpoint, PIN, PinGuard, SESSION, Skew};
use crate::protect::circuit::Circuits;
use crate::protect::doubt::{Doubt, InDoubt, Refused};
use crate::protect::latch::{Latch, LatchKind, Latched, SILENCE, Why};
use crate::protect::quota::DailyQuota;
use crate::protect::retry_budget::RetryBudget;
use crate::protect::throttle::{Throttle, Throttled};
use crate::services::Services;
use crate::store::{Kind, Store, StoreError, Write};
use crate::time::Clock;

pub(crate) use self::presence::Presence;
pub use self::retry::{NotRetried, Retried, Retry};

/// Longest time for which operations wait when the vendor wants to be left alone: no operation has longer
/// than a few minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Opens accounts, and holds what the accounts of a host have in common.
#[derive(Debug)]
pub struct Accounts {
    /// The services of the host.
    pub services: Arc<Services>,
    /// Slot of the policy.
    pub policy: Arc<PolicySlot>,
    /// Circuits of the clouds, by the cloud's name: one cloud is well or unwell for all accounts at once.
    pub clouds: Arc<Circuits>,
    /// Latches that vendors have set against this client, whichever account it speaks for.
    pub clients: Clients,
    /// Number of requests that one operation may send, refreshes and polls included.
    pub requests_per_operation: u32,
}

/// Latches by client: a vendor that blocks a client does so for all its accounts.
#[derive(Debug, Default)]
pub struct Clients(tokio::sync::Mutex<BTreeMap<String, Arc<Latch>>>);

impl Clients {
    /// The latch of a client: one brand's program at one cloud.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn latch(
        &self,
        cloud: &str,
        brand: &str,
        store: &Arc<dyn Store>,
        now: Timestamp,
    ) -> Result<Arc<Latch>, StoreError> {
        let key = format!("client/{cloud}/{brand}");
        let mut latches = self.0.lock().await;
        if let Some(latch) = latches.get(&key) {
            return Ok(Arc::clone(latch));
        }
        let latch = Arc::new(Latch::open(&key, Digest::of(key.as_bytes()), store, now).await?);
        latches.insert(key, Arc::clone(&latch));
        Ok(latch)
    }
}

/// The setting by which connectors are told on which side a driver sits.
const RIGHT_HAND_DRIVE: &str = "right_hand_drive";

/// One account.
#[derive(Debug)]
pub struct Account {
    /// Slug of the account.
    pub slug: String,
    /// The services of the host.
    pub services: Arc<Services>,
    /// Slot of the policy.
    pub policy: Arc<PolicySlot>,
    /// The circuits of all clouds.
    pub clouds: Arc<Circuits>,
    /// Number of requests that one operation may send, refreshes and polls included.
    pub requests_per_operation: u32,
    /// Slot of the connector.
    pub connector: Arc<ConnectorSlot>,
    /// The name of that slot.
    pub connector_name: String,
    /// Vendor, as people know it.
    vendor: String,
    /// Configured secrets that sign the account in, as people know them.
    signs_in_with: String,
    latch: Latch,
    client: Arc<Latch>,
    /// Answers by which the vendor refuses a credential.
    pub(crate) refusals: Refusals,
    /// Doubt about signing in.
    pub(crate) grant: Doubt,
    /// Doubt about the registration as a device.
    pub(crate) registration: Doubt,
    presence: Presence,
    retries_by_hand: retry::ByHand,
    /// Circuits of the token endpoint, of the account and of its vehicles.
    pub circuits: Circuits,
    pub(crate) context: Arc<AccountContext>,
    pub(crate) described: Arc<connector::Account>,
    /// Descriptions of the account for questions about a vehicle that has settings of its own.
    described_for: Mutex<BTreeMap<String, Arc<connector::Account>>>,
    pub(crate) refreshes: Mutex<History>,
    /// Lock of the caller that asks for the vehicle list.
    pub(crate) listing: tokio::sync::Mutex<()>,
    /// Signal that the list has been read.
    pub(crate) listed: tokio::sync::Notify,
    /// Time of the last reading of the list, on the monotonic clock.
    listed_at: Mutex<Option<Duration>>,
    pub(crate) sign_ins: DailyQuota,
    /// Count of every request to the vendor.
    pub(crate) requests: Arc<DailyQuota>,
    pub(crate) retries: RetryBudget,
    /// Patience that the vendor asks for.
    throttle: Throttle,
    /// Seed, different for each account and start, so that not all accounts do the same at the same moment.
    seed: u64,
}

impl Accounts {
    /// Opens an account with what the store knows of it.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn open(
        &self,
        slug: &str,
        config: &config::Account,
        connector: Arc<ConnectorSlot>,
    ) -> Result<Arc<Account>, StoreError> {
        let services = &self.services;
        let (store, now) = (&services.store, services.clock.now());
        let cloud = connector.active().manifest().cloud.clone();
        let credentials = credentials(config);
        let account = Account {
            slug: slug.to_owned(),
            services: Arc::clone(services),
            policy: Arc::clone(&self.policy),
            clouds: Arc::clone(&self.clouds),
            requests_per_operation: self.requests_per_operation,
            context: Arc::new(self.context(slug, config, &connector).await?),
            connector,
            connector_name: config.connector.clone(),
            vendor: as_people_say(&config.brand),
            signs_in_with: signs_in_with(config),
            latch: Latch::open(slug, credentials, store, now).await?,
            client: self.clients.latch(&cloud, &config.brand, store, now).await?,
            refusals: config.refusals.clone(),
            grant: Doubt::open(Refused::Grant, slug, credentials, store, now).await?,
            registration: Doubt::open(Refused::Registration, slug, credentials, store, now).await?,
            presence: Presence::default(),
            retries_by_hand: retry::ByHand::open(slug, store).await?,
            circuits: self.clouds.beside(),
            described: Arc::new(described(slug, config)),
            described_for: Mutex::default(),
            refreshes: Mutex::default(),
            listing: tokio::sync::Mutex::default(),
            listed: tokio::sync::Notify::new(),
            listed_at: Mutex::default(),
            sign_ins: DailyQuota::open("sign-ins", slug, Some(config.max_logins_per_day), store).await?,
            requests: Arc::new(DailyQuota::open("requests", slug, config.quota_per_day, store).await?),
            retries: RetryBudget::open(slug, store, services.clock.as_ref()).await?,
            throttle: Throttle::open(slug, store).await?,
            seed: fastrand::u64(..),
        };
        if let Some(throttled) = account.throttled() {
            account.leave_alone(&throttled);
        }
        Ok(Arc::new(account))
    }

    /// Assembles the context of the account's calls.
    async fn context(
        &self,
        slug: &str,
        config: &config::Account,
        connector: &Arc<ConnectorSlot>,
    ) -> Result<AccountContext, StoreError> {
        let Services { store, clock, publisher, transport, tap, topics, .. } = self.services.as_ref();
        let names = connector.active().manifest().cells.clone().into_iter().chain([SESSION.to_owned()]);
        let cells = Cells::open(slug, names, store, clock).await?;
        forget_strangers(slug, credentials(config), &cells, store).await?;
        Ok(AccountContext {
            account: slug.to_owned(),
            endpoints: endpoints(config),
            secrets: config.secrets.clone(),
            bindings: config.bindings.clone(),
            capturable: config.capturable.clone(),
            command_answers: Arc::clone(&config.command_answers),
            cells,
            transport: Arc::clone(transport),
            clock: Arc::clone(clock),
            publisher: Arc::clone(publisher),
            topic_prefix: topics.connector_prefix(slug),
            pin: PinGuard::open(slug, credentials(config), store, clock.now()).await?,
            skew: Skew::default(),
            tap: tap.clone(),
        })
    }
}

impl Account {
    /// Returns the latch that only a person, or a long silence, can end; the account's or this client's.
    #[must_use]
    pub fn latched(&self) -> Option<Latched> {
        let now = self.clock().now();
        self.latch.current(now).or_else(|| self.client.current(now))
    }

    /// Latches the account, or the client if the vendor blocks the client. `words` are the vendor's. Returns
    /// the latch that holds, which is an earlier one if there is one.
    pub(crate) async fn set_latch(&self, kind: LatchKind, words: &str) -> Option<Latched> {
        let now = self.clock().now();
        let why = Why::new(self.remedy(kind), words);
        let (new, stored) = match kind {
            LatchKind::LockedOut => {
                let until = now.checked_add(SILENCE).ok();
                self.client.set(kind, why, now, until).await
            }
            LatchKind::AuthRequired | LatchKind::OtpRequired => self.latch.set(kind, why, now, None).await,
        };
        if let Err(error) = stored {
            tracing::error!(account = self.slug, "the latch holds only until a restart: {error}");
        }
        let latched = self.latched();
        if new && let Some(latched) = &latched {
            tracing::error!(account = self.slug, kind = kind.as_str(), "a person must act: {latched}");
            self.services.events.say(&Event::latched(kind, &self.slug, latched));
            self.announce();
        }
        latched
    }

    /// Returns what a latch means, and what helps.
    fn remedy(&self, kind: LatchKind) -> String {
        let Self { vendor, signs_in_with: with, .. } = self;
        let once_more = self.once_more();
        match kind {
            LatchKind::AuthRequired => {
                format!(
                    "{vendor} refused the {with}: write a new one into the configuration and restart, or {once_more}"
                )
            }
            LatchKind::OtpRequired => format!(
                "{vendor} wants a one-time code or consent before it accepts the {with}: sign in with its app, write a new \
                 one into the configuration and restart, or {once_more}"
            ),
            LatchKind::LockedOut => format!(
                "{vendor} blocks this program for all its accounts, and every further request makes that last longer: wait"
            ),
        }
    }

    fn once_more(&self) -> String {
        format!("have the same tried once more with `vehicle-connector account retry {}`", self.slug)
    }

    /// Latches the PIN, which the vendor has refused. `words` are the vendor's. Returns the latch that holds
    /// now.
    pub(crate) async fn refuse_pin(&self, words: &str) -> Option<Latched> {
        let (vendor, once_more) = (&self.vendor, self.once_more());
        let reason = format!(
            "{vendor} refused the PIN, and a few wrong ones lock it in its app too: write the right one into the \
             configuration and restart, or {once_more}"
        );
        let (pin, now) = (&self.context.pin, self.clock().now());
        if let Err(error) = pin.refuse(Why::new(reason, words), now).await {
            tracing::error!(
                account = self.slug,
                "that the PIN was refused holds only until a restart: {error}"
            );
        }
        let latched = pin.latched(now);
        if let Some(latched) = &latched {
            tracing::error!(account = self.slug, "a person must act: {latched}");
        }
        self.announce();
        latched
    }

    /// Reports what is in doubt, once for each streak.
    pub(crate) async fn tell_of_doubt(&self) {
        let clock = self.clock();
        let untold = [
            self.grant.untold(clock).await,
            self.context.pin.untold(clock).await,
            self.registration.untold(clock).await,
        ];
        for InDoubt { what, reason, next_attempt_at, .. } in untold.into_iter().flatten() {
            let reason = format!(
                "{} refused {} and did not say why ({reason}); it is tried again by itself",
                self.vendor,
                what.in_words()
            );
            tracing::warn!(account = self.slug, %next_attempt_at, "{reason}");
            let about = AboutDoubt { account: self.slug.clone(), what, reason, next_attempt_at };
            self.services.events.say(&Event::AuthDoubtful(about));
        }
        self.announce();
    }

    /// Describes a vehicle to the connector: whether its driver sits on the right. The connector learns that
    /// as a setting of the account, because that is where the interface has settings, but only with questions
    /// about this vehicle.
    pub(crate) fn describe_vehicle(&self, vehicle: &str, right_hand_drive: bool) {
        let mut described = connector::Account::clone(&self.described);
        described.options.retain(|(name, _)| name != RIGHT_HAND_DRIVE);
        described.options.push((RIGHT_HAND_DRIVE.to_owned(), right_hand_drive.to_string()));
        let mut described_for = self.described_for.lock();
        described_for.insert(vehicle.to_owned(), Arc::new(described));
    }

    /// Returns the account as the connector is told of it with a question about this vehicle, or about none.
    pub(crate) fn described_for(&self, vehicle: Option<&str>) -> Arc<connector::Account> {
        let described_for = self.described_for.lock();
        let special = vehicle.and_then(|vehicle| described_for.get(vehicle));
        Arc::clone(special.unwrap_or(&self.described))
    }

    /// Settles the account: the cloud has listed its vehicles, so it is there, and so is the account.
    pub(crate) fn settle(&self) {
        let now = self.clock().monotonic();
        *self.listed_at.lock() = Some(now);
        self.refreshes.lock().settle();
        self.listed.notify_waiters();
    }

    /// Whether the list has not been read since the host started.
    pub(crate) fn is_settling(&self) -> bool {
        self.listed_at.lock().is_none()
    }

    /// Whether the list was read within `time`.
    pub(crate) fn was_listed_within(&self, time: Duration) -> bool {
        let at = *self.listed_at.lock();
        at.is_some_and(|at| self.clock().monotonic().saturating_sub(at) < time)
    }

    /// Returns the time until which the vendor wants the account to be left alone, if it does now.
    pub(crate) fn throttled(&self) -> Option<Throttled> {
        self.throttle.current(self.clock().now())
    }

    /// Records what an answer asks for: patience for as long as it says, or for as long as the daily limit
    /// may be reached.
    pub(crate) fn asked_for_patience(&self, told: Option<Duration>, daily_limit: bool) {
        let now = self.clock().now();
        let told = told.and_then(|told| self.throttle.told(told, now));
        let limit = if daily_limit { self.throttle.daily_limit(now) } else { None };
        let Some(throttled) = limit.or(told) else { return };
        tracing::warn!(account = self.slug, "{throttled}");
        self.leave_alone(&throttled);
        self.announce();
    }

    /// Records that the vendor has answered as it should.
    pub(crate) fn answered_well(&self) {
        self.throttle.answered_well(self.clock().now());
    }

    /// Lifts the throttle.
    pub(crate) fn lift_throttle(&self) {
        if self.throttle.lift() {
            self.announce();
        }
    }

    /// Opens the account's circuit for a time that no operation waits for: a read shall find out whether it
    /// is over.
    fn leave_alone(&self, throttled: &Throttled) {
        let left = throttled.left(self.clock().now());
        if left > LONGEST_WAIT {
            self.circuits.leave_alone(&self.circuit_name(), self.clock().monotonic(), left);
            let about = AboutAccount { account: self.slug.clone(), reason: throttled.to_string() };
            self.services.events.say(&Event::RateLimited(about));
        }
    }

    /// The name of the account's own circuit.
    pub(crate) fn circuit_name(&self) -> String {
        format!("account {}", self.slug)
    }

    /// Returns the place within a range, from 0 to 1, at which this account does something: one place for one
    /// generation of its session.
    pub(crate) fn spread(&self, generation: u64) -> f64 {
        fastrand::Rng::with_seed(self.seed.wrapping_add(generation)).f64()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.services.clock.as_ref()
    }
}

/// Empties the cells if they belong to other credentials. A session has a refresh token of its own, which
/// would be sent in place of the new one that the owner has given.
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
    if let Err(error) = store.commit(vec![write]).await {
        // At worst the next start takes the session for one of other credentials, and obtains a new one.
        tracing::warn!(account, "whose session it is is not remembered: {error}");
    }
    Ok(())
}

/// The services that an account's connector may reach.
fn endpoints(config: &config::Account) -> Vec<Endpoint> {
    let endpoint = |of: &config::Endpoint| Endpoint { name: of.name.clone(), url: of.url.clone() };
    config.endpoints.iter().map(endpoint).collect()
}

/// Returns the account with which a component is tried that is to serve it.
pub(crate) fn for_trial(slug: &str, config: &config::Account) -> TrialAccount {
    TrialAccount {
        described: described(slug, config),
        endpoints: endpoints(config),
        bindings: config.bindings.clone(),
        capturable: config.capturable.clone(),
        command_answers: Arc::clone(&config.command_answers),
    }
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
        options: config.options.clone().into_iter().collect(),
    }
}

/// Returns a URL as connectors append paths to it.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// A vendor's name, from the configuration's word for it.
fn as_people_say(brand: &str) -> String {
    let mut letters = brand.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The configured secrets by which an account is signed in, in words.
fn signs_in_with(config: &config::Account) -> String {
    let names = config.secrets.keys().filter(|name| *name != PIN).map(|name| name.replace('-', " "));
    let names: Vec<String> = names.collect();
    if names.is_empty() { "credentials".to_owned() } else { names.join(" or ") }
}

/// Returns a digest of a set of credentials and of the account that they are for, which tells neither. What
/// one connector has obtained is not handed to another one that the account is moved to.
fn credentials(config: &config::Account) -> Digest {
    let secrets = config.secrets.iter().flat_map(|(name, secret)| [name.as_str(), secret.expose_secret()]);
    let mut all = Vec::new();
    for part in std::iter::once(config.connector.as_str()).chain(secrets) {
        all.extend_from_slice(&part.len().to_le_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    Digest::of(&all)
}
