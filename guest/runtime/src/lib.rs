//! What a guest needs to live without the standard library.
//!
//! The host runs every call in a fresh instance and throws it away afterwards, so a guest never has to give
//! memory back: the allocator is a bump arena, and a panic is a trap, which costs the guest that one answer.
//!
//! A guest links this crate with `extern crate guest_runtime as _;`. On targets other than `wasm32` the crate
//! is empty, so that guests are ordinary crates there and `cargo test` runs their tests.
//!
//! # Layout
//!
//! * `arena`: the allocator, and the `#[global_allocator]` that makes it the guest's.
//! * the `#[panic_handler]`, below.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod arena;

/// Traps. The message is lost on purpose: formatting it would double the size of a small guest, and a guest
/// that panics has a bug that its native tests should have found.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
