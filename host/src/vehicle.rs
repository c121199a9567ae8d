//! One vehicle: its place in the cloud, its queue, and what is known of it.
//!
//! Operations that reach the vehicle itself are done one at a time and in order; those that only ask the
//! cloud may overtake, a few at a time.

pub(crate) mod controls;
mod identity;
pub(crate) mod polling;
pub(crate) mod preferences;
pub mod state;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

use crate::operation::supersession::Supersession;

use self::controls::{Controls, Lasting};
pub(crate) use self::identity::Identity;
use self::preferences::Preferences;
use crate::account::Account;
use crate::bindings::connector::VehicleRef;
use crate::config;
use crate::protect::quota::{DailyQuota, QuotaError};
use crate::protect::waking::{Bounds, Leave, Refusal};
use crate::store::{Kind, StoreError, Write, load_document};
use crate::vehicle::polling::{Plan, Rhythm};
use crate::vehicle::state::{Known, Published};
use crate::wire::operation::{Actuator, OperationName, OwnName};
use crate::wire::outcome::Reason;
use crate::wire::preference::ClimatePreference;
use jiff::Timestamp;

/// Most commands that may wait for one vehicle.
const MOST_COMMANDS_WAITING: usize = 16;

/// Most reads of one vehicle that may wait.
const MOST_READS_WAITING: usize = 64;

/// Most reads of one vehicle that may be under way at once.
const READS_AT_ONCE: usize = 8;

/// One vehicle.
#[derive(Debug)]
pub struct Vehicle {
    /// Slug of the vehicle, which names it in topics.
    pub slug: String,
    /// Account of the vehicle.
    pub account: Arc<Account>,
    /// Selector by which the configuration says which one it is.
    pub(crate) selector: config::Selector,
    /// Operations that may be commanded.
    pub(crate) allow: BTreeSet<OperationName>,
    /// Configuration of the vehicle.
    pub(crate) configured: config::Vehicle,
    /// Circles on earth that it is told to come into and to leave.
    pub(crate) geofences: Arc<[config::Geofence]>,
    /// Car that it was when it was last found.
    pub(crate) identity: Arc<Identity>,
    commands: Arc<FairMutex<()>>,
    commands_waiting: Arc<AtomicUsize>,
    reads_waiting: Arc<AtomicUsize>,
    reads: Arc<Semaphore>,
    newest: Arc<Mutex<HashMap<Actuator, watch::Sender<u64>>>>,
    pub(crate) memory: Arc<Mutex<Memory>>,
    /// Count of the reads that have woken the vehicle up.
    pub(crate) forced_reads: Arc<DailyQuota>,
}

/// Memory of a vehicle: what was last published or done.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Knowledge of the vehicle. Change it by [`Vehicle::learn`], so that it outlives a restart.
    pub(crate) known: Known,
    /// Rhythm of its reads. Change it by [`Vehicle::learn`] too.
    pub(crate) rhythm: Rhythm,
    /// That rhythm as it was stored last.
    pub(crate) rhythm_stored: Rhythm,
    /// Plan for its next read, as it was published last.
    pub(crate) plan: Option<Plan>,
    /// Whether anything was read since the host started, or so shortly before that nothing is due.
    pub(crate) is_confirmed: bool,
    /// Number of states published since the host started. What an earlier one knew is the first.
    pub(crate) seq: u64,
    /// Operations that the vendor said that it does not have.
    pub(crate) unsupported: BTreeSet<OperationName>,
    /// Place of the vehicle in the cloud, once that is known.
    pub(crate) found: Option<Found>,
    /// Reason why the account does not have it, since the list was last read.
    pub(crate) missing: Option<Missing>,
    /// Whether it was read since it was found.
    pub(crate) was_read: bool,
    /// Number of questions about it, or commands, that were refused for good in a row.
    pub(crate) refusals: u32,
    /// Time at which the list was last read because of such refusals.
    pub(crate) looked_at: Option<std::time::Duration>,
    /// The latest step of the latest command.
    pub(crate) last_report: Option<crate::wire::report::Report>,
    /// The vendor's identifier of the last command that the cloud took.
    pub(crate) last_action: Option<String>,
    /// What the controls show beyond what is known.
    pub(crate) controls: Controls,
    /// Whether the configuration does not have the vehicle any more. What is under way ends, and what it finds out
    /// is not stored: that is the place of whichever car has the name by then.
    pub(crate) is_over: bool,
}

