//! Limits on the memory and the table elements of a call.

use wasmtime::ResourceLimiter;

use super::{Budget, CallFault};

/// Number of memories that a component may have. Each reserves 4 GiB of address space, however small it is.
pub(super) const MEMORIES: usize = 4;

/// Number of tables that a component may have.
pub(super) const TABLES: usize = 32;

/// Counts the memories and tables of a store together, and ends the call that wants more.
///
/// WebAssembly would have `memory.grow` answer -1 instead. Every allocator that guests are built with turns
/// that into a trap, so nothing is lost by ending the call here, and its record names the limit in place of
/// "unreachable". A growth that the guest's own declaration forbids still answers -1: that is not the
/// budget's doing.
#[derive(Debug)]
pub(super) struct Limiter {
    memory: Stock,
    table_elements: Stock,
    instances: usize,
}

#[derive(Debug)]
struct Stock {
    limit: usize,
    used: usize,
    /// Size of the growth under way, in case it fails.
    growing: usize,
}

impl Stock {
    fn new(limit: usize) -> Self {
        Self { limit, used: 0, growing: 0 }
    }

    /// Counts a growth to this size. Returns whether the declaration allows it; `None` when the budget
    /// forbids it.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Option<bool> {
        self.growing = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Some(false);
        }
        let growing = desired.saturating_sub(current);
        self.used = self.used.checked_add(growing).filter(|used| *used <= self.limit)?;
        self.growing = growing;
        Some(true)
    }

    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.growing);
    }
}

impl Limiter {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            memory: Stock::new(budget.memory),
            table_elements: Stock::new(budget.table_elements),
            instances: budget.instances,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.memory.limit;
        Ok(self.memory.grow(current, desired, maximum).ok_or(CallFault::OutOfMemory(limit))?)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.table_elements.limit;
        let grown = self.table_elements.grow(current, desired, maximum);
        Ok(grown.ok_or(CallFault::TooManyTableElements(limit))?)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_share_one_budget() {
        let mut stock = Stock::new(100);
        assert_eq!(stock.grow(0, 60, None), Some(true));
        assert_eq!(stock.grow(0, 40, None), Some(true));
        assert_eq!(stock.grow(40, 41, None), None);
        assert_eq!(stock.grow(0, usize::MAX, None), None);
    }

    #[test]
    fn a_growth_that_fails_uses_nothing() {
        let mut stock = Stock::new(100);
        assert_eq!(stock.grow(0, 50, None), Some(true));
        assert_eq!(stock.grow(50, 200, Some(60)), Some(false), "the guest's own maximum");
        stock.take_back();
        assert_eq!(stock.grow(50, 100, None), Some(true));
        stock.take_back();
        assert_eq!(stock.grow(50, 100, None), Some(true));
        assert_eq!(stock.grow(100, 101, None), None);
    }
}
