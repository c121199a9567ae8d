//! Cells: values under a lock, counted by generation.
//!
//! A cell holds what several calls share and only one may replace: the session, the device registration, the
//! permission that a PIN gave. Its generation is the double check. A caller that finds, under the lock, that
//! the generation is no longer the one that failed knows that another caller has already replaced the value.
//! No clock takes part in that, so it cannot be fooled by one.

mod record;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{RwLock, RwLockReadGuard};
use secrecy::SecretString;
use tokio::sync::OwnedMutexGuard;

use self::record::Record;
pub use self::snapshot::Snapshot;
use crate::store::{Kind, Store, StoreError, Write, load_document};
use crate::time::Clock;

/// Secrets by name.
pub type Secrets = BTreeMap<String, SecretString>;

/// Ends of a value, and of what would renew it, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// End of the value's life: of a session, that of its access token.
    pub access: Option<Timestamp>,
    /// End of what renews it, if that is not used before.
    pub refresh: Option<Timestamp>,
    /// End of all of it, whatever is done.
    pub grant: Option<Timestamp>,
}

/// A generation of a cell's value. Never changes.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Number of commits, from 1; 0 is a cell that was never set.
    pub generation: u64,
    /// The part that guests see; none when the cell was never set or was discarded.
    pub value: Option<String>,
    /// The part that guests do not see.
    pub secrets: Secrets,
    /// Time of the commit, in civil time.
    pub committed_at: Option<Timestamp>,
    /// When it ends, as far as that is known.
    pub ends: Ends,
    /// Time of the commit on this process's monotonic clock; none if the commit came before the process
    /// started.
    since: Option<Duration>,
}

impl Cell {
    /// Time since the commit. Counted on the monotonic clock where possible, so that setting the machine's
    /// clock does not age the value.
    #[must_use]
    pub fn age(&self, clock: &dyn Clock) -> Option<Duration> {
        match self.since {
            Some(since) => Some(clock.monotonic().saturating_sub(since)),
            None => self.committed_at.map(|at| clock.now().duration_since(at).try_into().unwrap_or_default()),
        }
    }

    fn is_empty(&self) -> bool {
        self.value.is_none() && self.secrets.is_empty()
    }

    /// Length of the value's whole life, if known.
    #[must_use]
    pub fn life(&self) -> Option<SignedDuration> {
        self.span(self.ends.access)
    }

    /// Length of the whole life of what renews the value, if known.
    #[must_use]
    pub fn refresh_life(&self) -> Option<SignedDuration> {
        self.span(self.ends.refresh)
    }

    fn span(&self, end: Option<Timestamp>) -> Option<SignedDuration> {
        Some(end?.duration_since(self.committed_at?))
    }

    /// Time until the value ends; negative when it has ended. The earlier of two ends counts: a clock that is
    /// set back must not keep a dead token alive, and the monotonic one may stand still while the machine
    /// sleeps.
    #[must_use]
    pub fn expires_in(&self, clock: &dyn Clock) -> Option<SignedDuration> {
        self.left(self.ends.access, clock)
    }

    /// Time until that ends which renews the value, counted in the same way.
    #[must_use]
    pub fn refresh_expires_in(&self, clock: &dyn Clock) -> Option<SignedDuration> {
        self.left(self.ends.refresh, clock)
    }

    fn left(&self, end: Option<Timestamp>, clock: &dyn Clock) -> Option<SignedDuration> {
        let by_the_calendar = end?.duration_since(clock.now());
        let elapsed = self.since.map(|since| clock.monotonic().saturating_sub(since));
        let by_the_stopwatch = elapsed.zip(self.span(end)).map(|(elapsed, life)| {
            life.saturating_sub(SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX))
        });
        Some(by_the_stopwatch.map_or(by_the_calendar, |left| left.min(by_the_calendar)))
    }
}

/// Contents that a commit puts into a cell.
#[derive(Debug, Default)]
pub struct Contents {
    /// The part that guests see.
    pub value: String,
    /// Secrets that replace those with the same names; the others stay.
    pub secrets: Secrets,
    /// When it ends.
    pub ends: Ends,
}

/// Cells that are to be empty, in one write with what else changes.
#[derive(Debug, Default)]
pub(crate) struct Emptied(Vec<(Arc<CellSlot>, Cell, Write)>);

