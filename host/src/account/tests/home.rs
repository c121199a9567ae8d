//! An account with everything around it, which can be opened again on the same store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::cloud::{Cloud, PASSWORD};
use super::connector::{BASE, Fake};
use super::policy::Plain;
use crate::account::session::{Cause, Refresh, RefreshError, Refreshed};
use crate::account::{Account, Accounts, Answer, Clients, NotProgressed, Progressed};
use crate::audit::Audit;
use crate::cell::Cell;
use crate::config;
use crate::descriptor::{Configured, Grant, PinStyle, Refusals, SecretClass, SecretRule, SecretRules};
use crate::entropy::SystemEntropy;
use crate::events::Events;
use crate::plugin::slot::Provenance;
use crate::plugin::{ConnectorSlot, PolicySlot};
use crate::primitives::SESSION;
use crate::protect::circuit::Circuits;
use crate::sandbox::Sandbox;
use crate::services::Services;
use crate::store::{Kind, MemoryStore, Store};
use crate::time::Clock;
use crate::wire::message::Outgoing;
use crate::wire::publish::Publish;
use crate::wire::topics::Topics;

/// Clocks that go with tokio's, from a fixed date, and can be moved.
#[derive(Debug)]
pub(crate) struct Clocks {
    started: Instant,
    ahead: AtomicI64,
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_800_000_000 + self.ahead.load(Ordering::Relaxed)).unwrap();
        start + SignedDuration::try_from(self.started.elapsed()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        let ahead = u64::try_from(self.ahead.load(Ordering::Relaxed)).unwrap();
        self.started.elapsed() + Duration::from_secs(ahead)
    }
}

/// What the broker was given, all of it.
#[derive(Debug, Default)]
pub(crate) struct Broker(Mutex<Vec<Outgoing>>);

impl Publish for Broker {
    fn publish(&self, message: Outgoing) {
        self.0.lock().push(message);
    }
}

/// An account and what is around it.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) account: Arc<Account>,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) connector: Arc<Fake>,
    pub(crate) policy: Arc<Plain>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) clock: Arc<Clocks>,
    store: MemoryStore,
    config: config::Account,
}

fn rule(class: SecretClass, lasting: bool, essential: Option<bool>) -> SecretRule {
    let configured = if essential == Some(true) { Configured::Never } else { Configured::Optional };
    SecretRule {
        endpoints: BTreeSet::from(["idp".to_owned()]),
        lasting,
        rotates: essential == Some(false),
        ..SecretRule::new(class, configured)
    }
}

pub(crate) fn config() -> config::Account {
    let rules: SecretRules = [
        ("password", rule(SecretClass::Password, false, None)),
        ("pin", rule(SecretClass::Pin(PinStyle::Challenge), false, None)),
        ("one-time-code", rule(SecretClass::OneTimeCode, false, None)),
        ("device", rule(SecretClass::Token, true, Some(true))),
        ("step-token", rule(SecretClass::Token, false, Some(true))),
        ("state", rule(SecretClass::Token, false, Some(true))),
        ("access-token", rule(SecretClass::Token, false, Some(true))),
        ("refresh-token", rule(SecretClass::Token, false, Some(true))),
    ]
    .map(|(name, rule)| (name.to_owned(), rule))
    .into();
    config::Account {
        time_zone: jiff::tz::TimeZone::UTC,
        connector: "fake".to_owned(),
        brand: "kia".to_owned(),
        region: "eu".to_owned(),
        language: "en".to_owned(),
        endpoints: vec![config::Endpoint { name: "idp".to_owned(), url: BASE.parse().unwrap() }],
        secrets: BTreeMap::from([("password".to_owned(), PASSWORD.into())]),
        grant: Arc::new(Grant { secrets: rules.clone(), ..Grant::default() }),
        takes: Arc::default(),
        rules,
        refusals: Refusals::default(),
        command_answers: Arc::default(),
        max_logins_per_day: 4,
        quota_per_day: None,
        token_days: BTreeMap::new(),
        sessions: Arc::default(),
        settings: BTreeMap::new(),
    }
}

