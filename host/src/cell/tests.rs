use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;
use crate::store::MemoryStore;
use crate::time::SystemClock;

/// A full disk.
#[derive(Debug)]
struct Full;

impl Store for Full {
    fn load<'a>(&'a self, _: Kind, _: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self, _: Kind) -> BoxFuture<'_, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn commit(&self, _: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::Full("no space left".to_owned())) })
    }
}

async fn slot(store: Arc<dyn Store>) -> Arc<CellSlot> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let cells = Cells::open("home", ["session".to_owned()], &store, &clock).await.unwrap();
    cells.slot("session").unwrap()
}

fn contents(value: &str, secret: (&str, &str)) -> Contents {
    let secrets = Secrets::from([(secret.0.to_owned(), secret.1.into())]);
    Contents {
        value: value.to_owned(),
        secrets,
        ends: Ends { access: Some(Timestamp::MAX), ..Ends::default() },
    }
}

#[tokio::test]
async fn generations_count_up_and_secrets_that_are_not_replaced_stay() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let session = slot(Arc::clone(&store)).await;
    assert_eq!(session.current().generation, 0);
    let guard = session.acquire().await;
    guard.commit(contents("one", ("refresh-token", "R"))).await.unwrap();
    let second = guard.commit(contents("two", ("access-token", "A"))).await.unwrap();
    assert_eq!((second.generation, second.value.as_deref()), (2, Some("two")));
    assert_eq!(second.secrets.len(), 2);

    let after_a_restart = slot(store).await.current();
    assert_eq!((after_a_restart.generation, after_a_restart.secrets.len()), (2, 2));
}

#[tokio::test]
async fn an_exchange_leaves_no_secret_of_before_and_is_one_write_with_what_goes_with_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let session = slot(Arc::clone(&store)).await;
    let guard = session.acquire().await;
    guard.commit(contents("one", ("refresh-token", "R"))).await.unwrap();
    let also = Write { kind: Kind::Known, key: "x".to_owned(), value: Some(Vec::new()) };
    let second = guard.exchange(contents("two", ("access-token", "A")), vec![also]).await.unwrap();
    assert_eq!(second.generation, 2);
    assert_eq!(second.secrets.keys().collect::<Vec<_>>(), ["access-token"]);
    assert!(store.load(Kind::Known, "x").await.unwrap().is_some());
    let after_a_restart = slot(store).await.current();
    assert_eq!((after_a_restart.generation, after_a_restart.secrets.len()), (2, 1));
}

#[tokio::test]
async fn only_the_generation_that_failed_is_discarded() {
    let session = slot(Arc::new(MemoryStore::default())).await;
    let guard = session.acquire().await;
    guard.commit(contents("one", ("device-id", "1"))).await.unwrap();
    guard.commit(contents("two", ("device-id", "2"))).await.unwrap();
    drop(guard);
    session.discard(1).await.unwrap();
    assert_eq!(session.current().value.as_deref(), Some("two"), "a late failure of an old one");
    session.discard(2).await.unwrap();
    let discarded = session.current();
    assert_eq!((discarded.generation, discarded.value.clone()), (2, None));
    assert!(
        discarded.secrets.is_empty() && discarded.ends.access.is_none(),
        "nothing is left that could last"
    );
    let guard = session.acquire().await;
    let next = guard.commit(contents("three", ("device-id", "3"))).await.unwrap();
    assert_eq!(next.generation, 3, "the number is never used twice");
}

#[tokio::test]
async fn one_holder_at_a_time_and_the_next_in_line_after_it() {
    let session = slot(Arc::new(MemoryStore::default())).await;
    let guard = session.acquire().await;
    let mut second = Box::pin(session.acquire());
    assert!((&mut second).now_or_never().is_none());
    let mut third = Box::pin(session.acquire());
    assert!((&mut third).now_or_never().is_none());
    drop(guard);
    assert!((&mut third).now_or_never().is_none(), "the second is first");
    drop(second.await);
    third.await;
}

#[tokio::test]
async fn what_cannot_be_stored_changes_nothing_unless_it_must_be_kept() {
    let session = slot(Arc::new(Full)).await;
    let guard = session.acquire().await;
    assert!(guard.commit(contents("one", ("access-token", "A"))).await.is_err());
    assert_eq!(session.current().generation, 0);
    assert!(guard.exchange(contents("one", ("access-token", "A")), Vec::new()).await.is_err());
    assert_eq!(session.current().generation, 0);
    let (cell, stored) = guard.keep(contents("one", ("access-token", "A")), Vec::new()).await;
    assert!(stored.is_err());
    assert_eq!((cell.generation, session.current().generation), (1, 1));
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let session = slot(Arc::new(MemoryStore::default())).await;
    let guard = session.acquire().await;
    let cell = guard.commit(contents("one", ("access-token", "TOP-SECRET"))).await.unwrap();
    assert!(!format!("{cell:?} {guard:?} {session:?}").contains("TOP-SECRET"));
}
