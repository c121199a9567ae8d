//! Counts of what a host does, for whoever watches it: what is counted here was counted where it happened.
//!
//! [`Metrics`] holds what only goes up; [`Vitals`] is how everything is at one moment, collected when somebody
//! asks. [`Metrics::encode`] writes both in the text format of `OpenMetrics`, which Prometheus reads. The names
//! are those of `docs/mqtt.md`, after [`PREFIX`].
//!
//! # Guarantees
//!
//! * A series is there from the start, at 0: a rule about its rate sees the first event.
//! * The number of series is bounded by the configuration. A label is the slug of an account or a vehicle, or
//!   one of a few words of this program; never an identifier, a VIN, or what somebody else has said.

mod exchange;
mod policy;
mod register;
mod vitals;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

pub use self::exchange::{Class, Exchange};
pub use self::policy::PolicyMeter;
pub use self::register::PREFIX;
pub use self::vitals::{AccountVitals, CircuitVitals, LastSwap, VehicleVitals, Vitals};
use crate::bindings::policy::Effect;
use crate::wire::operation::OperationName;
use crate::wire::outcome::State;

/// Label of operations that only one connector knows, and of what was no operation at all.
const OTHER: &str = "other";

/// What asks for a session, as operations are labelled.
const SESSION_OPERATIONS: [&str; 2] = ["sign_in", "refresh_session"];

/// Buckets of a refresh, in seconds: one is a request or a few, each with a time-out of its own.
const REFRESH_BUCKETS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Buckets of a command, in seconds: from a read of a good cloud to the longest deadline.
const COMMAND_BUCKETS: [f64; 9] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0];

/// How a try to obtain a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// With a session.
    Ok,
    /// With a question to a person.
    Asked,
    /// The vendor refused the credential.
    Refused,
    /// Nothing says that the credential is why.
    Failed,
}

