//! What is on the broker, as types: `docs/mqtt.md` is its reference. Everything here is published, so its names and forms are
//! stable.

pub mod publish;
pub mod topics;
