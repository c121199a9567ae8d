//! The connector for the Hyundai and Kia cloud in Europe, Australia and New Zealand.
//!
//! Straight-line code over the host's primitives: every function makes one attempt and reports what happened,
//! as a success, an outcome or the facts of a failure. What a failure means, and whether to try again, is the
//! policy's business; it ships with that of `default-policy`.
//!
//! No secret is ever here. The host puts passwords, tokens and the PIN into requests, computes what is signed
//! and sealed with them, and takes tokens, identification numbers and positions out of answers.
//!
//! # Layout
//!
//! * `wants`: what it asks the owner for. `brand`: the constants of the brands, and `region`: what differs between
//!   regions, as tables.
//! * `cloud`: URLs, headers and sending. `stamp` is one of the headers.
//! * `envelope`: how the cloud says yes and no. [`answer`]: the same without a host.
//! * `session`: how a session is obtained and refreshed. `identity`: the sign-in by password; `tokens`: the
//!   token service since 2026, by signed calls or without. `direct`: both outside Europe. `address`: where
//!   redirects lead.
//! * `kept`: what is remembered of a session and a device. `device`, `control`: the device registration, the
//!   PIN's permission.
//! * `garage`: the list of vehicles, and what is remembered of each.
//! * `command`: the table of commands; `action`: what became of one.
//! * `read`: reading a vehicle; `state` maps the two formats of its answers to the host's document.
//! * `time`: the cloud's clocks.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod action;
mod address;
#[cfg(not(target_arch = "wasm32"))]
pub mod answer;
mod brand;
mod cloud;
mod command;
mod control;
mod device;
mod direct;
mod envelope;
mod garage;
mod identity;
mod kept;
mod read;
mod region;
mod session;
mod stamp;
mod state;
#[cfg(test)]
mod testing;
mod time;
mod tokens;
mod wants;

use vehicle_connector_sdk::prelude::*;

use cloud::Cloud;
use garage::Car;

/// The connector.
#[derive(Debug)]
pub struct HyundaiKia;

vehicle_connector_sdk::connector!(HyundaiKia, policy = default_policy::DefaultPolicy);

impl Connector for HyundaiKia {
    fn describe() -> Manifest {
        wants::manifest()
    }

    fn sign_in(account: &Account) -> Result<Step, Failure> {
        session::sign_in(&Cloud::of(account)?)
    }

    fn continue_sign_in(account: &Account, continuation: &str, reply: &Reply) -> Result<Step, Failure> {
        session::go_on(&Cloud::of(account)?, continuation, reply)
    }

    fn refresh(account: &Account) -> Result<Step, Failure> {
        session::refresh(&Cloud::of(account)?)
    }

    fn list_vehicles(account: &Account) -> Result<Vec<Vehicle>, Failure> {
        kept::has_access(account)?;
        garage::list(&Cloud::of(account)?)
    }

    fn execute(account: &Account, vehicle: &VehicleRef, command: &Command) -> Result<Outcome, Failure> {
        let cloud = Cloud::of(account)?;
        kept::has_access(account)?;
        let car = Car::of(vehicle);
        match command {
            Command::Read(ReadMode::Cached) => read::cached(&cloud, &car),
            Command::Read(ReadMode::Forced) => read::forced(&cloud, &car),
            Command::CheckActionStatus(id) => {
                action::check(&cloud, &car, action::Action { id: id.clone(), odd: 0 })
            }
            Command::SetChargeLimits(limits) => {
                let limits = read::completed(&cloud, &car, *limits)?;
                send(&cloud, &car, &Command::SetChargeLimits(limits))
            }
            command => send(&cloud, &car, command),
        }
    }

    fn resume(
        account: &Account,
        vehicle: &VehicleRef,
        _: &Command,
        continuation: &str,
    ) -> Result<Outcome, Failure> {
        let cloud = Cloud::of(account)?;
        let car = Car::of(vehicle);
        match action::Continuation::parse(continuation) {
            Some(action::Continuation::Action(action)) => action::check(&cloud, &car, action),
            Some(action::Continuation::Wake(wake)) => read::after_wake(&cloud, &car, wake),
            None => Ok(Outcome::Other("the continuation is not one of this connector's".to_owned())),
        }
    }
}

fn send(cloud: &Cloud<'_>, car: &Car, command: &Command) -> Result<Outcome, Failure> {
    match command::plan(cloud, car, command) {
        Ok(plan) => action::send(cloud, car, &plan),
        Err(no) => Ok(no.into()),
    }
}
