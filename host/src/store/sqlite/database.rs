//! The database itself: the marks by which it is recognised, and the few operations on it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::{DATABASE, OpenError};
use crate::store::{Kind, Record, StoreError, Write};

/// Identifier in the header of our databases ("vehc").
const APPLICATION_ID: i64 = 0x7665_6863;

/// Format of the tables below.
pub(super) const FORMAT: i64 = 1;

/// Time that a reader waits for the host, and the host for a reader that has it locked: everything else that
/// waits for the store waits as well.
const BUSY: Duration = Duration::from_secs(1);

pub(super) fn open(path: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
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
        // A database that has not been used yet. Most programs do not say whose a database is.
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

pub(super) fn unreadable(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
    |error| OpenError::Unreadable { path: path.to_owned(), error }
}

/// Sets the database up: write-ahead, so that readers do not stop the host, and synchronised at every commit,
/// so that a token whose commit has returned is there after a power cut.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let prepared = connection.pragma_update(None, "journal_mode", "wal");
    if prepared.is_err() {
        // The memory that readers share with the host may find no room on a full disk. Without readers it is
        // not needed.
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        tracing::warn!("other programs cannot read the state while this host runs: its disk may be full");
    }
    connection.pragma_update(None, "synchronous", "full")?;
    let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0))?;
    if id == APPLICATION_ID {
        // Nothing to write, and perhaps no room for it.
        return Ok(());
    }
    // All or nothing: half of it would be taken for another program's database, or for another version's.
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

pub(super) fn commit(connection: &mut Connection, writes: Vec<&Write>) -> rusqlite::Result<()> {
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

pub(super) fn load(connection: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .query_row(
            "select value from record where kind = ?1 and key = ?2",
            params![kind.as_str(), key],
            |row| row.get(0),
        )
        .optional()
}

pub(super) fn list(connection: &Connection, kind: Kind) -> rusqlite::Result<Vec<Record>> {
    connection
        .prepare("select key, value from record where kind = ?1 order by key")?
        .query_map(params![kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(super) fn keys(connection: &Connection, kind: Kind) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("select key from record where kind = ?1 order by key")?
        .query_map(params![kind.as_str()], |row| row.get(0))?
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full(format!("{DATABASE}: {error}")),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => StoreError::Failed(format!(
            "{DATABASE}: {error}; move it away to begin anew (sessions, latches, counts and results are forgotten then)"
        )),
        _ => StoreError::Failed(format!("{DATABASE}: {error}")),
    }
}
