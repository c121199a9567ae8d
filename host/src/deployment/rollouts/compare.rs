//! Comparing two policies on the same failure, and what follows from it.

use std::sync::Arc;

use super::stored::{Stored, key};
use super::{Disagreement, KEPT, Rollouts};
use crate::audit;
use crate::deployment::watch::HOST;
use crate::deployment::{Action, Bad};
use crate::plugin::POLICY_SLOT;
use crate::plugin::rollout::{Failed, Mode, Rollout, Tally};
use crate::plugin::{Pluggable as _, PluginKind};
use crate::store::{Kind, Write};

impl Rollouts {
    /// Puts a decision to the other policy, and stores the comparison.
    pub(in crate::deployment) async fn compare(&self, case: audit::Record) {
        let Some(rollout) = self.slots.policy.rollouts().current() else { return };
        let (candidate, active) = (&rollout.generation, self.slots.policy.slot().active());
        let decided_by = case.entry.policy.generation;
        // A canary is judged by the decisions it has taken itself.
        let other = match rollout.mode {
            Mode::Canary { .. } if decided_by == candidate.number => &active,
            Mode::Shadow if decided_by == active.number => candidate,
            Mode::Canary { .. } | Mode::Shadow => return,
        };
        let put = audit::put_to(&case, &self.slots.policy.with(Arc::clone(other))).await;
        // A missing answer cannot be compared; faults are counted elsewhere.
        if !put.answered {
            return;
        }
        let audit::Put { recorded: told, other: asked, .. } = put;
        let _one_at_a_time = self.slots.changing.lock().await;
        let same_still =
            self.slots.policy.rollouts().current().is_some_and(|now| Arc::ptr_eq(&now, &rollout));
        if !same_still {
            return;
        }
        let mut writes = Vec::new();
        let seen = {
            let mut tally = rollout.tally();
            if told.is_same_as(&asked) {
                tally.agreed = tally.agreed.saturating_add(1);
            } else {
                tally.disagreed = tally.disagreed.saturating_add(1);
            }
            *tally
        };
        if !told.is_same_as(&asked) {
            let (active, candidate) =
                if decided_by == candidate.number { (asked, told) } else { (told, asked) };
            let seq = u64::from(seen.disagreed.saturating_add(seen.approved));
            let difference = Disagreement { seq, case, active, candidate, approved: false };
            if usize::try_from(seq).is_ok_and(|seq| seq <= KEPT) {
                writes.extend(Write::document(Kind::Disagreement, key(seq), &difference).ok());
            }
        }
        writes.extend(Write::document(Kind::Rollout, POLICY_SLOT, &Stored::from(rollout.as_ref())).ok());
        if let Err(error) = self.slots.registry.commit(writes, None, &self.slots.in_use()).await {
            tracing::error!("what is seen of a candidate is lost at the next restart: {error}");
        }
        self.promote_if_due(&rollout).await;
        self.slots.changed.send_replace(());
    }

    pub(super) async fn promote_if_due(&self, rollout: &Arc<Rollout>) {
        if !rollout.is_due() {
            return;
        }
        let Tally { agreed, approved, .. } = *rollout.tally();
        let why = format!("{agreed} decisions were the same, {approved} were approved, none was left open");
        if let Err(error) = self.promote_now(rollout, HOST, Some(why)).await {
            tracing::error!("the canary is not promoted: {error}");
        }
    }

    /// Ends the rollout of a candidate that had too many faults; it decides for no account any more.
    pub(in crate::deployment) async fn failed(&self, (rollout, why): Failed) {
        let _one_at_a_time = self.slots.changing.lock().await;
        let generation = &rollout.generation;
        let bad = Bad { digest: generation.digest, reason: why.clone(), at: self.slots.services.clock.now() };
        let action = match rollout.mode {
            Mode::Shadow => Action::Shadow,
            Mode::Canary { .. } => Action::Canary,
        };
        let record =
            self.slots.record(PluginKind::Policy, POLICY_SLOT, action, HOST).about(generation.digest);
        let record = record.of(&generation.name, &generation.version).failed(&why);
        self.say_ended(&rollout, HOST, Some(why));
        let condemned = self.slots.registry.quarantine(POLICY_SLOT, &bad, record).await;
        let forgotten = match (condemned, self.slots.policy.rollouts().current()) {
            // Another rollout may have begun meanwhile.
            (Ok(()), None) => match self.forget_rollout().await {
                Ok(writes) => self.slots.registry.commit(writes, None, &self.slots.in_use()).await,
                Err(error) => Err(error),
            },
            (condemned, _) => condemned,
        };
        if let Err(error) = forgotten {
            tracing::error!("the next start will not know that the candidate is bad: {error}");
        }
        self.slots.changed.send_replace(());
    }
}
