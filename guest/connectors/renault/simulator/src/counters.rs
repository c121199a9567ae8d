//! What the cloud was asked and what it did, as numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use simulator::kit::Gauge;

use crate::route::RouteKind;

/// The kinds of command, by which what cars were made to do is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum CommandKind {
    HvacStart,
    HvacStop,
    ChargeStart,
    ChargeStop,
    SocLevels,
    EvSettings,
    ChargeMode,
    Horn,
    Lights,
    RefreshLocation,
}

/// How often, by VIN and kind of command.
pub(crate) type ByCar = BTreeMap<String, BTreeMap<CommandKind, u64>>;

/// Everything since the start or since the last reset. Orders over HTTP are in none of these.
///
/// A request is counted when it has arrived whole, before it is answered, held or dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// All requests of a client, to either service.
    pub requests: u64,
    /// The same by kind of route; kinds that were not asked for are absent.
    pub by_route: BTreeMap<RouteKind, u64>,
    /// Requests that carried the password and asked for a login token.
    pub logins: u64,
    /// Login tokens that were given.
    pub logins_granted: u64,
    /// Logins that were answered with the demand of a second factor.
    pub challenges: u64,
    /// Codes that were sent by mail.
    pub codes_sent: u64,
    /// Codes that were wrong.
    pub codes_wrong: u64,
    /// Requests for an id token.
    pub jwt_asked: u64,
    /// Id tokens that were given.
    pub jwt_issued: u64,
    /// Requests that carried a good id token.
    pub admitted: u64,
    /// Commands that were accepted, by VIN and kind.
    pub accepted: ByCar,
    /// Commands that a car really did. One that was accepted and does nothing, as `cancel` on some models, is
    /// not here, and one that takes its time is here once the car has done it.
    pub executed: ByCar,
    /// Requests that were refused by a check or by the state of a token; not those that a fault ended.
    pub refused: u64,
    /// Of those, requests refused because of their id token.
    pub refused_tokens: u64,
    /// Requests that a fault ended: answered, dropped or truncated.
    pub faults: u64,
    /// Requests that arrived and are not answered yet. Not touched by a reset.
    pub in_flight: u64,
    /// The largest number of them at any time.
    pub peak_in_flight: u64,
    /// Of those in flight, requests that wait for [`crate::Control::release`].
    pub held: u64,
}

impl Counters {
    /// Requests of one kind; of a group or of all kinds for the names that stand for them.
    pub fn of(&self, route: RouteKind) -> u64 {
        use simulator::kit::Route;
        self.by_route.iter().filter(|(asked, _)| route.covers(**asked)).map(|(_, count)| count).sum()
    }

    /// How often this car really did this.
    pub fn executed_by(&self, vin: &str, kind: CommandKind) -> u64 {
        count(&self.executed, vin, kind)
    }

    /// How often this was accepted for this car.
    pub fn accepted_for(&self, vin: &str, kind: CommandKind) -> u64 {
        count(&self.accepted, vin, kind)
    }

    pub(crate) fn arrive(&mut self, route: RouteKind) {
        self.requests += 1;
        *self.by_route.entry(route).or_default() += 1;
        self.in_flight += 1;
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
        match route {
            RouteKind::Login => self.logins += 1,
            RouteKind::Jwt => self.jwt_asked += 1,
            _ => {}
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            peak_in_flight: self.in_flight,
            held: self.held,
            ..Self::default()
        };
    }
}

impl Gauge for Counters {
    fn held(&mut self) -> &mut u64 {
        &mut self.held
    }
}

pub(crate) fn add(commands: &mut ByCar, vin: &str, kind: CommandKind) {
    *commands.entry(vin.to_owned()).or_default().entry(kind).or_default() += 1;
}

fn count(commands: &ByCar, vin: &str, kind: CommandKind) -> u64 {
    commands.get(vin).and_then(|kinds| kinds.get(&kind)).copied().unwrap_or(0)
}
