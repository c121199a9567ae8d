//! State of one connection, and how it ended.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::super::link::{Failure, Link, Verdict};
use super::super::packets::Limits;
use super::super::receipts::Receipts;
use super::super::subscriptions::Subscriptions;

/// State of one connection.
pub(super) struct Connection {
    pub(super) link: Link,
    /// Whether the broker was told to forget what it had kept.
    pub(super) clean: bool,
    /// Session, once the broker has accepted us.
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

/// End of a connection, or of an attempt at one.
pub(super) enum Ended {
    /// Ended as asked.
    Finished,
    /// All publishers are gone: no request can come any more.
    Abandoned,
    /// The session stood this long.
    Lost(Failure, Duration),
    /// There was no session.
    Failed(Failure),
}

impl Ended {
    /// Verdict on the messages that were sent last.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Lost(failure, _) => failure.verdict,
            Self::Finished | Self::Abandoned | Self::Failed(_) => Verdict::NotOurs,
        }
    }
}
