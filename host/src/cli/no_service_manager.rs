//! In place of the service manager, on systems that have none that listens.

use std::convert::Infallible;

use crate::bridge::Connection;
use crate::config;

/// Nobody is told anything.
pub(super) struct ServiceManager;

impl ServiceManager {
    pub(super) fn of_this_process(_broker: &config::Mqtt) -> Self {
        Self
    }

    pub(super) fn started(&self) {}

    pub(super) fn connection(&self, _now: Connection) {}

    pub(super) fn reloading(&self) {}

    pub(super) fn reloaded(&self) {}

    pub(super) fn stopping(&self) {}

    pub(super) async fn attend(&self) -> Infallible {
        std::future::pending().await
    }
}