/// A vehicle as the cloud lists it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) vehicle: VehicleRef,
    /// Car that it is (see [`identity`]), if that is known.
    pub(crate) car: Option<String>,
    pub(crate) operations: Vec<String>,
}

/// Absence of a vehicle from its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) message: String,
    pub(crate) since: Timestamp,
}

impl Memory {
    /// The state as it was published last, or as an earlier host knew it; none before anything was read.
    pub(crate) fn published(&self) -> Option<Published> {
        self.known.published(self.is_current(), self.seq)
    }

    /// Whether what is known is what the cloud had when it was to be read last.
    fn is_current(&self) -> bool {
        self.is_confirmed && !self.rhythm.is_stale()
    }

    /// The next state to publish. It has a number of its own; what is not published has none.
    pub(crate) fn publish(&mut self) -> Option<Published> {
        let published = self.known.published(self.is_current(), self.seq + 1)?;
        self.seq += 1;
        Some(published)
    }

    /// Returns the operations that the cloud's list says that it has, now or when an earlier host was told;
    /// none before it was found.
    pub(crate) fn operations(&self) -> Option<Vec<String>> {
        let found = self.found.as_ref().map(|found| &found.operations);
        found.or(self.known.operations.as_ref()).cloned()
    }
}

/// Knowledge of a vehicle, or of its controls, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored<K> {
    /// Digest of the configured choice. Another choice may be another car.
    chosen_by: String,
    known: K,
}

/// A place in a vehicle's queue. Waiting for it keeps the order of arrival.
#[derive(Debug)]
pub(crate) enum Turn {
    Command { _turn: OwnedMutexGuard<()> },
    Read { _turn: OwnedSemaphorePermit },
}

