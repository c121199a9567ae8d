//! Cars of Renault: the real connector and its simulated cloud, in virtual time.

mod documents;
mod privacy;
mod questions;
mod recovery;
mod sight;
mod tokens;
