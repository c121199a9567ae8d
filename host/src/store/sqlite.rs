//! State in one SQLite database.
//!
//! SQLite because other programs may read it while the host runs (the `audit` command does), because it has a
//! quarter of a century of power cuts behind it, and because people can open it. One thread owns the connection.
//! Commits that wait while it works are made in one transaction, so that many callers share one write to the disk.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::directory::{Directory, private_file};
use super::{DirectoryError, Kind, Record, Store, StoreError, Write};

/// The database's file in the state directory.
pub const DATABASE: &str = "state.db";

/// What a database of ours has in its header ("vehc").
const APPLICATION_ID: i64 = 0x7665_6863;

/// The format of the tables below.
const FORMAT: i64 = 1;

/// How long a reader waits for the host, and the host for a reader that has it locked.
const BUSY: Duration = Duration::from_secs(5);

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// There is none.
    #[error("there is no {path}: no host has run with this state directory yet")]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is no database of vehicle-connector; name another state directory (state.dir)")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer version.
    #[error(
        "{path} was written by a newer version (format {format}; this one knows {FORMAT}); run that version"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: i64,
    },
    /// It cannot be opened or is damaged.
    #[error(
        "{path} cannot be opened: {error}; if it is damaged, move it away to begin anew (sessions, latches and \
         counts are forgotten then)"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
}

/// Keeps records in the database of a state directory. What was committed survives a crash of the process and of
/// the machine.
pub struct SqliteStore {
    jobs: Option<mpsc::Sender<Job>>,
    worker: Option<JoinHandle<()>>,
    directory: Directory,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("directory", &self.directory.path()).finish_non_exhaustive()
    }
}

enum Job {
    Load(Kind, String, oneshot::Sender<Result<Option<Vec<u8>>, StoreError>>),
    List(Kind, oneshot::Sender<Result<Vec<Record>, StoreError>>),
    Keys(Kind, oneshot::Sender<Result<Vec<String>, StoreError>>),
    Commit(Batch),
}

struct Batch {
    writes: Vec<Write>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl SqliteStore {
    /// Takes a state directory for this process and opens its database (mode 0600), or makes both.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let directory = Directory::claim(directory)?;
        let path = directory.path().join(DATABASE);
        // Made before SQLite does, which would let others read it. Its other files get the same mode.
        private_file(&path)
            .map_err(|error| DirectoryError::Unusable { path: directory.path().to_owned(), error })?;
        let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&connection).map_err(unreadable(&path))?;
        let (jobs, waiting) = mpsc::channel();
        let worker = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || work(connection, &waiting))
            .map_err(|error| DirectoryError::Unusable { path: directory.path().to_owned(), error })?;
        Ok(Self { jobs: Some(jobs), worker: Some(worker), directory })
    }

    /// Fails only when the worker is gone, which it is not before this value is.
    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _gone = jobs.send(job);
        }
    }
}

impl Drop for SqliteStore {
    /// Waits until everything that was given to the worker is on the disk.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(worker) = self.worker.take() {
            let _panicked = worker.join();
        }
    }
}

async fn answer<T>(answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
    answer.await.unwrap_or_else(|_| Err(StoreError("the database is closed".to_owned())))
}

impl Store for SqliteStore {
    fn load<'a>(&'a self, kind: Kind, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        let (done, loaded) = oneshot::channel();
        self.send(Job::Load(kind, key.to_owned(), done));
        Box::pin(answer(loaded))
    }

    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let (done, listed) = oneshot::channel();
        self.send(Job::List(kind, done));
        Box::pin(answer(listed))
    }

    fn keys(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let (done, listed) = oneshot::channel();
        self.send(Job::Keys(kind, done));
        Box::pin(answer(listed))
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'static, Result<(), StoreError>> {
        let (done, committed) = oneshot::channel();
        self.send(Job::Commit(Batch { writes, done }));
        Box::pin(answer(committed))
    }
}

