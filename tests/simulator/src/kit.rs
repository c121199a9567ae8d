//! What every simulated cloud needs, whoever's it is: a server that can go away, faults, and the state behind
//! one lock.
//!
//! A simulator names its routes ([`Route`]), counts in a type of its own ([`Gauge`]), keeps its state in
//! another, and has [`Shared`] hold both. Whatever the vendor's protocol says is not here.
//!
//! * `server`: a loopback listener that ends when it is dropped; `wire`: its connections, which can be cut
//! * `received`: a request that has arrived whole; `answer`, `end`: how it is answered, or not
//! * `faults`: what goes wrong, where, how often and when
//! * `shared`: state, counters that can be waited on, and requests that are held
//! * `log`: the newest requests; `ids`: repeatable identifiers; `clock`: what time it is

mod answer;
mod clock;
mod end;
mod faults;
mod ids;
mod log;
mod received;
mod server;
mod shared;
mod wire;

pub use answer::Answer;
pub use clock::Clock;
pub use end::End;
pub use faults::{Effect, Fault, FaultTable, Moment, Route};
pub use ids::Ids;
pub use log::Log;
pub use received::{Received, pairs};
pub use server::{Server, loopback};
pub use shared::{Gauge, Shared};
pub use wire::Wire;
