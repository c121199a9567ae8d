//! The connector for the cloud of Renault and Dacia in Europe.
//!
//! Two services: Gigya knows the person, Kamereon the cars. Every function makes one attempt and reports what
//! happened; what a failure means is the policy's business, and it ships with that of `default-policy`.
//!
//! No secret is ever here: the host puts keys, password, code and tokens into requests and takes tokens,
//! identification numbers and positions out of answers.
//!
//! # Layout
//!
//! * `wants`: what it asks the owner for. `brand`: the brands, as a table. `place`: country and language.
//! * `gigya`: the identity service, how it is asked and how it says no.
//! * `session`: sign-in and refresh. `second_factor`: the code that is sent by mail.
//! * `kamereon`: the vehicle service, how it is asked and how it says no.
//! * `models`: what each model has, as a table. `garage`: the list of vehicles.
//! * `read`: reading a vehicle; `state` maps the answers; `absent` remembers what a vehicle does not tell.
//! * `command`: climate and signals. `charge`: charging and its limit.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod absent;
mod brand;
mod charge;
mod command;
mod garage;
mod gigya;
mod kamereon;
mod models;
mod place;
mod read;
mod second_factor;
mod session;
mod state;
#[cfg(test)]
mod testing;
mod wants;

use vehicle_connector_sdk::prelude::*;

use garage::Car;
use kamereon::Kamereon;

/// The connector.
#[derive(Debug)]
pub struct Renault;

vehicle_connector_sdk::connector!(Renault, policy = default_policy::DefaultPolicy);

impl Connector for Renault {
    fn describe() -> Manifest {
        wants::manifest()
    }

    fn sign_in(account: &Account) -> Result<Step, Failure> {
        // Without it nothing could be asked about a car, and a person would have answered for nothing.
        place::Country::of(account)?;
        session::sign_in(account)
    }

    fn continue_sign_in(account: &Account, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
        second_factor::go_on(account, continuation, reply)
    }

    fn refresh(account: &Account) -> Result<Step, Failure> {
        session::refresh(account)
    }

    fn list_vehicles(account: &Account) -> Result<Vec<Vehicle>, Failure> {
        garage::list(account, &Kamereon::of(account)?)
    }

    fn execute(account: &Account, vehicle: &VehicleRef, command: &Command) -> Result<Outcome, Failure> {
        let cloud = Kamereon::of(account)?;
        let car = Car::of(vehicle)?;
        match command {
            Command::Read(ReadMode::Cached) => read::cached(&cloud, &car),
            Command::Read(ReadMode::Forced) => {
                Ok(Outcome::unsupported("this cloud cannot be made to ask the vehicle"))
            }
            Command::StartCharging => charge::start(&cloud, &car),
            Command::StopCharging => charge::stop(&cloud, &car),
            Command::SetChargeLimits(limits) => charge::limit(&cloud, &car, *limits),
            command => command::execute(&cloud, &car, command),
        }
    }
}
