//! What holds for every session.

use proptest::prelude::*;
use vehicle_connector_sdk::testing::plain;

use crate::admit_refresh;
use crate::types::{RefreshDecision, RefreshReason, SessionView};

/// Nobody is told to wait longer, in milliseconds.
const LONGEST: u32 = 3_600_000;

proptest! {
    #[test]
    fn a_refresh_is_put_off_for_an_hour_at_most(
        reason in prop::sample::select(vec![
            RefreshReason::Missing, RefreshReason::Refused, RefreshReason::Expiring, RefreshReason::Unused,
        ]),
        generation in any::<u64>(),
        age in prop::option::of(any::<u32>()),
        expires_in in prop::option::of(any::<i64>()),
        failures in prop_oneof![0..20_u32, any::<u32>()],
        since_failure in prop::option::of(prop_oneof![0..100_000_u32, any::<u32>()]),
        retry_after in prop::option::of(any::<u32>()),
        refreshes_last_hour in any::<u32>(),
        random in any::<u32>(),
    ) {
        let session = SessionView {
            reason, generation, age, expires_in, failures, since_failure, retry_after, refreshes_last_hour, random,
            ..plain::session()
        };
        match admit_refresh(&session) {
            RefreshDecision::Refresh => {}
            RefreshDecision::Wait(wait) => prop_assert!((1..=LONGEST).contains(&wait) && failures > 0, "{}", wait),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
