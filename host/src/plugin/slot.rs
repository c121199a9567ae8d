//! Generations of a plugin, and the slot that holds the active one.
//!
//! A generation never changes. A user of a plugin takes the active generation once and keeps it until its
//! work ends; a swap is one pointer store and disturbs no user. The last user frees the generation.
//!
//! A generation that does not answer ([`Slot::fault`]) loses its place to the one before it. That compiles
//! nothing, waits for nothing and cannot fail.

mod health;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};

pub use self::health::Health;
use crate::digest::Digest;
use crate::sandbox::CallFault;

/// A loaded component, as it was verified.
pub struct Generation<P> {
    /// Number of the generation in its slot, counted from 1.
    pub number: u64,
    /// Digest of the component.
    pub digest: Digest,
    /// Name that the component gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Time when it became active, or its rollout began.
    pub loaded_at: Timestamp,
    /// Requested by.
    pub by: String,
    /// Health since then.
    pub health: Health,
    /// Size of the component, in bytes.
    pub(crate) size: usize,
    /// Signature that it came with, for the next start.
    pub(crate) signature: Option<String>,
    /// The prepared component.
    pub(crate) plugin: P,
}

impl<P> fmt::Debug for Generation<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("number", &self.number)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A component that passed its trial and waits to become a generation.
#[derive(Debug)]
pub struct Candidate<P> {
    /// Digest of the component.
    pub digest: Digest,
    /// Name that the component gives itself.
    pub name: String,
    /// Version that it claims.
    pub version: String,
    /// Size of the component, in bytes.
    pub(crate) size: usize,
    pub(crate) plugin: P,
}

/// Provenance of a generation: when, by whom, under which signature.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// Time of its activation.
    pub at: Timestamp,
    /// Requested by.
    pub by: String,
    /// Health before a restart, for a generation that comes back after one.
    pub health: Health,
    /// Detached signature, if the component came with one.
    pub signature: Option<String>,
}

impl Provenance {
    /// Provenance of a component that was never active before.
    #[must_use]
    pub fn new(at: Timestamp, by: impl Into<String>) -> Self {
        Self { at, by: by.into(), health: Health::on_probation(), signature: None }
    }

    /// Adds the signature that the component came with.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// Marks the component as having nothing to prove.
    #[must_use]
    pub fn proven(self) -> Self {
        Self { health: Health::proven(), ..self }
    }
}

/// An event of a generation at work, for the record.
#[derive(Debug)]
pub enum SlotEvent<P> {
    /// A fault after which the generation keeps its place for now.
    Fault(Arc<Generation<P>>),
    /// The end of a probation that was passed.
    Proven(Arc<Generation<P>>),
    /// The loss of a generation's place to the one before it.
    RolledBack {
        /// Generation that lost its place.
        from: Arc<Generation<P>>,
        /// Generation that is active again.
        to: Arc<Generation<P>>,
        /// Reason, in words.
        why: String,
    },
}

/// The active generation of a plugin, and those before it.
#[derive(Debug)]
pub struct Slot<P> {
    /// Digest of the first component.
    carried: Digest,
    active: ArcSwap<Generation<P>>,
    /// Lock for one change at a time; readers never wait for it.
    change: Mutex<Change<P>>,
    changes: watch::Sender<()>,
    news: mpsc::UnboundedSender<SlotEvent<P>>,
}

#[derive(Debug)]
struct Change<P> {
    /// Earlier generations, the latest last.
    previous: Vec<Arc<Generation<P>>>,
    last_number: u64,
    /// Whether the active generation is there because the one after it did not answer.
    rolled_back: bool,
    /// Components that did not answer. The slot never goes back to them, whatever is remembered of them
    /// elsewhere.
    condemned: BTreeSet<Digest>,
    /// Receiver of the events, until its one reader takes it.
    news: Option<mpsc::UnboundedReceiver<SlotEvent<P>>>,
}

/// Size from which a component is large, in bytes: it brings an interpreter with it, compiles for seconds, and takes many
/// times its size in memory once it is compiled.
pub const LARGE: usize = 4 << 20;

/// Number of earlier generations kept. One is not enough: a bad one may have replaced a bad one.
pub const KEPT: usize = 4;

impl<P> Slot<P> {
    /// Makes a slot with this first generation.
    pub fn new(first: Candidate<P>, provenance: Provenance) -> Self {
        let (news, unread) = mpsc::unbounded_channel();
        let change = Change {
            previous: Vec::new(),
            last_number: 1,
            rolled_back: false,
            condemned: BTreeSet::new(),
            news: Some(unread),
        };
        Self {
            carried: first.digest,
            active: ArcSwap::from_pointee(first.enter(1, provenance)),
            change: Mutex::new(change),
            changes: watch::Sender::new(()),
            news,
        }
    }

