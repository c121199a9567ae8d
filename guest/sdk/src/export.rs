//! From a type of the author's to the exports of a component.

use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::bindings::connector::exports::vehicle::connector::connector::{
    self as wit, Guest as ConnectorGuest,
};
use crate::bindings::policy::exports::vehicle::connector::policy::Guest as PolicyGuest;
use crate::connector::{
    Account, Command, Connector, Failure, Manifest, Outcome, Reply, Step, Vehicle, VehicleRef,
};
use crate::policy::{self, Policy};

/// The exports of a policy.
#[derive(Debug)]
pub struct ExportedPolicy<P>(PhantomData<P>);

/// The exports of a connector.
#[derive(Debug)]
pub struct ExportedConnector<C>(PhantomData<C>);

impl<P: Policy> PolicyGuest for ExportedPolicy<P> {
    fn describe() -> policy::Manifest {
        P::describe()
    }

    fn classify(failure: policy::Failure) -> policy::Verdict {
        P::classify(&failure)
    }

    fn decide(attempt: policy::Attempt) -> policy::Decision {
        P::decide(&attempt)
    }

    fn admit_refresh(session: policy::SessionView) -> policy::RefreshDecision {
        P::admit_refresh(&session)
    }

    fn circuit(scope: policy::CircuitScope) -> policy::CircuitSettings {
        P::circuit(&scope)
    }
}

impl<C: Connector> ConnectorGuest for ExportedConnector<C> {
    fn describe() -> Manifest {
        C::describe()
    }

    fn sign_in(account: wit::Account) -> Result<Step, Failure> {
        C::sign_in(&account)
    }

    fn continue_sign_in(account: Account, continuation: String, reply: Reply) -> Result<Step, Failure> {
        C::continue_sign_in(&account, &continuation, &reply)
    }

    fn refresh(account: Account) -> Result<Step, Failure> {
        C::refresh(&account)
    }

    fn list_vehicles(account: Account) -> Result<Vec<Vehicle>, Failure> {
        C::list_vehicles(&account)
    }

    fn execute(account: Account, vehicle: VehicleRef, command: Command) -> Result<Outcome, Failure> {
        C::execute(&account, &vehicle, &command)
    }

    fn resume(
        account: Account,
        vehicle: VehicleRef,
        command: Command,
        continuation: String,
    ) -> Result<Outcome, Failure> {
        C::resume(&account, &vehicle, &command, &continuation)
    }
}

/// Makes a component of the crate: a policy that exports the type, which implements [`Policy`].
///
/// The type is checked on every target; exports there are on `wasm32` alone.
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        const _: fn() = || {
            fn is_a_policy<P: $crate::policy::Policy>() {}
            is_a_policy::<$policy>();
        };
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs, reason = "generated exports")]
        const _: () = {
            type Exported = $crate::export::ExportedPolicy<$policy>;
    $crate::bindings::policy::export_policy!(Exported with_types_in $crate::bindings::policy);
        };
    };
}

/// Makes a component of the crate: a connector that exports the first type, which implements [`Connector`],
/// and beside it the policy that it ships with, which implements [`Policy`]: `connector!(Acme, policy =
/// default_policy::DefaultPolicy)`, and [`Plain`](crate::policy::Plain) if none is named.
///
/// ```
/// use vehicle_connector_sdk::prelude::*;
///
/// struct Acme;
///
/// impl Connector for Acme {
///     fn describe() -> Manifest {
///         Manifest::new("acme", "0.1.0", "The cloud of Acme")
///     }
///
///     fn list_vehicles(_: &Account) -> Result<Vec<Vehicle>, Failure> {
///         Ok(Vec::new())
///     }
///
///     fn execute(_: &Account, _: &VehicleRef, _: &Command) -> Result<Outcome, Failure> {
///         Ok(Outcome::unsupported("there is nothing that Acme can do"))
///     }
/// }
///
/// vehicle_connector_sdk::connector!(Acme);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! connector {
    ($connector:ty) => {
        $crate::connector!($connector, policy = $crate::policy::Plain);
    };
    ($connector:ty, policy = $policy:ty) => {
        $crate::policy!($policy);
        const _: fn() = || {
            fn is_a_connector<C: $crate::connector::Connector>() {}
            is_a_connector::<$connector>();
        };
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs, reason = "generated exports")]
        const _: () = {
            type Exported = $crate::export::ExportedConnector<$connector>;
            $crate::bindings::connector::export_connector!(
                Exported with_types_in $crate::bindings::connector
            );
        };
    };
}