/// Counts a waiting command for as long as it exists.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Vehicle {
    /// Opens a vehicle with what the store knows of it. It is complete once it has [taken
    /// effect](Self::take_effect).
    pub(crate) async fn open(
        slug: &str,
        config: &config::Vehicle,
        geofences: Arc<[config::Geofence]>,
        account: Arc<Account>,
    ) -> Result<Self, StoreError> {
        if let config::Selector::Vin(vin) = &config.selector {
            crate::redact::remember_vin(vin);
        }
        account.services.metrics.open_vehicle(slug);
        let limit = Some(config.force.max_per_day);
        let store = &account.services.store;
        let forced_reads = DailyQuota::open("forced-reads", slug, limit, store).await?;
        let identity = Identity::open(slug, &config.selector, &account).await?;
        let stored: Option<Stored<Known>> = load_document(store.as_ref(), Kind::Known, slug).await?;
        let of_this = |chosen_by: &str| chosen_by == identity.chosen_by();
        let known = stored.filter(|stored| of_this(&stored.chosen_by)).map(|stored| stored.known);
        let lasting: Option<Stored<Lasting>> = load_document(store.as_ref(), Kind::Controls, slug).await?;
        let lasting = lasting.filter(|stored| of_this(&stored.chosen_by)).map(|stored| stored.known);
        let preferences: Option<Stored<Preferences>> =
            load_document(store.as_ref(), Kind::Preferences, slug).await?;
        let preferences = preferences.filter(|stored| of_this(&stored.chosen_by)).map(|stored| stored.known);
        let controls = Controls::restored(lasting.unwrap_or_default(), preferences.unwrap_or_default());
        let rhythm: Option<Stored<Rhythm>> = load_document(store.as_ref(), Kind::Rhythm, slug).await?;
        let rhythm = rhythm.filter(|stored| of_this(&stored.chosen_by)).map(|stored| stored.known);
        let rhythm = rhythm.unwrap_or_default();
        let mut memory = Memory {
            known: known.unwrap_or_default(),
            rhythm_stored: rhythm.clone(),
            rhythm,
            controls,
            ..Memory::default()
        };
        let now = account.services.clock.now();
        memory.known.not_after(now);
        if let Some(poll) = &config.poll
            && memory.rhythm.was_just_read(poll, now)
        {
            // The next read is due when it would have been without a restart.
            (memory.was_read, memory.is_confirmed) = (true, true);
        }
        // An earlier host has stored nothing else.
        if let (Some(operations), []) =
            (memory.known.operations.clone(), memory.known.offered.operations().as_slice())
        {
            memory.known.offered.listed(&operations, "", "", now);
        }
        memory.unsupported = memory.known.offered.unsupported(now).filter_map(OperationName::named).collect();
        // A host begins with what an earlier one knew.
        memory.publish();
        Ok(Self {
            slug: slug.to_owned(),
            identity: Arc::new(identity),
            account,
            selector: config.selector.clone(),
            allow: config.allow.clone(),
            configured: config.clone(),
            geofences,
            commands: Arc::default(),
            commands_waiting: Arc::default(),
            reads_waiting: Arc::default(),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            newest: Arc::default(),
            memory: Arc::new(Mutex::new(memory)),
            forced_reads: Arc::new(forced_reads),
        })
    }

    /// The same vehicle under another configuration, or another one of its account: with the same queue, the
    /// same memory and the same counts, so that what has begun with the one does not meet what begins with the
    /// other. None if that configuration may mean another car.
    pub(crate) fn configured_anew(&self, config: &config::Vehicle, account: &Arc<Account>) -> Option<Self> {
        if config.selector != self.selector || account.slug != self.account.slug {
            return None;
        }
        Some(Self {
            slug: self.slug.clone(),
            account: Arc::clone(account),
            selector: self.selector.clone(),
            allow: config.allow.clone(),
            configured: config.clone(),
            geofences: Arc::clone(&self.geofences),
            identity: Arc::clone(&self.identity),
            commands: Arc::clone(&self.commands),
            commands_waiting: Arc::clone(&self.commands_waiting),
            reads_waiting: Arc::clone(&self.reads_waiting),
            reads: Arc::clone(&self.reads),
            newest: Arc::clone(&self.newest),
            memory: Arc::clone(&self.memory),
            forced_reads: Arc::clone(&self.forced_reads),
        })
    }

    /// Lets the configuration take effect outside of this value: in the count of its reads, and in what its
    /// account's connector is told.
    pub(crate) fn take_effect(&self) {
        self.forced_reads.set_limit(Some(self.configured.force.max_per_day));
        self.account.described.describe_vehicle(&self.slug, self.configured.right_hand_drive);
    }

    /// Whether it is the same vehicle as another value, be it under another configuration: they share what is known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.memory, &other.memory)
    }

    /// Ends the vehicle: the configuration does not have it any more. Whoever publishes something of it at this
    /// moment has done so when this returns. Returns the number of the state that was published last.
    pub(crate) fn end(&self) -> u64 {
        let mut memory = self.memory();
        memory.is_over = true;
        memory.seq
    }

    /// Has the vehicle looked for and read again, as after a start: its account is another one.
    pub(crate) fn look_again(&self) {
        self.learn(|memory| {
            memory.unsupported.clear();
            (memory.found, memory.missing, memory.was_read, memory.refusals) = (None, None, false, 0);
        });
    }

    /// Takes a place in the queue at once, and returns a future that ends when it is this operation's turn.
    /// None if too many wait already.
    pub(crate) fn enqueue(
        &self,
        name: OperationName,
    ) -> Option<impl Future<Output = Option<Turn>> + Send + use<>> {
        let (waiting, limit) = if name.reaches_vehicle() {
            (&self.commands_waiting, MOST_COMMANDS_WAITING)
        } else {
            (&self.reads_waiting, MOST_READS_WAITING)
        };
        if waiting.fetch_add(1, Ordering::Relaxed) >= limit {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let place = Waiting(Arc::clone(waiting));
        let command = name.reaches_vehicle().then(|| {
            let mut turn = Box::pin(Arc::clone(&self.commands).lock_owned());
            // A lock queues up what has polled it, so the first poll is here, where commands arrive in order.
            let at_once = (&mut turn).now_or_never();
            (turn, at_once)
        });
        let reads = Arc::clone(&self.reads);
        Some(async move {
            let turn = match command {
                Some((_, Some(turn))) => Turn::Command { _turn: turn },
                Some((turn, None)) => Turn::Command { _turn: turn.await },
                None => Turn::Read { _turn: reads.acquire_owned().await.ok()? },
            };
            drop(place);
            Some(turn)
        })
    }

    /// Registers a command for an actuator: it takes the place of older ones, and is told when a newer one
    /// takes its.
    pub(crate) fn newest(&self, name: OperationName) -> Supersession {
        let Some(actuator) = name.actuator() else { return Supersession::never() };
        let mut newest = self.newest.lock();
        let newest = newest.entry(actuator).or_default();
        newest.send_modify(|number| *number += 1);
        let number = *newest.borrow();
        Supersession::by_what_follows(number, newest.subscribe())
    }

    /// The operation of this name that only its connector knows.
    pub(crate) fn own_operation(&self, name: &str) -> Option<OperationName> {
        let granted = self.account.granted.operations.get(name)?;
        Some(OperationName::Other(OwnName::new(name, granted.effect)))
    }

    /// Whether the configuration lets this operation be commanded.
    pub(crate) fn allows(&self, name: OperationName) -> bool {
        self.allow.contains(&name.permission())
    }

    /// Whether its owner lets its position leave this host, by whichever way. What shows a position asks here.
    pub(crate) fn shows_location(&self) -> bool {
        self.configured.location
    }

    /// Whether it is known that the vehicle does not have this operation: the cloud's list says so, or the
    /// vendor did when it was tried.
    pub(crate) fn lacks(&self, name: OperationName) -> bool {
        let name = name.permission();
        let memory = self.memory();
        let listed = memory.found.as_ref().map(|found| &found.operations);
        let missing = listed.is_some_and(|listed| self::listed(listed, name).is_none());
        missing || memory.unsupported.contains(&name)
    }

    /// Changes what is known, and has it stored soon. A crash may forget the last answer; the next read
    /// brings it again.
    pub(crate) fn learn<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.memory();
        let (known, lasting) = (memory.known.clone(), memory.controls.lasting.clone());
        let answer = change(&mut memory);
        if memory.is_over {
            return answer;
        }
        let known = memory.known.is_worth_storing(&known).then(|| self.record(Kind::Known, &memory.known));
        let lasting = (memory.controls.lasting != lasting)
            .then(|| self.record(Kind::Controls, &memory.controls.lasting));
        let rhythm = memory.rhythm.is_worth_storing(&memory.rhythm_stored).then(|| {
            memory.rhythm_stored = memory.rhythm.clone();
            self.record(Kind::Rhythm, &memory.rhythm)
        });
        match known.into_iter().chain(lasting).chain(rhythm).collect::<Result<Vec<_>, _>>() {
            Ok(writes) if writes.is_empty() => {}
            // Under the lock, so that what is learned later is stored later.
            Ok(writes) => drop(self.account.services.store.commit(writes)),
            Err(error) => tracing::error!(vehicle = self.slug, "what is known is not stored: {error}"),
        }
        answer
    }

    /// Makes something a preference of the owner's, from now on, and returns the future of its storage. Of
    /// two calls the later one holds.
    ///
    /// # Errors
    ///
    /// When it could not be stored; then it is no preference any more.
    pub(crate) fn prefer(
        self: &Arc<Self>,
        preference: ClimatePreference,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (before, stored) = {
            let mut memory = self.memory();
            let before = memory.controls.preferences;
            memory.controls.preferences = before.with(preference);
            let record = self.record(Kind::Preferences, &memory.controls.preferences);
            // Under the lock, so that what is preferred later is stored later.
            (before, record.map(|write| self.account.services.store.commit(vec![write])))
        };
        let vehicle = Arc::clone(self);
        async move {
            let stored = match stored {
                Ok(storing) => storing.await,
                Err(error) => Err(error),
            };
            if stored.is_err() {
                vehicle.memory().controls.preferences = before;
            }
            stored
        }
    }

    fn record(&self, kind: Kind, known: &impl Serialize) -> Result<Write, StoreError> {
        let chosen_by = self.identity.chosen_by().to_owned();
        Write::document(kind, &self.slug, &Stored { chosen_by, known })
    }

    /// Changes what is known by what was found out of a car; does nothing if another one has its place by
    /// now. See [`Identity::is_still`].
    pub(crate) fn learn_of<T>(&self, car: Option<&str>, change: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        // Under the lock: a car that takes the place forgets after that what this one has learned.
        self.learn(|memory| self.identity.is_still(car).then(|| change(memory)))
    }

    /// Returns the number of commands and reads that wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        let waiting = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        waiting(&self.commands_waiting).saturating_add(waiting(&self.reads_waiting))
    }

    /// Counts a read that wakes the vehicle up, if it may be woken up now.
    ///
    /// # Errors
    ///
    /// When it may not, or that cannot be counted: why, for programs and for people.
    pub(crate) async fn wake(&self, now: Timestamp) -> Result<Leave, (Reason, String)> {
        let force = self.configured.force;
        let bounds = Bounds { least_aux_percent: force.min_aux_soc, gap: force.min_gap };
        let aux = self.memory().published().and_then(|it| it.state.aux_battery_percent);
        let leave = bounds.admit(aux, self.forced_reads.last(now), now).map_err(|refusal| {
            let reason = match refusal {
                Refusal::AuxBatteryLow { .. } => Reason::AuxBatteryLow,
                Refusal::TooEarly { .. } => Reason::Cooldown,
            };
            (reason, refusal.to_string())
        })?;
        match self.forced_reads.count(now).await {
            Ok(()) => {}
            Err(why @ QuotaError::Used { .. }) => {
                return Err((Reason::Cooldown, format!("{why} (force.max_per_day)")));
            }
            Err(QuotaError::NotStored(error)) => return Err((Reason::HostFault, error.to_string())),
        }
        if leave == Leave::Unknown {
            tracing::warn!(vehicle = self.slug, "it is woken up, and nothing is known of its 12 V battery");
        }
        Ok(leave)
    }

    /// Expects a change of the vehicle soon: somebody has commanded it, or wanted to know how it is.
    pub(crate) fn stir(&self) {
        self.memory().rhythm.stir();
        self.account.stirred.notify_one();
    }

    pub(crate) fn memory(&self) -> parking_lot::MutexGuard<'_, Memory> {
        self.memory.lock()
    }
}

