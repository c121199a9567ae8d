//! The kit for authors: what connectors and policies of vehicle-connector are written with.
//!
//! A connector needs this crate and nothing else: it brings the types and the glue of `wit/`, allocator and
//! panic handler, requests, failures, cells, sign-ins by OAuth, times, state documents, and a host in memory
//! for tests. The crate is called as its package is, `vehicle_connector_sdk`: whoever reads a foreign
//! connector sees whose kit it is, and one name stands in the manifest, in the code and in the documentation.
//! One line brings what most files want: `use vehicle_connector_sdk::prelude::*;`.
//!
//! A guest is `no_std` on `wasm32` and an ordinary crate elsewhere, so `cargo test` runs its tests. There the
//! primitives are those of [`testing::FakeHost`].
//!
//! # Layout
//!
//! * [`mod@connector`], [`mod@policy`]: the traits, and the types of the interface. [`connector!`], [`policy!`]
//!   export them. With the feature `layer` there is a third one: `policy::Layer`, a policy over that of the host, and
//!   `layer!`.
//! * [`manifest`]: who a connector is, and what it asks the owner for.
//! * [`http`]: requests and answers. [`oauth`]: those of token endpoints.
//! * [`certainty`]: whether the vehicle may have acted, decided in one place.
//! * [`failure`]: failures, as facts.
//! * [`cell`]: what several calls share. [`clock`], [`log`], [`mqtt`], [`random`]: the other primitives.
//! * [`state`]: state documents. [`time`]: times as clouds write them.
//! * [`testing`]: a host in memory, everywhere but on `wasm32`.
//! * `runtime`: allocator and panic handler. `host`: the primitives, real or in memory.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[doc(hidden)]
pub mod bindings;
pub mod cell;
pub mod certainty;
pub mod connector;
#[doc(hidden)]
pub mod export;
pub mod failure;
mod host;
pub mod http;
pub mod manifest;
pub mod oauth;
pub mod policy;
#[cfg(all(target_arch = "wasm32", feature = "runtime"))]
mod runtime;
pub mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;

pub use serde_json;

/// What most files of a connector want.
pub mod prelude {
    pub use alloc::borrow::ToOwned;
    pub use alloc::boxed::Box;
    pub use alloc::format;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec;
    pub use alloc::vec::Vec;

    pub use serde_json::{self, Value, json};

    pub use crate::connector::{
        Account, BodyKind, Certainty, Command, Connector, Failure, Grant, Manifest, Outcome, Pending, Phase,
        Question, ReadMode, Reply, Report, Step, Transport, Vehicle, VehicleRef,
    };
    pub use crate::http::{Answer, Envelope, Request, Says, derived, secret};
    pub use crate::manifest::{Want, endpoint, setting};
    pub use crate::{cell, failure, oauth};
}

/// Time, as the host gives it.
pub mod clock {
    pub use crate::bindings::connector::vehicle::connector::clock::Datetime;
    pub use crate::host::{monotonic, now, sleep};

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds() -> i64 {
        i64::try_from(now().seconds).unwrap_or(i64::MAX)
    }
}

/// Locks, as the interface has them; [`cell`] is easier to use.
pub mod lock {
    pub use crate::bindings::connector::vehicle::connector::lock::{Cell, LockError};
}

/// Lines in the host's log. It masks VINs, and drops what is too much.
pub mod log {
    pub use crate::bindings::connector::vehicle::connector::log::Level;

    /// Writes a line for finding what is wrong.
    pub fn debug(message: &str) {
        crate::host::write(Level::Debug, message);
    }

    /// Writes a line about what happens in operation.
    pub fn info(message: &str) {
        crate::host::write(Level::Info, message);
    }

    /// Writes a line that somebody may want to look at.
    pub fn warn(message: &str) {
        crate::host::write(Level::Warn, message);
    }
}

/// Messages of a connector's own.
pub mod mqtt {
    pub use crate::bindings::connector::vehicle::connector::mqtt::PublishError;
    pub use crate::host::publish;
}

/// Values that nobody can guess.
pub mod random {
    use alloc::format;
    use alloc::string::String;

    pub use crate::bindings::connector::vehicle::connector::random::{Alphabet, RandomError};
    pub use crate::host::{bytes, secret};

    /// So many bytes that are no secret, as two hexadecimal digits each: at most 64.
    #[must_use]
    pub fn hex(length: u32) -> String {
        bytes(length).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// An identifier that is no secret, in the form of a UUID of version 4 (RFC 9562 §5.4).
    #[must_use]
    pub fn uuid() -> String {
        let mut number = [0; 16];
        for (place, byte) in number.iter_mut().zip(bytes(16)) {
            *place = byte;
        }
        let number = u128::from_be_bytes(number);
        let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let (head, tail) = (number >> 80, number & 0xffff_ffff_ffff);
        let (version, variant) = (number >> 64 & 0xffff, number >> 48 & 0xffff);
        format!("{:08x}-{:04x}-{version:04x}-{variant:04x}-{tail:012x}", head >> 16, head & 0xffff)
    }
}
