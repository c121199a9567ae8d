//! Types of what is on the broker: `docs/mqtt.md` is its reference. Everything here is published, so its
//! names and forms are stable.

pub mod account;
pub mod legacy;
pub mod message;
pub mod operation;
pub mod outcome;
pub mod preference;
pub mod publish;
pub mod report;
pub mod topics;
pub(crate) mod words;