/// What is known of a vehicle and one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    /// It has it, and it may be commanded.
    Has,
    /// It does not have it, or the configuration does not allow it, or not without a secret that is not there.
    Lacks,
    /// The vendor has said that it does not have it, when it was tried.
    LearnedUnsupported,
}

impl Vehicle {
    /// Returns whether an operation can be commanded of it, if these are those that lists say that it has. `memory` is
    /// its own.
    pub(crate) fn capability(
        &self,
        memory: &Memory,
        operations: &[String],
        name: OperationName,
    ) -> Capability {
        let secrets = &self.account.context.secrets;
        let is_there = |needs: Option<&str>| needs.is_none_or(|secret| secrets.contains_key(secret));
        if memory.unsupported.contains(&name) {
            Capability::LearnedUnsupported
        } else if self.allows(name) && listed(operations, name).is_some_and(is_there) {
            Capability::Has
        } else {
            Capability::Lacks
        }
    }

    /// Operations that can be commanded of a vehicle at all, with those of its connector's own.
    pub(crate) fn commandable(&self) -> impl Iterator<Item = OperationName> {
        let own = self.account.granted.operations.keys().filter_map(|name| self.own_operation(name));
        OperationName::COMMANDABLE.into_iter().chain(own)
    }
}

/// Finds an operation among those that a connector lists; in it the secret that it needs, if any.
pub(crate) fn listed(operations: &[String], name: OperationName) -> Option<Option<&str>> {
    operations.iter().find_map(|operation| match operation.split_once('+') {
        Some((operation, secret)) => (operation == name.as_str()).then_some(Some(secret)),
        None => (operation == name.as_str()).then_some(None),
    })
}
