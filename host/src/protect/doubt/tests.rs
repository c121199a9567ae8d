use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::*;
use crate::store::MemoryStore;

/// A clock that is set by hand, in both directions.
#[derive(Debug)]
struct ByHand {
    calendar: AtomicI64,
    monotonic: AtomicU64,
}

impl ByHand {
    fn new() -> Self {
        Self { calendar: AtomicI64::new(1_800_000_000), monotonic: AtomicU64::new(100) }
    }

    fn advance(&self, seconds: u64) {
        self.monotonic.fetch_add(seconds, Ordering::Relaxed);
        self.calendar.fetch_add(i64::try_from(seconds).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.calendar.load(Ordering::Relaxed)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.monotonic.load(Ordering::Relaxed))
    }
}

async fn open(what: Refused, store: &Arc<dyn Store>) -> Doubt {
    Doubt::open(what, "home", Digest::of(b"credentials"), store, Timestamp::UNIX_EPOCH).await.unwrap()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

/// Tries whenever a try may be made, and is refused each time. Returns the time of each try after the start.
async fn tries_within(doubt: &Doubt, clock: &ByHand, time: u64) -> Vec<u64> {
    let mut tries = Vec::new();
    let mut passed = 0;
    loop {
        if let Some(rest) = doubt.rest(clock) {
            let left = rest.left.as_secs().max(1);
            passed += left;
            clock.advance(left);
            continue;
        }
        if passed >= time {
            return tries;
        }
        doubt.begin(clock).await.unwrap();
        doubt.refused(clock, "HTTP 403".to_owned(), None).await;
        tries.push(passed);
    }
}

#[tokio::test]
async fn pauses_grow_and_the_last_one_goes_on() {
    let (clock, store) = (ByHand::new(), memory());
    let tries = tries_within(&open(Refused::Grant, &store).await, &clock, 2 * 86_400).await;
    let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..8], [5, 30, 300, 1_800, 7_200, 21_600, 21_600, 21_600]);
    assert!(pauses[8..].iter().all(|pause| *pause == 21_600), "{pauses:?}");
}

#[tokio::test]
async fn a_pin_is_offered_three_times_a_day_and_the_second_time_at_once() {
    let (clock, store) = (ByHand::new(), memory());
    let tries = tries_within(&open(Refused::Pin, &store).await, &clock, 3 * 86_400).await;
    assert_eq!(tries[..4], [0, 0, 5, 86_400]);
    for (first, fourth) in tries.iter().zip(&tries[3..]) {
        assert!(fourth - first >= 86_400, "{tries:?}");
    }
}

#[tokio::test]
async fn a_restart_ends_the_pause_and_not_the_count() {
    let (clock, store) = (ByHand::new(), memory());
    for restart in 0..Refused::Grant.rule().most_a_day {
        let doubt = open(Refused::Grant, &store).await;
        assert_eq!(doubt.rest(&clock), None, "{restart}");
        doubt.begin(&clock).await.unwrap();
        // Every second time the try ends before there is an answer.
        if restart % 2 == 0 {
            doubt.refused(&clock, "HTTP 401".to_owned(), None).await;
            assert!(doubt.rest(&clock).is_some(), "{restart}");
        }
        clock.advance(1);
    }
    let rest = open(Refused::Grant, &store).await.rest(&clock).unwrap();
    assert!(rest.left > Duration::from_secs(86_000), "{rest:?}");
    clock.advance(86_400);
    assert_eq!(open(Refused::Grant, &store).await.rest(&clock), None);
}

