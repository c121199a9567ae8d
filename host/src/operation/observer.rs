//! Observers, which are told how far a command has come.

use futures_util::future::BoxFuture;

use crate::bindings::connector::VehicleRef;

/// Stage that a command has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The command is on its way to the cloud.
    Sent,
    /// The cloud has taken the command; the vehicle is yet to answer.
    Pending,
}

/// An observer that is told how far a command has come.
pub(crate) trait Observer: Send + Sync {
    /// Tells that the command has come to this stage.
    fn reached(&self, stage: Stage);

    /// Tells that the cloud has taken the command, and what is awaited of it, as it is to be stored. The next
    /// question waits for this.
    fn taken<'a>(&'a self, vehicle: &'a VehicleRef, awaited: &'a str) -> BoxFuture<'a, ()>;
}

/// An observer that ignores everything.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn reached(&self, _stage: Stage) {}

    fn taken<'a>(&'a self, _vehicle: &'a VehicleRef, _awaited: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