impl Home {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: config::Account) -> Self {
        let (cloud, connector, policy, broker) = Default::default();
        let clock = Arc::new(Clocks { started: Instant::now(), ahead: AtomicI64::new(0) });
        Self::open(config, cloud, connector, policy, broker, clock, MemoryStore::default()).await
    }

    /// Ends the host, and starts another one on what is stored.
    pub(crate) async fn restarted(self) -> Self {
        let Self { cloud, connector, policy, broker, clock, store, config, account } = self;
        drop(account);
        Self::open(config, cloud, connector, policy, broker, clock, store).await
    }

    /// Ends the host, and starts another one with another configuration of the account.
    pub(crate) async fn reconfigured(mut self, change: impl FnOnce(&mut config::Account)) -> Self {
        change(&mut self.config);
        self.restarted().await
    }

    /// The same with a connector that has a refresh token only. A host that has lost its owner's password.
    pub(crate) async fn without_password(mut self) -> Self {
        self.config.secrets.clear();
        let account = self.account.slug.clone();
        // Otherwise the session would belong to other credentials.
        self.store.commit(vec![crate::store::Write::remove(Kind::Credentials, account)]).await.unwrap();
        self.restarted().await
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a home, in one place")]
    async fn open(
        config: config::Account,
        cloud: Arc<Cloud>,
        connector: Arc<Fake>,
        policy: Arc<Plain>,
        broker: Arc<Broker>,
        clock: Arc<Clocks>,
        store: MemoryStore,
    ) -> Self {
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let given = Arc::clone(&clock) as Arc<dyn Clock>;
        let topics = Topics::below("b");
        let events =
            Events::on(topics.bridge_event(), Arc::clone(&broker) as _, Arc::clone(&given), Arc::default());
        let services = Services {
            audit: Arc::new(Audit::open(Arc::clone(&shared), Arc::clone(&given)).await.unwrap()),
            store: shared,
            clock: given,
            entropy: Arc::new(SystemEntropy),
            publisher: Arc::clone(&broker) as _,
            transport: Arc::clone(&cloud) as _,
            tap: None,
            topics,
            events,
            metrics: Arc::default(),
            background: TaskTracker::new(),
        };
        let (sandbox, provenance) = (Sandbox::new().unwrap(), || Provenance::new(clock.now(), "test"));
        let slot = ConnectorSlot::native(&sandbox, Arc::clone(&connector) as _, provenance()).unwrap();
        let accounts = Accounts {
            services: Arc::new(services),
            policy: Arc::new(PolicySlot::native(&sandbox, Arc::clone(&policy) as _, provenance())),
            clouds: Arc::new(Circuits::default()),
            clients: Clients::default(),
            requests_per_operation: 64,
        };
        let account = accounts.open("main", &config, Arc::new(slot)).await.unwrap();
        Self { account, cloud, connector, policy, broker, clock, store, config }
    }

    /// Moves the clocks.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Asks for a session as an operation does.
    pub(crate) async fn want(&self, cause: Cause) -> Result<Refreshed, RefreshError> {
        let generation = self.session().generation;
        Refresh::of_nobody(&self.account, "test").refresh(cause, generation).await
    }

    pub(crate) async fn answer(&self, answer: &str) -> Result<Progressed, NotProgressed> {
        self.account.answer(&Answer::parse(answer.as_bytes())?).await
    }

    pub(crate) fn session(&self) -> Arc<Cell> {
        self.account.context.cells.slot(SESSION).unwrap().current()
    }

    /// Names of the secrets of the session.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.session().secrets.keys().cloned().collect()
    }

    pub(crate) fn sign_ins(&self) -> u32 {
        self.account.context.sign_ins.used(self.clock.now())
    }

    /// Word for the state of the account.
    pub(crate) fn state(&self) -> String {
        self.document()["state"].as_str().unwrap().to_owned()
    }

    /// The account's state as the broker has it.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.last("b/account/main/state")).unwrap()
    }

    /// The question as the broker has it; none if it is cleared.
    pub(crate) fn question(&self) -> Option<Value> {
        serde_json::from_slice(&self.last("b/account/main/question")).ok()
    }

    fn last(&self, topic: &str) -> Vec<u8> {
        let messages = self.broker.0.lock();
        let last = messages.iter().rev().find(|message| message.topic == topic);
        last.map(|message| message.payload.clone()).unwrap_or_default()
    }

    /// Kinds of the events so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let messages = self.broker.0.lock();
        let events = messages.iter().filter(|message| message.topic == "b/bridge/event");
        let kind = |message: &Outgoing| {
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            event["event_type"].as_str().unwrap().to_owned()
        };
        events.map(kind).collect()
    }

    /// Everything that was published, in one text.
    pub(crate) fn said(&self) -> String {
        let messages = self.broker.0.lock();
        messages.iter().map(|it| format!("{} {}\n", it.topic, String::from_utf8_lossy(&it.payload))).collect()
    }

    /// What the store has of a kind, in one text.
    pub(crate) async fn stored(&self, kind: Kind) -> String {
        let records = self.store.list(kind).await.unwrap();
        records
            .into_iter()
            .map(|(key, value)| format!("{key} {}\n", String::from_utf8_lossy(&value)))
            .collect()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(24 * 3_600);
        while !is_so(self) {
            assert!(Instant::now() < until, "it never came to that: {}", self.said());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
