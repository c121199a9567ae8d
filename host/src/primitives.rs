//! The four primitives that a connector works with, and its log.
//!
//! Everything that a guest can do passes through here, so the rules that no plugin can break are kept here:
//! which hosts it may reach, that it never holds a secret, how much it may send, publish and log, and that a
//! request which may have moved a vehicle is not followed by another one.

mod allowance;
mod answer_time;
mod capture;
mod clock;
mod content;
mod http;
mod lock;
mod log;
mod mqtt;
mod pin;
mod placeholder;
mod resolver;
mod scrub;
mod tap;
pub mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use self::allowance::{Allowance, Journal};
pub use self::answer_time::Skew;
use self::capture::Marked;
use self::http::Offers;
pub(crate) use self::http::PIN;
pub(crate) use self::lock::SESSION;
pub(crate) use self::pin::Turn;
pub use self::pin::{NotOffered, PinGuard};
pub use self::tap::Tap;
pub use self::transport::{HttpClient, HttpRequest, NoClient, Transport};
use crate::cell::{CellGuard, Cells, Secrets, Snapshot};
use crate::descriptor::{Capturable, CommandAnswers, Told};
use crate::sandbox::{Caller, Cx};
use crate::time::Clock;
use crate::wire::publish::Publish;

/// A service that the configuration lets a connector reach.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name of the service in the connector.
    pub name: String,
    /// URL. `http` only on loopback; the configuration makes sure.
    pub url: Url,
}

/// Context of an account's calls: what the primitives need to know of it. The same for all its calls.
#[derive(Debug)]
pub struct AccountContext {
    /// Slug of the account.
    pub account: String,
    /// The services that its connector may reach. Empty means none.
    pub endpoints: Vec<Endpoint>,
    /// The secrets of the configuration.
    pub secrets: Secrets,
    /// Endpoints to which each secret may be sent.
    pub bindings: BTreeMap<String, BTreeSet<String>>,
    /// The secrets that a connector may take out of an answer. The others are the owner's.
    pub capturable: BTreeSet<Capturable>,
    /// Meanings of answers to commands: whether the vehicle may have acted.
    pub command_answers: Arc<CommandAnswers>,
    /// Cells of the account.
    pub cells: Cells,
    /// The way to the cloud.
    pub transport: Arc<dyn Transport>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// The way to the broker.
    pub publisher: Arc<dyn Publish>,
    /// Topic below which the connector publishes, with a slash at the end.
    pub topic_prefix: String,
    /// Guard of the PIN, which decides how often it may be sent.
    pub pin: PinGuard,
    /// Skew of this machine's clock, as the cloud's answers say.
    pub skew: Skew,
    /// Tap that is told what guests are given.
    pub tap: Option<Arc<dyn Tap>>,
}

/// Description of an answer that was not given to the guest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withheld {
    /// HTTP status.
    pub(crate) status: u16,
    /// Kind of body.
    pub(crate) body: crate::bindings::types::BodyKind,
}

/// One call into a connector.
pub struct Call {
    pub(crate) context: Arc<AccountContext>,
    pub(crate) allowance: Arc<Allowance>,
    /// Identifier of the operation, for the log.
    pub(crate) operation: String,
    /// The cells as this call sees them.
    pub(crate) view: Snapshot,
    /// Secrets that were captured and not committed yet.
    pub(crate) captured: Secrets,
    /// Essential secrets that a successful answer was asked for and did not have, and that have not come
    /// since.
    pub(crate) missing: BTreeSet<String>,
    /// The last answer that was not given to the guest.
    pub(crate) withheld: Option<Withheld>,
    /// The lock of the session that this call is to refresh. What it captures is stored under it at once.
    pub(crate) refreshing: Option<Arc<CellGuard>>,
    /// Values that the guest handles by their marks.
    private: Marked,
    /// Whether a request that acts on the vehicle was sent in this call.
    pub(crate) acted: bool,
    /// Whether any request left in this call.
    pub(crate) left: bool,
    /// Time that the last answer asks to wait; none if it names a time that has passed.
    pub(crate) told_to_wait: Option<Duration>,
    /// Longest time that any answer of this call asks to wait, whatever the guest makes of it.
    pub(crate) patience: Option<Duration>,
    /// Word of the answers on whether the vehicle has acted: the first that is not a refusal, else the last.
    pub(crate) told: Option<Told>,
    offers: Offers,
    /// Turn of the PIN, held from when it is sent until it is known that it was not refused.
    pub(crate) pin_turn: Option<Turn>,
}

impl Caller for Call {
    fn account(&self) -> Option<&str> {
        Some(&self.context.account)
    }

    fn operation(&self) -> Option<&str> {
        Some(&self.operation)
    }
}

impl fmt::Debug for Call {
    /// Private values are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, allowance, operation, captured, private, acted, .. } = self;
        f.debug_struct("Call")
            .field("account", &context.account)
            .field("operation", operation)
            .field("allowance", allowance)
            .field("captured", &captured.keys())
            .field("private", &private.len())
            .field("acted", acted)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// Makes a call for this operation that sees the cells as this snapshot has them.
    #[must_use]
    pub fn new(
        context: Arc<AccountContext>,
        allowance: Arc<Allowance>,
        operation: String,
        view: Snapshot,
    ) -> Self {
        Self {
            context,
            allowance,
            operation,
            view,
            captured: Secrets::new(),
            missing: BTreeSet::new(),
            withheld: None,
            refreshing: None,
            private: Marked::default(),
            acted: false,
            left: false,
            told_to_wait: None,
            patience: None,
            told: None,
            offers: Offers::default(),
            pin_turn: None,
        }
    }

    /// Tells the tap what the guest is given.
    pub(crate) fn given(&self, what: &'static str, value: &dyn fmt::Debug) {
        if let Some(tap) = &self.context.tap {
            tap.given(what, value);
        }
    }

    /// The secret of this name as this call sees it: just captured, committed in a cell, or configured.
    fn secret(&self, name: &str) -> Option<&SecretString> {
        self.captured.get(name).or_else(|| self.view.secret(name)).or_else(|| self.context.secrets.get(name))
    }

    /// Every secret that the host knows for this account, with its name.
    fn secrets(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        let captured = self.captured.iter().map(|(name, secret)| (name.as_str(), secret));
        let configured = self.context.secrets.iter().map(|(name, secret)| (name.as_str(), secret));
        captured.chain(self.view.secrets()).chain(configured)
    }

    /// Puts private values back where the guest left their marks.
    pub fn reveal(&self, document: &mut serde_json::Value) {
        self.private.reveal(document);
    }

    /// Whether anything was captured for which there is no other value.
    pub(crate) fn captured_essential(&self) -> bool {
        self.captured.keys().any(|name| self.is_essential(name))
    }

    fn is_essential(&self, name: &str) -> bool {
        self.context.capturable.get(name).is_some_and(|capturable| capturable.essential)
    }

    fn clock(&self) -> &dyn Clock {
        self.context.clock.as_ref()
    }
}

/// Context that a connector's stores carry.
pub(crate) type ConnectorCx = Cx<Call>;

/// The types that several interfaces share have no functions.
impl crate::bindings::types::Host for ConnectorCx {}

/// Longest pause of a guest at once.
const LONGEST_SLEEP: Duration = Duration::from_millis(1_000);

/// Longest wait of a guest for a lock.
const LONGEST_LOCK_WAIT: Duration = Duration::from_secs(30);
