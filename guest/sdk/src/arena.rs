//! The bump arena.

#![allow(unsafe_code, reason = "an allocator hands out raw memory; every block says why it is sound")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;
use core::ptr::null_mut;

/// The size of a page of WebAssembly memory in bytes.
const PAGE: usize = 64 * 1024;

unsafe extern "C" {
    /// The linker's symbol for the first byte after stack and data.
    static __heap_base: u8;
}

/// Memory from `__heap_base` to the end, given out in order and never taken back.
///
/// A block that is the last one given out grows and shrinks in place, so a string that is built up costs
/// its final size and not the sum of all its capacities.
struct Arena {
    /// The first free address; 0 before the first allocation.
    next: Cell<usize>,
}

// SAFETY: the guests' target has no threads, so `next` is never reached from two at once.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena { next: Cell::new(0) };

impl Arena {
    /// The first free address.
    fn free(&self) -> usize {
        match self.next.get() {
            0 => (&raw const __heap_base).addr(),
            next => next,
        }
    }

    /// Makes the addresses below `end` usable. Says no when the memory's limit does not allow that.
    fn reach(&self, end: usize) -> bool {
        let size = memory_size(0).saturating_mul(PAGE);
        if end > size && memory_grow(0, (end - size).div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.next.set(end);
        true
    }
}

// SAFETY: blocks begin at a multiple of their alignment, end before `next`, and never overlap, because `next`
// only moves back to shrink the block that ends there. When memory does not suffice the answer is null and
// nothing has changed.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(start) = self.free().checked_next_multiple_of(layout.align()) else {
            return null_mut();
        };
        match start.checked_add(layout.size()) {
            Some(end) if self.reach(end) => start as *mut u8,
            _ => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = block.addr();
        if start + layout.size() == self.next.get() {
            return match start.checked_add(size) {
                Some(end) if self.reach(end) => block,
                _ => null_mut(),
            };
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, does not overflow.
        let wider = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: `size` is above the old size, so it is not zero.
        let moved = unsafe { self.alloc(wider) };
        if !moved.is_null() {
            // SAFETY: the old block has `layout.size()` bytes, the new one more, and they do not overlap.
            unsafe { block.copy_to_nonoverlapping(moved, layout.size()) };
        }
        moved
    }
}
