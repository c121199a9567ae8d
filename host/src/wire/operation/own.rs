//! Names of operations that only one connector knows.
//!
//! A name is interned when a configuration is read, and is as small as those that the host has itself: an
//! operation's name is copied into every step, record and queue. What arrives from the broker is only ever
//! looked up among the names of the vehicle's connector, so nobody but the owner can make the host remember
//! one; and the same name is remembered once, however often configurations are read.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::bindings::policy::Effect;
use crate::descriptor::OwnEffect;

/// First level of a connector's own operations, in topics, results and records.
pub const OTHER: &str = "other/";

/// Name and effect of an operation that only one connector knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnName(&'static Interned);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Interned {
    /// Name with its first level, such as `other/honk`.
    full: String,
    effect: OwnEffect,
}

/// Every name that any configuration of this process has.
static NAMES: Mutex<BTreeSet<&'static Interned>> = Mutex::new(BTreeSet::new());

impl OwnName {
    /// Interns the name of an operation with the effect that the owner has granted it.
    #[must_use]
    pub fn new(name: &str, effect: OwnEffect) -> Self {
        let own = Interned { full: format!("{OTHER}{name}"), effect };
        let mut names = NAMES.lock();
        if let Some(known) = names.get(&own) {
            return Self(known);
        }
        let known: &'static Interned = Box::leak(Box::new(own));
        names.insert(known);
        Self(known)
    }

    /// Returns the name with its first level, such as `other/honk`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0.full.as_str()
    }

    pub(super) const fn effect(self) -> Effect {
        match self.0.effect {
            OwnEffect::Read => Effect::Read,
            OwnEffect::Set => Effect::Set,
            OwnEffect::Actuation => Effect::Actuation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_once_for_each_effect() {
        let honk = OwnName::new("honk", OwnEffect::Actuation);
        assert!(std::ptr::eq(honk.0, OwnName::new("honk", OwnEffect::Actuation).0));
        assert_eq!(honk.as_str(), "other/honk");
        assert_ne!(honk, OwnName::new("honk", OwnEffect::Read));
        assert_eq!(OwnName::new("honk", OwnEffect::Read).effect(), Effect::Read);
    }
}
