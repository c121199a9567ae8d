//! The connector for the Hyundai and Kia cloud in Europe.
//!
//! Straight-line code over the host's primitives: every function makes one attempt and reports what happened,
//! as a success, an outcome or the facts of a failure. What a failure means, and whether to try again, is the
//! policy's business; that of `default-policy` is linked in and exported beside this.
//!
//! No secret is ever here. The host puts `refresh-token`, `access-token`, `device-id`, `control-token` and `pin`
//! into requests, and takes them, identification numbers and positions out of answers.
//!
//! # Layout
//!
//! * `brand`: the constants of the brands, as a table.
//! * `cloud`: URLs, headers and sending. `stamp` is one of the headers.
//! * `envelope`: answers as values, or as the facts of a failure.
//! * [`answer`]: the same without a host.
//! * `session`, `device`, `control`: the three cells: tokens, device registration, the PIN's permission; `cell` is
//!   what they have in common.
//! * `garage`: the list of vehicles, and what is remembered of each.
//! * `command`: the table of commands; `action`: what became of one.
//! * `read`: reading a vehicle; `state` maps the two formats of its answers to the host's document.
//! * `time`: the cloud's clocks.
//! * `port`: the host's primitives, which tests replace.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
extern crate default_policy as _;
extern crate guest_runtime as _;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

mod action;
pub mod answer;
mod bindings;
mod brand;
mod cell;
mod cloud;
mod command;
mod control;
mod device;
mod envelope;
mod garage;
mod port;
mod read;
mod session;
mod stamp;
mod state;
#[cfg(test)]
mod testing;
mod time;

use bindings::exports::vehicle::connector::connector::{
    Account, Command, Failure, Grant, Guest, Manifest, Outcome, ReadMode, Vehicle, VehicleRef,
};
use cloud::Cloud;
use garage::Car;

/// The component's exports.
#[derive(Debug)]
pub struct HyundaiKia;

impl Guest for HyundaiKia {
    fn describe() -> Manifest {
        Manifest {
            name: "hyundai-kia".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cloud: "hyundai-kia-eu".to_owned(),
            cells: [session::CELL, device::CELL, control::CELL].map(ToOwned::to_owned).into(),
        }
    }

    fn sign_in(account: Account) -> Result<Grant, Failure> {
        session::grant(&Cloud::of(&account)?, session::Purpose::SignIn)
    }

    fn refresh(account: Account) -> Result<Grant, Failure> {
        session::grant(&Cloud::of(&account)?, session::Purpose::Refresh)
    }

    fn list_vehicles(account: Account) -> Result<Vec<Vehicle>, Failure> {
        garage::list(&Cloud::of(&account)?)
    }

    fn execute(account: Account, vehicle: VehicleRef, command: Command) -> Result<Outcome, Failure> {
        let cloud = Cloud::of(&account)?;
        let car = Car::of(&vehicle);
        match command {
            Command::Read(ReadMode::Cached) => read::cached(&cloud, &car),
            Command::Read(ReadMode::Forced) => read::forced(&cloud, &car),
            Command::CheckActionStatus(id) => action::check(&cloud, &car, action::Action { id, odd: 0 }),
            command => match command::plan(&cloud, &car, &command) {
                Ok(plan) => action::send(&cloud, &car, &plan),
                Err(no) => Ok(no.into()),
            },
        }
    }

    fn resume(
        account: Account,
        vehicle: VehicleRef,
        _: Command,
        continuation: String,
    ) -> Result<Outcome, Failure> {
        let cloud = Cloud::of(&account)?;
        let car = Car::of(&vehicle);
        match action::Continuation::parse(&continuation) {
            Some(action::Continuation::Action(action)) => action::check(&cloud, &car, action),
            Some(action::Continuation::Wake(wake)) => read::after_wake(&cloud, &car, wake),
            None => Ok(Outcome::Other("the continuation is not one of this connector's".to_owned())),
        }
    }
}
