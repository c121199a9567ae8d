//! The control socket: programs on the same machine ask a running host for something.
//!
//! A Unix domain socket, `control.sock` in the state directory, for the host's own user (mode 0600). One JSON
//! object a line in, `{"verb":"policy/swap","payload":{…}}`, and one a line out, what [`Host::request`]
//! answers: `{"status":"ok"|"error","data":…,"error":…,"transaction":…}`. A connection may ask any number of
//! times, one question after the other. Who adds `"steps":true` is told meanwhile how far it is, in lines before
//! the answer: `{"status":"step","data":…,"error":null,"transaction":null}`, with the report of a command, or
//! with `null` every few seconds in which nothing has happened.
//!
//! # Guarantees
//!
//! * A line that is not a request gets an error as its answer, and the connection goes on. One that is too
//!   long gets one too, and the connection ends: where the next line begins is not known then.
//! * A client that neither sends nor reads for [`IDLE`] is disconnected. It is not idle while the host works
//!   on its answer.
//! * A request that was read is done, whether or not its sender waits for the answer.
//! * Memory: at most [`CONNECTIONS`] are served at once, and only one of them may send a line above 1 MiB at
//!   a time.
//!
//! [`Host::request`]: crate::host::Host::request

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::sandbox::LARGEST_COMPONENT;

mod address;
mod client;
mod connection;
mod lines;
mod server;

pub use client::{AskError, ask, ask_in_steps, is_served};
pub use server::Control;

/// The socket's name in the state directory.
pub const SOCKET: &str = "control.sock";

/// Number of connections that are served at once.
pub const CONNECTIONS: usize = 16;

/// Time that a connection may stand still while it waits for its other end.
pub const IDLE: Duration = Duration::from_secs(60);

/// Time between two signs of life to a client that waits and wants steps.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// The longest line that is read, in bytes: the largest component in base64, and what stands around it.
pub const LONGEST_LINE: usize = LARGEST_COMPONENT.div_ceil(3) * 4 + (64 << 10);

/// Reason why there is no control socket. The host serves without one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Something else has its name.
    #[error("{path} is no socket, so it is not replaced; move it away")]
    InTheWay {
        /// The path.
        path: PathBuf,
    },
    /// The path does not fit into a socket's address.
    #[error(
        "{path} is too long for a socket's address; give the host a shorter state directory (state.dir in the \
         configuration)"
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("{path} cannot be made: {error}")]
    Unusable {
        /// The path that it would have.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}