#[tokio::test]
async fn it_is_told_once_and_forgotten_with_a_success_and_with_other_credentials() {
    let (clock, store) = (ByHand::new(), memory());
    let doubt = open(Refused::Grant, &store).await;
    assert_eq!(doubt.untold(&clock).await, None);
    doubt.refused(&clock, "HTTP 401".to_owned(), None).await;
    assert_eq!(doubt.untold(&clock).await.unwrap().refusals, 1);
    doubt.refused(&clock, "HTTP 401".to_owned(), None).await;
    assert_eq!(doubt.untold(&clock).await, None);
    assert_eq!(open(Refused::Grant, &store).await.untold(&clock).await, None, "told before the restart");
    let other = Doubt::open(Refused::Grant, "home", Digest::of(b"others"), &store, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(other.shown(&clock), None);
    assert!(doubt.forget().await && !doubt.forget().await);
    assert_eq!((doubt.rest(&clock), open(Refused::Grant, &store).await.shown(&clock)), (None, None));
    doubt.refused(&clock, "HTTP 401".to_owned(), None).await;
    assert!(doubt.untold(&clock).await.is_some(), "another streak");
}

#[tokio::test]
async fn what_told_nothing_is_no_try() {
    let (clock, store) = (ByHand::new(), memory());
    let doubt = open(Refused::Pin, &store).await;
    doubt.refused(&clock, "HTTP 403".to_owned(), None).await;
    for _ in 0..10 {
        assert_eq!(doubt.rest(&clock), None);
        doubt.begin(&clock).await.unwrap();
        doubt.unclear().await;
    }
}

#[tokio::test]
async fn the_server_is_obeyed_and_a_clock_that_was_wrong_is_not() {
    let (clock, store) = (ByHand::new(), memory());
    let doubt = open(Refused::Grant, &store).await;
    let pause = doubt.refused(&clock, "HTTP 403".to_owned(), Some(Duration::from_secs(600))).await;
    assert_eq!(pause, Duration::from_secs(600));
    let pause = doubt.refused(&clock, "HTTP 403".to_owned(), Some(Duration::MAX)).await;
    assert_eq!(pause, LONGEST_PAUSE);

    // A year ahead, tries were made until none was left. Back in the present, the next one is a day away.
    clock.calendar.fetch_add(365 * 86_400, Ordering::Relaxed);
    for _ in 0..20 {
        doubt.refused(&clock, "HTTP 403".to_owned(), None).await;
    }
    clock.calendar.fetch_sub(365 * 86_400, Ordering::Relaxed);
    let restarted = open(Refused::Grant, &store).await;
    assert!(restarted.rest(&clock).unwrap().left <= DAY);
    clock.advance(86_400);
    assert_eq!(restarted.rest(&clock), None);
}

#[tokio::test]
async fn what_cannot_be_read_any_more_counts_as_all_tries_of_a_day() {
    let (clock, store) = (ByHand::new(), memory());
    let junk = Write { kind: Kind::Doubt, key: "home/pin".to_owned(), value: Some(b"junk".to_vec()) };
    store.commit(vec![junk]).await.unwrap();
    for _ in 0..2 {
        let about = Digest::of(b"credentials");
        let doubt = Doubt::open(Refused::Pin, "home", about, &store, clock.now()).await.unwrap();
        assert_eq!(
            doubt.rest(&clock).map(|rest| rest.left),
            Some(DAY - Duration::from_secs(clock.monotonic().as_secs() - 100))
        );
        clock.advance(3_600);
    }
    clock.advance(22 * 3_600);
    assert_eq!(open(Refused::Pin, &store).await.rest(&clock), None, "a day heals it");
}

#[tokio::test]
async fn what_was_about_something_else_counts_for_nothing_until_it_is_too_often() {
    let (clock, store) = (ByHand::new(), memory());
    let doubt = open(Refused::Pin, &store).await;
    let refused = async || {
        doubt.begin(&clock).await.unwrap();
        doubt.counted(&clock, "HTTP 401".to_owned()).await;
    };
    for _ in 0..MOST_EXPLAINED / 2 {
        assert_eq!((doubt.rest(&clock), doubt.shown(&clock)), (None, None));
        // Two at once, as from two cars.
        refused().await;
        refused().await;
        assert!(doubt.shown(&clock).is_some());
        doubt.explained().await;
        doubt.explained().await;
    }
    assert_eq!(doubt.untold(&clock).await, None);
    // Whatever a policy says, and across a restart: three more, and then none for a day.
    let restarted = open(Refused::Pin, &store).await;
    let mut tries = 0;
    while restarted.rest(&clock).is_none() {
        restarted.begin(&clock).await.unwrap();
        restarted.counted(&clock, "HTTP 401".to_owned()).await;
        restarted.explained().await;
        tries += 1;
    }
    assert_eq!(tries, Refused::Pin.rule().most_a_day);
    assert!(restarted.rest(&clock).is_some_and(|rest| rest.left > Duration::from_secs(3_600)));
    restarted.forget().await;
    assert_eq!(restarted.rest(&clock), None);
}
