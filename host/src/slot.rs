//! Generations of a plugin, and the slot that holds the active one.
//!
//! A generation never changes. Whoever works with a plugin takes the active generation once and keeps it
//! until its work ends; a swap is one pointer store and disturbs nobody. The last user frees it.

use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a component's bytes: what a plugin *is*, whatever it calls itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a component.
    #[must_use]
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

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
    /// When it became active.
    pub loaded_at: Timestamp,
    /// Calls without an answer since then.
    pub(crate) faults: AtomicU32,
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

/// The active generation of a plugin, and those before it.
#[derive(Debug)]
pub struct Slot<P> {
    active: ArcSwap<Generation<P>>,
    /// One change at a time; readers never wait for it.
    change: Mutex<Change<P>>,
}

#[derive(Debug)]
struct Change<P> {
    /// The generations before the active one, the latest last.
    previous: Vec<Arc<Generation<P>>>,
    last_number: u64,
}

/// How many earlier generations are kept. One is not enough: a bad one may have replaced a bad one.
const KEPT: usize = 4;

impl<P> Slot<P> {
    /// A slot whose first generation is this one.
    pub fn new(first: Candidate<P>) -> Self {
        Self {
            active: ArcSwap::from_pointee(first.into_generation(1)),
            change: Mutex::new(Change { previous: Vec::new(), last_number: 1 }),
        }
    }

    /// The active generation. Keep it for as long as one piece of work lasts.
    pub fn active(&self) -> Arc<Generation<P>> {
        self.active.load_full()
    }

    /// Makes a candidate the active generation, and returns the one before and the new one. Cannot fail:
    /// everything that can was done before.
    pub fn activate(&self, candidate: Candidate<P>) -> (Arc<Generation<P>>, Arc<Generation<P>>) {
        let mut change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        change.last_number += 1;
        let next = Arc::new(candidate.into_generation(change.last_number));
        let before = self.active.swap(Arc::clone(&next));
        change.previous.push(Arc::clone(&before));
        if change.previous.len() > KEPT {
            change.previous.remove(0);
        }
        (before, next)
    }

    /// Makes the generation before this one active again, if this one still is the active one, and returns it.
    /// Compiles nothing. What was rolled back from is not kept, so two generations can never take turns.
    pub fn roll_back_from(&self, number: u64) -> Option<Arc<Generation<P>>> {
        let mut change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        if self.active.load().number != number {
            return None;
        }
        let previous = change.previous.pop()?;
        self.active.store(Arc::clone(&previous));
        Some(previous)
    }
}

impl<P> Candidate<P> {
    fn into_generation(self, number: u64) -> Generation<P> {
        Generation {
            number,
            digest: self.digest,
            name: self.name,
            version: self.version,
            loaded_at: Timestamp::now(),
            faults: AtomicU32::new(0),
            plugin: self.plugin,
        }
    }
}
