//! The first look at every vehicle after a start, and one at the list every day; beside it each account's vehicles
//! are read by themselves (`poll`).
//!
//! Each vehicle settles by itself: it is read as soon as it is found, by whichever operation, and none waits
//! for a vehicle that is not there or for an account that needs a person. A host may well start before its
//! network, or before the vendor is back from the same outage; so it asks often at first.

mod pace;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use self::pace::{LATCHED, Pace};
use super::{VehicleDesk, poll};
use crate::account::Account;
use crate::host::fleet::Members;
use crate::operation::step::StepError;
use crate::vehicle::Vehicle;
use crate::vehicle::polling::{Day, quiet};
use crate::wire::operation::span;
use crate::wire::outcome::Reason;

/// Time after which the list is read although nothing is missing: vehicles are sold, and get other
/// identifiers.
const LIST_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// Longest time until it is noticed that the machine has slept.
const NOTICE: Duration = Duration::from_secs(600);

/// Finds and reads every vehicle, as soon as it can be, and checks every day whether they are still there.
/// Does not return.
pub(in crate::host) async fn settle_in(desk: &Arc<VehicleDesk>) {
    let mut exchanges = desk.fleet.exchanges();
    let mut settling = Settling::default();
    loop {
        settling.go_on_with(desk, &desk.fleet.now());
        // The fleet has its sender for as long as the desk is there.
        if exchanges.changed().await.is_err() {
            return;
        }
    }
}

/// Accounts that are being settled, each by a task of its own, which ends when this is dropped.
#[derive(Default)]
struct Settling {
    tasks: JoinSet<()>,
    accounts: HashMap<String, (Household, AbortHandle)>,
}

/// An account and its vehicles.
type Household = (Arc<Account>, Vec<Arc<Vehicle>>);

impl Settling {
    /// Goes on with the accounts that are as they were, begins with those that are new or have other vehicles,
    /// and leaves the others.
    fn go_on_with(&mut self, desk: &Arc<VehicleDesk>, members: &Members) {
        while self.tasks.try_join_next().is_some() {}
        let mut before = std::mem::take(&mut self.accounts);
        for (slug, account) in &members.accounts {
            let vehicles: Vec<_> = members.vehicles_of(account).cloned().collect();
            let household = (Arc::clone(account), vehicles);
            let task = match before.remove(slug) {
                Some((earlier, task)) if is_same(&earlier, &household) => task,
                earlier => {
                    if let Some((_, task)) = earlier {
                        task.abort();
                    }
                    let (desk, (account, vehicles)) = (Arc::clone(desk), household.clone());
                    self.tasks.spawn(async move {
                        let polling = poll::poll(&desk, &account, &vehicles);
                        tokio::join!(settle(&desk, &account, vehicles.clone()), polling);
                    })
                }
            };
            self.accounts.insert(slug.clone(), (household, task));
        }
        before.into_values().for_each(|(_, task)| task.abort());
    }
}

fn is_same((account, vehicles): &Household, (other, others): &Household) -> bool {
    let same = |(one, other): (&Arc<Vehicle>, &Arc<Vehicle>)| Arc::ptr_eq(one, other);
    Arc::ptr_eq(account, other) && vehicles.len() == others.len() && vehicles.iter().zip(others).all(same)
}

async fn settle(desk: &Arc<VehicleDesk>, account: &Arc<Account>, vehicles: Vec<Arc<Vehicle>>) {
    if vehicles.is_empty() {
        return;
    }
    let (mut pace, mut next_look) = (Pace::default(), Instant::now());
    let mut reads = FirstReads { desk, tasks: JoinSet::new(), being_read: HashMap::new() };
    loop {
        // Before looking, so that what a command finds meanwhile is not missed.
        let mut listed = pin!(account.listing.next());
        listed.as_mut().enable();
        let is_missing = |vehicle: &Arc<Vehicle>| vehicle.memory().found.is_none();
        let now = account.clock().monotonic();
        let due = !account.listing.was_read_within(LIST_AGAIN, now) || vehicles.iter().any(is_missing);
        if due && Instant::now() >= next_look {
            let looked = look(desk, account, &vehicles, &mut pace).await;
            next_look = Instant::now()
                + match looked {
                    Ok(()) => Duration::ZERO,
                    Err(pause) if vehicles.iter().any(is_missing) => pause,
                    // A cloud that is away is asked by the reads of vehicles that were all found.
                    Err(pause) => pause.max(pace.unhurried()),
                };
            if looked.is_ok() {
                pace = Pace::default();
            }
        }
        for vehicle in vehicles.iter().filter(|vehicle| is_unread(vehicle)) {
            reads.begin(vehicle);
        }
        let latest = Instant::now() + NOTICE;
        let wake_up = if next_look > Instant::now() { next_look.min(latest) } else { latest };
        tokio::select! {
            () = tokio::time::sleep_until(wake_up) => {}
            () = listed => {}
            () = account.listing.possible() => next_look = Instant::now(),
            () = reads.ended() => {}
        }
    }
}

