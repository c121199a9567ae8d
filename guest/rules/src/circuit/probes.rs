//! The probes of a half-open circuit: those under way, and their results.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Counts, LOOK_AGAIN, Purpose, Refused, Settings};
use crate::milliseconds;

/// A probe's place. Its holder may disappear without a word, so the place is kept only for a limited time.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    probe: u64,
    #[serde(with = "milliseconds")]
    ends: Duration,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Probes {
    leases: Vec<Lease>,
    results: Counts,
    last: u64,
}

impl Probes {
    /// Gives a read a place, if there are fewer probes under way than there are results to come.
    pub(super) fn admit(
        &mut self,
        now: Duration,
        purpose: Purpose,
        settings: &Settings,
    ) -> Result<u64, Refused> {
        self.leases.retain(|lease| now < lease.ends);
        let under_way = u32::try_from(self.leases.len()).unwrap_or(u32::MAX);
        if under_way.saturating_add(self.results.calls) >= settings.probes {
            let first_end = self.leases.iter().map(|lease| lease.ends).min().unwrap_or(now);
            return Err(Refused { retry_in: Some(first_end.saturating_sub(now)), probe_wanted: false });
        }
        if purpose == Purpose::Act {
            return Err(Refused { retry_in: Some(LOOK_AGAIN), probe_wanted: true });
        }
        self.last = self.last.wrapping_add(1);
        self.leases.push(Lease { probe: self.last, ends: now.saturating_add(settings.probe_lease) });
        Ok(self.last)
    }

    /// Counts a result, if its probe still had its place. Returns all results so far.
    pub(super) fn finish(&mut self, probe: Option<u64>, now: Duration, failed: bool) -> Option<Counts> {
        self.release(probe).filter(|lease| now < lease.ends)?;
        self.results.record(failed);
        Some(self.results)
    }

    /// Frees the place of a probe without a result.
    pub(super) fn abandon(&mut self, probe: Option<u64>) {
        self.release(probe);
    }

    pub(super) fn results(&self) -> Counts {
        self.results
    }

    fn release(&mut self, probe: Option<u64>) -> Option<Lease> {
        let at = self.leases.iter().position(|lease| Some(lease.probe) == probe)?;
        Some(self.leases.swap_remove(at))
    }
}
