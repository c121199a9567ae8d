//! Offers of secrets: how often one call has sent each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::descriptor::SecretClass;
use crate::primitives::AccountContext;

/// Number of requests of one call with which each secret was sent whose class has a limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offers(BTreeMap<String, u32>);

impl Offers {
    /// Counts a request as an offer of every secret that it carries and that has a limit, however often it
    /// stands there. By name: a session's rotated token takes the place of the configured one, and a vendor
    /// counts refusals of either.
    pub(super) fn count(&mut self, carries: &[String], context: &AccountContext) {
        let limited: BTreeSet<&String> =
            carries.iter().filter(|name| most(name, context).is_some()).collect();
        for name in limited {
            let offers = self.0.entry(name.clone()).or_default();
            *offers = offers.saturating_add(1);
        }
    }

    /// Whether this secret, or the one that has taken its place, was sent.
    pub(crate) fn include(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Those of passwords, which the whole of a sign-in has together, however many calls it takes.
    pub(in crate::primitives) fn of_passwords(&self, context: &AccountContext) -> Self {
        let is_password = |name: &str| context.class(name) == Some(SecretClass::Password);
        let passwords = self.0.iter().filter(|(name, _)| is_password(name));
        Self(passwords.map(|(name, offers)| (name.clone(), *offers)).collect())
    }

    /// Returns the limit of a secret that is not sent again because it is reached.
    pub(super) fn used_up(&self, name: &str, context: &AccountContext) -> Option<u32> {
        most(name, context).filter(|most| self.0.get(name).copied().unwrap_or_default() >= *most)
    }
}

/// Returns the number of requests of one call that may carry this secret; none if there is no limit.
fn most(name: &str, context: &AccountContext) -> Option<u32> {
    context.class(name)?.most_offers(context.secrets.contains_key(name))
}
