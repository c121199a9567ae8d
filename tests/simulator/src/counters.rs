//! What the cloud was asked and what it did, as numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::ActionKind;
use crate::kit::Gauge;
use crate::route::{Call, CciCall, RouteKind};

/// Everything since the start or since the last reset. Requests to `/control` are in none of these.
///
/// A request is counted when it has arrived whole, before it is answered, held or dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// All requests of a client, to any service.
    pub requests: u64,
    /// The same by kind of route; kinds that were not asked for are absent.
    pub by_route: BTreeMap<RouteKind, u64>,
    /// Refresh grants asked for.
    pub grants_asked: u64,
    /// Refresh grants given.
    pub grants: u64,
    /// Sign-ins with a password asked for, that is: passwords sent.
    pub sign_ins_asked: u64,
    /// Sign-ins that gave a code.
    pub sign_ins: u64,
    /// Exchanges of a code asked for.
    pub code_exchanges_asked: u64,
    /// Exchanges of a code that gave a set of tokens.
    pub code_exchanges: u64,
    /// Refreshes of a set of tokens asked for, of either version.
    pub refreshes_asked: u64,
    /// Refreshes that gave the next set.
    pub refreshes: u64,
    /// Exchanges of a set of tokens asked for.
    pub token_exchanges_asked: u64,
    /// Exchanges that gave a CCS token.
    pub token_exchanges: u64,
    /// Of those asked for, requests on the route without signatures.
    pub unsigned: u64,
    /// Requests that the gate turned away: 9035, 9036, 9037.
    pub gate_refusals: u64,
    /// Device registrations asked for.
    pub registrations: u64,
    /// PIN checks asked for.
    pub pin_checks: u64,
    /// Cached and forced status reads asked for.
    pub status: u64,
    /// Of those, forced ones.
    pub forced_status: u64,
    /// Commands asked for, accepted or not.
    pub commands: u64,
    /// Polls of records.
    pub polls: u64,
    /// Requests that were refused by a check or by the state of a token; not those that a fault answered.
    pub refused: u64,
    /// Of those, requests refused because of their access or control token.
    pub refused_tokens: u64,
    /// Refresh grants that were refused.
    pub refused_grants: u64,
    /// Requests that a fault ended: answered, dropped or truncated.
    pub faults: u64,
    /// Commands that were accepted for execution, by vehicle id and kind.
    pub actuations: BTreeMap<String, BTreeMap<ActionKind, u64>>,
    /// Requests that arrived and are not answered yet. Not touched by a reset.
    pub in_flight: u64,
    /// The largest number of them at any time.
    pub peak_in_flight: u64,
    /// Of those in flight, requests that wait at the barrier or for [`crate::Control::release`].
    pub held: u64,
    /// Generation of the newest access token, of a grant or an exchange; 0 before the first. Not touched by a reset.
    pub generation: u64,
    /// Number of the newest set of tokens; 0 before the first. Not touched by a reset.
    pub cci_generation: u64,
}

impl Counters {
    /// Requests of one kind; of all kinds for [`RouteKind::Any`].
    pub fn of(&self, route: RouteKind) -> u64 {
        match route {
            RouteKind::Any => self.requests,
            _ => self.by_route.get(&route).copied().unwrap_or(0),
        }
    }

    /// How often this vehicle was made to do this.
    pub fn actuations_of(&self, vehicle: &str, action: ActionKind) -> u64 {
        self.actuations.get(vehicle).and_then(|actions| actions.get(&action)).copied().unwrap_or(0)
    }

    /// How often any vehicle was made to do anything.
    pub fn total_actuations(&self) -> u64 {
        self.actuations.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn arrive(&mut self, call: &Call) {
        let route = call.kind();
        self.requests += 1;
        *self.by_route.entry(route).or_default() += 1;
        self.in_flight += 1;
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
        match route {
            RouteKind::Token => self.grants_asked += 1,
            RouteKind::SignIn => self.sign_ins_asked += 1,
            RouteKind::CodeExchange => self.code_exchanges_asked += 1,
            RouteKind::TokenRefresh => self.refreshes_asked += 1,
            RouteKind::TokenExchange => self.token_exchanges_asked += 1,
            RouteKind::Register => self.registrations += 1,
            RouteKind::Pin => self.pin_checks += 1,
            RouteKind::Status => self.status += 1,
            RouteKind::ForcedStatus => {
                self.status += 1;
                self.forced_status += 1;
            }
            RouteKind::Command => self.commands += 1,
            RouteKind::Records => self.polls += 1,
            _ => {}
        }
        self.unsigned += u64::from(matches!(call, Call::Cci(CciCall { signed: false, .. })));
    }

    pub(crate) fn actuate(&mut self, vehicle: &str, action: ActionKind) {
        *self.actuations.entry(vehicle.to_owned()).or_default().entry(action).or_default() += 1;
    }

    pub(crate) fn reset(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            peak_in_flight: self.in_flight,
            held: self.held,
            generation: self.generation,
            cci_generation: self.cci_generation,
            ..Self::default()
        };
    }
}

impl Gauge for Counters {
    fn held(&mut self) -> &mut u64 {
        &mut self.held
    }
}
