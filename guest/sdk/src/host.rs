//! The host's primitives: those of the interface on `wasm32`, a host in memory ([`crate::testing`])
//! elsewhere.

#[cfg(target_arch = "wasm32")]
mod real {
    pub use crate::bindings::connector::vehicle::connector::clock::{monotonic, now, sleep};
    pub(crate) use crate::bindings::connector::vehicle::connector::http::send;
    pub(crate) use crate::bindings::connector::vehicle::connector::lock::{Guard, acquire, read};
    pub(crate) use crate::bindings::connector::vehicle::connector::log::write;
    pub use crate::bindings::connector::vehicle::connector::mqtt::publish;
    pub use crate::bindings::connector::vehicle::connector::random::{bytes, secret};
}

#[cfg(target_arch = "wasm32")]
pub use real::*;

#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::primitives::*;
