//! Credentials that a person gives for one sign-in.
//!
//! They are what the configuration might have had: the same names, the same rules, the same counts. What makes them
//! others is where they are: in memory, with the sign-in and the questions that it asks. They are never stored, so a
//! restart in the middle loses them, and they are wiped when the sign-in is over.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{Account, Prospect};
use crate::cell::Secrets;
use crate::config::wrong_with;
use crate::descriptor::{Configured, SecretClass, SecretRule};
use crate::primitives::AccountContext;
use crate::protect::quota::Count;

/// Names of the secrets that can be given, in the order in which a person is asked.
const NAMES: [&str; 2] = ["username", "password"];

/// Longest value, in bytes.
const LONGEST: usize = 4_096;

/// Credentials for one sign-in.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The name of the account at its vendor, such as an e-mail address.
    pub username: Option<SecretString>,
    /// The password that goes with it.
    pub password: Option<SecretString>,
}

/// Reason why credentials are not taken. Nothing was sent; nothing of them is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// The connector has no use for it.
    #[error("the connector {connector:?} of the account {account:?} signs in without a {name} of its owner")]
    NoUse {
        /// Connector of the account.
        connector: String,
        /// Slug of the account.
        account: String,
        /// The secret.
        name: &'static str,
    },
    /// The configuration has one.
    #[error(
        "the configuration of the account {account:?} has a {name} already, and that is the one that is used"
    )]
    Configured {
        /// Slug of the account.
        account: String,
        /// The secret.
        name: &'static str,
    },
    /// It cannot be right.
    #[error("{0}; nothing was sent")]
    Wrong(String),
    /// None was given, and there is none to sign in with.
    #[error(
        "no password of the account {0:?} is configured, and none was given: `vehicle-connector auth login {0}` asks for it"
    )]
    Missing(String),
}

/// What a sign-in by hand takes, and costs.
#[derive(Debug, Serialize)]
pub struct SignInTakes {
    account: String,
    /// Vendor, as people know it.
    vendor: String,
    /// Credentials that a person can give for one sign-in: the others are configured, or of no use.
    takes: Vec<&'static str>,
    /// Whether it has something to sign in with if nothing is given.
    configured: bool,
    /// Whether a sign-in waits for an answer. Then another one is not begun.
    question: bool,
    /// Sign-ins of the last 24 hours.
    sign_ins: Count,
    /// Whether one would be begun now.
    prospect: Prospect,
}

/// Whether the owner may configure this secret, or give it once, and may as well not.
fn is_optional(rule: &SecretRule, class: SecretClass) -> bool {
    rule.class == class && rule.configured == Configured::Optional && !rule.unused
}

/// Class of what can be given under a name.
fn class_of(name: &str) -> SecretClass {
    if name == "password" { SecretClass::Password } else { SecretClass::Identifier }
}

impl AccountContext {
    /// Whether a sign-in takes this from a person: its connector has a use for it, and the configuration has none.
    fn takes_once(&self, name: &str) -> bool {
        self.is_of_use(name) && !self.secrets.contains_key(name)
    }

    fn is_of_use(&self, name: &str) -> bool {
        self.rules.get(name).is_some_and(|rule| is_optional(rule, class_of(name)))
    }

    /// Whether only a person can sign the account in: its connector signs in with what an owner may configure, and
    /// this one has configured none of it.
    pub(crate) fn lacks_credentials(&self) -> bool {
        let signs_in = |rule: &SecretRule| {
            matches!(rule.class, SecretClass::Password | SecretClass::Token)
                && rule.configured != Configured::Never
                && !rule.unused
        };
        let mut credentials = self.rules.iter().filter(|(_, rule)| signs_in(rule)).peekable();
        credentials.peek().is_some() && credentials.all(|(name, _)| !self.secrets.contains_key(name))
    }
}

impl Account {
    /// Says what a sign-in by hand takes and costs, and whether one would be begun now.
    pub async fn sign_in_takes(self: &Arc<Self>) -> SignInTakes {
        let prospect = self.prospect().await;
        let (context, now) = (&self.context, self.clock().now());
        SignInTakes {
            account: self.slug.clone(),
            vendor: self.advice.vendor().to_owned(),
            takes: self.takes_once().collect(),
            configured: !context.lacks_credentials(),
            question: self.questions.current().is_some(),
            sign_ins: context.sign_ins.counted(now),
            prospect,
        }
    }

    /// Returns the names of what a person can give for a sign-in, in the order in which they are asked for it.
    pub(super) fn takes_once(&self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|name| self.context.takes_once(name))
    }

    /// Takes what a person has given for a sign-in.
    ///
    /// # Errors
    ///
    /// See [`NotTaken`].
    pub(super) fn take(&self, given: Given) -> Result<Arc<Secrets>, NotTaken> {
        let mut taken = Secrets::new();
        for (name, value) in NAMES.into_iter().zip([given.username, given.password]) {
            let Some(value) = value else { continue };
            let account = self.slug.clone();
            if !self.context.is_of_use(name) {
                return Err(NotTaken::NoUse { connector: self.connector_name.clone(), account, name });
            }
            if !self.context.takes_once(name) {
                return Err(NotTaken::Configured { account, name });
            }
            self.check(name, value.expose_secret()).map_err(NotTaken::Wrong)?;
            taken.insert(name.to_owned(), value);
        }
        // A connector that takes none may well ask for something else.
        if !taken.contains_key("password")
            && self.context.takes_once("password")
            && self.context.lacks_credentials()
        {
            return Err(NotTaken::Missing(self.slug.clone()));
        }
        Ok(Arc::new(taken))
    }

    /// Checks a value as the configuration would.
    fn check(&self, name: &str, value: &str) -> Result<(), String> {
        if value.trim().is_empty() {
            return Err(format!("the {name} is empty"));
        }
        if value.contains(['\n', '\r', '\0']) {
            return Err(format!("the {name} has more than one line, or a zero byte"));
        }
        if value.len() > LONGEST {
            return Err(format!("the {name} has more than {LONGEST} bytes"));
        }
        let form = self.context.rules.get(name).and_then(|rule| rule.form);
        form.and_then(|form| wrong_with(form, value, name, &[])).map_or(Ok(()), Err)
    }
}

/// Whether a password is among what was given.
pub(super) fn has_password(given: &Secrets) -> bool {
    given.contains_key("password")
}
