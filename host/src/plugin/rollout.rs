//! The rollout of a policy: in shadow, where it is asked along and not obeyed, or as a canary, which decides
//! for some of the accounts.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::policy::PolicyPlugin;
use crate::digest::Digest;
use crate::plugin::slot::Generation;

/// The mode of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The candidate is asked the same as the active policy, and its answers are only compared.
    Shadow,
    /// The candidate decides for these accounts, and the active policy is asked along.
    Canary {
        /// Share of the accounts, in percent.
        share: u8,
        /// Slugs of the accounts.
        accounts: BTreeSet<String>,
        /// Number of decisions that agree, or that a person has approved, after which it becomes the active
        /// policy.
        promote_after: u32,
    },
}

impl Mode {
    /// The word for records.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary { .. } => "canary",
        }
    }
}

/// Picks the accounts of a canary: this share of them, rounded up, so that a home with one account can have
/// one too. The choice follows from the candidate, so that it is not always the same accounts that try new
/// policies.
#[must_use]
pub fn canaries<'a>(
    accounts: impl IntoIterator<Item = &'a str>,
    share: u8,
    candidate: Digest,
) -> BTreeSet<String> {
    let place = |account: &str| Digest::of(format!("{candidate}/{account}").as_bytes());
    let mut accounts: Vec<_> = accounts.into_iter().map(|account| (place(account), account)).collect();
    accounts.sort_unstable();
    let wanted = (accounts.len() * usize::from(share.min(100))).div_ceil(100);
    accounts.into_iter().take(wanted).map(|(_, account)| account.to_owned()).collect()
}

/// Comparison counts of a candidate so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Decisions on which both agreed.
    pub agreed: u32,
    /// Decisions that differed, and that a person has approved.
    pub approved: u32,
    /// Decisions that differed, and that are not approved.
    pub disagreed: u32,
}

impl Tally {
    /// Whether the counts suffice to become the active policy.
    #[must_use]
    pub fn suffices(self, promote_after: u32) -> bool {
        self.disagreed == 0 && self.agreed.saturating_add(self.approved) >= promote_after
    }
}

/// A candidate under comparison.
#[derive(Debug)]
pub struct Rollout {
    /// The candidate.
    pub generation: Arc<Generation<PolicyPlugin>>,
    /// Mode of the rollout.
    pub mode: Mode,
    tally: Mutex<Tally>,
}

impl Rollout {
    /// Starts a rollout with the comparison counts so far.
    #[must_use]
    pub fn new(generation: Arc<Generation<PolicyPlugin>>, mode: Mode, seen: Tally) -> Self {
        Self { generation, mode, tally: Mutex::new(seen) }
    }

    /// Comparison counts so far.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock()
    }

    /// Whether the candidate has shown enough to become the active policy.
    #[must_use]
    pub fn is_due(&self) -> bool {
        match &self.mode {
            Mode::Shadow => false,
            Mode::Canary { promote_after, .. } => self.tally().suffices(*promote_after),
        }
    }
}

/// The current rollout, if there is one. There is one at a time: with two, it would be unclear which of them
/// made a difference.
#[derive(Debug)]
pub struct RolloutPlace {
    current: ArcSwapOption<Rollout>,
    /// The candidate that is to be current once it is compiled, after a start.
    awaited: Mutex<Option<Digest>>,
    failed: mpsc::UnboundedSender<Failed>,
    unread: Mutex<Option<mpsc::UnboundedReceiver<Failed>>>,
}

/// A candidate that had too many faults, and why.
pub type Failed = (Arc<Rollout>, String);

impl Default for RolloutPlace {
    fn default() -> Self {
        let (failed, unread) = mpsc::unbounded_channel();
        let (current, awaited) = (ArcSwapOption::empty(), Mutex::default());
        Self { current, awaited, failed, unread: Mutex::new(Some(unread)) }
    }
}

impl RolloutPlace {
    /// Returns the current rollout.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Rollout>> {
        self.current.load_full()
    }

    /// Begins, continues or ends the rollout; no candidate is awaited any more. Returns the one before.
    pub fn set(&self, next: Option<Arc<Rollout>>) -> Option<Arc<Rollout>> {
        *self.awaited.lock() = None;
        self.current.swap(next)
    }

    /// Says that this candidate is to be current once it is compiled.
    pub(crate) fn expect(&self, candidate: Digest) {
        *self.awaited.lock() = Some(candidate);
    }

    /// The candidate that is to be current once it is compiled.
    pub(crate) fn awaited(&self) -> Option<Digest> {
        *self.awaited.lock()
    }

    /// Replaces this rollout, if it is still the current one.
    pub fn replace(&self, this: &Arc<Rollout>, next: Option<Arc<Rollout>>) -> bool {
        let before = self.current.compare_and_swap(&Some(Arc::clone(this)), next);
        before.as_ref().is_some_and(|before| Arc::ptr_eq(before, this))
    }

    /// The candidate, if it decides for this account.
    #[must_use]
    pub fn deciding_for(&self, account: &str) -> Option<Arc<Generation<PolicyPlugin>>> {
        let current = self.current.load();
        let rollout = current.as_ref()?;
        match &rollout.mode {
            Mode::Canary { accounts, .. } if accounts.contains(account) => {
                Some(Arc::clone(&rollout.generation))
            }
            Mode::Canary { .. } | Mode::Shadow => None,
        }
    }

    /// Ends the rollout because this generation does not answer. Does nothing if it is not the candidate's.
    pub fn end_of(&self, generation: &Arc<Generation<PolicyPlugin>>, why: String) {
        let current = self.current.load_full();
        let Some(rollout) = current.filter(|rollout| Arc::ptr_eq(&rollout.generation, generation)) else {
            return;
        };
        if self.replace(&rollout, None) {
            tracing::error!(
                policy = generation.name,
                version = generation.version,
                "no longer tried out: {why}"
            );
            let _nobody_listens = self.failed.send((rollout, why));
        }
    }

    /// Candidates that had too many faults, and why. There is one reader; none if it was taken already.
    pub fn failed(&self) -> Option<mpsc::UnboundedReceiver<Failed>> {
        self.unread.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_accounts_takes_part_and_never_none() {
        let digest = Digest::of(b"candidate");
        let many: Vec<String> = (0..200).map(|n| format!("account-{n}")).collect();
        let of = |share| canaries(many.iter().map(String::as_str), share, digest);
        assert_eq!([0, 1, 25, 100, 255].map(|share| of(share).len()), [0, 2, 50, 200, 200]);
        // An account that takes part with a small share does so with a larger one.
        assert!(of(25).is_subset(&of(50)));
        assert_eq!(canaries(["home"], 1, digest).len(), 1);
        let others = canaries(many.iter().map(String::as_str), 25, Digest::of(b"another"));
        assert_ne!(of(25), others);
    }

    #[test]
    fn a_difference_that_nobody_has_approved_stands_in_the_way() {
        let mut tally = Tally { agreed: 10, ..Tally::default() };
        assert!(tally.suffices(10) && !tally.suffices(11));
        tally.disagreed = 1;
        assert!(!tally.suffices(10));
        tally = Tally { agreed: 10, approved: 1, disagreed: 0 };
        assert!(tally.suffices(11));
    }
}