impl Granted {
    const ALL: [Self; 4] = [Self::Ok, Self::Asked, Self::Refused, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What became of an offered policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// It is active.
    Active,
    /// It was not accepted.
    Rejected,
    /// An earlier one is active again.
    RolledBack,
}

impl Swap {
    const ALL: [Self; 3] = [Self::Active, Self::Rejected, Self::RolledBack];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// A label: a slug of the configuration.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfAccount {
    account: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfVehicle {
    vehicle: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfGrant {
    account: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCommand {
    op: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfEffect {
    effect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfExchange {
    account: String,
    op: &'static str,
    class: &'static str,
}

/// Counts of one host. Everything in it may be called from any thread and never waits.
#[derive(Debug)]
pub struct Metrics {
    exchanges: Family<OfExchange, Counter>,
    retries: Family<OfAccount, Counter>,
    refreshes: Family<OfGrant, Counter>,
    logins: Family<OfGrant, Counter>,
    refresh_seconds: Histogram,
    waiting: Gauge,
    after_refresh: Family<OfResult, Counter>,
    commands: Family<OfCommand, Counter>,
    command_seconds: Family<OfEffect, Histogram, fn() -> Histogram>,
    swaps: Family<OfResult, Counter>,
    wakeups: Family<OfVehicle, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            exchanges: Family::default(),
            retries: Family::default(),
            refreshes: Family::default(),
            logins: Family::default(),
            refresh_seconds: Histogram::new(REFRESH_BUCKETS),
            waiting: Gauge::default(),
            after_refresh: Family::default(),
            commands: Family::default(),
            command_seconds: Family::new_with_constructor(|| Histogram::new(COMMAND_BUCKETS)),
            swaps: Family::default(),
            wakeups: Family::default(),
        };
        for state in FINAL_STATES {
            let state = label_of(state);
            drop(metrics.after_refresh.get_or_create(&OfResult { result: state }));
            for op in commands() {
                drop(metrics.commands.get_or_create(&OfCommand { op, state }));
            }
        }
        for effect in [Effect::Read, Effect::Set, Effect::Actuation].map(label_of_effect) {
            drop(metrics.command_seconds.get_or_create(&OfEffect { effect }));
        }
        for result in Swap::ALL.map(Swap::as_str) {
            drop(metrics.swaps.get_or_create(&OfResult { result }));
        }
        metrics
    }
}

impl Metrics {
    /// Begins the series of an account at 0.
    pub fn open_account(&self, account: &str) {
        let account = account.to_owned();
        drop(self.retries.get_or_create(&OfAccount { account: account.clone() }));
        for result in Granted::ALL.map(Granted::as_str) {
            let labels = OfGrant { account: account.clone(), result };
            drop(self.refreshes.get_or_create(&labels));
            drop(self.logins.get_or_create(&labels));
        }
        let operations = OperationName::COMMANDABLE.into_iter().chain([OperationName::ListVehicles]);
        for op in operations.map(OperationName::as_str).chain(SESSION_OPERATIONS).chain([OTHER]) {
            for class in Class::ALL.map(Class::as_str) {
                drop(self.exchanges.get_or_create(&OfExchange { account: account.clone(), op, class }));
            }
        }
    }

    /// Begins the series of a vehicle at 0.
    pub fn open_vehicle(&self, vehicle: &str) {
        drop(self.wakeups.get_or_create(&OfVehicle { vehicle: vehicle.to_owned() }));
    }

    /// Begins an exchange with a vendor's cloud, which counts itself when it is dropped.
    pub fn exchange<'m>(&'m self, account: &'m str, op: &'static str) -> Exchange<'m> {
        Exchange::begin(self, account, op)
    }

    /// Counts an attempt that repeats another one.
    pub fn repeated(&self, account: &str) {
        self.retries.get_or_create(&OfAccount { account: account.to_owned() }).inc();
    }

    /// Counts a caller that waits for a session, for as long as the returned value lives.
    pub fn waits_for_session(&self) -> Waits {
        self.waiting.inc();
        Waits(self.waiting.clone())
    }

    /// Counts a refresh that was made, and took this long.
    pub fn refreshed(&self, account: &str, granted: Granted, took: Duration) {
        let labels = OfGrant { account: account.to_owned(), result: granted.as_str() };
        self.refreshes.get_or_create(&labels).inc();
        self.refresh_seconds.observe(took.as_secs_f64());
    }

    /// Counts a sign-in that was made, or one more step of one.
    pub fn signed_in(&self, account: &str, granted: Granted) {
        let labels = OfGrant { account: account.to_owned(), result: granted.as_str() };
        self.logins.get_or_create(&labels).inc();
    }

    /// Counts the end of an operation that has gone on with a newer token.
    pub fn ended_after_refresh(&self, state: State) {
        self.after_refresh.get_or_create(&OfResult { result: label_of(state) }).inc();
    }

    /// Counts the one final state of a command. `op` is the word of its report; `took` is the time from when it
    /// was accepted, none if it was not.
    pub fn command_ended(&self, op: &str, state: State, took: Option<Duration>) {
        let name = OperationName::named(op);
        let op = name.map_or(OTHER, OperationName::as_str);
        self.commands.get_or_create(&OfCommand { op, state: label_of(state) }).inc();
        if let Some(took) = took {
            // What a connector's own operation does is not known here: the careful guess.
            let effect = label_of_effect(name.map_or(Effect::Actuation, OperationName::effect));
            self.command_seconds.get_or_create(&OfEffect { effect }).observe(took.as_secs_f64());
        }
    }

    /// Counts what became of an offered policy.
    pub fn policy_swapped(&self, swap: Swap) {
        self.swaps.get_or_create(&OfResult { result: swap.as_str() }).inc();
    }

    /// Counts an operation that has woken a vehicle, or may have.
    pub fn woke(&self, vehicle: &str) {
        self.wakeups.get_or_create(&OfVehicle { vehicle: vehicle.to_owned() }).inc();
    }
}

/// A caller that waits for a session.
#[derive(Debug)]
#[must_use = "it counts for as long as it lives"]
pub struct Waits(Gauge);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The words for operations that can be commanded, and for all others.
fn commands() -> impl Iterator<Item = &'static str> {
    OperationName::COMMANDABLE.into_iter().map(OperationName::as_str).chain([OTHER])
}

/// The states in which a command ends.
const FINAL_STATES: [State; 5] =
    [State::Succeeded, State::Failed, State::Timeout, State::Rejected, State::Unknown];

const fn label_of(state: State) -> &'static str {
    match state {
        State::Accepted => "accepted",
        State::Sent => "sent",
        State::Pending => "pending",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Timeout => "timeout",
        State::Rejected => "rejected",
        State::Unknown => "unknown",
    }
}

fn label_of_effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Set => "set",
        Effect::Actuation => "actuation",
        // Of what is commanded nothing else is possible.
        _ => "read",
    }
}

/// Returns the word for an operation: its name, unless only one connector knows it.
#[must_use]
pub const fn word_for(name: OperationName) -> &'static str {
    match name {
        OperationName::Other(_) => OTHER,
        known => known.as_str(),
    }
}

#[cfg(test)]
mod tests;
