//! The circuits that an attempt passes: its cloud's, its account's, its vehicle's.

use vehicle_connector_rules::judged::Kind;

use super::Operation;
use crate::bindings::policy::CircuitScope;
use crate::judge::Judged;
use crate::plugin::Policy;
use crate::protect::circuit::{Circuits, Permit, Purpose, Settings, Shut};

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
        let cloud = operation.connector.manifest().name.clone();
        let mut names =
            vec![(CircuitScope::Cloud, cloud), (CircuitScope::Account, operation.account.circuit_name())];
        if let Some(vehicle) = &operation.vehicle {
            names.push((CircuitScope::Vehicle, format!("vehicle {vehicle}")));
        }
        let mut permits = Self { operation, held: Vec::new() };
        for (scope, name) in names {
            let permit = permits.circuits(&scope).admit(&name, now, purpose)?;
            permits.held.push((scope, name, permit));
        }
        Ok(permits)
    }

    fn circuits(&self, scope: &CircuitScope) -> &'a Circuits {
        let account = &self.operation.account;
        if *scope == CircuitScope::Cloud { &account.clouds } else { &account.circuits }
    }

    pub(super) async fn succeeded(mut self, policy: &Policy) {
        let now = self.operation.account.clock().monotonic();
        // What is still held when the caller leaves meanwhile is given back.
        while let Some((scope, ..)) = self.held.last() {
            let settings = Settings::from(policy.circuit(scope).await);
            let Some((scope, name, permit)) = self.held.pop() else { return };
            self.circuits(&scope).succeeded(&name, permit, now, settings);
        }
    }

    /// Counts a failure against the circuit about which it tells. A failure that tells of no circuit's ill
    /// health, although there is a sensible answer, is what a probe was to find out: else a car of which the
    /// cloud has no data would keep a circuit half open, and its commands from being sent, for as long as
    /// that is so.
    pub(super) async fn failed(mut self, judged: &Judged, scope: Option<&CircuitScope>, policy: &Policy) {
        let Some(scope) = scope else {
            if is_sensible(judged) {
                self.answered(policy).await;
            }
            return;
        };
        let Some(at) = self.held.iter().position(|(held, ..)| held == scope) else { return };
        let settings = Settings::from(policy.circuit(scope).await);
        let (scope, name, permit) = self.held.swap_remove(at);
        let now = self.operation.account.clock().monotonic();
        self.circuits(&scope).failed(&name, permit, now, settings);
    }

    async fn answered(mut self, policy: &Policy) {
        let now = self.operation.account.clock().monotonic();
        while let Some((scope, ..)) = self.held.last() {
            let settings = Settings::from(policy.circuit(scope).await);
            let Some((scope, name, permit)) = self.held.pop() else { return };
            self.circuits(&scope).answered(&name, permit, now, settings);
        }
    }
}

/// Whether a failure is an answer about what was asked.
fn is_sensible(judged: &Judged) -> bool {
    let failure = &judged.failure;
    Kind::from(judged.kind()).is_sensible(failure.transport.is_none(), failure.certainty.into())
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        for (scope, name, permit) in std::mem::take(&mut self.held) {
            self.circuits(&scope).abandoned(&name, permit);
        }
    }
}
