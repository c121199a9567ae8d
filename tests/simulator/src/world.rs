//! All state of the cloud behind one lock, and what can be waited for outside of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use crate::action::Outcome;
use crate::barrier::Barrier;
use crate::config::Config;
use crate::counters::Counters;
use crate::envelope::{Answer, Refused};
use crate::faults::{FaultTable, Refusal};
use crate::ids::Ids;
use crate::log::Log;
use crate::session::Session;
use crate::vehicle::{Vehicle, VehicleConfig};

/// What time it is for the cloud, before [`crate::Control::set_clock_ahead`].
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that is asked whenever the cloud wants to know.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's.
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// What a request can see and change. Every request does so in one go under the lock, so requests have an order.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) session: Session,
    pub(crate) vehicles: Vec<Vehicle>,
    pub(crate) ids: Ids,
    pub(crate) log: Log,
    pub(crate) faults: FaultTable,
    pub(crate) barrier: Option<Barrier>,
    /// How refused tokens are worded.
    pub(crate) refusal: Refusal,
    /// How commands end unless something is queued for them.
    pub(crate) outcome: Outcome,
    /// How the next commands end, one each.
    pub(crate) next_outcomes: VecDeque<Outcome>,
    /// How far the server's clock is ahead.
    pub(crate) ahead: SignedDuration,
    clock: Clock,
}

impl World {
    fn new(config: Config, clock: Clock) -> Self {
        let now = clock.now();
        Self {
            session: Session::new(&config),
            vehicles: config.vehicles.iter().cloned().map(|car| Vehicle::new(car, now)).collect(),
            ids: Ids::new(config.seed),
            log: Log::new(config.log_capacity),
            faults: FaultTable::default(),
            barrier: None,
            refusal: Refusal::default(),
            outcome: Outcome::default(),
            next_outcomes: VecDeque::new(),
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

    /// When something that is given out now and lives this long dies.
    pub(crate) fn expiry(&self, lifetime: Duration) -> Timestamp {
        self.now().checked_add(lifetime).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn vehicle(&self, id: &str) -> Option<&Vehicle> {
        self.vehicles.iter().find(|vehicle| vehicle.config.id == id)
    }

    pub(crate) fn vehicle_mut(&mut self, id: &str) -> Option<&mut Vehicle> {
        self.vehicles.iter_mut().find(|vehicle| vehicle.config.id == id)
    }

    pub(crate) fn add_vehicle(&mut self, car: VehicleConfig) {
        let now = self.now();
        self.vehicles.push(Vehicle::new(car, now));
    }

    /// The gateway turns a token down, in the words that are set.
    pub(crate) fn refuse_token(&self, reason: &str) -> Refused {
        let answer = Answer::raw(self.refusal.status, self.refusal.body.clone(), Vec::new());
        Refused { reason: reason.to_owned(), by_token: true, answer }
    }

    /// Everything that was made to go wrong goes right again. Tokens that were ended stay ended.
    pub(crate) fn restore(&mut self) {
        self.faults.clear();
        self.barrier = None;
        self.refusal = Refusal::default();
        self.outcome = Outcome::default();
        self.next_outcomes.clear();
        self.ahead = SignedDuration::ZERO;
        self.session.grant_dead = false;
        self.session.tokens_dead = false;
        self.session.wrong_pins = 0;
        for vehicle in &mut self.vehicles {
            vehicle.reachable = true;
        }
    }
}

/// The world, the counters that can be waited on, and the signals that requests wait for.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    counters: watch::Sender<Counters>,
    released: Notify,
    gone: Arc<AtomicBool>,
}

impl Shared {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        Self {
            world: Mutex::new(World::new(config, clock)),
            counters: watch::Sender::new(Counters::default()),
            released: Notify::new(),
            gone: Arc::default(),
        }
    }

    /// The state, for as long as the guard lives; never held across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // A test that panicked in a closure under the lock must not take the cloud down for its clean-up.
        self.world.lock()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        self.counters.send_modify(change);
    }

    pub(crate) fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.subscribe()
    }

    /// Counts the caller as held until the guard is dropped.
    pub(crate) fn count_held(&self) -> impl Drop + use<'_> {
        self.count(|counters| counters.held += 1);
        Held(self)
    }

    /// Waits for the next release.
    pub(crate) async fn hold(&self) {
        // Made before it counts as held, so that who sees it held and releases does release it.
        let released = self.released.notified();
        let _held = self.count_held();
        released.await;
    }

    pub(crate) fn release(&self) {
        self.released.notify_waiters();
    }

    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Cuts all connections at their next move and lets everything that is held go.
    pub(crate) fn close(&self) {
        self.gone.store(true, Ordering::Release);
        self.world().barrier = None;
        self.release();
    }
}

struct Held<'a>(&'a Shared);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.count(|counters| counters.held -= 1);
    }
}