impl Emptied {
    /// The writes by which the store forgets their values.
    pub(crate) fn writes(&self) -> impl Iterator<Item = Write> {
        self.0.iter().map(|(_, _, write)| write.clone())
    }

    /// Forgets their values. A cell that was replaced meanwhile keeps what it was replaced by.
    pub(crate) fn show(self) {
        for (slot, empty, _) in self.0 {
            let mut current = slot.current.write();
            if current.generation == empty.generation {
                *current = Arc::new(empty);
            }
        }
    }
}

/// A generation that is not shown yet.
#[derive(Debug)]
pub(crate) struct Staged(Cell);

/// The cells of one account.
#[derive(Debug)]
pub struct Cells {
    account: String,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    slots: RwLock<BTreeMap<String, Arc<CellSlot>>>,
}

impl Cells {
    /// Opens the named cells of an account with their stored contents.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or holds something that is not a cell.
    pub async fn open(
        account: &str,
        names: impl IntoIterator<Item = String>,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let cells = Self {
            account: account.to_owned(),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            slots: RwLock::default(),
        };
        let names: Vec<String> = names.into_iter().collect();
        cells.ensure(&names).await?;
        Ok(cells)
    }

    /// Opens those of the named cells that are not open yet: another version of a connector may use more of
    /// them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or holds something that is not a cell.
    pub async fn ensure(&self, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            if self.slot(name).is_some() {
                continue;
            }
            let key = format!("{}/{name}", self.account);
            let stored: Option<Record> = load_document(self.store.as_ref(), Kind::Cell, &key).await?;
            let current = stored.map(|record| record.seen_at(self.clock.now())).unwrap_or_default();
            let slot = CellSlot {
                key,
                lock: Arc::default(),
                current: RwLock::new(Arc::new(current)),
                store: Arc::clone(&self.store),
                clock: Arc::clone(&self.clock),
            };
            let mut slots = self.slots.write();
            slots.entry(name.clone()).or_insert_with(|| Arc::new(slot));
        }
        Ok(())
    }

    fn slots(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<CellSlot>>> {
        self.slots.read()
    }

    /// The slot of the cell of this name; none if the account has no such cell.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Arc<CellSlot>> {
        self.slots().get(name).cloned()
    }

    /// Forgets the values of all cells, before anybody else has these cells. Their generations continue to count.
    /// Returns the writes by which the store forgets them too, for a caller that commits more together with them.
    ///
    /// # Errors
    ///
    /// When a write cannot be made.
    pub fn clear(&mut self) -> Result<Vec<Write>, StoreError> {
        let slots = self.slots.get_mut().values().filter(|slot| !slot.current().is_empty());
        slots
            .map(|slot| {
                let empty = Cell { generation: slot.current().generation, ..Cell::default() };
                let write = Write::document(Kind::Cell, slot.key.clone(), &Record::from(&empty))?;
                *slot.current.write() = Arc::new(empty);
                Ok(write)
            })
            .collect()
    }

    /// The slots of all cells but one, in the order of their names.
    pub(crate) fn others(&self, than: &str) -> Vec<Arc<CellSlot>> {
        self.slots().iter().filter(|(name, _)| *name != than).map(|(_, slot)| Arc::clone(slot)).collect()
    }

    /// Forgets the values of all cells while others use them, in one write with `also`. Their generations continue to
    /// count. A cell that is replaced meanwhile keeps what it was replaced by, so callers hold the lock of the one that
    /// matters. Returns the names of the secrets that are forgotten.
    ///
    /// # Errors
    ///
    /// When it could not be stored; then nothing changed.
    pub async fn forget_all(&self, also: Vec<Write>) -> Result<BTreeSet<String>, StoreError> {
        let all: BTreeMap<String, u64> = self.generations(|_| true);
        let names = |slot: &Arc<CellSlot>| slot.current().secrets.keys().cloned().collect::<Vec<_>>();
        let forgotten = self.slots().values().flat_map(names).collect();
        let emptied = self.emptied(&all)?;
        self.store.commit(also.into_iter().chain(emptied.writes()).collect()).await?;
        emptied.show();
        Ok(forgotten)
    }

    /// The generations of all cells but one that have a value or secrets.
    pub(crate) fn generations_but(&self, name: &str) -> BTreeMap<String, u64> {
        self.generations(|other| other != name)
    }

    fn generations(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, u64> {
        let slots = self.slots();
        let current = slots.iter().map(|(name, slot)| (name, slot.current()));
        let filled = current.filter(|(name, cell)| is_wanted(name) && !cell.is_empty());
        filled.map(|(name, cell)| (name.clone(), cell.generation)).collect()
    }

    /// Makes cells empty that still are of these generations, for a caller that commits that together with more.
    ///
    /// # Errors
    ///
    /// When a write cannot be made.
    pub(crate) fn emptied(&self, found: &BTreeMap<String, u64>) -> Result<Emptied, StoreError> {
        let slots = self.slots();
        let slots = found.iter().filter_map(|(name, generation)| Some((slots.get(name)?, *generation)));
        let still = slots.filter(|(slot, generation)| slot.current().generation == *generation);
        let emptied = still.map(|(slot, generation)| {
            let empty = Cell { generation, ..Cell::default() };
            let write = Write::document(Kind::Cell, slot.key.clone(), &Record::from(&empty))?;
            Ok((Arc::clone(slot), empty, write))
        });
        emptied.collect::<Result<_, StoreError>>().map(Emptied)
    }

    /// All cells as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.slots().iter().map(|(name, slot)| (name.clone(), slot.current())).collect()
    }
}

