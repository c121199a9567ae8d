//! What belongs to one connection, and how it ended.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::link::{Failure, Link, Verdict};
use super::super::packets::Limits;
use super::super::receipts::Receipts;
use super::super::subscriptions::Subscriptions;

/// What belongs to one connection.
pub(super) struct Connection {
    pub(super) link: Link,
    /// Whether the broker was told to forget what it had kept.
    pub(super) clean: bool,
    /// Set once the broker has accepted us.
    pub(super) up: Option<Up>,
    pub(super) subscriptions: Subscriptions,
    pub(super) receipts: Receipts,
}

pub(super) struct Up {
    pub(super) since: Instant,
    pub(super) limits: Limits,
}

impl Connection {
    pub(super) fn ended(&self, failure: Failure) -> Ended {
        match &self.up {
            Some(up) => Ended::Lost(failure, up.since.elapsed()),
            None => Ended::Failed(failure),
        }
    }
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How a connection, or an attempt at one, ended.
pub(super) enum Ended {
    /// As asked.
    Finished,
    /// All publishers are gone: nobody can ask for anything any more.
    Abandoned,
    /// The session stood this long.
    Lost(Failure, Duration),
    /// There was no session.
    Failed(Failure),
}

impl Ended {
    /// What it says about the messages that were sent last.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Lost(failure, _) => failure.verdict,
            Self::Finished | Self::Abandoned | Self::Failed(_) => Verdict::NotOurs,
        }
    }
}
