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
mod context;
mod derivation;
mod http;
mod jar;
mod lock;
mod log;
mod mqtt;
mod pin;
mod placeholder;
mod random;
mod rehearsal;
mod resolver;
pub(crate) mod scrub;
mod sign_in;
mod tap;
pub mod transport;
mod visit;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

pub use self::allowance::{Allowance, Journal};
pub use self::answer_time::Skew;
pub(crate) use self::capture::LARGEST_SECRET;
use self::capture::Marked;
pub use self::context::{AccountContext, Endpoint};
use self::derivation::PublicKey;
pub(crate) use self::http::Offers;
pub(crate) use self::jar::Jar;
pub(crate) use self::lock::SESSION;
pub(crate) use self::pin::Turn;
pub use self::pin::{NotOffered, PinGuard};
pub(crate) use self::rehearsal::Rehearsal;
pub use self::rehearsal::{RehearsedRequest, Went};
pub(crate) use self::sign_in::SignIn;
pub use self::tap::Tap;
pub use self::transport::{HttpClient, HttpRequest, NoClient, Transport};
use crate::cell::{CellGuard, Secrets, Snapshot};
use crate::descriptor::{SecretRule, Told};
use crate::sandbox::{Caller, Cx};
use crate::time::Clock;

/// Description of an answer that was not given to the guest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Withheld {
    /// HTTP status.
    pub(crate) status: u16,
    /// Kind of body.
    pub(crate) body: crate::bindings::types::BodyKind,
}

/// Where the last request of a call went, and where its answer led.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastAnswer {
    /// Name of the endpoint.
    pub(crate) endpoint: Option<String>,
    /// Scheme, host and path of the address that a redirect names.
    pub(crate) redirect: Option<String>,
    /// Media type, in lower case and without parameters.
    pub(crate) content_type: Option<String>,
    /// Whether it gave out a secret that it was asked for, and did not say no.
    pub(crate) gave: bool,
}

/// A public key that an answer has given.
#[derive(Debug, Clone)]
struct CapturedKey {
    key: PublicKey,
    /// Names of the endpoints that the answer came from.
    endpoints: BTreeSet<String>,
}

/// What identifies the vehicle that a call is about.
#[derive(Clone)]
pub(crate) struct VehicleIdentity {
    /// The vendor's identifier.
    pub(crate) id: String,
    /// The vehicle identification number, if the vehicle list had one.
    pub(crate) vin: Option<String>,
}