/// A cell: its lock, and its current generation.
pub struct CellSlot {
    key: String,
    lock: Arc<tokio::sync::Mutex<()>>,
    current: RwLock<Arc<Cell>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for CellSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellSlot").field("key", &self.key).finish_non_exhaustive()
    }
}

impl CellSlot {
    /// The current generation. Never waits.
    #[must_use]
    pub fn current(&self) -> Arc<Cell> {
        Arc::clone(&self.current.read())
    }

    /// Waits until this caller is the only one that may replace the cell. Callers are served in the order of
    /// their arrival.
    pub async fn acquire(self: &Arc<Self>) -> CellGuard {
        let permit = Arc::clone(&self.lock).lock_owned().await;
        CellGuard { slot: Arc::clone(self), _permit: permit }
    }

    /// Forgets the value if it still belongs to this generation; another caller may have replaced it
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// When the change could not be stored; then nothing changed.
    pub async fn discard(self: &Arc<Self>, generation: u64) -> Result<(), StoreError> {
        let guard = self.acquire().await;
        let current = guard.cell();
        if current.generation != generation || current.is_empty() {
            return Ok(());
        }
        // The number stays: the next commit is the next generation, and a late failure of this one is
        // recognised as late.
        guard.replace(Cell { generation, ..Cell::default() }).await
    }
}

/// The right to replace a cell. Dropping it gives the right to the next in line.
#[derive(Debug)]
pub struct CellGuard {
    slot: Arc<CellSlot>,
    _permit: OwnedMutexGuard<()>,
}

impl CellGuard {
    /// The current generation.
    #[must_use]
    pub fn cell(&self) -> Arc<Cell> {
        self.slot.current()
    }

