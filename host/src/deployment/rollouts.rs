//! Trying a policy out on real events: in shadow, or as a canary that decides for some of the accounts.
//!
//! Every decision of the audit trail is put to the other policy too. Where the two differ, the case is kept
//! for review; nothing is sent because of the comparison, and nothing waits for it.

mod compare;
pub(super) mod restore;
pub(super) mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use self::stored::{Stored, disagreements, key};
use super::offers::Offers;
use super::record::{Action, Record};
use super::registry::Change;
use super::slots::Slots;
use super::{Deployed, Identity, Offer, Refusal, deployed};
use crate::audit;
use crate::digest::Digest;
use crate::events::Event;
use crate::plugin::rollout::{Mode, Rollout, Tally, canaries};
use crate::plugin::slot::{Generation, Provenance};
use crate::plugin::{POLICY_SLOT, Pluggable, PluginKind};
use crate::store::{Kind, StoreError, Write};

/// Number of differences kept. Enough to see what kind they are; the count goes on.
const KEPT: usize = 500;

/// Number of decisions after which a canary becomes the active policy, unless the request says otherwise.
pub const PROMOTE_AFTER: u32 = 50;

/// The way in which a candidate is to be tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// Asked along, in shadow.
    Shadow,
    /// Deciding for a share of the accounts, in percent, until it has shown enough.
    Canary {
        /// Share from 1 to 100.
        share: u8,
        /// Decisions from 1.
        promote_after: u32,
    },
}

/// The view of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolloutView {
    /// Mode, `shadow` or `canary`.
    pub mode: &'static str,
    /// The candidate.
    #[serde(flatten)]
    pub candidate: Identity,
    /// Share of the accounts for which the candidate decides, in percent; 0 in shadow.
    pub share: u8,
    /// Slugs of those accounts.
    pub accounts: Vec<String>,
    /// Number of decisions after which the candidate becomes the active policy; none in shadow.
    pub promote_after: Option<u32>,
    /// Comparison counts so far.
    #[serde(flatten)]
    pub tally: Tally,
    /// Faults of the candidate.
    pub faults: u32,
    /// Beginning of the rollout.
    pub since: Timestamp,
    /// Requested by.
    pub by: String,
}

/// A decision on which the candidate and the active policy differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Number of the difference, not reused during one rollout.
    pub seq: u64,
    /// The question, as asked and answered.
    pub case: audit::Record,
    /// Answer of the active policy.
    pub active: audit::Answer,
    /// Answer of the candidate.
    pub candidate: audit::Answer,
    /// Whether a person has said that the candidate is right.
    pub approved: bool,
}

/// The change of a rollout that follows from another active policy.
#[derive(Debug, Default)]
pub(super) struct After {
    writes: Vec<Write>,
    next: Option<Arc<Rollout>>,
    changed: Option<Arc<Rollout>>,
}

impl After {
    pub(super) fn writes(&self) -> Vec<Write> {
        self.writes.clone()
    }
}

pub(super) fn view(rollout: &Rollout) -> RolloutView {
    let generation = &rollout.generation;
    let (share, accounts, promote_after) = match &rollout.mode {
        Mode::Shadow => (0, Vec::new(), None),
        Mode::Canary { share, accounts, promote_after } => {
            (*share, accounts.iter().cloned().collect(), Some(*promote_after))
        }
    };
    RolloutView {
        mode: rollout.mode.name(),
        candidate: generation.as_ref().into(),
        share,
        accounts,
        promote_after,
        tally: *rollout.tally(),
        faults: generation.health.faults(),
        since: generation.loaded_at,
        by: generation.by.clone(),
    }
}

/// The rollouts of the policy.
#[derive(Debug)]
pub struct Rollouts {
    slots: Arc<Slots>,
    /// Slugs of all accounts.
    accounts: RwLock<Vec<String>>,
}

impl Rollouts {
    pub(super) fn new(slots: Arc<Slots>, accounts: Vec<String>) -> Self {
        Self { slots, accounts: RwLock::new(accounts) }
    }

    /// Chooses among these accounts from now on.
    pub(super) fn of_accounts(&self, accounts: Vec<String>) {
        *self.accounts.write() = accounts;
    }

