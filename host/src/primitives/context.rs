//! Context of an account's calls: what the primitives need to know of it.

use std::sync::Arc;

use url::Url;

use super::{PinGuard, Skew, Tap, Transport};
use crate::cell::{Cells, Secrets};
use crate::descriptor::{CommandAnswers, PinStyle, Refusals, SecretClass, SecretRule, SecretRules};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::protect::latch::Latched;
use crate::protect::quota::{DailyQuota, QuotaError};
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
    /// Rules of the secrets: what each is, where it may be sent, and whether answers bring it. The others are
    /// the owner's.
    pub rules: SecretRules,
    /// Count of the calls that have signed in, by what they sent.
    pub sign_ins: Arc<DailyQuota>,
    /// Meanings of answers to commands: whether the vehicle may have acted.
    pub command_answers: Arc<CommandAnswers>,
    /// Answers by which the cloud refuses a credential.
    pub refusals: Refusals,
    /// Cells of the account.
    pub cells: Cells,
    /// The way to the cloud.
    pub transport: Arc<dyn Transport>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the broker.
    pub publisher: Arc<dyn Publish>,
    /// Topic below which the connector publishes, with a slash at the end.
    pub topic_prefix: String,
    /// Guard of the PIN, which decides how often it may be sent.
    pub pin: PinGuard,
    /// Skew of this machine's clock, as the cloud's answers say.
    pub skew: Skew,
    /// Counts of the host.
    pub metrics: Arc<Metrics>,
    /// Tap that is told what guests are given.
    pub tap: Option<Arc<dyn Tap>>,
}

impl AccountContext {
    /// Returns what the secret of this name is; none if there is no such secret.
    pub(crate) fn class(&self, name: &str) -> Option<SecretClass> {
        self.rules.get(name).map(|rule| rule.class)
    }

    /// Whether the owner has configured a password that the connector signs in with, so that a session can be had again
    /// without a person.
    pub(crate) fn has_password(&self) -> bool {
        let signs_in = |rule: &SecretRule| rule.class == SecretClass::Password && !rule.unused;
        self.secrets.keys().any(|name| self.rules.get(name).is_some_and(signs_in))
    }

    /// Whether a sign-in sends a password: a configured one, or one that was given for it.
    pub(crate) fn signs_in_with_password(&self, given_once: &Secrets) -> bool {
        let is_password = |name: &String| self.class(name) == Some(SecretClass::Password);
        self.has_password() || given_once.keys().any(is_password)
    }

    /// Returns why no sign-in may begin with what was given for it, if it would count and no more are allowed today.
    /// Without a password only those count that ask: where there were some, the next one would ask too.
    pub(crate) fn no_sign_in_left(&self, given_once: &Secrets) -> Option<QuotaError> {
        let now = self.clock.now();
        let would_count = self.signs_in_with_password(given_once) || self.sign_ins.used(now) > 0;
        (would_count && self.sign_ins.left(now) == Some(0)).then(|| self.sign_ins.used_up())
    }

    /// Whether the owner has configured a PIN.
    pub(crate) fn has_pin(&self) -> bool {
        self.pin_style().is_some()
    }

    /// Latches the PIN, which the vendor has refused. `words` are the vendor's. Returns the latch that holds
    /// now.
    pub(crate) async fn refuse_pin(&self, words: &str) -> Option<Latched> {
        let (account, now) = (&self.account, self.clock.now());
        if let Err(error) = self.pin.refuse(words, now).await {
            tracing::error!(account, "that the PIN was refused holds only until a restart: {error}");
        }
        let latched = self.pin.latched(now);
        if let Some(latched) = &latched {
            tracing::error!(account, "a person must act: {latched}");
        }
        latched
    }

    /// Returns how the configured PIN is used, if there is one.
    pub(crate) fn pin_style(&self) -> Option<PinStyle> {
        self.secrets.keys().find_map(|name| match self.class(name)? {
            SecretClass::Pin(style) => Some(style),
            _ => None,
        })
    }
}
