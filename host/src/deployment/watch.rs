//! Changes by the host itself: faults, rollbacks, and comparisons of decisions during a rollout.

use std::sync::{Arc, Weak};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

use super::record::Action;
use super::rollouts::Rollouts;
use super::slots::Slots;
use super::{Bad, Deployments};
use crate::audit;
use crate::plugin::rollout::Failed;
use crate::plugin::slot::SlotEvent;
use crate::plugin::{POLICY_SLOT, Pluggable};

/// Name under which the host's own actions are recorded.
pub(super) const HOST: &str = "host";

/// Records the events of the slots, for as long as the host lives, and puts the decisions of the audit trail
/// to a candidate.
pub(super) fn watch(ours: &Arc<Deployments>, decisions: Receiver<audit::Record>) {
    let Slots { policy, connectors, .. } = ours.slots.as_ref();
    follow(ours, POLICY_SLOT, policy);
    for (name, connector) in connectors {
        follow(ours, name, connector);
    }
    if let Some(failed) = policy.rollouts().failed() {
        tokio::spawn(follow_rollouts(Arc::downgrade(&ours.rollouts), failed));
    }
    tokio::spawn(follow_decisions(Arc::downgrade(&ours.rollouts), decisions));
}

fn follow<S: Pluggable>(ours: &Arc<Deployments>, name: &str, slot: &Arc<S>) {
    let Some(mut events) = slot.slot().news() else { return };
    // The events end with the slot, so this task must not keep the slot alive.
    let (ours, slot, name) = (Arc::downgrade(ours), Arc::downgrade(slot), name.to_owned());
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let (Some(ours), Some(slot)) = (ours.upgrade(), slot.upgrade()) else { return };
            take_in(&ours, &name, slot.as_ref(), event).await;
        }
    });
}

/// Stores an event of a generation.
async fn take_in<S: Pluggable>(ours: &Deployments, name: &str, slot: &S, event: SlotEvent<S::Plugin>) {
    let slots = ours.slots.as_ref();
    let _one_at_a_time = slots.changing.lock().await;
    match event {
        SlotEvent::Fault(generation) | SlotEvent::Proven(generation) => {
            let kept = if Arc::ptr_eq(&generation, &slot.slot().active()) {
                slots.registry.keep_health(name, slot.slot()).await
            } else {
                ours.rollouts.keep_candidate(S::KIND, generation.number).await
            };
            if let Err(error) = kept {
                tracing::error!(slot = name, "how the plugin answers is not remembered: {error}");
            }
        }
        SlotEvent::RolledBack { from, to, why } => {
            slots.withdraw_offer(name, from.digest);
            let bad = Bad { digest: from.digest, reason: why.clone(), at: slots.services.clock.now() };
            let failed = slots.record(S::KIND, name, Action::Swap, HOST).about(from.digest);
            let failed = failed.of(&from.name, &from.version).failed(&why);
            if let Err(error) = slots.registry.quarantine(name, &bad, failed).await {
                tracing::error!(slot = name, "the next start will not know that it is bad: {error}");
            }
            let record = slots.record(S::KIND, name, Action::Rollback, HOST);
            ours.say_went_back::<S>(name, (&from, &to), (HOST, &why));
            ours.write_went_back(name, slot, &to, (HOST, &why), (record, Vec::new())).await;
        }
    }
    slots.changed.send_replace(());
}

async fn follow_rollouts(ours: Weak<Rollouts>, mut failed: UnboundedReceiver<Failed>) {
    while let Some(failed) = failed.recv().await {
        let Some(ours) = ours.upgrade() else { return };
        ours.failed(failed).await;
    }
}

/// Compares decisions one after the other: a storm of failures must not become a storm of questions to a
/// candidate.
async fn follow_decisions(ours: Weak<Rollouts>, mut decisions: Receiver<audit::Record>) {
    while let Some(decision) = decisions.recv().await {
        let Some(ours) = ours.upgrade() else { return };
        ours.compare(decision).await;
    }
}
