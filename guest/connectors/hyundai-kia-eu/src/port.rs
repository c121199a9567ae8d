//! The host's primitives. Tests replace them by a cloud in memory, see `testing`.

#[cfg(not(test))]
mod real {
    pub(crate) use crate::bindings::vehicle::connector::clock::now;
    pub(crate) use crate::bindings::vehicle::connector::http::send;
    pub(crate) use crate::bindings::vehicle::connector::lock::{Guard, acquire, read};
    pub(crate) use crate::bindings::vehicle::connector::log::write as log;
}

#[cfg(not(test))]
pub(crate) use real::{Guard, acquire, log, now, read, send};

#[cfg(test)]
pub(crate) use crate::testing::{Guard, acquire, log, now, read, send};

pub(crate) use crate::bindings::vehicle::connector::http::{
    Body, Capture, CaptureSource, CaptureTarget, Method, Request, Response, TransportError,
};
pub(crate) use crate::bindings::vehicle::connector::lock::{Cell, LockError};
pub(crate) use crate::bindings::vehicle::connector::log::Level;
