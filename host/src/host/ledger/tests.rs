use futures_util::future::BoxFuture;

use super::*;
use crate::store::{MemoryStore, Record};
use crate::wire::operation::OperationName;

fn accepted(id: &str) -> Report {
    Report::accepted("ev6", id.to_owned(), OperationName::Unlock, Timestamp::UNIX_EPOCH)
}

fn asked(word: &str) -> Asked {
    Asked::new("lock", word)
}

fn pending() -> Pending {
    Pending {
        request: ("lock".to_owned(), "UNLOCK".to_owned()),
        vehicle_id: "1".to_owned(),
        traits: "{}".to_owned(),
        continuation: "c".to_owned(),
        deadline: Timestamp::UNIX_EPOCH,
        before: None,
        car: None,
    }
}

async fn opened(store: &Arc<dyn Store>) -> (CommandLedger, Vec<Interrupted>) {
    CommandLedger::open(Arc::clone(store), Timestamp::UNIX_EPOCH).await.unwrap()
}

#[tokio::test]
async fn an_interrupted_command_is_not_done_again_and_it_is_known_how_far_it_was() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (before, none) = opened(&store).await;
    assert!(none.is_empty());
    for id in ["accepted", "sent", "pending", "over"] {
        assert!(matches!(before.begin("ev6", &accepted(id), &asked("UNLOCK"), None).await, Ok(Known::New)));
        assert!(matches!(
            before.begin("ev6", &accepted(id), &asked("UNLOCK"), None).await,
            Ok(Known::UnderWay)
        ));
    }
    assert!(
        matches!(before.begin("niro", &accepted("sent"), &asked("UNLOCK"), None).await, Ok(Known::New)),
        "another car"
    );
    for id in ["sent", "pending", "over"] {
        before.sending("ev6", id, Timestamp::UNIX_EPOCH).await.unwrap();
    }
    for id in ["pending", "over"] {
        before.pending("ev6", &accepted(id), &pending()).await.unwrap();
    }
    before.finish("ev6", &Report { state: State::Succeeded, ..accepted("over") }).await.1.unwrap();

    // The host is killed here, and the broker delivers the commands again to the next one.
    let (after, interrupted) = opened(&store).await;
    let mut found: Vec<_> = interrupted
        .iter()
        .map(|i| (i.vehicle.as_str(), i.report.id.as_str(), i.report.state, i.pending.is_some()))
        .collect();
    found.sort_by_key(|(vehicle, id, ..)| (*vehicle, *id));
    let expected = [
        ("ev6", "accepted", State::Accepted, false),
        ("ev6", "pending", State::Pending, true),
        ("ev6", "sent", State::Sent, false),
        ("niro", "sent", State::Accepted, false),
    ];
    assert_eq!(found, expected);
    for id in ["accepted", "sent", "pending"] {
        assert!(matches!(
            after.begin("ev6", &accepted(id), &asked("UNLOCK"), None).await,
            Ok(Known::UnderWay)
        ));
    }
    assert!(matches!(
        after.begin("ev6", &accepted("over"), &asked("UNLOCK"), None).await,
        Ok(Known::Over(_))
    ));
    after.finish("ev6", &Report { state: State::Unknown, ..accepted("pending") }).await.1.unwrap();
    assert!(store.list(Kind::Pending).await.unwrap().is_empty());
}

#[tokio::test]
async fn results_are_bounded_and_the_oldest_go_first_also_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let report = |n: usize| Report {
        state: State::Succeeded,
        requested_at: Timestamp::from_second(i64::try_from(n).unwrap()).unwrap(),
        ..accepted(&n.to_string())
    };
    let (ledger, _) = opened(&store).await;
    for n in 0..REMEMBERED {
        ledger.finish("ev6", &report(n)).await.1.unwrap();
    }
    let (ledger, _) = opened(&store).await;
    ledger.finish("ev6", &report(REMEMBERED)).await.1.unwrap();
    assert!(ledger.result("ev6", "0").await.unwrap().is_none());
    assert!(ledger.result("ev6", "1").await.unwrap().is_some());
}

