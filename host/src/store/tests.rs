use std::sync::Arc;

use super::*;

fn write(kind: Kind, key: &str, value: &str) -> Write {
    Write { kind, key: key.to_owned(), value: Some(value.as_bytes().to_vec()) }
}

async fn stores() -> (tempfile::TempDir, Vec<Box<dyn Store>>) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&directory.path().join("state")).unwrap();
    (directory, vec![Box::new(MemoryStore::default()), Box::new(sqlite)])
}

#[tokio::test]
async fn every_store_keeps_lists_and_removes_records_by_kind_and_key() {
    let (_directory, stores) = stores().await;
    for store in stores {
        assert_eq!(store.load(Kind::Cell, "home/session").await.unwrap(), None);
        let writes = vec![
            write(Kind::Result, "b", "2"),
            write(Kind::Result, "a", "1"),
            write(Kind::Pending, "a", "p"),
            write(Kind::Latch, "z", "l"),
        ];
        store.commit(writes).await.unwrap();
        store.commit(vec![write(Kind::Result, "b", "3")]).await.unwrap();
        let results = store.list(Kind::Result).await.unwrap();
        assert_eq!(results, [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"3".to_vec())], "{store:?}");
        store.commit(vec![Write::remove(Kind::Result, "a"), Write::remove(Kind::Cell, "no")]).await.unwrap();
        assert_eq!(store.load(Kind::Result, "a").await.unwrap(), None);
        assert_eq!(store.load(Kind::Pending, "a").await.unwrap().as_deref(), Some(&b"p"[..]));
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart_even_if_nobody_waited_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    store.commit(vec![write(Kind::Cell, "home/session", "one")]).await.unwrap();
    drop(store.commit(vec![write(Kind::Cell, "home/session", "two")]));
    drop(store);
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.load(Kind::Cell, "home/session").await.unwrap().as_deref(), Some(&b"two"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_all_succeed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let writes = (0..200).map(|n| store.commit(vec![write(Kind::Audit, &format!("{n:04}"), "x")]));
    for committed in futures_util::future::join_all(writes).await {
        committed.unwrap();
    }
    assert_eq!(store.list(Kind::Audit).await.unwrap().len(), 200);
}

#[test]
fn one_process_for_each_directory_and_the_error_says_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(directory.path()).unwrap();
    // A lock of the operating system belongs to the open file, so a second opening stands for another
    // process.
    let refused = SqliteStore::open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    assert!(refused.contains("state.dir"), "{refused}");
    drop(first);
    SqliteStore::open(directory.path()).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(vec![write(Kind::Cell, "home/session", "secret")]).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn others_may_read_while_the_host_writes() {
    let directory = tempfile::tempdir().unwrap();
    let absent = Reader::open(directory.path()).unwrap_err().to_string();
    assert!(absent.contains("no host has run"), "{absent}");
    let store = SqliteStore::open(directory.path()).unwrap();
    store.commit(vec![write(Kind::Audit, "1", "x")]).await.unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.list(Kind::Audit).unwrap().len(), 1);
    store.commit(vec![write(Kind::Audit, "2", "x")]).await.unwrap();
    assert_eq!(reader.list(Kind::Audit).unwrap().len(), 2);
}

#[test]
fn other_files_and_newer_formats_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    std::fs::write(&path, "this is a diary and no database, however long it may be ".repeat(40)).unwrap();
    let foreign = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(foreign, OpenError::Foreign { .. }), "{foreign}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is a diary"));

    std::fs::remove_file(&path).unwrap();
    let somebody_elses = rusqlite::Connection::open(&path).unwrap();
    somebody_elses.execute_batch("create table diary (entry text); insert into diary values ('x');").unwrap();
    drop(somebody_elses);
    let foreign = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(foreign, OpenError::Foreign { .. }), "{foreign}");

    // Killed before it had written anything: nothing is lost, and nothing is in the way.
    std::fs::write(&path, "").unwrap();
    assert!(matches!(Reader::open(directory.path()), Err(OpenError::Absent { .. })));
    drop(SqliteStore::open(directory.path()).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let newer = SqliteStore::open(directory.path()).unwrap_err().to_string();
    assert!(newer.contains("newer version (format 2"), "{newer}");
}
