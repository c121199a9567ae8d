//! Home Assistant: what it is told so that the bridge, its accounts and its vehicles appear there as devices.
//!
//! Facts in, documents out: nothing here reads a clock, a store or a broker. Which entities a vehicle has follows
//! from what it can do, what its owner allows and what is known of it, never from who has made it.
//!
//! # Guarantees
//!
//! * A document has what Home Assistant 2024.3 and 2025.4 accept, and below 64 KiB of it: one wrong key, and Home
//!   Assistant drops the whole device. The tests hold every document to tables that were made from Home Assistant.
//! * Identifiers are made of names from the configuration and stay the same over restarts. No vehicle identification
//!   number is in any of them.
//! * What a cloud calls a car is shown as one short line, whatever it is.
//!
//! # Layout
//!
//! `device` is a device and its messages, `component` one entity of it, `name` what a text may be where it is shown.
//! `bridge`, `account` and `vehicle` describe one kind of device each.

mod account;
mod bridge;
mod component;
mod device;
mod name;
mod vehicle;

pub use self::account::AccountFacts;
pub use self::bridge::BridgeFacts;
pub use self::device::{Device, Form, LARGEST, Rank};
pub use self::name::node;
pub use self::vehicle::VehicleFacts;