/// Reads the database of a state directory that a host may be using at the moment. Changes nothing.
pub struct Reader {
    connection: Connection,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the database of a state directory.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(DATABASE);
        match std::fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::Absent { path });
            }
            // There may well be one: somebody else's.
            Err(error) => return Err(DirectoryError::Unusable { path: directory.to_owned(), error }.into()),
        }
        Ok(Self { connection: open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)? })
    }

    /// All records of a kind, in the order of their keys.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn list(&self, kind: Kind) -> Result<Vec<Record>, StoreError> {
        list(&self.connection, kind).map_err(failed)
    }
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(unreadable(path))?;
    connection.busy_timeout(BUSY).map_err(unreadable(path))?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (id, format) = match number("application_id").and_then(|id| Ok((id, number("user_version")?))) {
        Ok(numbers) => numbers,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(OpenError::Foreign { path: path.to_owned() });
        }
        Err(error) => return Err(unreadable(path)(error)),
    };
    match (id, format) {
        (APPLICATION_ID, FORMAT) => Ok(connection),
        (APPLICATION_ID, format) => Err(OpenError::Newer { path: path.to_owned(), format }),
        // One that nobody has used yet. Most programs do not say whose a database is.
        (0, 0) if is_empty(&connection).map_err(unreadable(path))? => match access {
            OpenFlags::SQLITE_OPEN_READ_ONLY => Err(OpenError::Absent { path: path.to_owned() }),
            _ => Ok(connection),
        },
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("select count(*) = 0 from sqlite_schema", [], |row| row.get(0))
}

fn unreadable(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
    |error| OpenError::Unreadable { path: path.to_owned(), error }
}

/// Write-ahead, so that readers do not stop the host, and synchronised at every commit: a token whose commit has
/// returned is there after a power cut.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // All or nothing: half of it would be taken for somebody else's, or for another version's.
    connection.execute_batch(&format!(
        "begin;
         create table if not exists record (
             kind text not null, key text not null, value blob not null, primary key (kind, key)
         ) without rowid;
         pragma application_id = {APPLICATION_ID};
         pragma user_version = {FORMAT};
         commit;"
    ))
}

fn work(mut connection: Connection, jobs: &mpsc::Receiver<Job>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            // Nobody may wait any more for what was asked; that is not the worker's business.
            Job::Load(kind, key, done) => {
                let _nobody = done.send(load(&connection, kind, &key).map_err(failed));
            }
            Job::List(kind, done) => {
                let _nobody = done.send(list(&connection, kind).map_err(failed));
            }
            Job::Keys(kind, done) => {
                let _nobody = done.send(keys(&connection, kind).map_err(failed));
            }
            Job::Commit(first) => {
                let mut batches = vec![first];
                loop {
                    match jobs.try_recv() {
                        Ok(Job::Commit(batch)) => batches.push(batch),
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_empty_or_closed) => break,
                    }
                }
                commit_together(&mut connection, batches);
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
}

/// One transaction for all. If that fails each is tried alone, so that nobody fails because of a neighbour.
fn commit_together(connection: &mut Connection, batches: Vec<Batch>) {
    let all: Vec<&Write> = batches.iter().flat_map(|batch| &batch.writes).collect();
    let together = commit(connection, all);
    let alone = batches.len() > 1;
    for Batch { writes, done } in batches {
        let result = match &together {
            Ok(()) => Ok(()),
            Err(_) if alone => commit(connection, writes.iter().collect()).map_err(failed),
            Err(error) => Err(StoreError(format!("{DATABASE}: {error}"))),
        };
        let _nobody = done.send(result);
    }
}

fn commit(connection: &mut Connection, writes: Vec<&Write>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for Write { kind, key, value } in writes {
        match value {
            Some(value) => transaction.execute(
                "insert or replace into record (kind, key, value) values (?1, ?2, ?3)",
                params![kind.as_str(), key, value],
            )?,
            None => transaction
                .execute("delete from record where kind = ?1 and key = ?2", params![kind.as_str(), key])?,
        };
    }
    transaction.commit()
}

fn load(connection: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .query_row(
            "select value from record where kind = ?1 and key = ?2",
            params![kind.as_str(), key],
            |row| row.get(0),
        )
        .optional()
}

fn list(connection: &Connection, kind: Kind) -> rusqlite::Result<Vec<Record>> {
    connection
        .prepare("select key, value from record where kind = ?1 order by key")?
        .query_map(params![kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn keys(connection: &Connection, kind: Kind) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("select key from record where kind = ?1 order by key")?
        .query_map(params![kind.as_str()], |row| row.get(0))?
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failed(error: rusqlite::Error) -> StoreError {
    StoreError(match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => format!(
            "{DATABASE}: {error}; move it away to begin anew (sessions, latches, counts and results are forgotten then)"
        ),
        _ => format!("{DATABASE}: {error}"),
    })
}
