//! Opening of accounts, with what the store knows of them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::advice::Advice;
use super::described::{Described, endpoints};
use super::grant::Grants;
use super::listing::Listing;
use super::ownership::{about_account, about_pin, configured_tokens, forget_strangers};
use super::presence::Presence;
use super::question::Questions;
use super::retry::ByHand;
use super::{Account, Clients};
use crate::cell::Cells;
use crate::config;
use crate::plugin::{ConnectorSlot, PolicySlot};
use crate::primitives::{AccountContext, PinGuard, SESSION, Skew};
use crate::protect::circuit::Circuits;
use crate::protect::day_budget::DayBudget;
use crate::protect::doubt::{Doubt, Refused};
use crate::protect::latch::Latch;
use crate::protect::quota::DailyQuota;
use crate::protect::retry_budget::RetryBudget;
use crate::protect::throttle::Throttle;
use crate::services::Services;
use crate::store::{Kind, StoreError, Write};

/// An account that is open, and what the store does not know of it yet.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) account: Arc<Account>,
    /// Writes by which the store forgets what belongs to other credentials. To be committed before the account
    /// serves.
    pub(crate) writes: Vec<Write>,
}

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
        let Opened { account, writes } = self.open_after(slug, config, connector, None).await?;
        if writes.is_empty() {
            return Ok(account);
        }
        let is_minor = writes.iter().all(|write| matches!(write.kind, Kind::Credentials | Kind::Latch));
        match self.services.store.commit(writes).await {
            // At worst the next start takes the session for one of other credentials, and obtains a new one; or a latch
            // holds again when what it is about comes back.
            Err(error) if is_minor => {
                tracing::warn!(account = slug, "whose session it is is not remembered: {error}");
            }
            committed => committed?,
        }
        Ok(account)
    }

    /// Opens an account that takes the place of an earlier one of the same slug, if there is one. Both count in
    /// the same counts until the earlier one has ended; their limits become those of the new one when it
    /// [takes effect](Account::take_effect). Changes nothing outside of the new one.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(crate) async fn open_after(
        &self,
        slug: &str,
        config: &config::Account,
        connector: Arc<ConnectorSlot>,
        before: Option<&Account>,
    ) -> Result<Opened, StoreError> {
        let services = &self.services;
        services.metrics.open_account(slug);
        let (store, now) = (&services.store, services.clock.now());
        let cloud = connector.active().manifest().name.clone();
        let about = about_account(config);
        let credentials = about.credentials;
        let (context, mut writes) = self.context(slug, config, &connector, before).await?;
        let (questions, removal) = Questions::open(slug, credentials, store).await?;
        let (latch, lift) = Latch::open(slug, about, store, now).await?;
        writes.extend(removal.into_iter().chain(lift));
        let account = Account {
            slug: slug.to_owned(),
            services: Arc::clone(services),
            policy: Arc::clone(&self.policy),
            clouds: Arc::clone(&self.clouds),
            requests_per_operation: self.requests_per_operation,
            context: Arc::new(context),
            connector,
            connector_name: config.connector.clone(),
            granted: Arc::clone(&config.grant),
            takes: Arc::clone(&config.takes),
            advice: Advice::new(slug, config),
            latch,
            client: self.clients.latch(&cloud, &config.brand, store, now).await?,
            grant: Doubt::open(Refused::Grant, slug, credentials, store, now).await?,
            registration: Doubt::open(Refused::Registration, slug, credentials, store, now).await?,
            presence: Presence::default(),
            questions,
            sessions: Arc::clone(&config.sessions),
            grants: Grants::open(slug, configured_tokens(config), config.token_days.clone(), store).await?,
            wake: Arc::default(),
            retries_by_hand: ByHand::open(slug, store).await?,
            circuits: Arc::new(self.clouds.beside()),
            described: Described::new(slug, config),
            refreshes: Mutex::default(),
            listing: Listing::default(),
            requests: match before {
                Some(before) => Arc::clone(&before.requests),
                None => Arc::new(
                    DayBudget::open(slug, config.quota_per_day, config.time_zone.clone(), store).await?,
                ),
            },
            budget_shown: Mutex::default(),
            time_zone: config.time_zone.clone(),
            stirred: Notify::new(),
            retries: match before {
                Some(before) => Arc::clone(&before.retries),
                None => Arc::new(RetryBudget::open(slug, store, services.clock.as_ref()).await?),
            },
            throttle: match before {
                Some(before) => Arc::clone(&before.throttle),
                None => Arc::new(Throttle::open(slug, store).await?),
            },
            seed: fastrand::u64(..),
            kept: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        };
        account.open_signed_out();
        if let Some(throttled) = account.throttled() {
            account.leave_alone(&throttled);
        }
        Ok(Opened { account: Arc::new(account), writes })
    }

    /// Assembles the context of the account's calls. Returns with it the writes by which the store forgets what
    /// belongs to other credentials.
    async fn context(
        &self,
        slug: &str,
        config: &config::Account,
        connector: &Arc<ConnectorSlot>,
        before: Option<&Account>,
    ) -> Result<(AccountContext, Vec<Write>), StoreError> {
        let Services { store, clock, entropy, publisher, transport, tap, topics, metrics, .. } =
            self.services.as_ref();
        let names = connector.active().manifest().cells.clone().into_iter().chain([SESSION.to_owned()]);
        let mut cells = Cells::open(slug, names, store, clock).await?;
        let mut writes = forget_strangers(slug, config, &mut cells, store).await?;
        let advice = Advice::new(slug, config).on_refused_pin();
        let sign_ins = match before {
            Some(before) => Arc::clone(&before.context.sign_ins),
            None => {
                Arc::new(DailyQuota::open("sign-ins", slug, Some(config.max_logins_per_day), store).await?)
            }
        };
        let (pin, lift) = PinGuard::open(slug, about_pin(config), advice, store, clock.now()).await?;
        writes.extend(lift);
        let context = AccountContext {
            account: slug.to_owned(),
            endpoints: endpoints(config),
            secrets: config.secrets.clone(),
            rules: config.rules.clone(),
            sign_ins,
            command_answers: Arc::clone(&config.command_answers),
            refusals: config.refusals.clone(),
            cells,
            transport: Arc::clone(transport),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            publisher: Arc::clone(publisher),
            topic_prefix: topics.connector_prefix(slug),
            pin,
            skew: Skew::default(),
            metrics: Arc::clone(metrics),
            tap: tap.clone(),
        };
        Ok((context, writes))
    }
}

impl Account {
    /// Lets a configuration take effect in the counts that it shares with the account before.
    pub(crate) fn take_effect(&self, config: &config::Account) {
        self.requests.set(config.quota_per_day, config.time_zone.clone());
        self.context.sign_ins.set_limit(Some(config.max_logins_per_day));
    }
}
