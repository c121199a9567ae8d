//! The circuits of an account: its cloud's, its own, its vehicles', and that of its token endpoint.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Refusal, shut};
use crate::circuit::{Circuit, Permit, Purpose, Settings};
use crate::judged::Scope;

/// Most vehicles of which something is remembered. Those that are well are forgotten first.
const MOST_VEHICLES: usize = 64;

/// Settings of all circuits.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Scopes {
    /// Those of the token endpoint.
    pub token_endpoint: Settings,
    /// Those of the cloud.
    pub cloud: Settings,
    /// Those of the account.
    pub account: Settings,
    /// Those of each vehicle.
    pub vehicle: Settings,
}

/// The places of one attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Permits {
    cloud: Permit,
    account: Permit,
    vehicle: Option<(String, Permit)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Circuits {
    pub(super) scopes: Scopes,
    token_endpoint: Circuit,
    cloud: Circuit,
    account: Circuit,
    vehicles: BTreeMap<String, Circuit>,
}

impl Circuits {
    /// Takes a place in each circuit that an attempt passes.
    ///
    /// # Errors
    ///
    /// The first circuit that does not admit it. The places in the others are given back.
    pub(super) fn take(
        &mut self,
        vehicle: Option<&str>,
        purpose: Purpose,
        now: Duration,
    ) -> Result<Permits, Refusal> {
        let (cloud, _) = self.cloud.admit(now, purpose).map_err(|refused| shut("cloud", refused))?;
        let account = match self.account.admit(now, purpose) {
            Ok((permit, _)) => permit,
            Err(refused) => {
                self.cloud.abandoned(cloud);
                return Err(shut("account", refused));
            }
        };
        let mut permits = Permits { cloud, account, vehicle: None };
        if let Some(name) = vehicle {
            match self.vehicle(name).admit(now, purpose) {
                Ok((permit, _)) => permits.vehicle = Some((name.to_owned(), permit)),
                Err(refused) => {
                    self.abandoned(Some(permits));
                    return Err(shut("vehicle", refused));
                }
            }
        }
        Ok(permits)
    }

    pub(super) fn succeeded(&mut self, permits: Option<Permits>, now: Duration) {
        let Some(Permits { cloud, account, vehicle }) = permits else { return };
        let scopes = self.scopes;
        self.cloud.succeeded(cloud, now, scopes.cloud);
        self.account.succeeded(account, now, scopes.account);
        if let Some((name, permit)) = vehicle {
            self.vehicle(&name).succeeded(permit, now, scopes.vehicle);
        }
    }

    /// Records an answer that shows that everything is well all the same.
    pub(super) fn answered(&mut self, permits: Permits, now: Duration) {
        let Permits { cloud, account, vehicle } = permits;
        let scopes = self.scopes;
        self.cloud.answered(cloud, now, scopes.cloud);
        self.account.answered(account, now, scopes.account);
        if let Some((name, permit)) = vehicle {
            self.vehicle(&name).answered(permit, now, scopes.vehicle);
        }
    }

    /// Counts a failure against one circuit. The places in the others are given back.
    pub(super) fn failed(&mut self, permits: Permits, scope: Scope, now: Duration) {
        let scopes = self.scopes;
        match (scope, &permits.vehicle) {
            (Scope::Cloud, _) => drop(self.cloud.failed(permits.cloud, now, scopes.cloud)),
            (Scope::Account, _) => drop(self.account.failed(permits.account, now, scopes.account)),
            (Scope::Vehicle, Some((name, permit))) => {
                let permit = *permit;
                self.vehicle(&name.clone()).failed(permit, now, scopes.vehicle);
            }
            (Scope::Vehicle, None) | (Scope::TokenEndpoint | Scope::Other, _) => {}
        }
        // A place that was used is not there any more, so that nothing is given back for it.
        self.abandoned(Some(permits));
    }

    pub(super) fn abandoned(&mut self, permits: Option<Permits>) {
        let Some(Permits { cloud, account, vehicle }) = permits else { return };
        self.cloud.abandoned(cloud);
        self.account.abandoned(account);
        if let Some((name, permit)) = vehicle {
            self.vehicle(&name).abandoned(permit);
        }
    }

    /// Takes a place at the token endpoint.
    pub(super) fn take_token_endpoint(&mut self, purpose: Purpose, now: Duration) -> Result<Permit, Refusal> {
        let admitted = self.token_endpoint.admit(now, purpose);
        admitted.map(|(permit, _)| permit).map_err(|refused| shut("token endpoint", refused))
    }

    pub(super) fn renewed(&mut self, permit: Permit, now: Duration) {
        self.token_endpoint.succeeded(permit, now, self.scopes.token_endpoint);
    }

    pub(super) fn not_renewed(&mut self, permit: Permit, counts: bool, now: Duration) {
        if counts {
            self.token_endpoint.failed(permit, now, self.scopes.token_endpoint);
        } else {
            self.token_endpoint.abandoned(permit);
        }
    }

    pub(super) fn give_back_token_endpoint(&mut self, permit: Permit) {
        self.token_endpoint.abandoned(permit);
    }

    fn vehicle(&mut self, name: &str) -> &mut Circuit {
        if !self.vehicles.contains_key(name) && self.vehicles.len() >= MOST_VEHICLES {
            self.vehicles.retain(|_, circuit| !circuit.is_closed());
        }
        self.vehicles.entry(name.to_owned()).or_default()
    }
}
