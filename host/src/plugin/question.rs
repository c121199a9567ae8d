//! The questions that the host asks a connector: one type for each function of the interface, with the type
//! of its answer.

use std::fmt::Debug;

use wasmtime::Store;

use crate::bindings::connector::{
    Account, Command, Guest, Outcome, ReadMode, Reply, Step, Vehicle, VehicleRef,
};
use crate::bindings::types::Failure;
use crate::plugin::native::{Answering, NativeConnector};
use crate::primitives::{Call, ConnectorCx};

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

    /// Puts the question to a connector that is a part of this program.
    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer>;
}

/// Obtain a session from credentials.
#[derive(Debug, Clone, Copy)]
pub struct SignIn;

/// Go on with a sign-in after its question.
#[derive(Debug, Clone, Copy)]
pub struct ContinueSignIn<'q> {
    /// Continuation that the connector asked to be given back.
    pub continuation: &'q str,
    /// What became of the question.
    pub reply: &'q Reply,
}

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

/// Look at a vehicle, to see whether a command has been done that the cloud does not tell the end of.
#[derive(Debug, Clone, Copy)]
pub struct Look<'q> {
    /// Vehicle that the command was for.
    pub vehicle: &'q VehicleRef,
}

impl Question for SignIn {
    type Answer = Step;

    const FUNCTION: &'static str = "sign-in";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Step, Failure>> {
        guest.call_sign_in(store, account).await
    }

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.sign_in(call, account)
    }
}

impl Question for ContinueSignIn<'_> {
    type Answer = Step;

    const FUNCTION: &'static str = "continue-sign-in";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Step, Failure>> {
        guest.call_continue_sign_in(store, account, self.continuation, self.reply).await
    }

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.continue_sign_in(call, account, self.continuation, self.reply)
    }
}

impl Question for RefreshSession {
    type Answer = Step;

    const FUNCTION: &'static str = "refresh";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Step, Failure>> {
        guest.call_refresh(store, account).await
    }

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.refresh(call, account)
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

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.list_vehicles(call, account)
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

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.execute(call, account, self.vehicle, self.command)
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

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.resume(call, account, self.vehicle, self.continuation)
    }
}

impl Question for Look<'_> {
    type Answer = Outcome;

    const FUNCTION: &'static str = "execute";

    async fn put(
        &self,
        guest: &Guest,
        store: &mut Store<ConnectorCx>,
        account: &Account,
    ) -> wasmtime::Result<Result<Outcome, Failure>> {
        guest.call_execute(store, account, self.vehicle, &Command::Read(ReadMode::Cached)).await
    }

    fn put_to_native<'a>(
        &'a self,
        connector: &'a dyn NativeConnector,
        call: &'a mut Call,
        account: &'a Account,
    ) -> Answering<'a, Self::Answer> {
        connector.execute(call, account, self.vehicle, &Command::Read(ReadMode::Cached))
    }
}
