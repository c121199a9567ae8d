//! Expiry: sessions that are refreshed before the cloud refuses them.
//!
//! A token that is about to end is refreshed early, in the background, while the old one is still good: no
//! caller waits, and when the token endpoint is down nothing fails. Close to its end it must be refreshed
//! before it is used. Where what a refresh replaces ends before the access token does, it is refreshed by that
//! end, and used meanwhile: only the access token's own end keeps callers waiting.

use jiff::SignedDuration;
use vehicle_connector_rules::history::LEAST_DISTANCE;

use crate::cell::Cell;
use crate::time::Clock;

/// The part of a token's life in which it is refreshed early.
const EARLY_PART: i32 = 6;

/// The longest time before its end at which a token is refreshed early.
const EARLIEST: SignedDuration = SignedDuration::from_mins(10);

/// Time before its end from which a token is refreshed before it is used, at most a quarter of its life: it
/// has to last until the request arrives.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// Freshness of a session: whether it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Usable as it is.
    Good,
    /// Usable as it is, and to be refreshed meanwhile.
    EndsSoon,
    /// Not usable before a refresh: it has ended, or will before a request has arrived.
    Ended,
    /// No session is there.
    Missing,
}

/// Returns the freshness of a session. `spread`, from 0 to 1, decides where within a range a refresh becomes
/// due, so that accounts that were signed in together are not refreshed together.
pub(crate) fn freshness(session: &Cell, spread: f64, clock: &dyn Clock) -> Freshness {
    if session.value.is_none() {
        return Freshness::Missing;
    }
    let (Some(life), Some(left)) = (session.life(), session.expires_in(clock)) else {
        return Freshness::Good;
    };
    if session.age(clock).is_some_and(|age| age < LEAST_DISTANCE) {
        return Freshness::Good;
    }
    if left <= GRACE.min(life / 4) {
        return Freshness::Ended;
    }
    if ends_soon(life, left, spread) || is_to_be_renewed(session, spread, clock) {
        Freshness::EndsSoon
    } else {
        Freshness::Good
    }
}

/// Whether what lives so long, with so much left of it, is to be refreshed early.
fn ends_soon(life: SignedDuration, left: SignedDuration, spread: f64) -> bool {
    let window = EARLIEST.min(life / EARLY_PART).as_secs_f64();
    left.as_secs_f64() <= window * (1.0 + spread.clamp(0.0, 1.0)) / 2.0
}

