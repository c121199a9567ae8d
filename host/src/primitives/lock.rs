//! Locks for guests.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{ConnectorCx, LONGEST_LOCK_WAIT};
use crate::bindings::guard::Guard;
use crate::bindings::lock::{Cell, Host, HostGuard, LockError};
use crate::cell::{self, Contents, Ends};
use crate::time::{Clock, milliseconds, of_milliseconds};

/// The largest value of a cell, in bytes.
const LARGEST_VALUE: usize = 4_096;

/// The cell that only the host replaces: a guest that could would bypass the rules of a refresh.
pub(crate) const SESSION: &str = "session";

fn show(cell: &cell::Cell, clock: &dyn Clock) -> Option<Cell> {
    let value = cell.value.clone()?;
    let age = cell.age(clock).map_or(0, milliseconds);
    Some(Cell { generation: cell.generation, value, age })
}

impl Host for ConnectorCx {
    async fn read(&mut self, name: String) -> wasmtime::Result<Option<Cell>> {
        let clock = &self.call.context.clock;
        let cell = self.call.view.cell(&name).and_then(|cell| show(cell, clock.as_ref()));
        self.call.given("a cell", &cell);
        Ok(cell)
    }

    async fn acquire(
        &mut self,
        name: String,
        wait: u32,
    ) -> wasmtime::Result<Result<Resource<Guard>, LockError>> {
        let context = Arc::clone(&self.call.context);
        let Some(slot) = context.cells.slot(&name).filter(|_| name != SESSION) else {
            return Ok(Err(LockError::UnknownName));
        };
        let wish = of_milliseconds(wait).min(LONGEST_LOCK_WAIT);
        let Some(guard) = self.wait_for_lock(wish, slot.acquire()).await? else {
            return Ok(Err(LockError::TimedOut));
        };
        self.call.view.pin(&name, guard.cell());
        let captured_before = self.call.captures.clone();
        let misses_before = self.call.misses.clone();
        Ok(Ok(self.table.push(Guard { name, guard, captured_before, misses_before })?))
    }
}

impl HostGuard for ConnectorCx {
    async fn cell(&mut self, guard: Resource<Guard>) -> wasmtime::Result<Option<Cell>> {
        let cell = self.table.get(&guard)?.guard.cell();
        let cell = show(&cell, self.call.context.clock.as_ref());
        self.call.given("a guarded cell", &cell);
        Ok(cell)
    }

    async fn commit(
        &mut self,
        guard: Resource<Guard>,
        value: String,
    ) -> wasmtime::Result<Result<u64, LockError>> {
        if value.len() > LARGEST_VALUE {
            return Ok(Err(LockError::TooLarge(u32::try_from(LARGEST_VALUE).unwrap_or(u32::MAX))));
        }
        let Guard { name, guard, captured_before, misses_before } = self.table.get(&guard)?;
        // A registration without its device, or a permission without its token, would be there for good.
        if let Some(missing) = self.call.missed_since(misses_before) {
            let why = format!("the secret {missing} was asked for under this lock and did not come");
            return Ok(Err(LockError::Other(why)));
        }
        let secrets = self.call.captured_since(captured_before);
        let taken: Vec<String> = secrets.keys().cloned().collect();
        let contents = Contents { value, secrets, ends: Ends::default() };
        match guard.commit(contents).await {
            Ok(cell) => {
                self.call.captured.retain(|name, _| !taken.contains(name));
                let generation = cell.generation;
                let name = name.clone();
                self.call.view.pin(&name, cell);
                Ok(Ok(generation))
            }
            Err(error) => Ok(Err(LockError::NotStored(error.to_string()))),
        }
    }

    async fn drop(&mut self, guard: Resource<Guard>) -> wasmtime::Result<()> {
        self.table.delete(guard)?;
        Ok(())
    }
}
