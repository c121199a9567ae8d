//! The meter of the policy's slot: how long its answers take, and the missing ones.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use crate::sandbox::CallFault;

/// Buckets of an answer, in seconds. A policy has 50 ms of processor time unless configured otherwise.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 10.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct OfFault {
    kind: &'static str,
}

/// The meter of one slot. Its clones are the same meter.
#[derive(Debug, Clone)]
pub struct PolicyMeter {
    pub(super) seconds: Histogram,
    pub(super) faults: Family<OfFault, Counter>,
}

impl Default for PolicyMeter {
    fn default() -> Self {
        let meter = Self { seconds: Histogram::new(BUCKETS), faults: Family::default() };
        for kind in CallFault::KINDS {
            drop(meter.faults.get_or_create(&OfFault { kind }));
        }
        meter
    }
}

impl PolicyMeter {
    /// Counts a question that was answered, or not, after this time.
    pub fn asked(&self, took: Duration, fault: Option<&CallFault>) {
        self.seconds.observe(took.as_secs_f64());
        if let Some(fault) = fault {
            self.faults.get_or_create(&OfFault { kind: fault.kind() }).inc();
        }
    }
}
