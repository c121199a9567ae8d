//! How the host is: for `bridge/health`, for the metrics, and for whoever asks whether it is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::Host;
use crate::metrics::{AccountVitals, CircuitVitals, LastSwap, VehicleVitals, Vitals};
use crate::plugin::POLICY_SLOT;
use crate::plugin::slot::Generation;
use crate::protect::circuit::{Circuits, Status};
use crate::vehicle::Vehicle;
use crate::wire::outcome::Reason;

/// Interval at which `bridge/health` is published.
const EVERY: Duration = Duration::from_secs(60);

/// Whether a host is ready, and why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether it is.
    pub ready: bool,
    /// Reasons why it is not. Without names of vehicles, places and secrets.
    pub reasons: Vec<String>,
}

impl Host {
    /// Returns how everything is at this moment.
    #[doc(hidden)]
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let now = self.services.clock.now();
        let members = self.fleet.now();
        let out = members.accounts_out.keys().map(|slug| {
            let state = json!(Reason::ConnectorFault).as_str().unwrap_or_default().to_owned();
            (slug.clone(), AccountVitals { state, left: None })
        });
        let accounts = members.accounts.values().map(|account| {
            (account.slug.clone(), AccountVitals { state: account.state(), left: account.requests.left(now) })
        });
        let vehicles =
            members.vehicles.values().map(|vehicle| (vehicle.slug.clone(), vitals_of(vehicle, now)));
        Vitals {
            uptime: self.services.clock.monotonic().saturating_sub(self.started),
            resident: resident(),
            traffic: self.services.publisher.traffic(),
            accounts: accounts.chain(out).collect(),
            circuits: self.circuit_vitals(),
            vehicles: vehicles.collect(),
            queue: members.vehicles.values().map(|vehicle| vehicle.queue.waiting()).sum(),
            policy_generation: self.policy().active().generation().number,
            last_swap: self.last_swap(),
            stopping: self.shutdown.is_closed(),
        }
    }

    /// Returns everything that is counted and how everything is, in the text format of `OpenMetrics`.
    #[doc(hidden)]
    #[must_use]
    pub fn metrics(&self) -> String {
        self.services.metrics.encode(self.policy().meter(), &self.vitals())
    }

    /// Returns whether the host serves: the broker is there, and so is the cloud of one account, or what was last
    /// read of some vehicle is younger than `good_for`.
    #[doc(hidden)]
    #[must_use]
    pub fn readiness(&self, good_for: Duration) -> Readiness {
        let vitals = self.vitals();
        let mut reasons = Vec::new();
        if vitals.stopping {
            reasons.push("the host is stopping".to_owned());
        }
        if !vitals.traffic.is_some_and(|traffic| traffic.connected) {
            reasons.push("the MQTT broker is not connected".to_owned());
        }
        let is_usable = vitals.accounts.values().any(|account| account.state == "ok");
        let youngest = vitals.vehicles.values().filter_map(|vehicle| vehicle.read).min();
        if !is_usable && youngest.is_none_or(|age| age > good_for) {
            reasons.push(unusable(&vitals, youngest));
        }
        Readiness { ready: reasons.is_empty(), reasons }
    }

    /// Publishes every minute how the host is. Does not return.
    pub async fn tell_health(&self) {
        let mut due = tokio::time::interval(EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.announce_health();
        }
    }

    /// Publishes how the host is; not once it is stopping, because it is cleared at the end.
    pub(super) fn announce_health(&self) {
        let vitals = self.vitals();
        if vitals.stopping {
            return;
        }
        let accounts: BTreeMap<_, _> = vitals
            .accounts
            .iter()
            .map(|(slug, account)| (slug, json!({"state": account.state, "breaker": vitals.breaker(slug)})))
            .collect();
        let mqtt = vitals.traffic.map(|traffic| {
            json!({"queued": traffic.queued, "published": traffic.published, "reconnects": traffic.reconnects})
        });
        let health = json!({
            "ts": self.services.clock.now(),
            "uptime_s": vitals.uptime.as_secs(),
            "rss_mb": vitals.resident.map(|bytes| bytes >> 20),
            "mqtt": mqtt,
            "accounts": accounts,
            "queue": vitals.queue,
            "last_swap": vitals.last_swap,
        });
        self.announcer.publish_retained(self.topics().bridge_health(), &health);
    }

    fn circuit_vitals(&self) -> Vec<CircuitVitals> {
        let clock = self.services.clock.as_ref();
        let vitals = |account: Option<String>, circuits: &Circuits| {
            let statuses = circuits.statuses(clock).into_iter();
            let of = |status: Status| CircuitVitals {
                account: account.clone(),
                circuit: status.circuit,
                state: status.snapshot.state,
            };
            statuses.map(of).collect::<Vec<_>>()
        };
        let members = self.fleet.now();
        let accounts = members.accounts.values();
        let of_accounts = accounts.flat_map(|account| vitals(Some(account.slug.clone()), &account.circuits));
        vitals(None, &self.circuits.clouds).into_iter().chain(of_accounts).collect()
    }

    /// Returns the latest change of a plugin, of those that are active.
    fn last_swap(&self) -> Option<LastSwap> {
        let policy = self.policy().active();
        let connectors = self.deployments.connectors().iter();
        let connectors = connectors.map(|(slot, connector)| swap(slot, connector.active().generation()));
        let policy = swap(POLICY_SLOT, policy.generation());
        connectors.chain([policy]).max_by_key(|swap| swap.at)
    }
}

fn swap<P>(slot: &str, generation: &Generation<P>) -> LastSwap {
    LastSwap {
        slot: slot.to_owned(),
        name: generation.name.clone(),
        version: generation.version.clone(),
        generation: generation.number,
        at: generation.loaded_at,
        by: generation.by.clone(),
    }
}

fn vitals_of(vehicle: &Vehicle, now: Timestamp) -> VehicleVitals {
    let published = vehicle.memory().published();
    let Some(published) = published else { return VehicleVitals::default() };
    let age = |at: Timestamp| now.duration_since(at).max(SignedDuration::ZERO).try_into().ok();
    let said = published.meta.vehicle_time.unwrap_or(published.meta.fetched_at);
    VehicleVitals { said: age(said), read: age(published.meta.fetched_at) }
}

/// Says why no account is usable, and how old what is known is.
fn unusable(vitals: &Vitals, youngest: Option<Duration>) -> String {
    if vitals.accounts.is_empty() {
        return "no account is configured".to_owned();
    }
    let accounts: Vec<String> =
        vitals.accounts.iter().map(|(slug, account)| format!("{slug} is {}", account.state)).collect();
    let data = match youngest {
        Some(age) => format!("the latest data was read {} s ago", age.as_secs()),
        None => "nothing was read yet".to_owned(),
    };
    format!("no account is usable ({}), and {data}", accounts.join(", "))
}

/// Returns the memory of this process that is in use, in bytes; none where the system does not tell.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    resident_in(&status)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_read_as_the_kernel_writes_it() {
        assert_eq!(resident_in("VmHWM:\t  50000 kB\nVmRSS:\t   40960 kB\n"), Some(40 << 20));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }
}
