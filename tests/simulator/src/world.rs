//! All state of the cloud behind one lock.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::action::Outcome;
use crate::barrier::Barrier;
use crate::cci::{Gate, TokenSets};
use crate::config::Config;
use crate::counters::Counters;
use crate::envelope::{Answer, By, Refused};
use crate::faults::Refusal;
use crate::idp::Provider;
use crate::kit::{self, Clock, FaultTable, Ids, Log};
use crate::log::LogEntry;
use crate::route::RouteKind;
use crate::session::Session;
use crate::vehicle::{Vehicle, VehicleConfig};

/// What a request can see and change. Every request does so in one go under the lock, so requests have an order.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) session: Session,
    pub(crate) provider: Provider,
    pub(crate) tokens: TokenSets,
    pub(crate) gate: Gate,
    pub(crate) vehicles: Vec<Vehicle>,
    pub(crate) ids: Ids,
    pub(crate) log: Log<LogEntry>,
    pub(crate) faults: FaultTable<RouteKind>,
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
            provider: Provider::default(),
            tokens: TokenSets::default(),
            gate: Gate::new(config.gate_keys.clone()),
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
        Refused { reason: reason.to_owned(), by: By::Token, answer }
    }

    /// Everything that was made to go wrong goes right again. Tokens that were ended stay ended.
    pub(crate) fn restore(&mut self) {
        self.faults.clear();
        self.barrier = None;
        self.refusal = Refusal::default();
        self.outcome = Outcome::default();
        self.next_outcomes.clear();
        self.ahead = SignedDuration::ZERO;
        self.provider.restore();
        self.gate = Gate::new(self.config.gate_keys.clone());
        self.session.grant_dead = false;
        self.session.tokens_dead = false;
        self.session.wrong_pins = 0;
        for vehicle in &mut self.vehicles {
            vehicle.reachable = true;
        }
    }
}

/// The world, the counters that can be waited on, and the signals that requests wait for.
pub(crate) type Shared = kit::Shared<World, Counters>;

impl Shared {
    pub(crate) fn new(config: Config, clock: Clock) -> Self {
        Self::around(World::new(config, clock), Counters::default())
    }
}
