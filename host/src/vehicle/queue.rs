//! The queue of a vehicle: operations that reach it are done one at a time and in order; those that only ask the
//! cloud may overtake, a few at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

use crate::operation::supersession::Supersession;
use crate::wire::operation::{Actuator, OperationName};

/// Most commands that may wait for one vehicle.
const MOST_COMMANDS_WAITING: usize = 16;

/// Most reads of one vehicle that may wait.
const MOST_READS_WAITING: usize = 64;

/// Most reads of one vehicle that may be under way at once.
const READS_AT_ONCE: usize = 8;

/// The queue of one vehicle. What stands in it does not know under which configuration the others came.
#[derive(Debug)]
pub(crate) struct Queue {
    commands: Arc<FairMutex<()>>,
    commands_waiting: Arc<AtomicUsize>,
    reads_waiting: Arc<AtomicUsize>,
    reads: Arc<Semaphore>,
    under_way: Arc<AtomicUsize>,
    newest: Mutex<HashMap<Actuator, watch::Sender<u64>>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            commands: Arc::default(),
            commands_waiting: Arc::default(),
            reads_waiting: Arc::default(),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            under_way: Arc::default(),
            newest: Mutex::default(),
        }
    }
}

/// A place in a vehicle's queue. Waiting for it keeps the order of arrival.
#[derive(Debug)]
pub(crate) enum Turn {
    Command { _turn: OwnedMutexGuard<()> },
    Read { _turn: OwnedSemaphorePermit },
}

/// One of those that are counted, for as long as it exists.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn among(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// Takes a place in the queue at once, and returns a future that ends when it is this operation's turn.
    /// None if too many wait already.
    pub(crate) fn enqueue(
        &self,
        name: OperationName,
    ) -> Option<impl Future<Output = Option<Turn>> + Send + use<>> {
        let (waiting, limit) = if name.reaches_vehicle() {
            (&self.commands_waiting, MOST_COMMANDS_WAITING)
        } else {
            (&self.reads_waiting, MOST_READS_WAITING)
        };
        if waiting.fetch_add(1, Ordering::Relaxed) >= limit {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let place = Counted(Arc::clone(waiting));
        let command = name.reaches_vehicle().then(|| {
            let mut turn = Box::pin(Arc::clone(&self.commands).lock_owned());
            // A lock queues up what has polled it, so the first poll is here, where commands arrive in order.
            let at_once = (&mut turn).now_or_never();
            (turn, at_once)
        });
        let reads = Arc::clone(&self.reads);
        Some(async move {
            let turn = match command {
                Some((_, Some(turn))) => Turn::Command { _turn: turn },
                Some((turn, None)) => Turn::Command { _turn: turn.await },
                None => Turn::Read { _turn: reads.acquire_owned().await.ok()? },
            };
            drop(place);
            Some(turn)
        })
    }

    /// Registers a command for an actuator: it takes the place of older ones, and is told when a newer one
    /// takes its.
    pub(crate) fn newest(&self, name: OperationName) -> Supersession {
        let Some(actuator) = name.actuator() else { return Supersession::never() };
        let mut newest = self.newest.lock();
        let newest = newest.entry(actuator).or_default();
        newest.send_modify(|number| *number += 1);
        let number = *newest.borrow();
        Supersession::by_what_follows(number, newest.subscribe())
    }

    /// Counts a command of a caller as under way, until what is returned is dropped.
    pub(crate) fn begin(&self) -> Counted {
        Counted::among(&self.under_way)
    }

    /// Whether a command of a caller is under way, be it one that reads.
    pub(crate) fn is_used(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    /// Returns the number of commands and reads that wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        let waiting = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        waiting(&self.commands_waiting).saturating_add(waiting(&self.reads_waiting))
    }
}