/// Reads an account's list.
///
/// # Errors
///
/// When that failed or a vehicle is not there: when to look again. The rest of the requests of the day is not asked
/// for that more than once after a start.
async fn look(
    desk: &VehicleDesk,
    account: &Arc<Account>,
    vehicles: &[Arc<Vehicle>],
    pace: &mut Pace,
) -> Result<(), Duration> {
    if (account.listing.was_read() || pace.answered > 0) && !may_spend(account) {
        return Err(LATCHED);
    }
    let listing = desk.listing(account).first(!account.listing.was_read());
    let listed = {
        let _one_at_a_time = account.listing.turn().await;
        desk.list(account, &listing).instrument(span(&listing.id)).await
    };
    match listed {
        Ok(()) if vehicles.iter().all(|vehicle| vehicle.memory().found.is_some()) => Ok(()),
        // Which one, and why, was said where it was found out.
        Ok(()) => Err(pace.after(Reason::UnknownVehicle, true)),
        Err(StepError::Failed(failed) | StepError::AskLater(_, failed)) => {
            if pace.is_news(failed.reason) {
                tracing::warn!(account = account.slug, "the vehicles are not known yet: {}", failed.words);
            }
            Err(pace.after(failed.reason, listing.allowance.arrived()))
        }
    }
}

/// The first reads of an account's vehicles, one for each vehicle at a time.
struct FirstReads<'d> {
    desk: &'d Arc<VehicleDesk>,
    tasks: JoinSet<()>,
    being_read: HashMap<Id, String>,
}

impl FirstReads<'_> {
    /// Begins to read a vehicle, unless that is under way.
    fn begin(&mut self, vehicle: &Arc<Vehicle>) {
        if !self.being_read.values().any(|slug| *slug == vehicle.slug) {
            let (desk, read) = (Arc::clone(self.desk), Arc::clone(vehicle));
            let task = self.tasks.spawn(async move { read_first(&desk, &read).await });
            self.being_read.insert(task.id(), vehicle.slug.clone());
        }
    }

    /// Waits until one of them has ended; for ever if there is none.
    async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((task, ()))) => {
                self.being_read.remove(&task);
            }
            // An error of ours. It is begun anew, but not at once: it would fail as fast as it can.
            Some(Err(error)) => {
                tracing::error!("a first read did not end: {error}");
                if let Some(slug) = self.being_read.remove(&error.id()) {
                    let task = self.tasks.spawn(tokio::time::sleep(LATCHED));
                    self.being_read.insert(task.id(), slug);
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// Reads a vehicle until that has worked once, for any caller, or until it is not there any more, or can wait for
/// the next read by itself.
async fn read_first(desk: &VehicleDesk, vehicle: &Arc<Vehicle>) {
    let mut pace = Pace::default();
    while is_unread(vehicle) {
        if can_wait(vehicle) {
            tracing::debug!(vehicle = vehicle.slug, "its first read is one by itself");
            vehicle.learn(|memory| memory.was_read = true);
            return vehicle.account.stirred.notify_one();
        }
        if pace.answered > 0 && !may_spend(&vehicle.account) {
            tokio::time::sleep(LATCHED).await;
            continue;
        }
        let operation = desk.reading(vehicle).first(!vehicle.memory().was_read);
        let Err((reason, message)) = desk.read_by(vehicle, &operation).await else { return };
        if pace.is_news(reason) {
            tracing::warn!(
                operation = operation.id,
                vehicle = vehicle.slug,
                "the vehicle could not be read: {message}"
            );
        }
        tokio::time::sleep(pace.after(reason, operation.allowance.arrived())).await;
    }
}

/// Whether the first read of a vehicle can wait for the next one by itself, because there is none at this time:
/// the hours are quiet, or what is left of the requests of the day is kept for commands. Of a vehicle of which nothing
/// is known, or that is not read by itself, it cannot.
fn can_wait(vehicle: &Vehicle) -> bool {
    let Some(poll) = vehicle.configured.poll else { return false };
    let account = &vehicle.account;
    let is_known = vehicle.memory().published().is_some();
    is_known && (quiet::is_now(&poll, &account.time_zone, account.clock().now()) || !may_spend(account))
}

/// Whether who reads by himself may begin to, as far as the requests of the day are concerned.
fn may_spend(account: &Account) -> bool {
    Day::of(&account.requests, account.clock().now()).is_none_or(|day| day.spendable() > 0)
}

fn is_unread(vehicle: &Vehicle) -> bool {
    let memory = vehicle.memory();
    memory.found.is_some() && !memory.was_read
}
