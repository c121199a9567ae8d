//! What a guest needs to live without the standard library.
//!
//! The host runs every call in a fresh instance and throws it away afterwards, so a guest never has to give
//! memory back: the allocator is a bump arena, and a panic is a trap, which costs the guest that one answer.

#[path = "arena.rs"]
mod arena;

/// Traps. The message is lost on purpose: formatting it would double the size of a small guest, and a guest
/// that panics has a bug that its native tests should have found.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
