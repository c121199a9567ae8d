//! Everyday commands: the real program, by the host that runs and by one of its own, against a simulated cloud.

mod exits;
mod house;
mod one_shot;
mod requests;
mod running;
mod waiting;