/// One call into a connector.
pub struct Call {
    pub(crate) context: Arc<AccountContext>,
    pub(crate) allowance: Arc<Allowance>,
    /// Identifier of the operation, for the log.
    pub(crate) operation: String,
    /// What the call is for, as its requests are counted.
    pub(crate) purpose: &'static str,
    /// The cells as this call sees them.
    pub(crate) view: Snapshot,
    /// Secrets that were captured and not committed yet.
    pub(crate) captured: Secrets,
    /// How often each secret was captured.
    pub(crate) captures: BTreeMap<String, u32>,
    /// Secrets that a person has handed in, for this call only.
    pub(crate) handed: Secrets,
    /// Credentials that a person has given for the sign-in that the call is a part of.
    pub(crate) given_once: Arc<Secrets>,
    /// Names of the captured secrets that were made here, and not given out by the cloud.
    pub(crate) made: BTreeSet<String>,
    /// Essential secrets that a successful answer was asked for and did not have, and that have not come
    /// since.
    pub(crate) missing: BTreeSet<String>,
    /// How often each secret was asked for and did not come.
    pub(crate) misses: BTreeMap<String, u32>,
    /// The last answer that was not given to the guest.
    pub(crate) withheld: Option<Withheld>,
    /// The lock of the session that this call is to obtain or refresh. What it captures is stored under it at
    /// once, unless it is better lost ([`Self::store_at_once`]).
    pub(crate) refreshing: Option<Arc<CellGuard>>,
    /// Whether the call obtains the session in a sign-in, and not by a refresh.
    pub(crate) signs_in: bool,
    /// The vehicle that the call is about.
    pub(crate) vehicle: Option<VehicleIdentity>,
    /// Derived values that were sent, with secrets in them.
    derived: Vec<(String, SecretString)>,
    /// Their size at worst, in bytes.
    derived_size: u64,
    /// Public keys, by the names that the guest has given them.
    public_keys: BTreeMap<String, CapturedKey>,
    /// Cookie jars, by name.
    pub(crate) jars: BTreeMap<String, Jar>,
    /// Values that the guest handles by their marks.
    private: Marked,
    /// The last answer, as policies are told of it.
    pub(crate) last: LastAnswer,
    /// Whether a request that acts on the vehicle was sent in this call.
    pub(crate) acted: bool,
    /// Whether any request left in this call.
    pub(crate) left: bool,
    /// Names of the secrets that the last request carried.
    pub(crate) carried: Vec<String>,
    /// Time that the last answer asks to wait; none if it names a time that has passed.
    pub(crate) told_to_wait: Option<Duration>,
    /// Longest time that any answer of this call asks to wait, whatever the guest makes of it.
    pub(crate) patience: Option<Duration>,
    /// Word of the answers on whether the vehicle has acted: the first that is not a refusal, else the last.
    pub(crate) told: Option<Told>,
    pub(crate) offers: Offers,
    /// The sign-in that the call is, if it sends what signs in.
    pub(crate) sign_in: SignIn,
    /// Turn of the PIN, held from when it is sent until it is known that it was not refused.
    pub(crate) pin_turn: Option<Turn>,
    /// The rehearsal that the call is, if it is one.
    pub(crate) rehearsal: Option<Rehearsal>,
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
            purpose: "other",
            view,
            captured: Secrets::new(),
            captures: BTreeMap::new(),
            handed: Secrets::new(),
            given_once: Arc::default(),
            made: BTreeSet::new(),
            missing: BTreeSet::new(),
            misses: BTreeMap::new(),
            withheld: None,
            refreshing: None,
            signs_in: false,
            vehicle: None,
            derived: Vec::new(),
            derived_size: 0,
            public_keys: BTreeMap::new(),
            jars: BTreeMap::new(),
            private: Marked::default(),
            last: LastAnswer::default(),
            acted: false,
            left: false,
            carried: Vec::new(),
            told_to_wait: None,
            patience: None,
            told: None,
            offers: Offers::default(),
            sign_in: SignIn::default(),
            pin_turn: None,
            rehearsal: None,
        }
    }

    /// Takes in secrets that were captured, in place of those that were before.
    pub(crate) fn capture(&mut self, secrets: Secrets) {
        for (name, secret) in secrets {
            let times = self.captures.entry(name.clone()).or_default();
            *times = times.saturating_add(1);
            self.captured.insert(name, secret);
        }
    }

    /// Notes secrets that were asked for and did not come.
    pub(crate) fn miss(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            *self.misses.entry(name.clone()).or_default() += 1;
            self.missing.insert(name);
        }
    }

    /// Returns a secret that is missing and was asked for since these were the counts.
    pub(crate) fn missed_since(&self, before: &BTreeMap<String, u32>) -> Option<&String> {
        self.missing.iter().find(|name| self.misses.get(*name) != before.get(*name))
    }

    /// Returns the secrets that were captured since each had been captured so often.
    pub(crate) fn captured_since(&self, before: &BTreeMap<String, u32>) -> Secrets {
        let is_new = |name: &str| self.captures.get(name) != before.get(name);
        let new = self.captured.iter().filter(|(name, _)| is_new(name));
        new.map(|(name, secret)| (name.clone(), secret.clone())).collect()
    }

    /// Tells the tap what the guest is given.
    pub(crate) fn given(&self, what: &'static str, value: &dyn fmt::Debug) {
        if let Some(tap) = &self.context.tap {
            tap.given(what, value);
        }
    }

    /// The secret of this name as this call sees it: handed in, just captured, given for this sign-in, committed in a
    /// cell, or configured.
    pub(crate) fn secret(&self, name: &str) -> Option<&SecretString> {
        let within = self.handed.get(name).or_else(|| self.captured.get(name));
        let within = within.or_else(|| self.given_once.get(name));
        within.or_else(|| self.view.secret(name)).or_else(|| self.context.secrets.get(name))
    }

    /// What of the captured secrets is stored before the connector goes on. Of a refresh everything: the cloud
    /// may have ended what was there before. Of a sign-in what replaces a configured one, for the same reason,
    /// and what outlasts the sign-in whatever comes of it; all else belongs to a session that there may never
    /// be.
    pub(crate) fn store_at_once(&self) -> Secrets {
        let now = |name: &str| {
            let rule = self.context.rules.get(name);
            !self.signs_in || rule.is_some_and(|rule| rule.lasting || rule.replaces_configured())
        };
        let wanted = self.captured.iter().filter(|(name, _)| now(name));
        wanted.map(|(name, secret)| (name.clone(), secret.clone())).collect()
    }

    /// What is known of the sends of passwords, for the next call of the same sign-in.
    pub(crate) fn offers_of_passwords(&self) -> Offers {
        self.offers.of_passwords(&self.context)
    }

    /// The names of the secrets that this account has, in order.
    pub(crate) fn secret_names(&self) -> Vec<String> {
        let configured = self.context.secrets.keys();
        let given = self.handed.keys().chain(self.given_once.keys());
        let here = self.captured.keys().chain(given).chain(configured).map(String::as_str);
        let all: BTreeSet<&str> = here.chain(self.view.secrets().map(|(name, _)| name)).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Every secret that the host knows for this account, with its name.
    fn secrets(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        let given = self.handed.iter().chain(self.given_once.iter());
        let captured = self.captured.iter().chain(given).map(|(name, secret)| (name.as_str(), secret));
        let configured = self.context.secrets.iter().map(|(name, secret)| (name.as_str(), secret));
        let cookies = self.jars.values().flat_map(Jar::values);
        captured.chain(self.view.secrets()).chain(configured).chain(cookies)
    }

    /// Keeps derived values for as long as the call lasts: what one request has sent, the answer to another one may
    /// have, and a name may stand for another value there.
    fn keep_derived(&mut self, derived: Secrets, size: u64) {
        self.derived_size = self.derived_size.saturating_add(size);
        for (name, value) in derived {
            let is_known = |(_, known): &(_, SecretString)| known.expose_secret() == value.expose_secret();
            if !self.derived.iter().any(is_known) {
                self.derived.push((name, value));
            }
        }
    }

    /// Puts private values back where the guest left their marks.
    pub fn reveal(&self, document: &mut serde_json::Value) {
        self.private.reveal(document);
    }

    /// Whether anything was captured for which there is no other value, and which belongs to the session.
    pub(crate) fn captured_essential(&self) -> bool {
        let lasts = |name: &str| self.context.rules.get(name).is_some_and(|rule| rule.lasting);
        self.captured.keys().any(|name| self.is_essential(name) && !lasts(name) && !self.made.contains(name))
    }

    fn is_essential(&self, name: &str) -> bool {
        self.context.rules.get(name).is_some_and(SecretRule::is_essential)
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
