//! The names of the metrics, and their text form.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, OfAccount, OfVehicle, PolicyMeter, Vitals};
use crate::wire::account::STATES;

/// Prefix of all names.
pub const PREFIX: &str = "vehicle_connector";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfAccountState {
    account: String,
    state: &'static str,
}

/// A circuit of a cloud has no account: an empty label is none.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCircuit {
    account: String,
    circuit: String,
}

/// A gauge of seconds or of anything else that may have a fraction.
type Seconds = Gauge<f64, AtomicU64>;

impl Metrics {
    /// Writes everything in the text format of `OpenMetrics` 1.0, with its end mark.
    #[must_use]
    pub fn encode(&self, policy: &PolicyMeter, vitals: &Vitals) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        self.register(&mut registry);
        policy.register(&mut registry);
        vitals.register(&mut registry);
        let mut text = String::new();
        // Writing to a string does not fail, and a part of the text would be worse than none: it has no end mark.
        match text::encode(&mut text, &registry) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "upstream_requests",
            "Requests to vendors' clouds, by what came of them",
            self.exchanges.clone(),
        );
        registry.register(
            "upstream_retries",
            "Attempts that repeated another one, after a pause or with a new token",
            self.retries.clone(),
        );
        registry.register(
            "token_refresh",
            "Refreshes of a session that were made, whoever waited for them",
            self.refreshes.clone(),
        );
        registry.register_with_unit(
            "token_refresh",
            "Time that a refresh took",
            Unit::Seconds,
            self.refresh_seconds.clone(),
        );
        registry.register(
            "token_refresh_waiting",
            "Callers that wait for a session, of which one refreshes it for all",
            self.waiting.clone(),
        );
        registry.register("logins", "Sign-ins that were made, and steps of one", self.logins.clone());
        registry.register(
            "operations_after_refresh",
            "Operations that went on with a newer token, by how they ended",
            self.after_refresh.clone(),
        );
        registry.register("commands", "Commands, by their one final state", self.commands.clone());
        registry.register_with_unit(
            "command",
            "Time from when a command was accepted to its final state",
            Unit::Seconds,
            self.command_seconds.clone(),
        );
        registry.register("policy_swaps", "What became of offered policies", self.swaps.clone());
        registry.register(
            "wakeups",
            "Operations that have woken the vehicle, or may have",
            self.wakeups.clone(),
        );
    }
}

impl PolicyMeter {
    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "policy_decision",
            "Time that an answer of the policy took",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register(
            "policy_faults",
            "Questions that the policy did not answer, by the reason",
            self.faults.clone(),
        );
    }
}

impl Vitals {
    fn register(&self, registry: &mut Registry) {
        registry.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let seconds = |duration: std::time::Duration| ConstGauge::new(duration.as_secs_f64());
        registry.register_with_unit(
            "uptime",
            "Time since the host started",
            Unit::Seconds,
            seconds(self.uptime),
        );
        if let Some(resident) = self.resident {
            registry.register_with_unit(
                "resident_memory",
                "Memory of this process that is in use",
                Unit::Bytes,
                ConstGauge::new(i64::try_from(resident).unwrap_or(i64::MAX)),
            );
        }
        registry.register(
            "policy_generation",
            "Generation of the active policy in its slot",
            ConstGauge::new(i64::try_from(self.policy_generation).unwrap_or(i64::MAX)),
        );
        registry.register(
            "command_queue",
            "Commands and reads that wait for their turn",
            ConstGauge::new(i64::try_from(self.queue).unwrap_or(i64::MAX)),
        );
        self.register_broker(registry);
        self.register_accounts(registry);
        self.register_vehicles(registry);
    }

    fn register_broker(&self, registry: &mut Registry) {
        let Some(traffic) = self.traffic else { return };
        registry.register(
            "mqtt_connected",
            "Whether the broker is connected",
            ConstGauge::new(i64::from(traffic.connected)),
        );
        registry.register(
            "mqtt_publish_queue",
            "Messages that the broker has yet to acknowledge",
            ConstGauge::new(i64::try_from(traffic.queued).unwrap_or(i64::MAX)),
        );
        registry.register(
            "mqtt_published",
            "Messages that the broker has taken",
            ConstCounter::new(traffic.published),
        );
        registry.register(
            "mqtt_reconnects",
            "Connections to the broker after the first one",
            ConstCounter::new(traffic.reconnects),
        );
    }

    fn register_accounts(&self, registry: &mut Registry) {
        let (states, left) =
            (Family::<OfAccountState, Gauge>::default(), Family::<OfAccount, Gauge>::default());
        for (slug, account) in &self.accounts {
            for state in STATES {
                let labels = OfAccountState { account: slug.clone(), state };
                states.get_or_create(&labels).set(i64::from(account.state == state));
            }
            if let Some(requests) = account.left {
                left.get_or_create(&OfAccount { account: slug.clone() }).set(requests.into());
            }
        }
        registry.register("account_state", "State of the account: 1 for the one that it is in", states);
        registry.register("quota_remaining", "Requests that are left of quota_per_day", left);
        let breakers = Family::<OfCircuit, Gauge>::default();
        for circuit in &self.circuits {
            let account = circuit.account.clone().unwrap_or_default();
            let labels = OfCircuit { account, circuit: circuit.circuit.clone() };
            breakers.get_or_create(&labels).set(Self::number_of(circuit.state).into());
        }
        registry.register(
            "breaker_state",
            "State of a circuit: 0 closed, 1 half open, 2 open, 3 isolated by an operator",
            breakers,
        );
    }

    fn register_vehicles(&self, registry: &mut Registry) {
        let (said, read) = (Family::<OfVehicle, Seconds>::default(), Family::<OfVehicle, Seconds>::default());
        for (slug, vehicle) in &self.vehicles {
            let labels = OfVehicle { vehicle: slug.clone() };
            if let Some(age) = vehicle.said {
                said.get_or_create(&labels).set(age.as_secs_f64());
            }
            if let Some(age) = vehicle.read {
                read.get_or_create(&labels).set(age.as_secs_f64());
            }
        }
        registry.register_with_unit(
            "state_age",
            "Time since the vehicle said what is known of it",
            Unit::Seconds,
            said,
        );
        registry.register_with_unit(
            "state_read_age",
            "Time since the host last read the vehicle's state",
            Unit::Seconds,
            read,
        );
    }
}