#[tokio::test]
async fn everybody_who_asked_is_told() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (ledger, _) = opened(&store).await;
    let respond_to =
        |n: u8| Some(Asker::Topic(RespondTo { topic: format!("answer/{n}"), correlation: Some(vec![n]) }));
    for n in 0..3 {
        ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), respond_to(n)).await.unwrap();
    }
    let (waiting, _) = ledger.finish("ev6", &Report { state: State::Failed, ..accepted("a") }).await;
    assert_eq!(waiting.len(), 3);
    // The number is bounded: what each caller wants is kept meanwhile.
    for n in 0..100 {
        ledger.begin("ev6", &accepted("b"), &asked("UNLOCK"), respond_to(n)).await.unwrap();
    }
    let (waiting, _) = ledger.finish("ev6", &Report { state: State::Failed, ..accepted("b") }).await;
    assert_eq!(waiting.len(), ASKERS);
}

#[tokio::test]
async fn the_latest_command_is_known_also_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let at = |id: &str, second| Report {
        requested_at: Timestamp::from_second(second).unwrap(),
        state: State::Succeeded,
        ..accepted(id)
    };
    let (earlier, later) = (at("earlier", 1), at("later", 2));
    let (ledger, _) = opened(&store).await;
    assert!(ledger.is_latest("ev6", &earlier));
    ledger
        .begin("ev6", &Report { state: State::Accepted, ..later.clone() }, &asked("LOCK"), None)
        .await
        .unwrap();
    for report in [&later, &earlier] {
        ledger.finish("ev6", report).await.1.unwrap();
    }
    let now = Timestamp::from_second(10).unwrap();
    let (restarted, _) = CommandLedger::open(Arc::clone(&store), now).await.unwrap();
    for ledger in [&ledger, &restarted] {
        assert!(ledger.is_latest("ev6", &later) && !ledger.is_latest("ev6", &earlier));
        assert!(ledger.is_latest("niro", &earlier));
    }
    // What a clock that was ahead has noted is not the latest.
    let today = 1_800_000_000;
    let ahead = at("ahead", today + 1_000_000);
    ledger.finish("ev6", &ahead).await.1.unwrap();
    let (restarted, _) = CommandLedger::open(store, Timestamp::from_second(today).unwrap()).await.unwrap();
    assert!(restarted.is_latest("ev6", &later) && !restarted.is_latest("ev6", &ahead));
}

#[tokio::test]
async fn an_identifier_is_one_commands_whether_that_is_under_way_or_over_or_before_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (ledger, _) = opened(&store).await;
    assert!(matches!(ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), None).await, Ok(Known::New)));
    let respond_to = RespondTo { topic: "answer".to_owned(), correlation: None };
    let other =
        ledger.begin("ev6", &accepted("a"), &asked("LOCK"), Some(Asker::Topic(respond_to))).await.unwrap();
    assert!(matches!(other, Known::Another(report) if report.state == State::Accepted));
    ledger.sending("ev6", "a", Timestamp::UNIX_EPOCH).await.unwrap();

    let (ledger, _) = opened(&store).await;
    assert!(matches!(ledger.begin("ev6", &accepted("a"), &asked("LOCK"), None).await, Ok(Known::Another(_))));
    let (waiting, stored) = ledger.finish("ev6", &Report { state: State::Succeeded, ..accepted("a") }).await;
    stored.unwrap();
    assert!(waiting.is_empty(), "what is another command's is not told to this one");

    let (ledger, _) = opened(&store).await;
    assert!(matches!(ledger.begin("ev6", &accepted("a"), &asked("LOCK"), None).await, Ok(Known::Another(_))));
    assert!(matches!(ledger.begin("ev6", &accepted("a"), &asked("unlock"), None).await, Ok(Known::Over(_))));
}

#[tokio::test]
async fn of_what_an_older_version_has_stored_the_operation_is_known() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let older = Report { state: State::Succeeded, ..accepted("a") };
    store.commit(vec![Write::document(Kind::Result, "ev6/a".to_owned(), &older).unwrap()]).await.unwrap();
    let (ledger, _) = opened(&store).await;
    let lock = Report::accepted("ev6", "a".to_owned(), OperationName::Lock, Timestamp::UNIX_EPOCH);
    assert!(matches!(ledger.begin("ev6", &lock, &asked("LOCK"), None).await, Ok(Known::Another(_))));
    assert!(matches!(ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), None).await, Ok(Known::Over(_))));
}

