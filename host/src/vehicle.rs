//! One vehicle: its place in the cloud, its queue, and what is known of it.

pub(crate) mod controls;
mod identity;
mod memory;
pub(crate) mod polling;
pub(crate) mod preferences;
mod queue;
pub mod state;
mod waking;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use self::controls::{Controls, Lasting};
pub(crate) use self::identity::Identity;
pub(crate) use self::memory::{Found, Memory, Missing};
use self::polling::{Day, Rhythm, least_interval};
use self::preferences::Preferences;
use self::queue::Queue;
pub(crate) use self::queue::Turn;
use self::state::Known;
pub(crate) use self::waking::Waking;
use crate::account::Account;
use crate::config;
use crate::protect::quota::DailyQuota;
use crate::store::{Kind, StoreError, Write, load_document};
use crate::wire::operation::{OperationName, OwnName};
use crate::wire::preference::ClimatePreference;

/// One vehicle.
#[derive(Debug)]
pub struct Vehicle {
    /// Slug of the vehicle, which names it in topics.
    pub slug: String,
    /// Account of the vehicle.
    pub account: Arc<Account>,
    /// Configuration of the vehicle.
    pub(crate) configured: config::Vehicle,
    /// Circles on earth that it is told to come into and to leave.
    pub(crate) geofences: Arc<[config::Geofence]>,
    /// Car that it was when it was last found.
    pub(crate) identity: Arc<Identity>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) memory: Arc<Mutex<Memory>>,
    /// Count of the reads that have woken the vehicle up.
    pub(crate) forced_reads: Arc<DailyQuota>,
}

/// Knowledge of a vehicle, or of its controls, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored<K> {
    /// Digest of the configured choice. Another choice may be another car.
    chosen_by: String,
    known: K,
}

impl Vehicle {
    /// Opens a vehicle with what the store knows of it; it is one of `cars` of its account that are read by
    /// themselves. It is complete once it has [taken effect](Self::take_effect).
    pub(crate) async fn open(
        slug: &str,
        config: &config::Vehicle,
        geofences: Arc<[config::Geofence]>,
        account: Arc<Account>,
        cars: u32,
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
        // With what is left of the day spread over its cars, as between two reads by themselves.
        let day = Day::of(&account.requests, now);
        let least = day.and_then(|day| least_interval(day, cars, 1)).unwrap_or_default();
        let was_just_read = |poll: config::Poll| memory.rhythm.was_just_read(&poll, least, now);
        let was_just_read = config.poll.is_some_and(was_just_read);
        memory.rhythm.not_after(now);
        if was_just_read {
            // The next read is due when it would have been without a restart.
            (memory.was_read, memory.is_confirmed) = (true, true);
        }
        // An earlier host has stored nothing else.
        if let (Some(operations), []) =
            (memory.known.operations.clone(), memory.known.offered.operations().as_slice())
        {
            memory.known.offered.listed(&operations, "", "", now);
        }
        // A host begins with what an earlier one knew.
        memory.publish();
        Ok(Self {
            slug: slug.to_owned(),
            identity: Arc::new(identity),
            account,
            configured: config.clone(),
            geofences,
            queue: Arc::default(),
            memory: Arc::new(Mutex::new(memory)),
            forced_reads: Arc::new(forced_reads),
        })
    }

    /// The same vehicle under another configuration, or another one of its account: with the same queue, the
    /// same memory and the same counts, so that what has begun with the one does not meet what begins with the
    /// other. None if that configuration may mean another car.
    pub(crate) fn configured_anew(&self, config: &config::Vehicle, account: &Arc<Account>) -> Option<Self> {
        if config.selector != self.configured.selector || account.slug != self.account.slug {
            return None;
        }
        Some(Self {
            slug: self.slug.clone(),
            account: Arc::clone(account),
            configured: config.clone(),
            geofences: Arc::clone(&self.geofences),
            identity: Arc::clone(&self.identity),
            queue: Arc::clone(&self.queue),
            memory: Arc::clone(&self.memory),
            forced_reads: Arc::clone(&self.forced_reads),
        })
    }

    /// Lets the configuration take effect outside of this value: in the count of its reads, in what its account's
    /// connector is told, and in the geofences that it is in.
    pub(crate) fn take_effect(&self) {
        // Which circle it is in tells where it is.
        let geofences = if self.shows_location() { &*self.geofences } else { &[] };
        self.learn(|memory| memory.rhythm.fit(geofences));
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
            memory.known.offered.may_have_everything();
            (memory.found, memory.missing, memory.was_read, memory.refusals) = (None, None, false, 0);
        });
    }

    /// The operation of this name that only its connector knows.
    pub(crate) fn own_operation(&self, name: &str) -> Option<OperationName> {
        let granted = self.account.granted.operations.get(name)?;
        Some(OperationName::Other(OwnName::new(name, granted.effect)))
    }

    /// Whether the configuration lets this operation be commanded.
    pub(crate) fn allows(&self, name: OperationName) -> bool {
        self.configured.allow.contains(&name.permission())
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
        missing || self.refused(&memory, name)
    }

    /// Whether the vendor has said lately that it does not have this operation.
    fn refused(&self, memory: &Memory, name: OperationName) -> bool {
        memory.known.offered.is_unsupported(name.as_str(), self.account.clock().now())
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
                let preferences = &mut vehicle.memory().controls.preferences;
                *preferences = preferences.without(preference, before);
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
        if self.refused(memory, name) {
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
