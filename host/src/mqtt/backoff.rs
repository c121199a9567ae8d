//! Pauses between attempts to connect.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The first step.
const FIRST: Duration = Duration::from_secs(1);
/// The longest step: with the time that connecting takes it is shorter than a broker keeps our session.
const LONGEST: Duration = Duration::from_secs(20);
/// A connection that lasted this long was a good one: the next pause starts over. A shorter one may be part
/// of a loop (two clients with one name, a message that ends every connection), which must slow down.
const PROOF: Duration = Duration::from_secs(60);

/// Steps of 1, 2, 4 … 20 s; each pause is between half of its step and all of it, so that clients which lost
/// the same broker do not come back in one moment.
#[derive(Debug)]
pub(super) struct Backoff {
    step: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { step: FIRST }
    }

    /// Records a connection that worked for `lasted`.
    pub(super) fn connection_ended(&mut self, lasted: Duration) {
        if lasted >= PROOF {
            self.step = FIRST;
        }
    }

    /// The next pause; `chance` is in `0.0..=1.0`.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let step = self.step;
        self.step = (step * 2).min(LONGEST);
        step.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

/// Returns a number in `0.0..=1.0` that differs between processes and calls. Good enough for spreading, not
/// for secrets.
pub(super) fn chance() -> f64 {
    // Every `RandomState` has keys of its own, taken from the operating system.
    let bits = RandomState::new().build_hasher().finish() >> 32;
    bits as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_less_than_a_session_is_kept() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..7).map(|_| backoff.next(1.0).as_secs()).collect();
        assert!(LONGEST + super::super::link::CONNECT_TIME * 2 <= super::super::SESSION_KEPT);
        assert_eq!(pauses, [1, 2, 4, 8, 16, 20, 20]);
    }

    #[test]
    fn chance_takes_away_at_most_half() {
        assert_eq!(Backoff::new().next(0.0), Duration::from_millis(500));
        assert_eq!(Backoff::new().next(7.0), Duration::from_secs(1));
        assert!((0..100).map(|_| chance()).all(|c| (0.0..=1.0).contains(&c)));
        assert_ne!(chance(), chance());
    }

    #[test]
    fn only_a_lasting_connection_starts_over() {
        let mut backoff = Backoff::new();
        for _ in 0..4 {
            backoff.next(1.0);
        }
        backoff.connection_ended(Duration::from_secs(5));
        assert_eq!(backoff.next(1.0), Duration::from_secs(16));
        backoff.connection_ended(Duration::from_secs(60));
        assert_eq!(backoff.next(1.0), Duration::from_secs(1));
    }
}
