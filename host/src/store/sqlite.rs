//! Store in one SQLite database.
//!
//! SQLite because other programs may read it while the host runs (the `audit` command does), because it has a
//! quarter of a century of power cuts behind it, and because people can open it. One thread owns the
//! connection. Commits that wait while it works are made in one transaction, so that many callers share one
//! write to the disk.

mod aside;
mod database;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{oneshot, watch};

pub use self::aside::set_aside;
use self::database::{FORMAT, commit, failed, keys, list, load, open, prepare, unreadable};
use super::directory::{Directory, no_trap, private_file};
use super::{DirectoryError, Kind, Record, Store, StoreError, Write};

/// Name of the database's file in the state directory.
pub const DATABASE: &str = "state.db";

/// Interval of checks that the state directory is still there. Every change checks too.
const LOOK: Duration = Duration::from_secs(60);

/// Files that SQLite keeps beside the database.
const BESIDE: [&str; 3] = ["state.db-wal", "state.db-shm", "state.db-journal"];

/// Least size of a database with something in it.
const PAGE: u64 = 512;

/// Reason why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// No database.
    #[error("there is no {path}: no host has run with this state directory yet")]
    Absent {
        /// Path of the file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is no database of vehicle-connector; name another state directory (state.dir)")]
    Foreign {
        /// Path of the file.
        path: PathBuf,
    },
    /// Written by a newer version.
    #[error(
        "{path} was written by a newer version (format {format}; this one knows {FORMAT}); run that version"
    )]
    Newer {
        /// Path of the file.
        path: PathBuf,
        /// Format of the file.
        format: i64,
    },
    /// Impossible to open, or damaged.
    #[error(
        "{path} cannot be opened: {error}; if it is damaged, move it away to begin anew (sessions, latches and \
         counts are forgotten then)"
    )]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// Error of SQLite.
        error: rusqlite::Error,
    },
}

