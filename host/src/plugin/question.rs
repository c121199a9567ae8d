//! The questions that the host asks a connector: one type for each function of the interface, with the type
//! of its answer.

use std::fmt::Debug;

use wasmtime::Store;

use crate::bindings::connector::{Account, Command, Grant, Guest, Outcome, Vehicle, VehicleRef};
use crate::bindings::types::Failure;
use crate::primitives::ConnectorCx;

/// A question to a connector.
pub trait Question: Debug + Sync {
    /// Type of the answer.
    type Answer: Send;

    /// Name of the function that answers.
    const FUNCTION: &'static str;

    /// Puts the question to an instance. Returns the answer, or the failure that the connector reports.
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
    /// Vehicle that the command is for.
    pub vehicle: &'q VehicleRef,
    /// Command to carry out.
    pub command: &'q Command,
}

/// Ask about the outcome of a pending command.
#[derive(Debug, Clone, Copy)]
pub struct Resume<'q> {
    /// Vehicle that the command was for.
    pub vehicle: &'q VehicleRef,
    /// Command that is pending.
    pub command: &'q Command,
    /// Continuation that the connector asked to be given back.
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
