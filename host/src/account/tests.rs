//! Tests of an account as a whole, with a cloud, a connector and a policy in native code.

mod cloud;
mod connector;
mod grants;
mod home;
mod policy;
mod questions;
mod secrecy;
mod sign_in_again;

use self::home::Home;
