//! How refreshes that fail are spaced.

use crate::types::{Milliseconds, RefreshDecision, SessionView};

/// The wait after the first failure in milliseconds; it doubles with each further one.
const FIRST: Milliseconds = 1_000;

/// The longest wait that the policy chooses itself, in milliseconds.
const LONGEST: Milliseconds = 60_000;

/// The longest wait that a server may ask for, in milliseconds. One that asks for a day has a clock problem.
const LONGEST_TOLD: Milliseconds = 3_600_000;

/// Whether to refresh: at once, unless the last refresh failed not long ago.
///
/// Never [`RefreshDecision::Adopt`]: whether somebody else refreshed meanwhile is told by the session's
/// generation, which the host has compared before it asks. A window of time would give a token that somebody
/// else just ended to everybody who waits.
#[must_use]
pub fn admit_refresh(session: &SessionView) -> RefreshDecision {
    if session.failures == 0 {
        return RefreshDecision::Refresh;
    }
    let told = session.retry_after.unwrap_or(0).min(LONGEST_TOLD);
    let wait = pause(session.failures, session.random).max(told);
    match session.since_failure {
        Some(since) if since < wait => RefreshDecision::Wait(wait - since),
        // It failed, but nobody knows when.
        Some(_) | None => RefreshDecision::Refresh,
    }
}

/// The wait after so many failures: doubling up to the cap, the upper half of it by chance so that accounts
/// that failed together do not come back together.
fn pause(failures: u32, random: u32) -> Milliseconds {
    let whole = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    let half = whole / 2;
    half + random % (whole - half + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vehicle_connector_sdk::testing::plain;

    fn session(
        failures: u32,
        since_failure: Option<Milliseconds>,
        retry_after: Option<Milliseconds>,
    ) -> SessionView {
        // Young on purpose: age alone must not matter.
        let (age, random) = (Some(1_000), u32::MAX);
        SessionView { age, failures, since_failure, retry_after, random, ..plain::session() }
    }

    #[test]
    fn the_first_refresh_is_at_once_however_young_the_session() {
        assert_eq!(admit_refresh(&session(0, None, None)), RefreshDecision::Refresh);
    }

    #[test]
    fn failures_are_backed_off_and_capped() {
        for (failures, longest) in [(1, 1_000), (2, 2_000), (5, 16_000), (7, 60_000), (u32::MAX, 60_000)] {
            match admit_refresh(&session(failures, Some(0), None)) {
                RefreshDecision::Wait(wait) => {
                    assert!((longest / 2..=longest).contains(&wait), "{failures}: {wait}");
                }
                other => unreachable!("{failures}: {other:?}"),
            }
            assert_eq!(admit_refresh(&session(failures, Some(longest), None)), RefreshDecision::Refresh);
        }
    }

    #[test]
    fn the_server_is_obeyed_up_to_an_hour() {
        assert_eq!(admit_refresh(&session(1, Some(10_000), Some(30_000))), RefreshDecision::Wait(20_000));
        assert_eq!(admit_refresh(&session(1, Some(0), Some(u32::MAX))), RefreshDecision::Wait(LONGEST_TOLD));
    }

    #[test]
    fn a_failure_at_an_unknown_time_does_not_block_for_ever() {
        assert_eq!(admit_refresh(&session(3, None, None)), RefreshDecision::Refresh);
    }
}