    fn change(&self) -> MutexGuard<'_, Change<P>> {
        self.change.lock()
    }

    /// The active generation. Keep it for as long as one piece of work lasts.
    pub fn active(&self) -> Arc<Generation<P>> {
        self.active.load_full()
    }

    /// Earlier generations, the latest last.
    pub fn previous(&self) -> Vec<Arc<Generation<P>>> {
        self.change().previous.clone()
    }

    /// Whether the active generation is there because the one after it did not answer.
    pub fn was_rolled_back(&self) -> bool {
        self.change().rolled_back
    }

    /// Notifies of every change of the active generation.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Events of the generations from the beginning on. There is one reader; none if it was taken already.
    pub fn news(&self) -> Option<mpsc::UnboundedReceiver<SlotEvent<P>>> {
        self.change().news.take()
    }

    /// Makes a generation with a number of its own that does not replace the active one.
    pub fn beside(&self, candidate: Candidate<P>, provenance: Provenance) -> Arc<Generation<P>> {
        let mut change = self.change();
        change.last_number += 1;
        Arc::new(candidate.enter(change.last_number, provenance))
    }

    /// Makes a candidate the active generation, and returns the one before and the new one. Cannot fail:
    /// every step that can was done before.
    pub fn activate(
        &self,
        candidate: Candidate<P>,
        provenance: Provenance,
    ) -> (Arc<Generation<P>>, Arc<Generation<P>>) {
        let next = self.beside(candidate, provenance);
        (self.promote(Arc::clone(&next)), next)
    }

    /// Makes a generation of this slot the active one, and returns the one before. It is on probation from
    /// now on.
    pub fn promote(&self, next: Arc<Generation<P>>) -> Arc<Generation<P>> {
        let mut change = self.change();
        let before = self.active.swap(next);
        change.previous.push(Arc::clone(&before));
        if change.previous.len() > KEPT {
            change.previous.remove(0);
        }
        change.rolled_back = false;
        drop(change);
        self.changes.send_replace(());
        before
    }

    /// Makes the generation before this one active again, and returns it, if `from` is still the active one
    /// and `to` still the one before. Compiles nothing. The replaced generation is not kept, so two
    /// generations can never take turns.
    pub fn roll_back(&self, from: u64, to: u64) -> Option<Arc<Generation<P>>> {
        let mut change = self.change();
        change.previous.last().filter(|previous| previous.number == to)?;
        self.go_back(&mut change, from, false)
    }

    fn go_back(&self, change: &mut Change<P>, number: u64, is_fault: bool) -> Option<Arc<Generation<P>>> {
        if self.active.load().number != number {
            return None;
        }
        let previous = change.previous.pop()?;
        // The count begins anew: earlier faults do not justify taking its place away, for there may be no
        // other generation.
        previous.health.forgive();
        self.active.store(Arc::clone(&previous));
        change.rolled_back = is_fault;
        self.changes.send_replace(());
        Some(previous)
    }

    /// Remembers that a component did not answer: the slot does not go back to it, under whichever number it
    /// was active before.
    pub fn quarantine(&self, digest: Digest) {
        Self::condemn_in(&mut self.change(), digest);
    }

    fn condemn_in(change: &mut Change<P>, digest: Digest) {
        change.condemned.insert(digest);
        change.previous.retain(|generation| generation.digest != digest);
    }

    /// Whether a component did not answer here since the start.
    pub fn is_quarantined(&self, digest: Digest) -> bool {
        self.change().condemned.contains(&digest)
    }

    /// Lets a component that did not answer be tried again.
    pub fn forgive(&self, digest: Digest) {
        self.change().condemned.remove(&digest);
    }

    /// Digest of the first component.
    pub fn carried(&self) -> Digest {
        self.carried
    }

    /// Counts an answer of a generation.
    pub fn answered(&self, generation: &Arc<Generation<P>>) {
        if generation.health.answered() {
            self.give_back(generation);
            let _nobody_listens = self.news.send(SlotEvent::Proven(Arc::clone(generation)));
        }
    }

    /// Gives back the memory of large generations before this one, which has just passed its probation, if another one is
    /// left to go back to.
    fn give_back(&self, proven: &Generation<P>) {
        let mut change = self.change();
        let is_small = |earlier: &Arc<Generation<P>>| earlier.size < LARGE;
        if self.active.load().number == proven.number && change.previous.iter().any(is_small) {
            change.previous.retain(is_small);
        }
    }

    /// Counts a fault. Too many of them end the generation, if it is the active one and there is one before
    /// it. Returns their number.
    pub fn fault(&self, generation: &Arc<Generation<P>>, question: &str, fault: &CallFault) -> u32 {
        let faults = generation.health.fault();
        tracing::warn!(
            plugin = generation.name,
            version = generation.version,
            generation = generation.number,
            question,
            kind = fault.kind(),
            faults,
            "no answer: {fault}"
        );
        let back = if faults >= Health::FAULTS { self.lose_place(generation) } else { None };
        let news = match back {
            None => SlotEvent::Fault(Arc::clone(generation)),
            Some(to) => {
                let why = format!("{faults} calls without an answer; the last one, {question}: {fault}");
                tracing::error!(
                    plugin = generation.name,
                    from = generation.version,
                    to = to.version,
                    generation = to.number,
                    "rolled back: {why}"
                );
                SlotEvent::RolledBack { from: Arc::clone(generation), to, why }
            }
        };
        let _nobody_listens = self.news.send(news);
        faults
    }

    /// Takes the place of this generation away, if it is the active one and there is another.
    fn lose_place(&self, generation: &Generation<P>) -> Option<Arc<Generation<P>>> {
        let mut change = self.change();
        let is_another = |other: &Arc<Generation<P>>| other.digest != generation.digest;
        if self.active.load().number != generation.number || !change.previous.iter().any(is_another) {
            return None;
        }
        Self::condemn_in(&mut change, generation.digest);
        self.go_back(&mut change, generation.number, true)
    }
}

impl<P> Candidate<P> {
    fn enter(self, number: u64, provenance: Provenance) -> Generation<P> {
        let Provenance { at, by, health, signature } = provenance;
        Generation {
            number,
            digest: self.digest,
            name: self.name,
            version: self.version,
            size: self.size,
            loaded_at: at,
            by,
            health,
            signature,
            plugin: self.plugin,
        }
    }
}

#[cfg(test)]
mod tests;
