//! What holds for every session.

use proptest::prelude::*;

use crate::admit_refresh;
use crate::types::{RefreshDecision, RefreshReason, SessionView};

/// Nobody is told to wait longer, in milliseconds.
const LONGEST: u64 = 3_600_000;

proptest! {
    #[test]
    fn a_refresh_is_put_off_for_an_hour_at_most(
        reason in prop::sample::select(vec![
            RefreshReason::Missing, RefreshReason::Refused, RefreshReason::Expiring,
        ]),
        generation in any::<u64>(),
        age in prop::option::of(any::<u64>()),
        expires_in in prop::option::of(any::<i64>()),
        failures in prop_oneof![0..20_u32, any::<u32>()],
        since_failure in prop::option::of(prop_oneof![0..100_000_u64, any::<u64>()]),
        retry_after in prop::option::of(any::<u64>()),
        refreshes_last_hour in any::<u32>(),
        random in any::<u64>(),
    ) {
        let session = SessionView {
            cloud: "hyundai-kia-eu".into(),
            reason, generation, age, expires_in, failures, since_failure, retry_after, refreshes_last_hour, random,
        };
        match admit_refresh(&session) {
            RefreshDecision::Refresh => {}
            RefreshDecision::Wait(wait) => prop_assert!((1..=LONGEST).contains(&wait) && failures > 0, "{}", wait),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
