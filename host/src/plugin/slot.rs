//! Generations of a plugin, and the slot that holds the active one.
//!
//! A generation never changes. Whoever works with a plugin takes the active generation once and keeps it
//! until its work ends; a swap is one pointer store and disturbs nobody. The last user frees it.
//!
//! A generation that does not answer ([`Slot::fault`]) loses its place to the one before it. That compiles nothing,
//! waits for nothing and cannot fail.

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

/// One loaded component, as it was verified.
pub struct Generation<P> {
    /// Counts the generations of a slot, from 1.
    pub number: u64,
    /// What it is.
    pub digest: Digest,
    /// What it calls itself.
    pub name: String,
    /// The version it claims.
    pub version: String,
    /// When it became active, or began to be tried out.
    pub loaded_at: Timestamp,
    /// Whose wish it was.
    pub by: String,
    /// How it has answered since then.
    pub health: Health,
    /// The signature that it came with, for the next start.
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
    /// What it is.
    pub digest: Digest,
    /// What it calls itself.
    pub name: String,
    /// The version it claims.
    pub version: String,
    pub(crate) plugin: P,
}

/// How a generation comes to its place.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// When.
    pub at: Timestamp,
    /// Whose wish it is.
    pub by: String,
    /// How it has answered before, for one that comes back after a restart.
    pub health: Health,
    /// Its detached signature, if it came with one.
    pub signature: Option<String>,
}

impl Provenance {
    /// Of a component that was never active before.
    #[must_use]
    pub fn new(at: Timestamp, by: impl Into<String>) -> Self {
        Self { at, by: by.into(), health: Health::on_probation(), signature: None }
    }

    /// With the signature that it came with.
    #[must_use]
    pub fn signed(self, signature: Option<String>) -> Self {
        Self { signature, ..self }
    }

    /// Of a component that has nothing to prove.
    #[must_use]
    pub fn proven(self) -> Self {
        Self { health: Health::proven(), ..self }
    }
}

/// What happened to a generation while it was at work, for whoever writes it down.
#[derive(Debug)]
pub enum SlotEvent<P> {
    /// It did not answer, and keeps its place for now.
    Fault(Arc<Generation<P>>),
    /// It has passed its probation.
    Proven(Arc<Generation<P>>),
    /// It lost its place to the generation before it.
    RolledBack {
        /// Which one.
        from: Arc<Generation<P>>,
        /// The one that is active again.
        to: Arc<Generation<P>>,
        /// Why, in words.
        why: String,
    },
}

/// The active generation of a plugin, and those before it.
#[derive(Debug)]
pub struct Slot<P> {
    /// What it began with.
    carried: Digest,
    active: ArcSwap<Generation<P>>,
    /// One change at a time; readers never wait for it.
    change: Mutex<Change<P>>,
    changes: watch::Sender<()>,
    news: mpsc::UnboundedSender<SlotEvent<P>>,
}

#[derive(Debug)]
struct Change<P> {
    /// The generations before the active one, the latest last.
    previous: Vec<Arc<Generation<P>>>,
    last_number: u64,
    /// Whether the active generation is there because the one after it did not answer.
    rolled_back: bool,
    /// What did not answer. It is never gone back to, whatever else remembers of it.
    condemned: BTreeSet<Digest>,
    /// Taken by whoever writes down what happens.
    news: Option<mpsc::UnboundedReceiver<SlotEvent<P>>>,
}

/// How many earlier generations are kept. One is not enough: a bad one may have replaced a bad one.
pub const KEPT: usize = 4;

impl<P> Slot<P> {
    /// A slot whose first generation is this one.
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

    /// The generations before the active one, the latest last.
    pub fn previous(&self) -> Vec<Arc<Generation<P>>> {
        self.change().previous.clone()
    }

    /// Whether the active generation is there because the one after it did not answer.
    pub fn was_rolled_back(&self) -> bool {
        self.change().rolled_back
    }

    /// Tells of every change of the active generation.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// What happens to the generations from the beginning on. There is one reader; none if it was taken already.
    pub fn news(&self) -> Option<mpsc::UnboundedReceiver<SlotEvent<P>>> {
        self.change().news.take()
    }

    /// A generation that does not take the place of the active one, with a number of its own.
    pub fn beside(&self, candidate: Candidate<P>, provenance: Provenance) -> Arc<Generation<P>> {
        let mut change = self.change();
        change.last_number += 1;
        Arc::new(candidate.enter(change.last_number, provenance))
    }

    /// Makes a candidate the active generation, and returns the one before and the new one. Cannot fail:
    /// everything that can was done before.
    pub fn activate(
        &self,
        candidate: Candidate<P>,
        provenance: Provenance,
    ) -> (Arc<Generation<P>>, Arc<Generation<P>>) {
        let next = self.beside(candidate, provenance);
        (self.promote(Arc::clone(&next)), next)
    }

    /// Makes a generation of this slot the active one, and returns the one before. It is on probation from now on.
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

    /// Makes the generation before this one active again, if this one still is the active one and that one still is the
    /// one before, and returns it. Compiles nothing. What was rolled back from is not kept, so two generations can never
    /// take turns.
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
        // It begins anew: what it did before is no reason to take its place away, for there may be no other.
        previous.health.forgive();
        self.active.store(Arc::clone(&previous));
        change.rolled_back = is_fault;
        self.changes.send_replace(());
        Some(previous)
    }

    /// Remembers that a component did not answer: it is not gone back to, under whichever number it was active before.
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

    /// Lets a component be tried again that did not answer.
    pub fn forgive(&self, digest: Digest) {
        self.change().condemned.remove(&digest);
    }

    /// What the slot began with.
    pub fn carried(&self) -> Digest {
        self.carried
    }

    /// Counts an answer of a generation.
    pub fn answered(&self, generation: &Arc<Generation<P>>) {
        if generation.health.answered() {
            let _nobody_listens = self.news.send(SlotEvent::Proven(Arc::clone(generation)));
        }
    }

    /// Counts a call without an answer. Too many of them end the generation, if it is the active one and there is
    /// one before it. Returns how many there were.
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
        let back = match faults >= Health::FAULTS {
            true => self.lose_place(generation),
            false => None,
        };
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

    /// If it is the active one and there is another.
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