/// Whether what the next session comes from ends soon, or has ended, in a session whose access token was given out for
/// longer. Elsewhere it outlives the access token, and its end says nothing of when to refresh.
fn is_to_be_renewed(session: &Cell, spread: f64, clock: &dyn Clock) -> bool {
    let ends = session.ends.refresh.zip(session.ends.access);
    if ends.is_none_or(|(refresh, access)| refresh >= access) {
        return false;
    }
    let life_and_left = session.refresh_life().zip(session.refresh_expires_in(clock));
    life_and_left.is_some_and(|(life, left)| ends_soon(life, left, spread))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::cell::{Cells, Contents, Ends};
    use crate::store::{MemoryStore, Store};

    /// Two clocks that can be set apart.
    #[derive(Debug, Default)]
    struct Clocks {
        calendar: AtomicI64,
        stopwatch: AtomicU64,
    }

    impl Clocks {
        fn pass(&self, seconds: i64) {
            self.calendar.fetch_add(seconds, Ordering::Relaxed);
            self.stopwatch.fetch_add(seconds.unsigned_abs(), Ordering::Relaxed);
        }
    }

    impl Clock for Clocks {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(1_800_000_000 + self.calendar.load(Ordering::Relaxed)).unwrap()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.stopwatch.load(Ordering::Relaxed))
        }
    }

    async fn session(clock: &Arc<Clocks>, life: Option<i64>) -> Arc<Cell> {
        ending(clock, life, None).await
    }

    async fn ending(clock: &Arc<Clocks>, access: Option<i64>, refresh: Option<i64>) -> Arc<Cell> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let given = Arc::clone(clock) as Arc<dyn Clock>;
        let cells = Cells::open("home", ["session".to_owned()], &store, &given).await.unwrap();
        let guard = cells.slot("session").unwrap().acquire().await;
        let at = |life: i64| clock.now() + SignedDuration::from_secs(life);
        let ends = Ends { access: access.map(at), refresh: refresh.map(at), ..Ends::default() };
        guard.commit(Contents { ends, ..Contents::default() }).await.unwrap()
    }

    #[tokio::test]
    async fn good_then_early_then_due() {
        let clock = Arc::new(Clocks::default());
        let session = session(&clock, Some(3_600)).await;
        let at = |left: i64, spread: f64| {
            clock.calendar.store(3_600 - left, Ordering::Relaxed);
            clock.stopwatch.store(u64::try_from(3_600 - left).unwrap(), Ordering::Relaxed);
            freshness(&session, spread, clock.as_ref())
        };
        for (left, spread, expected) in [
            (601, 1.0, Freshness::Good),
            (600, 1.0, Freshness::EndsSoon),
            (301, 0.0, Freshness::Good),
            (300, 0.0, Freshness::EndsSoon),
            (11, 0.0, Freshness::EndsSoon),
            (10, 0.0, Freshness::Ended),
            (0, 0.0, Freshness::Ended),
        ] {
            assert_eq!(at(left, spread), expected, "{left} s before its end, spread {spread}");
        }
    }

    #[tokio::test]
    async fn what_was_just_refreshed_is_used_until_it_is_refused() {
        for life in [10, 20, 35] {
            let clock = Arc::new(Clocks::default());
            let session = session(&clock, Some(life)).await;
            for _ in 0..29 {
                clock.pass(1);
                assert_eq!(freshness(&session, 0.5, clock.as_ref()), Freshness::Good, "{life} s");
            }
        }
        let clock = Arc::new(Clocks::default());
        let without_an_end = session(&clock, None).await;
        clock.pass(1_000_000);
        assert_eq!(freshness(&without_an_end, 0.5, clock.as_ref()), Freshness::Good);
        assert_eq!(freshness(&Cell::default(), 0.5, clock.as_ref()), Freshness::Missing);
    }

    #[tokio::test]
    async fn what_is_to_be_renewed_before_the_access_token_ends_keeps_nobody_waiting() {
        let clock = Arc::new(Clocks::default());
        let day = ending(&clock, Some(86_400), Some(3_600)).await;
        for (seconds, freshness) in [
            (2_900, Freshness::Good),
            (600, Freshness::EndsSoon),
            // Its own end is over, and the access token is as good as before.
            (3_600, Freshness::EndsSoon),
            (78_000, Freshness::EndsSoon),
            (1_295, Freshness::Ended),
        ] {
            clock.pass(seconds);
            assert_eq!(super::freshness(&day, 0.5, clock.as_ref()), freshness, "after {seconds} s more");
        }
        let outlives = ending(&clock, Some(3_600), Some(3_601)).await;
        clock.pass(2_900);
        assert_eq!(super::freshness(&outlives, 0.5, clock.as_ref()), Freshness::Good);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_does_not_keep_a_dead_token_alive() {
        let clock = Arc::new(Clocks::default());
        let session = session(&clock, Some(3_600)).await;
        clock.pass(3_600);
        clock.calendar.fetch_sub(3_600, Ordering::Relaxed);
        assert_eq!(freshness(&session, 0.5, clock.as_ref()), Freshness::Ended);

        // Set forward, or a machine that slept: once, because the next session is dated by the new time.
        let clock = Arc::new(Clocks::default());
        let session = self::session(&clock, Some(3_600)).await;
        clock.pass(31);
        clock.calendar.fetch_add(86_400, Ordering::Relaxed);
        assert_eq!(freshness(&session, 0.5, clock.as_ref()), Freshness::Ended);
    }
}
