//! Reads of vehicles by themselves: each account's cars in turn, when `vehicle/polling` says that one is due.
//!
//! Such a read goes the way of any other: the account's latch, throttle and circuits, its budget and the
//! vehicle's queue. It asks the cloud for what that last heard, and wakes no vehicle up (`waking` does, for owners
//! who want it). Nobody has asked for it, so no report is published.

mod car;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::car::{Car, InTrouble, jitter};
use super::{VehicleDesk, waking};
use crate::account::Account;
use crate::events::VehicleEvent;
use crate::operation::Operation;
use crate::vehicle::polling::{
    About, Day, Mode, Obstacle, Plan, Situation, Trouble, least_interval, plan, quiet,
};
use crate::vehicle::{Memory, Vehicle};
use crate::wire::outcome::Reason;

/// Longest time until it is noticed that the machine has slept, or that its clock was set.
const NOTICE: Duration = Duration::from_secs(600);

/// Shortest time between two looks at the plans.
const SHORTEST: Duration = Duration::from_secs(1);

/// Least age at which what is known is stale, if it could not be read since.
const STALE: Duration = Duration::from_secs(2 * 3_600);

/// Reads an account's vehicles by themselves. Returns when there is none that is read so.
pub(super) async fn poll(desk: &Arc<VehicleDesk>, account: &Arc<Account>, vehicles: &[Arc<Vehicle>]) {
    vehicles.iter().for_each(|vehicle| desk.end_plan(vehicle));
    let cars: Vec<Car> = vehicles.iter().filter_map(|vehicle| Car::of(desk, vehicle)).collect();
    if !cars.is_empty() {
        Rounds { desk: Arc::clone(desk), account: Arc::clone(account), cars, cost: 1 }.go_on().await;
    }
}

/// Rounds of the reads of an account's cars.
struct Rounds {
    desk: Arc<VehicleDesk>,
    account: Arc<Account>,
    cars: Vec<Car>,
    /// Number of requests that the last read has cost.
    cost: u32,
}

/// What is to be done next.
enum Next {
    Read(usize),
    Wake(usize),
    /// Nothing for this time.
    Nothing(Duration),
}

