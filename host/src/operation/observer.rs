//! Who is told where a command has come to.

use futures_util::future::BoxFuture;

use crate::bindings::connector::VehicleRef;

/// Where a command has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On its way to the cloud.
    Sent,
    /// Taken by the cloud; the vehicle is yet to answer.
    Pending,
}

/// Told where a command has come to.
pub(crate) trait Observer: Send + Sync {
    /// It has come to this stage.
    fn reached(&self, stage: Stage);

    /// The cloud has taken it, and this is what to ask with what became of it. The next question waits for this.
    fn taken<'a>(&'a self, vehicle: &'a VehicleRef, continuation: &'a str) -> BoxFuture<'a, ()>;
}

/// For what nobody watches.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn reached(&self, _stage: Stage) {}

    fn taken<'a>(&'a self, _vehicle: &'a VehicleRef, _continuation: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
