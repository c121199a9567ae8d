//! The registry: the stored slots with their active, earlier and bad components, and every attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::{Record, Source};
use crate::digest::Digest;
use crate::plugin::Compiled;
use crate::plugin::slot::{Candidate, Generation, Health, KEPT, Provenance, Slot};
use crate::store::{Kind, Store, StoreError, Write, load_document, read_document};

/// Number of attempts remembered.
const REMEMBERED: u64 = 1_000;

/// A component that had to be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bad {
    /// Digest of the component.
    pub digest: Digest,
    /// Fault that cost the component its place.
    pub reason: String,
    /// Time of discovery.
    pub at: Timestamp,
}

/// A generation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredGeneration {
    pub(super) digest: Digest,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) by: String,
    pub(super) at: Timestamp,
    pub(super) proven: bool,
    pub(super) calls: u32,
    pub(super) faults: u32,
    #[serde(default)]
    pub(super) signature: Option<String>,
    /// Whether the program carries the component. Then the store does not hold it.
    #[serde(default)]
    pub(super) carried: bool,
}

impl StoredGeneration {
    /// The stored form of a candidate once it is active.
    pub(super) fn next<P>(candidate: &Candidate<P>, provenance: &Provenance) -> Self {
        let Candidate { digest, name, version, .. } = candidate;
        let Provenance { at, by, health, signature } = provenance;
        Self {
            digest: *digest,
            name: name.clone(),
            version: version.clone(),
            by: by.clone(),
            at: *at,
            proven: health.is_proven(),
            calls: health.calls(),
            faults: health.faults(),
            signature: signature.clone(),
            carried: false,
        }
    }

    pub(super) fn provenance(&self) -> Provenance {
        let health = Health::resumed(self.proven, self.calls, self.faults);
        Provenance { at: self.at, by: self.by.clone(), health, signature: self.signature.clone() }
    }
}

impl<P> From<&Generation<P>> for StoredGeneration {
    fn from(generation: &Generation<P>) -> Self {
        let Generation { number, digest, name, version, loaded_at, by, health, signature, .. } = generation;
        Self {
            digest: *digest,
            name: name.clone(),
            version: version.clone(),
            by: by.clone(),
            at: *loaded_at,
            proven: health.is_proven(),
            calls: health.calls(),
            faults: health.faults(),
            signature: signature.clone(),
            carried: *number == 1,
        }
    }
}

/// Sources of a slot's components, by name, with the component that was last found there.
type Seen = BTreeMap<String, Digest>;

/// A slot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SlotRecord {
    pub(super) active: StoredGeneration,
    /// Earlier generations, the latest last.
    pub(super) previous: Vec<StoredGeneration>,
    #[serde(default)]
    pub(super) seen: Seen,
}

/// The stored form of a slot's change, written whole or not at all.
pub(super) struct Change<'c> {
    /// The generation about to become active; none if it already is.
    pub(super) next: Option<StoredGeneration>,
    /// Component of that generation, if the store does not have it.
    pub(super) component: Option<&'c Compiled>,
    /// Record of the attempt.
    pub(super) record: Record,
    /// Other writes of the same change.
    pub(super) more: Vec<Write>,
}

impl Change<'_> {
    /// A change of a slot that has already taken place.
    pub(super) fn made(record: Record, more: Vec<Write>) -> Self {
        Self { next: None, component: None, record, more }
    }
}

impl SlotRecord {
    fn digests(&self) -> Vec<Digest> {
        self.previous.iter().chain([&self.active]).map(|kept| kept.digest).collect()
    }
}

/// The part of the store that concerns plugins.
#[derive(Debug)]
pub(super) struct Registry {
    store: Arc<dyn Store>,
    next: AtomicU64,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    seen: BTreeMap<String, Seen>,
    /// Components that the store has.
    stored: BTreeSet<Digest>,
    /// Whether a slot's record could not be read. Its needs are unknown then.
    incomplete: bool,
    /// Components that the slots need, including slots that no account uses now.
    needed: BTreeMap<String, Vec<Digest>>,
    /// Components that are stored as active and are not yet: another one stands in for them since the start.
    awaited: BTreeMap<String, Digest>,
}

fn sequence(seq: u64) -> String {
    format!("{seq:020}")
}

fn bad_key(slot: &str, digest: Digest) -> String {
    format!("{slot}/{digest}")
}

/// The name under which the component that is on offer for a slot is needed. No slot has such a name.
fn offer_of(slot: &str) -> String {
    format!("{slot}/offer")
}

/// What an offer needs of the store.
#[derive(Deserialize)]
struct Offered {
    digest: Digest,
}

/// Reads the stored record of a slot.
pub(super) async fn slot_record(store: &dyn Store, slot: &str) -> Result<Option<SlotRecord>, StoreError> {
    load_document(store, Kind::Slot, slot).await
}

/// Reads the bytes of a component, if they still match its digest.
pub(super) async fn component(store: &dyn Store, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = store.load(Kind::Component, &digest.to_string()).await?;
    Ok(bytes.filter(|bytes| Digest::of(bytes) == digest))
}