impl Rounds {
    async fn go_on(mut self) {
        loop {
            match self.look() {
                Next::Read(index) => self.read(index).await,
                Next::Wake(index) => self.wake(index).await,
                Next::Nothing(wait) => {
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.account.stirred.notified() => {}
                    }
                }
            }
        }
    }

    /// Plans all reads anew, and returns what is due; of several reads that of the car that was read longest ago.
    fn look(&mut self) -> Next {
        let now = self.account.clock().now();
        let (mut first, mut wait) = (None, NOTICE);
        for car in &mut self.cars {
            car.vehicle.learn(|memory| memory.rhythm.not_after(now));
            let last = car.last_read_at();
            car.trouble.take_if(|trouble| trouble.since != last);
        }
        for (index, car) in self.cars.iter().enumerate() {
            let plan = self.plan(car, now);
            self.show(car, &plan, now);
            if plan.is_due(now) {
                let since = (plan.last_read_at, index);
                first = Some(first.map_or(since, |earlier: (Option<Timestamp>, usize)| earlier.min(since)));
            } else if let Some(next) = plan.next_read_at {
                wait = wait.min(Duration::try_from(next.duration_since(now)).unwrap_or_default());
            }
        }
        match (first, self.next_to_wake(first.is_some(), now)) {
            (Some((_, index)), _) => Next::Read(index),
            (None, Some(index)) => Next::Wake(index),
            (None, None) => Next::Nothing(wait.max(SHORTEST)),
        }
    }

    /// Returns a car that is to be woken up, as its owner wants it. That is considered once after each read, whoever
    /// wanted it: the cloud may have had something newer. Reads come first.
    fn next_to_wake(&mut self, has_read: bool, now: Timestamp) -> Option<usize> {
        if has_read {
            return None;
        }
        let is_spent = self.least_interval(now).is_none();
        let due: Vec<bool> = self.cars.iter().map(|car| self.is_to_be_woken(car, is_spent, now)).collect();
        for (car, _) in self.cars.iter_mut().zip(&due).filter(|(_, due)| !**due) {
            car.considered = car.last_read_at();
        }
        due.iter().position(|due| *due)
    }

    fn is_to_be_woken(&self, car: &Car, is_spent: bool, now: Timestamp) -> bool {
        let memory = car.vehicle.memory();
        memory.rhythm.last_read_at() != car.considered
            && waking::is_due(&car.vehicle, &memory, now)
            && !quiet::is_now(&car.poll, &self.account.time_zone, now)
            && self.obstacle(car, &memory, is_spent, now).is_none()
    }

    async fn wake(&mut self, index: usize) {
        let Some(car) = self.cars.get_mut(index) else { return };
        car.considered = car.last_read_at();
        let vehicle = Arc::clone(&car.vehicle);
        self.desk.wake_if_due(&vehicle).await;
    }

    fn plan(&self, car: &Car, now: Timestamp) -> Plan {
        let least = self.least_interval(now);
        let memory = car.vehicle.memory();
        plan(&Situation {
            poll: &car.poll,
            rhythm: &memory.rhythm,
            zone: &self.account.time_zone,
            now,
            least: least.unwrap_or_default(),
            obstacle: self.obstacle(car, &memory, least.is_none(), now),
            jitter: car.jitter,
        })
    }

    /// Returns the shortest interval that the requests of the day allow; none if they allow no read.
    fn least_interval(&self, now: Timestamp) -> Option<Duration> {
        let Some(day) = Day::of(&self.account.requests, now) else { return Some(Duration::ZERO) };
        let cars = u32::try_from(self.cars.len()).unwrap_or(u32::MAX);
        least_interval(day, cars, self.cost)
    }

    /// Returns what is in the way of a read, and lasts longest.
    fn obstacle(&self, car: &Car, memory: &Memory, is_spent: bool, now: Timestamp) -> Option<Obstacle> {
        let account = &self.account;
        let place = match (&memory.missing, &memory.found) {
            (Some(missing), _) => Some(missing.message.clone()),
            (None, None) => Some("the vehicle was not found in the account yet".to_owned()),
            (None, Some(_)) if !memory.was_read => {
                Some("the first read after the start is to come".to_owned())
            }
            (None, Some(_)) => None,
        };
        let endless = |reason| Obstacle { until: None, reason };
        let latched =
            account.latched().map(|latched| Obstacle { until: latched.until, reason: latched.to_string() });
        let throttled = account
            .throttled()
            .map(|throttled| Obstacle { until: Some(throttled.until), reason: throttled.to_string() });
        let spent = is_spent.then(|| Obstacle {
            until: account.requests.resets_at(now),
            reason: "the rest of the requests of the day (quota_per_day) is kept for commands".to_owned(),
        });
        let troubled = car.trouble.as_ref().map(|trouble| {
            let left = trouble.until.saturating_sub(account.clock().monotonic());
            let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::MAX);
            Obstacle { until: now.checked_add(left).ok(), reason: trouble.reason.clone() }
        });
        let asked = account.asked().map(|asked| endless(asked.reason));
        let all = place.map(endless).into_iter().chain(latched).chain(asked).chain(throttled);
        all.chain(spent).chain(troubled).max_by_key(|obstacle| obstacle.until.unwrap_or(Timestamp::MAX))
    }

    /// Publishes a plan that is news, and that what is known is stale.
    fn show(&self, car: &Car, plan: &Plan, now: Timestamp) {
        let vehicle = &car.vehicle;
        {
            let mut memory = vehicle.memory();
            if !memory.plan.as_ref().is_some_and(|shown| plan.is_like(shown)) {
                self.desk.announcer.announce_plan(vehicle, plan);
                memory.plan = Some(plan.clone());
            }
        }
        let interval = Duration::from_secs(plan.interval_s.unwrap_or_default());
        let age = plan.last_read_at.and_then(|last| Duration::try_from(now.duration_since(last)).ok());
        if plan.mode == Mode::Waiting && age.is_some_and(|age| age >= STALE.max(interval * 2)) {
            self.desk.becomes_stale(vehicle, plan.reason.as_deref().unwrap_or_default());
        }
    }

    /// Reads a car, and sees to what follows from how that has ended.
    async fn read(&mut self, index: usize) {
        let Some(vehicle) = self.cars.get(index).map(|car| Arc::clone(&car.vehicle)) else { return };
        let operation = self.desk.reading(&vehicle);
        let before = vehicle.memory().rhythm.last_read_at();
        tracing::debug!(vehicle = vehicle.slug, operation = operation.id, "read by itself");
        let read = self.read_in_turn(&vehicle, &operation).await;
        let jitter = jitter(&self.desk);
        let Some(car) = self.cars.get_mut(index) else { return };
        car.jitter = jitter;
        match read {
            Ok(()) if car.last_read_at() != before => {
                self.cost = operation.allowance.perhaps_arrived().max(1);
                self.works_again(index);
            }
            // Else it would be due again at once.
            Ok(()) => self.failed(index, Reason::NoData, "the connector has answered no state"),
            Err((reason, message)) => self.failed(index, reason, &message),
        }
    }

    /// Reads a vehicle when its queue of reads lets it.
    async fn read_in_turn(
        &self,
        vehicle: &Arc<Vehicle>,
        operation: &Operation,
    ) -> Result<(), (Reason, String)> {
        let busy = || (Reason::Busy, "too many reads wait for this vehicle".to_owned());
        let turn = vehicle.queue.enqueue(operation.name).ok_or_else(busy)?;
        let _turn = turn.await;
        self.desk.read_by(vehicle, operation).await
    }

    /// Ends the trouble of a car, and of the others what was about the cloud that it shares with them.
    fn works_again(&mut self, index: usize) {
        for (other, car) in self.cars.iter_mut().enumerate() {
            let about_cloud = car.trouble.as_ref().is_some_and(|it| it.trouble.about == About::Cloud);
            if (other == index || about_cloud) && car.trouble.take().is_some() {
                tracing::info!(vehicle = car.vehicle.slug, "it can be read again");
            }
        }
    }

    fn failed(&mut self, index: usize, reason: Reason, message: &str) {
        let cars = u32::try_from(self.cars.len()).unwrap_or(u32::MAX);
        let monotonic = self.account.clock().monotonic();
        let Some(car) = self.cars.get_mut(index) else { return };
        let since = car.last_read_at();
        let before = car.trouble.take().filter(|before| before.since == since);
        if before.is_none() {
            tracing::warn!(vehicle = car.vehicle.slug, ?reason, "it could not be read by itself: {message}");
        } else {
            tracing::debug!(vehicle = car.vehicle.slug, ?reason, "it can still not be read: {message}");
        }
        let trouble = Trouble::after(before.as_ref().map(|before| &before.trouble), About::of(reason));
        let pause = trouble.pause(car.poll.parked, cars).mul_f64(0.9 + 0.2 * car.jitter);
        let reason = message.to_owned();
        car.trouble = Some(InTrouble { trouble, until: monotonic + pause, reason, since });
    }
}

impl VehicleDesk {
    /// Publishes that a vehicle is not read by itself any more, since the configuration was reloaded.
    fn end_plan(&self, vehicle: &Vehicle) {
        let mut memory = vehicle.memory();
        if vehicle.configured.poll.is_none() && memory.plan.take().is_some() {
            self.announcer.announce_plan(vehicle, &Plan::OFF);
        }
    }

    /// Publishes that what is known of a vehicle is stale, once until it is read again.
    fn becomes_stale(&self, vehicle: &Vehicle, reason: &str) {
        if vehicle.memory().rhythm.is_stale() {
            return;
        }
        vehicle.learn(|memory| {
            let Some(since) = memory.rhythm.becomes_stale() else { return };
            tracing::warn!(vehicle = vehicle.slug, %since, "what is known of it is stale: {reason}");
            let event = VehicleEvent::DataStale { since, reason: reason.to_owned() };
            self.announcer.announce_event(vehicle, &event);
            if let Some(published) = memory.publish() {
                self.announcer.announce_state(vehicle, &published);
            }
        });
    }
}