    /// The current rollout, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<RolloutView> {
        self.slots.policy.rollouts().current().map(|rollout| view(&rollout))
    }

    /// Begins a rollout, and replaces an earlier one. Without a component the current candidate continues in
    /// the requested mode; its comparison counts begin anew.
    ///
    /// # Errors
    ///
    /// As for a swap, and when there is neither a component nor a candidate.
    pub async fn try_out(&self, how: Try, offer: Option<&Offer>, by: &str) -> Result<RolloutView, Refusal> {
        let action = match how {
            Try::Shadow => Action::Shadow,
            Try::Canary { .. } => Action::Canary,
        };
        let mut record = self.slots.record(PluginKind::Policy, POLICY_SLOT, action, by);
        if let Some(offer) = offer {
            record = record.about(Digest::of(offer.component.bytes()));
        }
        match self.begin(how, offer, by, record.clone()).await {
            Ok(rollout) => {
                self.slots.changed.send_replace(());
                Ok(view(&rollout))
            }
            Err(refusal) => {
                self.slots.registry.note(record.refused(refusal.reason())).await;
                Err(refusal)
            }
        }
    }

    async fn begin(
        &self,
        how: Try,
        offer: Option<&Offer>,
        by: &str,
        record: Record,
    ) -> Result<Arc<Rollout>, Refusal> {
        if let Try::Canary { share, promote_after } = how
            && (!(1..=100).contains(&share) || promote_after == 0)
        {
            let what = "a canary needs a share from 1 to 100 percent and promote_after from 1";
            return Err(Refusal::InvalidRequest(what.to_owned()));
        }
        let slot = self.slots.policy.slot();
        // Compiled before taking the turn: a rollback must not wait for that.
        let admitted = match offer {
            Some(offer) => Some(self.slots.admit(POLICY_SLOT, self.slots.policy.as_ref(), offer).await?),
            None => None,
        };
        let _one_at_a_time = self.slots.changing.lock().await;
        let (generation, compiled) = match admitted {
            Some((compiled, candidate)) => {
                if slot.active().digest == candidate.digest {
                    let what = "this is the active policy; there is nothing to try out";
                    return Err(Refusal::InvalidRequest(what.to_owned()));
                }
                let signature = offer.and_then(|offer| offer.signature.clone());
                let provenance = Provenance::new(self.slots.services.clock.now(), by).signed(signature);
                (slot.beside(candidate, provenance), Some(compiled))
            }
            None => (Arc::clone(&self.candidate()?.generation), None),
        };
        self.slots.refuse_bad(POLICY_SLOT, self.slots.policy.as_ref(), generation.digest).await?;
        let record = record.about(generation.digest).of(&generation.name, &generation.version);
        let mode = self.mode(how, generation.digest);
        let rollout = Arc::new(Rollout::new(generation, mode, Tally::default()));
        let mut writes = vec![Write::document(Kind::Rollout, POLICY_SLOT, &Stored::from(rollout.as_ref()))?];
        writes.extend(self.forget_disagreements().await?);
        writes.extend(self.slots.registry.numbered(record)?);
        self.slots.registry.commit(writes, compiled.as_ref(), &self.slots.in_use()).await?;
        // The candidate may have been quarantined for a third fault meanwhile.
        self.slots.refuse_bad(POLICY_SLOT, self.slots.policy.as_ref(), rollout.generation.digest).await?;
        let before = self.slots.policy.rollouts().set(Some(Arc::clone(&rollout)));
        if let Some(before) = before.filter(|before| before.generation.digest != rollout.generation.digest) {
            self.say_ended(&before, by, Some("another one is tried out".to_owned()));
        }
        Ok(rollout)
    }

    fn mode(&self, how: Try, candidate: Digest) -> Mode {
        match how {
            Try::Shadow => Mode::Shadow,
            Try::Canary { share, promote_after } => {
                let accounts = self.accounts.read();
                let accounts = accounts.iter().map(String::as_str);
                Mode::Canary { share, accounts: canaries(accounts, share, candidate), promote_after }
            }
        }
    }

    fn candidate(&self) -> Result<Arc<Rollout>, Refusal> {
        let rollouts = self.slots.policy.rollouts();
        rollouts.current().ok_or_else(|| match rollouts.awaited() {
            Some(digest) => Refusal::InvalidRequest(format!(
                "what was tried out before the start ({digest}) is still being compiled; ask again when policy/list shows it"
            )),
            None => Refusal::NoRollout,
        })
    }

    /// Ends the rollout; the active policy decides for every account again.
    ///
    /// # Errors
    ///
    /// When there is no rollout, or the store fails.
    pub async fn stop_trying(&self, by: &str) -> Result<RolloutView, Refusal> {
        let _one_at_a_time = self.slots.changing.lock().await;
        let record = self.slots.record(PluginKind::Policy, POLICY_SLOT, Action::Stop, by);
        let stopped = async {
            let rollout = self.candidate()?;
            let Generation { digest, name, version, .. } = rollout.generation.as_ref();
            let mut writes = self.slots.registry.numbered(record.clone().about(*digest).of(name, version))?;
            writes.extend(self.forget_rollout().await?);
            self.slots.registry.commit(writes, None, &self.slots.in_use()).await?;
            Ok(rollout)
        };
        let rollout = self.on_record(stopped.await, record).await?;
        self.slots.policy.rollouts().set(None);
        self.say_ended(&rollout, by, None);
        self.slots.changed.send_replace(());
        Ok(view(&rollout))
    }

    /// Makes the candidate the active policy. It has been compiled and has passed its trial already.
    ///
    /// # Errors
    ///
    /// When there is no rollout, or the store fails.
    pub async fn promote(&self, by: &str) -> Result<Deployed, Refusal> {
        let _one_at_a_time = self.slots.changing.lock().await;
        let promoted = match self.candidate() {
            Ok(rollout) => self.promote_now(&rollout, by, None).await,
            Err(none) => Err(none),
        };
        let record = self.slots.record(PluginKind::Policy, POLICY_SLOT, Action::Promote, by);
        self.on_record(promoted, record).await
    }

    /// Records a refusal.
    async fn on_record<T>(&self, done: Result<T, Refusal>, record: Record) -> Result<T, Refusal> {
        if let Err(refusal) = &done {
            self.slots.registry.note(record.refused(refusal.reason())).await;
        }
        done
    }

    async fn promote_now(
        &self,
        rollout: &Arc<Rollout>,
        by: &str,
        why: Option<String>,
    ) -> Result<Deployed, Refusal> {
        let started = std::time::Instant::now();
        let (slot, generation) = (self.slots.policy.slot(), &rollout.generation);
        self.slots.trust().pinned(POLICY_SLOT, generation.digest)?;
        let mut record = self.slots.record(PluginKind::Policy, POLICY_SLOT, Action::Promote, by);
        record.reason = why.clone();
        let mut more = self.forget_rollout().await?;
        more.push(Offers::ended(POLICY_SLOT));
        let change = Change {
            next: Some(generation.as_ref().into()),
            component: None,
            record: record.about(generation.digest).of(&generation.name, &generation.version),
            more,
        };
        let on_offer = self.slots.end_offer(POLICY_SLOT);
        if let Err(error) = self.slots.registry.keep(POLICY_SLOT, slot, change, &self.slots.in_use()).await {
            self.slots.keep_offer(POLICY_SLOT, on_offer);
            return Err(error.into());
        }
        // The candidate may have been quarantined for a third fault meanwhile.
        if let Err(refusal) =
            self.slots.refuse_bad(POLICY_SLOT, self.slots.policy.as_ref(), generation.digest).await
        {
            self.slots.keep_offer(POLICY_SLOT, on_offer);
            self.slots.registry.keep_health(POLICY_SLOT, slot).await?;
            return Err(refusal);
        }
        generation.health.begin_probation();
        let before = slot.promote(Arc::clone(generation));
        // Cleared only now, so that the canary's accounts never go back to the policy before.
        self.slots.policy.rollouts().set(None);
        self.slots.say(PluginKind::Policy, Event::swapped, POLICY_SLOT, generation, by, why);
        self.slots.changed.send_replace(());
        Ok(deployed(POLICY_SLOT, generation.as_ref(), before.as_ref(), started.elapsed()))
    }

    /// Stores the health of the candidate, if it is this generation.
    pub(super) async fn keep_candidate(&self, kind: PluginKind, number: u64) -> Result<(), StoreError> {
        match self.slots.policy.rollouts().current() {
            Some(rollout) if kind == PluginKind::Policy && rollout.generation.number == number => {
                let stored = Stored::from(rollout.as_ref());
                let write = Write::document(Kind::Rollout, POLICY_SLOT, &stored)?;
                self.slots.registry.commit(vec![write], None, &self.slots.in_use()).await
            }
            _ => Ok(()),
        }
    }

    /// Returns the change of the rollout when this is the active policy: the rollout is over if the candidate
    /// is the same; otherwise it begins anew, since its counts came from comparing with another policy.
    pub(super) async fn after(&self, kind: PluginKind, active: Digest) -> Result<After, StoreError> {
        let current = self.slots.policy.rollouts().current().filter(|_| kind == PluginKind::Policy);
        let Some(rollout) = current else { return Ok(After::default()) };
        if rollout.generation.digest == active {
            return Ok(After { writes: self.forget_rollout().await?, next: None, changed: Some(rollout) });
        }
        let generation = Arc::clone(&rollout.generation);
        let anew = Rollout::new(generation, rollout.mode.clone(), Tally::default());
        let mut writes = self.forget_disagreements().await?;
        writes.push(Write::document(Kind::Rollout, POLICY_SLOT, &Stored::from(&anew))?);
        Ok(After { writes, next: Some(Arc::new(anew)), changed: Some(rollout) })
    }

    /// Applies a stored change to the rollout.
    pub(super) fn follow_up(&self, after: After, by: &str) {
        let After { next, changed: Some(changed), .. } = after else { return };
        if next.is_none() {
            self.say_ended(&changed, by, Some("it is the active policy".to_owned()));
        }
        // Unless the candidate was quarantined meanwhile.
        self.slots.policy.rollouts().replace(&changed, next);
    }

    /// Decisions on which the candidate and the active policy differ, oldest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn disagreements(&self) -> Result<Vec<Disagreement>, Refusal> {
        Ok(disagreements(self.slots.registry.store().as_ref()).await?)
    }

    /// Approves the candidate's decision in these differences, or in all. Returns the rollout.
    ///
    /// # Errors
    ///
    /// When there is no rollout, there is no such number, or the store fails.
    pub async fn approve(&self, which: Option<&[u64]>, by: &str) -> Result<RolloutView, Refusal> {
        let _one_at_a_time = self.slots.changing.lock().await;
        let record = self.slots.record(PluginKind::Policy, POLICY_SLOT, Action::Approve, by);
        let approved = self.approve_now(which, record.clone()).await;
        self.on_record(approved, record).await
    }

    async fn approve_now(&self, which: Option<&[u64]>, record: Record) -> Result<RolloutView, Refusal> {
        let rollout = self.candidate()?;
        let known: BTreeMap<u64, Disagreement> =
            self.disagreements().await?.into_iter().map(|difference| (difference.seq, difference)).collect();
        if let Some(unknown) = which.into_iter().flatten().find(|seq| !known.contains_key(seq)) {
            let what = format!("there is no difference {unknown}; policy/diff lists them");
            return Err(Refusal::InvalidRequest(what));
        }
        let wanted = |seq: &u64| which.is_none_or(|which| which.contains(seq));
        let open = known.into_values().filter(|difference| wanted(&difference.seq) && !difference.approved);
        let mut writes = Vec::new();
        for difference in open {
            let approved = Disagreement { approved: true, ..difference };
            writes.push(Write::document(Kind::Disagreement, key(approved.seq), &approved)?);
        }
        let approved = u32::try_from(writes.len()).unwrap_or(u32::MAX);
        let seen = *rollout.tally();
        // All includes the differences that were not kept because there were too many.
        let approved = if which.is_none() { seen.disagreed } else { approved };
        let next = Tally {
            approved: seen.approved.saturating_add(approved),
            disagreed: seen.disagreed.saturating_sub(approved),
            ..seen
        };
        let record = record.about(rollout.generation.digest).because(format!("{approved} difference(s)"));
        writes.extend(self.slots.registry.numbered(record)?);
        let stored = Stored::from(rollout.as_ref()).having_seen(next);
        writes.push(Write::document(Kind::Rollout, POLICY_SLOT, &stored)?);
        self.slots.registry.commit(writes, None, &self.slots.in_use()).await?;
        *rollout.tally() = next;
        let seen = view(&rollout);
        self.promote_if_due(&rollout).await;
        self.slots.changed.send_replace(());
        Ok(seen)
    }

    fn say_ended(&self, rollout: &Rollout, by: &str, why: Option<String>) {
        let ended = |_kind, about| Event::PolicyRolloutEnded(about);
        self.slots.say(PluginKind::Policy, ended, POLICY_SLOT, &rollout.generation, by, why);
    }

    /// Returns the writes that forget the rollout.
    async fn forget_rollout(&self) -> Result<Vec<Write>, StoreError> {
        let mut writes = self.forget_disagreements().await?;
        writes.push(Write::remove(Kind::Rollout, POLICY_SLOT));
        Ok(writes)
    }

    async fn forget_disagreements(&self) -> Result<Vec<Write>, StoreError> {
        let known = self.slots.registry.store().list(Kind::Disagreement).await?;
        Ok(known.into_iter().map(|(key, _)| Write::remove(Kind::Disagreement, key)).collect())
    }
}
