//! Vital signs of a host at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::protect::circuit::StateName;
use crate::wire::publish::Traffic;

/// How a host is at one moment.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// Time since the host started.
    pub uptime: Duration,
    /// Memory of this process that is in use, in bytes; none where the system does not tell.
    pub resident: Option<u64>,
    /// State of the way to the broker; none if there is no broker.
    pub traffic: Option<Traffic>,
    /// Accounts, by slug; also those whose connector is out.
    pub accounts: BTreeMap<String, AccountVitals>,
    /// Circuits that were used.
    pub circuits: Vec<CircuitVitals>,
    /// Vehicles, by slug.
    pub vehicles: BTreeMap<String, VehicleVitals>,
    /// Number of commands and reads that wait for their turn.
    pub queue: usize,
    /// Generation of the policy that is active.
    pub policy_generation: u64,
    /// The latest change of a plugin.
    pub last_swap: Option<LastSwap>,
    /// Whether the host is stopping.
    pub stopping: bool,
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountVitals {
    /// State of the account, as its retained state has it.
    pub state: String,
    /// Requests that are left today; none without a limit.
    pub left: Option<u32>,
}

/// How a circuit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitVitals {
    /// Account of the circuit; none for that of a cloud.
    pub account: Option<String>,
    /// Name of the circuit.
    pub circuit: String,
    /// State of the circuit.
    pub state: StateName,
}

/// What is known of a vehicle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VehicleVitals {
    /// Time since the vehicle said what is known of it.
    pub said: Option<Duration>,
    /// Time since the host last read it.
    pub read: Option<Duration>,
}

/// A change of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastSwap {
    /// Name of the slot.
    pub slot: String,
    /// Name that the plugin gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Number of its generation in the slot.
    pub generation: u64,
    /// Time since which it is active.
    pub at: Timestamp,
    /// Requested by.
    pub by: String,
}

impl Vitals {
    /// The circuit states in the order in which they get worse, which is their number in the metrics.
    pub(super) const fn number_of(state: StateName) -> u8 {
        match state {
            StateName::Closed => 0,
            StateName::HalfOpen => 1,
            StateName::Open => 2,
            StateName::Isolated => 3,
        }
    }

    /// Returns the worst state of the circuits that an account's operations pass, closed if none was used.
    #[must_use]
    pub fn breaker(&self, account: &str) -> StateName {
        let passed = |circuit: &&CircuitVitals| circuit.account.as_deref().is_none_or(|of| of == account);
        let states = self.circuits.iter().filter(passed).map(|circuit| circuit.state);
        states.max_by_key(|state| Self::number_of(*state)).unwrap_or(StateName::Closed)
    }
}
