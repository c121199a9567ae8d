//! Randomness that is the same in every run.

use std::io;

use parking_lot::Mutex;
use vehicle_connector::entropy::Entropy;

/// A source of randomness that begins with a seed.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<fastrand::Rng>);

impl SeededEntropy {
    /// Begins with this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.0.lock().fill(bytes);
        Ok(())
    }
}
