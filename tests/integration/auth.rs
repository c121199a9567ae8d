//! Signing in and out on a terminal: the real program, by the host that runs and by one of its own, against a simulated
//! cloud that takes a name and a password.

mod house;
mod login;
mod logout;
pub(crate) mod secrecy;
