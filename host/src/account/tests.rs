//! Tests of an account as a whole, with a cloud, a connector and a policy in native code.

pub(crate) mod cloud;
mod connector;
mod given_once;
mod grants;
pub(crate) mod home;
mod importing;
mod latches;
mod lost;
mod owners;
mod policy;
mod questions;
mod refusals;
mod rehearsing;
mod secrecy;
mod sign_in_again;
mod spared;
mod visits;
mod wishes;

pub(crate) use self::home::Home;
