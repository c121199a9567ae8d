//! Reading by itself: when a vehicle is read from what its cloud has, although nobody asks for it, and which
//! changes between two reads are told.
//!
//! Everything here is a function of what is known, the configuration and the time; `host/vehicle_desk/poll.rs`
//! does what follows from it. A read that is due here wakes no vehicle up.
//!
//! * `rhythm`: what was seen of the reads so far; survives a restart
//! * `schedule`: when the next one is due
//! * `quiet`: the hours in which none is
//! * `share`: what the requests of a day allow
//! * `trouble`: when to try again what has failed
//! * `fences`: geofences, entered and left
//! * `distance`: metres between two places

mod distance;
mod fences;
pub(crate) mod quiet;
mod rhythm;
mod schedule;
mod share;
mod trouble;

pub(crate) use self::fences::Fences;
pub(crate) use self::rhythm::{Rhythm, Sight};
pub(crate) use self::schedule::{Mode, Obstacle, Plan, Situation, plan};
pub(crate) use self::share::{Day, least_interval};
pub(crate) use self::trouble::{About, Trouble};
