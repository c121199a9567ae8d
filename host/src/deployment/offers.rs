//! Offers on hand: components that passed their trial and wait until somebody wants them, one for each slot.
//!
//! What is on offer was offered by a request, or by the watched folder if that only offers; or it is what a
//! requested rollback went back from. Where nothing is, the program itself offers what it carries, if that is
//! a newer version than the one that runs. What had to be rolled back is never on offer, nor is what the
//! configuration does not allow in a slot. A swap ends the offer, whatever it has put into the slot; so does a
//! rollout that is promoted. A rollback leaves another offer as it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::registry::component;
use super::slots::Slots;
use super::{Action, Deployed, Deployments, Offer, Record, Refusal, Verified};
use crate::digest::Digest;
use crate::plugin::slot::Generation;
use crate::plugin::{Compiled, Pluggable, embedded};
use crate::store::{Kind, StoreError, Write, read_document};

/// A component on offer for a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnOffer {
    /// Name that the component gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Digest of the component.
    pub digest: Digest,
    /// Offered by.
    pub by: String,
    /// Time when it was offered, or last became active.
    pub at: Timestamp,
    /// File that it came from, if it came from one.
    pub file: Option<String>,
    /// Signature that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
}

impl<P> From<&Generation<P>> for OnOffer {
    fn from(generation: &Generation<P>) -> Self {
        let Generation { digest, name, version, loaded_at, by, signature, .. } = generation;
        Self {
            name: name.clone(),
            version: version.clone(),
            digest: *digest,
            by: by.clone(),
            at: *loaded_at,
            file: None,
            signature: signature.clone(),
        }
    }
}

/// What is on offer, by the slots' names.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// What was offered. The store has it too.
    requested: Mutex<BTreeMap<String, OnOffer>>,
    /// What the program carries.
    carried: Mutex<BTreeMap<String, OnOffer>>,
}

impl Offers {
    /// Returns the write by which the offer for a slot ends.
    pub(super) fn ended(slot: &str) -> Write {
        Write::remove(Kind::Offer, slot)
    }

    /// Withdraws a component that had to be rolled back.
    fn withdraw(&self, slot: &str, digest: Digest) {
        for offers in [&self.requested, &self.carried] {
            offers.lock().retain(|name, offer| name != slot || offer.digest != digest);
        }
    }
}

impl Slots {
    /// Takes up the offers that an earlier host has left, and what the program carries. What is known to be
    /// bad, or is not there any more, is on offer no more.
    pub(super) async fn take_up_offers(&self) -> Result<(), StoreError> {
        let store = self.registry.store();
        for (slot, bytes) in store.list(Kind::Offer).await? {
            let Some(offer) = read_document::<OnOffer>(store.as_ref(), Kind::Offer, &slot, &bytes).await
            else {
                continue;
            };
            if self.registry.bad(&slot, offer.digest).await?.is_none() {
                self.offers.requested.lock().insert(slot, offer);
            }
        }
        self.take_up_carried(crate::plugin::POLICY_SLOT, self.policy.as_ref()).await?;
        for (name, connector) in &self.connectors {
            self.take_up_carried(name, connector.as_ref()).await?;
        }
        Ok(())
    }

    async fn take_up_carried<S: Pluggable>(&self, name: &str, slot: &S) -> Result<(), StoreError> {
        let carried = slot.slot().carried();
        let first = slot.slot().previous().into_iter().find(|generation| generation.digest == carried);
        let Some(first) = first.filter(|_| bytes_of(carried).is_some()) else { return Ok(()) };
        if self.registry.bad(name, carried).await?.is_none() {
            self.offers.carried.lock().insert(name.to_owned(), OnOffer::from(first.as_ref()));
        }
        Ok(())
    }

    /// Returns what is on offer for a slot.
    pub(super) fn on_offer<S: Pluggable>(&self, name: &str, slot: &S) -> Option<OnOffer> {
        let slot = slot.slot();
        let active = slot.active();
        let may_be = |offer: &OnOffer| {
            offer.digest != active.digest
                && !slot.is_quarantined(offer.digest)
                && self.trust().pinned(name, offer.digest).is_ok()
        };
        let requested = self.offers.requested.lock().get(name).cloned().filter(may_be);
        requested.or_else(|| {
            let carried = self.offers.carried.lock().get(name).cloned().filter(may_be);
            carried.filter(|carried| is_newer(&carried.version, &active.version))
        })
    }

    /// Ends the offer for a slot, and returns it. The write that goes with it is [`Offers::ended`].
    pub(super) fn end_offer(&self, name: &str) -> Option<OnOffer> {
        self.registry.hold(name, None);
        self.offers.requested.lock().remove(name)
    }

    /// Takes back that an offer has ended: what was to end it was not done.
    pub(super) fn keep_offer(&self, name: &str, offer: Option<OnOffer>) {
        if let Some(offer) = offer {
            self.registry.hold(name, Some(offer.digest));
            self.offers.requested.lock().insert(name.to_owned(), offer);
        }
    }

    /// Makes what a rollback went back from the one on offer, unless it had to be rolled back, or another one was
    /// offered meanwhile. Called with the slot back where it was.
    pub(super) fn offer_again<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        from: &Generation<S::Plugin>,
    ) -> Vec<Write> {
        let requested = self.offers.requested.lock().contains_key(name);
        if slot.slot().is_quarantined(from.digest) || (requested && self.on_offer(name, slot).is_some()) {
            return Vec::new();
        }
        let offer = OnOffer::from(from);
        let write = Write::document(Kind::Offer, name, &offer);
        self.keep_offer(name, Some(offer));
        let stored =
            write.inspect_err(|error| tracing::error!(slot = name, "the offer ends with this host: {error}"));
        stored.into_iter().collect()
    }

    /// Withdraws a component that had to be rolled back.
    pub(super) fn withdraw_offer(&self, name: &str, digest: Digest) {
        self.offers.withdraw(name, digest);
    }
}

