//! Lines that a call writes into the host's log.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::redact;

/// Longest line, in bytes.
const LONGEST_LINE: usize = 1_024;

/// Longest part of a line that is looked at, in bytes. It exceeds the longest line by more than the longest
/// word that is masked, so that no such word is cut in two before.
pub(super) const KEPT: usize = LONGEST_LINE + 64;

/// The caller, for the log.
pub trait Caller {
    /// Account that the call is made for, if any.
    fn account(&self) -> Option<&str>;

    /// Operation that the call is part of, if any.
    fn operation(&self) -> Option<&str>;
}

/// Anonymous: a policy knows neither accounts nor operations.
impl Caller for () {
    fn account(&self) -> Option<&str> {
        None
    }

    fn operation(&self) -> Option<&str> {
        None
    }
}

/// Admits a limited number of lines of one call. When the call is over, one line gives the number of the
/// others.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Account that the call is made for.
    pub(crate) account: Option<String>,
    /// Operation that the call is part of.
    pub(crate) operation: Option<String>,
    most: u32,
    seen: AtomicU64,
}

impl Lines {
    pub(super) fn of(caller: &impl Caller, most: u32) -> Self {
        Self {
            account: caller.account().map(str::to_owned),
            operation: caller.operation().map(str::to_owned),
            most,
            seen: AtomicU64::new(0),
        }
    }

    /// Counts a line. Returns whether it is admitted; only then is it worth the work of [`line`].
    pub(crate) fn admit(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed) < u64::from(self.most)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let dropped = self.seen.get_mut().saturating_sub(u64::from(self.most));
        if dropped > 0 {
            let (account, operation) = (self.account.as_deref(), self.operation.as_deref());
            tracing::warn!(
                target: "plugin",
                account,
                operation,
                dropped,
                "a call wrote more than {} lines; the others were dropped",
                self.most
            );
        }
    }
}

/// Returns a guest's words as a line of the log, with vehicle identification numbers and positions masked,
/// and not too long. Costs the same however many words there are.
pub(crate) fn line(words: String) -> String {
    redact::cut(redact::mask_private(&redact::cut(words, KEPT)), LONGEST_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_at_the_cut_is_masked_all_the_same() {
        let vin = "KNACCS2EV00000002";
        for before in LONGEST_LINE - 40..LONGEST_LINE + 10 {
            let line = line(format!("{} {vin} {}", "-".repeat(before), "-".repeat(100)));
            assert!(line.len() <= LONGEST_LINE);
            assert!(!line.contains(&vin[..2]), "{line}");
        }
    }

    #[test]
    fn lines_are_admitted_up_to_the_limit() {
        let lines = Lines::of(&(), 2);
        assert_eq!([lines.admit(), lines.admit(), lines.admit()], [true, true, false]);
    }
}
