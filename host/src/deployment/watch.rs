//! What happens to plugins without anybody asking: faults, rollbacks, and what is decided beside a policy that is tried
//! out.

use crate::plugin::POLICY_SLOT;
use std::sync::{Arc, Weak};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

use super::record::Action;
use super::{Bad, Deployments};
use crate::audit;
use crate::plugin::Pluggable;
use crate::plugin::rollout::Failed;
use crate::plugin::slot::News;

/// Whose wish it is what the host does by itself.
pub(super) const HOST: &str = "host";

impl Deployments {
    /// Takes in what happens, for as long as the host lives. The decisions are those that the audit trail gets.
    pub(crate) fn watch(self: &Arc<Self>, decisions: Receiver<audit::Record>) {
        self.follow(POLICY_SLOT, &self.policy);
        for (name, connector) in &self.connectors {
            self.follow(name, connector);
        }
        if let Some(failed) = self.policy.rollouts().failed() {
            tokio::spawn(follow_rollouts(Arc::downgrade(self), failed));
        }
        tokio::spawn(follow_decisions(Arc::downgrade(self), decisions));
    }

    fn follow<S: Pluggable>(self: &Arc<Self>, name: &str, slot: &Arc<S>) {
        let Some(mut news) = slot.slot().news() else { return };
        // The news end with the slot, so this must not be what keeps it.
        let (ours, slot, name) = (Arc::downgrade(self), Arc::downgrade(slot), name.to_owned());
        tokio::spawn(async move {
            while let Some(news) = news.recv().await {
                let (Some(ours), Some(slot)) = (ours.upgrade(), slot.upgrade()) else { return };
                ours.take_in(&name, slot.as_ref(), news).await;
            }
        });
    }

    /// Writes down what happened to a generation.
    async fn take_in<S: Pluggable>(&self, name: &str, slot: &S, news: News<S::Plugin>) {
        let _one_at_a_time = self.changing.lock().await;
        match news {
            News::Fault(generation) | News::Proven(generation) => {
                let kept = match Arc::ptr_eq(&generation, &slot.slot().active()) {
                    true => self.registry.keep_conduct(name, slot.slot()).await,
                    false => self.keep_candidate(S::KIND, generation.number).await,
                };
                if let Err(error) = kept {
                    tracing::error!(slot = name, "how the plugin answers is not remembered: {error}");
                }
            }
            News::RolledBack { from, to, why } => {
                let bad = Bad { digest: from.digest, reason: why.clone(), at: self.services.clock.now() };
                let failed = self.record(S::KIND, name, Action::Swap, HOST).about(from.digest);
                let failed = failed.of(&from.name, &from.version).failed(&why);
                if let Err(error) = self.registry.quarantine(name, &bad, failed).await {
                    tracing::error!(slot = name, "the next start will not know that it is bad: {error}");
                }
                let record = self.record(S::KIND, name, Action::Rollback, HOST);
                self.say_went_back::<S>(name, (&from, &to), (HOST, &why));
                self.write_went_back(name, slot, &to, (HOST, &why), record).await;
            }
        }
        self.changed.send_replace(());
    }
}

async fn follow_rollouts(ours: Weak<Deployments>, mut failed: UnboundedReceiver<Failed>) {
    while let Some(failed) = failed.recv().await {
        let Some(ours) = ours.upgrade() else { return };
        ours.rollout_failed(failed).await;
    }
}

/// One after the other: a storm of failures must not become a storm of questions to a candidate.
async fn follow_decisions(ours: Weak<Deployments>, mut decisions: Receiver<audit::Record>) {
    while let Some(decision) = decisions.recv().await {
        let Some(ours) = ours.upgrade() else { return };
        ours.compare(decision).await;
    }
}