impl Deployments {
    /// Keeps a component until somebody wants it, if it passes every check of [`Deployments::swap`]. It takes
    /// the place of what was on offer for its slot before. One that is active already is not on offer.
    ///
    /// # Errors
    ///
    /// As for a swap.
    pub(super) async fn offer_in<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
    ) -> Result<Verified, Refusal> {
        let digest = Digest::of(offer.component.bytes());
        let record = self.slots.record(S::KIND, name, Action::Offer, &offer.by).about(digest);
        match self.try_offer(name, slot, offer, record.out_of(offer.file.clone())).await {
            Ok(verified) => Ok(verified),
            Err(refusal) => Err(self.refused(S::KIND, (name, Action::Offer), offer, refusal).await),
        }
    }

    async fn try_offer<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        offer: &Offer,
        record: Record,
    ) -> Result<Verified, Refusal> {
        let slots = &self.slots;
        let (compiled, candidate) = slots.admit(name, slot, offer).await?;
        let verified = Verified::new(name, &compiled, &candidate);
        let record = record.of(&candidate.name, &candidate.version);
        let _one_at_a_time = slots.changing.lock().await;
        // It may have been active meanwhile, and have been quarantined.
        slots.refuse_bad(name, slot, candidate.digest).await?;
        slots.registry.see(name, offer.source, candidate.digest);
        if offer.source.is_some() {
            slots.registry.keep_health(name, slot.slot()).await?;
        }
        if slot.slot().active().digest == candidate.digest {
            slots.registry.note(record.unchanged()).await;
            return Ok(verified);
        }
        let on_offer = OnOffer {
            name: candidate.name,
            version: candidate.version,
            digest: candidate.digest,
            by: offer.by.clone(),
            at: slots.services.clock.now(),
            file: offer.file.clone(),
            signature: offer.signature.clone(),
        };
        let mut writes = vec![Write::document(Kind::Offer, name, &on_offer)?];
        writes.extend(slots.registry.numbered(record)?);
        let before = slots.registry.hold(name, Some(candidate.digest));
        if let Err(error) = slots.registry.commit(writes, Some(&compiled), &slots.in_use()).await {
            slots.registry.hold(name, before);
            return Err(error.into());
        }
        tracing::info!(
            kind = %S::KIND,
            slot = name,
            by = offer.by,
            version = on_offer.version,
            digest = %on_offer.digest,
            "on offer"
        );
        slots.keep_offer(name, Some(on_offer));
        slots.changed.send_replace(());
        Ok(verified)
    }

    /// Puts what is on offer into its slot.
    pub(super) async fn swap_latest_in<S: Pluggable>(
        &self,
        name: &str,
        slot: &S,
        by: &str,
    ) -> Result<Deployed, Refusal> {
        match self.latest(name, slot, by).await {
            Ok(offer) => self.swap_in(name, slot, &offer).await,
            Err(refusal) => {
                let record = self.slots.record(S::KIND, name, Action::Swap, by);
                self.slots.registry.note(record.refused(refusal.reason())).await;
                Err(refusal)
            }
        }
    }

    async fn latest<S: Pluggable>(&self, name: &str, slot: &S, by: &str) -> Result<Offer, Refusal> {
        let Some(latest) = self.slots.on_offer(name, slot) else {
            let (kind, active) = (S::KIND, slot.slot().active());
            return Err(Refusal::InvalidRequest(format!(
                "nothing newer than {} {} is on offer for the slot {name}; offer a component with {kind}/offer, or name \
                 the one to swap in",
                active.name, active.version
            )));
        };
        let OnOffer { digest, signature, file, version, .. } = latest;
        if let Some(bytes) = component(self.slots.registry.store().as_ref(), digest).await? {
            return Ok(Offer::new(bytes, by).signed(signature).out_of(file));
        }
        match bytes_of(digest) {
            Some(bytes) => Ok(Offer::compiled(Compiled::carried(slot.sandbox(), bytes).await?, by)),
            None => Err(Refusal::InvalidRequest(format!(
                "version {version} ({digest}), which is on offer for the slot {name}, is not in the store any more, or \
                 damaged there; offer it again"
            ))),
        }
    }
}

/// The component of this digest, if the program carries it.
fn bytes_of(digest: Digest) -> Option<&'static [u8]> {
    let connectors = embedded::CONNECTORS.into_iter().map(|(_, bytes)| bytes);
    connectors.chain([embedded::POLICY]).find(|bytes| Digest::of(bytes) == digest)
}

/// Whether one version comes after another (Semantic Versioning 2.0). What is no such version comes after
/// nothing.
fn is_newer(version: &str, than: &str) -> bool {
    match (Version::parse(version), Version::parse(than)) {
        (Ok(version), Ok(than)) => version > than,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, than, newer) in [
            ("0.10.0", "0.9.0", true),
            ("0.9.0", "0.10.0", false),
            ("1.0.0", "1.0.0", false),
            ("1.0.0", "1.0.0-rc.1", true),
            ("nightly", "0.1.0", false),
            ("0.2.0", "", false),
        ] {
            assert_eq!(is_newer(version, than), newer, "{version} {than}");
        }
    }
}
