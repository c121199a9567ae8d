//! Swaps and rollbacks of both kinds of plugin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::offers::Offers;
use super::registry::{Change, StoredGeneration};
use super::{Action, Deployed, Deployments, Offer, Record, Refusal, deployed};
use crate::digest::Digest;
use crate::events::{AboutPlugin, Event};
use crate::plugin::slot::{Generation, Provenance, Slot};
use crate::plugin::{Pluggable, PluginKind};
use crate::store::{StoreError, Write};

/// Longest time that the caller of a rollback waits for it to be stored.
const LONGEST_WRITE: Duration = Duration::from_secs(1);

/// The previously active generation, and the active one.
type Both<P> = (Arc<Generation<P>>, Arc<Generation<P>>);

impl Deployments {
    pub(super) async fn swap_in<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
    ) -> Result<Deployed, Refusal> {
        let started = Instant::now();
        let _at_work = self.slots.work_on(name);
        let digest = Digest::of(offer.component.bytes());
        let record = self.slots.record(S::KIND, name, Action::Swap, &offer.by).about(digest);
        let record = record.out_of(offer.file.clone());
        match self.try_swap(name, slot, offer, digest, record).await {
            Ok((before, active)) => Ok(deployed(name, active.as_ref(), before.as_ref(), started.elapsed())),
            Err(refusal) => Err(self.refused(S::KIND, (name, Action::Swap), offer, refusal).await),
        }
    }

    /// Puts on record, logs and publishes that a component was refused. `name` is empty if it never came to a slot.
    pub(super) async fn refused(
        &self,
        kind: PluginKind,
        (name, action): (&str, Action),
        offer: &Offer,
        refusal: Refusal,
    ) -> Refusal {
        let (reason, digest) = (refusal.reason(), Digest::of(offer.component.bytes()));
        let file = offer.file.as_deref();
        tracing::warn!(%kind, slot = name, by = offer.by, file, %digest, "refused: {reason}");
        let about = AboutPlugin {
            slot: name.to_owned(),
            digest: Some(digest),
            by: offer.by.clone(),
            reason: Some(reason.clone()),
            ..AboutPlugin::default()
        };
        self.slots.services.events.say(&Event::rejected(kind, about));
        let record = self.slots.record(kind, name, action, &offer.by).about(digest);
        self.slots.registry.note(record.out_of(offer.file.clone()).refused(reason)).await;
        refusal
    }

    /// Returns the previously active generation and the one active now.
    async fn try_swap<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
        digest: Digest,
        record: Record,
    ) -> Result<Both<S::Plugin>, Refusal> {
        let mut admitted = None;
        let (_one_at_a_time, compiled, candidate) = loop {
            let turn = self.slots.changing.lock().await;
            let before = slot.slot().active();
            if before.digest == digest {
                self.slots.registry.see(name, offer.source, digest);
                self.slots.registry.note(record.of(&before.name, &before.version).unchanged()).await;
                return Ok((Arc::clone(&before), before));
            }
            match admitted.take() {
                Some((compiled, candidate)) => break (turn, compiled, candidate),
                // Compiled without holding the turn: a rollback must not wait for that.
                None => {
                    drop(turn);
                    admitted = Some(self.slots.admit(name, slot, offer).await?);
                }
            }
        };
        // The component may have been active meanwhile, and have been quarantined.
        self.slots.refuse_bad(name, slot, digest).await?;
        let accounts = self.accounts.read().clone();
        for served in &accounts {
            if S::KIND == PluginKind::Connector && served.connector == name {
                served.context.cells.ensure(S::cells(&candidate.plugin)).await?;
            }
        }
        let provenance =
            Provenance::new(self.slots.services.clock.now(), &offer.by).signed(offer.signature.clone());
        self.slots.registry.see(name, offer.source, digest);
        let after = self.rollouts.after(S::KIND, digest).await?;
        let mut more = after.writes();
        more.push(Offers::ended(name));
        let change = Change {
            next: Some(StoredGeneration::next(&candidate, &provenance)),
            component: Some(&compiled),
            record: record.of(&candidate.name, &candidate.version),
            more,
        };
        let on_offer = self.slots.end_offer(name);
        let kept = self.slots.registry.keep(name, slot.slot(), change, &self.slots.in_use()).await;
        if let Err(error) = kept {
            self.slots.keep_offer(name, on_offer);
            return Err(error.into());
        }
        // The steps that follow cannot fail.
        let (before, active) = slot.slot().activate(candidate, provenance);
        self.rollouts.follow_up(after, &offer.by);
        tracing::info!(
            kind = %S::KIND,
            slot = name,
            by = offer.by,
            file = offer.file,
            from = %format_args!("{} {}", before.name, before.version),
            to = %format_args!("{} {}", active.name, active.version),
            generation = active.number,
            digest = %active.digest,
            "swapped"
        );
        self.slots.say(S::KIND, Event::swapped, name, active.as_ref(), &offer.by, None);
        Ok((before, active))
    }

    /// Rolls a slot back. The pointer changes first, before anything that could wait. The rest continues in
    /// the background if it takes long.
    pub(super) async fn roll_back_in<S: Pluggable>(
        self: &Arc<Self>,
        name: &str,
        slot: &Arc<S>,
        by: &str,
    ) -> Result<Deployed, Refusal> {
        let started = Instant::now();
        let record = self.slots.record(S::KIND, name, Action::Rollback, by);
        let (from, to) = match self.go_back(name, slot.slot()) {
            Ok(gone_back) => gone_back,
            Err(refusal) => {
                self.slots.registry.note(record.refused(refusal.reason())).await;
                return Err(refusal);
            }
        };
        let deployed = deployed(name, to.as_ref(), from.as_ref(), started.elapsed());
        let offered = self.slots.offer_again(name, slot.as_ref(), &from);
        self.slots.changed.send_replace(());
        let written = tokio::spawn({
            let (ours, slot) = (Arc::clone(self), Arc::clone(slot));
            let (name, by, why) = (name.to_owned(), by.to_owned(), format!("{by} wanted it"));
            async move {
                ours.say_went_back::<S>(&name, (&from, &to), (&by, &why));
                let _one_at_a_time = ours.slots.changing.lock().await;
                ours.write_went_back(&name, slot.as_ref(), &to, (&by, &why), (record, offered)).await
            }
        });
        let remembered = match tokio::time::timeout(LONGEST_WRITE, written).await {
            Ok(written) => written.unwrap_or(false),
            Err(_elapsed) => {
                tracing::warn!(slot = name, "the rollback holds, and is still being written down");
                false
            }
        };
        Ok(Deployed { remembered, ..deployed })
    }

    /// Makes the generation before the active one active again; returns both.
    fn go_back<P>(&self, name: &str, slot: &Slot<P>) -> Result<Both<P>, Refusal> {
        loop {
            let from = slot.active();
            let Some(to) = slot.previous().pop() else {
                return Err(Refusal::NothingBefore {
                    name: from.name.clone(),
                    version: from.version.clone(),
                });
            };
            self.slots.trust().pinned(name, to.digest)?;
            // If another generation is active by now, another caller was first; the loop then goes on with
            // what that caller left.
            if let Some(to) = slot.roll_back(from.number, to.number) {
                return Ok((from, to));
            }
        }
    }

    /// Announces that a slot is back on an earlier generation.
    pub(super) fn say_went_back<S: Pluggable>(
        &self,
        name: &str,
        (from, to): (&Generation<S::Plugin>, &Generation<S::Plugin>),
        (by, why): (&str, &str),
    ) {
        tracing::warn!(
            kind = %S::KIND,
            slot = name,
            by,
            from = %format_args!("{} {}", from.name, from.version),
            to = %format_args!("{} {}", to.name, to.version),
            generation = to.number,
            "rolled back: {why}"
        );
        self.slots.say(S::KIND, Event::rolled_back, name, to, by, Some(why.to_owned()));
    }

    /// Stores the rollback. Returns whether a restart will know of it.
    pub(super) async fn write_went_back<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        to: &Generation<S::Plugin>,
        (by, why): (&str, &str),
        (record, mut more): (Record, Vec<Write>),
    ) -> bool {
        let record = record.about(to.digest).of(&to.name, &to.version).because(why);
        let written = async {
            // The generation active by now, which a swap may have put there meanwhile.
            let after = self.rollouts.after(S::KIND, slot.slot().active().digest).await?;
            more.extend(after.writes());
            let change = Change::made(record, more);
            self.slots.registry.keep(name, slot.slot(), change, &self.slots.in_use()).await?;
            Ok::<_, StoreError>(after)
        };
        match written.await {
            Ok(after) => {
                self.rollouts.follow_up(after, by);
                true
            }
            Err(error) => {
                tracing::error!(slot = name, "the rollback holds only until a restart: {error}");
                false
            }
        }
    }
}
