//! Randomness that nobody can guess. What only has to differ, such as jitter, does not come from here.

use std::fmt;
use std::io;

/// A source of randomness.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills a buffer with bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// When the source has none. Nothing that depends on the bytes goes on then.
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(io::Error::other)
    }
}
