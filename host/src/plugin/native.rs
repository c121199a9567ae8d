//! Plugins that are a part of this program: what a component exports, as traits.
//!
//! For programs that embed a host and speak to a cloud of their own, and for tests of what the host does around a
//! connector. Everything that the host enforces holds for them too: a native connector sends by
//! [`Call::send`](crate::primitives::Call::send), writes placeholders where secrets go, and gets answers without
//! them. Only the sandbox is not there: native code has no budget, and a panic of it is the program's.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::bindings::connector::{Account, Command, Manifest, Outcome, Reply, Step, Vehicle, VehicleRef};
use crate::bindings::policy::{
    Attempt, CircuitScope, CircuitSettings, Decision, Failure as Failed, RefreshDecision, SessionView,
    Verdict,
};
use crate::bindings::types::Failure;
use crate::plugin::unanswered;
use crate::primitives::Call;

/// Future of a connector's answer, or of the failure that it reports.
pub type Answering<'a, A> = BoxFuture<'a, Result<A, Failure>>;

/// A connector in native code. Its functions are those of `wit/connector.wit`.
pub trait NativeConnector: Debug + Send + Sync {
    /// Who it is.
    fn manifest(&self) -> Manifest;

    /// Obtains a session.
    fn sign_in<'a>(&'a self, call: &'a mut Call, account: &'a Account) -> Answering<'a, Step>;

    /// Goes on with a sign-in after its question.
    fn continue_sign_in<'a>(
        &'a self,
        call: &'a mut Call,
        account: &'a Account,
        continuation: &'a str,
        reply: &'a Reply,
    ) -> Answering<'a, Step>;

    /// Refreshes the session.
    fn refresh<'a>(&'a self, call: &'a mut Call, account: &'a Account) -> Answering<'a, Step>;

    /// Lists the vehicles.
    fn list_vehicles<'a>(&'a self, call: &'a mut Call, account: &'a Account) -> Answering<'a, Vec<Vehicle>>;

    /// Makes one attempt at a command.
    fn execute<'a>(
        &'a self,
        call: &'a mut Call,
        account: &'a Account,
        vehicle: &'a VehicleRef,
        command: &'a Command,
    ) -> Answering<'a, Outcome>;

    /// Asks once how a pending command goes.
    fn resume<'a>(
        &'a self,
        call: &'a mut Call,
        account: &'a Account,
        vehicle: &'a VehicleRef,
        continuation: &'a str,
    ) -> Answering<'a, Outcome>;
}

/// A policy in native code. Its functions are those of `wit/policy.wit`, and as pure.
pub trait NativePolicy: Debug + Send + Sync {
    /// What kind of failure is this?
    fn classify(&self, failure: &Failed) -> Verdict;

    /// What next?
    fn decide(&self, attempt: &Attempt) -> Decision;

    /// May the session be refreshed now?
    fn admit_refresh(&self, _session: &SessionView) -> RefreshDecision {
        unanswered::REFRESH
    }

    /// When does this circuit open?
    fn circuit(&self, _scope: &CircuitScope) -> CircuitSettings {
        unanswered::CIRCUIT
    }
}
