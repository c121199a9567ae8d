//! Home Assistant: when it is told of what there is.
//!
//! What it is told follows from the configuration and from what is known of the vehicles; `homeassistant` makes the
//! documents of that. The desk publishes them before anything else at every connection and some time after Home
//! Assistant has started, and one of them by itself when it has changed. `book` keeps what the broker may have, so that
//! whatever is not told any more is cleared, by this host or the next one.

mod book;
mod facts;
mod requests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch as signal;
use tokio::time::Instant;

use self::book::Book;
use self::facts::Facts;
use super::fleet::Fleet;
use crate::config::{Config, Discovery, HomeAssistant};
use crate::homeassistant::Form;
use crate::services::Services;
use crate::store::StoreError;
use crate::wire::message::Outgoing;

/// What Home Assistant says when it has started. Anything else it says on that topic changes nothing for the host.
const BORN: &[u8] = b"online";

/// Shortest and longest time from that until everything is published again, in seconds: it takes some time until it
/// listens, and every program of the house publishes then.
const AFTER_BIRTH: (f64, f64) = (1.0, 5.0);

/// Time in which Home Assistant may still be at work on a document. It drops a part of the next one if that comes
/// meanwhile, so one that follows within this time is said once more when it is over.
const AT_WORK: Duration = Duration::from_secs(15);

/// Tells Home Assistant what there is.
#[derive(Debug)]
pub(super) struct DiscoveryDesk {
    services: Arc<Services>,
    settings: HomeAssistant,
    facts: Facts,
    book: Arc<Book>,
    /// Times at which each device was told. Held while documents are published, so that none is followed by an older
    /// one.
    told: Mutex<BTreeMap<String, Instant>>,
    /// Turn to look at what there is and to write that down, which waits for the disk: what was looked at before
    /// must not be written down after what was looked at later.
    turn: tokio::sync::Mutex<()>,
    /// Vehicles of which more or less may be known than was told.
    changed: Mutex<BTreeSet<String>>,
    wake: signal::Sender<()>,
    /// Whether anything was published yet; before that there is no broker to tell.
    is_announced: AtomicBool,
    /// Whether Home Assistant has started and was not told yet.
    is_born: AtomicBool,
}

impl DiscoveryDesk {
    /// Describes everything that there is, and has written down what the broker may have from now on.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn open(
        config: &Config,
        services: &Arc<Services>,
        fleet: &Arc<Fleet>,
    ) -> Result<Self, StoreError> {
        let settings = config.home_assistant.clone();
        let facts = Facts::new(config, services, fleet);
        let form = Form { discovery: settings.discovery, prefix: settings.prefix.clone() };
        let book = Arc::new(Book::open(form, &services.store).await?);
        if settings.discovery != Discovery::Off {
            book.keep(facts.configured());
            for device in facts.devices() {
                book.write_down(&device).await;
            }
        }
        Ok(Self {
            services: Arc::clone(services),
            settings,
            facts,
            book,
            told: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            changed: Mutex::default(),
            wake: signal::Sender::default(),
            is_announced: AtomicBool::new(false),
            is_born: AtomicBool::new(false),
        })
    }

    /// Takes what another configuration says of these accounts, and which vehicles are served now. What is not told
    /// any more is cleared, if there was a broker to tell.
    pub(super) async fn take<'a>(&self, config: &Config, accounts: impl Iterator<Item = &'a String>) {
        if !self.is_on() {
            return;
        }
        let _turn = self.turn.lock().await;
        self.facts.take(config, accounts);
        let devices = self.facts.devices();
        let configured = self.facts.configured();
        let ids = devices.iter().map(|device| device.id.clone()).chain(configured.iter().cloned());
        self.book.only(&ids.collect());
        self.book.keep(configured);
        for device in devices {
            self.book.write_down(&device).await;
        }
        if self.is_announced.load(Ordering::Relaxed) {
            self.announce();
        }
    }

    fn is_on(&self) -> bool {
        self.settings.discovery != Discovery::Off
    }

    /// Topic on which Home Assistant says that it has started; none if it is told nothing.
    pub(super) fn birth_topic(&self) -> Option<&str> {
        self.is_on().then_some(self.settings.status_topic.as_str())
    }

    /// Takes what Home Assistant says of itself, and returns after which time everything is to be published again; none
    /// if that is not needed, or is to come anyway.
    pub(super) fn take_birth(&self, payload: &[u8]) -> Option<Duration> {
        if !self.is_on() || payload.trim_ascii() != BORN || self.is_born.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (shortest, longest) = AFTER_BIRTH;
        Some(Duration::from_secs_f64(shortest + fastrand::f64() * (longest - shortest)))
    }

    /// Begins what follows Home Assistant's start. Another start from now on is answered by itself.
    pub(super) fn begin_again(&self) {
        self.is_born.store(false, Ordering::Relaxed);
    }

    /// Clears what is not told any more, and publishes everything that is. Returns how many documents that are.
    pub(super) fn announce(&self) -> usize {
        self.is_announced.store(true, Ordering::Relaxed);
        let mut told = self.told.lock();
        let now = Instant::now();
        told.extend(self.book.ids().into_iter().map(|id| (id, now)));
        self.publish(self.book.everything())
    }

    /// Takes note that more or less may be known of a vehicle than was told. Never waits.
    pub(super) fn changed(&self, vehicle: &str) {
        if self.is_on() && self.changed.lock().insert(vehicle.to_owned()) {
            self.wake.send_replace(());
        }
    }

    /// Publishes the documents that have changed. Returns the devices that were told something else a moment before.
    async fn tell_changes(&self) -> BTreeSet<String> {
        let _turn = self.turn.lock().await;
        let changed = std::mem::take(&mut *self.changed.lock());
        let mut hurried = BTreeSet::new();
        for slug in changed {
            let Some(device) = self.facts.vehicle(&slug) else { continue };
            if !self.book.write_down(&device).await || !self.is_announced.load(Ordering::Relaxed) {
                continue;
            }
            let mut told = self.told.lock();
            self.publish(self.book.of(&device.id));
            let before = told.insert(device.id.clone(), Instant::now());
            if before.is_some_and(|at| at.elapsed() < AT_WORK) {
                hurried.insert(device.id);
            }
        }
        hurried
    }

    /// Publishes documents once more.
    fn tell_again(&self, ids: &BTreeSet<String>) {
        let _told = self.told.lock();
        for id in ids {
            self.publish(self.book.of(id));
        }
    }

    fn publish(&self, messages: Vec<Outgoing>) -> usize {
        let documents = messages.iter().filter(|message| !message.payload.is_empty()).count();
        messages.into_iter().for_each(|message| self.services.publisher.publish(message));
        documents
    }
}
