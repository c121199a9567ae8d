//! Offers of secrets: how often one call has sent each.

use std::collections::{BTreeMap, BTreeSet};

use crate::cell::Secrets;

/// Most requests of one call that carry the same secret of the configuration. Signing in may need it two or
/// three times; vendors lock an account after about five refusals.
pub(super) const MOST_OFFERS: u32 = 4;

/// Number of requests of one call with which each secret of the configuration was sent.
#[derive(Debug, Clone, Default)]
pub(in crate::primitives) struct Offers(BTreeMap<String, u32>);

impl Offers {
    /// Counts a request as an offer of every secret of the configuration that it carries, however often. By
    /// name: a session's rotated token takes the place of the configured one, and a vendor counts refusals of
    /// either.
    pub(super) fn count(&mut self, carries: &[String], configured: &Secrets) {
        let secrets: BTreeSet<&String> =
            carries.iter().filter(|name| configured.contains_key(*name)).collect();
        for name in secrets {
            let offers = self.0.entry(name.clone()).or_default();
            *offers = offers.saturating_add(1);
        }
    }

    /// Whether a secret is not sent again.
    pub(super) fn are_used_up(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|offers| *offers >= MOST_OFFERS)
    }
}