/// Keeps records in the database of a state directory. Committed records survive a crash of the process and
/// of the machine.
pub struct SqliteStore {
    jobs: Option<mpsc::Sender<Job>>,
    worker: Option<JoinHandle<()>>,
    directory: Arc<Directory>,
    /// Description of the loss, once the state was found to be taken away.
    gone: watch::Receiver<Option<String>>,
    began_anew: bool,
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
        let directory = Arc::new(Directory::claim(directory)?);
        let path = directory.path().join(DATABASE);
        let unusable = |error| DirectoryError::Unusable { path: directory.path().to_owned(), error };
        aside::take_back(&directory).map_err(unusable)?;
        // Made before SQLite does, which would let others read it. Its other files get the same mode.
        let file = private_file(&path)?;
        let length = file.metadata().map_err(unusable)?.len();
        // Closed before SQLite opens it: closing a file that it has open would give its locks away.
        drop(file);
        for name in BESIDE {
            no_trap(&directory.path().join(name))?;
        }
        let is_new = directory.path().join(BESIDE[0]).metadata().map_or(0, |wal| wal.len()) == 0;
        let began_anew = length < PAGE && is_new && directory.was_used();
        if began_anew {
            // Some file systems leave an empty file after a power cut.
            tracing::error!(
                "{} is empty although a host has run here: sessions, latches, counts and results are lost",
                path.display()
            );
            if length > 0 {
                let broken = directory.path().join("state.db.broken");
                std::fs::rename(&path, &broken).map_err(unusable)?;
                drop(private_file(&path)?);
            }
        }
        let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&connection).map_err(unreadable(&path))?;
        directory.watch(&path);
        directory.watch(&directory.path().join(BESIDE[0]));
        let (jobs, waiting) = mpsc::channel();
        let (tell, gone) = watch::channel(None);
        let looked_at = Arc::clone(&directory);
        let worker = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || Worker { connection, directory: looked_at, gone: tell }.work(&waiting))
            .map_err(|error| DirectoryError::Unusable { path: directory.path().to_owned(), error })?;
        Ok(Self { jobs: Some(jobs), worker: Some(worker), directory, gone, began_anew })
    }

    /// Whether the directory had a database in which nothing was left, as some file systems leave it after a
    /// power cut.
    #[must_use]
    pub fn began_anew(&self) -> bool {
        self.began_anew
    }

    /// Waits until the state directory, or the database in it, was removed or replaced; for ever if neither
    /// happens. From then on nothing is stored any more. Returns what was taken away.
    pub async fn lost(&self) -> String {
        let mut gone = self.gone.clone();
        loop {
            if let Err(what) = self.directory.check() {
                return what;
            }
            let noticed = tokio::time::timeout(LOOK, gone.wait_for(Option::is_some)).await;
            match noticed {
                Ok(Ok(what)) => return what.clone().unwrap_or_default(),
                // The worker has ended, which it does not while this value lives.
                Ok(Err(_)) => std::future::pending().await,
                Err(_elapsed) => {}
            }
        }
    }

    /// Sends a job to the worker. Fails only when the worker has ended, which it does not while this value
    /// lives.
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
    answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the database is closed".to_owned())))
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
            // The database may well exist, owned by another user.
            Err(error) => return Err(DirectoryError::Unusable { path: directory.to_owned(), error }.into()),
        }
        Self::open_file(&path)
    }

    /// Opens a database by the name of its file.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_file(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { connection: open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)? })
    }

    /// Copies the database, as it is at one moment, into an empty file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the file cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let Some(name) = file.to_str() else {
            return Err(StoreError::Failed(format!("{}: this name is not text", file.display())));
        };
        self.connection.execute("vacuum into ?1", [name]).map(drop).map_err(failed)
    }

    /// Checks every page and every record's place.
    ///
    /// # Errors
    ///
    /// What is damaged.
    pub fn check(&self) -> Result<(), StoreError> {
        let found: String =
            self.connection.query_row("pragma integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if found == "ok" { Ok(()) } else { Err(StoreError::Failed(format!("{DATABASE}: {found}"))) }
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

/// The owner of the connection.
struct Worker {
    connection: Connection,
    directory: Arc<Directory>,
    gone: watch::Sender<Option<String>>,
}

impl Worker {
    fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        let mut next = jobs.recv().ok();
        while let Some(job) = next.take() {
            match job {
                // The caller may no longer wait for its answer; that does not concern the worker.
                Job::Load(kind, key, done) => {
                    let _nobody = done.send(load(&self.connection, kind, &key).map_err(failed));
                }
                Job::List(kind, done) => {
                    let _nobody = done.send(list(&self.connection, kind).map_err(failed));
                }
                Job::Keys(kind, done) => {
                    let _nobody = done.send(keys(&self.connection, kind).map_err(failed));
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
                    self.commit_together(batches);
                }
            }
            if next.is_none() {
                next = jobs.recv().ok();
            }
        }
    }

    /// Commits all batches in one transaction. If that fails each is tried alone, so that no batch fails
    /// because of a neighbour.
    fn commit_together(&mut self, batches: Vec<Batch>) {
        // A write to a file that was removed is lost with this process.
        if let Err(what) = self.directory.check() {
            self.gone.send_replace(Some(what.clone()));
            for Batch { done, .. } in batches {
                let _nobody = done.send(Err(StoreError::Gone(what.clone())));
            }
            return;
        }
        let connection = &mut self.connection;
        let all: Vec<&Write> = batches.iter().flat_map(|batch| &batch.writes).collect();
        let mut together = Some(commit(connection, all));
        let alone = batches.len() > 1;
        for Batch { writes, done } in batches {
            let result = match &together {
                Some(Ok(())) => Ok(()),
                _ if alone => commit(connection, writes.iter().collect()),
                _ => together.take().unwrap_or(Ok(())),
            };
            let _nobody = done.send(result.map_err(failed));
        }
    }
}