/// Reads whether a component is known to be bad, and why.
pub(super) async fn known_bad(
    store: &dyn Store,
    slot: &str,
    digest: Digest,
) -> Result<Option<Bad>, StoreError> {
    load_document(store, Kind::BadComponent, &bad_key(slot, digest)).await
}

impl Registry {
    /// Opens the registry of a store, which may hold the component of a rollout besides those of the slots.
    pub(super) async fn open(store: Arc<dyn Store>, tried_out: Option<Digest>) -> Result<Self, StoreError> {
        let records = store.list(Kind::Deployment).await?;
        let last = records.iter().filter_map(|(key, _)| key.parse::<u64>().ok()).max().unwrap_or(0);
        let mut memory = Memory::default();
        for (slot, bytes) in store.list(Kind::Slot).await? {
            let record = read_document::<SlotRecord>(store.as_ref(), Kind::Slot, &slot, &bytes).await;
            let Some(record) = record else {
                memory.incomplete = true;
                continue;
            };
            let digests = record.digests();
            memory.stored.extend(digests.iter().copied());
            memory.needed.insert(slot.clone(), digests);
            memory.seen.insert(slot, record.seen);
        }
        memory.stored.extend(tried_out);
        for (slot, bytes) in store.list(Kind::Offer).await? {
            match read_document::<Offered>(store.as_ref(), Kind::Offer, &slot, &bytes).await {
                Some(Offered { digest }) => {
                    memory.stored.insert(digest);
                    memory.needed.insert(offer_of(&slot), vec![digest]);
                }
                None => memory.incomplete = true,
            }
        }
        Ok(Self { store, next: AtomicU64::new(last + 1), memory: Mutex::new(memory) })
    }

    /// Forgets the components that nothing needs, including those left by an earlier host. If that fails,
    /// they only take space.
    pub(super) async fn tidy(&self, tried_out: Option<Digest>) {
        if let Err(error) = self.try_to_tidy(tried_out).await {
            tracing::warn!("components that nothing needs stay in the store: {error}");
        }
    }

    async fn try_to_tidy(&self, tried_out: Option<Digest>) -> Result<(), StoreError> {
        if self.memory().incomplete {
            return Ok(());
        }
        let keys = self.store.keys(Kind::Component).await?;
        let unneeded: Vec<Write> = {
            let memory = self.memory();
            let needed = memory.needed.values().flatten().chain(&tried_out);
            let needed: BTreeSet<String> = needed.map(Digest::to_string).collect();
            keys.iter()
                .filter(|key| !needed.contains(*key))
                .map(|key| Write::remove(Kind::Component, key))
                .collect()
        };
        let (kept, forgotten) = (keys.len() - unneeded.len(), unneeded.len());
        if forgotten > 0 {
            match self.store.commit(unneeded).await {
                Ok(()) => tracing::info!(kept, forgotten, "forgot components that nothing needs"),
                Err(error) => {
                    tracing::warn!("components that nothing needs stay until the next start: {error}")
                }
            }
        }
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Remembers the component found in a place, from the next [`Registry::keep`] on.
    pub(super) fn see(&self, slot: &str, source: Option<Source>, digest: Digest) {
        if let Some(source) = source {
            let mut memory = self.memory();
            memory.seen.entry(slot.to_owned()).or_default().insert(source.name().to_owned(), digest);
        }
    }

    /// Keeps this component for a slot, besides those of its generations, in place of the one that was kept
    /// so before, which is returned; keeps none if there is none.
    pub(super) fn hold(&self, slot: &str, digest: Option<Digest>) -> Option<Digest> {
        let needed = &mut self.memory().needed;
        let before = match digest {
            Some(digest) => needed.insert(offer_of(slot), vec![digest]),
            None => needed.remove(&offer_of(slot)),
        };
        before.and_then(|digests| digests.first().copied())
    }

    /// Says that this component, which is stored as active, is going to be: until then the record of its slot stays.
    pub(super) fn expect(&self, slot: &str, digest: Digest) {
        self.memory().awaited.insert(slot.to_owned(), digest);
    }

    /// Whether this component is the one last found in this place.
    pub(super) fn has_seen(&self, slot: &str, source: Source, digest: Digest) -> bool {
        let memory = self.memory();
        memory.seen.get(slot).and_then(|seen| seen.get(source.name())) == Some(&digest)
    }

    pub(super) async fn bad(&self, slot: &str, digest: Digest) -> Result<Option<Bad>, StoreError> {
        known_bad(self.store.as_ref(), slot, digest).await
    }

    /// Components known to be bad in a slot, oldest first.
    pub(super) async fn all_bad(&self, slot: &str) -> Result<Vec<Bad>, StoreError> {
        let mut all = Vec::new();
        for (key, bytes) in self.store.list(Kind::BadComponent).await? {
            if key.rsplit_once('/').is_some_and(|(of, _)| of == slot) {
                all.extend(read_document(self.store.as_ref(), Kind::BadComponent, &key, &bytes).await);
            }
        }
        all.sort_by_key(|bad: &Bad| bad.at);
        Ok(all)
    }

    pub(super) async fn history(&self) -> Result<Vec<Record>, StoreError> {
        let records = self.store.list(Kind::Deployment).await?;
        // Records of another version of the host are left out.
        Ok(records.iter().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok()).collect())
    }

