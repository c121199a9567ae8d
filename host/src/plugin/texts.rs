//! Texts of policies, cut to what a log line and a record can hold. A policy is free to answer with
//! megabytes, and its answers are stored, logged and published.

use crate::bindings::policy::{CircuitScope, Decision, FailureKind, Latch, RefreshDecision, Verdict};
use crate::redact::cut;

/// Longest name of a rule, or of a case that the interface has no name for, in bytes.
const LONGEST: usize = 128;

fn short(text: String) -> String {
    cut(text, LONGEST)
}

fn latch(latch: Latch) -> Latch {
    match latch {
        Latch::Other(what) => Latch::Other(short(what)),
        known => known,
    }
}

pub(super) fn of_verdict(verdict: Verdict) -> Verdict {
    Verdict {
        kind: match verdict.kind {
            FailureKind::Other(what) => FailureKind::Other(short(what)),
            known => known,
        },
        rule: short(verdict.rule),
        counts_against: verdict.counts_against.map(|scope| match scope {
            CircuitScope::Other(what) => CircuitScope::Other(short(what)),
            known => known,
        }),
    }
}

pub(super) fn of_decision(decision: Decision) -> Decision {
    match decision {
        Decision::DiscardAndRetry(cell) => Decision::DiscardAndRetry(short(cell)),
        Decision::Latch(kind) => Decision::Latch(latch(kind)),
        Decision::Other(what) => Decision::Other(short(what)),
        known => known,
    }
}

pub(super) fn of_refresh_decision(decision: RefreshDecision) -> RefreshDecision {
    match decision {
        RefreshDecision::Stop(kind) => RefreshDecision::Stop(latch(kind)),
        RefreshDecision::Other(what) => RefreshDecision::Other(short(what)),
        known => known,
    }
}