    /// Takes a newer generation from the store, if another host has left one there. Returns its number.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn reread(&self) -> Result<u64, StoreError> {
        let stored: Option<Record> =
            load_document(self.slot.store.as_ref(), Kind::Cell, &self.slot.key).await?;
        if let Some(record) = stored.filter(|record| record.generation > self.cell().generation) {
            self.show(record.seen_at(self.slot.clock.now()));
        }
        Ok(self.cell().generation)
    }

    /// Makes the next generation and shows it even if it cannot be stored: for values that would otherwise be
    /// lost, such as the only token that the cloud still accepts. `also` is stored together with it, or not at all.
    pub async fn keep(&self, contents: Contents, also: Vec<Write>) -> (Arc<Cell>, Result<(), StoreError>) {
        let next = self.next(contents);
        let stored = self.store_with(&next, also).await;
        self.show(next);
        (self.cell(), stored)
    }

    /// The same, with these secrets and none of those before.
    pub(crate) async fn keep_alone(
        &self,
        contents: Contents,
        also: Vec<Write>,
    ) -> (Arc<Cell>, Result<(), StoreError>) {
        let secrets = contents.secrets.clone();
        let next = Cell { secrets, ..self.next(contents) };
        let stored = self.store_with(&next, also).await;
        self.show(next);
        (self.cell(), stored)
    }

    /// Stores the current generation as it is.
    ///
    /// # Errors
    ///
    /// When it could not be stored: then neither could the next one.
    pub async fn try_out(&self) -> Result<(), StoreError> {
        self.store(&self.cell()).await
    }

    /// Adds secrets to the current generation, stored and shown. Neither its value nor its age changes, since
    /// the holder of the lock has not finished. The secrets are shown even if they cannot be stored.
    ///
    /// # Errors
    ///
    /// When they could not be stored.
    pub async fn add_secrets(&self, secrets: Secrets) -> Result<(), StoreError> {
        let mut next = Cell::clone(&self.cell());
        next.secrets.extend(secrets);
        let stored = self.store(&next).await;
        self.show(next);
        stored
    }

    /// Makes the next generation: stored first, then visible.
    ///
    /// # Errors
    ///
    /// When it could not be stored; then nothing changed.
    pub async fn commit(&self, contents: Contents) -> Result<Arc<Cell>, StoreError> {
        let next = self.next(contents);
        self.replace(next).await?;
        Ok(self.cell())
    }

    /// Makes the next generation, which has these secrets and none of those before. `also` is stored together with it,
    /// or not at all. Stored first, then visible.
    ///
    /// # Errors
    ///
    /// When it could not be stored; then nothing changed.
    pub async fn exchange(&self, contents: Contents, also: Vec<Write>) -> Result<Arc<Cell>, StoreError> {
        let secrets = contents.secrets.clone();
        let next = Cell { secrets, ..self.next(contents) };
        self.store_with(&next, also).await?;
        self.show(next);
        Ok(self.cell())
    }

    /// Makes the next generation with these secrets in place of those of the same names, for a caller that commits it
    /// together with more, and [shows](Self::show_staged) it then.
    ///
    /// # Errors
    ///
    /// When its write cannot be made.
    pub(crate) fn staged(&self, secrets: Secrets) -> Result<(Staged, Write), StoreError> {
        let current = self.cell();
        let contents = Contents { value: String::new(), secrets, ends: current.ends };
        let next = Cell { value: current.value.clone(), ..self.next(contents) };
        let write = Write::document(Kind::Cell, self.slot.key.clone(), &Record::from(&next))?;
        Ok((Staged(next), write))
    }

    /// Empties the cell, for a caller that commits it together with more, and [shows](Self::show_staged) it then. What
    /// refers to its generation stays what it was.
    ///
    /// # Errors
    ///
    /// When its write cannot be made.
    pub(crate) fn emptied(&self) -> Result<(Staged, Write), StoreError> {
        let empty = Cell { generation: self.cell().generation, ..Cell::default() };
        let write = Write::document(Kind::Cell, self.slot.key.clone(), &Record::from(&empty))?;
        Ok((Staged(empty), write))
    }

    /// Shows a generation whose write was committed.
    pub(crate) fn show_staged(&self, Staged(next): Staged) {
        self.show(next);
    }

    fn next(&self, contents: Contents) -> Cell {
        let current = self.cell();
        let mut secrets = current.secrets.clone();
        secrets.extend(contents.secrets);
        Cell {
            generation: current.generation + 1,
            value: Some(contents.value),
            secrets,
            committed_at: Some(self.slot.clock.now()),
            ends: contents.ends,
            since: Some(self.slot.clock.monotonic()),
        }
    }

    async fn replace(&self, next: Cell) -> Result<(), StoreError> {
        self.store(&next).await?;
        self.show(next);
        Ok(())
    }

    async fn store(&self, next: &Cell) -> Result<(), StoreError> {
        self.store_with(next, Vec::new()).await
    }

    async fn store_with(&self, next: &Cell, also: Vec<Write>) -> Result<(), StoreError> {
        let write = Write::document(Kind::Cell, self.slot.key.clone(), &Record::from(next))?;
        self.slot.store.commit(std::iter::once(write).chain(also).collect()).await
    }

    fn show(&self, next: Cell) {
        *self.slot.current.write() = Arc::new(next);
    }
}

#[cfg(test)]
mod tests;