    /// Returns the writes that record an attempt.
    pub(super) fn numbered(&self, record: Record) -> Result<Vec<Write>, StoreError> {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let write = Write::document(Kind::Deployment, sequence(seq), &Record { seq, ..record })?;
        let old = seq.checked_sub(REMEMBERED).map(|old| Write::remove(Kind::Deployment, sequence(old)));
        Ok(std::iter::once(write).chain(old).collect())
    }

    /// Records an attempt that has changed nothing. If that fails, the failure is logged.
    pub(super) async fn note(&self, record: Record) {
        let numbered = self.numbered(record);
        let noted = match numbered {
            Ok(writes) => self.store.commit(writes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::error!("an attempt to change a plugin is not on record: {error}");
        }
    }

    /// Stores the content of a slot, present or about to come, together with the record of the attempt; and
    /// forgets components that no slot needs any more.
    pub(super) async fn keep<P>(
        &self,
        name: &str,
        slot: &Slot<P>,
        change: Change<'_>,
        in_use: &[Digest],
    ) -> Result<(), StoreError> {
        let Change { next, component, record, more } = change;
        let document = self.slot_record_of(name, slot, next);
        let mut writes = vec![Write::document(Kind::Slot, name, &document)?];
        writes.extend(self.numbered(record)?);
        writes.extend(more);
        {
            let mut memory = self.memory();
            memory.needed.insert(name.to_owned(), document.digests());
            memory.awaited.remove(name);
        }
        self.commit(writes, component, in_use).await
    }

    fn slot_record_of<P>(&self, name: &str, slot: &Slot<P>, next: Option<StoredGeneration>) -> SlotRecord {
        let (active, previous) = (slot.active(), slot.previous());
        let mut previous: Vec<StoredGeneration> =
            previous.iter().map(|generation| generation.as_ref().into()).collect();
        let mut active = StoredGeneration::from(active.as_ref());
        if let Some(next) = next {
            previous.push(std::mem::replace(&mut active, next));
            let too_many = previous.len().saturating_sub(KEPT);
            previous.drain(..too_many);
        }
        let seen = self.memory().seen.get(name).cloned().unwrap_or_default();
        SlotRecord { active, previous, seen }
    }

    /// Stores the health of a slot's active generation.
    pub(super) async fn keep_health<P>(&self, name: &str, slot: &Slot<P>) -> Result<(), StoreError> {
        let mut document = self.slot_record_of(name, slot, None);
        // The carried component may only stand in for one that was unavailable at this start, such as a
        // component that the compiler had no memory for; any other one for one that is still being compiled.
        // The next start tries that one again.
        let awaited = self.memory().awaited.get(name).copied();
        let stands_in = awaited.is_some_and(|digest| digest != document.active.digest);
        if (document.active.carried || stands_in)
            && let Some(stored) = slot_record(self.store.as_ref(), name).await?
            && !stored.active.carried
        {
            document = SlotRecord { seen: document.seen, ..stored };
        }
        self.store.commit(vec![Write::document(Kind::Slot, name, &document)?]).await
    }

    /// Commits the writes, adding a component that is needed from now on and removing those that are not.
    pub(super) async fn commit(
        &self,
        mut writes: Vec<Write>,
        component: Option<&Compiled>,
        in_use: &[Digest],
    ) -> Result<(), StoreError> {
        let new = component.map(|component| component.digest);
        let unused: Vec<Digest> = {
            let memory = self.memory();
            let needed: BTreeSet<Digest> =
                memory.needed.values().flatten().chain(in_use).copied().chain(new).collect();
            memory.stored.difference(&needed).copied().collect()
        };
        writes.extend(unused.iter().map(|digest| Write::remove(Kind::Component, digest.to_string())));
        if let Some(Compiled { digest, bytes, .. }) = component {
            let (key, value) = (digest.to_string(), Some(bytes.to_vec()));
            writes.push(Write { kind: Kind::Component, key, value });
        }
        self.store.commit(writes).await?;
        let mut memory = self.memory();
        unused.iter().for_each(|digest| {
            memory.stored.remove(digest);
        });
        memory.stored.extend(new);
        Ok(())
    }

    /// Remembers a component as bad, together with the record of the attempt.
    pub(super) async fn quarantine(&self, slot: &str, bad: &Bad, record: Record) -> Result<(), StoreError> {
        let mut writes = vec![Write::document(Kind::BadComponent, bad_key(slot, bad.digest), bad)?];
        writes.extend(self.numbered(record)?);
        self.store.commit(writes).await
    }

    pub(super) async fn forgive(&self, slot: &str, digest: Digest, record: Record) -> Result<(), StoreError> {
        let mut writes = vec![Write::remove(Kind::BadComponent, bad_key(slot, digest))];
        writes.extend(self.numbered(record)?);
        self.store.commit(writes).await
    }
}
