//! What the host asks a connector: one type for each function of the interface, and with it the answer that it has.

use std::fmt::Debug;

use wasmtime::Store;

use crate::bindings::connector::{Account, Command, Grant, Guest, Outcome, Vehicle, VehicleRef};
use crate::bindings::types::Failure;
use crate::primitives::ConnectorCx;

/// A question to a connector.
pub trait Question: Debug + Sync {
    /// What answers it.
    type Answer: Send;

    /// The name of the function that answers it.
    const FUNCTION: &'static str;

    /// Puts it to an instance: the answer, or the failure that the connector reports.
    fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Answer, Failure>>> + Send;
}

/// Obtain a session from credentials.
#[derive(Debug, Clone, Copy)]
pub struct SignIn;

/// Refresh the session.
#[derive(Debug, Clone, Copy)]
pub struct RefreshSession;

/// List the vehicles.
#[derive(Debug, Clone, Copy)]
pub struct ListVehicles;

/// Attempt a command.
#[derive(Debug, Clone, Copy)]
pub struct Execute<'q> {
    /// The vehicle that it is for.
    pub vehicle: &'q VehicleRef,
    /// What is to be done.
    pub command: &'q Command,
}

/// Ask what became of a pending command.
#[derive(Debug, Clone, Copy)]
pub struct Resume<'q> {
    /// The vehicle that it was for.
    pub vehicle: &'q VehicleRef,
    /// What was to be done.
    pub command: &'q Command,
    /// What the connector wanted to be asked with.
    pub continuation: &'q str,
}

impl Question for SignIn {
    type Answer = Grant;

    const FUNCTION: &'static str = "sign-in";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Grant, Failure>> {
        guest.call_sign_in(store, account).await
    }
}

impl Question for RefreshSession {
    type Answer = Grant;

    const FUNCTION: &'static str = "refresh";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Grant, Failure>> {
        guest.call_refresh(store, account).await
    }
}

impl Question for ListVehicles {
    type Answer = Vec<Vehicle>;

    const FUNCTION: &'static str = "list-vehicles";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Vec<Vehicle>, Failure>> {
        guest.call_list_vehicles(store, account).await
    }
}

impl Question for Execute<'_> {
    type Answer = Outcome;

    const FUNCTION: &'static str = "execute";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Outcome, Failure>> {
        guest.call_execute(store, account, self.vehicle, self.command).await
    }
}

impl Question for Resume<'_> {
    type Answer = Outcome;

    const FUNCTION: &'static str = "resume";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Outcome, Failure>> {
        guest.call_resume(store, account, self.vehicle, self.command, self.continuation).await
    }
}
