use super::*;

fn candidate(version: &str) -> Candidate<()> {
    Candidate {
        digest: Digest::of(version.as_bytes()),
        name: "test".to_owned(),
        version: version.to_owned(),
        size: 1,
        plugin: (),
    }
}

fn provenance() -> Provenance {
    Provenance::new(Timestamp::UNIX_EPOCH, "test")
}

fn trapped() -> CallFault {
    CallFault::Trapped("unreachable".to_owned())
}

#[test]
fn a_digest_is_read_as_it_is_printed() {
    let digest = Digest::of(b"component");
    assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    assert_eq!(Digest::parse(&digest.to_string().to_uppercase()), Some(digest));
    for wrong in ["", "abc", &"0".repeat(63), &"g".repeat(64), &"+f".repeat(32), &"é".repeat(32)] {
        assert_eq!(Digest::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_third_fault_brings_the_generation_before_back_whatever_is_said_in_between() {
    let slot = Slot::new(candidate("1"), provenance().proven());
    let (_, second) = slot.activate(candidate("2"), provenance());
    slot.fault(&second, "decide", &trapped());
    slot.answered(&second);
    slot.fault(&second, "decide", &trapped());
    assert_eq!(slot.active().version, "2");
    slot.fault(&second, "decide", &trapped());
    assert_eq!(slot.active().version, "1");
    // Its own operations continue with it; their counts change nothing any more.
    slot.fault(&second, "decide", &trapped());
    assert_eq!((slot.active().version.as_str(), slot.previous().len()), ("1", 0));
    let mut news = slot.news().unwrap();
    let mut read = || news.try_recv().unwrap();
    assert!(matches!(read(), SlotEvent::Fault(_)) && matches!(read(), SlotEvent::Fault(_)));
    let SlotEvent::RolledBack { from, to, why } = read() else { panic!("not rolled back") };
    assert_eq!((from.version.as_str(), to.version.as_str()), ("2", "1"));
    assert!(why.contains("decide") && why.contains("unreachable"), "{why}");
}

#[test]
fn a_proven_generation_is_forgiven_what_is_rare() {
    let slot = Slot::new(candidate("1"), provenance().proven());
    let (_, second) = slot.activate(candidate("2"), provenance());
    for _ in 0..4 {
        slot.fault(&second, "decide", &trapped());
        slot.fault(&second, "decide", &trapped());
        for _ in 2..Health::PROBATION {
            slot.answered(&second);
        }
        assert!(second.health.is_proven());
    }
    assert_eq!(slot.active().version, "2");
    let mut news = slot.news().unwrap();
    let proven =
        std::iter::from_fn(|| news.try_recv().ok()).filter(|news| matches!(news, SlotEvent::Proven(_)));
    assert_eq!(proven.count(), 1);
}

#[test]
fn the_last_generation_keeps_its_place() {
    let slot = Slot::new(candidate("1"), provenance());
    let only = slot.active();
    for _ in 0..10 {
        slot.fault(&only, "decide", &trapped());
    }
    assert_eq!(slot.active().version, "1");
}

#[test]
fn a_generation_is_freed_with_its_last_user() {
    let slot = Slot::new(candidate("0"), provenance());
    let in_use = slot.active();
    let all: Vec<_> = (1..1_000)
        .map(|n| Arc::downgrade(&slot.activate(candidate(&n.to_string()), provenance()).1))
        .collect();
    assert_eq!(all.iter().filter(|generation| generation.strong_count() > 0).count(), KEPT + 1);
    let first = Arc::downgrade(&in_use);
    drop(in_use);
    assert_eq!(first.strong_count(), 0);
}

#[test]
fn what_did_not_answer_is_not_gone_back_to_under_another_number() {
    let slot = Slot::new(candidate("carried"), provenance().proven());
    slot.activate(candidate("a"), provenance());
    slot.activate(candidate("b"), provenance());
    let (_, again) = slot.activate(candidate("a"), provenance());
    for _ in 0..3 {
        slot.fault(&again, "decide", &trapped());
    }
    assert_eq!(slot.active().version, "b");
    assert!(slot.is_quarantined(again.digest));
    let b = slot.active();
    for _ in 0..3 {
        slot.fault(&b, "decide", &trapped());
    }
    assert_eq!((slot.active().version.as_str(), slot.carried()), ("carried", slot.active().digest));
}

#[test]
fn faults_that_came_while_another_one_was_active_are_too_many_afterwards() {
    let slot = Slot::new(candidate("1"), provenance().proven());
    let candidate = slot.beside(candidate("2"), provenance());
    for _ in 0..3 {
        slot.fault(&candidate, "decide", &trapped());
    }
    slot.promote(Arc::clone(&candidate));
    assert_eq!(slot.active().version, "2");
    slot.fault(&candidate, "decide", &trapped());
    assert_eq!(slot.active().version, "1");
}

#[test]
fn the_memory_of_what_was_large_is_given_back_once_its_successor_is_proven() {
    let large = |version| Candidate { size: LARGE, ..candidate(version) };
    let prove = |slot: &Slot<()>| (0..Health::PROBATION).for_each(|_| slot.answered(&slot.active()));
    let versions = |slot: &Slot<()>| -> Vec<String> {
        slot.previous().iter().map(|generation| generation.version.clone()).collect()
    };
    let slot = Slot::new(candidate("1"), provenance().proven());
    slot.activate(large("2"), provenance());
    slot.activate(candidate("3"), provenance());
    assert_eq!(versions(&slot), ["1", "2"], "it is there to go back to during the probation");
    prove(&slot);
    assert_eq!(versions(&slot), ["1"]);

    // Where nothing else is left, it stays.
    let slot = Slot::new(large("1"), provenance().proven());
    slot.activate(candidate("2"), provenance());
    prove(&slot);
    assert_eq!(versions(&slot), ["1"]);
}
