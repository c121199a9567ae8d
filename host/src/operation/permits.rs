//! The circuits that an attempt passes: its cloud's, its account's, its vehicle's.

use std::time::Duration;

use super::Operation;
use super::rules::LONGEST_PAUSE;
use crate::account::Circuits;
use crate::bindings::policy::{CircuitScope, CircuitSettings, Verdict};
use crate::circuit::{Permit, Purpose, Refused, Settings};
use crate::plugin::Policy;

/// A circuit that does not admit an attempt.
pub(super) struct Shut {
    pub(super) name: String,
    pub(super) refused: Refused,
}

/// The places of one attempt in all the circuits that it passes. Given back when dropped.
#[must_use = "its result must be recorded"]
pub(super) struct Permits<'a> {
    operation: &'a Operation,
    held: Vec<(CircuitScope, String, Permit)>,
}

impl<'a> Permits<'a> {
    /// # Errors
    ///
    /// The first circuit that does not admit the attempt. The places in the others are given back.
    pub(super) fn take(operation: &'a Operation, purpose: Purpose) -> Result<Self, Shut> {
        let now = operation.account.clock().monotonic();
        let cloud = operation.connector.manifest().cloud.clone();
        let mut names = vec![
            (CircuitScope::Cloud, cloud),
            (CircuitScope::Account, format!("account {}", operation.account.slug)),
        ];
        if let Some(vehicle) = &operation.vehicle {
            names.push((CircuitScope::Vehicle, format!("vehicle {vehicle}")));
        }
        let mut permits = Self { operation, held: Vec::new() };
        for (scope, name) in names {
            match permits.circuits(&scope).admit(&name, now, purpose) {
                Ok(permit) => permits.held.push((scope, name, permit)),
                Err(refused) => return Err(Shut { name, refused }),
            }
        }
        Ok(permits)
    }

    fn circuits(&self, scope: &CircuitScope) -> &'a Circuits {
        let account = &self.operation.account;
        if *scope == CircuitScope::Cloud { &account.shared.clouds } else { &account.circuits }
    }

    pub(super) fn succeeded(mut self) {
        for (scope, name, permit) in std::mem::take(&mut self.held) {
            self.circuits(&scope).succeeded(&name, permit);
        }
    }

    pub(super) async fn failed(mut self, verdict: &Verdict, policy: &Policy) {
        let Some(scope) = &verdict.counts_against else { return };
        let Some(at) = self.held.iter().position(|(held, ..)| held == scope) else { return };
        let settings = Settings::from(policy.circuit(scope).await);
        let (scope, name, permit) = self.held.swap_remove(at);
        let now = self.operation.account.clock().monotonic();
        if self.circuits(&scope).failed(&name, permit, now, settings) {
            tracing::error!("the circuit of {name} has opened for {} s", settings.open_for.as_secs());
        }
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        for (scope, name, permit) in std::mem::take(&mut self.held) {
            self.circuits(&scope).abandoned(&name, permit);
        }
    }
}

impl From<CircuitSettings> for Settings {
    fn from(settings: CircuitSettings) -> Self {
        Self {
            consecutive_failures: settings.consecutive_failures,
            open_for: Duration::from_millis(settings.open_for).min(Duration::from_secs(3_600)),
            probes: settings.probes,
            probe_lease: Duration::from_millis(settings.probe_lease)
                .clamp(Duration::from_secs(1), LONGEST_PAUSE),
        }
    }
}