#[tokio::test]
async fn a_damaged_result_is_not_done_again_after_any_number_of_restarts_and_is_not_news() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let damage = |key: &str| Write { kind: Kind::Result, key: key.to_owned(), value: Some(b"{{".to_vec()) };
    store.commit(vec![damage("ev6/a")]).await.unwrap();
    for _ in 0..3 {
        let (ledger, interrupted) = opened(&store).await;
        assert!(interrupted.is_empty() && ledger.unpublished().await.unwrap().is_empty());
        assert!(ledger.is_known("ev6", "a").await.unwrap());
        let over = ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), None).await.unwrap();
        assert!(matches!(over, Known::Over(report) if report.state == State::Unknown && report.is_lost()));
    }
    // A record that is damaged while the host runs is lost as well.
    let (ledger, _) = opened(&store).await;
    store.commit(vec![damage("ev6/b")]).await.unwrap();
    for _ in 0..2 {
        let report = ledger.result("ev6", "b").await.unwrap().unwrap();
        assert!(report.is_lost());
    }
    ledger.finish("ev6", &Report { state: State::Succeeded, ..accepted("c") }).await.1.unwrap();
    for _ in 0..2 {
        let (ledger, _) = opened(&store).await;
        assert!(ledger.result("ev6", "b").await.unwrap().unwrap().is_lost());
        let unpublished = ledger.unpublished().await.unwrap();
        assert_eq!(unpublished.iter().map(|(_, report)| report.id.as_str()).collect::<Vec<_>>(), ["c"]);
    }
}

#[tokio::test]
async fn who_asks_again_at_the_same_time_is_told_the_same() {
    // A store that takes its time.
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(crate::store::SqliteStore::open(&directory.path().join("state")).unwrap());
    let (ledger, _) = opened(&store).await;
    ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), None).await.unwrap();
    ledger.finish("ev6", &Report { state: State::Succeeded, ..accepted("a") }).await.1.unwrap();
    let again = || async { ledger.begin("ev6", &accepted("a"), &asked("UNLOCK"), None).await.unwrap() };
    let (first, second, third) = tokio::join!(again(), again(), again());
    for known in [first, second, third] {
        assert!(matches!(known, Known::Over(_)), "{known:?}");
    }
    let new = || async { ledger.begin("ev6", &accepted("b"), &asked("UNLOCK"), None).await.unwrap() };
    let (first, second) = tokio::join!(new(), new());
    assert!(matches!((first, second), (Known::New, Known::UnderWay)));
}

/// A store whose changes are made at once, and known to be made a moment later. It counts how often each result was
/// written, and refuses changes while it is full.
#[derive(Debug, Default)]
struct CountingStore {
    records: MemoryStore,
    written: Mutex<BTreeMap<String, usize>>,
    is_full: std::sync::atomic::AtomicBool,
}

impl CountingStore {
    fn written(&self, id: &str) -> usize {
        self.written.lock().get(&key("ev6", id)).copied().unwrap_or_default()
    }

    fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Store for CountingStore {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.records.load(kind, key)
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        self.records.list(kind)
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        if self.is_full.load(std::sync::atomic::Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError::Failed("it is full".to_owned()))));
        }
        for write in writes.iter().filter(|write| write.kind == Kind::Unpublished && write.value.is_some()) {
            *self.written.lock().entry(write.key.clone()).or_default() += 1;
        }
        let made = self.records.commit(writes);
        Box::pin(async {
            tokio::task::yield_now().await;
            made.await
        })
    }
}

#[tokio::test]
async fn results_that_end_at_the_same_time_are_each_stored_once() {
    let counting = Arc::new(CountingStore::default());
    let store: Arc<dyn Store> = Arc::<CountingStore>::clone(&counting);
    let (ledger, _) = opened(&store).await;
    let over = |id: &str| Report { state: State::Succeeded, ..accepted(id) };
    let all = ["a", "b", "c"].map(over);
    let finishing = all.iter().map(|report| ledger.finish("ev6", report));
    for (_, stored) in futures_util::future::join_all(finishing).await {
        stored.unwrap();
    }
    assert_eq!(["a", "b", "c"].map(|id| counting.written(id)), [1; 3], "else it is published again");
    // What could not be stored is stored with the next one, and once.
    counting.fill(true);
    ledger.finish("ev6", &over("d")).await.1.unwrap_err();
    assert!(ledger.result("ev6", "d").await.unwrap().is_some());
    counting.fill(false);
    let both = [over("e"), over("f")];
    let finishing = both.iter().map(|report| ledger.finish("ev6", report));
    for (_, stored) in futures_util::future::join_all(finishing).await {
        stored.unwrap();
    }
    assert_eq!(["d", "e", "f"].map(|id| counting.written(id)), [1; 3]);
    let (restarted, _) = opened(&store).await;
    assert!(restarted.result("ev6", "d").await.unwrap().is_some());
}
