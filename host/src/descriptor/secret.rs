//! Secrets of a connector, as the owner has granted them: what each is, and what follows from that.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Capturable;

/// Rules of the secrets of one connector, by their names.
pub type SecretRules = BTreeMap<String, SecretRule>;

/// Class of a secret: what it is. `wit/http.wit` has the rules that hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretClass {
    /// A user name, a client's id, an application's key.
    Identifier,
    /// A password.
    Password,
    /// What a person answers a question with, or brings back from a visit.
    OneTimeCode,
    /// A PIN.
    Pin(PinStyle),
    /// What the cloud gives out, or another program has been given by it.
    Token,
    /// A key of derivations.
    Key,
}

/// Style of a PIN: how one knows that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinStyle {
    /// An endpoint says yes or no to it: an answer that gives out nothing counts as a refusal.
    Challenge,
    /// It goes with the request that needs it: only a known refusal of a PIN counts as one.
    Bearer,
}

impl SecretClass {
    /// Most requests of one call that may carry such a secret; none if there is no limit. Vendors lock an account
    /// after about five refusals. `configured` says whether the configuration has it: what the cloud has given out
    /// by itself is sent with every request.
    #[must_use]
    pub const fn most_offers(self, configured: bool) -> Option<u32> {
        match self {
            Self::Identifier => None,
            Self::Password | Self::OneTimeCode => Some(2),
            Self::Pin(_) => Some(4),
            Self::Token if configured => Some(4),
            Self::Token => None,
            Self::Key => Some(0),
        }
    }

    /// Whether a request that carries such a secret signs in, as vendors count it.
    #[must_use]
    pub const fn signs_in(self) -> bool {
        matches!(self, Self::Password | Self::OneTimeCode)
    }

    /// Whether only a person or the configuration has such a secret, so that no answer gives it out.
    #[must_use]
    pub const fn is_a_persons(self) -> bool {
        matches!(self, Self::Password | Self::OneTimeCode | Self::Pin(_))
    }
}

/// Rule of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRule {
    /// What it is.
    pub class: SecretClass,
    /// The endpoints that it may be sent to.
    pub endpoints: BTreeSet<String>,
    /// Whether it is kept although the sign-in that brought it fails, as that of a remembered device is.
    pub lasting: bool,
    /// How a connector may take it out of an answer; none if it may not.
    pub capturable: Option<Capturable>,
}

impl SecretRule {
    /// Whether an answer may bring it, and there is no other value to fall back on.
    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.capturable.as_ref().is_some_and(|capturable| capturable.essential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_the_interface() {
        for (class, configured, most) in [
            (SecretClass::Identifier, true, None),
            (SecretClass::Password, true, Some(2)),
            (SecretClass::OneTimeCode, false, Some(2)),
            (SecretClass::Pin(PinStyle::Challenge), true, Some(4)),
            (SecretClass::Pin(PinStyle::Bearer), true, Some(4)),
            (SecretClass::Token, true, Some(4)),
            (SecretClass::Token, false, None),
            (SecretClass::Key, true, Some(0)),
        ] {
            assert_eq!(class.most_offers(configured), most, "{class:?}");
        }
    }
}
