//! Exchanges with vendors' clouds: requests, and what came of them.

use super::{Metrics, OfExchange};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// An answer that is no refusal: 1xx to 3xx.
    Ok,
    /// A refusal: 4xx, but for 401 and 429.
    Refused,
    /// 401.
    Unauthorized,
    /// 429.
    Throttled,
    /// 5xx.
    ServerError,
    /// No whole answer: the name does not resolve, no connection, a connection that ended.
    Network,
    /// No whole answer within the request's time.
    Timeout,
    /// Nobody waited any longer: the operation's time was over, or the host stopped.
    Abandoned,
}

impl Class {
    pub(super) const ALL: [Self; 8] = [
        Self::Ok,
        Self::Refused,
        Self::Unauthorized,
        Self::Throttled,
        Self::ServerError,
        Self::Network,
        Self::Timeout,
        Self::Abandoned,
    ];

    /// Returns the class of an answer.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            429 => Self::Throttled,
            0..=399 => Self::Ok,
            400..=499 => Self::Refused,
            _ => Self::ServerError,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unauthorized => "unauthorized",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An exchange under way. It counts once, when it is dropped: as what it ended with, else as
/// [`Class::Abandoned`].
#[derive(Debug)]
#[must_use = "it counts when it is dropped"]
pub struct Exchange<'m> {
    metrics: &'m Metrics,
    account: &'m str,
    op: &'static str,
    class: Class,
}

impl<'m> Exchange<'m> {
    pub(super) const fn begin(metrics: &'m Metrics, account: &'m str, op: &'static str) -> Self {
        Self { metrics, account, op, class: Class::Abandoned }
    }

    /// Ends the exchange.
    pub fn ended(mut self, class: Class) {
        self.class = class;
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let Self { metrics, account, op, class } = self;
        let labels = OfExchange { account: (*account).to_owned(), op, class: class.as_str() };
        metrics.exchanges.get_or_create(&labels).inc();
    }
}
