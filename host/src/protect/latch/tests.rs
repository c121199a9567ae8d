use super::*;
use crate::store::MemoryStore;

fn why(reason: &str) -> Why {
    Why::new(reason.to_owned(), "")
}

#[tokio::test]
async fn the_first_reason_stays_and_other_credentials_lift_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let old = Digest::of(b"old credentials");
    let latch = Latch::open("home", old, &store, now).await.unwrap().0;
    let (new, stored) = latch.set(LatchKind::AuthRequired, why("first"), now, None).await;
    assert!(new && stored.is_ok());
    let (new, _) = latch.set(LatchKind::OtpRequired, why("second"), now, None).await;
    assert!(!new, "an event for it is due once");

    let restarted = Latch::open("home", old, &store, now).await.unwrap().0.current(now).unwrap();
    assert_eq!((restarted.kind, restarted.reason.as_str()), (LatchKind::AuthRequired, "first"));
    let refreshed = Latch::open("home", Digest::of(b"new credentials"), &store, now).await.unwrap().0;
    assert_eq!(refreshed.current(now), None);
}

#[tokio::test]
async fn a_silence_ends_by_itself_and_may_be_imposed_again() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    let latch = Latch::open("client/eu/kia", Digest::of(b""), &store, start).await.unwrap().0;
    latch.set(LatchKind::LockedOut, why("blocked"), start, Some(start + SILENCE)).await.1.unwrap();
    let after = start + SILENCE;
    let before = after - SignedDuration::from_secs(1);
    assert!(latch.current(before).is_some() && latch.current(after).is_none());
    let restarted = Latch::open("client/eu/kia", Digest::of(b""), &store, start).await.unwrap().0;
    assert!(restarted.current(before).is_some());
    let (new, _) = restarted.set(LatchKind::LockedOut, why("again"), after, Some(after + SILENCE)).await;
    assert!(new && restarted.current(after).is_some());
}
#[tokio::test]
async fn a_silence_that_a_wrong_clock_began_lasts_as_long_as_any_other() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let wrong = now + SignedDuration::from_hours(4 * 365 * 24);
    let about = Digest::of(b"");
    let latch = Latch::open("client/eu/kia", about, &store, now).await.unwrap().0;
    latch.set(LatchKind::LockedOut, why("blocked"), wrong, Some(wrong + SILENCE)).await.1.unwrap();
    let latched = latch.current(now).unwrap();
    assert_eq!((latched.since, latched.until), (now, Some(now + SILENCE)));

    let restarted = Latch::open("client/eu/kia", about, &store, now).await.unwrap().0;
    assert!(restarted.current(now + SILENCE - SignedDuration::from_secs(1)).is_some());
    assert_eq!(restarted.current(now + SILENCE), None, "a restart has not begun it anew");
}

/// Opens the latch of a home, and has done in the store what that wants.
async fn opened(about: About, store: &Arc<dyn Store>, now: Timestamp) -> Latch {
    let (latch, write) = Latch::open("home", about, store, now).await.unwrap();
    store.commit(write.into_iter().collect()).await.unwrap();
    latch
}

#[tokio::test]
async fn a_latch_holds_for_what_it_is_about_and_is_gone_for_good_with_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let [one, other] = [b"one", b"two"].map(|it| Digest::of(it));
    let about = |credentials, client| About { credentials, client, together: None };
    for (kind, its_own, others) in [
        (LatchKind::AuthRequired, about(other, one), about(one, other)),
        (LatchKind::OtpRequired, about(other, one), about(one, other)),
        (LatchKind::ConsentRequired, about(other, one), about(one, other)),
        (LatchKind::ClientRefused, about(one, other), about(other, one)),
    ] {
        let latch = opened(about(one, one), &store, now).await;
        assert!(latch.set(kind, why("refused"), now, None).await.0);
        assert!(opened(others, &store, now).await.current(now).is_some(), "{kind:?}");
        assert!(opened(its_own, &store, now).await.current(now).is_none(), "{kind:?}");
        assert!(opened(about(one, one), &store, now).await.current(now).is_none(), "{kind:?} came back");
    }
}

#[tokio::test]
async fn what_an_earlier_host_has_latched_holds_and_is_about_less_from_then_on() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let [all, one, other] = [b"all", b"one", b"two"].map(|it| Digest::of(it));
    let (latch, _) = Latch::open("home", all, &store, now).await.unwrap();
    latch.set(LatchKind::AuthRequired, why("refused"), now, None).await.1.unwrap();
    let about = |together| About { credentials: one, client: other, together: Some(together) };
    assert!(opened(about(all), &store, now).await.current(now).is_some());
    assert!(opened(about(other), &store, now).await.current(now).is_some(), "the keys are others now");
}
