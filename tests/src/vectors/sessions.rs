//! Sessions that somebody wants refreshed.

use vehicle_connector::bindings::policy::{RefreshReason, SessionView};

/// The greatest whole number that every reader of JSON reads.
const MOST: u64 = (1 << 53) - 1;

/// A session of which little is known.
pub(super) fn plain() -> SessionView {
    SessionView {
        cloud: "hyundai-kia-eu".to_owned(),
        reason: RefreshReason::Refused,
        generation: 1,
        age: None,
        expires_in: None,
        refresh_expires_in: None,
        failures: 0,
        since_failure: None,
        retry_after: None,
        refreshes_last_hour: 0,
        random: 0,
    }
}

/// All of them: each reason and option at least once, and every step of the back-off.
pub(super) fn sessions() -> Vec<SessionView> {
    let reasons =
        [RefreshReason::Missing, RefreshReason::Refused, RefreshReason::Expiring, RefreshReason::Unused];
    let mut all: Vec<_> = reasons.map(|reason| SessionView { reason, ..plain() }).into();
    let most = i64::try_from(MOST).unwrap();
    all.push(SessionView { generation: 0, ..plain() });
    all.push(SessionView {
        generation: MOST,
        expires_in: Some(-most),
        refresh_expires_in: Some(most),
        ..plain()
    });
    all.push(SessionView { age: Some(0), expires_in: Some(0), refreshes_last_hour: u32::MAX, ..plain() });
    for (failures, random) in [(1, 0), (1, u32::MAX), (2, 7), (3, 1), (5, 999), (7, 12_345), (u32::MAX, 3)] {
        for since_failure in [None, Some(0), Some(400), Some(30_000), Some(u32::MAX)] {
            all.push(SessionView { failures, since_failure, random, age: Some(1_000), ..plain() });
        }
    }
    for retry_after in [0, 1, 30_000, 3_600_000, u32::MAX] {
        let (failures, since_failure, retry_after) = (2, Some(500), Some(retry_after));
        all.push(SessionView { failures, since_failure, retry_after, ..plain() });
    }
    all
}
